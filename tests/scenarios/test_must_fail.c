/* Beyond the fault bound, or out of the model, a run may fail; in some of the first seeds it must, or the oracle that should see it is
 * blind (ATTACKS.md 4, 9.1). What still must hold there, holds in all of them. */
#include "tests/support/test.h"

#include "scenarios/runner.h"

#define SEEDS_MAX 1000u

static struct nika_run_result result;

struct beyond {
    const char *path;
    const char *oracle; /* Must be violated in one of the seeds. */
};
static const struct beyond beyond[] = {
    {"scenarios/pbft/two-equivocators.json", "O1"},
    {"scenarios/pbft/twins-beyond-bound.json", "O1"},
    {"scenarios/pbft/grammar-beyond-bound.json", "O1"},
    {"tests/scenarios/forgetful-disks.json", "O1"},
    {"scenarios/pbft/lying-signers-beyond-bound.json", "O5"},
    {"scenarios/pbft/lying-replies-beyond-bound.json", "O5"},
    {"scenarios/pbft/client-without-quorum.json", "O10"},
    {"scenarios/hybster/hybster-trusted-rollback.json", "O13"},
    {"scenarios/hybster/hybster-trusted-clone.json", "O13"},
    {"scenarios/hybster/hybster-trusted-key-leak.json", "O13"},
};

static bool violated(const char *oracle)
{
    for (uint32_t i = 0; i < result.violation_count; i++)
        if (strcmp(nika_oracle_list[result.violations[i].oracle]->id, oracle) == 0) return true;
    return false;
}

static void test_it_fails(void **state)
{
    const struct beyond *b = *state;
    static struct nika_diagnoses diagnoses;
    const char *reason = NULL;
    struct nika_scenario *s = nika_scenario_load(b->path, NULL, 0, &diagnoses);
    if (s == NULL) fail_msg("%s", diagnoses.lines[0]);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    uint64_t seed = 0;
    bool seen = false;
    while (!seen && seed < SEEDS_MAX) {
        nika_runner_run(runner, ++seed, &result);
        seen = violated(b->oracle);
    }
    nika_runner_free(runner);
    nika_scenario_free(s);
    if (!seen) fail_msg("%s: %s held in %u seeds", b->path, b->oracle, SEEDS_MAX);
    print_message("%s: %s violated by seed %llu\n", b->path, b->oracle, (unsigned long long)seed);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_COUNT(beyond)];
    for (uint32_t i = 0; i < ARRAY_COUNT(beyond); i++)
        tests[i] = (struct CMUnitTest){.name = beyond[i].path,
                                       .test_func = test_it_fails,
                                       .initial_state = (void *)(uintptr_t)&beyond[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
