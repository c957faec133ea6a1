/* report/formats.c: the formats by name and by file name, and the one door to their writers. */
#include "report/report.h"

static const struct {
    const char *name;
    void (*write)(const struct nika_report *, FILE *);
} formats[NIKA_REPORT_FORMAT_COUNT] = {
    [NIKA_REPORT_TEXT] = {"text", NULL},
    [NIKA_REPORT_JSON] = {"json", nika_report_json},
    [NIKA_REPORT_HTML] = {"html", nika_report_html},
    [NIKA_REPORT_CHROME] = {"chrome", nika_report_chrome},
    [NIKA_REPORT_PCAPNG] = {"pcapng", nika_report_pcapng},
    [NIKA_REPORT_JUNIT] = {"junit", nika_report_junit},
    [NIKA_REPORT_SARIF] = {"sarif", nika_report_sarif},
};

const char *nika_report_format_name(uint32_t index)
{
    return index < NIKA_REPORT_FORMAT_COUNT ? formats[index].name : NULL;
}

bool nika_report_format_find(const char *name, enum nika_report_format *out)
{
    for (uint32_t i = 0; i < NIKA_REPORT_FORMAT_COUNT; i++) {
        if (strcmp(formats[i].name, name) != 0) continue;
        *out = (enum nika_report_format)i;
        return true;
    }
    return false;
}

bool nika_report_format_of_file(const char *path, enum nika_report_format *out)
{
    static const struct {
        const char *end;
        enum nika_report_format format;
    } ends[] = {{".trace.json", NIKA_REPORT_CHROME}, {".json", NIKA_REPORT_JSON},
                {".html", NIKA_REPORT_HTML},         {".xml", NIKA_REPORT_JUNIT},
                {".sarif", NIKA_REPORT_SARIF},       {".pcapng", NIKA_REPORT_PCAPNG},
                {".txt", NIKA_REPORT_TEXT}};
    size_t size = strlen(path);
    for (uint32_t i = 0; i < ARRAY_COUNT(ends); i++) {
        size_t end = strlen(ends[i].end);
        if (size <= end || strcmp(path + size - end, ends[i].end) != 0) continue;
        *out = ends[i].format;
        return true;
    }
    return false;
}

bool nika_report_write(const struct nika_report *report, enum nika_report_format format, FILE *file)
{
    if (format >= NIKA_REPORT_FORMAT_COUNT || formats[format].write == NULL) return false;
    formats[format].write(report, file);
    return fflush(file) == 0 && ferror(file) == 0;
}
