/* tests/fuzz/test_results.c: blocks become records, records a set, and a set a summary. */
#include <stdlib.h>
#include <unistd.h>

#include "fuzz/campaign/campaign.h"
#include "tests/support/test.h"

static uint64_t no_clock(void)
{
    return 1;
}

/* The record of a block of `count` seeds from `first`, as text. Caller frees. */
static char *record_of(const char *path, uint64_t first, uint32_t count, struct nika_skip *skip)
{
    static const struct nika_strategy_sets none;
    struct nika_diagnoses d;
    struct nika_slot slot = {0};
    char digest[33];
    const char *reason;
    struct nika_scenario *s = nika_scenario_load(path, NULL, 0, &d);
    assert_non_null(s);
    nika_scenario_digest(s, digest);
    struct nika_block block = {.scenario = s,
                               .strategy = nika_strategies[0],
                               .sets = &none,
                               .version = "test",
                               .scenario_digest = digest,
                               .first = first,
                               .count = count};
    if (skip != NULL) block.skips[block.skip_count++] = *skip;
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    json_t *record = nika_block_run(&block, runner, &slot, no_clock);
    assert_non_null(record);
    assert_int_equal(slot.started_ns, 0);
    char *text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(record);
    nika_runner_free(runner);
    nika_scenario_free(s);
    return text;
}

#define FAIR "scenarios/pbft/fault-free.json"

static void test_a_block_gives_the_same_record_again(void **state)
{
    (void)state;
    char *one = record_of(FAIR, 5, 4, NULL), *two = record_of(FAIR, 5, 4, NULL),
         *other = record_of(FAIR, 9, 4, NULL);
    assert_string_equal(one, two);
    assert_string_not_equal(one, other);
    free(one);
    free(two);
    free(other);
}

static void test_a_skipped_seed_is_a_failure_with_its_reason(void **state)
{
    (void)state;
    struct nika_skip skip = {.seed = 6, .what = "was killed by signal 11"};
    char *text = record_of(FAIR, 5, 3, &skip);
    json_t *record = json_loads(text, 0, NULL), *failures = json_object_get(record, "failures");
    assert_int_equal(json_array_size(failures), 1);
    assert_int_equal(json_integer_value(json_object_get(record, "held")), 2);
    const json_t *failure = json_array_get(failures, 0);
    assert_int_equal(json_integer_value(json_object_get(failure, "seed")), 6);
    assert_int_equal(json_integer_value(json_object_get(failure, "exit_class")),
                     NIKA_EXIT_CONTRACT);
    json_decref(record);
    free(text);
}

static void add(struct nika_results *results, const char *text)
{
    struct nika_diagnoses d = {0};
    assert_true(nika_results_add(results, text, "x", 1, &d));
}

static void test_the_order_in_which_records_come_does_not_matter(void **state)
{
    (void)state;
    struct nika_results forward = {0}, backward = {0};
    char *records[3];
    for (uint32_t i = 0; i < 3; i++) records[i] = record_of(FAIR, 1 + 2 * i, 2, NULL);
    for (uint32_t i = 0; i < 3; i++) add(&forward, records[i]);
    for (uint32_t i = 3; i > 0; i--) add(&backward, records[i - 1]);
    add(&backward, records[1]); /* Twice is once. */
    assert_int_equal(backward.count, 3);
    json_t *a = nika_campaign_summary(&forward, true), *b = nika_campaign_summary(&backward, true);
    assert_true(json_equal(a, b));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(a, "totals"), "runs")), 6);
    json_decref(a);
    json_decref(b);
    nika_results_free(&forward);
    nika_results_free(&backward);
    for (uint32_t i = 0; i < 3; i++) free(records[i]);
}

static void test_the_same_block_with_another_result_is_refused(void **state)
{
    (void)state;
    struct nika_results results = {0};
    struct nika_diagnoses d = {0};
    char *text = record_of(FAIR, 1, 2, NULL);
    add(&results, text);
    char *digest = strstr(text, "\"digest\":\"");
    assert_non_null(digest);
    digest[10] = digest[10] == '0' ? '1' : '0';
    assert_false(nika_results_add(&results, text, "x", 2, &d));
    assert_non_null(strstr(d.lines[0], "not deterministic"));
    assert_int_equal(results.count, 1);
    nika_results_free(&results);
    free(text);
}

static void test_an_incomplete_campaign_never_reads_as_held(void **state)
{
    (void)state;
    struct nika_results results = {0};
    char *text = record_of(FAIR, 1, 2, NULL);
    add(&results, text);
    json_t *summary = nika_campaign_summary(&results, false);
    assert_int_equal(json_integer_value(json_object_get(summary, "exit_class")),
                     NIKA_EXIT_INCONCLUSIVE);
    json_decref(summary);
    nika_results_free(&results);
    free(text);
}

static void test_an_attack_that_never_succeeds_is_an_unmet_expectation(void **state)
{
    (void)state;
    struct nika_results results = {0};
    char *text = record_of("scenarios/pbft/two-equivocators.json", 1, 2, NULL);
    json_t *record = json_loads(text, 0, NULL);
    free(text);
    json_object_set_new(record, "held", json_integer(0));
    json_object_set_new(record, "missed", json_integer(2));
    text = json_dumps(record, JSON_COMPACT);
    json_decref(record);
    add(&results, text);
    json_t *summary = nika_campaign_summary(&results, true);
    assert_int_equal(json_integer_value(json_object_get(summary, "exit_class")),
                     NIKA_EXIT_EXPECTATION);
    json_decref(summary);
    nika_results_free(&results);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_block_gives_the_same_record_again),
        cmocka_unit_test(test_a_skipped_seed_is_a_failure_with_its_reason),
        cmocka_unit_test(test_the_order_in_which_records_come_does_not_matter),
        cmocka_unit_test(test_the_same_block_with_another_result_is_refused),
        cmocka_unit_test(test_an_incomplete_campaign_never_reads_as_held),
        cmocka_unit_test(test_an_attack_that_never_succeeds_is_an_unmet_expectation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
