/* tests/engine/shim/test_histogram.c: quantiles are exact for small values and within one bucket, below 1 %, for large ones. */
#include "engine/shim/histogram.h"

#include "tests/support/test.h"

static void test_an_empty_histogram_has_no_quantiles(void **state)
{
    struct nika_histogram *h = calloc(1, sizeof *h);
    (void)state;
    assert_non_null(h);
    assert_int_equal(nika_histogram_at(h, 500000), 0);
    free(h);
}

static void test_small_values_are_exact(void **state)
{
    struct nika_histogram *h = calloc(1, sizeof *h);
    (void)state;
    assert_non_null(h);
    for (uint64_t i = 1; i <= 100; i++) nika_histogram_add(h, i);
    assert_int_equal(nika_histogram_at(h, 500000), 50);
    assert_int_equal(nika_histogram_at(h, 990000), 99);
    assert_int_equal(nika_histogram_at(h, 1000000), 100);
    assert_int_equal(nika_histogram_at(h, 0), 1);
    assert_int_equal(h->sum, 5050);
    free(h);
}

static void test_every_size_is_kept_within_one_percent(void **state)
{
    struct nika_histogram *h = calloc(1, sizeof *h);
    (void)state;
    assert_non_null(h);
    for (uint64_t value = 1; value < UINT64_C(1) << 43; value = value * 3 + 1) {
        memset(h, 0, sizeof *h);
        nika_histogram_add(h, value);
        nika_histogram_add(h, UINT64_C(1) << 43);
        uint64_t got = nika_histogram_at(h, 500000);
        assert_true(got >= value);
        assert_true(got - value <= value / 100);
    }
    free(h);
}

static void test_a_duration_beyond_the_limit_counts_as_the_longest(void **state)
{
    struct nika_histogram *h = calloc(1, sizeof *h);
    (void)state;
    assert_non_null(h);
    nika_histogram_add(h, UINT64_MAX);
    assert_int_equal(h->count, 1);
    assert_int_equal(nika_histogram_at(h, 500000), (UINT64_C(1) << NIKA_HISTOGRAM_MAX_BITS) - 1);
    free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_histogram_has_no_quantiles),
        cmocka_unit_test(test_small_values_are_exact),
        cmocka_unit_test(test_every_size_is_kept_within_one_percent),
        cmocka_unit_test(test_a_duration_beyond_the_limit_counts_as_the_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
