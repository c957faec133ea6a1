/* fuzz/campaign/html.c: the summary of a campaign as one page: failures first, then a heat map of scenarios and strategies, then what
 * was seen after how many runs, then what never happened. A sheet (report/sheet.h): well-formed XML, nothing loaded from elsewhere. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/campaign/campaign.h"
#include "report/sheet.h"

#define STRATEGIES_MAX 16u
#define POINTS_MAX 128u

static json_int_t integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL ? value : "";
}

/* ---- failures ---- */
static void put_paragraph(FILE *file, const char *label, const char *words)
{
    fprintf(file, "<p>%s", label);
    nika_report_xml(file, words);
    fputs("</p>\n", file);
}

static void put_link(FILE *file, const char *folder, const char *signature, const char *end,
                     const char *name, uint32_t *count)
{
    char path[1400];
    snprintf(path, sizeof path, "%s/shrunk/%s.%s", folder, signature, end);
    if (access(path, F_OK) != 0) return;
    fprintf(file, "%s<a href=\"shrunk/", (*count)++ == 0 ? "<p>Small: " : ", ");
    nika_report_xml(file, signature);
    fprintf(file, ".%s\">%s</a>", end, name);
}

/* What shrinking left of it. */
static void put_small(FILE *file, const char *folder, const char *signature)
{
    uint32_t count = 0;
    put_link(file, folder, signature, "html", "page", &count);
    put_link(file, folder, signature, "json", "scenario", &count);
    put_link(file, folder, signature, "txt", "how small", &count);
    put_link(file, folder, signature, "log", "the run as it was found", &count);
    if (count > 0) fputs("</p>\n", file);
}

static void put_failure(const json_t *failure, const char *signature, const char *folder,
                        FILE *file)
{
    char line[NIKA_REPRODUCE_SIZE];
    size_t i;
    json_t *culprit, *seed;
    fputs("<article class=\"failure\" data-row=\"failed\"><h3 id=\"", file);
    nika_report_xml(file, signature);
    fputs("\"><span class=\"bad\">", file);
    nika_report_xml(file, text(failure, "verdict"));
    fprintf(file, "</span>, %" JSON_INTEGER_FORMAT " times, first in ", integer(failure, "count"));
    nika_report_xml(file, text(failure, "scenario"));
    fputs(" <span class=\"dim\">[", file);
    nika_report_xml(file, text(failure, "strategy"));
    fputs("]</span></h3>\n", file);
    put_paragraph(file, "", text(failure, "sentence"));
    if (json_object_get(failure, "liveness") != NULL) {
        fputs("<p>Liveness: <b>", file);
        nika_report_xml(file, text(failure, "liveness"));
        fputs("</b>: ", file);
        nika_report_xml(file, text(failure, "stall"));
        fputs("</p>\n", file);
    }
    json_array_foreach(json_object_get(failure, "culprits"), i, culprit)
        put_paragraph(file, "Culprit: ", json_string_value(culprit));
    nika_failure_reproduce(failure, line, sizeof line);
    nika_sheet_line(file, line);
    fputs("<p class=\"dim\">seeds", file);
    json_array_foreach(json_object_get(failure, "seeds"), i, seed)
        fprintf(file, " %" JSON_INTEGER_FORMAT, json_integer_value(seed));
    fputs("</p>\n", file);
    put_small(file, folder, signature);
    fputs("</article>\n", file);
}

static void put_failures(const json_t *summary, const char *folder, FILE *file)
{
    const char *signature;
    json_t *one;
    const json_t *failures = json_object_get(summary, "failures");
    if (json_object_size(failures) == 0) return;
    fputs("<section aria-labelledby=\"h-failures\"><h2 id=\"h-failures\">Failures</h2>\n", file);
    json_object_foreach((json_t *)(uintptr_t)failures, signature, one)
        put_failure(one, signature, folder, file);
    fputs("</section>\n", file);
}

/* ---- the heat map ---- */
/* "NAME [STRATEGY]" taken apart. */
struct cell {
    char scenario[160], strategy[64];
};

static struct cell cell_of(const char *name)
{
    struct cell cell = {"", ""};
    const char *bracket = strrchr(name, '[');
    size_t size = bracket != NULL && bracket > name ? (size_t)(bracket - name) - 1 : strlen(name);
    snprintf(cell.scenario, sizeof cell.scenario, "%.*s", (int)size, name);
    if (bracket != NULL)
        snprintf(cell.strategy, sizeof cell.strategy, "%.*s", (int)strcspn(bracket + 1, "]"),
                 bracket + 1);
    return cell;
}

static bool is_bad(const json_t *one)
{
    return one != NULL &&
           (integer(one, "failed") > 0 || json_is_true(json_object_get(one, "never")));
}

static void put_cell(const json_t *one, FILE *file)
{
    uint64_t runs = (uint64_t)integer(one, "runs"), failed = (uint64_t)integer(one, "failed");
    bool never = json_is_true(json_object_get(one, "never"));
    const char *first = json_object_iter_key(json_object_iter(json_object_get(one, "failures")));
    fprintf(file,
            "<td class=\"%s\" title=\"%" PRIu64 " runs, %" JSON_INTEGER_FORMAT
            " held, %" JSON_INTEGER_FORMAT " missed their attack, %" PRIu64 " failed\">",
            never ? "h5" : nika_sheet_heat(failed, runs), runs, integer(one, "held"),
            integer(one, "missed"), failed);
    if (first != NULL) {
        fputs("<a href=\"#", file);
        nika_report_xml(file, first);
        fprintf(file, "\">%" PRIu64 "</a>", failed);
    } else {
        fprintf(file, "%" PRIu64, failed);
    }
    fprintf(file, " <span class=\"dim\">of %" PRIu64 "</span>%s</td>", runs,
            never ? ", attack never seen" : "");
}

struct map {
    const json_t *cases;
    char strategies[STRATEGIES_MAX][64];
    uint32_t count, dropped;
};

static void find_strategies(struct map *map)
{
    const char *name;
    json_t *one;
    json_object_foreach((json_t *)(uintptr_t)map->cases, name, one)
    {
        struct cell cell = cell_of(name);
        uint32_t i = 0;
        while (i < map->count && strcmp(map->strategies[i], cell.strategy) != 0) i++;
        if (i < map->count) continue;
        if (map->count == STRATEGIES_MAX)
            map->dropped++;
        else
            memcpy(map->strategies[map->count++], cell.strategy, sizeof cell.strategy);
    }
}

static const json_t *case_at(const struct map *map, const char *scenario, uint32_t strategy)
{
    char key[256];
    snprintf(key, sizeof key, "%.160s [%.63s]", scenario, map->strategies[strategy]);
    return json_object_get(map->cases, key);
}

/* Rows that failed come first. */
static void put_rows(const struct map *map, bool bad, FILE *file)
{
    char last[160] = "";
    const char *name;
    json_t *unused;
    json_object_foreach((json_t *)(uintptr_t)map->cases, name, unused)
    {
        struct cell cell = cell_of(name);
        bool failed = false;
        if (strcmp(cell.scenario, last) == 0)
            continue; /* Sorted: its other strategies are next to it. */
        memcpy(last, cell.scenario, sizeof last);
        for (uint32_t i = 0; i < map->count; i++)
            failed = failed || is_bad(case_at(map, cell.scenario, i));
        if (failed != bad) continue;
        fprintf(file, "<tr data-row=\"%s\"><th scope=\"row\">", bad ? "failed" : "");
        nika_report_xml(file, cell.scenario);
        fputs("</th>", file);
        for (uint32_t i = 0; i < map->count; i++) {
            const json_t *at = case_at(map, cell.scenario, i);
            if (at != NULL) put_cell(at, file);
            if (at == NULL) fputs("<td class=\"dim\">-</td>", file);
        }
        fputs("</tr>\n", file);
    }
}

static void put_heat_map(const json_t *cases, FILE *file)
{
    struct map map = {.cases = cases};
    find_strategies(&map);
    fputs("<section aria-labelledby=\"h-map\"><h2 id=\"h-map\">Failed runs by scenario and "
          "strategy</h2>\n<div class=\"wide\"><table class=\"grid\" id=\"map\"><thead><tr><th>"
          "scenario</th>",
          file);
    for (uint32_t i = 0; i < map.count; i++) {
        fputs("<th>", file);
        nika_report_xml(file, map.strategies[i]);
        fputs("</th>", file);
    }
    fputs("</tr></thead><tbody>\n", file);
    put_rows(&map, true, file);
    put_rows(&map, false, file);
    fputs("</tbody></table></div>\n", file);
    if (map.dropped > 0)
        fprintf(file, "<p class=\"dim\">Only the first %u strategies are shown.</p>\n",
                STRATEGIES_MAX);
    fputs("</section>\n", file);
}

/* ---- curves ---- */
/* One figure of the points of every strategy. */
static void put_chart(const json_t *curves, uint32_t figure, const char *title, FILE *file)
{
    uint64_t(*points)[2] = calloc(STRATEGIES_MAX * POINTS_MAX, sizeof *points);
    struct nika_curve list[STRATEGIES_MAX] = {0};
    uint32_t count = 0;
    const char *strategy;
    json_t *of, *point;
    size_t k;
    if (points == NULL) return;
    json_object_foreach((json_t *)(uintptr_t)curves, strategy, of)
    {
        if (count == STRATEGIES_MAX) break;
        uint64_t(*at)[2] = points + count * POINTS_MAX;
        struct nika_curve *curve = &list[count++];
        curve->name = strategy;
        curve->points = (const uint64_t(*)[2])at;
        curve->count = 1; /* From nothing. */
        json_array_foreach(of, k, point)
        {
            if (curve->count == POINTS_MAX) break;
            at[curve->count][0] = (uint64_t)json_integer_value(json_array_get(point, 0));
            at[curve->count++][1] = (uint64_t)json_integer_value(json_array_get(point, figure));
        }
    }
    nika_sheet_chart(file,
                     &(struct nika_chart){
                         .title = title, .x = "runs", .y = title, .curves = list, .count = count});
    free(points);
}

static void put_curves(const json_t *summary, FILE *file)
{
    const json_t *curves = json_object_get(summary, "curves");
    if (json_object_size(curves) == 0) return;
    fputs("<section aria-labelledby=\"h-curves\"><h2 id=\"h-curves\">What was seen after how many "
          "runs</h2>\n<div class=\"charts\">\n",
          file);
    put_chart(curves, 1, "protocol states", file);
    put_chart(curves, 2, "steps between states", file);
    if (json_object_size(json_object_get(summary, "failures")) > 0)
        put_chart(curves, 3, "kinds of failures", file);
    fputs("</div></section>\n", file);
}

static void put_silent(const json_t *silent, FILE *file)
{
    size_t i;
    json_t *one;
    if (json_array_size(silent) == 0) return;
    fputs("<section aria-labelledby=\"h-never\"><h2 id=\"h-never\">Never happened</h2>\n<ul>\n",
          file);
    json_array_foreach(silent, i, one)
    {
        fputs("<li>", file);
        nika_report_xml(file, json_string_value(one));
        fputs("</li>\n", file);
    }
    fputs("</ul></section>\n", file);
}

bool nika_campaign_html(const json_t *summary, const char *folder, FILE *file)
{
    char title[96];
    const json_t *totals = json_object_get(summary, "totals");
    const char *verdict = text(summary, "verdict");
    size_t ways = json_object_size(json_object_get(summary, "failures"));
    snprintf(title, sizeof title, "nika campaign: %s", verdict);
    nika_sheet_begin(file, title);
    fprintf(file, "<header><p class=\"kicker\">Campaign</p><h1><span class=\"verdict%s\">",
            integer(summary, "exit_class") == 0 ? "" : " bad");
    nika_report_xml(file, verdict);
    fprintf(file,
            "</span> %" JSON_INTEGER_FORMAT " runs: %" JSON_INTEGER_FORMAT
            " held, %" JSON_INTEGER_FORMAT " missed their attack, %" JSON_INTEGER_FORMAT
            " failed in %zu way%s%s</h1>\n<p class=\"dim\">%" JSON_INTEGER_FORMAT
            " protocol states and %" JSON_INTEGER_FORMAT
            " steps between them seen. <a href=\"campaign.json\">campaign.json</a>, <a "
            "href=\"junit.xml\">junit.xml</a></p></header>\n<main id=\"main\">\n",
            integer(totals, "runs"), integer(totals, "held"), integer(totals, "missed"),
            integer(totals, "failed"), ways, ways == 1 ? "" : "s",
            json_is_true(json_object_get(summary, "complete")) ? "" : "; <b>not complete</b>",
            integer(summary, "states"), integer(summary, "steps"));
    nika_sheet_tools(file, true);
    put_failures(summary, folder, file);
    put_heat_map(json_object_get(summary, "cases"), file);
    put_curves(summary, file);
    put_silent(json_object_get(summary, "never_happened"), file);
    fputs("</main>\n", file);
    return nika_sheet_end(file);
}
