/* Each planted bug has a run, tests/museum/killing/<id>.json, that its oracle condemns and that holds without the bug; what shows in one
 * part has a test of that part instead (test_directed.c).
 *
 * This is what proves that a bug can matter, and that it can be switched off. A canary has a scenario in which nothing may condemn
 * it. Names as arguments test those bugs alone. */
#include <ctype.h>
#include <stdlib.h>

#include "engine/core/planted.h"
#include "tests/museum/runs.h"

#define CANARY_SEEDS 200u
#define COMPLAINT_SIZE (2u * NIKA_DIAGNOSIS_SIZE)

static struct nika_run_result result;
static struct CMUnitTest tests[256];

static void run_one(const char *path, const char *planted)
{
    const char *reason = NULL;
    struct nika_scenario *s = museum_load(path, planted);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    nika_runner_run(runner, s->values[NIKA_KEY_SEED], &result);
    nika_runner_free(runner);
    nika_scenario_free(s);
}

/* Do worlds in different memory run alike? The first one is still there while the others run. */
static bool repeats(const char *path, const char *planted)
{
    enum { WORLDS = 8 };
    const char *reason = NULL;
    struct nika_runner *runners[WORLDS];
    char first[sizeof result.digest];
    bool same = true;
    struct nika_scenario *s = museum_load(path, planted);
    for (uint32_t i = 0; i < WORLDS; i++) {
        runners[i] = nika_runner_new(s, &reason);
        assert_non_null(runners[i]);
        nika_runner_run(runners[i], s->values[NIKA_KEY_SEED], &result);
        if (i == 0) memcpy(first, result.digest, sizeof first);
        same = same && strcmp(first, result.digest) == 0;
    }
    for (uint32_t i = 0; i < WORLDS; i++) nika_runner_free(runners[i]);
    nika_scenario_free(s);
    return same;
}

/* The reasons of all rejections, in order; the digest of a run does not hold them. */
static void fold_reason(void *context, const struct nika_tap *tap)
{
    uint64_t *reasons = context;
    if (tap->kind == NIKA_TAP_NOTE && tap->a == NIKA_NOTE_REJECT)
        *reasons = *reasons * 31 + tap->note->a + 1;
}

/* A canary does something, and nothing comes of it. */
static void check_canary(const struct nika_museum_bug *bug, const char *path)
{
    const char *reason = NULL;
    char plain[CANARY_SEEDS][sizeof result.digest];
    uint64_t reasons = 0, plain_reasons = 0;
    uint32_t differ = 0;
    struct nika_watcher watcher = {
        .mask = NIKA_TAP_BIT(NIKA_TAP_NOTE), .on_tap = fold_reason, .context = &reasons};
    for (uint32_t planted = 0; planted < 2; planted++) {
        struct nika_scenario *s = museum_load(path, planted == 1 ? bug->id : "none");
        struct nika_runner *runner = nika_runner_new(s, &reason);
        assert_non_null(runner);
        reasons = 0;
        nika_runner_watch(runner, &watcher);
        for (uint32_t i = 0; i < CANARY_SEEDS; i++) {
            nika_runner_run(runner, i + 1, &result);
            if (result.exit_class != NIKA_EXIT_HELD)
                fail_msg("%s, seed %u: %s", bug->id, i + 1, result.sentence);
            if (planted == 0) memcpy(plain[i], result.digest, sizeof plain[i]);
            if (planted == 1) differ += strcmp(plain[i], result.digest) != 0 ? 1u : 0u;
        }
        nika_runner_free(runner);
        nika_scenario_free(s);
        if (planted == 0) plain_reasons = reasons;
    }
    if (differ == 0 && reasons == plain_reasons) fail_msg("%s never changes a run", bug->id);
}

/* Why this run does not show that the bug can matter; empty when it does. */
static void complain(const struct nika_museum_bug *bug, const char *path, char out[COMPLAINT_SIZE])
{
    out[0] = '\0';
    run_one(path, "none");
    if (result.exit_class != NIKA_EXIT_HELD) {
        snprintf(out, COMPLAINT_SIZE, "fails without the bug: %s", result.sentence);
        return;
    }
    if (strcmp(bug->verdicts, "determinism") == 0) {
        if (!repeats(path, "none")) snprintf(out, COMPLAINT_SIZE, "differs without the bug");
        if (repeats(path, bug->id)) snprintf(out, COMPLAINT_SIZE, "repeats with the bug");
        return;
    }
    run_one(path, bug->id);
    if (result.exit_class == NIKA_EXIT_HELD)
        snprintf(out, COMPLAINT_SIZE, "holds with the bug");
    else if (!nika_museum_detected(bug, &result))
        snprintf(out, COMPLAINT_SIZE, "not %s but: %s", bug->verdicts, result.sentence);
}

static void test_bug(void **state)
{
    const struct nika_museum_bug *bug = *state;
    char path[200], complaint[COMPLAINT_SIZE];
    snprintf(path, sizeof path, "tests/museum/killing/%s.json", bug->id);
    if (bug->verdicts[0] == '\0') {
        check_canary(bug, path);
        return;
    }
    complain(bug, path, complaint);
    if (strcmp(bug->verdicts, "ineffective") == 0) {
        assert_string_equal(complaint, "holds with the bug"); /* This test would notice it. */
        return;
    }
    if (complaint[0] != '\0') fail_msg("%s: %s", path, complaint);
}

/* The register and the switch name the same bugs, and every hunt has its scenario and its budget. */
static void test_every_bug_is_registered(void **state)
{
    (void)state;
    for (uint32_t i = 1; nika_planted_name(i) != NULL; i++) {
        const struct nika_museum_bug *bug = nika_museum_find(nika_planted_name(i));
        if (bug == NULL || strcmp(bug->id, nika_planted_name(i)) != 0)
            fail_msg("%s is in planted.def but not in fuzz/museum", nika_planted_name(i));
    }
    for (uint32_t i = 0; i < nika_museum_count; i++) {
        const struct nika_museum_bug *bug = &nika_museum[i];
        if (nika_schema_name_index(nika_planted_name, bug->id) == UINT32_MAX)
            fail_msg("%s is in fuzz/museum but not in planted.def", bug->id);
        nika_scenario_free(museum_load(bug->scenario, "none"));
        if (nika_museum_budget(bug->budget) == 0) fail_msg("%s has no budget", bug->id);
    }
}

/* Is `name` a word of the text? */
static bool says(const char *text, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = text; (at = strstr(at, name)) != NULL; at += size) {
        if ((at == text || !isalnum((unsigned char)at[-1])) && !isalnum((unsigned char)at[size]))
            return true;
    }
    return false;
}

/* What was published has its place: an entry, another name of one, or a reason why it has none. */
static void test_every_published_bug_is_accounted_for(void **state)
{
    static const struct {
        const char *format;
        int last;
    } published[] = {{"B%02d", 46}, {"I%02d", 20}, {"T%02d", 15}, {"PB%d", 31},
                     {"HB%d", 7},   {"W%02d", 26}, {"X%d", 10},   {"D%d", 20}};
    (void)state;
    char *text = NULL, name[8];
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    nika_museum_markdown(file);
    fclose(file);
    char *table = strstr(text, "| id |");
    assert_non_null(table);
    *table = '\0'; /* The reasons stand above it. */
    for (uint32_t i = 0; i < ARRAY_COUNT(published); i++) {
        for (int number = 1; number <= published[i].last; number++) {
            snprintf(name, sizeof name, published[i].format, number);
            if (nika_museum_find(name) == NULL && !says(text, name))
                fail_msg("%s is not planted, and no reason is given", name);
        }
    }
    free(text);
}

int main(int argc, char **argv)
{
    uint32_t count = 0;
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_every_bug_is_registered);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_every_published_bug_is_accounted_for);
    for (uint32_t i = 0; i < nika_museum_count && count < ARRAY_COUNT(tests); i++) {
        bool wanted = argc < 2;
        for (int k = 1; k < argc; k++) wanted = wanted || strcmp(argv[k], nika_museum[i].id) == 0;
        if (!wanted || nika_museum_directed(&nika_museum[i])) continue;
        tests[count++] = (struct CMUnitTest){.name = nika_museum[i].id,
                                             .test_func = test_bug,
                                             .initial_state = (void *)(uintptr_t)&nika_museum[i]};
    }
    return _cmocka_run_group_tests("museum", tests, count, NULL, NULL);
}
