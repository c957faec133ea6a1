/* Tests that a run is a pure function of scenario and seed, over the library: run after run in one runner, by its own decision log, and
 * from snapshots taken in the middle. One seed each (first argument). */
#include "tests/support/test.h"

#include "engine/core/choice.h"
#include "engine/core/stream.h"
#include "scenarios/library.h"
#include "scenarios/runner.h"

static uint64_t seed_under_test = 5;
static struct nika_library *library;
static struct nika_run_result first, second;

static struct nika_scenario *load(const char *path, const char *const *sets, uint32_t set_count)
{
    static struct nika_diagnoses d;
    struct nika_scenario *s = nika_scenario_load(path, sets, set_count, &d);
    if (s == NULL) fail_msg("%s: %s", path, d.lines[0]);
    return s;
}

static struct nika_runner *runner_of(const struct nika_scenario *s)
{
    const char *reason = NULL;
    struct nika_runner *r = nika_runner_new(s, &reason);
    assert_non_null(r);
    return r;
}

static struct nika_world *begin(struct nika_runner *r, uint64_t seed)
{
    const char *reason = NULL;
    if (!nika_runner_begin(r, seed, &reason)) fail_msg("%s", reason);
    return nika_runner_world(r);
}

static void assert_same(const char *path, const char *what)
{
    if (strcmp(first.digest, second.digest) != 0 || first.exit_class != second.exit_class)
        fail_msg("%s seed %llu: %s: %s (%s), but %s (%s)", path,
                 (unsigned long long)seed_under_test, what, first.digest,
                 nika_exit_name(first.exit_class), second.digest,
                 nika_exit_name(second.exit_class));
    assert_string_equal(first.sentence, second.sentence);
    assert_int_equal(first.violation_count, second.violation_count);
    assert_int_equal(first.stats.events, second.stats.events);
}

/* Seeds A, B, A through one runner, and A through a fresh one: what the second left behind must not show. */
static void repeat(const char *path, const char *const *sets, uint32_t set_count)
{
    char between[33];
    struct nika_scenario *s = load(path, sets, set_count);
    struct nika_runner *r = runner_of(s);
    nika_runner_run(r, seed_under_test, &first);
    nika_runner_run(r, seed_under_test + 1, &second);
    memcpy(between, second.digest, sizeof between);
    assert_string_not_equal(first.digest, between);
    nika_runner_run(r, seed_under_test, &second);
    assert_same(path, "the second run of one runner");
    nika_runner_free(r);
    r = runner_of(s);
    nika_runner_run(r, seed_under_test, &second);
    assert_same(path, "a fresh runner");
    nika_runner_free(r);
    nika_scenario_free(s);
}

static void test_a_runner_forgets_the_run_before(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < library->count; i++) repeat(library->paths[i], NULL, 0);
}

static void test_a_runner_forgets_the_run_before_with_every_suite(void **state)
{
    (void)state;
    static const char *const suites[] = {"cluster.suite=ed25519", "cluster.suite=ecdsa-p256",
                                         "cluster.suite=rsa-2048", "cluster.suite=sim"};
    static const char *const names[] = {"fault-free", "equivocating-primary", "bad-auth"};
    char path[NIKA_LIBRARY_PATH_SIZE], near[NIKA_LIBRARY_PATH_SIZE];
    for (uint32_t k = 0; k < ARRAY_COUNT(names); k++) {
        assert_true(nika_library_find(names[k], path, near));
        for (uint32_t i = 0; i < ARRAY_COUNT(suites); i++) {
            const char *sets[] = {suites[i], "workload.requests=5", "expect.requests_min=0",
                                  "expect.faults_act=false"};
            repeat(path, sets, ARRAY_COUNT(sets));
        }
    }
}

static void log_decision(void *context, const struct nika_choice_name *name, uint64_t n,
                         uint64_t value)
{
    (void)n;
    if (value != 0) assert_int_equal(nika_choice_log_add(context, name, value), NIKA_OK);
}

static void test_a_run_follows_from_its_decisions(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < library->count; i++) {
        struct nika_scenario *s = load(library->paths[i], NULL, 0);
        struct nika_runner *r = runner_of(s);
        struct nika_choice_log *log = nika_choice_log_new();
        struct nika_chooser *c = nika_world_chooser(begin(r, seed_under_test));
        c->tap = log_decision;
        c->tap_context = log;
        nika_runner_finish(r, &first);
        nika_chooser_init_log(nika_world_chooser(begin(r, seed_under_test)), log);
        nika_runner_finish(r, &second);
        assert_same(library->paths[i], "the replay of its decisions");
        assert_int_equal(nika_choice_log_unused(log), 0);
        nika_choice_log_free(log);
        nika_runner_free(r);
        nika_scenario_free(s);
    }
}

static uint64_t steps(struct nika_world *w, uint64_t count)
{
    uint64_t done = 0;
    while (done < count && nika_world_step(w) == NIKA_WORLD_RUNNING) done++;
    return done;
}

/* From one snapshot, `at` events into the run: to the end twice, and with another chooser. True when the other differs. */
static bool branch(const char *path, struct nika_runner *r, uint64_t at)
{
    char straight[33], copy[33];
    struct nika_world *w = begin(r, seed_under_test);
    uint64_t on = at / 2 + 50;
    (void)steps(w, at + on);
    nika_world_digest_text(w, straight);
    w = begin(r, seed_under_test);
    (void)steps(w, at);
    struct nika_world_snapshot *snapshot = nika_world_snapshot(w);
    assert_non_null(snapshot);
    nika_runner_finish(r, &first);
    nika_world_restore(w, snapshot);
    (void)steps(w, on);
    nika_world_digest_text(w, copy);
    assert_string_equal(straight, copy);
    nika_world_restore(w, snapshot);
    nika_runner_finish(r, &second);
    assert_same(path, "the restored run");
    nika_world_restore(w, snapshot);
    nika_chooser_init_seed(nika_world_chooser(w), seed_under_test + 1000);
    nika_runner_finish(r, &second);
    bool differs = strcmp(first.digest, second.digest) != 0;
    nika_world_restore(w, snapshot);
    nika_runner_finish(r, &second);
    assert_same(path, "the run restored after a branch");
    nika_world_snapshot_free(snapshot);
    return differs;
}

static void test_a_restored_run_ends_as_the_straight_one_and_a_branch_differs(void **state)
{
    (void)state;
    uint32_t differing = 0, branches = 0;
    for (uint32_t i = 0; i < library->count; i++) {
        struct nika_scenario *s = load(library->paths[i], NULL, 0);
        struct nika_runner *r = runner_of(s);
        nika_runner_run(r, seed_under_test, &first);
        uint64_t events = first.stats.events;
        for (uint32_t k = 0; k < 3; k++) {
            uint64_t draw = nika_stream_draw(nika_stream(i, "branch", k), 0);
            differing += branch(library->paths[i], r, draw % (events * 3 / 4));
            branches++;
        }
        nika_runner_free(r);
        nika_scenario_free(s);
    }
    /* A branch just before the end may have nothing left to decide. */
    assert_true(differing * 10 >= branches * 9);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_runner_forgets_the_run_before),
        cmocka_unit_test(test_a_runner_forgets_the_run_before_with_every_suite),
        cmocka_unit_test(test_a_run_follows_from_its_decisions),
        cmocka_unit_test(test_a_restored_run_ends_as_the_straight_one_and_a_branch_differs),
    };
    if (argc > 1) seed_under_test = strtoull(argv[1], NULL, 10);
    library = nika_library_list();
    if (library == NULL) return 1;
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    free(library);
    return status;
}
