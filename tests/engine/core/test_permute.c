/* Tests engine/core/permute.h: each number comes once, and the key says in which order. */
#include "tests/support/test.h"

#include "engine/core/permute.h"
#include "engine/core/types.h"

#define MOST 5000u

static void test_every_number_comes_exactly_once(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1, 2, 3, 4, 5, 16, 17, 1000, 1024, 4097, MOST};
    static bool seen[MOST];
    for (uint32_t k = 0; k < ARRAY_COUNT(sizes); k++) {
        for (uint64_t key = 0; key < 3; key++) {
            memset(seen, 0, sizeof seen);
            for (uint64_t i = 0; i < sizes[k]; i++) {
                uint64_t value = nika_permute(i, sizes[k], key);
                assert_in_range(value, 0, sizes[k] - 1);
                assert_false(seen[value]);
                seen[value] = true;
            }
        }
    }
}

static void test_keys_are_orders_and_neighbours_are_apart(void **state)
{
    (void)state;
    uint32_t same = 0, near = 0;
    for (uint64_t i = 0; i + 1 < MOST; i++) {
        uint64_t a = nika_permute(i, MOST, 1), b = nika_permute(i + 1, MOST, 1);
        same += a == nika_permute(i, MOST, 2);
        near += a + 1 == b || b + 1 == a;
    }
    /* One in 5,000 of each, and two, would be the odds of a random order. */
    assert_in_range(same, 0, 12);
    assert_in_range(near, 0, 12);
}

static void test_large_ranges_stay_inside(void **state)
{
    (void)state;
    const uint64_t n = (UINT64_C(1) << 62) - 57;
    for (uint64_t i = 0; i < 1000; i++) assert_true(nika_permute(n - 1 - i, n, i) < n);
    /* Pinned: the same on every machine, or a seed would be another case there. */
    assert_int_equal(nika_permute(0, 1000, 1), 729);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_number_comes_exactly_once),
        cmocka_unit_test(test_keys_are_orders_and_neighbours_are_apart),
        cmocka_unit_test(test_large_ranges_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
