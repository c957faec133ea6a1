/* Each certified lie of faults/hybster is told in its shipped scenario, and the check that is there for it refuses it (PROTOCOLS.md 6, H1-H5). */
#include "tests/support/test.h"

#include "scenarios/runner.h"
#include "scenarios/scenario.h"

#define SEEDS 10u

static struct nika_diagnoses diagnoses;
static struct nika_run_result result;

/* `check` is what must refuse the lie; NIKA_CHECK_NONE where the trusted subsystem or the next order does. */
static const struct {
    const char *name;
    enum nika_check check;
} lies[] = {
    {"hybster-hidden-hop", NIKA_CHECK_HV4},
    {"hybster-hidden-orders", NIKA_CHECK_HV7},
    {"hybster-gapped-orders", NIKA_CHECK_HV7},
    {"hybster-truncated-hops", NIKA_CHECK_HV5},
    {"hybster-forged-base", NIKA_CHECK_NONE},
    {"hybster-few-view-changes", NIKA_CHECK_HN3},
    {"hybster-stale-proofs", NIKA_CHECK_HN3},
    {"hybster-wrong-orders", NIKA_CHECK_HN6},
    {"hybster-lying-ack", NIKA_CHECK_HN5},
    {"hybster-wrong-kind-leader", NIKA_CHECK_HP4},
    {"hybster-wrong-kind-follower", NIKA_CHECK_HC2},
    {"hybster-skipped-order", NIKA_CHECK_NONE},
    {"hybster-unknown-batch", NIKA_CHECK_NONE},
    {"hybster-equivocation-refused", NIKA_CHECK_NONE},
    {"hybster-equivocation-relabelled", NIKA_CHECK_HP4},
    {"hybster-equivocation-by-mac", NIKA_CHECK_HP4},
    {"hybster-equivocation-continuing", NIKA_CHECK_HP4},
    {"hybster-stale-epoch", NIKA_CHECK_HP4},
};

static void test_lie(void **state)
{
    const uint32_t index = (uint32_t)(uintptr_t)*state;
    char path[200];
    const char *reason = NULL;
    uint64_t told = 0, refused = 0;
    snprintf(path, sizeof path, "scenarios/hybster/%s.json", lies[index].name);
    struct nika_scenario *s = nika_scenario_load(path, NULL, 0, &diagnoses);
    if (s == NULL) fail_msg("%s", diagnoses.lines[0]);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        nika_runner_run(runner, seed, &result);
        if (result.exit_class != NIKA_EXIT_HELD)
            fail_msg("seed %u: %s", (unsigned)seed, result.sentence);
        told += result.faults[result.fault_count - 1].acted;
        refused += result.stats.rejects[lies[index].check];
    }
    nika_runner_free(runner);
    nika_scenario_free(s);
    if (told == 0) fail_msg("%s: the lie is never told", path);
    if (lies[index].check != NIKA_CHECK_NONE && refused == 0)
        fail_msg("%s: %s never refuses it", path, nika_check_name(lies[index].check));
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_COUNT(lies)];
    for (uintptr_t i = 0; i < ARRAY_COUNT(lies); i++)
        tests[i] = (struct CMUnitTest){
            .name = lies[i].name, .test_func = test_lie, .initial_state = (void *)i};
    return _cmocka_run_group_tests("certified lies", tests, ARRAY_COUNT(lies), NULL, NULL);
}
