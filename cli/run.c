/* cli/run.c: `nika run`: one scenario, one seed, one verdict. */
#include <errno.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "engine/sim/trace.h"

enum { OPTION_TRACE = 256, OPTION_REPORT, OPTION_JSON, OPTION_CHECK };

struct arguments {
    struct cli_run_request request;
    const char *trace, *report;
    bool json, check;
};

static const struct argp_option options[] = {
    {"seed", 's', "N", 0, "seed of the run (default: that of the scenario)", 0},
    {"set", 'S', "PATH=VALUE", 0,
     "change one value of the scenario, such as network.loss_ppm=1000; repeatable", 0},
    {"trace", OPTION_TRACE, "FILE", 0,
     "write every decision and event as JSON Lines, for nika replay", 0},
    {"report", OPTION_REPORT, "FILE", 0, "write a report in Markdown", 0},
    {"json", OPTION_JSON, NULL, 0, "print one JSON object instead of text", 0},
    {"check-determinism", OPTION_CHECK, NULL, 0,
     "run twice and compare digests; exit 4 when they differ", 0},
    {0}};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    struct cli_run_request *r = &a->request;
    switch (key) {
    case 's':
        r->seed = cli_number(text, "--seed", 0, INT64_MAX, state);
        r->seed_given = true;
        return 0;
    case 'S':
        if (r->set_count == CLI_SETS_MAX) argp_error(state, "at most %u times --set", CLI_SETS_MAX);
        r->sets[r->set_count++] = text;
        return 0;
    case OPTION_TRACE:
        a->trace = text;
        return 0;
    case OPTION_REPORT:
        a->report = text;
        return 0;
    case OPTION_JSON:
        a->json = true;
        return 0;
    case OPTION_CHECK:
        a->check = true;
        return 0;
    case ARGP_KEY_ARG:
        if (r->scenario != NULL) argp_error(state, "one scenario at a time, got \"%s\" too", text);
        r->scenario = text;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which scenario? (nika list scenarios)");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "SCENARIO",
    "Run one scenario under one seed and judge it. SCENARIO is a path or the name of a library "
    "scenario.\v"
    "The exit code is the verdict; nika explain exit-codes lists them.",
    NULL,
    NULL,
    NULL};

static FILE *open_output(const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) fprintf(stderr, "nika: %s: %s\n", path, strerror(errno));
    return file;
}

static bool close_output(FILE *file, const char *path)
{
    bool good = ferror(file) == 0;
    good = fclose(file) == 0 && good;
    if (!good) fprintf(stderr, "nika: %s: cannot write\n", path);
    return good;
}

bool cli_traced_run(struct nika_runner *runner, const struct nika_scenario *s, uint64_t seed,
                    struct nika_choice_log *log, FILE *file, struct nika_run_result *result,
                    const char **reason)
{
    if (!nika_runner_begin(runner, seed, reason)) return false;
    if (log != NULL) nika_chooser_init_log(nika_world_chooser(nika_runner_world(runner)), log);
    json_t *header =
        json_pack("{s:i, s:s, s:I, s:O}", "nika_trace", 1, "version", cli_version_number(), "seed",
                  (json_int_t)seed, "scenario", s->document);
    char *text = json_dumps(header, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(header);
    struct nika_trace *trace =
        text != NULL ? nika_trace_new(file, text, nika_runner_world(runner)) : NULL;
    free(text);
    *reason = "out of memory";
    if (trace == NULL) return false;
    nika_trace_attach(trace);
    nika_runner_finish(runner, result);
    bool good = nika_trace_end(trace, nika_exit_name(result->exit_class)) == NIKA_OK;
    *reason = "cannot write the trace";
    nika_trace_free(trace);
    return good;
}

struct event_digests {
    struct nika_world *world;
    char (*digests)[33];
    uint64_t count, capacity;
};

static void on_event(void *context, const struct nika_tap *tap)
{
    struct event_digests *e = context;
    (void)tap;
    if (e->count < e->capacity) nika_world_digest_text(e->world, e->digests[e->count++]);
}

/* The digests after each event of a run in a world of its own. */
static bool record_digests(const struct nika_scenario *s, uint64_t seed, struct event_digests *e,
                           uint64_t capacity)
{
    const char *reason;
    struct nika_run_result *result = malloc(sizeof *result);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    e->digests = calloc(capacity, sizeof *e->digests);
    e->capacity = capacity;
    bool good = runner != NULL && result != NULL && e->digests != NULL &&
                nika_runner_begin(runner, seed, &reason);
    if (good) {
        struct nika_watcher watcher = {e, NIKA_TAP_BIT(NIKA_TAP_EVENT_END), on_event};
        e->world = nika_runner_world(runner);
        nika_world_watch(e->world, &watcher);
        nika_runner_finish(runner, result);
    }
    nika_runner_free(runner);
    free(result);
    return good;
}

static void name_divergence(const struct nika_scenario *s, uint64_t seed, uint64_t events)
{
    struct event_digests one = {0}, two = {0};
    uint64_t capacity = events < 4000000 ? events + 1 : 4000000;
    if (record_digests(s, seed, &one, capacity) && record_digests(s, seed, &two, capacity)) {
        uint64_t i = 0;
        while (i < one.count && i < two.count && memcmp(one.digests[i], two.digests[i], 33) == 0)
            i++;
        fprintf(stderr, "first diverging event: %llu\n", (unsigned long long)i);
    }
    free(one.digests);
    free(two.digests);
}

/* The second run takes a world reset by the first, and a fresh one: both must agree. */
static void check_determinism(struct nika_runner *runner, const struct nika_scenario *s,
                              struct nika_run_result *result)
{
    struct nika_run_result *again = malloc(sizeof *again);
    if (again == NULL) return;
    nika_runner_run(runner, result->seed, again);
    if (strcmp(result->digest, again->digest) != 0) {
        result->exit_class = NIKA_EXIT_NONDETERMINISTIC;
        snprintf(result->sentence, sizeof result->sentence, "not deterministic: digests %s and %s",
                 result->digest, again->digest);
        name_divergence(s, result->seed, result->stats.events);
    }
    free(again);
}

static int output(const struct arguments *a, const struct nika_scenario *s,
                  const struct nika_run_result *result, uint64_t wall_ns)
{
    int status = result->exit_class;
    if (a->json) {
        cli_report_json(&a->request, s, result, wall_ns, stdout);
    } else {
        cli_report_human(&a->request, result, wall_ns, stdout);
    }
    if (a->report == NULL) return status;
    FILE *file = open_output(a->report);
    if (file == NULL) return status != 0 ? status : NIKA_EXIT_USAGE;
    cli_report_markdown(&a->request, s, result, wall_ns, file);
    bool good = close_output(file, a->report);
    return status == 0 && !good ? NIKA_EXIT_INCONCLUSIVE : status;
}

static int execute(const struct arguments *a, const struct nika_scenario *s,
                   struct nika_runner *runner, struct nika_run_result *result)
{
    const char *reason;
    uint64_t started = cli_clock_ns();
    if (a->trace == NULL) {
        nika_runner_run(runner, a->request.seed, result);
    } else {
        FILE *file = open_output(a->trace);
        if (file == NULL) return NIKA_EXIT_USAGE;
        bool good = cli_traced_run(runner, s, a->request.seed, NULL, file, result, &reason);
        good = close_output(file, a->trace) && good;
        if (!good) {
            fprintf(stderr, "nika: %s: %s\n", a->trace, reason);
            return NIKA_EXIT_INCONCLUSIVE;
        }
    }
    uint64_t wall_ns = cli_clock_ns() - started;
    if (a->check) {
        /* A trace hooked the first world. */
        if (a->trace != NULL)
            nika_runner_set_oracles(runner, false), nika_runner_set_oracles(runner, true);
        check_determinism(runner, s, result);
    }
    return output(a, s, result, wall_ns);
}

static int run(int argc, char **argv)
{
    struct arguments a = {0};
    const char *reason;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    struct nika_scenario *s = cli_load(&a.request);
    if (s == NULL) return NIKA_EXIT_USAGE;
    if (!a.json) {
        printf("scenario  %s\nseed      %llu\nbuild     nika %s\n", a.request.path,
               (unsigned long long)a.request.seed, cli_version_text());
        fflush(stdout);
    }
    struct nika_runner *runner = nika_runner_new(s, &reason);
    struct nika_run_result *result = calloc(1, sizeof *result);
    int status = NIKA_EXIT_INCONCLUSIVE;
    if (runner != NULL && result != NULL) status = execute(&a, s, runner, result);
    nika_runner_free(runner);
    nika_scenario_free(s);
    free(result);
    return status;
}

const struct cli_command cli_run = {"run",
                                    "SCENARIO",
                                    "run one scenario under one seed and judge it",
                                    "Runs a scenario, given as a path or as the name of a library "
                                    "scenario, prints the verdict, and exits with its class.",
                                    &argp,
                                    run};
