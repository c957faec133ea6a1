/* Tests fuzz/log: a log repeats its run, whatever the seed drew; what is no log is refused with the line that says why. */
#include "tests/support/test.h"

#include "fuzz/log/log.h"
#include "scenarios/library.h"

#define HEAD "{\"schema\":1,\"name\":\"x\",\"why\":\"y\",\"gst_ms\":0"

static struct nika_diagnoses diagnoses;
static struct nika_run_result result;
static struct nika_log_replay replayed;

static struct nika_scenario *parse(const char *text)
{
    struct nika_scenario *s =
        nika_scenario_parse("x.json", text, strlen(text), NULL, 0, &diagnoses);
    if (s == NULL) fail_msg("%s", diagnoses.lines[0]);
    return s;
}

/* A run by seed, and its log. */
static struct nika_log *record(const struct nika_scenario *s, uint64_t seed)
{
    const char *reason;
    struct nika_recorder recorder = {0};
    struct nika_runner *runner = nika_runner_new(s, &reason);
    if (!nika_runner_begin(runner, seed, &reason)) fail_msg("%s", reason);
    nika_recorder_attach(&recorder, nika_runner_world(runner));
    nika_runner_finish(runner, &result);
    struct nika_log *log = nika_log_new(s, "1.2.3", &recorder, &result);
    assert_false(recorder.full);
    assert_non_null(log);
    nika_runner_free(runner);
    return log;
}

static void replay(const struct nika_log *log)
{
    const char *reason;
    struct nika_scenario *s = nika_log_scenario(log, "x.log", &diagnoses);
    if (s == NULL) fail_msg("%s", diagnoses.lines[0]);
    if (!nika_log_replay(log, s, &replayed, &reason)) fail_msg("%s", reason);
    nika_scenario_free(s);
}

static void test_a_log_repeats_the_run_of_every_library_scenario(void **state)
{
    (void)state;
    struct nika_library *library = nika_library_list();
    uint32_t judged = 0;
    assert_non_null(library);
    for (uint32_t i = 0; i < library->count; i++) {
        struct nika_scenario *s = nika_scenario_load(library->paths[i], NULL, 0, &diagnoses);
        assert_non_null(s);
        struct nika_log *log = record(s, 5);
        replay(log);
        if (strcmp(replayed.result.digest, result.digest) != 0) fail_msg("%s", library->paths[i]);
        assert_int_equal(replayed.asked, log->decisions.count);
        judged += log->decisions.count > 0;
        nika_log_free(log);
        nika_scenario_free(s);
    }
    assert_int_equal(judged, library->count);
    free(library);
}

static const char drawn_text[] =
    HEAD ",\"network\":{\"loss_ppm\":1},\"swarm\":[{\"path\":\"network.loss_ppm\",\"low\":0,"
         "\"high\":50000},"
         "{\"path\":\"gst_ms\",\"low\":400,\"high\":900},{\"path\":\"faults[0].down_ms\",\"low\":"
         "20,\"high\":90}],"
         "\"faults\":[{\"name\":\"crash\",\"targets\":\"one-by-seed\",\"from_ms\":5,\"down_ms\":30,"
         "\"probability_ppm\":500000},{\"name\":\"delay\",\"targets\":[1],\"to_ms\":50,\"acts\":"
         "\"may\"}]}";

/* What the seed drew before the run is in the log: its scenario has nothing left to draw, and still makes the same run. */
static void test_what_the_seed_drew_is_written_down(void **state)
{
    (void)state;
    struct nika_scenario *s = parse(drawn_text);
    uint32_t absent = 0, targets[4] = {0};
    for (uint64_t seed = 1; seed <= 24; seed++) {
        struct nika_log *log = record(s, seed);
        struct nika_scenario *concrete = nika_log_scenario(log, "x.log", &diagnoses);
        assert_non_null(concrete);
        assert_int_equal(concrete->swarm_count, 0);
        assert_int_equal(concrete->fault_count, 2);
        assert_int_equal(__builtin_popcountll(concrete->faults[0].targets[0]), 1);
        absent += concrete->faults[0].probability_ppm == 0;
        targets[__builtin_ctzll(concrete->faults[0].targets[0])]++;
        assert_in_range(concrete->faults[0].params[0], 20, 90);
        nika_scenario_free(concrete);
        replay(log);
        assert_string_equal(replayed.result.digest, result.digest);
        nika_log_free(log);
    }
    assert_in_range(absent, 1, 23);
    for (uint32_t i = 0; i < 4; i++) assert_in_range(targets[i], 1, 23);
    nika_scenario_free(s);
}

/* The driver decides, not the seed: without its decisions the run is another one, and the fair one takes every message at base latency. */
static void test_fewer_decisions_make_another_run(void **state)
{
    (void)state;
    struct nika_scenario *s = parse(HEAD "}");
    struct nika_log *log = record(s, 3);
    uint32_t count = log->decisions.count;
    assert_true(count > 100);
    log->decisions.count = count / 2;
    replay(log);
    assert_string_not_equal(replayed.result.digest, result.digest);
    log->decisions.count = 0;
    replay(log);
    assert_string_not_equal(replayed.result.digest, result.digest);
    assert_int_equal(replayed.result.exit_class, NIKA_EXIT_HELD);
    assert_int_equal(replayed.first_unused, 0);
    nika_log_free(log);
    nika_scenario_free(s);
}

static void test_a_name_that_means_nothing_is_found(void **state)
{
    (void)state;
    struct nika_scenario *s = parse(HEAD "}");
    struct nika_log *log = record(s, 3);
    uint32_t count = log->decisions.count;
    replay(log);
    assert_int_equal(replayed.asked, count);
    assert_int_equal(replayed.first_unused, count);
    log->decisions.list[count - 3].name.type = 999;
    replay(log);
    assert_true(replayed.asked < count);
    assert_int_equal(replayed.first_unused, count - 3);
    assert_true(replayed.event_index > 0);
    assert_true(replayed.now_ns > 0);
    nika_log_free(log);
    nika_scenario_free(s);
}

static char *text_of(const struct nika_log *log)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_int_equal(nika_log_write(log, file), NIKA_OK);
    fclose(file);
    return text;
}

static struct nika_log *read_text(const char *text, size_t size)
{
    char path[32];
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fflush(file), 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(file));
    struct nika_log *log = nika_log_read(path, &diagnoses);
    fclose(file);
    return log;
}

static void test_what_was_written_is_read(void **state)
{
    (void)state;
    struct nika_scenario *s = parse(drawn_text);
    struct nika_log *log = record(s, 9);
    char *text = text_of(log);
    struct nika_log *again = read_text(text, strlen(text));
    if (again == NULL) {
        fail_msg("%s", diagnoses.lines[0]);
        return;
    }
    char *second = text_of(again);
    assert_string_equal(text, second);
    assert_string_equal(again->version, "1.2.3");
    assert_int_equal(again->seed, 9);
    free(second);
    free(text);
    nika_log_free(again);
    nika_log_free(log);
    nika_scenario_free(s);
}

/* The text of a log with five decisions. Caller frees. */
static char *short_log(void)
{
    struct nika_scenario *s = parse(HEAD ",\"workload\":{\"requests\":1}}");
    struct nika_log *log = record(s, 3);
    log->decisions.count = 5;
    char *text = text_of(log);
    nika_log_free(log);
    nika_scenario_free(s);
    return text;
}

/* No prefix of a log is a log, so that a file that was cut never passes for a short run. */
static void test_every_prefix_is_refused(void **state)
{
    (void)state;
    char *text = short_log();
    size_t size = strlen(text);
    struct nika_log *whole = read_text(text, size);
    assert_non_null(whole);
    nika_log_free(whole);
    for (size_t i = 0; i < size; i++) {
        assert_null(read_text(text, i));
        assert_true(diagnoses.count > 0);
    }
    free(text);
}

/* Any one byte changed: refused, or a log whose every part is still in range. Never a crash, never a silent half. */
static void test_a_damaged_log_is_refused_or_whole(void **state)
{
    (void)state;
    char *text = short_log();
    size_t size = strlen(text);
    uint32_t refused = 0;
    for (size_t i = 0; i < size; i++) {
        char was = text[i];
        text[i] = (char)(was ^ 0x11);
        struct nika_log *again = read_text(text, size);
        text[i] = was;
        refused += again == NULL;
        if (again == NULL) assert_true(diagnoses.count > 0);
        if (again != NULL) assert_int_equal(again->decisions.count, 5);
        nika_log_free(again);
    }
    assert_true(refused > size / 3);
    free(text);
}

static void test_a_scenario_may_hold_its_decisions(void **state)
{
    (void)state;
    const char *reason;
    static struct nika_run_result fair, late;
    struct nika_scenario *s = parse(HEAD ",\"decisions\":{}}");
    struct nika_runner *runner = nika_runner_new(s, &reason);
    nika_runner_run(runner, 3, &fair);
    nika_runner_run(runner, 3, &late);
    assert_string_equal(fair.digest, late.digest);
    nika_runner_free(runner);
    nika_scenario_free(s);
    s = parse(HEAD ",\"decisions\":{\"latency c0>0 t1 s1 #0\":700,\"latency 9>8 #0\":1}}");
    runner = nika_runner_new(s, &reason);
    nika_runner_run(runner, 3, &late);
    assert_int_equal(nika_runner_unused_decisions(runner), 1);
    assert_string_not_equal(fair.digest, late.digest);
    nika_runner_run(runner, 3, &result);
    assert_int_equal(nika_runner_unused_decisions(runner), 1);
    assert_string_equal(result.digest, late.digest);
    nika_runner_free(runner);
    nika_scenario_free(s);
}

static void refuse(const char *decisions, const char *words)
{
    char text[400];
    snprintf(text, sizeof text, "%s,\"decisions\":%s}", HEAD, decisions);
    assert_null(nika_scenario_parse("x.json", text, strlen(text), NULL, 0, &diagnoses));
    assert_non_null(strstr(diagnoses.lines[0], words));
}

/* A fault that always acts needs no decision for each act, and the log of such a run has them all. */
static void test_a_fault_may_act_whenever_it_can(void **state)
{
    (void)state;
    const char *reason;
    char text[400];
    static const char *const rules[] = {"{}", "{\"fault 0 *\":\"always\"}"};
    uint64_t acted[2];
    for (uint32_t i = 0; i < 2; i++) {
        snprintf(text, sizeof text,
                 "%s,\"faults\":[{\"name\":\"silent\",\"targets\":[3]}],"
                 "\"expect\":{\"faults_act\":false},\"decisions\":%s}",
                 HEAD, rules[i]);
        struct nika_scenario *s = parse(text);
        struct nika_runner *runner = nika_runner_new(s, &reason);
        nika_runner_run(runner, 3, &result);
        acted[i] = result.faults[0].acted;
        nika_runner_free(runner);
        struct nika_log *log = record(s, 3);
        replay(log);
        assert_string_equal(replayed.result.digest, result.digest);
        assert_int_equal(log->decisions.count, acted[i]);
        nika_log_free(log);
        nika_scenario_free(s);
    }
    assert_int_equal(acted[0], 0);
    assert_in_range(acted[1], 10, UINT32_MAX);
}

static void test_decisions_that_are_none_are_errors(void **state)
{
    (void)state;
    refuse("[]", "expected an object");
    refuse("{\"nonsense\":1}", "not the name of a decision");
    refuse("{\"latency 2>0\":1}", "not the name of a decision");
    refuse("{\"latency 2>0 #0\":0}", "expected integer 1..");
    refuse("{\"latency 2>0 #0\":-1}", "expected integer 1..");
    refuse("{\"latency 2>0 #0\":\"x\"}", "expected integer 1..");
    refuse("{\"fault 0 *\":\"always\"}", "is not in $.faults");
    refuse("{\"fault 0 *\":\"sometimes\"}", "expected \"fault N *\": \"always\"");
    refuse("{\"fault 32 *\":\"always\"}", "expected \"fault N *\": \"always\"");
    refuse("{\"fault 0 * \":\"always\"}", "not the name of a decision");
    refuse("{\"latency 2>0 #0\":1,\"latency 2>0 #0\":2}", "duplicate object key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_log_repeats_the_run_of_every_library_scenario),
        cmocka_unit_test(test_what_the_seed_drew_is_written_down),
        cmocka_unit_test(test_fewer_decisions_make_another_run),
        cmocka_unit_test(test_a_name_that_means_nothing_is_found),
        cmocka_unit_test(test_what_was_written_is_read),
        cmocka_unit_test(test_every_prefix_is_refused),
        cmocka_unit_test(test_a_damaged_log_is_refused_or_whole),
        cmocka_unit_test(test_a_scenario_may_hold_its_decisions),
        cmocka_unit_test(test_a_fault_may_act_whenever_it_can),
        cmocka_unit_test(test_decisions_that_are_none_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
