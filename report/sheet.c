/* report/sheet.c: the frame of a sheet and its small parts; see sheet.h. */
#include "report/sheet.h"

#include <inttypes.h>

#include "report/page.h"

void nika_sheet_begin(FILE *file, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\"><head><meta "
          "charset=\"utf-8\"/>\n<meta http-equiv=\"Content-Security-Policy\" "
          "content=\"default-src 'none'; base-uri 'none'; form-action 'none'; script-src ",
          file);
    nika_report_source(file, nika_sheet_js, nika_sheet_js_size);
    fputs("; style-src ", file);
    nika_report_source(file, nika_sheet_css, nika_sheet_css_size);
    fputs("\"/>\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>\n<title>",
          file);
    nika_report_xml(file, title);
    fputs("</title>\n<style>", file);
    (void)fwrite(nika_sheet_css, 1, nika_sheet_css_size, file);
    fputs("</style></head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the tables</a>\n",
          file);
}

void nika_sheet_tools(FILE *file, bool failed)
{
    fputs("<div class=\"bar\" role=\"search\"><label>filter <input id=\"filter\" type=\"search\" "
          "autocomplete=\"off\" placeholder=\"words; press /\"/></label>",
          file);
    if (failed)
        fputs(" <label><input id=\"only-failed\" type=\"checkbox\"/> only what failed</label>",
              file);
    fputs(" <span id=\"count\" class=\"dim\" role=\"status\"></span></div>\n", file);
}

void nika_sheet_line(FILE *file, const char *line)
{
    fputs("<div class=\"line\"><code>", file);
    nika_report_xml(file, line);
    fputs("</code><button type=\"button\" class=\"copy\" hidden=\"hidden\">Copy</button></div>\n",
          file);
}

const char *nika_sheet_heat(uint64_t part, uint64_t whole)
{
    static const char *const classes[] = {"h0", "h1", "h2", "h3", "h4", "h5"};
    if (part == 0 || whole == 0) return classes[0];
    /* A little is told apart from nothing, and nearly all from all. */
    return part >= whole ? classes[5] : classes[1 + part * 4 / whole];
}

bool nika_sheet_end(FILE *file)
{
    fputs("<script>", file);
    (void)fwrite(nika_sheet_js, 1, nika_sheet_js_size, file);
    fputs("</script>\n</body></html>\n", file);
    return fflush(file) == 0 && ferror(file) == 0;
}
