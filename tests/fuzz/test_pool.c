/* Tests fuzz/campaign/pool.c and last_words.c: a process that dies in a run is a finding that says which run and why. */
#include <stdlib.h>
#include <unistd.h>

#include "engine/core/assert.h"
#include "fuzz/campaign/campaign.h"
#include "fuzz/campaign/last_words.h"
#include "tests/support/test.h"

#define SET "workload.requests=2"

static void nothing(const struct nika_scenario *scenario, struct nika_strategy_sets *out)
{
    (void)scenario;
    (void)out;
}

/* Breaks where no run can catch it. */
static void choose(void *memory, uint64_t seed, struct nika_course *out)
{
    (void)memory;
    *out = (struct nika_course){.seed = seed};
    NIKA_ASSERT(seed != 7);
}

static void learn(void *memory, const struct nika_course *course, uint32_t fresh, uint64_t first,
                  uint64_t last)
{
    (void)memory;
    (void)course;
    (void)fresh;
    (void)first;
    (void)last;
}

/* With the name of one that learns: a run of its own does not repeat what it did. */
static const struct nika_strategy breaks = {.name = "guided",
                                            .doc = "",
                                            .overrides = nothing,
                                            .memory_size = 8,
                                            .choose = choose,
                                            .learn = learn};

static uint64_t no_clock(void)
{
    return 1;
}

static bool keep(void *context, const char *record)
{
    struct nika_diagnoses d = {0};
    return nika_results_add(context, record, "x", 1, &d);
}

static void no_progress(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    (void)done;
    (void)total;
}

static void test_a_run_that_ends_its_process_says_why_and_how_to_repeat_it(void **state)
{
    (void)state;
    const char *list[] = {SET};
    char line[NIKA_REPRODUCE_SIZE], *kept[2];
    struct nika_diagnoses d;
    volatile int stop = 0;
    static struct nika_strategy_sets sets = {.count = 2, .given = 1};
    snprintf(sets.text[0], sizeof sets.text[0], SET);
    snprintf(sets.text[1], sizeof sets.text[1], "faults[0]={}"); /* The strategy's own. */
    struct nika_scenario *s =
        nika_scenario_load("scenarios/pbft/fault-free.json", list, ARRAY_COUNT(list), &d);
    assert_non_null(s);
    const struct nika_scenario *scenarios[] = {s};
    for (uint32_t i = 0; i < 2; i++) {
        struct nika_results results = {0};
        const struct nika_plan plan = {.scenarios = scenarios,
                                       .sets = &sets,
                                       .scenario_count = 1,
                                       .strategy = &breaks,
                                       .version = "test",
                                       .first = 1,
                                       .last = 16,
                                       .shard = 1,
                                       .shards = 1,
                                       .jobs = 2,
                                       .run_limit_ns = UINT64_MAX,
                                       .now_ns = no_clock,
                                       .stop = &stop,
                                       .known = &results,
                                       .keep = keep,
                                       .progress = no_progress,
                                       .context = &results};
        assert_int_equal(nika_pool_run(&plan), NIKA_POOL_DONE);
        json_t *summary = nika_campaign_summary(&results, true),
               *failures = json_object_get(summary, "failures");
        assert_int_equal(json_object_size(failures), 1);
        json_t *failure = json_object_iter_value(json_object_iter(failures));
        const char *sentence = json_string_value(json_object_get(failure, "sentence"));
        if (strstr(sentence, "ended its process with status 3: nika: ") == NULL ||
            strstr(sentence, "broken invariant: seed != 7") == NULL)
            fail_msg("%s", sentence);
        nika_failure_reproduce(failure, line, sizeof line);
        assert_string_equal(line, "nika campaign scenarios/pbft/fault-free.json --strategy guided "
                                  "--seeds 1..7 --out out/again --set " SET);
        json_decref(summary);
        json_t *record = nika_results_record(&results, &results.lines[0]);
        kept[i] = json_dumps(record, JSON_SORT_KEYS);
        json_decref(record);
        nika_results_free(&results);
    }
    assert_string_equal(kept[0], kept[1]);
    free(kept[0]);
    free(kept[1]);
    nika_scenario_free(s);
}

/* What is kept of `text`, written by a process that has ended. */
static void said(const char *text, size_t size, const char *expected)
{
    static struct nika_last_words words;
    char out[64];
    int to;
    assert_true(nika_last_words_open(&words, &to));
    assert_int_equal(write(to, text, size), size);
    close(to);
    nika_last_words_hear(&words);
    assert_int_equal(words.from, -1);
    nika_last_words_say(&words, out, sizeof out);
    assert_string_equal(out, expected);
}

static void test_the_line_that_says_most_is_kept_and_nothing_that_differs_or_steers(void **state)
{
    (void)state;
    static const char report[] = "=================\n==123==ERROR: AddressSanitizer: bad access\n"
                                 "    #0 0x55aa in f a.c:3\nSUMMARY: AddressSanitizer: bad a.c:3 "
                                 "in f\nShadow bytes\n==123==ABORTING\n";
    said(report, sizeof report - 1, "SUMMARY: AddressSanitizer: bad a.c:3 in f");
    static const char hostile[] = "first\nat \033[31m0xdeadBEEF: \xff end\n\n==9==ABORTING\n";
    said(hostile, sizeof hostile - 1, "at ?[31m0xBEEF: ? end");
    said("", 0, "");
    said("no end", 6, "no end");
    /* More than is kept: the end is. */
    static char much[3 * NIKA_LAST_WORDS_KEPT];
    memset(much, 'a', sizeof much);
    memcpy(much + sizeof much - 6, "\nlast\n", 6);
    said(much, sizeof much, "last");
    memset(much + sizeof much - 6, 'a', 6);
    said(much, sizeof much, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_that_ends_its_process_says_why_and_how_to_repeat_it),
        cmocka_unit_test(test_the_line_that_says_most_is_kept_and_nothing_that_differs_or_steers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
