/* Tests scenarios/runner.c: a runner reuses its world without a trace of the run before. */
#include "tests/support/test.h"

#include "scenarios/runner.h"

#define HEAD "{\"schema\":1,\"name\":\"x\",\"why\":\"y\",\"gst_ms\":0"

static struct nika_diagnoses diagnoses;
static struct nika_run_result one, two;

static struct nika_scenario *parse(const char *text)
{
    struct nika_scenario *s =
        nika_scenario_parse("x.json", text, strlen(text), NULL, 0, &diagnoses);
    if (s == NULL) fail_msg("%s", diagnoses.lines[0]);
    return s;
}

static void run_once(const struct nika_scenario *s, uint64_t seed, struct nika_run_result *result)
{
    const char *reason;
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    nika_runner_run(runner, seed, result);
    nika_runner_free(runner);
}

static void test_a_reused_runner_gives_the_digest_of_a_fresh_one(void **state)
{
    (void)state;
    const char *reason;
    struct nika_scenario *s = parse(HEAD ",\"workload\":{\"requests\":5}}");
    run_once(s, 11, &one);
    assert_int_equal(one.exit_class, NIKA_EXIT_HELD);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    nika_runner_run(runner, 10, &two);
    assert_string_not_equal(one.digest, two.digest);
    nika_runner_run(runner, 11, &two);
    assert_string_equal(one.digest, two.digest);
    assert_int_equal(one.stats.events, two.stats.events);
    nika_runner_free(runner);
    nika_scenario_free(s);
}

static void test_every_request_completes_in_both_loops(void **state)
{
    (void)state;
    struct nika_scenario *closed = parse(HEAD ",\"workload\":{\"requests\":7}}");
    run_once(closed, 3, &one);
    assert_int_equal(one.requests_completed, 14);
    nika_scenario_free(closed);
    struct nika_scenario *open =
        parse(HEAD ",\"workload\":{\"requests\":7,\"mode\":\"open\",\"rate_per_s\":2000}}");
    run_once(open, 3, &one);
    assert_int_equal(one.requests_completed, 14);
    assert_int_equal(one.exit_class, NIKA_EXIT_HELD);
    nika_scenario_free(open);
}

/* Step by step, with a look back on the way: the same run, and the world shows what waits without changing it. */
static void test_steps_lead_to_the_run_and_marks_lead_back(void **state)
{
    (void)state;
    const char *reason;
    char there[33] = "", again[33] = "-";
    struct nika_scenario *s = parse(HEAD ",\"workload\":{\"requests\":40},\"network\":{"
                                         "\"loss_ppm\":20000}}");
    run_once(s, 11, &one);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_true(nika_runner_begin(runner, 11, &reason));
    struct nika_world *w = nika_runner_world(runner);
    struct nika_runner_mark *mark = NULL;
    struct nika_waiting waiting[8];
    uint64_t timers = 0, messages = 0, deadline = 0;
    for (uint64_t i = 0; nika_runner_step(runner); i++) {
        assert_int_equal(nika_world_event_index(w), i + 1);
        uint32_t count = nika_world_waiting(w, 1, waiting, 8);
        for (uint32_t k = 1; k < count && k < 8; k++)
            assert_true(waiting[k - 1].arrived || waiting[k - 1].at_ns <= waiting[k].at_ns);
        for (uint32_t k = 0; k < count && k < 8; k++)
            messages += waiting[k].kind == NIKA_WAITING_MESSAGE && waiting[k].summary != NULL;
        for (uint32_t k = 0; k < NIKA_TIMERS_MAX; k++)
            timers += nika_world_timer(w, 1, k, &deadline) && deadline >= nika_world_now(w);
        if (i == 100) mark = nika_runner_mark(runner);
        if (i == 300) nika_world_digest_text(w, there);
        if (i != 300 || mark == NULL) continue;
        nika_runner_return(runner, mark);
        assert_int_equal(nika_world_event_index(w), 101);
        nika_runner_mark_free(mark);
        mark = NULL;
        i = 100;
        memcpy(again, there, sizeof there);
    }
    assert_true(timers > 0 && messages > 0);
    nika_runner_finish(runner, &two);
    assert_string_equal(there, again); /* Event 300 was reached twice. */
    assert_string_equal(one.digest, two.digest);
    assert_string_equal(one.sentence, two.sentence);
    assert_int_equal(one.stats.events, two.stats.events);
    nika_runner_free(runner);
    nika_scenario_free(s);
}

static void test_a_limit_makes_a_run_inconclusive(void **state)
{
    (void)state;
    struct nika_scenario *s =
        parse(HEAD ",\"workload\":{\"requests\":100},\"limits\":{\"events\":50}}");
    run_once(s, 3, &one);
    assert_int_equal(one.exit_class, NIKA_EXIT_INCONCLUSIVE);
    nika_scenario_free(s);
}

static void count_tap(void *context, const struct nika_tap *tap)
{
    uint64_t *taps = context;
    (void)tap;
    (*taps)++;
}

/* A run is judged by being repeated: who watches runs, as the coverage of a campaign does, sees it once. */
static void test_what_is_repeated_to_examine_a_run_is_not_watched(void **state)
{
    (void)state;
    const char *reason;
    uint64_t taps = 0;
    const struct nika_watcher watcher = {&taps, NIKA_TAP_BIT(NIKA_TAP_EXECUTED), count_tap};
    struct nika_scenario *s =
        nika_scenario_load("scenarios/pbft/two-equivocators.json", NULL, 0, &diagnoses);
    assert_non_null(s);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    nika_runner_watch(runner, &watcher);
    assert_true(nika_runner_begin(runner, 1, &reason));
    nika_runner_finish(runner, &one);
    uint64_t of_one_run = taps;
    assert_true(of_one_run > 0);
    for (int i = 0; i < 2; i++) { /* The second finds its watcher again. */
        taps = 0;
        nika_runner_run(runner, 1, &two);
        assert_true(two.accusation.examined);
        assert_int_equal(taps, of_one_run);
    }
    nika_runner_free(runner);
    nika_scenario_free(s);
}

static void test_oracles_never_steer_a_run(void **state)
{
    (void)state;
    const char *reason;
    struct nika_scenario *s = parse(HEAD ",\"workload\":{\"requests\":5}}");
    run_once(s, 5, &one);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    nika_runner_set_oracles(runner, false);
    nika_runner_run(runner, 5, &two);
    assert_string_equal(one.digest, two.digest);
    nika_runner_free(runner);
    nika_scenario_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reused_runner_gives_the_digest_of_a_fresh_one),
        cmocka_unit_test(test_every_request_completes_in_both_loops),
        cmocka_unit_test(test_a_limit_makes_a_run_inconclusive),
        cmocka_unit_test(test_steps_lead_to_the_run_and_marks_lead_back),
        cmocka_unit_test(test_what_is_repeated_to_examine_a_run_is_not_watched),
        cmocka_unit_test(test_oracles_never_steer_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
