/* TS5: a trusted subsystem that certifies two batches for one number splits agreement with n = 3, whatever broke it, and the verdict says that
 * this was out of model. The same seed without the fault holds (PROTOCOLS.md 2.8). */
#include "tests/support/test.h"

#include "scenarios/runner.h"
#include "scenarios/scenario.h"

#define SEEDS 8u

static struct nika_diagnoses diagnoses;
static struct nika_run_result result;

static bool violated(const char *id)
{
    for (uint32_t i = 0; i < result.violation_count; i++)
        if (strcmp(nika_oracle_list[result.violations[i].oracle]->id, id) == 0) return true;
    return false;
}

/* In the model: no fault, and all that is promised is expected. */
static void without_fault(struct nika_scenario *s)
{
    s->fault_count = 0;
    s->values[NIKA_KEY_SAFETY] = s->values[NIKA_KEY_LIVENESS] = NIKA_EXPECT_HELD;
    s->values[NIKA_KEY_CULPRITS] = 0;
    for (uint32_t i = 0; i < nika_oracle_count; i++) s->properties[i] = NIKA_EXPECT_UNSET;
}

static void run_all(const char *name, bool broken)
{
    char path[200];
    const char *reason = NULL;
    snprintf(path, sizeof path, "scenarios/hybster/%s.json", name);
    struct nika_scenario *s = nika_scenario_load(path, NULL, 0, &diagnoses);
    if (s == NULL) fail_msg("%s", diagnoses.lines[0]);
    if (!broken) without_fault(s);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        nika_runner_run(runner, seed, &result);
        if (result.exit_class != NIKA_EXIT_HELD)
            fail_msg("%s, seed %u: %s", name, (unsigned)seed, result.sentence);
        assert_int_equal(violated("O1"), broken);
        assert_int_equal(violated("O13"), broken);
        assert_int_equal(strstr(result.sentence, "out of model: trusted-equivocate") != NULL,
                         broken);
    }
    nika_runner_free(runner);
    nika_scenario_free(s);
}

static const char *const scenarios[] = {
    "hybster-trusted-equivocate", "hybster-trusted-rollback-splits", "hybster-trusted-reset-splits",
    "hybster-trusted-key-leak-splits"};

static void test_TS5_two_certificates_for_one_number_split_agreement(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < ARRAY_COUNT(scenarios); i++) run_all(scenarios[i], true);
}

static void test_TS5_the_same_seed_without_the_fault_holds(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < ARRAY_COUNT(scenarios); i++) run_all(scenarios[i], false);
}

/* A clone that says nothing to anybody breaks nothing but trust; the alarm has the reason, too. */
static void test_TS5_a_trust_alarm_alone_names_the_fault(void **state)
{
    (void)state;
    const char *reason = NULL;
    struct nika_scenario *s =
        nika_scenario_load("scenarios/hybster/hybster-trusted-clone.json", NULL, 0, &diagnoses);
    assert_non_null(s);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    nika_runner_run(runner, 1, &result);
    assert_int_equal(result.exit_class, NIKA_EXIT_HELD);
    assert_false(violated("O1"));
    assert_non_null(strstr(result.sentence, "TRUST ALARM"));
    assert_non_null(strstr(result.sentence, "; out of model: trusted-clone"));
    nika_runner_free(runner);
    nika_scenario_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_TS5_two_certificates_for_one_number_split_agreement),
        cmocka_unit_test(test_TS5_the_same_seed_without_the_fault_holds),
        cmocka_unit_test(test_TS5_a_trust_alarm_alone_names_the_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
