/* report/html.c: the page: its parts (page/) and the model in one file that loads nothing and runs no other script than its own. */
#include "engine/core/digest.h"
#include "report/page.h"
#include "report/report.h"
#include "report/sheet.h"

static void put_base64(FILE *file, const uint8_t *data, uint32_t size)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (uint32_t i = 0; i < size; i += 3) {
        uint32_t left = size - i;
        uint32_t bits = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                        (left > 2 ? data[i + 2] : 0);
        fputc(letters[bits >> 18], file);
        fputc(letters[bits >> 12 & 63], file);
        fputc(left > 1 ? letters[bits >> 6 & 63] : '=', file);
        fputc(left > 2 ? letters[bits & 63] : '=', file);
    }
}

void nika_report_source(FILE *file, const char *text, uint32_t size)
{
    struct nika_digest digest;
    nika_sha256_one(text, size, &digest);
    fputs("'sha256-", file);
    put_base64(file, digest.bytes, NIKA_DIGEST_SIZE);
    fputs("'", file);
}

void nika_report_html(const struct nika_report *report, FILE *file)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "base-uri 'none'; form-action 'none'; img-src data:; script-src ",
          file);
    nika_report_source(file, nika_page_js, nika_page_js_size);
    fputs("; style-src ", file);
    nika_report_source(file, nika_page_css, nika_page_css_size);
    fputs("\">\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
          "<title>nika report</title>\n<style>",
          file);
    (void)fwrite(nika_page_css, 1, nika_page_css_size, file);
    fputs("</style></head>\n", file);
    (void)fwrite(nika_page_html, 1, nika_page_html_size, file);
    fputs("<script type=\"application/json\" id=\"model\">\n", file);
    nika_report_json(report, file);
    fputs("</script>\n<script>", file);
    (void)fwrite(nika_page_js, 1, nika_page_js_size, file);
    fputs("</script></body></html>\n", file);
}
