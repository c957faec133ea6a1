/* The store never overlaps live blocks, never passes its capacity, and repeats itself exactly. */
#include "engine/core/assert.h"
#include "engine/core/store.h"
#include "engine/core/stream.h"
#include "tests/support/test.h"

#define CAPACITY 65536u
#define LIVE_MAX 256u

static jmp_buf escape;

static void on_assert(void *context, const char *file, int line, const char *expression)
{
    (void)context, (void)file, (void)line, (void)expression;
    longjmp(escape, 1);
}

static struct nika_store *new_store(uint32_t capacity)
{
    size_t size = (nika_store_size(capacity) + 15) / 16 * 16;
    void *memory = aligned_alloc(16, size);
    memset(memory, 0xee, size);
    return nika_store_init(memory, capacity);
}

static void test_put_keeps_bytes_and_length(void **state)
{
    (void)state;
    struct nika_store *s = new_store(CAPACITY);
    uint32_t a = nika_store_put(s, (struct nika_span){(const uint8_t *)"hello", 5});
    uint32_t empty = nika_store_put(s, (struct nika_span){NULL, 0});
    assert_int_not_equal(a, 0);
    assert_int_not_equal(empty, 0);
    assert_int_equal(nika_store_length(s, a), 5);
    assert_memory_equal(nika_store_at(s, a), "hello", 5);
    assert_int_equal(nika_store_span(s, empty).size, 0);
    assert_int_equal((uintptr_t)nika_store_at(s, a) % 16, 0);
    nika_store_free(s, a);
    nika_store_free(s, empty);
    nika_store_free(s, 0);
    assert_int_equal(s->in_use, 0);
    free(s);
}

static void test_a_freed_block_is_reused_by_what_fits_into_it(void **state)
{
    (void)state;
    struct nika_store *s = new_store(CAPACITY);
    uint32_t small = nika_store_alloc(s, 65), large = nika_store_alloc(s, 129);
    nika_store_free(s, small);
    nika_store_free(s, large);
    uint32_t mark = s->high_water;
    assert_int_not_equal(nika_store_alloc(s, 161), large); /* 160 bytes are too few ... */
    assert_true(s->high_water > mark);
    mark = s->high_water;
    assert_int_equal(nika_store_alloc(s, 64), small);
    uint32_t wasteful = nika_store_alloc(s, 64); /* ... and more than twice as many too many. */
    assert_int_not_equal(wasteful, large);
    assert_true(s->high_water > mark);
    assert_int_equal(nika_store_alloc(s, 81), large);
    free(s);
}

/* Every size from one class to the next; what a block takes is never more than a quarter above what was asked for. */
static void test_no_block_is_much_larger_than_what_is_in_it(void **state)
{
    (void)state;
    for (uint32_t size = 1; size < 5000; size++) {
        struct nika_store *s = new_store(CAPACITY);
        assert_int_not_equal(nika_store_alloc(s, size), 0);
        uint32_t least = size < 64 ? 64 : size;
        assert_true(s->high_water >= least + 16);
        assert_true(s->high_water - 16 <= least + (least - 1) / 4 + 1);
        free(s);
    }
}

static void test_a_full_store_says_so_and_recovers(void **state)
{
    (void)state;
    struct nika_store *s = new_store(1000);
    uint32_t last = 0, count = 0;
    for (uint32_t handle; (handle = nika_store_alloc(s, 64)) != 0; count++) last = handle;
    assert_int_equal(count, 12); /* 12 * 80 <= 1000 < 13 * 80 */
    assert_true(nika_store_used(s) <= nika_store_size(1000));
    assert_int_equal(nika_store_alloc(s, 1), 0);
    assert_int_equal(nika_store_alloc(s, UINT32_MAX), 0);
    nika_store_free(s, last);
    assert_int_equal(nika_store_alloc(s, 1), last);
    assert_int_equal(s->peak, 960);
    free(s);
}

static void test_a_double_free_asserts(void **state)
{
    (void)state;
    struct nika_store *s = new_store(CAPACITY);
    uint32_t a = nika_store_alloc(s, 10);
    nika_store_free(s, a);
    nika_assert_set_handler(on_assert, NULL);
    volatile int caught = 0;
    if (setjmp(escape) == 0)
        nika_store_free(s, a);
    else
        caught++;
    if (setjmp(escape) == 0)
        (void)nika_store_length(s, 12345 * 16);
    else
        caught++;
    nika_assert_set_handler(NULL, NULL);
    assert_int_equal(caught, 2);
    free(s);
}

/* A random program of allocs and frees; every live block must keep its own pattern. Returns a
 * fingerprint of the handles. */
static uint64_t random_program(uint64_t seed)
{
    struct nika_store *s = new_store(CAPACITY);
    uint32_t handles[LIVE_MAX] = {0}, full = 0;
    uint64_t print = 0;
    for (uint64_t k = 0; k < 5000; k++) {
        uint32_t i = (uint32_t)nika_stream_below(seed, 2 * k, LIVE_MAX);
        if (handles[i] != 0) {
            struct nika_span span = nika_store_span(s, handles[i]);
            for (uint32_t b = 0; b < span.size; b++) assert_int_equal(span.data[b], (uint8_t)i);
            nika_store_free(s, handles[i]);
            handles[i] = 0;
            continue;
        }
        uint32_t size = 1 + (uint32_t)nika_stream_below(seed, 2 * k + 1, 900);
        handles[i] = nika_store_alloc(s, size);
        print = print * 31 + handles[i];
        if (handles[i] == 0)
            full++;
        else
            memset(nika_store_at(s, handles[i]), (int)i, size);
        assert_true(s->high_water <= s->capacity);
    }
    assert_true(full > 0);
    free(s);
    return print;
}

static void test_random_programs_keep_blocks_apart_and_repeat(void **state)
{
    (void)state;
    uint64_t first = random_program(1);
    assert_true(first == random_program(1));
    assert_true(first != random_program(2));
}

static void test_what_must_leave_room_is_refused_earlier(void **state)
{
    (void)state;
    void *memory = aligned_alloc(16, nika_store_size(1024));
    struct nika_store *s = nika_store_init(memory, 1024);
    uint32_t first = nika_store_alloc_keeping(s, 64, 944);
    assert_int_not_equal(first, 0); /* 80 bytes with its header: 944 stay. */
    assert_int_equal(nika_store_alloc_keeping(s, 64, 944), 0);
    assert_int_not_equal(nika_store_alloc(s, 64), 0);
    nika_store_free(s, first);
    assert_int_equal(nika_store_alloc_keeping(s, 64, 944),
                     first); /* What was used may be used again. */
    assert_int_equal(nika_store_alloc_keeping(s, 1, 2000), 0);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_must_leave_room_is_refused_earlier),
        cmocka_unit_test(test_put_keeps_bytes_and_length),
        cmocka_unit_test(test_a_freed_block_is_reused_by_what_fits_into_it),
        cmocka_unit_test(test_no_block_is_much_larger_than_what_is_in_it),
        cmocka_unit_test(test_a_full_store_says_so_and_recovers),
        cmocka_unit_test(test_a_double_free_asserts),
        cmocka_unit_test(test_random_programs_keep_blocks_apart_and_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
