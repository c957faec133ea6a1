/* fuzz/detect/curves.c: the picture of a comparison: for each strategy, which share of its campaigns had found their bug after so many
 * runs, on a logarithmic axis. Well-formed SVG, nothing loaded from elsewhere, readable on light and dark ground. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/detect/detect.h"

#define LEFT 60.0
#define TOP 30.0
#define WIDTH 560.0
#define HEIGHT 300.0
#define COLOURS 8u

static const char *const colours[COLOURS] = {"#7f7f7f", "#1f77b4", "#d62728", "#2ca02c",
                                             "#9467bd", "#ff7f0e", "#17becf", "#8c564b"};

static json_int_t integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static double x_of(json_int_t runs, json_int_t limit)
{
    double span = log((double)(limit > 1 ? limit : 2));
    return LEFT + WIDTH * log((double)(runs > 1 ? runs : 1)) / span;
}

static void put_axes(FILE *file, json_int_t limit)
{
    fprintf(file, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 390\" "
                  "font-family=\"system-ui,sans-serif\" font-size=\"13\" fill=\"#888\">\n"
                  "<title>Share of campaigns that found their bug, by runs</title>\n"
                  "<g stroke=\"#888\" stroke-opacity=\"0.35\">\n");
    for (int i = 0; i <= 4; i++) {
        double y = TOP + HEIGHT * i / 4;
        fprintf(file, "<path d=\"M%.0f %.0fh%.0f\"/>\n", LEFT, y, WIDTH);
    }
    for (json_int_t runs = 1; runs <= limit; runs *= 10)
        fprintf(file, "<path d=\"M%.1f %.0fv%.0f\"/>\n", x_of(runs, limit), TOP, HEIGHT);
    fprintf(file, "</g>\n");
    for (int i = 0; i <= 4; i++)
        fprintf(file, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">%d %%</text>\n", LEFT - 8,
                TOP + HEIGHT * i / 4 + 4, 100 - 25 * i);
    for (json_int_t runs = 1; runs <= limit; runs *= 10)
        fprintf(file,
                "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%" JSON_INTEGER_FORMAT
                "</text>\n",
                x_of(runs, limit), TOP + HEIGHT + 20, runs);
    fprintf(file, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"middle\">runs</text>\n",
            LEFT + WIDTH / 2, TOP + HEIGHT + 42);
}

static int compare(const void *a, const void *b)
{
    const json_int_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* A campaign of a cell that was given up counts for those that were not run, too: all cells weigh the same. */
static void put_curve(FILE *file, const json_t *records, const char *strategy, json_int_t limit,
                      json_int_t cells, json_int_t campaigns, const char *colour, double label_y)
{
    size_t i, size = json_array_size(records);
    json_int_t *found = calloc(size + 1, sizeof *found), total = cells * campaigns;
    uint32_t count = 0;
    json_t *record;
    if (found == NULL || total == 0) {
        free(found);
        return;
    }
    json_array_foreach((json_t *)(uintptr_t)records, i, record)
    {
        const char *name = json_string_value(json_object_get(record, "strategy"));
        if (json_is_true(json_object_get(record, "found")) && strcmp(name, strategy) == 0)
            found[count++] = integer(record, "runs");
    }
    qsort(found, count, sizeof *found, compare);
    fprintf(file, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" d=\"M%.1f %.1f", colour,
            LEFT, TOP + HEIGHT);
    for (i = 0; i < count; i++) {
        if (i + 1 < count && found[i + 1] == found[i]) continue;
        fprintf(file, "H%.1fV%.1f", x_of(found[i], limit),
                TOP + HEIGHT * (1 - (double)(i + 1) / (double)total));
    }
    fprintf(file, "H%.1f\"/>\n<text x=\"%.0f\" y=\"%.1f\" fill=\"%s\">%s %.0f %%</text>\n",
            LEFT + WIDTH, LEFT + WIDTH + 12, label_y, colour, strategy,
            100.0 * count / (double)total);
    free(found);
}

void nika_detect_svg(const json_t *records, const json_t *summary, FILE *file)
{
    const json_t *settings = json_object_get(summary, "settings");
    json_int_t limit = integer(settings, "limit"), campaigns = integer(settings, "campaigns");
    json_int_t bugs = (json_int_t)json_array_size(json_object_get(summary, "bugs"));
    json_t *strategy;
    size_t i;
    put_axes(file, limit);
    json_array_foreach(json_object_get(summary, "strategies"), i, strategy)
        put_curve(file, records, json_string_value(strategy), limit, bugs, campaigns,
                  colours[i % COLOURS], TOP + 20 + 20 * (double)i);
    fprintf(file, "</svg>\n");
}
