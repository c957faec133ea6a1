/* cli/diff.c: `nika diff`: where two runs part, and what followed from it. */
#include <stdlib.h>

#include "cli/cli.h"

#define SHOWN_DEFAULT 20u
#define SHOWN_MAX 1000000u

struct arguments {
    const char *runs[2];
    uint32_t run_count, shown;
    bool json;
};
enum { OPTION_JSON = 256 };

static const struct argp_option options[] = {
    {"lines", 'n', "N", 0, "lines of what followed (default 20)", 0},
    CLI_JSON_OPTION(OPTION_JSON),
    {0}};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case 'n':
        a->shown = (uint32_t)cli_number(text, "--lines", 0, SHOWN_MAX, state);
        return 0;
    case OPTION_JSON:
        a->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (a->run_count == 2) argp_error(state, "two runs at a time, got \"%s\" too", text);
        a->runs[a->run_count++] = text;
        return 0;
    case ARGP_KEY_END:
        if (a->run_count < 2) argp_error(state, "which two runs?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "A B",
    "Compare two runs: the first event in which they differ, and what happened in only one of them "
    "from there on. Each is a decision log, a trace, SCENARIO or SCENARIO@SEED.\v"
    "Exits 0 when the runs are the same, 1 when they differ (as diff does; no verdict is meant), "
    "64 "
    "when one of them cannot be read.\n\n"
    "  nika diff fault-free@3 fault-free@4\n"
    "  nika diff before.log after.log",
    NULL,
    NULL,
    NULL};

static int run(int argc, char **argv)
{
    struct arguments a = {.shown = SHOWN_DEFAULT};
    cli_parse(&argp, argc, argv, &a);
    struct cli_side *sides = calloc(2, sizeof *sides);
    if (sides == NULL) return NIKA_EXIT_INCONCLUSIVE;
    int status = NIKA_EXIT_USAGE;
    if (cli_side_load(a.runs[0], &sides[0]) && cli_side_load(a.runs[1], &sides[1]))
        status = cli_diff(&sides[0], &sides[1], a.shown, a.json, stdout);
    cli_lines_free(&sides[0].lines);
    cli_lines_free(&sides[1].lines);
    free(sides);
    return status;
}

const struct cli_command cli_diff_command = {
    "diff",
    "A B",
    "compare two runs: where they part, what followed",
    "Aligns two runs and names the first event in which they differ, with its virtual time and "
    "node, the decision behind it, and what happened in only one of the two from there on.",
    &argp,
    run};
