/* Tests fuzz/shrink: what comes out is small, fails in the same way, and holds only what the failure needs. */
#include "tests/support/test.h"

#include "fuzz/shrink/shrink.h"

#define HEAD "{\"schema\":1,\"name\":\"x\",\"why\":\"y\""

static struct nika_diagnoses diagnoses;
static struct nika_run_result result;
static struct nika_shrink shrink;

static struct nika_log *record(const char *path, const char *text, uint64_t seed)
{
    const char *reason;
    struct nika_recorder recorder = {0};
    struct nika_scenario *s =
        text != NULL ? nika_scenario_parse("x.json", text, strlen(text), NULL, 0, &diagnoses)
                     : nika_scenario_load(path, NULL, 0, &diagnoses);
    if (s == NULL) fail_msg("%s", diagnoses.lines[0]);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    if (!nika_runner_begin(runner, seed, &reason)) fail_msg("%s", reason);
    nika_recorder_attach(&recorder, nika_runner_world(runner));
    nika_runner_finish(runner, &result);
    struct nika_log *log = nika_log_new(s, "1.2.3", &recorder, &result);
    assert_non_null(log);
    nika_runner_free(runner);
    nika_scenario_free(s);
    return log;
}

/* Shrinks into `shrink`; the text of the small scenario. End with done(). */
static char *shrink_log(const struct nika_log *log, uint64_t runs_max)
{
    shrink = (struct nika_shrink){.runs_max = runs_max};
    assert_int_equal(nika_shrink_begin(&shrink, log, "x.log", &diagnoses), NIKA_SHRINK_READY);
    nika_shrink_run(&shrink);
    nika_runner_free(shrink.runner);
    shrink.runner = NULL;
    char *text = nika_shrink_scenario_text(&shrink);
    assert_non_null(text);
    return text;
}

/* What was written, run on its own as anybody would, fails in the same way and with the same events. */
static void assert_fails_the_same(const char *text)
{
    const char *reason;
    struct nika_failure failure;
    struct nika_scenario *s =
        nika_scenario_parse("small.json", text, strlen(text), NULL, 0, &diagnoses);
    if (s == NULL) {
        fail_msg("%s", diagnoses.lines[0]);
        return;
    }
    struct nika_runner *runner = nika_runner_new(s, &reason);
    nika_runner_run(runner, s->values[NIKA_KEY_SEED], &result);
    assert_int_equal(nika_runner_unused_decisions(runner), 0);
    nika_runner_free(runner);
    nika_scenario_free(s);
    assert_true(nika_failure_of(&result, &failure));
    assert_string_equal(failure.shape, shrink.failure.shape);
    assert_int_equal(failure.exit_class, shrink.failure.exit_class);
    assert_int_equal(result.stats.events, shrink.now.events);
}

static void done(char *text, struct nika_log *log)
{
    free(text);
    nika_shrink_end(&shrink);
    nika_log_free(log);
}

static void test_an_attack_beyond_the_bound_becomes_a_short_script(void **state)
{
    (void)state;
    struct nika_log *log = record("scenarios/pbft/two-equivocators.json", NULL, 7);
    char *text = shrink_log(log, 20000);
    assert_false(shrink.stopped);
    assert_in_range(shrink.now.decisions, 1, shrink.before.decisions / 10);
    assert_in_range(shrink.now.events, 1, shrink.before.events / 10);
    assert_int_equal(shrink.now.requests, 1);
    assert_int_equal(shrink.now.acts, shrink.now.decisions);
    assert_int_equal(shrink.now.faults, 1);
    assert_fails_the_same(text);
    assert_true(result.violation_count > 0);
    nika_shrink_end(&shrink);
    /* No clock, no entropy: the same run shrinks to the same bytes. */
    char *again = shrink_log(log, 20000);
    assert_string_equal(text, again);
    free(again);
    done(text, log);
}

/* Faults that have nothing to do with the failure go; the one that has keeps its decisions under its new number. */
static void test_only_the_faults_that_matter_stay(void **state)
{
    (void)state;
    struct nika_log *log = record(
        NULL,
        HEAD
        ",\"gst_ms\":300,\"cluster\":{\"n\":7,\"f\":2},\"workload\":{\"requests\":9},\"faults\":["
        "{\"name\":\"delay\",\"targets\":[3],\"to_ms\":40,\"acts\":\"may\"},"
        "{\"name\":\"duplicate\",\"targets\":[2],\"rate_ppm\":300000,\"acts\":\"may\"},"
        "{\"name\":\"equivocate\",\"targets\":[0,1,2,3],\"what\":\"all\",\"split\":5},"
        "{\"name\":\"loss\",\"targets\":[6],\"rate_ppm\":10000,\"acts\":\"may\"}],"
        "\"expect\":{\"safety\":\"may-fail\",\"liveness\":\"may-fail\","
        "\"properties\":{\"O1\":\"must-fail\"},\"allow_beyond_bound\":true}}",
        3);
    assert_int_equal(log->exit_class, NIKA_EXIT_HELD);
    char *text = shrink_log(log, 20000);
    assert_int_equal(shrink.before.faults, 4);
    assert_int_equal(shrink.now.faults, 1);
    assert_non_null(strstr(text, "\"equivocate\""));
    assert_true(shrink.now.acts > 0);
    assert_in_range(shrink.now.replicas, 4, 7);
    for (uint32_t i = 0; i < shrink.decisions.count; i++) {
        if (shrink.decisions.list[i].name.kind == NIKA_CHOICE_FAULT)
            assert_int_equal(shrink.decisions.list[i].name.a, 0);
    }
    assert_fails_the_same(text);
    done(text, log);
}

static const char stalled[] = HEAD
    ",\"gst_ms\":200,\"workload\":{\"requests\":6},\"network\":{\"loss_ppm\":5000},\"faults\":["
    "{\"name\":\"silent\",\"targets\":[1,2]},{\"name\":\"delay\",\"targets\":[3],\"acts\":\"may\"}]"
    ","
    "\"expect\":{\"allow_beyond_bound\":true}}";

static void test_a_stall_keeps_being_a_stall(void **state)
{
    (void)state;
    struct nika_log *log = record(NULL, stalled, 5);
    assert_int_equal(log->exit_class, NIKA_EXIT_INCONCLUSIVE);
    char *text = shrink_log(log, 20000);
    assert_int_equal(shrink.failure.exit_class, NIKA_EXIT_INCONCLUSIVE);
    assert_int_equal(shrink.now.requests, 1);
    assert_int_equal(shrink.now.clients, 1);
    assert_in_range(shrink.now.decisions, 0, shrink.before.decisions / 10);
    assert_int_equal(shrink.now.always, 1); /* Silence is one line, not one for each message. */
    assert_non_null(strstr(text, "\"fault 0 *\": \"always\""));
    assert_non_null(strstr(text, "\"silent\""));
    assert_null(strstr(text, "\"delay\""));
    assert_null(strstr(text, "loss_ppm"));
    assert_non_null(strstr(text, "\"faults_act\": false"));
    assert_fails_the_same(text);
    done(text, log);
}

/* What is missing would be missing without its cause, too: faults and requests must not go. */
static void test_what_did_not_happen_keeps_its_cause(void **state)
{
    (void)state;
    struct nika_log *log = record(NULL,
                                  HEAD ",\"gst_ms\":100,\"workload\":{\"requests\":4},\"faults\":"
                                       "[{\"name\":\"delay\",\"targets\":[1],\"to_ms\":30}],"
                                       "\"expect\":{\"view_min\":3}}",
                                  5);
    assert_int_equal(log->exit_class, NIKA_EXIT_EXPECTATION);
    char *text = shrink_log(log, 20000);
    assert_int_equal(shrink.now.faults, 1);
    assert_int_equal(shrink.now.requests, shrink.before.requests);
    assert_int_equal(shrink.now.acts, shrink.before.acts);
    assert_true(shrink.now.decisions < shrink.before.decisions);
    assert_fails_the_same(text);
    done(text, log);
}

static void test_a_spent_budget_leaves_a_failing_run(void **state)
{
    (void)state;
    uint64_t larger = UINT64_MAX;
    for (uint64_t runs = 2; runs <= 32; runs *= 2) {
        struct nika_log *log = record(NULL, stalled, 5);
        char *text = shrink_log(log, runs);
        assert_true(shrink.stopped);
        assert_in_range(shrink.runs, 1, runs);
        assert_true(shrink.now.events <= larger);
        larger = shrink.now.events * 2;
        assert_fails_the_same(text);
        done(text, log);
    }
}

static void test_a_small_run_cannot_become_smaller(void **state)
{
    (void)state;
    struct nika_log *log = record("scenarios/pbft/two-equivocators.json", NULL, 7);
    char *text = shrink_log(log, 20000);
    struct nika_shrink_size size = shrink.now;
    nika_shrink_end(&shrink);
    nika_log_free(log);
    log = record(NULL, text, 7);
    char *again = shrink_log(log, 20000);
    assert_memory_equal(&shrink.now, &size, sizeof size);
    assert_fails_the_same(again);
    free(again);
    done(text, log);
}

static void test_a_run_that_holds_is_no_failure(void **state)
{
    (void)state;
    struct nika_log *log = record(NULL, HEAD ",\"workload\":{\"requests\":1}}", 3);
    shrink = (struct nika_shrink){.runs_max = 100};
    assert_int_equal(nika_shrink_begin(&shrink, log, "x.log", &diagnoses), NIKA_SHRINK_HELD);
    nika_shrink_end(&shrink);
    nika_log_free(log);
}

static void same(const char *a, const char *b, bool expected)
{
    struct nika_run_result x = {.exit_class = 1}, y = {.exit_class = 1};
    struct nika_failure f, g;
    snprintf(x.sentence, sizeof x.sentence, "%s", a);
    snprintf(y.sentence, sizeof y.sentence, "%s", b);
    assert_true(nika_failure_of(&x, &f));
    assert_true(nika_failure_of(&y, &g));
    if (nika_failure_equal(&f, &g) != expected) fail_msg("%s | %s", f.shape, g.shape);
}

static void test_failures_are_told_apart_by_what_went_wrong(void **state)
{
    (void)state;
    same("O1 agreement violated: replica 2 committed digest 71b52e45 at seq 1",
         "O1 agreement violated: replica 13 committed digest 00b52e45 at seq 700", true);
    same("O1 agreement violated: replica 2 committed", "O3 agreement violated: replica 2 committed",
         false);
    same("O1 agreement violated: replica 2 committed digest 7",
         "O1 agreement violated: replica 2 executed digest 7", false);
    same("O10 liveness violated: client 0 waits 1 ms (not excusable); replica 0 is down",
         "O10 liveness violated: client 1 waits 22 ms (not excusable); replica 2 waits for nothing",
         true);
    same("O10 liveness violated: client 0 waits 1 ms (not excusable); replica 0 is down",
         "O10 liveness violated: client 0 waits 1 ms (excusable: 2 of 4); replica 0 is down",
         false);
    same("a contract was broken at a.c:12: x > 0", "a contract was broken at b.c:12: x > 0", false);
    struct nika_run_result held = {.exit_class = 0, .sentence = "held: safety in every event"};
    struct nika_failure f;
    assert_false(nika_failure_of(&held, &f));
}

static void test_the_test_that_is_written_has_the_scenario_in_it(void **state)
{
    (void)state;
    struct nika_log *log = record("scenarios/pbft/two-equivocators.json", NULL, 7);
    char *text = shrink_log(log, 20000);
    char *test = nika_shrink_cmocka_text(&shrink, text);
    assert_non_null(test);
    assert_non_null(strstr(test, "static void test_two_equivocators(void **state)"));
    assert_non_null(strstr(test, "\\\"decisions\\\": {"));
    assert_non_null(strstr(test, "assert_true(result.violation_count > 0)"));
    free(test);
    done(text, log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_attack_beyond_the_bound_becomes_a_short_script),
        cmocka_unit_test(test_only_the_faults_that_matter_stay),
        cmocka_unit_test(test_a_stall_keeps_being_a_stall),
        cmocka_unit_test(test_what_did_not_happen_keeps_its_cause),
        cmocka_unit_test(test_a_spent_budget_leaves_a_failing_run),
        cmocka_unit_test(test_a_small_run_cannot_become_smaller),
        cmocka_unit_test(test_a_run_that_holds_is_no_failure),
        cmocka_unit_test(test_failures_are_told_apart_by_what_went_wrong),
        cmocka_unit_test(test_the_test_that_is_written_has_the_scenario_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
