/* fuzz/campaign/curve.c: what each strategy had seen after how many runs: protocol states, steps between them, kinds of failures.
 *
 * Records do not say when they were made, so that they are the same wherever they are made; the curve follows the seeds: of all
 * scenarios the first block, then of all the second. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/campaign/campaign.h"
#include "fuzz/campaign/coverage.h"

#define POINTS 100u

static int by_seed(const void *a, const void *b)
{
    const struct nika_result_line *x = a, *y = b;
    int order = (x->first > y->first) - (x->first < y->first);
    return order != 0 ? order : strcmp(x->name, y->name);
}

struct course {
    struct nika_coverage coverage;
    json_t *points, *kinds;
    uint64_t runs, shown;
};

static void add_point(struct course *c)
{
    json_array_append_new(
        c->points, json_pack("[I, i, i, i]", (json_int_t)c->runs,
                             (int)nika_coverage_count(c->coverage.states, NIKA_COVERAGE_STATES),
                             (int)nika_coverage_count(c->coverage.steps, NIKA_COVERAGE_STEPS),
                             (int)json_object_size(c->kinds)));
    c->shown = c->runs;
}

static void add_block(struct course *c, const json_t *record, uint64_t every)
{
    size_t i;
    json_t *failure;
    (void)nika_coverage_add_json(&c->coverage, json_object_get(record, "states"),
                                 json_object_get(record, "steps"));
    json_array_foreach(json_object_get(record, "failures"), i, failure) json_object_set_new(
        c->kinds, json_string_value(json_object_get(failure, "signature")), json_true());
    c->runs += (uint64_t)json_integer_value(json_object_get(record, "count"));
    if (c->runs - c->shown >= every) add_point(c);
}

/* The curve of one strategy. */
static json_t *curve_of(const struct nika_results *results, const struct nika_result_line *lines,
                        const char *strategy, uint64_t runs)
{
    struct course *c = calloc(1, sizeof *c);
    json_t *points = json_array();
    if (c == NULL || points == NULL) {
        free(c);
        return points;
    }
    c->points = points;
    c->kinds = json_object();
    for (uint32_t i = 0; i < results->count; i++) {
        json_t *record = nika_results_record(results, &lines[i]);
        const char *of = json_string_value(json_object_get(record, "strategy"));
        if (of != NULL && strcmp(of, strategy) == 0)
            add_block(c, record, (runs + POINTS - 1) / POINTS);
        json_decref(record);
    }
    if (c->shown != c->runs) add_point(c);
    json_decref(c->kinds);
    free(c);
    return points;
}

json_t *nika_campaign_curves(const struct nika_results *results, const json_t *runs)
{
    json_t *curves = json_object(), *of;
    const char *strategy;
    struct nika_result_line *lines = nika_results_sorted(results);
    if (lines == NULL) return curves;
    qsort(lines, results->count, sizeof *lines, by_seed);
    json_object_foreach((json_t *)(uintptr_t)runs, strategy, of) json_object_set_new(
        curves, strategy, curve_of(results, lines, strategy, (uint64_t)json_integer_value(of)));
    free(lines);
    return curves;
}
