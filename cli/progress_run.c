/* cli/progress_run.c: see progress.h. */
#include "cli/cli.h"
#include "cli/progress.h"

static void on_completed(void *context, const struct nika_tap *tap)
{
    struct cli_run_progress *p = context;
    char extra[48] = "";
    struct nika_world_stats stats;
    (void)tap;
    p->completed++;
    if (cli_progress_due(&p->progress)) {
        nika_world_stats(nika_runner_world(p->runner), &stats);
        snprintf(extra, sizeof extra, "%llu events", (unsigned long long)stats.events);
    }
    cli_progress_show(&p->progress, p->completed, p->requests, CLI_PROGRESS_BY_RATE, extra);
}

void cli_run_progress_begin(struct cli_run_progress *p, const char *what,
                            struct nika_runner *runner, const struct nika_scenario *s)
{
    struct nika_watcher watcher = {p, NIKA_TAP_BIT(NIKA_TAP_COMPLETED), on_completed};
    *p = (struct cli_run_progress){
        .runner = runner, .requests = s->values[NIKA_KEY_CLIENTS] * s->values[NIKA_KEY_REQUESTS]};
    cli_progress_init(&p->progress, what, "requests", false);
    nika_world_watch(nika_runner_world(runner), &watcher);
}

void cli_run_progress_end(struct cli_run_progress *p)
{
    cli_progress_end(&p->progress);
    p->progress.quiet = true; /* Whatever the world does next is no progress of this. */
}
