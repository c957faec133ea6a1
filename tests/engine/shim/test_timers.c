/* tests/engine/shim/test_timers.c: live timers fire once, in order of their deadlines, with the generation that armed them. */
#include "engine/shim/timers.h"

#include "tests/support/test.h"

static void set(struct nika_timers *t, uint32_t slot, uint64_t generation, uint64_t delay,
                uint64_t now)
{
    struct nika_action action = {
        .kind = NIKA_ACTION_TIMER, .id = slot, .token = generation, .a = delay};
    nika_timers_set(t, &action, now);
}

static void test_timers_fire_once_and_in_order(void **state)
{
    struct nika_timers t = {0};
    uint32_t slot = 99;
    uint64_t generation = 0;
    (void)state;
    assert_int_equal(nika_timers_deadline(&t), UINT64_MAX);
    set(&t, 3, 7, 50, 100);
    set(&t, 1, 8, 20, 100);
    assert_int_equal(nika_timers_deadline(&t), 120);
    assert_false(nika_timers_take(&t, 119, &slot, &generation));
    assert_true(nika_timers_take(&t, 200, &slot, &generation));
    assert_int_equal(slot, 1);
    assert_int_equal(generation, 8);
    assert_true(nika_timers_take(&t, 200, &slot, &generation));
    assert_int_equal(slot, 3);
    assert_int_equal(generation, 7);
    assert_false(nika_timers_take(&t, UINT64_MAX - 1, &slot, &generation));
}

static void test_setting_again_replaces_and_cancelling_disarms(void **state)
{
    struct nika_timers t = {0};
    uint32_t slot;
    uint64_t generation;
    (void)state;
    set(&t, 0, 1, 10, 0);
    set(&t, 0, 2, 30, 0);
    assert_false(nika_timers_take(&t, 29, &slot, &generation));
    assert_true(nika_timers_take(&t, 30, &slot, &generation));
    assert_int_equal(generation, 2);
    set(&t, 0, 3, 10, 30);
    set(&t, 0, 4, NIKA_TIMER_CANCEL, 30);
    assert_false(nika_timers_take(&t, 1000, &slot, &generation));
}

static void test_a_delay_beyond_all_time_never_wraps(void **state)
{
    struct nika_timers t = {0};
    uint32_t slot;
    uint64_t generation;
    (void)state;
    set(&t, 0, 1, UINT64_MAX - 5, 100);
    assert_int_equal(nika_timers_deadline(&t), UINT64_MAX - 1);
    assert_false(nika_timers_take(&t, 1000, &slot, &generation));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_fire_once_and_in_order),
        cmocka_unit_test(test_setting_again_replaces_and_cancelling_disarms),
        cmocka_unit_test(test_a_delay_beyond_all_time_never_wraps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
