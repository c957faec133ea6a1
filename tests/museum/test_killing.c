/* Each planted bug has a run, tests/museum/killing/<id>.json, that its oracle condemns and that holds without the bug.
 *
 * This is what proves that a bug can matter, and that it can be switched off. Names as arguments test those bugs alone. */
#include "tests/support/test.h"

#include "engine/core/planted.h"
#include "fuzz/museum/museum.h"

static struct nika_diagnoses diagnoses;
static struct nika_run_result result;
static struct CMUnitTest tests[256];

static void run_one(const char *path, const char *planted)
{
    char set[64];
    const char *sets[] = {set}, *reason = NULL;
    snprintf(set, sizeof set, "planted=%s", planted);
    memset(&diagnoses, 0, sizeof diagnoses);
    struct nika_scenario *s = nika_scenario_load(path, sets, 1, &diagnoses);
    if (s == NULL) fail_msg("%s", diagnoses.lines[0]);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    nika_runner_run(runner, s->values[NIKA_KEY_SEED], &result);
    nika_runner_free(runner);
    nika_scenario_free(s);
}

static void test_bug(void **state)
{
    const struct nika_museum_bug *bug = *state;
    char path[200];
    snprintf(path, sizeof path, "tests/museum/killing/%s.json", bug->id);
    run_one(path, "none");
    if (result.exit_class != NIKA_EXIT_HELD)
        fail_msg("%s fails without the bug: %s", path, result.sentence);
    run_one(path, bug->id);
    if (result.exit_class == NIKA_EXIT_HELD) fail_msg("%s holds with the bug", path);
    if (!nika_museum_detected(bug, &result))
        fail_msg("%s: not %s but: %s", path, bug->verdicts, result.sentence);
}

/* The register and the switch name the same bugs, and every hunt has its scenario and its budget. */
static void test_every_bug_is_registered(void **state)
{
    (void)state;
    for (uint32_t i = 1; nika_planted_name(i) != NULL; i++) {
        const struct nika_museum_bug *bug = nika_museum_find(nika_planted_name(i));
        if (bug == NULL || strcmp(bug->id, nika_planted_name(i)) != 0)
            fail_msg("%s is in planted.def but not in fuzz/museum", nika_planted_name(i));
    }
    for (uint32_t i = 0; i < nika_museum_count; i++) {
        const struct nika_museum_bug *bug = &nika_museum[i];
        if (nika_schema_name_index(nika_planted_name, bug->id) == UINT32_MAX)
            fail_msg("%s is in fuzz/museum but not in planted.def", bug->id);
        struct nika_scenario *s = nika_scenario_load(bug->scenario, NULL, 0, &diagnoses);
        if (s == NULL) fail_msg("%s: %s", bug->id, diagnoses.lines[0]);
        nika_scenario_free(s);
        if (nika_museum_budget(bug->budget) == 0) fail_msg("%s has no budget", bug->id);
    }
}

int main(int argc, char **argv)
{
    uint32_t count = 0;
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_every_bug_is_registered);
    for (uint32_t i = 0; i < nika_museum_count && count < ARRAY_COUNT(tests); i++) {
        bool wanted = argc < 2;
        for (int k = 1; k < argc; k++) wanted = wanted || strcmp(argv[k], nika_museum[i].id) == 0;
        if (!wanted) continue;
        tests[count++] = (struct CMUnitTest){.name = nika_museum[i].id,
                                             .test_func = test_bug,
                                             .initial_state = (void *)(uintptr_t)&nika_museum[i]};
    }
    return _cmocka_run_group_tests("museum", tests, count, NULL, NULL);
}
