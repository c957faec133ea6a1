/* fuzz/campaign/html.c: the summary of a campaign as one page: failures first, then a heat map of scenarios and strategies, then what
 * never happened. Well-formed XML, no scripts, nothing loaded from elsewhere. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/campaign/campaign.h"

#define STRATEGIES_MAX 16u

static const char style[] =
    ":root{color-scheme:light dark;--line:#8885;--dim:#777}"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:68rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}"
    "table{border-collapse:collapse}td,th{border:1px solid var(--line);padding:.25rem "
    ".6rem;text-align:left}"
    "td.n{text-align:right;color:#000}pre{overflow-x:auto;border:1px solid "
    "var(--line);padding:.5rem}"
    ".dim{color:var(--dim)}.bad{color:#c62828}.good{color:#2e7d32}"
    "section{border-left:4px solid #c62828;padding-left:1rem;margin:1.5rem 0}";

static json_int_t integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL ? value : "";
}

static void put_failure(const json_t *failure, const char *signature, const char *folder,
                        FILE *file)
{
    char line[NIKA_REPRODUCE_SIZE], path[1400];
    size_t i;
    json_t *culprit;
    fprintf(file,
            "<section><h3 id=\"%s\"><span class=\"bad\">%s</span>, %" JSON_INTEGER_FORMAT
            " times, first in ",
            signature, text(failure, "verdict"), integer(failure, "count"));
    nika_xml_text(file, text(failure, "scenario"));
    fputs("</h3>\n<p>", file);
    nika_xml_text(file, text(failure, "sentence"));
    fputs("</p>\n", file);
    if (json_object_get(failure, "liveness") != NULL) {
        fprintf(file, "<p>Liveness: <b>%s</b>: ", text(failure, "liveness"));
        nika_xml_text(file, text(failure, "stall"));
        fputs("</p>\n", file);
    }
    json_array_foreach(json_object_get(failure, "culprits"), i, culprit)
    {
        fputs("<p>Culprit: ", file);
        nika_xml_text(file, json_string_value(culprit));
        fputs("</p>\n", file);
    }
    nika_failure_reproduce(failure, line, sizeof line);
    fputs("<pre>", file);
    nika_xml_text(file, line);
    fputs("</pre>\n", file);
    snprintf(path, sizeof path, "%s/shrunk/%s.json", folder, signature);
    if (access(path, F_OK) == 0)
        fprintf(file,
                "<p>Small: <a href=\"shrunk/%s.json\">scenario</a>, <a href=\"shrunk/%s.txt\">how "
                "small</a>, <a href=\"shrunk/%s.log\">the run as it was found</a></p>\n",
                signature, signature, signature);
    fputs("</section>\n", file);
}

/* "NAME [STRATEGY]" taken apart. */
struct cell {
    char scenario[128], strategy[64];
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

/* From green (nothing failed) over yellow to red; a little is told apart from nothing. */
static void put_cell(const json_t *one, FILE *file)
{
    json_int_t runs = integer(one, "runs"), failed = integer(one, "failed");
    bool never = json_is_true(json_object_get(one, "never"));
    json_int_t hue = failed == 0 && !never ? 120 : 50 - (runs > 0 ? failed * 50 / runs : 0);
    if (never) hue = 0;
    fprintf(file,
            "<td class=\"n\" style=\"background:hsl(%" JSON_INTEGER_FORMAT
            " 60%% 75%%)\" title=\"%" JSON_INTEGER_FORMAT " runs, %" JSON_INTEGER_FORMAT
            " held, %" JSON_INTEGER_FORMAT " missed their attack, %" JSON_INTEGER_FORMAT
            " failed\">%" JSON_INTEGER_FORMAT "%s</td>",
            hue, runs, integer(one, "held"), integer(one, "missed"), failed, failed,
            never ? ", attack never seen" : "");
}

static void put_heat_map(const json_t *cases, FILE *file)
{
    char strategies[STRATEGIES_MAX][64], last[128] = "", key[256];
    uint32_t count = 0;
    const char *name;
    json_t *one;
    json_object_foreach((json_t *)(uintptr_t)cases, name, one)
    {
        struct cell cell = cell_of(name);
        uint32_t i = 0;
        while (i < count && strcmp(strategies[i], cell.strategy) != 0) i++;
        if (i == count && count < STRATEGIES_MAX)
            snprintf(strategies[count++], sizeof strategies[0], "%s", cell.strategy);
    }
    fputs("<h2>Failed runs by scenario and strategy</h2>\n<table><tr><th>scenario</th>", file);
    for (uint32_t i = 0; i < count; i++) {
        fputs("<th>", file);
        nika_xml_text(file, strategies[i]);
        fputs("</th>", file);
    }
    fputs("</tr>\n", file);
    json_object_foreach((json_t *)(uintptr_t)cases, name, one)
    {
        struct cell cell = cell_of(name);
        if (strcmp(cell.scenario, last) == 0)
            continue; /* Sorted: its other strategies are next to it. */
        snprintf(last, sizeof last, "%s", cell.scenario);
        fputs("<tr><td>", file);
        nika_xml_text(file, cell.scenario);
        fputs("</td>", file);
        for (uint32_t i = 0; i < count; i++) {
            snprintf(key, sizeof key, "%.127s [%.63s]", cell.scenario, strategies[i]);
            const json_t *at = json_object_get(cases, key);
            if (at != NULL) put_cell(at, file);
            if (at == NULL) fputs("<td class=\"dim\">-</td>", file);
        }
        fputs("</tr>\n", file);
    }
    fputs("</table>\n", file);
}

bool nika_campaign_html(const json_t *summary, const char *folder, FILE *file)
{
    const json_t *totals = json_object_get(summary, "totals");
    const json_t *failures = json_object_get(summary, "failures");
    const json_t *silent = json_object_get(summary, "never_happened");
    const char *signature;
    json_t *one;
    size_t i;
    fprintf(file,
            "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\"><head><meta "
            "charset=\"utf-8\"/><meta name=\"viewport\" content=\"width=device-width\"/>"
            "<title>nika campaign: %s</title><style>%s</style></head><body>\n",
            text(summary, "verdict"), style);
    fprintf(file, "<h1>Campaign: <span class=\"%s\">%s</span></h1>\n",
            integer(summary, "exit_class") == 0 ? "good" : "bad", text(summary, "verdict"));
    fprintf(
        file,
        "<p>%" JSON_INTEGER_FORMAT " runs: %" JSON_INTEGER_FORMAT " held, %" JSON_INTEGER_FORMAT
        " missed their attack, %" JSON_INTEGER_FORMAT " failed in %zu ways; %" JSON_INTEGER_FORMAT
        " protocol states%s. "
        "<a href=\"campaign.json\">campaign.json</a>, <a href=\"junit.xml\">junit.xml</a></p>\n",
        integer(totals, "runs"), integer(totals, "held"), integer(totals, "missed"),
        integer(totals, "failed"), json_object_size(failures), integer(summary, "states"),
        json_is_true(json_object_get(summary, "complete")) ? "" : "; <b>not complete</b>");
    if (json_object_size(failures) > 0) fputs("<h2>Failures</h2>\n", file);
    json_object_foreach((json_t *)(uintptr_t)failures, signature, one)
        put_failure(one, signature, folder, file);
    put_heat_map(json_object_get(summary, "cases"), file);
    if (json_array_size(silent) > 0) fputs("<h2>Never happened</h2>\n<ul>\n", file);
    json_array_foreach(silent, i, one)
    {
        fputs("<li>", file);
        nika_xml_text(file, json_string_value(one));
        fputs("</li>\n", file);
    }
    if (json_array_size(silent) > 0) fputs("</ul>\n", file);
    fputs("</body></html>\n", file);
    return fflush(file) == 0 && ferror(file) == 0;
}
