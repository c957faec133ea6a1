/* Golden traces: six short stories of the protocol, each a scenario in tests/scenarios/golden/ under its fixed seed, told in one
 * line an event and compared with the text beside it. A change of the protocol shows here as a readable difference.
 *
 * `test_scenarios_golden --update` writes the texts anew, from the root of the tree; look at the difference before you commit it. */
#include "tests/support/test.h"

#include "protocols/pbft/pbft.h"
#include "scenarios/runner.h"
#include "scenarios/story.h"

#define FOLDER "tests/scenarios/golden/"
#define TEXT_SIZE NIKA_STORY_LINE_SIZE
#define LINES_MAX 400u

static bool update;

struct golden {
    FILE *file;
    uint32_t lines;
    struct nika_story story;
};

static void on_tap(void *context, const struct nika_tap *tap)
{
    struct golden *g = context;
    char line[NIKA_STORY_LINE_SIZE];
    if (!nika_story_line(&g->story, tap, line)) return;
    assert_true(g->lines++ < LINES_MAX);
    assert_true(g->story.digest_count < NIKA_STORY_DIGESTS_MAX);
    fprintf(g->file, "%s\n", line);
}

static char *tell(const char *name, size_t *size)
{
    static struct nika_diagnoses d;
    static struct nika_run_result result;
    char path[256], *text = NULL;
    const char *reason;
    snprintf(path, sizeof path, FOLDER "%s.json", name);
    struct nika_scenario *scenario = nika_scenario_load(path, NULL, 0, &d);
    if (scenario == NULL) fail_msg("%s", d.lines[0]);
    struct nika_runner *runner = nika_runner_new(scenario, &reason);
    assert_non_null(runner);
    if (!nika_runner_begin(runner, scenario->values[NIKA_KEY_SEED], &reason))
        fail_msg("%s", reason);
    struct golden story = {.file = open_memstream(&text, size),
                           .story = {.protocol = &nika_replica_pbft, .name_digests = true}};
    assert_non_null(story.file);
    struct nika_watcher watcher = {
        &story, (NIKA_TAP_BIT(NIKA_TAP_COUNT) - 1) & ~NIKA_TAP_BIT(NIKA_TAP_EVENT_END), on_tap};
    fprintf(story.file, "%s\n\n", scenario->why);
    nika_world_watch(nika_runner_world(runner), &watcher);
    nika_runner_finish(runner, &result);
    fprintf(story.file, "\n%s\n", nika_exit_name(result.exit_class));
    fclose(story.file);
    if (result.exit_class != NIKA_EXIT_HELD) fail_msg("%s: %s", path, result.sentence);
    nika_runner_free(runner);
    nika_scenario_free(scenario);
    return text;
}

static void write_text(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void expect_text(const char *path, const char *text)
{
    char was[TEXT_SIZE];
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail_msg("%s is missing: run this program with --update", path);
    for (uint32_t line = 1;; line++) {
        size_t size = strcspn(text, "\n");
        bool more = fgets(was, sizeof was, file) != NULL;
        if (!more && *text == '\0') break;
        if (!more) snprintf(was, sizeof was, "(end)");
        was[strcspn(was, "\n")] = '\0';
        if (strlen(was) != size || memcmp(was, text, size) != 0)
            fail_msg("%s:%u:\nwas %s\nis  %.*s", path, line, was, (int)size, text);
        text += size + (text[size] == '\n');
    }
    fclose(file);
}

static void expect_story(const char *name)
{
    char path[256];
    size_t size = 0;
    char *text = tell(name, &size);
    snprintf(path, sizeof path, FOLDER "%s.txt", name);
    if (update) write_text(path, text, size);
    expect_text(path, text);
    free(text);
}

static void test_one_request_without_faults(void **state)
{
    (void)state;
    expect_story("one-request");
}

static void test_a_primary_crashes_and_is_replaced(void **state)
{
    (void)state;
    expect_story("primary-crash");
}

static void test_an_equivocating_primary_is_found_out(void **state)
{
    (void)state;
    expect_story("equivocation");
}

static void test_a_checkpoint_becomes_stable_and_moves_the_window(void **state)
{
    (void)state;
    expect_story("stable-checkpoint");
}

static void test_a_lost_batch_is_fetched(void **state)
{
    (void)state;
    expect_story("lost-batch");
}

static void test_a_restarted_replica_goes_on_from_its_log(void **state)
{
    (void)state;
    expect_story("recovery");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_request_without_faults),
        cmocka_unit_test(test_a_primary_crashes_and_is_replaced),
        cmocka_unit_test(test_an_equivocating_primary_is_found_out),
        cmocka_unit_test(test_a_checkpoint_becomes_stable_and_moves_the_window),
        cmocka_unit_test(test_a_lost_batch_is_fetched),
        cmocka_unit_test(test_a_restarted_replica_goes_on_from_its_log),
    };
    update = argc > 1 && strcmp(argv[1], "--update") == 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
