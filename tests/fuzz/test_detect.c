/* Tests fuzz/detect: the figures are exact, and what records add up to is what they say. */
#include <stdlib.h>

#include "tests/support/test.h"

#include "fuzz/detect/detect.h"

static void interval(uint64_t hits, uint64_t n, uint32_t low, uint32_t high)
{
    uint32_t got_low, got_high;
    nika_detect_interval(hits, n, &got_low, &got_high);
    assert_in_range(got_low, low - (low > 0), low + 1);
    assert_in_range(got_high, high - 1, high + (high < 1000000));
}

/* Against published tables of Clopper and Pearson's limits. */
static void test_intervals_are_exact(void **state)
{
    (void)state;
    interval(0, 20, 0, 168433);
    interval(20, 20, 831567, 1000000);
    interval(10, 20, 271958, 728042);
    interval(1, 1, 25000, 1000000);
    interval(5, 100, 16432, 112835);
    interval(28, 10000, 1861, 4045);
}

static void test_the_median_lies_between_its_ranks(void **state)
{
    (void)state;
    static const uint32_t expected[][3] = {{5, 0, 6}, {6, 1, 6}, {20, 6, 15}, {30, 10, 21}};
    for (uint32_t i = 0; i < ARRAY_COUNT(expected); i++) {
        uint32_t low, high;
        nika_detect_median_ranks(expected[i][0], &low, &high);
        assert_int_equal(low, expected[i][1]);
        assert_int_equal(high, expected[i][2]);
    }
}

static void test_a_rival_is_given_up_after_runs_that_say_enough(void **state)
{
    (void)state;
    /* Of 60 runs that hit once in 20 all miss less often than once in 20 times: 0.95^60 = 0.046; of 57 they do not. */
    assert_int_equal(nika_detect_outpaced_after(20, 30, 30), 60);
    assert_int_equal(nika_detect_outpaced_after(20, 19, 570), 1800);
    assert_int_equal(nika_detect_outpaced_after(1, 2, 3), 5);
}

static json_t *record(const char *bug, const char *strategy, int campaign, int runs, bool found)
{
    json_t *r =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:b, s:i, s:i, s:i, s:i}",
                  "nika_detect", 1, "bug", bug, "strategy", strategy, "scenario", "hunt", "path",
                  "hunt.json", "campaign", campaign, "first", 1 + 32 * campaign, "limit", 30,
                  "found", found, "runs", runs, "cpu_us", 1000 * runs, "others", 1, "alarms", 0);
    if (found) {
        json_object_set_new(r, "by", json_string("O1"));
        json_object_set_new(r, "seed", json_integer(32 * campaign + runs));
    }
    return r;
}

/* Ten campaigns of one strategy that find B06 after 3, 6, ... 27 runs and once not at all; one of another that finds nothing. */
static json_t *records(void)
{
    json_t *list = json_array();
    for (int i = 0; i < 9; i++)
        json_array_append_new(list, record("B06", "grammar", i, 27 - 3 * i, true));
    json_array_append_new(list, record("B06", "grammar", 9, 30, false));
    json_array_append_new(list, record("B06", "random", 0, 30, false));
    json_array_append_new(list, record(NIKA_DETECT_SOUND, "grammar", 0, 500, false));
    json_array_append_new(list, json_pack("{s:i, s:s, s:s, s:i}", "nika_detect_shrunk", 1, "bug",
                                          "B06", "strategy", "grammar", "lines", 12));
    return list;
}

static json_t *summary_of(json_t *list, bool complete)
{
    json_t *settings =
        json_pack("{s:i, s:i, s:i, s:i}", "limit", 30, "campaigns", 10, "first", 1, "patience", 0);
    json_t *left_out = json_pack("{s:s}", "C01", "a canary"),
           *summary = nika_detect_summary(list, settings, left_out, complete);
    json_decref(settings);
    json_decref(left_out);
    return summary;
}

static json_int_t at(const json_t *object, const char *key)
{
    assert_true(json_is_integer(json_object_get(object, key)));
    return json_integer_value(json_object_get(object, key));
}

static void test_a_cell_is_what_its_campaigns_say(void **state)
{
    (void)state;
    json_t *list = records(), *summary = summary_of(list, true);
    json_t *cells = json_object_get(summary, "cells"), *cell = json_array_get(cells, 0);
    assert_int_equal(json_array_size(cells), 2);
    assert_string_equal(json_string_value(json_object_get(cell, "strategy")), "grammar");
    assert_int_equal(at(cell, "campaigns"), 10);
    assert_int_equal(at(cell, "found"), 9);
    assert_int_equal(at(cell, "runs"), 135 + 30);
    assert_int_equal(at(cell, "runs_median"), 15);
    assert_int_equal(at(cell, "runs_p90"), 27);
    assert_int_equal(at(cell, "runs_median_low"), 6);
    /* The ninth of ten is there, the last is beyond the limit. */
    assert_int_equal(at(cell, "runs_median_high"), 27);
    assert_int_equal(at(cell, "cpu_us_median"), 15000);
    assert_int_equal(at(cell, "others"), 10);
    assert_int_equal(at(json_object_get(cell, "by"), "O1"), 9);
    assert_int_equal(json_array_size(json_object_get(cell, "seeds")), 9);
    assert_true(json_is_null(json_object_get(json_array_get(cells, 1), "runs_median")));
    json_t *bug = json_array_get(json_object_get(summary, "bugs"), 0);
    assert_string_equal(json_string_value(json_object_get(bug, "best")), "grammar");
    /* Nine of ten are not nineteen of twenty. */
    assert_true(json_is_false(json_object_get(bug, "within_budget")));
    assert_int_equal(at(json_object_get(bug, "shrunk"), "lines"), 12);
    assert_int_equal(at(json_object_get(summary, "sound"), "runs"), 500);
    assert_int_equal(at(json_object_get(summary, "sound"), "controls"), 9);
    json_decref(summary);
    json_decref(list);
}

static void test_a_cell_that_was_given_up_says_after_how_many_runs(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    json_t *list = records(), *given_up = record("B06", "twins", 0, 27, false);
    json_object_set_new(given_up, "outpaced", json_true());
    json_array_append_new(list, given_up);
    json_t *summary = summary_of(list, true), *cells = json_object_get(summary, "cells");
    assert_true(json_is_false(json_object_get(json_array_get(cells, 0), "outpaced")));
    assert_true(json_is_true(json_object_get(json_array_get(cells, 2), "outpaced")));
    json_object_set_new(json_object_get(summary, "settings"), "outpaced", json_integer(20));
    FILE *file = open_memstream(&text, &size);
    nika_detect_markdown(summary, file);
    fclose(file);
    assert_non_null(strstr(text, "| **9/10, 15** | 0/1 | 0/1 (27) |"));
    assert_non_null(strstr(text, "less than one 20th as often"));
    free(text);
    json_decref(summary);
    json_decref(list);
}

static void verdict(json_t *list, bool complete, int expected)
{
    json_t *summary = summary_of(list, complete);
    assert_int_equal(nika_detect_verdict(summary), expected);
    json_decref(summary);
}

static void test_the_verdict_is_that_of_the_worst(void **state)
{
    (void)state;
    json_t *list = records();
    /* Nine of ten campaigns are too few, nineteen of twenty are enough. */
    verdict(list, true, NIKA_EXIT_EXPECTATION);
    for (int i = 10; i < 20; i++)
        json_array_append_new(list, record("B06", "grammar", i, 30, true));
    verdict(list, true, NIKA_EXIT_HELD);
    verdict(list, false, NIKA_EXIT_INCONCLUSIVE);
    /* Found, but beyond the budget of B07, which is 100 runs. */
    json_array_append_new(list, record("B07", "grammar", 0, 101, true));
    verdict(list, true, NIKA_EXIT_EXPECTATION);
    json_t *alarm = record(NIKA_DETECT_SOUND, "random", 0, 500, false);
    json_object_set_new(alarm, "alarms", json_integer(1));
    json_array_append_new(list, alarm);
    verdict(list, true, NIKA_EXIT_SAFETY);
    json_decref(list);
}

static void test_tables_and_picture_hold_the_figures(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    json_t *list = records(), *summary = summary_of(list, true);
    FILE *file = open_memstream(&text, &size);
    nika_detect_markdown(summary, file);
    fprintf(file, "----\n");
    nika_detect_csv(list, file);
    nika_detect_svg(list, summary, file);
    fclose(file);
    assert_non_null(strstr(text, "| B06 | PB5 | **9/10, 15** | 0/1 | 100 | no |"));
    assert_non_null(strstr(text, "| 9/10 (55-100 %) | 15 (6 - 27) | 27 | 0.015 | 0.027 | 10 |"));
    assert_non_null(strstr(text, "C01 (a canary)"));
    assert_non_null(strstr(text, "B06,grammar,hunt,0,1,30,1,27,27000,27,O1,1,0\n"));
    assert_non_null(strstr(text, "B06,random,hunt,0,1,30,0,30,30000,,,1,0\n"));
    assert_null(strstr(text, "nan"));
    assert_non_null(strstr(text, ">grammar 90 %</text>"));
    assert_non_null(strstr(text, "</svg>\n"));
    free(text);
    json_decref(summary);
    json_decref(list);
}

/* A strategy that makes more of a seed than the seed says, against a bug that only shows when a run is repeated. The modules are sound:
 * each run equals its repetition, which takes what the strategy took. */
static uint64_t no_clock(void)
{
    return 0;
}

static void test_a_repetition_takes_what_the_strategy_took(void **state)
{
    (void)state;
    static const char text[] =
        "{\"schema\": 1, \"name\": \"repeat\", \"why\": \"Runs are repeated.\", \"gst_ms\": 100,"
        " \"cluster\": {\"protocol\": \"pbft\"}, \"workload\": {\"requests\": 4},"
        " \"network\": {\"loss_ppm\": 50000}}";
    const struct nika_museum_bug bug = {
        .id = "I13", .verdicts = "determinism", .scenario = "repeat"};
    struct nika_diagnoses d = {.file = "repeat"};
    struct nika_scenario *s = nika_scenario_parse("repeat", text, strlen(text), NULL, 0, &d);
    assert_non_null(s);
    const struct nika_detect_cell cell = {.bug = &bug,
                                          .strategy = nika_strategy_find("guided"),
                                          .planted = s,
                                          .sound = s,
                                          .limit = 40};
    const struct nika_detect_plan plan = {.cells = &cell,
                                          .cell_count = 1,
                                          .campaigns = 1,
                                          .jobs = 1,
                                          .first = 1,
                                          .limit = 40,
                                          .now_ns = no_clock,
                                          .cpu_ns = no_clock};
    struct nika_detect_slot slot;
    memset(&slot, 0, sizeof slot);
    struct nika_detect_hunt *hunt = nika_detect_hunt_new(&plan, 0);
    assert_non_null(hunt);
    json_t *record = nika_detect_campaign(hunt, 0, 0, &slot);
    assert_non_null(record);
    assert_false(json_is_true(json_object_get(record, "found")));
    assert_int_equal(json_integer_value(json_object_get(record, "runs")), 40);
    json_decref(record);
    nika_detect_hunt_free(hunt);
    nika_scenario_free(s);
}

/* Alarms in 16 runs of the sound modules in a scenario that must fail, taken for one that must hold. */
static json_int_t alarms_in(const char *path)
{
    const char *list[] = {"expect.properties={}", "expect.safety=held", "expect.culprits=0"};
    struct nika_diagnoses d = {0};
    struct nika_detect_slot slot;
    struct nika_scenario *s = nika_scenario_load(path, list, ARRAY_COUNT(list), &d);
    if (s == NULL) fail_msg("%s", d.lines[0]);
    const struct nika_detect_cell cell = {
        .strategy = nika_strategy_find("random"), .planted = s, .sound = s, .limit = 16};
    const struct nika_detect_plan plan = {.cells = &cell,
                                          .cell_count = 1,
                                          .campaigns = 1,
                                          .jobs = 1,
                                          .first = 1,
                                          .limit = 16,
                                          .now_ns = no_clock,
                                          .cpu_ns = no_clock};
    memset(&slot, 0, sizeof slot);
    struct nika_detect_hunt *hunt = nika_detect_hunt_new(&plan, 0);
    assert_non_null(hunt);
    json_t *record = nika_detect_campaign(hunt, 0, 0, &slot);
    json_int_t alarms = json_integer_value(json_object_get(record, "alarms"));
    json_decref(record);
    nika_detect_hunt_free(hunt);
    nika_scenario_free(s);
    return alarms;
}

static void test_what_a_broken_trusted_subsystem_leads_to_is_no_false_alarm(void **state)
{
    (void)state;
    assert_int_equal(alarms_in("scenarios/hybster/hybster-trusted-equivocate.json"), 0);
    assert_in_range(alarms_in("scenarios/pbft/two-equivocators.json"), 1, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intervals_are_exact),
        cmocka_unit_test(test_the_median_lies_between_its_ranks),
        cmocka_unit_test(test_a_rival_is_given_up_after_runs_that_say_enough),
        cmocka_unit_test(test_a_cell_is_what_its_campaigns_say),
        cmocka_unit_test(test_a_cell_that_was_given_up_says_after_how_many_runs),
        cmocka_unit_test(test_the_verdict_is_that_of_the_worst),
        cmocka_unit_test(test_tables_and_picture_hold_the_figures),
        cmocka_unit_test(test_what_a_broken_trusted_subsystem_leads_to_is_no_false_alarm),
        cmocka_unit_test(test_a_repetition_takes_what_the_strategy_took),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
