/* cli/report_command.c: `nika report`: a run, a decision log or a campaign's folder, written in one of the formats of report/. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/campaign_folder.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "fuzz/museum/page.h"
#include "report/sheet.h"

struct arguments {
    struct cli_run_request request;
    enum nika_report_format format;
    bool format_given;
    const char *out; /* NULL = standard output. */
};

static const struct argp_option options[] = {
    {"format", 'f', "FORMAT", 0,
     "html, json, text, junit, sarif, chrome (Perfetto opens it) or pcapng (Wireshark does); "
     "default: by the end of FILE's name, else text",
     0},
    {"output", 'o', "FILE", 0, "write to FILE instead of standard output", 0},
    CLI_RUN_OPTIONS("seed of the run (default: that of the scenario)"),
    {0}};

static const char *format_at(const void *context, uint32_t index)
{
    (void)context;
    return nika_report_format_name(index);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case 'f':
        a->format_given = nika_report_format_find(text, &a->format);
        if (!a->format_given) {
            const char *near = nika_did_you_mean(text, format_at, NULL);
            argp_error(state, "--format: no format \"%s\"%s%s%s", text,
                       near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                       near != NULL
                           ? "\"?"
                           : "; expected html, json, text, junit, sarif, chrome or pcapng");
        }
        return 0;
    case 'o':
        a->out = text;
        return 0;
    default:
        return cli_parse_run(key, text, state, &a->request, "run",
                             "which run: a scenario, a decision log, or the folder of a campaign?");
    }
}

static const struct argp argp = {
    options,
    parse,
    "RUN|DIR",
    "Write a report of a run. RUN is a scenario (run under --seed) or a decision log of `nika run "
    "--log`; "
    "DIR is the folder of a campaign, or (html, json) of nika-museum bench detect.\v"
    "Exits 0 once the report is written, whatever its verdict; 64 when there is nothing to report "
    "on; 6 when not all was written.\n\n"
    "  nika report equivocating-primary --seed 7 -o run.html\n"
    "  nika report run.log --format json | jq .run.verdict\n"
    "  nika report out/campaign --format sarif -o nika.sarif\n"
    "  nika report fault-free -o run.pcapng; nika wire --dissector >nika.lua; tshark -X "
    "lua_script:nika.lua -r run.pcapng",
    NULL,
    NULL,
    NULL};

bool cli_report_write(const struct cli_finished *f, const struct nika_report_trace *trace,
                      enum nika_report_format format, FILE *file)
{
    json_t *run = cli_report_object(f);
    json_t *drawn = nika_scenario_concrete(f->scenario, f->result->seed);
    struct nika_report report = {run, f->scenario->document, drawn, trace};
    bool good = run != NULL && nika_report_write(&report, format, file);
    json_decref(drawn);
    json_decref(run);
    return good;
}

/* How far the run is: by the requests that completed. */
struct watched {
    struct cli_progress progress;
    struct nika_runner *runner;
    uint64_t requests, completed;
};

static void on_completed(void *context, const struct nika_tap *tap)
{
    struct watched *w = context;
    char extra[48] = "";
    struct nika_world_stats stats;
    (void)tap;
    w->completed++;
    if (cli_progress_due(&w->progress)) {
        nika_world_stats(nika_runner_world(w->runner), &stats);
        snprintf(extra, sizeof extra, "%llu events", (unsigned long long)stats.events);
    }
    cli_progress_show(&w->progress, w->completed, w->requests, CLI_PROGRESS_BY_RATE, extra);
}

/* Run it, watched, and write. The exit code. */
static int report_run(const struct arguments *a, const struct nika_scenario *s, FILE *file)
{
    const char *reason = "out of memory";
    struct nika_archive *archive = NULL;
    struct nika_run_result *result = calloc(1, sizeof *result);
    struct cli_turns *turns = calloc(1, sizeof *turns);
    struct nika_report_trace *trace = NULL;
    struct nika_runner *runner = nika_runner_new(s, &reason);
    struct watched watched = {
        .runner = runner, .requests = s->values[NIKA_KEY_CLIENTS] * s->values[NIKA_KEY_REQUESTS]};
    cli_progress_init(&watched.progress, "running", "requests", false);
    struct nika_watcher watcher = {&watched, NIKA_TAP_BIT(NIKA_TAP_COMPLETED), on_completed};
    if (runner != NULL) nika_runner_watch(runner, &watcher);
    uint64_t started = cli_clock_ns();
    bool good = result != NULL && turns != NULL && runner != NULL &&
                nika_runner_begin(runner, a->request.seed, &reason);
    if (good) {
        cli_turns_watch(turns, runner);
        trace = nika_report_trace_new(nika_runner_world(runner), turns->story.protocol->messages);
        reason = "out of memory";
        good = trace != NULL;
    }
    if (good) {
        nika_runner_finish(runner, result);
        turns->closed = true;
        watched.progress.quiet = true; /* Whatever runs next is no progress of this. */
        cli_progress_end(&watched.progress);
        nika_report_trace_close(trace);
        nika_runner_set_oracles(runner, false); /* Whatever runs next is not watched. */
        nika_runner_set_oracles(runner, true);
        nika_runner_examine(runner, result, &archive);
        struct cli_finished f = {&a->request, s, runner, result, turns, cli_clock_ns() - started,
                                 archive};
        errno = 0;
        if (a->format == NIKA_REPORT_TEXT) {
            cli_report_human(&f, file);
        } else if (!cli_report_write(&f, trace, a->format, file)) {
            good = false;
            reason = errno != 0 ? strerror(errno) : "cannot write all of it";
        }
    }
    if (!good) fprintf(stderr, "nika: report: %s\n", reason);
    nika_runner_free(runner);
    nika_report_trace_free(trace);
    free(archive);
    free(turns);
    free(result);
    return good ? 0 : NIKA_EXIT_INCONCLUSIVE;
}

static bool write_campaign(const struct arguments *a, const json_t *summary, FILE *file)
{
    switch (a->format) {
    case NIKA_REPORT_TEXT:
        nika_campaign_text(summary, file);
        return true;
    case NIKA_REPORT_JSON:
        (void)json_dumpf(summary, file, JSON_INDENT(1) | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
        fputc('\n', file);
        return true;
    case NIKA_REPORT_HTML:
        return nika_campaign_html(summary, a->request.scenario, file);
    case NIKA_REPORT_JUNIT:
        return nika_campaign_junit(summary, file);
    case NIKA_REPORT_SARIF:
        nika_report_sarif_campaign(summary, cli_version_number(), file);
        return true;
    case NIKA_REPORT_CHROME:
    case NIKA_REPORT_PCAPNG:
    case NIKA_REPORT_FORMAT_COUNT:
        break;
    }
    return false;
}

static int report_campaign(const struct arguments *a, FILE *file)
{
    char path[1200];
    struct nika_diagnoses d = {0};
    struct nika_results results = {0};
    const char *folder = a->request.scenario;
    uint32_t cut = 0;
    int status = NIKA_EXIT_USAGE;
    snprintf(path, sizeof path, "%s/" CLI_RESULTS, folder);
    if (access(path, R_OK) != 0) {
        fprintf(stderr,
                "nika: %s: not the folder of a campaign (nika campaign --out DIR): %s: %s\n",
                folder, CLI_RESULTS, strerror(errno));
        return NIKA_EXIT_USAGE;
    }
    if (nika_results_read(&results, path, &cut, &d)) {
        json_t *plan = cli_plan_read(folder, &d);
        char first[300];
        uint64_t blocks;
        bool complete = cut == 0 && (plan == NULL || nika_plan_missing(plan, &results, &blocks,
                                                                       first, sizeof first) == 0);
        json_t *summary = nika_campaign_summary(&results, complete);
        bool good = summary != NULL && write_campaign(a, summary, file);
        status = good ? 0 : NIKA_EXIT_INCONCLUSIVE;
        json_decref(summary);
        json_decref(plan);
    }
    cli_print_diagnoses(&d);
    nika_results_free(&results);
    return status;
}

/* ---- the folder of `nika-museum bench detect` ---- */
#define DETECT "detect.json"
#define DETECT_RECORDS "detect.jsonl"

static bool is_detect(const char *folder)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/" DETECT, folder);
    return access(path, F_OK) == 0;
}

/* An array of its records. NULL with a message when a line is none; a last line that is cut short is left out. */
static json_t *detect_records(const char *folder)
{
    char path[1200], *line = NULL;
    size_t size = 0, number = 0;
    snprintf(path, sizeof path, "%s/" DETECT_RECORDS, folder);
    FILE *file = fopen(path, "re");
    json_t *records = json_array();
    while (file != NULL && records != NULL && getline(&line, &size, file) > 0) {
        json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        number++;
        if (json_is_object(record)) {
            json_array_append_new(records, record);
            continue;
        }
        json_decref(record);
        if (feof(file) != 0) break;
        fprintf(stderr, "nika: %s:%zu: this line is no record of nika-museum bench detect\n",
                nika_report_plain_text(path), number);
        json_decref(records);
        records = NULL;
    }
    if (file == NULL)
        fprintf(stderr, "nika: %s: %s; the page has no curves\n", nika_report_plain_text(path),
                strerror(errno));
    if (file != NULL) fclose(file);
    free(line);
    return records;
}

static int report_detect(const struct arguments *a, FILE *file)
{
    char path[1200];
    json_error_t error;
    snprintf(path, sizeof path, "%s/" DETECT, a->request.scenario);
    json_t *detect = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (json_integer_value(json_object_get(detect, "nika_detect")) != 1) {
        fprintf(stderr,
                "nika: %s:%d: %s; expected what nika-museum bench detect writes, format 1\n",
                nika_report_plain_text(path), detect == NULL ? error.line : 1,
                detect == NULL ? nika_report_plain_text(error.text) : "no nika_detect: 1");
        json_decref(detect);
        return NIKA_EXIT_USAGE;
    }
    int status = NIKA_EXIT_USAGE;
    json_t *records = detect_records(a->request.scenario);
    if (records != NULL) {
        bool good = true;
        if (a->format == NIKA_REPORT_JSON)
            good = json_dumpf(detect, file, JSON_INDENT(1) | JSON_SORT_KEYS | JSON_ENSURE_ASCII) ==
                       0 &&
                   fputc('\n', file) != EOF;
        else
            good = nika_museum_html(detect, records, file);
        status = good ? 0 : NIKA_EXIT_INCONCLUSIVE;
    }
    json_decref(records);
    json_decref(detect);
    return status;
}

/* What cannot be, before anything is run or a file is emptied. */
static bool check(struct arguments *a, bool folder)
{
    const char *word = a->request.scenario;
    if (!a->format_given && (a->out == NULL || !nika_report_format_of_file(a->out, &a->format)))
        a->format = NIKA_REPORT_TEXT;
    bool events = a->format == NIKA_REPORT_CHROME || a->format == NIKA_REPORT_PCAPNG;
    if (folder && is_detect(word) && a->format != NIKA_REPORT_HTML &&
        a->format != NIKA_REPORT_JSON) {
        fprintf(stderr, "nika: %s: the museum's results are written as html or json, not %s\n",
                word, nika_report_format_name(a->format));
        return false;
    }
    if (folder && events) {
        fprintf(stderr,
                "nika: %s: a campaign is no single run; give --format %s one of its runs, such as "
                "%s/shrunk/*.log\n",
                word, nika_report_format_name(a->format), word);
        return false;
    }
    if (a->format == NIKA_REPORT_PCAPNG && a->out == NULL && isatty(STDOUT_FILENO) != 0) {
        fprintf(stderr, "nika: --format pcapng is binary; say -o FILE or redirect it\n");
        return false;
    }
    return true;
}

static int with_file(const struct arguments *a, const struct nika_scenario *s)
{
    FILE *file = a->out != NULL ? fopen(a->out, "w") : stdout;
    if (file == NULL) {
        fprintf(stderr, "nika: -o %s: %s\n", a->out, strerror(errno));
        return NIKA_EXIT_USAGE;
    }
    int status = s != NULL                        ? report_run(a, s, file)
                 : is_detect(a->request.scenario) ? report_detect(a, file)
                                                  : report_campaign(a, file);
    errno = 0;
    bool good = fflush(file) == 0 && ferror(file) == 0;
    if (a->out != NULL) good = fclose(file) == 0 && good;
    if (!good && status == 0) /* Otherwise it was said where it happened. */
        fprintf(stderr, "nika: %s: cannot write: %s\n", a->out != NULL ? a->out : "output",
                errno != 0 ? strerror(errno) : "not all of it reached its place");
    return good || status != 0 ? status : NIKA_EXIT_INCONCLUSIVE;
}

static int run(int argc, char **argv)
{
    struct arguments a = {0};
    struct stat info;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    bool folder = stat(a.request.scenario, &info) == 0 && S_ISDIR(info.st_mode);
    if (!check(&a, folder)) return NIKA_EXIT_USAGE;
    if (folder) return with_file(&a, NULL);
    struct nika_scenario *s = cli_load_run(&a.request);
    if (s == NULL) return NIKA_EXIT_USAGE;
    cli_running(&a.request);
    int status = with_file(&a, s);
    nika_scenario_free(s);
    return status;
}

const struct cli_command cli_report_command = {
    "report",
    "RUN|DIR",
    "write a run or a campaign as a page or for a tool",
    "Runs a scenario or a decision log, or reads the folder of a campaign, and writes what "
    "happened as a page (html), for programs (json), for CI (junit, sarif), for trace viewers "
    "(chrome, pcapng) or as text.",
    &argp,
    run};
