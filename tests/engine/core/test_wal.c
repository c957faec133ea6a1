/* A log is read back up to its first damage, and damage in the middle is never taken for a torn
 * tail. */
#include "engine/core/stream.h"
#include "engine/core/wal.h"
#include "tests/support/test.h"

#define RECORDS 6u

static uint8_t bytes[1024];
static uint32_t ends[RECORDS + 1];

static struct nika_span fresh_log(void)
{
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    for (uint32_t i = 0; i < RECORDS; i++) {
        nika_wal_write(&w, (uint8_t)(i + 1), 100 + i,
                       (struct nika_span){(const uint8_t *)"payload of a record", 3 * i});
        ends[i + 1] = w.at;
    }
    assert_false(w.failed);
    return (struct nika_span){bytes, w.at};
}

static enum nika_wal_end scan_exact(struct nika_span log, uint32_t size, uint32_t *good)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    memcpy(copy, log.data, size);
    enum nika_wal_end end = nika_wal_scan((struct nika_span){copy, size}, good);
    free(copy);
    return end;
}

static void test_records_read_back_in_order(void **state)
{
    (void)state;
    struct nika_span log = fresh_log();
    struct nika_wal_record record;
    uint32_t at = 0;
    for (uint32_t i = 0; i < RECORDS; i++) {
        assert_int_equal(nika_wal_next(log, &at, &record), NIKA_OK);
        assert_int_equal(record.kind, i + 1);
        assert_int_equal(record.seq, 100 + i);
        assert_int_equal(record.payload.size, 3 * i);
        assert_memory_equal(record.payload.data, "payload of a record", 3 * i);
        assert_int_equal(at, ends[i + 1]);
    }
    assert_int_equal(nika_wal_next(log, &at, &record), NIKA_ERR_NOT_FOUND);
}

static void test_every_cut_is_clean_or_torn(void **state)
{
    (void)state;
    struct nika_span log = fresh_log();
    for (uint32_t size = 0, whole = 0; size <= log.size; size++) {
        uint32_t good = 0;
        if (whole < RECORDS && size == ends[whole + 1]) whole++;
        enum nika_wal_end end = scan_exact(log, size, &good);
        assert_int_equal(end, size == ends[whole] ? NIKA_WAL_CLEAN : NIKA_WAL_TORN);
        assert_int_equal(good, ends[whole]);
    }
}

static void test_every_flipped_bit_is_found_where_it_is(void **state)
{
    (void)state;
    struct nika_span log = fresh_log();
    for (uint32_t bit = 0; bit < log.size * 8; bit++) {
        (void)fresh_log();
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        uint32_t record = 0, good = 0;
        while (bit / 8 >= ends[record + 1]) record++;
        enum nika_wal_end end = scan_exact(log, log.size, &good);
        assert_int_equal(end, record == RECORDS - 1 ? NIKA_WAL_TORN : NIKA_WAL_CORRUPT);
        assert_int_equal(good, ends[record]);
    }
}

static void test_a_record_that_does_not_fit_is_not_begun(void **state)
{
    (void)state;
    uint8_t small[30];
    struct nika_writer w = nika_writer_of(small, sizeof small);
    nika_wal_write(&w, 1, 1, (struct nika_span){(const uint8_t *)"0123456789abc", 13});
    assert_false(w.failed);
    assert_int_equal(w.at, 30);
    w = nika_writer_of(small, sizeof small - 1);
    nika_wal_write(&w, 1, 1, (struct nika_span){(const uint8_t *)"0123456789abc", 13});
    assert_true(w.failed);
    assert_int_equal(w.at, 0);
}

static void test_garbage_is_never_a_record(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < 500; k++) {
        uint8_t noise[200];
        uint32_t good = 1;
        for (uint32_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)nika_stream_below(nika_stream(1, "n", k), i, k % 2 ? 256 : 3);
        assert_int_equal(nika_wal_scan((struct nika_span){noise, sizeof noise}, &good),
                         NIKA_WAL_TORN);
        assert_int_equal(good, 0);
    }
    const uint8_t zeros[64] = {0};
    uint32_t good = 1;
    assert_int_equal(nika_wal_scan((struct nika_span){zeros, sizeof zeros}, &good), NIKA_WAL_TORN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_read_back_in_order),
        cmocka_unit_test(test_every_cut_is_clean_or_torn),
        cmocka_unit_test(test_every_flipped_bit_is_found_where_it_is),
        cmocka_unit_test(test_a_record_that_does_not_fit_is_not_begun),
        cmocka_unit_test(test_garbage_is_never_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
