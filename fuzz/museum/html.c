/* fuzz/museum/html.c: the museum as a page: which planted bugs the strategies find, after how many runs, and how small a detection becomes.
 * A sheet (report/sheet.h), made from the folder of `nika-museum bench detect`: detect.json, and detect.jsonl for the curves. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/museum/museum.h"
#include "fuzz/museum/page.h"
#include "report/sheet.h"

#define STRATEGIES_MAX 16u
#define CAMPAIGNS_MAX 65536u /* Of one strategy, for one curve. */

static json_int_t integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL ? value : "";
}

/* ---- curves ---- */
static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Of the campaigns of a strategy (and of one bug, when it is given) the runs of those that found theirs, sorted. The number of all. */
static uint32_t detections(const json_t *records, const char *strategy, const char *bug,
                           uint64_t *runs, uint32_t *found)
{
    uint32_t all = 0;
    size_t i;
    json_t *record;
    *found = 0;
    json_array_foreach((json_t *)(uintptr_t)records, i, record)
    {
        const json_t *hit = json_object_get(record, "found");
        if (!json_is_boolean(hit) || strcmp(text(record, "strategy"), strategy) != 0 ||
            strcmp(text(record, "bug"), "none") == 0 ||
            (bug != NULL && strcmp(text(record, "bug"), bug) != 0) || all == CAMPAIGNS_MAX)
            continue;
        all++;
        if (json_is_true(hit)) runs[(*found)++] = (uint64_t)integer(record, "runs");
    }
    qsort(runs, *found, sizeof *runs, by_number);
    return all;
}

/* One curve of each strategy: percent of its campaigns that had found their bug after so many runs. */
static void put_curves(const json_t *detect, const json_t *records, const char *bug, FILE *file)
{
    struct nika_curve curves[STRATEGIES_MAX] = {0};
    uint64_t limit = (uint64_t)integer(json_object_get(detect, "settings"), "limit");
    uint64_t *runs = calloc(CAMPAIGNS_MAX, sizeof *runs);
    uint64_t(*points[STRATEGIES_MAX])[2] = {NULL};
    uint32_t count = 0;
    size_t i;
    json_t *name;
    json_array_foreach(json_object_get(detect, "strategies"), i, name)
    {
        uint32_t found = 0;
        const char *strategy = json_string_value(name);
        if (strategy == NULL || runs == NULL || count == STRATEGIES_MAX) break;
        uint32_t all = detections(records, strategy, bug, runs, &found);
        if (all == 0) continue;
        uint64_t(*at)[2] = calloc(2u * found + 2u, sizeof *at);
        if (at == NULL) break;
        struct nika_curve *curve = &curves[count];
        curve->name = strategy;
        curve->count = 1; /* From nothing, in steps, to the limit. */
        for (uint32_t k = 0; k < found; k++) {
            at[curve->count][0] = runs[k];
            at[curve->count][1] = at[curve->count - 1][1];
            at[curve->count + 1][0] = runs[k];
            at[curve->count + 1][1] = (uint64_t)(k + 1) * 100 / all;
            curve->count += 2;
        }
        at[curve->count][0] = limit > at[curve->count - 1][0] ? limit : at[curve->count - 1][0];
        at[curve->count][1] = at[curve->count - 1][1];
        curve->count++;
        curve->points = (const uint64_t(*)[2])at;
        points[count++] = at;
    }
    nika_sheet_chart(file, &(struct nika_chart){.title = bug != NULL ? bug : "All bugs",
                                                .x = "runs",
                                                .y = "% of campaigns that found their bug",
                                                .curves = curves,
                                                .count = count,
                                                .y_max = 100,
                                                .logarithmic = true});
    for (uint32_t k = 0; k < count; k++) free(points[k]);
    free(runs);
}

/* ---- the table ---- */
static const json_t *cell_at(const json_t *detect, const char *bug, const char *strategy)
{
    size_t i;
    json_t *cell;
    json_array_foreach(json_object_get(detect, "cells"), i, cell)
    {
        if (strcmp(text(cell, "bug"), bug) == 0 && strcmp(text(cell, "strategy"), strategy) == 0)
            return cell;
    }
    return NULL;
}

static void put_cell(const json_t *cell, bool best, FILE *file)
{
    if (cell == NULL) {
        fputs("<td class=\"dim\" data-n=\"-1\">-</td>", file);
        return;
    }
    uint64_t found = (uint64_t)integer(cell, "found"), all = (uint64_t)integer(cell, "campaigns");
    const json_t *median = json_object_get(cell, "runs_median");
    /* Here it is good to be found. */
    const char *class = found == 0 ? "h4" : found < all ? "h2" : "h0";
    fprintf(file,
            "<td class=\"%s\" data-n=\"%" PRIu64 "\" title=\"90th percentile %" JSON_INTEGER_FORMAT
            " runs; other failures %" JSON_INTEGER_FORMAT "; false alarms %" JSON_INTEGER_FORMAT
            "\">%s%" PRIu64 "/%" PRIu64 "%s",
            class, all == 0 ? 0 : found * 1000000 / all, integer(cell, "runs_p90"),
            integer(cell, "others"), integer(cell, "alarms"), best ? "<b>" : "", found, all,
            best ? "</b>" : "");
    if (json_is_integer(median))
        fprintf(file, " <span class=\"dim\">in %" JSON_INTEGER_FORMAT "</span>",
                json_integer_value(median));
    if (json_is_true(json_object_get(cell, "outpaced")))
        fprintf(file, " <span class=\"dim\">in %" JSON_INTEGER_FORMAT " runs</span>",
                integer(cell, "runs"));
    fputs("</td>", file);
}

static void put_size(const json_t *shrunk, FILE *file)
{
    const json_t *before = json_object_get(shrunk, "before"),
                 *after = json_object_get(shrunk, "after");
    if (!json_is_object(shrunk)) {
        fputs("<td class=\"dim\" data-n=\"-1\">-</td>", file);
        return;
    }
    fprintf(file,
            "<td data-n=\"%" JSON_INTEGER_FORMAT "\" title=\"decisions %" JSON_INTEGER_FORMAT
            " to %" JSON_INTEGER_FORMAT ", replicas %" JSON_INTEGER_FORMAT
            " to %" JSON_INTEGER_FORMAT "\">%" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT
            " events, %" JSON_INTEGER_FORMAT " lines</td>",
            integer(after, "events"), integer(before, "decisions"), integer(after, "decisions"),
            integer(before, "replicas"), integer(after, "replicas"), integer(before, "events"),
            integer(after, "events"), integer(shrunk, "lines"));
}

static void put_bug(const json_t *detect, const json_t *bug, FILE *file)
{
    const char *id = text(bug, "bug");
    const struct nika_museum_bug *known = nika_museum_find(id);
    bool within = json_is_true(json_object_get(bug, "within_budget"));
    size_t i;
    json_t *strategy;
    fprintf(file, "<tr data-row=\"%s\"><th scope=\"row\"><a href=\"#c-", within ? "" : "failed");
    nika_report_xml(file, id);
    fputs("\">", file);
    nika_report_xml(file, id);
    fputs("</a></th><td class=\"t\">", file);
    nika_report_xml(file, known != NULL ? known->title : text(bug, "also"));
    fprintf(file,
            "</td><td class=\"%s\">%s</td><td data-n=\"%" JSON_INTEGER_FORMAT
            "\">%" JSON_INTEGER_FORMAT "</td>",
            within ? "h0" : "h4", within ? "yes" : "no", integer(bug, "budget"),
            integer(bug, "budget"));
    json_array_foreach(json_object_get(detect, "strategies"), i, strategy)
    {
        const char *name = json_string_value(strategy);
        if (i == STRATEGIES_MAX || name == NULL) break;
        put_cell(cell_at(detect, id, name), strcmp(name, text(bug, "best")) == 0, file);
    }
    put_size(json_object_get(bug, "shrunk"), file);
    fputs("</tr>\n", file);
}

static void put_table(const json_t *detect, FILE *file)
{
    size_t i;
    json_t *one;
    fputs("<section aria-labelledby=\"h-map\"><h2 id=\"h-map\">Planted bugs by strategy: campaigns "
          "that found it, and the median of runs</h2>\n<div class=\"wide\"><table class=\"grid "
          "sort\" id=\"map\"><thead><tr><th>bug</th><th>what is wrong</th><th>within its "
          "budget</th><th>budget</th>",
          file);
    json_array_foreach(json_object_get(detect, "strategies"), i, one)
    {
        if (i == STRATEGIES_MAX || !json_is_string(one)) break;
        fputs("<th>", file);
        nika_report_xml(file, json_string_value(one));
        fputs("</th>", file);
    }
    fputs("<th>made small</th></tr></thead><tbody>\n", file);
    json_array_foreach(json_object_get(detect, "bugs"), i, one) put_bug(detect, one, file);
    fputs("</tbody></table></div></section>\n", file);
}

static void put_left_out(const json_t *left_out, FILE *file)
{
    const char *id;
    json_t *why;
    if (json_object_size(left_out) == 0) return;
    fputs("<section aria-labelledby=\"h-out\"><h2 id=\"h-out\">Hunted by no campaign</h2><table>"
          "<tbody>\n",
          file);
    json_object_foreach((json_t *)(uintptr_t)left_out, id, why)
    {
        fputs("<tr><td>", file);
        nika_report_xml(file, id);
        fputs("</td><td>", file);
        nika_report_xml(file, json_is_string(why) ? json_string_value(why) : "");
        fputs("</td></tr>\n", file);
    }
    fputs("</tbody></table></section>\n", file);
}

/* What was run without a bug: campaigns of their own, and the seeds that had found one. */
static void put_sound(const json_t *sound, FILE *file)
{
    json_int_t runs = integer(sound, "runs");
    fprintf(file, "%" JSON_INTEGER_FORMAT " false alarms", integer(sound, "alarms"));
    if (runs > 0)
        fprintf(file, " in %" JSON_INTEGER_FORMAT " runs of the sound modules and", runs);
    else
        fputs(", no campaign of the sound modules was asked for, in", file);
    fprintf(file, " %" JSON_INTEGER_FORMAT " seeds that found a bug, run without it",
            integer(sound, "controls"));
}

static void put_head(const json_t *detect, FILE *file)
{
    const json_t *settings = json_object_get(detect, "settings"),
                 *sound = json_object_get(detect, "sound"), *bugs = json_object_get(detect, "bugs");
    size_t i, found = 0, within = 0;
    json_t *one;
    json_array_foreach((json_t *)(uintptr_t)bugs, i, one)
    {
        found += json_array_size(json_object_get(one, "found_by")) > 0;
        within += json_is_true(json_object_get(one, "within_budget"));
    }
    bool good = within == json_array_size(bugs) && integer(sound, "alarms") == 0;
    fprintf(file,
            "<header><p class=\"kicker\">Museum of planted bugs</p><h1><span class=\"verdict%s\">"
            "%zu of %zu found</span> %zu within their budget; ",
            good ? "" : " bad", found, json_array_size(bugs), within);
    put_sound(sound, file);
    fprintf(file,
            "%s</h1>\n<p class=\"dim\">%" JSON_INTEGER_FORMAT
            " campaigns of at most %" JSON_INTEGER_FORMAT " runs for each bug and strategy; nika ",
            json_is_true(json_object_get(detect, "complete")) ? "" : "; <b>not complete</b>",
            integer(settings, "campaigns"), integer(settings, "limit"));
    nika_report_xml(file, text(settings, "version"));
    fputs("</p></header>\n<main id=\"main\">\n", file);
}

bool nika_museum_html(const json_t *detect, const json_t *records, FILE *file)
{
    size_t i;
    json_t *bug;
    nika_sheet_begin(file, "nika museum: planted bugs and who finds them");
    put_head(detect, file);
    nika_sheet_tools(file, true);
    fputs("<section aria-labelledby=\"h-all\"><h2 id=\"h-all\">Campaigns that had found their bug "
          "after so many runs, in percent</h2>\n<div class=\"charts\">\n",
          file);
    put_curves(detect, records, NULL, file);
    fputs("</div></section>\n", file);
    put_table(detect, file);
    fputs("<section aria-labelledby=\"h-each\"><h2 id=\"h-each\">Each bug</h2>\n<div "
          "class=\"charts\">\n",
          file);
    json_array_foreach(json_object_get(detect, "bugs"), i, bug)
    {
        fputs("<div id=\"c-", file);
        nika_report_xml(file, text(bug, "bug"));
        fputs("\">", file);
        put_curves(detect, records, text(bug, "bug"), file);
        fputs("</div>\n", file);
    }
    fputs("</div></section>\n", file);
    put_left_out(json_object_get(detect, "left_out"), file);
    fputs("</main>\n", file);
    return nika_sheet_end(file);
}
