/* What `nika shrink` makes of failures of the museum runs on its own, fails in the same way, and is at most a tenth as long: in
 * decisions that are not the fair ones, which are what a log consists of. How many events a failure takes is mostly its own affair. */
#include "fuzz/shrink/shrink.h"
#include "tests/museum/runs.h"

#define ATTEMPTS_MAX 5000u

static struct nika_diagnoses diagnoses;
static struct nika_run_result result;
static struct nika_shrink shrink;

/* The log of the first run in the bug's hunting scenario that its verdict condemns. */
static struct nika_log *first_failure(const struct nika_museum_bug *bug)
{
    const char *reason = NULL;
    struct nika_log *log = NULL;
    struct nika_scenario *s = museum_load(bug->scenario, bug->id);
    for (uint64_t seed = 1; log == NULL && seed <= nika_museum_budget(bug->budget); seed++) {
        struct nika_recorder recorder = {0};
        struct nika_runner *runner = nika_runner_new(s, &reason);
        assert_non_null(runner);
        if (!nika_runner_begin(runner, seed, &reason)) fail_msg("%s", reason);
        nika_recorder_attach(&recorder, nika_runner_world(runner));
        nika_runner_finish(runner, &result);
        if (nika_museum_detected(bug, &result)) log = nika_log_new(s, "1.2.3", &recorder, &result);
        nika_decisions_clear(&recorder.decisions);
        nika_runner_free(runner);
    }
    nika_scenario_free(s);
    if (log == NULL) fail_msg("%s was not found within its budget", bug->id);
    return log;
}

static void assert_fails_the_same(const struct nika_museum_bug *bug, const char *text)
{
    const char *reason = NULL;
    struct nika_failure failure;
    struct nika_scenario *s =
        nika_scenario_parse("small.json", text, strlen(text), NULL, 0, &diagnoses);
    if (s == NULL) {
        fail_msg("%s", diagnoses.lines[0]);
        return;
    }
    struct nika_runner *runner = nika_runner_new(s, &reason);
    nika_runner_run(runner, s->values[NIKA_KEY_SEED], &result);
    nika_runner_free(runner);
    nika_scenario_free(s);
    assert_true(nika_museum_detected(bug, &result));
    assert_true(nika_failure_of(&result, &failure));
    assert_string_equal(failure.shape, shrink.failure.shape);
    assert_int_equal(failure.exit_class, shrink.failure.exit_class);
    assert_int_equal(result.stats.events, shrink.now.events);
}

static void test_bug(void **state)
{
    const struct nika_museum_bug *bug = nika_museum_find(*state);
    struct nika_log *log = first_failure(bug);
    shrink = (struct nika_shrink){.runs_max = ATTEMPTS_MAX};
    assert_int_equal(nika_shrink_begin(&shrink, log, "x.log", &diagnoses), NIKA_SHRINK_READY);
    nika_shrink_run(&shrink);
    nika_runner_free(shrink.runner);
    shrink.runner = NULL;
    char *text = nika_shrink_scenario_text(&shrink);
    assert_non_null(text);
    print_message("%s: events %llu to %llu, decisions %llu to %llu\n", bug->id,
                  (unsigned long long)shrink.before.events, (unsigned long long)shrink.now.events,
                  (unsigned long long)shrink.before.decisions,
                  (unsigned long long)shrink.now.decisions);
    assert_true(shrink.now.events <= shrink.before.events);
    assert_true(shrink.now.decisions * 10 <= shrink.before.decisions);
    assert_fails_the_same(bug, text);
    free(text);
    nika_shrink_end(&shrink);
    nika_log_free(log);
}

int main(void)
{
    static char b02[] = "B02", b10[] = "B10", b29[] = "B29";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_bug, b10),
        cmocka_unit_test_prestate(test_bug, b02),
        cmocka_unit_test_prestate(test_bug, b29),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
