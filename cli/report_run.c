/* cli/report_run.c: a run, watched, and its report; and two of them beside each other. */
#include <errno.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/progress.h"

#define FOLLOWED_SHOWN 40u /* Events that the text of a difference lists; the page shows all. */

/* The JSON parts of a report, which it borrows. */
static bool describe(const struct cli_finished *f, const struct nika_report_trace *trace,
                     struct nika_report *out)
{
    *out = (struct nika_report){.run = cli_report_object(f),
                                .scenario = f->scenario->document,
                                .drawn = nika_scenario_concrete(f->scenario, f->result->seed),
                                .trace = trace};
    return out->run != NULL;
}

static void forget(struct nika_report *report)
{
    json_decref((json_t *)(uintptr_t)report->run);
    json_decref((json_t *)(uintptr_t)report->drawn);
}

bool cli_report_write(const struct cli_finished *f, const struct nika_report_trace *trace,
                      enum nika_report_format format, FILE *file)
{
    struct nika_report report;
    bool good = describe(f, trace, &report) && nika_report_write(&report, format, file);
    forget(&report);
    return good;
}

/* A run that is over, and what was kept of it. */
struct ran {
    struct nika_archive *archive;
    struct nika_run_result *result;
    struct cli_turns *turns;
    struct nika_report_trace *trace;
    struct nika_runner *runner;
    struct cli_run_progress progress;
    struct cli_finished finished;
};

static void ran_free(struct ran *r)
{
    nika_runner_free(r->runner);
    nika_report_trace_free(r->trace);
    free(r->archive);
    free(r->turns);
    free(r->result);
}

/* False with a reason. Either way the caller frees. */
static bool run_watched(struct ran *r, const struct cli_run_request *request,
                        const struct nika_scenario *s, const char **reason)
{
    *reason = "out of memory";
    r->result = calloc(1, sizeof *r->result);
    r->turns = calloc(1, sizeof *r->turns);
    r->runner = nika_runner_new(s, reason);
    if (r->runner == NULL || r->result == NULL || r->turns == NULL) return false;
    uint64_t started = cli_clock_ns();
    if (!nika_runner_begin(r->runner, request->seed, reason)) return false;
    cli_run_progress_begin(&r->progress, "running", r->runner, s);
    cli_turns_watch(r->turns, r->runner);
    r->trace =
        nika_report_trace_new(nika_runner_world(r->runner), r->turns->story.protocol->messages);
    *reason = "out of memory";
    if (r->trace == NULL) return false;
    nika_runner_finish(r->runner, r->result);
    r->turns->closed = true;
    cli_run_progress_end(&r->progress);
    nika_report_trace_close(r->trace);
    nika_runner_set_oracles(r->runner, false); /* Whatever runs next is not watched. */
    nika_runner_set_oracles(r->runner, true);
    nika_runner_examine(r->runner, r->result, &r->archive);
    r->finished = (struct cli_finished){
        request, s, r->runner, r->result, r->turns, cli_clock_ns() - started, r->archive};
    return true;
}

/* How the two differ, by their traces. NULL with a message. */
static json_t *difference(const struct ran *a, const struct ran *b)
{
    struct cli_side *sides = calloc(2, sizeof *sides);
    json_t *diff = NULL;
    const struct cli_finished *f[2] = {&a->finished, &b->finished};
    bool good = sides != NULL;
    for (uint32_t i = 0; good && i < 2; i++)
        good = cli_side_run(f[i]->request->path, f[i]->scenario, f[i]->request->seed, &sides[i]);
    if (good) diff = cli_diff_object(&sides[0], &sides[1], FOLLOWED_SHOWN);
    for (uint32_t i = 0; sides != NULL && i < 2; i++) cli_lines_free(&sides[i].lines);
    free(sides);
    return diff;
}

/* False with a reason, or with NULL when it was told already. */
static bool write_pair(const struct ran *a, const struct cli_report_other *other,
                       enum nika_report_format format, FILE *file, const char **reason)
{
    struct ran b = {0};
    struct nika_report one = {0}, two = {0};
    bool good = run_watched(&b, &other->request, other->scenario, reason);
    json_t *diff = good ? difference(a, &b) : NULL;
    if (good && diff == NULL) {
        *reason = NULL;
        good = false;
    }
    if (good) {
        *reason = "out of memory";
        good = describe(&a->finished, a->trace, &one) && describe(&b.finished, b.trace, &two);
        one.other = &two;
        one.diff = diff;
        errno = 0;
        if (good && !nika_report_write(&one, format, file)) {
            *reason = errno != 0 ? strerror(errno) : "cannot write all of it";
            good = false;
        }
    }
    forget(&one);
    forget(&two);
    json_decref(diff);
    ran_free(&b);
    return good;
}

int cli_report_run(const struct cli_run_request *request, const struct nika_scenario *s,
                   const struct cli_report_other *other, enum nika_report_format format, FILE *file)
{
    const char *reason;
    struct ran r = {0};
    bool good = run_watched(&r, request, s, &reason);
    errno = 0;
    if (good && other != NULL) {
        good = write_pair(&r, other, format, file, &reason);
    } else if (good && format == NIKA_REPORT_TEXT) {
        cli_report_human(&r.finished, file);
    } else if (good && !cli_report_write(&r.finished, r.trace, format, file)) {
        good = false;
        reason = errno != 0 ? strerror(errno) : "cannot write all of it";
    }
    if (!good && reason != NULL) fprintf(stderr, "nika: report: %s\n", reason);
    ran_free(&r);
    return good ? 0 : NIKA_EXIT_INCONCLUSIVE;
}
