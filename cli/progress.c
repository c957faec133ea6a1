/* cli/progress.c: see progress.h. */
#include "cli/progress.h"

#include <inttypes.h>
#include <unistd.h>

#include "cli/cli.h"

#define SECOND UINT64_C(1000000000)

void cli_progress_init(struct cli_progress *p, const char *what, const char *unit, bool quiet)
{
    *p = (struct cli_progress){.what = what,
                               .unit = unit,
                               .file = stderr,
                               .now_ns = cli_clock_ns,
                               .terminal = isatty(STDERR_FILENO) != 0,
                               .quiet = quiet};
    p->started_ns = p->shown_ns = p->now_ns();
}

bool cli_progress_due(const struct cli_progress *p)
{
    uint64_t every = p->terminal ? SECOND / 5 : 10 * SECOND;
    return !p->quiet && (!p->begun || p->now_ns() - p->shown_ns >= every);
}

static void put_left(FILE *file, uint64_t ns)
{
    uint64_t s = (ns + SECOND - 1) / SECOND;
    if (s >= 3600)
        fprintf(file, ", about %" PRIu64 " h %" PRIu64 " min left", s / 3600, s / 60 % 60);
    else if (s >= 120)
        fprintf(file, ", about %" PRIu64 " min left", s / 60);
    else
        fprintf(file, ", about %" PRIu64 " s left", s);
}

/* Of slow work by the minute; of nothing done yet there is none. */
static void put_rate(const struct cli_progress *p, uint64_t fresh, uint64_t spent_ms)
{
    bool slow = fresh * 1000 < spent_ms;
    if (fresh > 0)
        fprintf(p->file, ", %" PRIu64 " %s/%s", fresh * (slow ? 60000 : 1000) / spent_ms, p->unit,
                slow ? "min" : "s");
}

void cli_progress_show(struct cli_progress *p, uint64_t done, uint64_t total, uint64_t left_ns,
                       const char *extra)
{
    if (!p->begun) p->before = done;
    bool due = cli_progress_due(p) && p->begun;
    p->begun = true;
    uint64_t now = p->now_ns();
    if (!due) return;
    p->shown_ns = now;
    uint64_t spent_ms = (now - p->started_ns) / 1000000 + 1, fresh = done - p->before;
    fprintf(p->file, "%s%s%s%" PRIu64, p->terminal ? "\r\033[K" : "", p->what,
            p->what[0] != '\0' ? " " : "", done);
    if (total > 0) fprintf(p->file, " of %" PRIu64, total);
    fprintf(p->file, " %s", p->unit);
    put_rate(p, fresh, spent_ms);
    fprintf(p->file, "%s%s", extra[0] != '\0' ? ", " : "", extra);
    if (left_ns != CLI_PROGRESS_BY_RATE)
        put_left(p->file, left_ns);
    else if (total >= done && total > 0 && fresh > 0)
        put_left(p->file,
                 (uint64_t)((unsigned __int128)(total - done) * spent_ms * 1000000 / fresh));
    fputs(p->terminal ? "" : "\n", p->file);
    fflush(p->file);
    p->drawn = true;
}

void cli_progress_end(struct cli_progress *p)
{
    if (p->terminal && p->drawn) fputs("\r\033[K", p->file);
    p->drawn = false;
}
