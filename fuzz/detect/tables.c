/* fuzz/detect/tables.c: a summary for people and records for spreadsheets; see detect.h. */
#include <inttypes.h>
#include <string.h>

#include "fuzz/detect/detect.h"

static json_int_t integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL ? value : "";
}

static const json_t *cell_at(const json_t *summary, const char *bug, const char *strategy)
{
    json_t *cell;
    size_t i;
    json_array_foreach(json_object_get(summary, "cells"), i, cell)
    {
        if (strcmp(text(cell, "bug"), bug) == 0 && strcmp(text(cell, "strategy"), strategy) == 0)
            return cell;
    }
    return NULL;
}

static void put_runs(FILE *file, const json_t *cell, const char *key)
{
    const json_t *value = json_object_get(cell, key);
    if (json_is_integer(value))
        fprintf(file, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        fprintf(file, "> %" JSON_INTEGER_FORMAT, integer(cell, "limit"));
}

/* Microseconds as seconds. */
static void put_seconds(FILE *file, const json_t *value)
{
    if (!json_is_integer(value)) {
        fprintf(file, "-");
        return;
    }
    json_int_t ms = (json_integer_value(value) + 500) / 1000;
    fprintf(file, "%" JSON_INTEGER_FORMAT ".%03" JSON_INTEGER_FORMAT, ms / 1000, ms % 1000);
}

/* A row a bug: in each strategy's column how many campaigns found it, and the median. */
static void put_overview(const json_t *summary, FILE *file)
{
    json_t *strategies = json_object_get(summary, "strategies"), *bug, *strategy;
    size_t i, k;
    fprintf(file, "| bug | also |");
    json_array_foreach(strategies, k, strategy) fprintf(file, " %s |", json_string_value(strategy));
    fprintf(file, " budget | kept |\n|---|---|");
    json_array_foreach(strategies, k, strategy) fprintf(file, "---|");
    fprintf(file, "---|---|\n");
    json_array_foreach(json_object_get(summary, "bugs"), i, bug)
    {
        const char *id = text(bug, "bug");
        fprintf(file, "| %s | %s |", id, text(bug, "also"));
        json_array_foreach(strategies, k, strategy)
        {
            const json_t *cell = cell_at(summary, id, json_string_value(strategy));
            bool best = strcmp(text(bug, "best"), json_string_value(strategy)) == 0;
            if (cell == NULL) {
                fprintf(file, " |");
            } else if (integer(cell, "found") == 0) {
                fprintf(file, " 0/%" JSON_INTEGER_FORMAT, integer(cell, "campaigns"));
                if (json_is_true(json_object_get(cell, "outpaced")))
                    fprintf(file, " (%" JSON_INTEGER_FORMAT ")", integer(cell, "runs"));
                fprintf(file, " |");
            } else {
                fprintf(file, " %s%" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT ", ",
                        best ? "**" : "", integer(cell, "found"), integer(cell, "campaigns"));
                put_runs(file, cell, "runs_median");
                fprintf(file, "%s |", best ? "**" : "");
            }
        }
        fprintf(file, " %" JSON_INTEGER_FORMAT " | %s |\n", integer(bug, "budget"),
                json_is_true(json_object_get(bug, "within_budget")) ? "yes" : "no");
    }
}

static void put_size(FILE *file, const json_t *shrunk, const char *key)
{
    fprintf(file, " %" JSON_INTEGER_FORMAT " > %" JSON_INTEGER_FORMAT " |",
            integer(json_object_get(shrunk, "before"), key),
            integer(json_object_get(shrunk, "after"), key));
}

/* A row a bug: the strategy that finds it soonest, in all figures. */
static void put_best(const json_t *summary, FILE *file)
{
    json_t *bug;
    size_t i;
    fprintf(file, "| bug | scenario | strategy | found (95 %%) | median runs (95 %%) | 90 %% | "
                  "median s | 90 %% s | other failures | decisions | events | lines |\n"
                  "|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    json_array_foreach(json_object_get(summary, "bugs"), i, bug)
    {
        const json_t *cell = cell_at(summary, text(bug, "bug"), text(bug, "best"));
        const json_t *shrunk = json_object_get(bug, "shrunk");
        if (cell == NULL) continue;
        fprintf(file,
                "| %s | %s | %s | %" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT
                " (%" JSON_INTEGER_FORMAT "-%" JSON_INTEGER_FORMAT " %%) | ",
                text(cell, "bug"), text(cell, "scenario"), text(cell, "strategy"),
                integer(cell, "found"), integer(cell, "campaigns"),
                integer(cell, "found_low_ppm") / 10000,
                (integer(cell, "found_high_ppm") + 9999) / 10000);
        put_runs(file, cell, "runs_median");
        fprintf(file, " (");
        put_runs(file, cell, "runs_median_low");
        fprintf(file, " - ");
        put_runs(file, cell, "runs_median_high");
        fprintf(file, ") | ");
        put_runs(file, cell, "runs_p90");
        fprintf(file, " | ");
        put_seconds(file, json_object_get(cell, "cpu_us_median"));
        fprintf(file, " | ");
        put_seconds(file, json_object_get(cell, "cpu_us_p90"));
        fprintf(file, " | %" JSON_INTEGER_FORMAT " |", integer(cell, "others"));
        if (json_is_object(shrunk)) {
            put_size(file, shrunk, "decisions");
            put_size(file, shrunk, "events");
            fprintf(file, " %" JSON_INTEGER_FORMAT " |\n", integer(shrunk, "lines"));
        } else {
            fprintf(file, " | | |\n");
        }
    }
}

void nika_detect_markdown(const json_t *summary, FILE *file)
{
    const json_t *settings = json_object_get(summary, "settings"),
                 *sound = json_object_get(summary, "sound");
    const char *id, *separator = "";
    json_t *reason, *left_out = json_object_get(summary, "left_out");
    fprintf(file,
            "Campaigns of as many runs as the budget of their bug allows, %" JSON_INTEGER_FORMAT
            " at most, up to %" JSON_INTEGER_FORMAT " a cell, seeds from %" JSON_INTEGER_FORMAT
            " on. ",
            integer(settings, "limit"), integer(settings, "campaigns"), integer(settings, "first"));
    if (integer(settings, "patience") != 0)
        fprintf(file,
                "A cell was given up after %" JSON_INTEGER_FORMAT " campaigns that found nothing. ",
                integer(settings, "patience"));
    if (integer(settings, "outpaced") != 0)
        fprintf(file,
                "So was one that had found nothing after as many runs as \"0/k (runs)\" says: with "
                "95 %% confidence a run of it finds the bug less than one %" JSON_INTEGER_FORMAT
                "th as often as a run of a strategy further left, which kept the budget. ",
                integer(settings, "outpaced"));
    if (integer(settings, "cpu_limit_ms") != 0)
        fprintf(file, "A campaign also ended after %" JSON_INTEGER_FORMAT " ms of CPU time. ",
                integer(settings, "cpu_limit_ms"));
    fprintf(file,
            "False alarms: %" JSON_INTEGER_FORMAT " in %" JSON_INTEGER_FORMAT
            " runs of the sound modules and %" JSON_INTEGER_FORMAT
            " seeds that found a bug, run without it.\n\n",
            integer(sound, "alarms"), integer(sound, "runs"), integer(sound, "controls"));
    put_overview(summary, file);
    fprintf(file, "\n");
    put_best(summary, file);
    if (json_object_size(left_out) > 0) fprintf(file, "\nLeft out:");
    json_object_foreach(left_out, id, reason)
    {
        fprintf(file, "%s %s (%s)", separator, id, json_string_value(reason));
        separator = ",";
    }
    if (json_object_size(left_out) > 0) fprintf(file, ".\n");
}

void nika_detect_csv(const json_t *records, FILE *file)
{
    json_t *r;
    size_t i;
    fprintf(file, "bug,strategy,scenario,campaign,first_seed,limit,found,runs,cpu_us,seed,by,"
                  "others,alarms\n");
    json_array_foreach((json_t *)(uintptr_t)records, i, r)
    {
        if (json_object_get(r, "nika_detect") == NULL) continue;
        fprintf(file, "%s,%s,%s", text(r, "bug"), text(r, "strategy"), text(r, "scenario"));
        fprintf(file,
                ",%" JSON_INTEGER_FORMAT ",%" JSON_INTEGER_FORMAT ",%" JSON_INTEGER_FORMAT
                ",%d,%" JSON_INTEGER_FORMAT ",%" JSON_INTEGER_FORMAT ",",
                integer(r, "campaign"), integer(r, "first"), integer(r, "limit"),
                json_is_true(json_object_get(r, "found")) ? 1 : 0, integer(r, "runs"),
                integer(r, "cpu_us"));
        if (json_object_get(r, "seed") != NULL)
            fprintf(file, "%" JSON_INTEGER_FORMAT, integer(r, "seed"));
        fprintf(file, ",%s,%" JSON_INTEGER_FORMAT ",%" JSON_INTEGER_FORMAT "\n", text(r, "by"),
                integer(r, "others"), integer(r, "alarms"));
    }
}
