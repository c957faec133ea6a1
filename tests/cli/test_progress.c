/* tests/cli/test_progress.c: progress says how much, how fast and how long still; plain lines where there is no terminal. */
#include "cli/progress.h"

#include <stdlib.h>

#include "tests/support/test.h"

#define SECOND UINT64_C(1000000000)

static uint64_t clock_ns;

static uint64_t now_ns(void)
{
    return clock_ns;
}

struct seen {
    struct cli_progress p;
    char *text;
    size_t size;
};

static void begin(struct seen *s, bool terminal, bool quiet)
{
    clock_ns = 100 * SECOND;
    memset(s, 0, sizeof *s);
    s->p = (struct cli_progress){.what = "shrinking",
                                 .unit = "runs",
                                 .file = open_memstream(&s->text, &s->size),
                                 .now_ns = now_ns,
                                 .started_ns = clock_ns,
                                 .shown_ns = clock_ns,
                                 .terminal = terminal,
                                 .quiet = quiet};
    assert_non_null(s->p.file);
}

static void end(struct seen *s, const char *expected)
{
    cli_progress_end(&s->p);
    fclose(s->p.file);
    assert_string_equal(s->text, expected);
    free(s->text);
}

static void test_plain(void **state)
{
    (void)state;
    struct seen s;
    begin(&s, false, false);
    cli_progress_show(&s.p, 40, 1000, CLI_PROGRESS_BY_RATE,
                      ""); /* What was there before is of no rate. */
    clock_ns += SECOND;
    cli_progress_show(&s.p, 60, 1000, CLI_PROGRESS_BY_RATE, ""); /* Not due. */
    clock_ns += 9 * SECOND;
    cli_progress_show(&s.p, 140, 1000, CLI_PROGRESS_BY_RATE, "3 failures");
    clock_ns += 10 * SECOND;
    cli_progress_show(&s.p, 240, 0, CLI_PROGRESS_BY_RATE, "");
    clock_ns += 10 * SECOND;
    cli_progress_show(&s.p, 340, 1000000, CLI_PROGRESS_BY_RATE, "");
    clock_ns += 10 * SECOND;
    cli_progress_show(&s.p, 440, 0, 150 * SECOND, "");
    end(&s, "shrinking 140 of 1000 runs, 9 runs/s, 3 failures, about 87 s left\n"
            "shrinking 240 runs, 9 runs/s\n"
            "shrinking 340 of 1000000 runs, 9 runs/s, about 27 h 46 min left\n"
            "shrinking 440 runs, 9 runs/s, about 2 min left\n");
}

static void test_terminal(void **state)
{
    (void)state;
    struct seen s;
    begin(&s, true, false);
    cli_progress_show(&s.p, 0, 10, CLI_PROGRESS_BY_RATE, "");
    clock_ns += SECOND / 5;
    cli_progress_show(&s.p, 1, 10, CLI_PROGRESS_BY_RATE, "");
    clock_ns += SECOND / 10;
    cli_progress_show(&s.p, 2, 10, CLI_PROGRESS_BY_RATE, "");
    end(&s, "\r\033[Kshrinking 1 of 10 runs, 4 runs/s, about 2 s left\r\033[K");
}

static void test_slow(void **state)
{
    (void)state;
    struct seen s;
    begin(&s, false, false);
    cli_progress_show(&s.p, 0, 4, CLI_PROGRESS_BY_RATE, "");
    clock_ns += 10 * SECOND;
    cli_progress_show(&s.p, 0, 4, CLI_PROGRESS_BY_RATE, "");
    clock_ns += 10 * SECOND;
    cli_progress_show(&s.p, 2, 4, CLI_PROGRESS_BY_RATE, "");
    end(&s, "shrinking 0 of 4 runs\nshrinking 2 of 4 runs, 5 runs/min, about 21 s left\n");
}

static void test_quiet(void **state)
{
    (void)state;
    struct seen s;
    begin(&s, true, true);
    for (uint64_t i = 0; i < 5; i++) {
        cli_progress_show(&s.p, i, 10, CLI_PROGRESS_BY_RATE, "");
        clock_ns += 60 * SECOND;
    }
    end(&s, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain),
                                       cmocka_unit_test(test_terminal), cmocka_unit_test(test_slow),
                                       cmocka_unit_test(test_quiet)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
