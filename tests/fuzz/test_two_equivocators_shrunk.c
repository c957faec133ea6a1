/* A failure of the scenario two-equivocators, shrunk by nika shrink: the run below must still be seen to fail.
 *
 * as expected, O1 agreement failed: replica 3 committed digest 136fedf1 at seq 1 (view 0), but replica 2 holds digest 2df480de there
 */
#include "tests/support/test.h"

#include "scenarios/runner.h"

static const char scenario_text[] =
    "{\n"
    "  \"schema\": 1,\n"
    "  \"name\": \"two-equivocators-shrunk\",\n"
    "  \"why\": \"Shrunk from seed 7 of two-equivocators: as expected, O1 agreement failed: repl"
    "ica 3 committed digest 136fedf1 at seq 1 (view 0), but replica 2 holds digest 2df480de ther"
    "e\",\n"
    "  \"seed\": 7,\n"
    "  \"workload\": {\"requests\": 1},\n"
    "  \"faults\": [\n"
    "    {\"name\": \"equivocate\", \"targets\": [0, 1], \"split\": 3}\n"
    "  ],\n"
    "  \"expect\": {\"properties\": {\"O1\": \"must-fail\"}, \"allow_beyond_bound\": true},\n"
    "  \"cluster\": {\"clients\": 1},\n"
    "  \"decisions\": {\n"
    "    \"fault 0>1 t2 s1 #0\": 999999\n"
    "  }\n"
    "}\n"
    "";

static struct nika_diagnoses diagnoses;
static struct nika_run_result result;

static void test_two_equivocators(void **state)
{
    (void)state;
    const char *reason;
    struct nika_scenario *s = nika_scenario_parse("two_equivocators.json", scenario_text,
                                                  strlen(scenario_text), NULL, 0, &diagnoses);
    if (s == NULL) fail_msg("%s", diagnoses.lines[0]);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    nika_runner_run(runner, s->values[NIKA_KEY_SEED], &result);
    nika_runner_free(runner);
    nika_scenario_free(s);
    /* The scenario says what must fail: it holds when that is seen. */
    if (result.exit_class != NIKA_EXIT_HELD) fail_msg("%s", result.sentence);
    assert_true(result.violation_count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_equivocators)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
