/* Tests the library: every scenario is judged as it expects under its own seed and each of the seeds 1..N (N = first
 * argument). */
#include "tests/support/test.h"

#include "scenarios/library.h"
#include "scenarios/runner.h"

static uint64_t seeds = 20;
static struct nika_library *library;

static bool states_an_attack(const struct nika_scenario *s)
{
    bool must = s->values[NIKA_KEY_SAFETY] == NIKA_EXPECT_MUST_FAIL ||
                s->values[NIKA_KEY_LIVENESS] == NIKA_EXPECT_MUST_FAIL;
    for (uint32_t i = 0; i < NIKA_ORACLES_MAX; i++)
        must = must || s->properties[i] == NIKA_EXPECT_MUST_FAIL;
    return must;
}

/* Runs that were not judged as expected. An attack that must succeed may miss under some seeds, but not under all. */
static uint32_t failures_of(const char *path)
{
    static struct nika_diagnoses d;
    static struct nika_run_result r;
    const char *reason;
    uint32_t failures = 0, held = 0;
    struct nika_scenario *s = nika_scenario_load(path, NULL, 0, &d);
    if (s == NULL) {
        print_error("%s\n", d.lines[0]);
        return 1;
    }
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    /* Its own seed comes first: a regression may fail under that one alone. */
    uint64_t own = s->values[NIKA_KEY_SEED];
    for (uint64_t turn = own > seeds ? 0 : 1; turn <= seeds; turn++) {
        uint64_t seed = turn == 0 ? own : turn;
        nika_runner_run(runner, seed, &r);
        held += r.exit_class == NIKA_EXIT_HELD;
        if (r.exit_class == NIKA_EXIT_HELD ||
            (r.exit_class == NIKA_EXIT_EXPECTATION && states_an_attack(s)))
            continue;
        failures++;
        print_error("nika run %s --seed %llu: %s: %s\n", path, (unsigned long long)seed,
                    nika_exit_name(r.exit_class), r.sentence);
    }
    if (held == 0) {
        print_error("%s: held under no seed: %s\n", path, r.sentence);
        failures++;
    }
    nika_runner_free(runner);
    nika_scenario_free(s);
    return failures;
}

static void test_every_scenario_is_judged_as_it_expects(void **state)
{
    (void)state;
    uint32_t failures = 0;
    for (uint32_t i = 0; i < library->count; i++) failures += failures_of(library->paths[i]);
    assert_int_equal(failures, 0);
}

static void test_the_library_is_complete_and_names_are_file_names(void **state)
{
    (void)state;
    static struct nika_diagnoses d;
    assert_true(library->count >= 28);
    for (uint32_t i = 0; i < library->count; i++) {
        char name[NIKA_LIBRARY_PATH_SIZE], path[NIKA_LIBRARY_PATH_SIZE],
            near[NIKA_LIBRARY_PATH_SIZE];
        struct nika_scenario *s = nika_scenario_load(library->paths[i], NULL, 0, &d);
        assert_non_null(s);
        nika_library_name(library->paths[i], name, sizeof name);
        assert_string_equal(s->name, name);
        assert_true(nika_library_find(name, path, near));
        nika_scenario_free(s);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_library_is_complete_and_names_are_file_names),
        cmocka_unit_test(test_every_scenario_is_judged_as_it_expects),
    };
    if (argc > 1) seeds = strtoull(argv[1], NULL, 10);
    library = nika_library_list();
    if (library == NULL) return 1;
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    free(library);
    return status;
}
