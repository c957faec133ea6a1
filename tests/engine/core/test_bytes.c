/* The cursor never reads or writes outside its memory, and a failure sticks. */
#include "engine/core/bytes.h"
#include "tests/support/test.h"

static void test_integers_are_little_endian(void **state)
{
    (void)state;
    uint8_t memory[15];
    struct nika_writer w = nika_writer_of(memory, sizeof memory);
    nika_write_u8(&w, 0x01);
    nika_write_u16(&w, 0x0302);
    nika_write_u32(&w, 0x07060504);
    nika_write_u64(&w, UINT64_C(0x0f0e0d0c0b0a0908));
    assert_false(w.failed);
    for (uint32_t i = 0; i < sizeof memory; i++) assert_int_equal(memory[i], i + 1);
    struct nika_reader r = nika_reader_of((struct nika_span){memory, sizeof memory});
    assert_int_equal(nika_read_u8(&r), 0x01);
    assert_int_equal(nika_read_u16(&r), 0x0302);
    assert_int_equal(nika_read_u32(&r), 0x07060504);
    assert_true(nika_read_u64(&r) == UINT64_C(0x0f0e0d0c0b0a0908));
    assert_true(nika_reader_done(&r));
}

static void test_a_failed_read_sticks(void **state)
{
    (void)state;
    const uint8_t memory[3] = {1, 2, 3};
    struct nika_reader r = nika_reader_of((struct nika_span){memory, sizeof memory});
    assert_int_equal(nika_read_u32(&r), 0);
    assert_true(r.failed);
    assert_int_equal(nika_read_u8(&r), 0);
    assert_int_equal(nika_reader_left(&r), 0);
    assert_false(nika_reader_done(&r));
}

static void test_unread_bytes_are_not_done(void **state)
{
    (void)state;
    const uint8_t memory[2] = {1, 2};
    struct nika_reader r = nika_reader_of((struct nika_span){memory, sizeof memory});
    (void)nika_read_u8(&r);
    assert_false(nika_reader_done(&r));
    (void)nika_read_u8(&r);
    assert_true(nika_reader_done(&r));
}

static void test_byte_strings_obey_limit_and_memory(void **state)
{
    (void)state;
    uint8_t memory[16];
    struct nika_writer w = nika_writer_of(memory, sizeof memory);
    nika_write_bytes(&w, (struct nika_span){(const uint8_t *)"abcd", 4});
    struct nika_span all = {memory, w.at};
    struct nika_reader r = nika_reader_of(all);
    struct nika_span got = nika_read_bytes(&r, 4);
    assert_int_equal(got.size, 4);
    assert_memory_equal(got.data, "abcd", 4);
    r = nika_reader_of(all);
    assert_int_equal(nika_read_bytes(&r, 3).size, 0);
    assert_true(r.failed);
    nika_store_le(memory, UINT32_MAX, 4);
    r = nika_reader_of(all);
    assert_null(nika_read_bytes(&r, UINT32_MAX).data);
    assert_true(r.failed);
}

static void test_a_full_writer_drops_and_sticks(void **state)
{
    (void)state;
    uint8_t memory[5] = {9, 9, 9, 9, 9};
    struct nika_writer w = nika_writer_of(memory, 4);
    nika_write_u8(&w, 1);
    nika_write_u32(&w, 0);
    assert_true(w.failed);
    nika_write_u8(&w, 2);
    assert_int_equal(w.at, 1);
    assert_int_equal(memory[1], 9);
    assert_int_equal(memory[4], 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_are_little_endian),
        cmocka_unit_test(test_a_failed_read_sticks),
        cmocka_unit_test(test_unread_bytes_are_not_done),
        cmocka_unit_test(test_byte_strings_obey_limit_and_memory),
        cmocka_unit_test(test_a_full_writer_drops_and_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
