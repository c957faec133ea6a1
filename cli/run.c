/* cli/run.c: `nika run`: one scenario, one seed, one verdict. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/walk.h"
#include "fuzz/log/log.h"
#include "report/sheet.h"

/* A file that a run writes: opened before it, so that a wrong path costs nothing. */
struct output {
    const char *what; /* "report" */
    const char *path; /* NULL = not asked for. */
    FILE *file;
    int error; /* errno of what failed before it was closed. */
};

enum {
    OPTION_TRACE = 256,
    OPTION_REPORT,
    OPTION_STORY,
    OPTION_JSON,
    OPTION_CHECK,
    OPTION_LOG,
    OPTION_ANNOTATIONS,
    OPTION_UNTIL,
    OPTION_GDB
};

struct arguments {
    struct cli_run_request request;
    struct output trace, report, story, log;
    const char *until;
    bool json, check, annotations, gdb;
    /* --report wants the model of the run. */
    bool modelled;
    enum nika_report_format format;
    struct nika_report_trace *model;
};

static const struct argp_option options[] = {
    CLI_RUN_OPTIONS("seed of the run (default: that of the scenario)"),
    {"trace", OPTION_TRACE, "FILE", 0,
     "write every decision and event, for nika replay and diff: packed, at a fifth of the size and "
     "half of the cost, when the name ends in .trace or has no ending, else as JSON Lines",
     0},
    {"log", OPTION_LOG, "FILE", 0,
     "write the decisions that were not the fair ones, for nika replay, diff and shrink", 0},
    {"story", OPTION_STORY, "FILE", 0, "write what happened, one readable line an event", 0},
    {"report", OPTION_REPORT, "FILE", 0,
     "write a report: .html, .json, .xml (JUnit), .sarif, .trace.json (Chrome), .pcapng by the "
     "end of its name, else Markdown",
     0},
    {"json", OPTION_JSON, NULL, 0, "print one JSON object instead of text", 0},
    CLI_ANNOTATIONS_OPTION(OPTION_ANNOTATIONS),
    {"check-determinism", OPTION_CHECK, NULL, 0,
     "run twice and compare digests; exit 4 when they differ", 0},
    {"until", OPTION_UNTIL, "WHERE", 0,
     "stop there and show the state of every replica, its timers and what waits for it; exit 0 "
     "when it is there, 6 when the run ends before",
     0},
    {"gdb", OPTION_GDB, NULL, 0,
     "with --until: start gdb so that it stops in the handler of that event", 0},
    {0}};

/* What watches a whole run has nothing to write of one that stops. */
static void check_until(const struct arguments *a, struct argp_state *state)
{
    bool writes = a->trace.path != NULL || a->log.path != NULL || a->story.path != NULL ||
                  a->report.path != NULL || a->check;
    if (a->gdb && a->until == NULL) argp_error(state, "--gdb needs --until WHERE");
    if (a->gdb && a->json) argp_error(state, "--gdb and --json: one of them");
    if (a->until != NULL && writes)
        argp_error(state, "--until stops in the middle: without --trace, --log, --story, --report "
                          "and --check-determinism");
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case OPTION_TRACE:
        a->trace.path = text;
        return 0;
    case OPTION_LOG:
        a->log.path = text;
        return 0;
    case OPTION_REPORT:
        a->report.path = text;
        a->modelled = nika_report_format_of_file(text, &a->format) && a->format != NIKA_REPORT_TEXT;
        return 0;
    case OPTION_STORY:
        a->story.path = text;
        return 0;
    case OPTION_JSON:
        a->json = true;
        return 0;
    case OPTION_ANNOTATIONS:
        a->annotations = true;
        return 0;
    case OPTION_CHECK:
        a->check = true;
        return 0;
    case OPTION_UNTIL:
        a->until = text;
        return 0;
    case OPTION_GDB:
        a->gdb = true;
        return 0;
    case ARGP_KEY_END:
        check_until(a, state);
        return 0;
    default:
        return cli_parse_run(key, text, state, &a->request, "scenario",
                             "which scenario? (nika list scenarios)");
    }
}

static const struct argp argp = {
    options,
    parse,
    "SCENARIO",
    "Run one scenario under one seed and judge it. SCENARIO is a path or the name of a library "
    "scenario.\v"
    "The exit code is the verdict; nika explain exit-codes lists them.\n\n" CLI_WHERE_HELP "\n\n"
    "  nika run equivocating-primary --seed 7\n"
    "  nika run my.json --set network.loss_ppm=50000 --report report.md\n"
    "  nika run my.json --trace run.jsonl && nika replay run.jsonl\n"
    "  nika run my.json --log run.log && nika shrink run.log\n"
    "  nika run silent-primary --until enters,view=1",
    NULL,
    NULL,
    NULL};

static bool open_output(struct output *o)
{
    if (o->path == NULL) return true;
    o->file = fopen(o->path, "w");
    if (o->file == NULL) fprintf(stderr, "nika: --%s %s: %s\n", o->what, o->path, strerror(errno));
    return o->file != NULL;
}

/* False with a message when not all of it reached the file. */
static bool close_output(struct output *o)
{
    if (o->file == NULL) return true;
    bool good = ferror(o->file) == 0 && o->error == 0;
    errno = 0;
    good = fflush(o->file) == 0 && good;
    int error = errno != 0 ? errno : o->error;
    good = fclose(o->file) == 0 && good;
    o->file = NULL;
    if (!good)
        fprintf(stderr, "nika: --%s %s: cannot write%s%s\n", o->what, o->path,
                error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
    return good;
}

struct nika_trace *cli_trace_attach(struct nika_runner *runner, const struct nika_scenario *s,
                                    uint64_t seed, enum nika_trace_form form, FILE *file)
{
    json_t *header =
        json_pack("{s:i, s:s, s:I, s:O}", "nika_trace", 1, "version", cli_version_number(), "seed",
                  (json_int_t)seed, "scenario", s->document);
    char *text = json_dumps(header, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(header);
    struct nika_trace *trace =
        text != NULL ? nika_trace_new(file, text, form, nika_runner_world(runner)) : NULL;
    free(text);
    if (trace != NULL) nika_trace_attach(trace);
    return trace;
}

/* Packed, which costs half, unless its name asks for something else or it goes to a pipe or terminal. */
static enum nika_trace_form trace_form(const char *path, FILE *file)
{
    struct stat info;
    const char *base = strrchr(path, '/'), *end;
    base = base != NULL ? base + 1 : path;
    end = strrchr(base, '.');
    bool named = end == NULL || end == base || strcmp(end, ".trace") == 0;
    bool regular = fstat(fileno(file), &info) == 0 && S_ISREG(info.st_mode);
    return named && regular ? NIKA_TRACE_PACKED : NIKA_TRACE_LINES;
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

struct story_file {
    struct nika_story story;
    FILE *file;
};

static void on_story(void *context, const struct nika_tap *tap)
{
    struct story_file *f = context;
    char line[NIKA_STORY_LINE_SIZE];
    if (f->file != NULL && nika_story_line(&f->story, tap, line)) fprintf(f->file, "%s\n", line);
}

static void watch_story(struct story_file *story, const struct cli_turns *turns, FILE *file,
                        struct nika_world *world)
{
    struct nika_watcher watcher = {
        story, (NIKA_TAP_BIT(NIKA_TAP_COUNT) - 1) & ~NIKA_TAP_BIT(NIKA_TAP_EVENT_END), on_story};
    story->story = turns->story;
    story->file = file;
    if (file != NULL) nika_world_watch(world, &watcher);
}

static void write_log(struct arguments *a, const struct nika_scenario *s,
                      struct nika_recorder *recorder, const struct nika_run_result *result)
{
    struct nika_log *log =
        recorder->full ? NULL : nika_log_new(s, cli_version_number(), recorder, result);
    if (log == NULL)
        fprintf(stderr, "nika: --log %s: more than %u decisions, or out of memory\n", a->log.path,
                NIKA_DECISIONS_MAX);
    if (log == NULL || nika_log_write(log, a->log.file) != NIKA_OK)
        a->log.error = log == NULL ? ENOMEM : errno;
    nika_log_free(log);
}

/* The run, with everything that was asked for attached to its world. */
static void run_watched(struct arguments *a, const struct nika_scenario *s,
                        struct nika_runner *runner, struct cli_turns *turns,
                        struct nika_run_result *result)
{
    const char *reason;
    struct story_file story = {0};
    struct nika_recorder recorder = {0};
    struct nika_trace *trace = NULL;
    struct cli_run_progress progress;
    if (!nika_runner_begin(runner, a->request.seed, &reason)) {
        nika_runner_run(runner, a->request.seed, result); /* Fails the same way and says so. */
        return;
    }
    cli_turns_watch(turns, runner);
    watch_story(&story, turns, a->story.file, nika_runner_world(runner));
    if (a->trace.file != NULL)
        trace = cli_trace_attach(runner, s, a->request.seed,
                                 trace_form(a->trace.path, a->trace.file), a->trace.file);
    if (a->log.file != NULL) nika_recorder_attach(&recorder, nika_runner_world(runner));
    if (a->modelled)
        a->model =
            nika_report_trace_new(nika_runner_world(runner), turns->story.protocol->messages);
    cli_run_progress_begin(&progress, "running", runner, s);
    nika_runner_finish(runner, result);
    cli_run_progress_end(&progress);
    turns->closed = true;
    nika_report_trace_close(a->model);
    if (a->log.file != NULL) write_log(a, s, &recorder, result);
    nika_decisions_clear(&recorder.decisions);
    /* close_output() says that the last line is missing, and why. */
    if (trace != NULL && nika_trace_end(trace, nika_exit_name(result->exit_class)) != NIKA_OK)
        a->trace.error = errno;
    nika_trace_free(trace);
    /* Whatever runs next must not find these watchers. */
    nika_runner_set_oracles(runner, false);
    nika_runner_set_oracles(runner, true);
}

static void print_head(const struct arguments *a, const struct nika_scenario *s)
{
    printf("scenario  %s\n          %s\nseed      %llu\nbuild     nika %s\n",
           nika_report_plain_text(a->request.path), nika_report_plain_text(s->why),
           (unsigned long long)a->request.seed, cli_version_text());
    fflush(stdout);
}

static void write_report(struct arguments *a, const struct cli_finished *f)
{
    if (!a->modelled) {
        cli_report_markdown(f, a->report.file);
    } else if (a->model == NULL || !cli_report_write(f, a->model, a->format, a->report.file)) {
        a->report.error = a->model == NULL ? ENOMEM : errno;
    }
}

static int report(struct arguments *a, const struct cli_finished *f)
{
    struct output *outputs[] = {&a->trace, &a->story, &a->log, &a->report};
    bool good = true;
    if (a->json) {
        cli_report_json(f, stdout);
    } else {
        cli_report_human(f, stdout);
    }
    if (a->annotations) {
        char line[CLI_LINE_SIZE];
        cli_reproduce(f->request, line, sizeof line);
        cli_annotate(f->result->exit_class, f->request->path, f->result->sentence, line);
    }
    if (a->report.file != NULL) write_report(a, f);
    for (uint32_t i = 0; i < ARRAY_COUNT(outputs); i++) {
        bool asked = outputs[i]->file != NULL, written = close_output(outputs[i]);
        if (asked && written && !a->json) printf("%-9s %s\n", outputs[i]->what, outputs[i]->path);
        good = good && written;
    }
    return f->result->exit_class == 0 && !good ? NIKA_EXIT_INCONCLUSIVE : f->result->exit_class;
}

static int execute(struct arguments *a, const struct nika_scenario *s, struct nika_runner *runner)
{
    int status = NIKA_EXIT_INCONCLUSIVE;
    struct nika_run_result *result = calloc(1, sizeof *result);
    struct cli_turns *turns = calloc(1, sizeof *turns);
    if (result != NULL && turns != NULL) {
        uint64_t started = cli_clock_ns();
        struct nika_archive *archive = NULL;
        run_watched(a, s, runner, turns, result);
        struct cli_finished f = {&a->request, s, runner, result, turns, cli_clock_ns() - started,
                                 NULL};
        if (a->check) check_determinism(runner, s, result);
        nika_runner_examine(runner, result, &archive);
        f.archive = archive;
        status = report(a, &f);
        free(archive);
    }
    nika_report_trace_free(a->model);
    free(turns);
    free(result);
    return status;
}

static int run(int argc, char **argv)
{
    struct arguments a = {
        .trace.what = "trace", .report.what = "report", .story.what = "story", .log.what = "log"};
    const char *reason;
    cli_parse(&argp, argc, argv, &a);
    struct nika_scenario *s = a.until != NULL ? cli_load_run(&a.request) : cli_load(&a.request);
    if (s == NULL) return NIKA_EXIT_USAGE;
    int status = NIKA_EXIT_USAGE;
    if (open_output(&a.trace) && open_output(&a.story) && open_output(&a.log) &&
        open_output(&a.report)) {
        struct nika_runner *runner = nika_runner_new(s, &reason);
        if (!a.json) print_head(&a, s);
        cli_running(&a.request);
        status = runner == NULL    ? NIKA_EXIT_INCONCLUSIVE
                 : a.until != NULL ? cli_until(&a.request, runner, a.until, a.json, a.gdb)
                                   : execute(&a, s, runner);
        if (runner == NULL) fprintf(stderr, "nika: %s\n", reason);
        nika_runner_free(runner);
    }
    if (a.trace.file != NULL) fclose(a.trace.file);
    if (a.story.file != NULL) fclose(a.story.file);
    if (a.log.file != NULL) fclose(a.log.file);
    if (a.report.file != NULL) fclose(a.report.file);
    nika_scenario_free(s);
    return status;
}

const struct cli_command cli_run = {"run",
                                    "SCENARIO",
                                    "run one scenario under one seed and judge it",
                                    "Runs a scenario, given as a path or as the name of a library "
                                    "scenario, prints the verdict, and exits with its class.",
                                    &argp,
                                    run};
