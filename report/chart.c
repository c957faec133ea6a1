/* report/chart.c: curves as a picture (SVG) and as a table. Integers only: the same figures give the same bytes. */
#include <inttypes.h>

#include "report/sheet.h"

#define WIDTH 640u
#define HEIGHT 300u
#define LEFT 64u
#define RIGHT 130u /* Room for the names at the ends of the curves. */
#define TOP 12u
#define BOTTOM 44u
#define STYLES 8u
#define TABLE_ROWS 12u /* Of each curve. */

struct frame {
    uint64_t x_max, y_max;
    bool logarithmic;
};

/* 256 times the logarithm to base two of x + 1, straight between powers: smooth enough to place a point. */
static uint64_t logarithm(uint64_t x)
{
    uint32_t bits = 0;
    if (x == UINT64_MAX) x--;
    x++;
    while (x >> bits > 1) bits++;
    uint64_t power = UINT64_C(1) << bits;
    uint64_t part = bits > 50 ? (x - power) >> (bits - 8) : (x - power) * 256 / power;
    return bits * UINT64_C(256) + part;
}

static uint32_t place(uint64_t value, uint64_t most, uint32_t room)
{
    while (most > UINT32_MAX) { /* No product below may overflow. */
        most >>= 1;
        value >>= 1;
    }
    return most == 0 ? 0 : (uint32_t)(value * room / most);
}

static uint32_t x_of(const struct frame *f, uint64_t x)
{
    uint32_t room = WIDTH - LEFT - RIGHT;
    if (f->logarithmic) return LEFT + place(logarithm(x), logarithm(f->x_max), room);
    return LEFT + place(x, f->x_max, room);
}

static uint32_t y_of(const struct frame *f, uint64_t y)
{
    uint32_t room = HEIGHT - TOP - BOTTOM;
    return TOP + room - place(y < f->y_max ? y : f->y_max, f->y_max, room);
}

/* 1, 2 or 5 times a power of ten: at most six of them reach `most`. */
static uint64_t step_of(uint64_t most)
{
    uint64_t step = 1;
    for (uint32_t i = 0; most / step > 5 && step < UINT64_MAX / 10; i++)
        step = i % 3 == 1 ? step / 2 * 5 : step * 2;
    return step;
}

static void put_y_axis(FILE *file, const struct frame *f)
{
    uint64_t step = step_of(f->y_max);
    for (uint64_t y = 0; y <= f->y_max && f->y_max - y < UINT64_MAX - step; y += step)
        fprintf(file,
                "<path class=\"axis\" d=\"M%u %uH%u\"/><text x=\"%u\" y=\"%u\" "
                "text-anchor=\"end\">%" PRIu64 "</text>",
                LEFT, y_of(f, y), WIDTH - RIGHT, LEFT - 6, y_of(f, y) + 4, y);
}

static void put_x_mark(FILE *file, const struct frame *f, uint64_t x)
{
    fprintf(file,
            "<path class=\"axis\" d=\"M%u %uV%u\"/><text x=\"%u\" y=\"%u\" "
            "text-anchor=\"middle\">%" PRIu64 "</text>",
            x_of(f, x), HEIGHT - BOTTOM, HEIGHT - BOTTOM + 4, x_of(f, x), HEIGHT - BOTTOM + 18, x);
}

static void put_x_axis(FILE *file, const struct frame *f)
{
    if (!f->logarithmic) {
        uint64_t step = step_of(f->x_max);
        for (uint64_t x = 0; x <= f->x_max && x <= UINT64_MAX - step; x += step)
            put_x_mark(file, f, x);
        return;
    }
    put_x_mark(file, f, 0);
    uint32_t last = x_of(f, 0);
    for (uint64_t x = 1; x <= f->x_max && x < UINT64_MAX / 10; x *= 10) {
        if (x_of(f, x) < last + 48) continue;
        put_x_mark(file, f, x);
        last = x_of(f, x);
    }
}

static void put_curve(FILE *file, const struct frame *f, const struct nika_curve *curve,
                      uint32_t index, uint32_t *labels)
{
    /* Told apart without colours, too. */
    static const char *const dashes[] = {"", "7 3", "2 3", "9 3 2 3"};
    if (curve->count == 0) return;
    fprintf(file, "<path class=\"curve s%u\"%s%s%s d=\"", index % STYLES,
            index % 4 != 0 ? " stroke-dasharray=\"" : "", dashes[index % 4],
            index % 4 != 0 ? "\"" : "");
    for (uint32_t i = 0; i < curve->count; i++)
        fprintf(file, "%s%u %u", i == 0 ? "M" : "L", x_of(f, curve->points[i][0]),
                y_of(f, curve->points[i][1]));
    uint32_t y = TOP + 4 + 16 * (*labels)++;
    fprintf(file, "\"/><path class=\"curve s%u\"%s%s%s d=\"M%u %uH%u\"/><text x=\"%u\" y=\"%u\">",
            index % STYLES, index % 4 != 0 ? " stroke-dasharray=\"" : "", dashes[index % 4],
            index % 4 != 0 ? "\"" : "", WIDTH - RIGHT + 8, y, WIDTH - RIGHT + 24,
            WIDTH - RIGHT + 28, y + 4);
    nika_report_xml(file, curve->name);
    fputs("</text>\n", file);
}

static void put_table(FILE *file, const struct nika_chart *chart)
{
    fputs("<details><summary>As a table</summary><table class=\"grid\"><thead><tr><th></th><th>",
          file);
    nika_report_xml(file, chart->x);
    fputs("</th><th>", file);
    nika_report_xml(file, chart->y);
    fputs("</th></tr></thead><tbody>\n", file);
    for (uint32_t i = 0; i < chart->count; i++) {
        const struct nika_curve *curve = &chart->curves[i];
        uint32_t every = (curve->count + TABLE_ROWS - 1) / TABLE_ROWS;
        for (uint32_t k = 0; k < curve->count; k++) {
            if (k % every != 0 && k + 1 != curve->count) continue;
            fputs("<tr><th scope=\"row\">", file);
            nika_report_xml(file, curve->name);
            fprintf(file, "</th><td>%" PRIu64 "</td><td>%" PRIu64 "</td></tr>\n",
                    curve->points[k][0], curve->points[k][1]);
        }
    }
    fputs("</tbody></table></details>\n", file);
}

void nika_sheet_chart(FILE *file, const struct nika_chart *chart)
{
    struct frame f = {.y_max = chart->y_max, .logarithmic = chart->logarithmic};
    uint32_t labels = 0;
    for (uint32_t i = 0; i < chart->count; i++) {
        for (uint32_t k = 0; k < chart->curves[i].count; k++) {
            const uint64_t *point = chart->curves[i].points[k];
            if (point[0] > f.x_max) f.x_max = point[0];
            if (chart->y_max == 0 && point[1] > f.y_max) f.y_max = point[1];
        }
    }
    if (f.x_max == 0) return;
    if (f.y_max == 0) f.y_max = 1;
    fputs("<figure><figcaption>", file);
    nika_report_xml(file, chart->title);
    fprintf(file,
            "</figcaption>\n<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\" "
            "role=\"img\" aria-label=\"",
            WIDTH, HEIGHT);
    nika_report_xml(file, chart->title);
    fputs("\">\n", file);
    put_y_axis(file, &f);
    put_x_axis(file, &f);
    for (uint32_t i = 0; i < chart->count; i++) put_curve(file, &f, &chart->curves[i], i, &labels);
    fprintf(file, "<text x=\"%u\" y=\"%u\" text-anchor=\"middle\">", (LEFT + WIDTH - RIGHT) / 2,
            HEIGHT - 8);
    nika_report_xml(file, chart->x);
    fputs("</text></svg>\n", file);
    put_table(file, chart);
    fputs("</figure>\n", file);
}
