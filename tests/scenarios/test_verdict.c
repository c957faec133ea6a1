/* Tests scenarios/verdict.c: each exit class has the run that earns it, and the nearest run that does not. */
#include "tests/support/test.h"

#include "scenarios/runner.h"

static struct nika_scenario scenario;
static struct nika_run_result result;

static uint8_t oracle_of(enum nika_property_class property_class)
{
    uint32_t i = 0;
    while (nika_oracle_list[i]->property_class != property_class) i++;
    return (uint8_t)i;
}

/* A run in which all went well. */
static int setup(void **state)
{
    (void)state;
    memset(&scenario, 0, sizeof scenario);
    memset(&result, 0, sizeof result);
    for (uint32_t i = 0; i < NIKA_KEY_COUNT; i++) scenario.values[i] = nika_schema[i].fallback;
    for (uint32_t i = 0; i < NIKA_ORACLES_MAX; i++) scenario.properties[i] = NIKA_EXPECT_UNSET;
    result.requests_expected = 10;
    result.requests_completed = 10;
    return 0;
}

static void violate(enum nika_property_class property_class)
{
    result.violations[result.violation_count].oracle = oracle_of(property_class);
    snprintf(result.violations[result.violation_count++].sentence, NIKA_SENTENCE_SIZE, "it broke");
}

static int judged(void)
{
    nika_verdict(&scenario, &result);
    assert_true(result.sentence[0] != '\0');
    return result.exit_class;
}

static void test_a_good_run_held(void **state)
{
    (void)state;
    assert_int_equal(judged(), NIKA_EXIT_HELD);
}

static void test_a_safety_violation_outranks_a_liveness_violation(void **state)
{
    (void)state;
    violate(NIKA_PROPERTY_LIVENESS);
    assert_int_equal(judged(), NIKA_EXIT_LIVENESS);
    violate(NIKA_PROPERTY_SAFETY);
    assert_int_equal(judged(), NIKA_EXIT_SAFETY);
}

static void test_what_may_fail_does_not_decide(void **state)
{
    (void)state;
    scenario.values[NIKA_KEY_SAFETY] = NIKA_EXPECT_MAY_FAIL;
    violate(NIKA_PROPERTY_SAFETY);
    assert_int_equal(judged(), NIKA_EXIT_HELD);
    violate(NIKA_PROPERTY_LIVENESS);
    assert_int_equal(judged(), NIKA_EXIT_LIVENESS);
}

static void test_what_must_fail_and_held_is_unmet(void **state)
{
    (void)state;
    scenario.properties[oracle_of(NIKA_PROPERTY_SAFETY)] = NIKA_EXPECT_MUST_FAIL;
    assert_int_equal(judged(), NIKA_EXIT_EXPECTATION);
    violate(NIKA_PROPERTY_SAFETY);
    assert_int_equal(judged(), NIKA_EXIT_HELD);
}

static void test_a_class_that_must_fail_needs_one_violation(void **state)
{
    (void)state;
    scenario.values[NIKA_KEY_SAFETY] = NIKA_EXPECT_MUST_FAIL;
    assert_int_equal(judged(), NIKA_EXIT_EXPECTATION);
    violate(NIKA_PROPERTY_SAFETY);
    assert_int_equal(judged(), NIKA_EXIT_HELD);
}

static void test_a_fault_that_never_acted_is_unmet_unless_it_may(void **state)
{
    (void)state;
    result.fault_count = 1;
    result.faults[0].name = "crash";
    result.faults[0].present = true;
    assert_int_equal(judged(), NIKA_EXIT_EXPECTATION);
    scenario.faults[0].may = true;
    assert_int_equal(judged(), NIKA_EXIT_HELD);
    scenario.faults[0].may = false;
    result.faults[0].acted = 1;
    assert_int_equal(judged(), NIKA_EXIT_HELD);
}

static void test_counts_that_were_not_reached_are_unmet(void **state)
{
    (void)state;
    scenario.values[NIKA_KEY_VIEW_MIN] = 2;
    result.view_max = 1;
    assert_int_equal(judged(), NIKA_EXIT_EXPECTATION);
    result.view_max = 2;
    assert_int_equal(judged(), NIKA_EXIT_HELD);
}

static void test_missing_requests_without_a_judgement_are_inconclusive(void **state)
{
    (void)state;
    result.requests_completed = 9;
    result.ended = NIKA_WORLD_TIME_LIMIT;
    assert_int_equal(judged(), NIKA_EXIT_INCONCLUSIVE);
    scenario.values[NIKA_KEY_LIVENESS] = NIKA_EXPECT_MAY_FAIL;
    assert_int_equal(judged(), NIKA_EXIT_HELD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_good_run_held, setup),
        cmocka_unit_test_setup(test_a_safety_violation_outranks_a_liveness_violation, setup),
        cmocka_unit_test_setup(test_what_may_fail_does_not_decide, setup),
        cmocka_unit_test_setup(test_what_must_fail_and_held_is_unmet, setup),
        cmocka_unit_test_setup(test_a_class_that_must_fail_needs_one_violation, setup),
        cmocka_unit_test_setup(test_a_fault_that_never_acted_is_unmet_unless_it_may, setup),
        cmocka_unit_test_setup(test_counts_that_were_not_reached_are_unmet, setup),
        cmocka_unit_test_setup(test_missing_requests_without_a_judgement_are_inconclusive, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
