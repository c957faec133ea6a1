/* tests/report/test_sheet.c: foreign text cannot leave its place on a page or steer a terminal; pictures stay inside their frame. */
#include <stdlib.h>

#include "report/sheet.h"
#include "tests/support/test.h"

/* What `put` writes of `text`, into *out, which the caller frees. */
static void write_to(char **out, void (*put)(FILE *, const char *), const char *text)
{
    size_t size;
    FILE *file = open_memstream(out, &size);
    assert_non_null(file);
    put(file, text);
    fclose(file);
}

static void check(void (*put)(FILE *, const char *), const char *text, const char *expected)
{
    char *out = NULL;
    write_to(&out, put, text);
    assert_string_equal(out, expected);
    free(out);
}

#define FOREIGN "\xef\xbf\xbd"

static void test_text(void **state)
{
    (void)state;
    check(nika_report_xml, "a<b>&\"'", "a&lt;b&gt;&amp;&quot;&#39;");
    check(nika_report_xml, "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\x8e",
          "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\x8e");
    check(nika_report_xml, "\x1b[31m", FOREIGN "[31m");
    check(nika_report_xml, "\x7f\xc2\x9b", FOREIGN FOREIGN);         /* DEL, and CSI of C1. */
    check(nika_report_xml, "\xe2\x80\xae", FOREIGN);                 /* Right to left from here. */
    check(nika_report_xml, "\xe2\x81\xa6", FOREIGN);                 /* An isolate. */
    check(nika_report_xml, "\xef\xbf\xbf", FOREIGN);                 /* No character of XML. */
    check(nika_report_xml, "\xed\xa0\x80", FOREIGN);                 /* A surrogate. */
    check(nika_report_xml, "\xc0\xbc", FOREIGN FOREIGN);             /* "<" the long way. */
    check(nika_report_xml, "\xe0\x80\xbc", FOREIGN FOREIGN FOREIGN); /* Longer. */
    check(nika_report_xml, "\xf4\x90\x80\x80",
          FOREIGN FOREIGN FOREIGN FOREIGN);              /* Beyond the last. */
    check(nika_report_xml, "\xe2\x82", FOREIGN FOREIGN); /* Cut short. */
    check(nika_report_xml, "a\nb\tc\r", "a\nb\tc" FOREIGN);
    check(nika_report_plain, "<\x1b]0;x\x07&", "<" FOREIGN "]0;x" FOREIGN "&");
}

static void annotate(FILE *file, const char *text)
{
    nika_report_annotation(file, "error", text, text, text);
}

/* No text ends the command that it is in, or begins another. */
static void test_annotation(void **state)
{
    (void)state;
    check(annotate, "a:b,c%d\n::error ::x\r",
          "::error file=a%3Ab%2Cc%25d%0A%3A%3Aerror %3A%3Ax" FOREIGN
          ",line=1,title=a%3Ab%2Cc%25d%0A%3A%3Aerror %3A%3Ax" FOREIGN
          "::a:b,c%25d%0A::error ::x" FOREIGN "\n");
    check(annotate, "", "::error title=::\n");
}

static void test_heat(void **state)
{
    (void)state;
    assert_string_equal(nika_sheet_heat(0, 64), "h0");
    assert_string_equal(nika_sheet_heat(0, 0), "h0");
    assert_string_equal(nika_sheet_heat(1, 1000000), "h1"); /* A little is not nothing. */
    assert_string_equal(nika_sheet_heat(63, 64), "h4");     /* And nearly all is not all. */
    assert_string_equal(nika_sheet_heat(64, 64), "h5");
}

static void put_chart(FILE *file, const char *name)
{
    static const uint64_t points[][2] = {
        {0, 0}, {1, 5}, {UINT64_C(1) << 40, UINT64_MAX}, {UINT64_MAX, 3}};
    struct nika_curve curve = {.name = name, .points = points, .count = 4};
    nika_sheet_chart(file, &(struct nika_chart){.title = name,
                                                .x = "runs",
                                                .y = "found",
                                                .curves = &curve,
                                                .count = 1,
                                                .logarithmic = name[0] == '<'});
}

/* Every point of the first curve lies inside the picture, whatever the figures. */
static void test_chart(void **state)
{
    (void)state;
    const char *names[] = {"<hostile>", "plain"};
    for (uint32_t i = 0; i < 2; i++) {
        char *out = NULL;
        write_to(&out, put_chart, names[i]);
        const char *at = strstr(out, "<path class=\"curve");
        assert_non_null(at);
        assert_null(strstr(out, "<hostile>"));
        at = strstr(at, " d=\"M");
        assert_non_null(at);
        at += 5;
        for (uint32_t k = 0; k < 4; k++) {
            char *end;
            unsigned long x = strtoul(at, &end, 10), y = strtoul(end, &end, 10);
            assert_in_range(x, 64, 510);
            assert_in_range(y, 12, 256);
            at = end + 1;
        }
        free(out);
    }
}

static void put_nothing(FILE *file, const char *name)
{
    struct nika_curve curve = {.name = name};
    nika_sheet_chart(
        file, &(struct nika_chart){.title = name, .x = "", .y = "", .curves = &curve, .count = 1});
}

static void test_no_points(void **state)
{
    (void)state;
    check(put_nothing, "none", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text), cmocka_unit_test(test_annotation), cmocka_unit_test(test_heat),
        cmocka_unit_test(test_chart), cmocka_unit_test(test_no_points)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
