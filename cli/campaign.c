/* cli/campaign.c: `nika campaign`: scenarios under many seeds in worker processes. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/campaign_folder.h"
#include "cli/campaign_shrink.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "fuzz/campaign/campaign.h"
#include "fuzz/campaign/coverage.h"
#include "scenarios/library.h"

#define NAMES_MAX 512u
#define SETS_MAX 16u
#define SECOND UINT64_C(1000000000)
#define STATES_MAX 65536u     /* Protocol states that the progress line tells apart. */
#define BUDGET_SEEDS 1000000u /* As good as endless. */

enum {
    OPTION_BUDGET = 256,
    OPTION_FROM,
    OPTION_FAST,
    OPTION_RESUME,
    OPTION_LIMIT,
    OPTION_MEMORY,
    OPTION_SHRINK,
    OPTION_JSON,
    OPTION_SET,
    OPTION_ANNOTATIONS
};

struct arguments {
    const char *names[NAMES_MAX];
    uint32_t name_count;
    uint64_t first, last, budget_s, limit_s, memory_mib;
    bool seeds_given, fail_fast, resume, json, annotations;
    uint32_t jobs, shard, shards;
    const struct nika_strategy *strategy;
    const char *out, *from;
    struct cli_shrink_budget shrink;
    struct nika_strategy_sets sets; /* Of every scenario, before those of the strategy. */
};

static volatile int stop_requested;

static void on_signal(int number)
{
    (void)number;
    stop_requested = 1;
}

static const struct argp_option options[] = {
    {"seeds", 's', "FIRST..LAST", 0, "seeds of each scenario, both ends included (default 1..100)",
     0},
    {"seed-from", OPTION_FROM, "TEXT", 0,
     "count seeds from a number made of TEXT, such as a commit hash", 0},
    {"budget", OPTION_BUDGET, "TIME", 0, "stop after so long: 90s, 20m, 3h", 0},
    {"strategy", 'S', "NAME", 0,
     "how runs are varied: one of nika list strategies (default random)", 0},
    {"jobs", 'j', "N", 0, "worker processes (default: one a processor)", 0},
    {"shard", 'n', "I/N|auto", 0,
     "run only the I-th of N parts; auto: what Slurm, a Kubernetes Indexed Job, GNU parallel or CI "
     "says in the environment (docs/scale-out.md)",
     0},
    {"out", 'o', "DIR", 0, "folder for the results (default out/campaign)", 0},
    {"fail-fast", OPTION_FAST, NULL, 0, "stop at the first failure", 0},
    {"resume", OPTION_RESUME, NULL, 0, "go on with what is in DIR", 0},
    {"run-limit", OPTION_LIMIT, "SECONDS", 0, "wall time that one run may take (default 60)", 0},
    {"memory", OPTION_MEMORY, "MIB", 0,
     "resident memory that one worker may take; a run that takes more is a finding (default 4096)",
     0},
    {"shrink-budget", OPTION_SHRINK, "TIME|RUNS", 0,
     "make each kind of failures small: for so long (10s) or in so many runs (5000); 0 = not at "
     "all "
     "(default 10s)",
     0},
    {"set", OPTION_SET, "PATH=VALUE", 0,
     "change one value of every scenario, such as network.loss_ppm=1000; repeatable", 0},
    {"json", OPTION_JSON, NULL, 0, "print the summary as one JSON object", 0},
    CLI_ANNOTATIONS_OPTION(OPTION_ANNOTATIONS),
    {0}};

static void parse_seeds(char *text, struct arguments *a, struct argp_state *state)
{
    char first[24];
    const char *dots = strstr(text, "..");
    if (dots == NULL || (size_t)(dots - text) >= sizeof first) {
        argp_error(state, "--seeds: expected FIRST..LAST, got \"%s\"", text);
        return;
    }
    snprintf(first, sizeof first, "%.*s", (int)(dots - text), text);
    a->first = cli_number(first, "--seeds", 0, INT64_MAX / 4, state);
    a->last = cli_number(dots + 2, "--seeds", a->first, INT64_MAX / 4, state);
    if (a->last - a->first >= 100000000u)
        argp_error(state, "--seeds: at most 100000000 seeds, got \"%s\"", text);
    a->seeds_given = true;
}

static uint64_t parse_time(const char *option, const char *text, struct argp_state *state)
{
    char number[24];
    size_t size = strlen(text);
    uint64_t unit = size == 0 ? 0 : text[size - 1] == 's' ? 1 : text[size - 1] == 'm' ? 60 : 0;
    if (size > 0 && text[size - 1] == 'h') unit = 3600;
    if (unit == 0 || size > 10) {
        argp_error(state, "%s: expected a time such as 90s, 20m or 3h, got \"%s\"", option, text);
        return 0;
    }
    snprintf(number, sizeof number, "%.*s", (int)(size - 1), text);
    return unit * cli_number(number, option, 1, 1000000, state);
}

static void parse_shrink(const char *text, struct arguments *a, struct argp_state *state)
{
    size_t size = strlen(text);
    bool number = size > 0 && strspn(text, "0123456789") == size;
    a->shrink = (struct cli_shrink_budget){0};
    if (number)
        a->shrink.runs = cli_number(text, "--shrink-budget", 0, 1000000000, state);
    else
        a->shrink.seconds = parse_time("--shrink-budget", text, state);
    if (a->shrink.seconds > 86400)
        argp_error(state, "--shrink-budget: at most 24h, got \"%s\"", text);
}

static const char *strategy_at(const void *context, uint32_t index)
{
    (void)context;
    return nika_strategies[index] != NULL ? nika_strategies[index]->name : NULL;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case 's':
        parse_seeds(text, a, state);
        return 0;
    case OPTION_FROM:
        a->from = text;
        return 0;
    case OPTION_BUDGET:
        a->budget_s = parse_time("--budget", text, state);
        return 0;
    case 'S':
        a->strategy = nika_strategy_find(text);
        if (a->strategy == NULL)
            argp_error(state, "--strategy: expected one of nika list strategies, got \"%s\"%s",
                       text, cli_did_you_mean(text, strategy_at, NULL));
        return 0;
    case 'j':
        a->jobs = (uint32_t)cli_number(text, "--jobs", 1, NIKA_CAMPAIGN_JOBS_MAX, state);
        return 0;
    case 'n':
        cli_parse_shard(text, &a->shard, &a->shards, state);
        return 0;
    case 'o':
        a->out = text;
        return 0;
    case OPTION_FAST:
        a->fail_fast = true;
        return 0;
    case OPTION_RESUME:
        a->resume = true;
        return 0;
    case OPTION_LIMIT:
        a->limit_s = cli_number(text, "--run-limit", 1, 100000, state);
        return 0;
    case OPTION_MEMORY:
        a->memory_mib = cli_number(text, "--memory", 1, 1u << 20, state);
        return 0;
    case OPTION_SHRINK:
        parse_shrink(text, a, state);
        return 0;
    case OPTION_JSON:
        a->json = true;
        return 0;
    case OPTION_ANNOTATIONS:
        a->annotations = true;
        return 0;
    case OPTION_SET:
        if (a->sets.count == SETS_MAX) argp_error(state, "at most %u times --set", SETS_MAX);
        if (strlen(text) >= NIKA_STRATEGY_SET_SIZE)
            argp_error(state, "--set: at most %u bytes, got \"%s\"", NIKA_STRATEGY_SET_SIZE - 1,
                       text);
        snprintf(a->sets.text[a->sets.count++], NIKA_STRATEGY_SET_SIZE, "%s", text);
        return 0;
    case ARGP_KEY_ARG:
        if (a->name_count == NAMES_MAX) argp_error(state, "at most %u scenarios", NAMES_MAX);
        a->names[a->name_count++] = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "[SCENARIO|DIR...]",
    "Run scenarios (default: the whole library) under many seeds in worker processes.\v"
    "Writes results.jsonl, campaign.json and junit.xml to DIR. A run that crashes or hangs is a "
    "finding with its seed, not the end. The exit code is that of the worst failure.\n\n"
    "  nika campaign scenarios --seeds 1..500 --jobs 2 --out out/c\n"
    "  nika campaign --budget 20m --seed-from $(git rev-parse HEAD) --fail-fast\n"
    "  nika campaign --seeds 1..10000 --shard 2/8 --out part2; nika merge part* --out all",
    NULL,
    NULL,
    NULL};

/* ---- the scenarios ---- */
struct loaded {
    struct nika_strategy_sets sets[NIKA_CAMPAIGN_SCENARIOS_MAX];
    const struct nika_scenario *list[NIKA_CAMPAIGN_SCENARIOS_MAX];
    uint32_t count;
    bool bad;
};

static void load_one(struct loaded *l, const char *name, const struct arguments *a)
{
    struct cli_run_request request = {.scenario = name, .seed_given = true};
    if (l->count == NIKA_CAMPAIGN_SCENARIOS_MAX) {
        fprintf(stderr, "nika: at most %u scenarios\n", NIKA_CAMPAIGN_SCENARIOS_MAX);
        l->bad = true;
        return;
    }
    struct nika_strategy_sets *sets = &l->sets[l->count];
    struct nika_scenario *scenario = cli_load(&request);
    *sets = a->sets;
    sets->given = sets->count;
    if (scenario != NULL) a->strategy->overrides(scenario, sets);
    if (scenario != NULL && sets->count > 0) {
        nika_scenario_free(scenario);
        for (uint32_t i = 0; i < sets->count; i++) request.sets[i] = sets->text[i];
        request.set_count = sets->count;
        scenario = cli_load(&request);
    }
    l->bad = l->bad || scenario == NULL;
    if (scenario != NULL) l->list[l->count++] = scenario;
}

/* Is `path` below `folder`? */
static bool below(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    while (size > 1 && folder[size - 1] == '/') size--;
    if (strncmp(folder, "./", 2) == 0) return below(path, folder + 2);
    return strncmp(path, folder, size) == 0 && path[size] == '/';
}

static void load_all(struct loaded *l, const struct arguments *a)
{
    struct nika_library *library = nika_library_list();
    uint32_t count = library != NULL ? library->count : 0;
    for (uint32_t i = 0; a->name_count == 0 && i < count; i++) load_one(l, library->paths[i], a);
    for (uint32_t k = 0; k < a->name_count; k++) {
        struct stat info;
        bool folder = stat(a->names[k], &info) == 0 && S_ISDIR(info.st_mode);
        uint32_t before = l->count;
        if (!folder) load_one(l, a->names[k], a);
        for (uint32_t i = 0; folder && i < count; i++) {
            if (below(library->paths[i], a->names[k])) load_one(l, library->paths[i], a);
        }
        if (folder && l->count == before && !l->bad) {
            fprintf(stderr,
                    "nika: %s: no scenarios of the library below this folder (nika list "
                    "scenarios)\n",
                    a->names[k]);
            l->bad = true;
        }
    }
    if (l->count == 0 && !l->bad) fprintf(stderr, "nika: no scenarios found\n");
    free(library);
}

static void unload(struct loaded *l)
{
    for (uint32_t i = 0; i < l->count; i++)
        nika_scenario_free((struct nika_scenario *)(uintptr_t)l->list[i]);
}

/* ---- running ---- */
struct campaign {
    struct nika_results results;
    FILE *journal;
    char path[1200];
    uint64_t failures;
    int unkept; /* The worst exit class of failures that could not be kept; 0 = none. */
    struct cli_progress progress;
    struct nika_coverage coverage; /* Of the records that came in. */
};

/* A finding that has no place on a full disk is said here and now. */
static void tell(struct campaign *c, const json_t *record)
{
    json_t *failure;
    size_t i;
    json_array_foreach(json_object_get(record, "failures"), i, failure)
    {
        c->unkept = nika_exit_worse(
            c->unkept, (int)json_integer_value(json_object_get(failure, "exit_class")));
        fprintf(stderr, "nika: not kept: %s, strategy %s, seed %" JSON_INTEGER_FORMAT ": %s\n",
                json_string_value(json_object_get(record, "path")),
                json_string_value(json_object_get(record, "strategy")),
                json_integer_value(json_object_get(failure, "seed")),
                json_string_value(json_object_get(failure, "sentence")));
    }
}

/* Kept as it comes: killed at any time, a campaign loses only blocks that were under way. */
static bool keep(void *context, const char *record)
{
    struct campaign *c = context;
    struct nika_diagnoses d = {0};
    bool good = fprintf(c->journal, "%s\n", record) > 0 && fflush(c->journal) == 0;
    if (!good) fprintf(stderr, "nika: %s: cannot write: %s\n", c->path, strerror(errno));
    json_t *parsed = json_loads(record, 0, NULL);
    if (!nika_results_add(&c->results, record, c->path, c->results.count + 1, &d)) {
        cli_print_diagnoses(&d);
        tell(c, parsed);
        json_decref(parsed);
        return false;
    }
    c->failures += json_array_size(json_object_get(parsed, "failures"));
    (void)nika_coverage_add_json(&c->coverage, json_object_get(parsed, "states"),
                                 json_object_get(parsed, "steps"));
    json_decref(parsed);
    return good;
}

static void progress(void *context, uint64_t done, uint64_t total)
{
    struct campaign *c = context;
    char extra[96] = "";
    if (cli_progress_due(&c->progress))
        snprintf(extra, sizeof extra, "%" PRIu32 " states, %" PRIu64 " failures",
                 nika_coverage_count(c->coverage.states, NIKA_COVERAGE_STATES), c->failures);
    cli_progress_show(&c->progress, done, total, CLI_PROGRESS_BY_RATE, extra);
}

static bool open_results(struct campaign *c, const struct arguments *a)
{
    struct nika_diagnoses d = {0};
    uint32_t cut = 0;
    snprintf(c->path, sizeof c->path, "%s/" CLI_RESULTS, a->out);
    if (!cli_make_folder(a->out)) {
        fprintf(stderr, "nika: --out %s: %s\n", a->out, strerror(errno));
        return false;
    }
    if (a->resume) {
        bool good = nika_results_read(&c->results, c->path, &cut, &d);
        cli_print_diagnoses(&d);
        if (!good) return false;
        if (cut != 0)
            fprintf(stderr, "nika: %s: the last line was cut short; its block runs again\n",
                    c->path);
        /* Without the cut line the file is what it says. */
        if (cut != 0 && !nika_results_write(&c->results, c->path, &d)) return false;
    } else if (access(c->path, F_OK) == 0) {
        fprintf(stderr,
                "nika: %s is there already: --resume goes on with it, or choose another "
                "--out\n",
                c->path);
        return false;
    }
    c->journal = fopen(c->path, "a");
    if (c->journal == NULL) fprintf(stderr, "nika: %s: %s\n", c->path, strerror(errno));
    return c->journal != NULL;
}

static int run_campaign(struct campaign *c, const struct arguments *a, const struct loaded *l)
{
    struct nika_plan plan = {.scenarios = l->list,
                             .sets = l->sets,
                             .scenario_count = l->count,
                             .strategy = a->strategy,
                             .version = cli_version_number(),
                             .first = a->first,
                             .last = a->last,
                             .shard = a->shard,
                             .shards = a->shards,
                             .jobs = a->jobs,
                             .budget_ns = a->budget_s * SECOND,
                             .run_limit_ns = a->limit_s * SECOND,
                             .memory_limit = a->memory_mib << 20,
                             .fail_fast = a->fail_fast,
                             .now_ns = cli_clock_ns,
                             .stop = &stop_requested,
                             .known =
                                 &c->results, /* What is added meanwhile is not asked for again. */
                             .keep = keep,
                             .progress = progress,
                             .context = c};
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (!cli_plan_write(&plan, a->budget_s != 0, a->out)) {
        fclose(c->journal);
        return NIKA_EXIT_INCONCLUSIVE;
    }
    cli_progress_init(&c->progress, "", "runs", a->json && isatty(STDERR_FILENO) == 0);
    enum nika_pool_end end = nika_pool_run(&plan);
    cli_progress_end(&c->progress);
    if (fclose(c->journal) != 0 && end != NIKA_POOL_BROKEN) {
        fprintf(stderr, "nika: %s: cannot write: %s\n", c->path, strerror(errno));
        end = NIKA_POOL_BROKEN;
    }
    if (end == NIKA_POOL_STOPPED && stop_requested)
        fprintf(stderr, "nika: stopped; --resume goes on from here\n");
    if (!stop_requested)
        cli_campaign_shrink(&c->results, a->out, &a->shrink, c->progress.quiet, &stop_requested);
    bool complete = end == NIKA_POOL_DONE || (end == NIKA_POOL_BUDGET && a->budget_s != 0);
    int status = cli_campaign_conclude(&c->results, a->out, complete, a->json, a->annotations);
    return c->unkept != 0 ? nika_exit_worse(status, c->unkept) : status;
}

static int run(int argc, char **argv)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct arguments a = {.first = 1,
                          .last = 100,
                          .limit_s = 60,
                          .memory_mib = 4096,
                          .shard = 1,
                          .shards = 1,
                          .strategy = nika_strategies[0],
                          .out = "out/campaign",
                          .shrink = {.seconds = 10}};
    a.jobs = processors < 1 ? 1 : processors > 64 ? 64 : (uint32_t)processors;
    cli_parse(&argp, argc, argv, &a);
    if (a.budget_s != 0 && !a.seeds_given) a.last = a.first + BUDGET_SEEDS - 1;
    if (a.from != NULL) {
        uint64_t base = nika_hash64(a.from, strlen(a.from), 0) >> 20;
        a.last = base + (a.last - a.first);
        a.first = base;
    }
    struct loaded *l = calloc(1, sizeof *l);
    struct campaign *c = calloc(1, sizeof *c);
    int status = NIKA_EXIT_USAGE;
    if (l != NULL && c != NULL) {
        load_all(l, &a);
        if (!l->bad && l->count > 0 && open_results(c, &a)) status = run_campaign(c, &a, l);
        unload(l);
        nika_results_free(&c->results);
    }
    free(l);
    free(c);
    return status;
}

const struct cli_command cli_campaign = {
    "campaign",
    "[SCENARIO|DIR...]",
    "run scenarios under many seeds in worker processes",
    "Runs scenarios under many seeds in worker processes, keeps every block of runs as a record, "
    "and sums up: failures by kind with the line that reproduces each, what never happened, "
    "protocol states and steps between them seen. Records merge in any order (nika merge); a "
    "campaign that was killed "
    "goes on with --resume.",
    &argp,
    run};
