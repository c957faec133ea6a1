/* Tests accountability in whole runs: no run of the library convicts a correct replica, whatever its faults; where quorums disagree,
 * as many culprits are proven as theory promises. Seeds 1..N of each scenario (N = first argument). */
#include "tests/support/test.h"

#include "scenarios/library.h"
#include "scenarios/runner_private.h"

static uint64_t seeds = 3;

/* Runs with an archive attached, whatever the verdict. */
static void accuse(struct nika_runner *runner, uint64_t seed, void *memory,
                   struct nika_accusation *out)
{
    static struct nika_run_result result;
    const char *reason;
    runner->rebuild = true;
    assert_true(nika_runner_begin(runner, seed, &reason));
    struct nika_evidence_rules rules = {&runner->options.config, runner->options.replica_ops,
                                        runner->keyring, nika_trusted_key_of(runner->keyring)};
    memset(memory, 0, nika_archive_size());
    struct nika_archive *archive = nika_archive_init(memory, &rules, runner->setup.corrupted);
    struct nika_watcher watcher = nika_archive_watcher(archive);
    nika_world_watch(runner->world, &watcher);
    nika_runner_finish(runner, &result);
    nika_archive_accuse(archive, out);
    nika_trusted_key_free(rules.trusted);
}

/* Runs in which somebody was convicted. */
static uint32_t check_scenario(const char *path, void *memory)
{
    static struct nika_diagnoses d;
    static struct nika_accusation a;
    const char *reason;
    uint32_t convicted = 0;
    struct nika_scenario *s = nika_scenario_load(path, NULL, 0, &d);
    assert_non_null(s);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        accuse(runner, seed, memory, &a);
        assert_false(a.full);
        convicted += a.count > 0;
        for (uint32_t i = 0; i < a.count; i++) {
            if (!a.list[i].corrupted)
                fail_msg("%s, seed %llu: correct replica %u %s", path, (unsigned long long)seed,
                         a.list[i].replica, a.list[i].sentence);
        }
        if (a.count < a.promised)
            fail_msg("%s, seed %llu: %u of %u promised culprits", path, (unsigned long long)seed,
                     a.count, a.promised);
    }
    nika_runner_free(runner);
    nika_scenario_free(s);
    return convicted;
}

static void test_the_library_convicts_the_corrupted_only(void **state)
{
    (void)state;
    uint32_t convicted = 0;
    struct nika_library *library = nika_library_list();
    void *memory = malloc(nika_archive_size());
    assert_non_null(library);
    assert_non_null(memory);
    for (uint32_t i = 0; i < library->count; i++)
        convicted += check_scenario(library->paths[i], memory);
    /* The test sees something: those who equivocate are caught. */
    assert_true(convicted >= 5);
    free(memory);
    free(library);
}

static void test_two_equivocators_are_named_with_evidence_that_others_can_check(void **state)
{
    (void)state;
    static struct nika_diagnoses d;
    static struct nika_run_result r;
    const char *reason;
    uint32_t broken = 0;
    uint8_t *scratch = malloc(NIKA_EVIDENCE_SCRATCH);
    struct nika_scenario *s =
        nika_scenario_load("scenarios/pbft/two-equivocators.json", NULL, 0, &d);
    assert_non_null(s);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct nika_archive *archive = NULL;
        assert_true(nika_runner_begin(runner, seed, &reason));
        nika_runner_finish(runner, &r);
        nika_runner_examine(runner, &r, &archive);
        if (archive == NULL || !r.accusation.conflict) {
            free(archive);
            continue;
        }
        broken++;
        assert_int_equal(r.accusation.promised, 2);
        assert_int_equal(r.accusation.culprits[0], 1u << 0 | 1u << 1);
        /* Keys made anew: nothing of the run is needed but its configuration and the frames. */
        struct nika_config config = runner->options.config;
        struct nika_keyring *keys =
            nika_keyring_new_derived(config.suite, config.n, config.clients, 1);
        struct nika_evidence_rules rules = {&config, runner->options.replica_ops, keys, NULL};
        for (uint32_t i = 0; i < r.accusation.count; i++) {
            const struct nika_conviction *c = &r.accusation.list[i];
            struct nika_span frames[NIKA_EVIDENCE_FRAMES] = {nika_archive_frame(archive, c, 0),
                                                             nika_archive_frame(archive, c, 1)};
            assert_true(nika_evidence_verify(&rules, c->kind, c->replica, frames, scratch));
        }
        nika_keyring_free(keys);
        /* Under other keys the same frames prove nothing. */
        rules.keyring = nika_keyring_new_derived(config.suite, config.n, config.clients, 2);
        struct nika_span frames[NIKA_EVIDENCE_FRAMES] = {
            nika_archive_frame(archive, &r.accusation.list[0], 0),
            nika_archive_frame(archive, &r.accusation.list[0], 1)};
        assert_false(nika_evidence_verify(&rules, r.accusation.list[0].kind,
                                          r.accusation.list[0].replica, frames, scratch));
        nika_keyring_free(rules.keyring);
        free(archive);
    }
    assert_true(broken >= 10);
    nika_runner_free(runner);
    nika_scenario_free(s);
    free(scratch);
}

/* A leader with two trusted subsystems of one identity splits agreement, and two messages name it: in every run. */
static void test_the_owner_of_a_cloned_trusted_subsystem_is_named(void **state)
{
    (void)state;
    static struct nika_diagnoses d;
    static struct nika_run_result r;
    static uint8_t scratch[NIKA_EVIDENCE_SCRATCH];
    const char *reason;
    struct nika_scenario *s =
        nika_scenario_load("scenarios/hybster/hybster-trusted-equivocate.json", NULL, 0, &d);
    assert_non_null(s);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct nika_archive *archive = NULL;
        assert_true(nika_runner_begin(runner, seed, &reason));
        nika_runner_finish(runner, &r);
        nika_runner_examine(runner, &r, &archive);
        assert_non_null(archive);
        assert_int_equal(r.accusation.count, 1);
        const struct nika_conviction *c = r.accusation.list;
        assert_int_equal(c->kind, NIKA_GUILT_TRUSTED);
        assert_int_equal(c->replica, 0);
        assert_true(c->corrupted);
        assert_non_null(strstr(c->sentence, "bound one value twice"));
        /* Keys made anew: nothing of the run is needed but its configuration and the frames. */
        struct nika_config config = runner->options.config;
        struct nika_keyring *keys =
            nika_keyring_new_derived(config.suite, config.n, config.clients, 1);
        struct nika_evidence_rules rules = {&config, runner->options.replica_ops, keys,
                                            nika_trusted_key_of(keys)};
        struct nika_span frames[NIKA_EVIDENCE_FRAMES] = {nika_archive_frame(archive, c, 0),
                                                         nika_archive_frame(archive, c, 1)};
        assert_true(nika_evidence_verify(&rules, NIKA_GUILT_TRUSTED, 0, frames, scratch));
        assert_false(nika_evidence_verify(&rules, NIKA_GUILT_TRUSTED, 1, frames, scratch));
        nika_trusted_key_free(rules.trusted);
        nika_keyring_free(keys);
        free(archive);
    }
    nika_runner_free(runner);
    nika_scenario_free(s);
}

static void test_expected_culprits_that_are_not_proven_are_an_unmet_expectation(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        uint32_t wanted;
        bool met;
    } cases[] = {{"scenarios/hybster/hybster-trusted-equivocate.json", 1, true},
                 {"scenarios/hybster/hybster-trusted-equivocate.json", 2, false},
                 {"scenarios/hybster/hybster-trusted-clone.json", 1, false},
                 {"scenarios/hybster/hybster-fault-free.json", 1, false}};
    static struct nika_diagnoses d;
    static struct nika_run_result r;
    const char *reason;
    for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct nika_scenario *s = nika_scenario_load(cases[i].path, NULL, 0, &d);
        assert_non_null(s);
        s->values[NIKA_KEY_CULPRITS] = cases[i].wanted;
        struct nika_runner *runner = nika_runner_new(s, &reason);
        nika_runner_run(runner, 15, &r);
        assert_int_equal(r.exit_class, cases[i].met ? NIKA_EXIT_HELD : NIKA_EXIT_EXPECTATION);
        if (!cases[i].met) assert_non_null(strstr(r.sentence, "guilty, expected at least"));
        nika_runner_free(runner);
        nika_scenario_free(s);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_equivocators_are_named_with_evidence_that_others_can_check),
        cmocka_unit_test(test_the_owner_of_a_cloned_trusted_subsystem_is_named),
        cmocka_unit_test(test_expected_culprits_that_are_not_proven_are_an_unmet_expectation),
        cmocka_unit_test(test_the_library_convicts_the_corrupted_only),
    };
    if (argc > 1) seeds = strtoull(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
