/* cli/progress.h: how far long work is: done, rate, time left. On a terminal one line that changes; elsewhere a plain line now and then. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "scenarios/runner.h"

#define CLI_PROGRESS_BY_RATE UINT64_MAX

struct cli_progress {
    const char *what; /* "shrinking", or "" */
    const char *unit; /* "runs" */
    FILE *file;
    uint64_t (*now_ns)(void);
    uint64_t started_ns, shown_ns;
    uint64_t before; /* Done when it began: of no rate. */
    bool terminal, quiet, begun, drawn;
};
/* To standard error, by the wall clock. Quiet: nothing is ever shown. */
void cli_progress_init(struct cli_progress *p, const char *what, const char *unit, bool quiet);
/* `done` of `total` (0 = nobody knows) units; `extra` = more words. Time left: `left_ns`, or by the rate. Shows it when it is due. */
void cli_progress_show(struct cli_progress *p, uint64_t done, uint64_t total, uint64_t left_ns,
                       const char *extra);
/* Is it due? To save the work of making `extra`. */
bool cli_progress_due(const struct cli_progress *p);
/* Takes the line off the terminal. */
void cli_progress_end(struct cli_progress *p);

/* ---- progress_run.c: how far one run is, by the requests that completed ---- */
struct cli_run_progress {
    struct cli_progress progress;
    struct nika_runner *runner;
    uint64_t requests, completed;
};
/* Between begin and finish of the runner. It watches the world until that is made again, and must outlive it. */
void cli_run_progress_begin(struct cli_run_progress *p, const char *what,
                            struct nika_runner *runner, const struct nika_scenario *s);
void cli_run_progress_end(struct cli_run_progress *p);

#endif
