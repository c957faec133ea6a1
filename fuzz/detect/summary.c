/* fuzz/detect/summary.c: what records of campaigns add up to; see detect.h and docs/schemas/detect.schema.json. */
#include <stdlib.h>
#include <string.h>

#include "engine/core/assert.h"
#include "fuzz/detect/detect.h"

#define NEVER INT64_MAX

static json_int_t integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL ? value : "";
}

/* ---- cells ---- */
struct samples {
    uint32_t count, found;
    json_int_t runs[NIKA_DETECT_CAMPAIGNS_MAX], cpu_us[NIKA_DETECT_CAMPAIGNS_MAX];
    json_int_t total_runs, total_cpu_us;
    bool outpaced;
};

static int compare(const void *a, const void *b)
{
    const json_int_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The value of this rank (from 1), null where it lies beyond the limit. */
static json_t *ranked(const json_int_t *sorted, uint32_t count, uint32_t rank)
{
    bool there = rank >= 1 && rank <= count && sorted[rank - 1] != NEVER;
    return there ? json_integer(sorted[rank - 1]) : json_null();
}

static void add_interval(json_t *object, const char *low_key, const char *high_key, uint64_t hits,
                         uint64_t n)
{
    uint32_t low, high;
    nika_detect_interval(hits, n, &low, &high);
    json_object_set_new(object, low_key, json_integer(low));
    json_object_set_new(object, high_key, json_integer(high));
}

static void add_quantiles(json_t *cell, struct samples *s)
{
    uint32_t median = (s->count + 1) / 2, ninth = (9 * s->count + 9) / 10, low, high;
    nika_detect_median_ranks(s->count, &low, &high);
    qsort(s->runs, s->count, sizeof s->runs[0], compare);
    qsort(s->cpu_us, s->count, sizeof s->cpu_us[0], compare);
    json_object_set_new(cell, "runs_median", ranked(s->runs, s->count, median));
    json_object_set_new(cell, "runs_median_low", ranked(s->runs, s->count, low));
    json_object_set_new(cell, "runs_median_high", ranked(s->runs, s->count, high));
    json_object_set_new(cell, "runs_p90", ranked(s->runs, s->count, ninth));
    json_object_set_new(cell, "cpu_us_median", ranked(s->cpu_us, s->count, median));
    json_object_set_new(cell, "cpu_us_p90", ranked(s->cpu_us, s->count, ninth));
}

/* One more of an object of counts. */
static void count_one(json_t *object, const char *key)
{
    json_object_set_new(object, key, json_integer(integer(object, key) + 1));
}

static json_t *cell_of(const json_t *records, const char *bug, const char *strategy)
{
    struct samples *s = calloc(1, sizeof *s);
    json_int_t others = 0, alarms = 0;
    json_t *record, *by = json_object(), *seeds = json_array(), *cell = NULL;
    size_t i;
    NIKA_ASSERT(s != NULL);
    json_array_foreach((json_t *)(uintptr_t)records, i, record)
    {
        if (json_object_get(record, "nika_detect") == NULL ||
            strcmp(text(record, "bug"), bug) != 0 ||
            strcmp(text(record, "strategy"), strategy) != 0)
            continue;
        if (cell == NULL)
            cell = json_pack("{s:s, s:s, s:s, s:I}", "bug", bug, "strategy", strategy, "scenario",
                             text(record, "scenario"), "limit", integer(record, "limit"));
        bool found = json_is_true(json_object_get(record, "found"));
        if (s->count == NIKA_DETECT_CAMPAIGNS_MAX) break;
        s->runs[s->count] = found ? integer(record, "runs") : NEVER;
        s->cpu_us[s->count++] = found ? integer(record, "cpu_us") : NEVER;
        s->total_runs += integer(record, "runs");
        s->total_cpu_us += integer(record, "cpu_us");
        s->outpaced = s->outpaced || json_is_true(json_object_get(record, "outpaced"));
        others += integer(record, "others");
        alarms += integer(record, "alarms");
        if (!found) continue;
        s->found++;
        count_one(by, text(record, "by"));
        json_array_append_new(seeds, json_integer(integer(record, "seed")));
    }
    if (cell != NULL) {
        json_object_set_new(cell, "campaigns", json_integer(s->count));
        json_object_set_new(cell, "found", json_integer(s->found));
        add_interval(cell, "found_low_ppm", "found_high_ppm", s->found, s->count);
        json_object_set_new(cell, "outpaced", json_boolean(s->outpaced));
        json_object_set_new(cell, "runs", json_integer(s->total_runs));
        json_object_set_new(cell, "cpu_us", json_integer(s->total_cpu_us));
        add_quantiles(cell, s);
        json_object_set_new(cell, "others", json_integer(others));
        json_object_set_new(cell, "alarms", json_integer(alarms));
        json_object_set(cell, "by", by);
        json_object_set(cell, "seeds", seeds);
    }
    json_decref(by);
    json_decref(seeds);
    free(s);
    return cell;
}

/* ---- bugs ---- */
/* Nineteen of twenty campaigns found it within the budget. */
static bool within_budget(const json_t *records, const json_t *cell, uint64_t budget)
{
    json_t *record;
    size_t i;
    json_int_t hits = 0;
    json_array_foreach((json_t *)(uintptr_t)records, i, record)
    {
        hits += strcmp(text(record, "bug"), text(cell, "bug")) == 0 &&
                strcmp(text(record, "strategy"), text(cell, "strategy")) == 0 &&
                json_is_true(json_object_get(record, "found")) &&
                (uint64_t)integer(record, "runs") <= budget;
    }
    return hits * 20 >= integer(cell, "campaigns") * 19;
}

/* Does `a` find its bug sooner than `b`? More of its campaigns, then by the median, then by all its runs. */
static bool sooner(const json_t *a, const json_t *b)
{
    json_int_t share_a = integer(a, "found") * integer(b, "campaigns"),
               share_b = integer(b, "found") * integer(a, "campaigns");
    if (share_a != share_b) return share_a > share_b;
    const json_t *median_a = json_object_get(a, "runs_median"),
                 *median_b = json_object_get(b, "runs_median");
    if (json_is_integer(median_a) && json_is_integer(median_b) &&
        json_integer_value(median_a) != json_integer_value(median_b))
        return json_integer_value(median_a) < json_integer_value(median_b);
    return integer(a, "runs") < integer(b, "runs");
}

static const json_t *shrunk_of(const json_t *records, const char *bug)
{
    json_t *record;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)records, i, record)
    {
        if (json_object_get(record, "nika_detect_shrunk") != NULL &&
            strcmp(text(record, "bug"), bug) == 0)
            return record;
    }
    return NULL;
}

static json_t *bug_of(const json_t *records, const json_t *cells, const char *id)
{
    const struct nika_museum_bug *bug = nika_museum_find(id);
    uint64_t budget = bug != NULL ? nika_museum_budget(bug->budget) : 0;
    const json_t *best = NULL, *shrunk = shrunk_of(records, id);
    json_t *cell, *by = json_array();
    bool within = false;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)cells, i, cell)
    {
        if (strcmp(text(cell, "bug"), id) != 0 || integer(cell, "found") == 0) continue;
        json_array_append_new(by, json_string(text(cell, "strategy")));
        within = within || within_budget(records, cell, budget);
        if (best == NULL || sooner(cell, best)) best = cell;
    }
    return json_pack("{s:s, s:s, s:I, s:o, s:s?, s:b, s:O?}", "bug", id, "also",
                     bug != NULL ? bug->aliases : "", "budget", (json_int_t)budget, "found_by", by,
                     "best", best != NULL ? text(best, "strategy") : NULL, "within_budget", within,
                     "shrunk", shrunk);
}

/* ---- all ---- */
/* Values of a key in order of first appearance. */
static json_t *values_of(const json_t *records, const char *key)
{
    json_t *seen = json_object(), *list = json_array(), *record;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)records, i, record)
    {
        const char *value = text(record, key);
        if (json_object_get(record, "nika_detect") == NULL || json_object_get(seen, value) != NULL)
            continue;
        json_object_set_new(seen, value, json_true());
        json_array_append_new(list, json_string(value));
    }
    json_decref(seen);
    return list;
}

static json_t *sound_of(const json_t *records)
{
    json_int_t runs = 0, alarms = 0, controls = 0;
    json_t *record;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)records, i, record)
    {
        if (json_object_get(record, "nika_detect") == NULL) continue;
        alarms += integer(record, "alarms");
        if (strcmp(text(record, "bug"), NIKA_DETECT_SOUND) == 0)
            runs += integer(record, "runs");
        else if (json_is_true(json_object_get(record, "found")))
            controls++;
    }
    return json_pack("{s:I, s:I, s:I}", "runs", runs, "controls", controls, "alarms", alarms);
}

json_t *nika_detect_summary(const json_t *records, const json_t *settings, const json_t *left_out,
                            bool complete)
{
    json_t *bugs = values_of(records, "bug"), *strategies = values_of(records, "strategy");
    json_t *cells = json_array(), *list = json_array(), *bug, *strategy;
    size_t i, k;
    json_array_foreach(bugs, i, bug)
    {
        const char *id = json_string_value(bug);
        if (strcmp(id, NIKA_DETECT_SOUND) == 0) continue;
        json_array_foreach(strategies, k, strategy)
        {
            json_t *cell = cell_of(records, id, json_string_value(strategy));
            if (cell != NULL) json_array_append_new(cells, cell);
        }
        json_array_append_new(list, bug_of(records, cells, id));
    }
    json_decref(bugs);
    return json_pack("{s:i, s:O, s:b, s:o, s:o, s:o, s:o, s:O}", "nika_detect", 1, "settings",
                     settings, "complete", complete, "strategies", strategies, "cells", cells,
                     "bugs", list, "sound", sound_of(records), "left_out", left_out);
}

int nika_detect_verdict(const json_t *summary)
{
    json_t *bug;
    size_t i;
    if (integer(json_object_get(summary, "sound"), "alarms") != 0) return NIKA_EXIT_SAFETY;
    if (!json_is_true(json_object_get(summary, "complete"))) return NIKA_EXIT_INCONCLUSIVE;
    json_array_foreach(json_object_get(summary, "bugs"), i, bug)
    {
        if (!json_is_true(json_object_get(bug, "within_budget"))) return NIKA_EXIT_EXPECTATION;
    }
    return NIKA_EXIT_HELD;
}
