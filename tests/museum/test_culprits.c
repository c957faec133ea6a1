/* Accountability is fed every safety failure of the museum: the killing run of each bug, and a few runs of the scenario it is hunted
 * in. Whoever is convicted was corrupted, or carries a bug that makes a replica contradict itself; where quorums disagree, as many
 * are convicted as theory promises (ATTACKS.md 9.3). Names as arguments test those bugs alone. */
#include "tests/museum/runs.h"

#define HUNTED_SEEDS 25u

static struct nika_run_result result;
static struct CMUnitTest tests[256];
static uint32_t judged, convictions, promises;

/* A replica that carries one of these says two things where a correct one says one, or what does not follow from what it shows: it is
 * faulty, whether the run corrupted it or not. */
static const char *const contradict_themselves[] = {
    "B03",  /* A NEW-VIEW with fewer VIEW-CHANGEs than a quorum. */
    "B06",  /* Two PREPAREs for one number. */
    "B16",  /* A VIEW-CHANGE that forgets. */
    "B17",  /* A NEW-VIEW that does not follow. */
    "B21",  /* The same. */
    "B22",  /* Votes again in a view that it had left. */
    "B23",  /* Votes on after its VIEW-CHANGE. */
    "B34",  /* A VIEW-CHANGE that forgets. */
    "B42",  /* Two NEW-VIEWs. */
    "PB11", /* A VIEW-CHANGE that forgets. */
    "B05", /* Its signatures say not what they sign: whoever has a PREPARE can show a COMMIT, so nothing convicts. */
};

static bool contradicts_itself(const struct nika_museum_bug *bug)
{
    for (uint32_t i = 0; i < ARRAY_COUNT(contradict_themselves); i++)
        if (strcmp(contradict_themselves[i], bug->id) == 0) return true;
    return false;
}

static void judge(const struct nika_museum_bug *bug, const char *path, uint64_t seed)
{
    const struct nika_accusation *a = &result.accusation;
    if (result.exit_class != NIKA_EXIT_SAFETY) return;
    assert_true(a->examined);
    assert_false(a->full);
    judged++;
    for (uint32_t i = 0; i < a->count; i++) {
        convictions++;
        if (!a->list[i].corrupted && !contradicts_itself(bug))
            fail_msg("%s, %s, seed %llu: correct replica %u %s", bug->id, path,
                     (unsigned long long)seed, a->list[i].replica, a->list[i].sentence);
    }
    promises += a->promised > 0 ? 1u : 0u;
    if (a->count < a->promised)
        fail_msg("%s, %s, seed %llu: %u of %u promised culprits", bug->id, path,
                 (unsigned long long)seed, a->count, a->promised);
}

static void run(const struct nika_museum_bug *bug, const char *path, uint64_t seeds)
{
    const char *reason = NULL;
    struct nika_scenario *s = museum_load(path, bug->id);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    uint64_t first = seeds == 0 ? s->values[NIKA_KEY_SEED] : 1;
    uint64_t last = seeds == 0 ? first : seeds;
    for (uint64_t seed = first; seed <= last; seed++) {
        nika_runner_run(runner, seed, &result);
        judge(bug, path, seed);
    }
    nika_runner_free(runner);
    nika_scenario_free(s);
}

static void test_bug(void **state)
{
    const struct nika_museum_bug *bug = *state;
    char path[200];
    snprintf(path, sizeof path, "tests/museum/killing/%s.json", bug->id);
    run(bug, path, 0);
    run(bug, bug->scenario, HUNTED_SEEDS);
}

/* Without this the rest would pass on runs in which nothing happens. */
static void test_the_museum_has_much_to_judge(void **state)
{
    (void)state;
    print_message("%u safety failures, %u convictions, %u with conflicting quorums\n", judged,
                  convictions, promises);
    assert_true(judged >= 300);
    assert_true(convictions >= 200);
    assert_true(promises >= 15);
}

int main(int argc, char **argv)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < nika_museum_count && count + 1 < ARRAY_COUNT(tests); i++) {
        const struct nika_museum_bug *bug = &nika_museum[i];
        bool wanted = argc < 2;
        for (int k = 1; k < argc; k++) wanted = wanted || strcmp(argv[k], bug->id) == 0;
        if (!wanted || strcmp(bug->kind, "safety") != 0 || nika_museum_directed(bug)) continue;
        tests[count++] = (struct CMUnitTest){
            .name = bug->id, .test_func = test_bug, .initial_state = (void *)(uintptr_t)bug};
    }
    if (argc < 2)
        tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_the_museum_has_much_to_judge);
    return _cmocka_run_group_tests("culprits", tests, count, NULL, NULL);
}
