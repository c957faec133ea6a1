/* Tests faults/twins_space.h against brute force: every class of equal cases has exactly one number. */
#include <stdlib.h>

#include "tests/support/test.h"

#include "engine/core/permute.h"
#include "faults/twins_space.h"

static struct twins_space space;

struct shape {
    uint32_t n, rounds, phases, skips, blocks;
    uint64_t set;
};

static void make(const struct shape *shape)
{
    const uint64_t set[2] = {shape->set, 0};
    twins_space_init(&space, shape->n, set, shape->rounds, shape->phases, shape->skips,
                     shape->blocks);
}

/* A case written out: how many views are left out, then the block of each instance at each step, blocks by first appearance. */
#define TEXT_MAX 64u
struct text {
    uint8_t bytes[TEXT_MAX];
    uint32_t size;
};

static void write_step(struct text *t, const uint8_t *block)
{
    uint8_t number[16], next = 0;
    memset(number, 0xff, sizeof number);
    for (uint32_t i = 0; i < space.instances; i++) {
        if (number[block[i]] == 0xff) number[block[i]] = next++;
        assert_true(t->size < TEXT_MAX);
        t->bytes[t->size++] = number[block[i]];
    }
}

/* The case with instance i renamed to[i]. */
static struct text written(const struct twins_case *c, const uint8_t *to)
{
    struct text t = {.size = 0};
    for (uint32_t i = 0; i < space.rounds; i++) {
        t.bytes[t.size++] = c->skips[i];
        for (uint32_t k = 0; k < space.phases; k++) {
            uint8_t block[16] = {0};
            for (uint32_t j = 0; j < space.instances; j++)
                block[to[j]] = (uint8_t)twins_block(&space, c->split[i][k], j);
            write_step(&t, block);
        }
    }
    return t;
}

/* May nobody tell the renaming? Who leads keeps its name, and instances of one replica stay together. Stated without looking at how
 * the space does it. */
static bool allowed(const struct shape *shape, const struct twins_case *c, const uint8_t *to)
{
    uint32_t views = shape->rounds, twin = shape->n;
    for (uint32_t i = 0; i < shape->rounds; i++) views += c->skips[i];
    for (uint32_t i = 0; i < shape->n; i++) {
        bool twinned = (shape->set >> i & 1) != 0;
        if (!twinned && (to[i] >= shape->n || (i < views && to[i] != i))) return false;
        if (!twinned) continue;
        /* Whole replicas with twins keep their places; the two may swap. */
        if (!(to[i] == i && to[twin] == twin) && !(to[i] == twin && to[twin] == i)) return false;
        twin++;
    }
    return true;
}

static bool next_order(uint8_t *to, uint32_t count)
{
    uint32_t i = count - 1, k = count - 1;
    while (i > 0 && to[i - 1] >= to[i]) i--;
    if (i == 0) return false;
    while (to[k] <= to[i - 1]) k--;
    uint8_t kept = to[i - 1];
    to[i - 1] = to[k];
    to[k] = kept;
    for (uint32_t a = i, b = count - 1; a < b; a++, b--) {
        kept = to[a];
        to[a] = to[b];
        to[b] = kept;
    }
    return true;
}

/* The least text of all cases that are equal to this one. */
static struct text class_of(const struct shape *shape, const struct twins_case *c)
{
    uint8_t to[TWINS_INSTANCES_MAX];
    struct text least = {.size = 0};
    for (uint32_t i = 0; i < space.instances; i++) to[i] = (uint8_t)i;
    do {
        if (!allowed(shape, c, to)) continue;
        struct text t = written(c, to);
        if (least.size == 0 || memcmp(t.bytes, least.bytes, t.size) < 0) least = t;
    } while (next_order(to, space.instances));
    return least;
}

static int compare(const void *a, const void *b)
{
    return memcmp(((const struct text *)a)->bytes, ((const struct text *)b)->bytes, TEXT_MAX);
}

static uint32_t distinct(struct text *list, uint32_t count)
{
    uint32_t different = count > 0;
    qsort(list, count, sizeof *list, compare);
    for (uint32_t i = 1; i < count; i++) different += compare(&list[i - 1], &list[i]) != 0;
    return different;
}

/* Every raw case, by its digits. */
static uint32_t all_classes(const struct shape *shape, struct text *list)
{
    uint32_t count = 0, gaps = 1, splits = 1;
    for (uint32_t i = 1; i < shape->rounds; i++) gaps *= shape->skips + 1;
    for (uint32_t i = 0; i < space.steps; i++) splits *= space.split_count;
    for (uint32_t gap = 0; gap < gaps; gap++) {
        for (uint32_t split = 0; split < splits; split++) {
            struct twins_case c = {.skips = {0}};
            uint32_t left = gap, rest = split;
            for (uint32_t i = 1; i < shape->rounds; i++) {
                c.skips[i] = (uint8_t)(left % (shape->skips + 1));
                left /= shape->skips + 1;
            }
            for (uint32_t i = 0; i < space.steps; i++) {
                c.split[i / shape->phases][i % shape->phases] =
                    (uint16_t)(rest % space.split_count);
                rest /= space.split_count;
            }
            list[count++] = class_of(shape, &c);
        }
    }
    return distinct(list, count);
}

static void test_each_class_has_one_number(void **state)
{
    (void)state;
    static const struct shape shapes[] = {
        {4, 2, 1, 1, 2, 1},  /* 16 splits, 2 rounds: 512 raw cases. */
        {4, 1, 2, 0, 3, 8},  /* Three replicas that nobody can tell apart. */
        {4, 1, 1, 0, 4, 3},  /* Two replicas with twins. */
        {5, 2, 1, 0, 2, 16}, /* Two that lead nothing; the one with twins leads nothing, too. */
        {4, 1, 3, 0, 2, 2},
    };
    static struct text list[8192];
    for (uint32_t k = 0; k < ARRAY_COUNT(shapes); k++) {
        make(&shapes[k]);
        uint32_t classes = all_classes(&shapes[k], list);
        assert_int_equal(space.count, classes);
        for (uint64_t i = 0; i < space.count; i++) {
            struct twins_case c;
            twins_space_case(&space, i, &c);
            list[i] = class_of(&shapes[k], &c);
        }
        assert_int_equal(distinct(list, classes), classes);
    }
}

static void test_the_default_space_is_large_and_spares_what_is_equal(void **state)
{
    (void)state;
    make(&(struct shape){4, 3, 2, 1, 2, 1});
    assert_int_equal(space.split_count, 16);
    /* Four ways to leave views out, 16^6 splits, twins swapped or not: half, and half of the 8^6... that swapping leaves alone. */
    uint64_t fixed = UINT64_C(8) * 8 * 8 * 8 * 8 * 8, all = UINT64_C(16) * 16 * 16 * 16 * 16 * 16;
    assert_int_equal(space.count, 4 * (all + fixed) / 2);
    struct twins_case first, last;
    twins_space_case(&space, 0, &first);
    twins_space_case(&space, space.count - 1, &last);
    /* Number 0 splits nothing. */
    for (uint32_t i = 0; i < 3; i++) assert_int_equal(first.split[i][0] | first.split[i][1], 0);
    assert_int_equal(last.skips[2], 1);
    assert_int_not_equal(last.split[2][1], 0);
}

static void test_large_groups_stay_within_the_tables(void **state)
{
    (void)state;
    struct twins_case c;
    make(&(struct shape){7, 4, 3, 3, 4, 3});
    assert_in_range(space.split_count, 100, TWINS_SPLITS_MAX);
    twins_space_case(&space, nika_permute(12345 % space.count, space.count, 1), &c);
    make(&(struct shape){128, 2, 1, 1, 4, UINT64_MAX});
    assert_int_equal(space.instances, TWINS_INSTANCES_MAX);
    twins_space_case(&space, space.count - 1, &c);
    assert_int_equal(twins_block(&space, c.split[1][0], 13), twins_block(&space, c.split[1][0], 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_class_has_one_number),
        cmocka_unit_test(test_the_default_space_is_large_and_spares_what_is_equal),
        cmocka_unit_test(test_large_groups_stay_within_the_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
