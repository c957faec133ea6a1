/* report/sheet.h: pages of tables and pictures: one style, one script, nothing loaded from elsewhere.
 *
 * The caller writes the body as well-formed XML, every text through nika_report_xml(). The script finds its work by class and id:
 * #filter, #only-failed and #count filter what has data-row ("failed" or ""); a table.sort is sorted by its heads; a button.copy
 * copies the <code> before it. */
#ifndef REPORT_SHEET_H
#define REPORT_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Text in XML or HTML, attributes too. What no page may hold (bytes that are no UTF-8, control characters, what turns the direction
 * of writing) becomes U+FFFD. */
void nika_report_xml(FILE *file, const char *text);
/* The same text as it is, for terminals. */
void nika_report_plain(FILE *file, const char *text);

/* The same as a text in static storage, good for some calls, at most 2 KiB of it. */
const char *nika_report_plain_text(const char *text);
/* Append a word for a shell to out[0..size), quoted where it must be; what steers, as escapes. */
void nika_report_shell(char *out, size_t size, const char *text);
/* One workflow command of GitHub Actions, which shows the message at the file: level "error", "warning" or "notice". */
void nika_report_annotation(FILE *file, const char *level, const char *path, const char *title,
                            const char *message);

void nika_sheet_begin(FILE *file, const char *title);
/* The tools of a page that filters. `failed`: what has failed can be shown alone. */
void nika_sheet_tools(FILE *file, bool failed);
/* A line to copy. */
void nika_sheet_line(FILE *file, const char *line);
/* The class of a cell of a heat map: "h0" for none of `whole` up to "h5" for all of it. */
const char *nika_sheet_heat(uint64_t part, uint64_t whole);
/* Ends the page. False when not all of it reached the file. */
bool nika_sheet_end(FILE *file);

/* ---- chart.c ---- */
struct nika_curve {
    const char *name;
    const uint64_t (*points)[2]; /* x, y; x never falls. */
    uint32_t count;
};
struct nika_chart {
    const char *title, *x, *y;
    const struct nika_curve *curves;
    uint32_t count;
    uint64_t y_max;   /* 0 = that of the curves. */
    bool logarithmic; /* x by its powers of two. */
};
/* A picture with its figures as a table below. Nothing when no curve has a point. */
void nika_sheet_chart(FILE *file, const struct nika_chart *chart);

/* ---- html.c ---- */
/* 'sha256-...' of a part of a page, for its Content-Security-Policy: this text and no other counts. */
void nika_report_source(FILE *file, const char *text, uint32_t size);

#endif
