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

static void test_a_freed_block_is_reused_and_the_rest_of_it_stays_free(void **state)
{
    (void)state;
    struct nika_store *s = new_store(CAPACITY);
    uint32_t large = nika_store_alloc(s, 1000), above = nika_store_alloc(s, 16);
    uint32_t top = s->top;
    nika_store_free(s, large);
    uint32_t first = nika_store_alloc(s, 300), second = nika_store_alloc(s, 300);
    uint32_t third = nika_store_alloc(s, 300);
    assert_int_equal(first, large);
    assert_true(first < second && second < third && third < above);
    assert_int_equal(s->top, top);
    assert_int_not_equal(nika_store_alloc(s, 300), 0); /* There was room for three. */
    assert_true(s->top > top);
    free(s);
}

static void test_neighbours_that_are_free_are_one_block(void **state)
{
    (void)state;
    /* Freed in every order of three. */
    static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (uint32_t k = 0; k < 6; k++) {
        struct nika_store *s = new_store(CAPACITY);
        uint32_t handles[3];
        for (uint32_t i = 0; i < 3; i++) handles[i] = nika_store_alloc(s, 112);
        uint32_t above = nika_store_alloc(s, 16), top = s->top;
        for (uint32_t i = 0; i < 3; i++) nika_store_free(s, handles[orders[k][i]]);
        assert_int_equal(nika_store_alloc(s, 3 * 128 - 16), handles[0]);
        assert_int_equal(s->top, top);
        nika_store_free(s, handles[0]);
        nika_store_free(s, above);
        assert_int_equal(
            s->top, 0); /* The last one gives back its room, and that of free ones before it. */
        assert_int_equal(s->last, 0);
        assert_int_equal(s->octaves, 0);
        free(s);
    }
}

/* What a block takes beside the payload is a header and what rounds it to 16. */
static void test_no_block_is_much_larger_than_what_is_in_it(void **state)
{
    (void)state;
    for (uint32_t size = 1; size < 5000; size++) {
        struct nika_store *s = new_store(CAPACITY);
        assert_int_not_equal(nika_store_alloc(s, size), 0);
        assert_true(s->top >= size + 16);
        assert_true(s->top < size + 32);
        assert_int_equal(s->in_use, s->top);
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
    assert_int_equal(nika_store_alloc(s, 25), 0); /* 40 bytes are left, 16 of them for a header. */
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
        assert_true(s->top <= s->capacity);
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

static void test_what_must_leave_room_stays_out_of_it(void **state)
{
    (void)state;
    struct nika_store *s = new_store(1024);
    uint32_t first = nika_store_alloc_keeping(s, 64, 944);
    assert_int_not_equal(first, 0); /* 80 bytes with its header: 944 stay. */
    assert_int_equal(nika_store_alloc_keeping(s, 64, 944), 0);
    uint32_t second = nika_store_alloc(s, 512), third = nika_store_alloc(s, 64);
    assert_int_not_equal(second, 0);
    assert_int_not_equal(third, 0);
    nika_store_free(s, first);
    assert_int_equal(nika_store_alloc_keeping(s, 64, 944), first);
    /* Free, below a live block, and in the room that is to be left all the same. */
    nika_store_free(s, second);
    assert_int_equal(nika_store_alloc_keeping(s, 64, 900), 0);
    assert_int_equal(nika_store_alloc_keeping(s, 64, 800), second);
    assert_int_equal(nika_store_alloc_keeping(s, 1, 2000), 0);
    free(s);
}

/* Rounds of what wears a store out: many small blocks of which every second one goes, then larger ones for which the holes are too small,
 * and so on up to large ones; then random sizes for random times. The room taken stays within two and a half times what was
 * live at once (blocks that keep their size for ever take five times as much), and later rounds hardly take more than the first ten did. */
#define ROUNDS 60u
#define WORN_BLOCKS 4096u
struct worn {
    struct nika_store *s;
    uint64_t draws, seed;
    uint32_t handles[WORN_BLOCKS], sizes[WORN_BLOCKS], count;
    uint32_t live, live_max, top_max;
};

static uint32_t draw(struct worn *w, uint32_t below)
{
    return (uint32_t)nika_stream_below(w->seed, w->draws++, below);
}

static void worn_add(struct worn *w, uint32_t size)
{
    assert_true(w->count < WORN_BLOCKS);
    uint32_t handle = nika_store_alloc(w->s, size);
    assert_int_not_equal(handle, 0);
    w->handles[w->count] = handle;
    w->sizes[w->count++] = size;
    w->live += size + 16;
    if (w->live > w->live_max) w->live_max = w->live;
    if (w->s->top > w->top_max) w->top_max = w->s->top;
}

static void worn_drop(struct worn *w, uint32_t i)
{
    nika_store_free(w->s, w->handles[i]);
    w->live -= w->sizes[i] + 16;
    w->handles[i] = w->handles[--w->count];
    w->sizes[i] = w->sizes[w->count];
}

#define WORN_LIVE 400000u
static void worn_round(struct worn *w)
{
    /* Powers of two: holes of one step are half of what the next one needs. */
    for (uint32_t size = 48; size <= 12 * 1024; size *= 2) {
        while (w->live + size + 16 <= WORN_LIVE && w->count < WORN_BLOCKS) worn_add(w, size);
        for (uint32_t i = 0, before = w->count; i < before / 2; i++)
            worn_drop(w, draw(w, w->count));
    }
    /* Batches of one to ten requests, votes, certificates; what is old goes first. */
    for (uint32_t i = 0; i < 2000; i++) {
        uint32_t size = 1 + draw(w, 4) * 40 + draw(w, 8) / 7 * 410 * (1 + draw(w, 10));
        while (w->live + size + 16 > WORN_LIVE || w->count == WORN_BLOCKS)
            worn_drop(w, draw(w, w->count));
        worn_add(w, size);
    }
    while (w->count > 8) worn_drop(w, draw(w, w->count)); /* The rest stays where it is. */
}

static void test_room_follows_what_is_live_whatever_the_sizes_were(void **state)
{
    (void)state;
    struct worn *w = calloc(1, sizeof *w);
    uint32_t early = 0;
    w->s = new_store(8u << 20);
    w->seed = 77;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        worn_round(w);
        if (round == 9) early = w->top_max;
    }
    assert_true(2 * w->top_max <= 5 * w->live_max);
    assert_true(w->top_max <= early + early / 20);
    while (w->count > 0) worn_drop(w, 0);
    assert_int_equal(w->s->top, 0);
    assert_int_equal(w->s->in_use, 0);
    free(w->s);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_must_leave_room_stays_out_of_it),
        cmocka_unit_test(test_room_follows_what_is_live_whatever_the_sizes_were),
        cmocka_unit_test(test_neighbours_that_are_free_are_one_block),
        cmocka_unit_test(test_put_keeps_bytes_and_length),
        cmocka_unit_test(test_a_freed_block_is_reused_and_the_rest_of_it_stays_free),
        cmocka_unit_test(test_no_block_is_much_larger_than_what_is_in_it),
        cmocka_unit_test(test_a_full_store_says_so_and_recovers),
        cmocka_unit_test(test_a_double_free_asserts),
        cmocka_unit_test(test_random_programs_keep_blocks_apart_and_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
