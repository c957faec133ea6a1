/* tests/engine/shim/test_counter_history.c: the checker of live histories accepts what one counter can answer, and nothing else. */
#include "engine/shim/counter_history.h"

#include "tests/support/test.h"

static void test_answers_of_overlapping_operations_may_come_in_any_order(void **state)
{
    struct nika_counter_history h;
    (void)state;
    assert_true(nika_counter_init(&h));
    uint64_t a = nika_counter_begin(&h), b = nika_counter_begin(&h);
    nika_counter_answer(&h, 1, b, 1);
    nika_counter_answer(&h, 0, a, 2);
    uint64_t c = nika_counter_begin(&h);
    assert_int_equal(c, 2);
    nika_counter_answer(&h, 0, c, 3);
    assert_int_equal(h.violations, 0);
    assert_string_equal(h.first, "");
    assert_int_equal(h.answered, 3);
    nika_counter_fini(&h);
}

/* Two operations, answered one after the other with these numbers. */
static void expect_violation(uint64_t first, uint64_t second, const char *words)
{
    struct nika_counter_history h;
    assert_true(nika_counter_init(&h));
    nika_counter_answer(&h, 0, nika_counter_begin(&h), first);
    nika_counter_answer(&h, 1, nika_counter_begin(&h), second);
    assert_int_equal(h.violations, 1);
    assert_non_null(strstr(h.first, words));
    nika_counter_fini(&h);
}

static void test_a_number_twice_means_that_one_was_lost(void **state)
{
    (void)state;
    expect_violation(1, 1, "as another one was");
}

static void test_a_number_beyond_all_begun_means_that_one_was_done_twice(void **state)
{
    (void)state;
    expect_violation(1, 3, "more than were ever begun");
}

static void test_a_counter_that_goes_back_forgot_what_it_acknowledged(void **state)
{
    struct nika_counter_history h;
    (void)state;
    assert_true(nika_counter_init(&h));
    uint64_t slow = nika_counter_begin(&h);
    nika_counter_answer(&h, 1, nika_counter_begin(&h), 2);
    uint64_t late = nika_counter_begin(&h);
    nika_counter_answer(&h, 1, late, 1);
    assert_int_equal(h.violations, 1);
    assert_non_null(strstr(h.first, "a later number was answered"));
    nika_counter_answer(&h, 0, slow, 3); /* The first violation is kept, others only counted. */
    assert_int_equal(h.violations, 1);
    nika_counter_fini(&h);
}

static void test_no_number_is_none(void **state)
{
    (void)state;
    expect_violation(1, 0, "no number");
    expect_violation(1, NIKA_COUNTER_MAX, "no number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_of_overlapping_operations_may_come_in_any_order),
        cmocka_unit_test(test_a_number_twice_means_that_one_was_lost),
        cmocka_unit_test(test_a_number_beyond_all_begun_means_that_one_was_done_twice),
        cmocka_unit_test(test_a_counter_that_goes_back_forgot_what_it_acknowledged),
        cmocka_unit_test(test_no_number_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
