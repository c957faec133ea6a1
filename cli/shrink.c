/* cli/shrink.c: `nika shrink`: from a failing run to a small scenario that fails in the same way. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "fuzz/shrink/shrink.h"

#define RUNS_DEFAULT 20000u
#define SECONDS_DEFAULT 60u
#define SECOND_NS UINT64_C(1000000000)

enum {
    OPTION_TIME = 256,
    OPTION_RUNS,
    OPTION_OUT,
    OPTION_CMOCKA,
    OPTION_LOG,
    OPTION_QUIET,
    OPTION_JSON,
    OPTION_ANNOTATIONS
};

struct arguments {
    struct cli_run_request request; /* Of a scenario; of a log only `scenario`. */
    const char *out, *cmocka, *log;
    uint64_t seconds, runs;
    bool quiet, json, annotations;
};
struct clock {
    uint64_t started_ns, limit_ns;
    struct cli_progress progress;
};

static const struct argp_option options[] = {
    CLI_RUN_OPTIONS("seed of the failing run (default: that of the scenario)"),
    {"out", OPTION_OUT, "FILE", 0, "the small scenario (default: NAME-shrunk.json)", 0},
    {"cmocka", OPTION_CMOCKA, "FILE", 0, "write a regression test in C too", 0},
    {"log", OPTION_LOG, "FILE", 0, "write the decision log of the run as it was found, too", 0},
    {"time", OPTION_TIME, "SECONDS", 0, "stop after so long with what there is (default 60)", 0},
    {"runs", OPTION_RUNS, "N", 0, "stop after so many runs with what there is (default 20000)", 0},
    {"quiet", OPTION_QUIET, NULL, 0, "no progress", 0},
    CLI_JSON_OPTION(OPTION_JSON),
    CLI_ANNOTATIONS_OPTION(OPTION_ANNOTATIONS),
    {0}};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case OPTION_OUT:
        a->out = text;
        return 0;
    case OPTION_CMOCKA:
        a->cmocka = text;
        return 0;
    case OPTION_LOG:
        a->log = text;
        return 0;
    case OPTION_TIME:
        a->seconds = cli_number(text, "--time", 1, 86400, state);
        return 0;
    case OPTION_RUNS:
        a->runs = cli_number(text, "--runs", 1, INT64_MAX, state);
        return 0;
    case OPTION_QUIET:
        a->quiet = true;
        return 0;
    case OPTION_JSON:
        a->json = true;
        return 0;
    case OPTION_ANNOTATIONS:
        a->annotations = true;
        return 0;
    default:
        return cli_parse_run(key, text, state, &a->request, "run",
                             "which scenario or decision log?");
    }
}

static const struct argp argp = {
    options,
    parse,
    "SCENARIO|LOG",
    "Make a failing run small: fewer faults, decisions, requests, clients and replicas, shorter "
    "time. "
    "What is written fails in the same way.\v"
    "The same failure is the same exit class and the same sentence, numbers aside. Where --time "
    "does "
    "not end it, the result does not depend on the machine. Exits 0 when a scenario was written, 5 "
    "when "
    "the run does not fail, 64 when there is no such run.\n\n"
    "  nika shrink two-equivocators --seed 7 --out small.json && nika run small.json\n"
    "  nika shrink run.log --cmocka tests/test_small.c",
    NULL,
    NULL,
    NULL};

/* ---- the run to start from ---- */
static struct nika_log *record(const struct nika_scenario *s, uint64_t seed)
{
    const char *reason;
    struct nika_log *log = nika_log_of_run(s, seed, cli_version_number(), &reason);
    if (log == NULL) fprintf(stderr, "nika: %s: %s\n", s->path, reason);
    return log;
}

static bool is_log(const char *path)
{
    struct stat info;
    char *line = NULL;
    size_t capacity = 0;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) return false;
    FILE *file = fopen(path, "rb");
    bool is = file != NULL && getline(&line, &capacity, file) > 0 && nika_log_is_header(line);
    if (file != NULL) fclose(file);
    free(line);
    return is;
}

static struct nika_log *start_from(struct arguments *a, int *status)
{
    struct nika_diagnoses d;
    *status = NIKA_EXIT_USAGE;
    if (is_log(a->request.scenario)) {
        struct nika_log *log = NULL;
        if (a->request.seed_given || a->request.set_count > 0) {
            fprintf(stderr,
                    "nika: %s: a decision log has its own seed and scenario: no --seed or "
                    "--set\n",
                    a->request.scenario);
        } else {
            log = nika_log_read(a->request.scenario, &d);
            if (log == NULL) cli_print_diagnoses(&d);
        }
        snprintf(a->request.path, sizeof a->request.path, "%s", a->request.scenario);
        return log;
    }
    struct nika_scenario *s = cli_load(&a->request);
    if (s == NULL) return NULL;
    cli_running(&a->request);
    struct nika_log *log = record(s, a->request.seed);
    nika_scenario_free(s);
    *status = NIKA_EXIT_INCONCLUSIVE;
    return log;
}

/* ---- progress ---- */
static bool out_of_time(void *context)
{
    const struct clock *c = context;
    return cli_clock_ns() - c->started_ns >= c->limit_ns;
}

static void show_progress(void *context, const struct nika_shrink *s)
{
    struct clock *c = context;
    char extra[200] = "";
    uint64_t spent = cli_clock_ns() - c->started_ns;
    if (cli_progress_due(&c->progress))
        snprintf(extra, sizeof extra,
                 "%" PRIu64 " decisions, %" PRIu64 " faults, %" PRIu64 " requests, %" PRIu64
                 " replicas, %" PRIu64 " events",
                 s->now.decisions, s->now.faults, s->now.requests, s->now.replicas, s->now.events);
    cli_progress_show(&c->progress, s->runs, 0, spent < c->limit_ns ? c->limit_ns - spent : 0,
                      extra);
}

/* ---- the result ---- */
static void print_row(const char *what, uint64_t before, uint64_t now)
{
    printf("  %-12s %10" PRIu64 " %10" PRIu64 "\n", what, before, now);
}

static void print_sizes(const struct nika_shrink *s, uint64_t wall_ns)
{
    const struct nika_shrink_size *b = &s->before, *n = &s->now;
    printf("size             before        now\n");
    print_row("decisions", b->decisions, n->decisions);
    print_row("acts", b->acts, n->acts);
    if (n->always > 0) print_row("always act", b->always, n->always);
    print_row("faults", b->faults, n->faults);
    print_row("requests", b->requests, n->requests);
    print_row("clients", b->clients, n->clients);
    print_row("replicas", b->replicas, n->replicas);
    print_row("events", b->events, n->events);
    print_row("virtual us", b->virtual_ns / 1000, n->virtual_ns / 1000);
    printf("runs      %" PRIu64 " in %" PRIu64 ".%03" PRIu64 " s%s\n", s->runs, wall_ns / SECOND_NS,
           wall_ns / 1000000 % 1000,
           s->stopped ? "; the budget ran out before all was tried (--time, --runs)" : "");
}

static json_t *size_json(const struct nika_shrink_size *s)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "decisions",
                     (json_int_t)s->decisions, "acts", (json_int_t)s->acts, "always_act",
                     (json_int_t)s->always, "faults", (json_int_t)s->faults, "requests",
                     (json_int_t)s->requests, "clients", (json_int_t)s->clients, "replicas",
                     (json_int_t)s->replicas, "events", (json_int_t)s->events, "virtual_ns",
                     (json_int_t)s->virtual_ns);
}

static void print_json(const struct arguments *a, const struct nika_shrink *s, const char *out,
                       const char *line, uint64_t wall_ns)
{
    cli_json_print(
        json_pack("{s:s, s:i, s:s, s:o, s:o, s:I, s:I, s:b, s:s, s:o, s:s}", "verdict",
                  nika_exit_name(s->failure.exit_class), "exit_class", s->failure.exit_class,
                  "sentence", s->result.sentence, "before", size_json(&s->before), "now",
                  size_json(&s->now), "runs", (json_int_t)s->runs, "wall_ns", (json_int_t)wall_ns,
                  "budget_ran_out", (int)s->stopped, "scenario", out, "test",
                  a->cmocka != NULL ? json_string(a->cmocka) : json_null(), "reproduce", line),
        "shrink");
}

static bool write_file(const char *option, const char *path, const char *text)
{
    errno = 0;
    FILE *file = fopen(path, "w");
    bool good = file != NULL && fputs(text, file) >= 0;
    good = file != NULL && fclose(file) == 0 && good;
    if (!good) fprintf(stderr, "nika: --%s %s: %s\n", option, path, strerror(errno));
    return good;
}

/* What was written must do what is said of it: load, run and fail in the same way, in a world of its own. */
static bool verify(const char *path, const char *text, const struct nika_failure *failure)
{
    struct nika_diagnoses d;
    const char *reason;
    struct nika_failure got = {0};
    struct nika_run_result *result = calloc(1, sizeof *result);
    struct nika_scenario *s = nika_scenario_parse(path, text, strlen(text), NULL, 0, &d);
    struct nika_runner *runner = s != NULL ? nika_runner_new(s, &reason) : NULL;
    if (s == NULL) cli_print_diagnoses(&d);
    if (runner != NULL && result != NULL) {
        nika_runner_run(runner, s->values[NIKA_KEY_SEED], result);
        (void)nika_failure_of(result, &got);
    }
    bool same = nika_failure_equal(&got, failure);
    if (!same && s != NULL)
        fprintf(stderr, "nika: %s: the small scenario does not fail in the same way: %s\n", path,
                result != NULL ? result->sentence : "out of memory");
    nika_runner_free(runner);
    nika_scenario_free(s);
    free(result);
    return same;
}

static int write_result(struct arguments *a, struct nika_shrink *s, uint64_t wall_ns)
{
    char path[NIKA_NAME_SIZE + 32], *test = NULL;
    char *text = nika_shrink_scenario_text(s);
    snprintf(path, sizeof path, "%s-shrunk.json", s->scenario->name);
    const char *out = a->out != NULL ? a->out : path;
    if (text != NULL && a->cmocka != NULL) test = nika_shrink_cmocka_text(s, text);
    struct nika_failure failure = s->failure;
    /* One world at a time. */
    nika_runner_free(s->runner);
    s->runner = NULL;
    bool good = text != NULL && verify(out, text, &failure) && write_file("out", out, text) &&
                (a->cmocka == NULL || (test != NULL && write_file("cmocka", a->cmocka, test)));
    if (good) {
        struct cli_run_request request = {.seed = s->seed};
        char line[CLI_LINE_SIZE];
        snprintf(request.path, sizeof request.path, "%s", out);
        cli_reproduce(&request, line, sizeof line);
        if (a->annotations) cli_annotate(failure.exit_class, out, s->result.sentence, line);
        if (a->json) {
            print_json(a, s, out, line, wall_ns);
            goto out;
        }
        printf("\nfailure   %s (exit code %d)\n          %s\n", nika_exit_name(failure.exit_class),
               failure.exit_class, s->result.sentence);
        print_sizes(s, wall_ns);
        printf("scenario  %s\n", out);
        if (a->cmocka != NULL) printf("test      %s\n", a->cmocka);
        printf("reproduce %s\n", line);
    }
out:
    free(test);
    free(text);
    return good ? 0 : NIKA_EXIT_INCONCLUSIVE;
}

static bool write_log(const char *path, const struct nika_log *log)
{
    errno = 0;
    FILE *file = fopen(path, "w");
    bool good = file != NULL && nika_log_write(log, file) == NIKA_OK;
    good = file != NULL && fclose(file) == 0 && good;
    if (!good) fprintf(stderr, "nika: --log %s: %s\n", path, strerror(errno));
    return good;
}

static int shrink(struct arguments *a, const struct nika_log *log, struct nika_shrink *s)
{
    struct nika_diagnoses d;
    struct clock clock = {.started_ns = cli_clock_ns(), .limit_ns = a->seconds * SECOND_NS};
    cli_progress_init(&clock.progress, "shrinking", "runs", a->quiet);
    *s = (struct nika_shrink){
        .runs_max = a->runs, .stop = out_of_time, .progress = show_progress, .context = &clock};
    int status = NIKA_EXIT_USAGE;
    switch (nika_shrink_begin(s, log, a->request.path, &d)) {
    case NIKA_SHRINK_ERROR:
        cli_print_diagnoses(&d);
        break;
    case NIKA_SHRINK_HELD:
        fprintf(stderr,
                "nika: %s, seed %" PRIu64 ": nothing to shrink, the run does not fail: %s\n",
                a->request.path, log->seed, s->result.sentence);
        status = NIKA_EXIT_EXPECTATION;
        break;
    case NIKA_SHRINK_READY:
        if (strcmp(s->result.digest, log->digest) != 0 &&
            strcmp(log->version, cli_version_number()) == 0) {
            fprintf(stderr, "nika: %s: another run than the log's; shrinking what it is now\n",
                    a->request.path);
        }
        nika_shrink_run(s);
        cli_progress_end(&clock.progress);
        status = write_result(a, s, cli_clock_ns() - clock.started_ns);
        break;
    }
    nika_shrink_end(s);
    return status;
}

static int run(int argc, char **argv)
{
    struct arguments a = {.seconds = SECONDS_DEFAULT, .runs = RUNS_DEFAULT};
    int status;
    cli_parse(&argp, argc, argv, &a);
    struct nika_log *log = start_from(&a, &status);
    if (log == NULL) return status;
    struct nika_shrink *s = calloc(1, sizeof *s);
    bool kept = a.log == NULL || write_log(a.log, log);
    status = s != NULL && kept ? shrink(&a, log, s) : NIKA_EXIT_INCONCLUSIVE;
    free(s);
    nika_log_free(log);
    return status;
}

const struct cli_command cli_shrink = {"shrink",
                                       "SCENARIO|LOG",
                                       "make a failing run small: a scenario of a few lines",
                                       "Repeats a failing run with less and less in it, and writes "
                                       "the smallest scenario that still fails in the same way.",
                                       &argp,
                                       run};
