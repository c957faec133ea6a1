/* cli/bench_detect.c: see bench_detect.h. The folder holds detect.jsonl, a record a campaign as it comes, and what they add up to:
 * detect.json, detect.csv, detect.md, detect.svg. */
#include "cli/bench_detect_private.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "engine/core/planted.h"
#include "fuzz/campaign/campaign.h"

#define SECOND UINT64_C(1000000000)
#define SHRINK_SECONDS 60u

void cli_bench_detect_defaults(struct cli_bench_detect *o)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    *o = (struct cli_bench_detect){.out = "out/detect",
                                   .campaigns = 30, /* As ATTACKS.md 11.1 asks for. */
                                   .limit = nika_museum_budget('d'),
                                   .first = 1,
                                   .patience = 3,
                                   .outpaced = 20,
                                   .sound = 100000,
                                   .shrink_runs = 400,
                                   .run_limit_s =
                                       10, /* No run that ends takes more than a second. */
                                   .jobs = processors < 1    ? 1
                                           : processors > 64 ? 64
                                                             : (uint32_t)processors};
}

error_t cli_bench_detect_parse(int key, char *text, struct argp_state *state,
                               struct cli_bench_detect *o)
{
    switch (key) {
    case CLI_DETECT_BUGS:
        o->bugs = text;
        return 0;
    case CLI_DETECT_STRATEGIES:
        o->strategies = text;
        return 0;
    case CLI_DETECT_GROUND:
        o->ground = text;
        return 0;
    case CLI_DETECT_OUT:
        o->out = text;
        return 0;
    case CLI_DETECT_CAMPAIGNS:
        o->campaigns = cli_number(text, "--campaigns", 1, NIKA_DETECT_CAMPAIGNS_MAX, state);
        return 0;
    case CLI_DETECT_LIMIT:
        o->limit = cli_number(text, "--limit", 1, nika_museum_budget('d'), state);
        return 0;
    case CLI_DETECT_CPU:
        o->cpu_limit_ms = cli_number(text, "--cpu-limit", 0, 100000000, state);
        return 0;
    case CLI_DETECT_FIRST:
        o->first = cli_number(text, "--first", 0, INT64_MAX / 4, state);
        return 0;
    case CLI_DETECT_PATIENCE:
        o->patience = cli_number(text, "--patience", 0, NIKA_DETECT_CAMPAIGNS_MAX, state);
        return 0;
    case CLI_DETECT_OUTPACED:
        o->outpaced = cli_number(text, "--outpaced", 0, 1000000, state);
        return 0;
    case CLI_DETECT_SOUND:
        o->sound = cli_number(text, "--sound", 0, 10000000, state);
        return 0;
    case CLI_DETECT_SHRINK:
        o->shrink_runs = cli_number(text, "--shrink-runs", 0, 1000000, state);
        return 0;
    case CLI_DETECT_RUN_LIMIT:
        o->run_limit_s = cli_number(text, "--run-limit", 1, 100000, state);
        return 0;
    case CLI_DETECT_JOBS:
        o->jobs = (uint32_t)cli_number(text, "--jobs", 1, NIKA_CAMPAIGN_JOBS_MAX, state);
        return 0;
    case CLI_DETECT_RESUME:
        o->resume = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static volatile int stop_requested;

static void on_signal(int number)
{
    (void)number;
    stop_requested = 1;
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static uint64_t cpu_of(pid_t process)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &t) != 0) return 0;
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

/* A cell that is to come costs what those of its bug have cost; of the sound modules, or without any of its bug, what runs have. Cells
 * end in their order, nearly. */
static uint64_t cpu_left_us(const struct detect_bench *b, uint64_t done)
{
    uint64_t left = 0, a_run = b->runs != 0 ? b->cpu_us_all / b->runs : 0;
    for (uint32_t i = 0; i < b->cell_count; i++) {
        const struct nika_detect_cell *cell = &b->cells[i];
        uint64_t alike = 0;
        if (i < done) continue;
        for (uint32_t k = 0; k < done; k++) alike += b->cells[k].bug == cell->bug;
        uint64_t all =
            b->cpu_us[cell->bug != NULL ? (uint32_t)(cell->bug - nika_museum) : nika_museum_count];
        if (alike != 0)
            left += all / alike;
        else
            left += cell->bug != NULL && done != 0 ? b->cpu_us_all / done : a_run * cell->limit;
    }
    return left;
}

static void progress(void *context, uint32_t cells_done)
{
    struct detect_bench *b = context;
    uint64_t now = cli_clock_ns(), every = b->terminal ? SECOND : 10 * SECOND;
    if ((b->options->json && !b->terminal) || now - b->shown_ns < every) return;
    b->shown_ns = now;
    uint64_t done = b->cells_before + cells_done, spent = (now - b->started_ns) / SECOND;
    uint64_t cpu_us = b->cpu_us_all - b->cpu_us_before;
    uint64_t left = cpu_us == 0 ? 0 : cpu_left_us(b, done) / 1000 * spent / (cpu_us / 1000 + 1);
    fprintf(stderr,
            "%s%" PRIu64 " of %" PRIu32 " cells, %zu campaigns, %" PRIu64
            " found their bug, about %" PRIu64 " s left%s",
            b->terminal ? "\r" : "", done, b->cell_count, json_array_size(b->records), b->found,
            left, b->terminal ? "\033[K" : "\n");
    fflush(stderr);
}

/* ---- shrinking: the first detection of each bug by its best strategy ---- */
static const struct nika_detect_cell *cell_named(const struct detect_bench *b, const json_t *record)
{
    for (uint32_t i = 0; i < b->sound_from; i++) {
        const struct nika_detect_cell *c = &b->cells[i];
        if (detect_same(record, "bug", c->bug->id) &&
            detect_same(record, "strategy", c->strategy->name))
            return c;
    }
    return NULL;
}

/* The lowest detecting seed of the bug among strategies whose runs stand for themselves; random ones first, as in the list. */
static const json_t *first_detection(const struct detect_bench *b, const char *bug)
{
    const json_t *best = NULL;
    json_t *record;
    size_t i;
    json_array_foreach(b->records, i, record)
    {
        if (!detect_same(record, "bug", bug) || json_object_get(record, "died") != NULL) continue;
        if (json_object_get(record, "nika_detect_shrunk") != NULL) return NULL;
        const struct nika_detect_cell *c = cell_named(b, record);
        if (!json_is_true(json_object_get(record, "found")) || c == NULL ||
            c->strategy->memory_size > 0 || strcmp(c->bug->verdicts, "determinism") == 0)
            continue;
        if (best == NULL || json_integer_value(json_object_get(record, "runs")) <
                                json_integer_value(json_object_get(best, "runs")))
            best = record;
    }
    return best;
}

static void shrink_all(struct detect_bench *b)
{
    for (uint32_t i = 0; i < nika_museum_count && stop_requested == 0; i++) {
        const json_t *found = first_detection(b, nika_museum[i].id);
        if (found == NULL) continue;
        uint64_t seed = (uint64_t)json_integer_value(json_object_get(found, "seed"));
        json_t *record = nika_detect_shrink(cell_named(b, found), seed, b->options->shrink_runs,
                                            SHRINK_SECONDS, cli_version_number());
        char *text = record != NULL ? json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        if (text != NULL) (void)detect_keep(b, text);
        free(text);
        json_decref(record);
    }
}

/* ---- all of it ---- */
static int hunt(struct detect_bench *b)
{
    const struct cli_bench_detect *o = b->options;
    struct sigaction action = {.sa_handler = on_signal};
    struct nika_detect_plan plan = {.cells = b->cells,
                                    .cell_count = b->sound_from,
                                    .campaigns = (uint32_t)o->campaigns,
                                    .jobs = o->jobs,
                                    .patience = (uint32_t)o->patience,
                                    .outpaced = (uint32_t)o->outpaced,
                                    .first = o->first,
                                    .limit = o->limit,
                                    .cpu_limit_us = o->cpu_limit_ms * 1000,
                                    .run_limit_ns = o->run_limit_s * SECOND,
                                    .now_ns = cli_clock_ns,
                                    .cpu_ns = cpu_ns,
                                    .cpu_of = cpu_of,
                                    .stop = &stop_requested,
                                    .keep = detect_keep,
                                    .known = detect_known,
                                    .progress = progress,
                                    .context = b};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    b->started_ns = b->shown_ns = cli_clock_ns();
    b->cpu_us_before = b->cpu_us_all;
    enum nika_detect_end end = nika_detect_run(&plan);
    if (end == NIKA_DETECT_DONE && o->sound != 0) {
        plan.cells = b->cells + b->sound_from;
        plan.cell_count = b->cell_count - b->sound_from;
        plan.campaigns = 1;
        plan.known = detect_sound_known;
        b->cells_before = b->sound_from;
        end = nika_detect_run(&plan);
    }
    if (end == NIKA_DETECT_DONE && o->shrink_runs != 0) shrink_all(b);
    if (b->terminal) fprintf(stderr, "\r\033[K");
    if (stop_requested != 0) fprintf(stderr, "nika: stopped; --resume goes on from here\n");
    return detect_conclude(b, end == NIKA_DETECT_DONE && stop_requested == 0);
}

int cli_bench_detect_run(const struct cli_bench_detect *options)
{
    int status = NIKA_EXIT_USAGE;
    struct detect_bench *b = calloc(1, sizeof *b);
    if (b == NULL) return NIKA_EXIT_INCONCLUSIVE;
    b->options = options;
    b->terminal = isatty(STDERR_FILENO) != 0;
    b->left_out = json_object();
    b->records = json_array();
    b->index = json_object();
    b->cpu_us = calloc(nika_museum_count + 1, sizeof *b->cpu_us);
    b->settings = json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "version", cli_version_number(),
        "campaigns", (json_int_t)options->campaigns, "limit", (json_int_t)options->limit, "first",
        (json_int_t)options->first, "patience", (json_int_t)options->patience, "outpaced",
        (json_int_t)options->outpaced, "cpu_limit_ms", (json_int_t)options->cpu_limit_ms, "sound",
        (json_int_t)options->sound, "ground", options->ground != NULL ? options->ground : "");
    bool lists = detect_lists_good(options) && b->cpu_us != NULL;
    if (nika_planted_name(1) == NULL)
        fprintf(stderr, "nika: bench detect: this build has no planted bugs: use nika-museum "
                        "(cmake --preset museum)\n");
    else if (lists)
        detect_add_cells(b);
    if (b->cell_count > 0 && !b->bad && detect_open(b)) status = hunt(b);
    if (b->journal != NULL && fclose(b->journal) != 0) status = NIKA_EXIT_INCONCLUSIVE;
    for (uint32_t i = 0; i < 2 * b->cell_count; i++) nika_scenario_free(b->scenarios[i]);
    json_decref(b->settings);
    json_decref(b->records);
    json_decref(b->index);
    json_decref(b->left_out);
    free(b->scenarios);
    free(b->cells);
    free(b->cpu_us);
    free(b);
    return status;
}
