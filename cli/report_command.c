/* cli/report_command.c: `nika report`: a run, a decision log or a campaign's folder, written in one of the formats of report/. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/campaign_folder.h"
#include "cli/cli.h"
#include "fuzz/museum/page.h"
#include "report/sheet.h"

struct arguments {
    struct cli_run_request request;
    enum nika_report_format format;
    bool format_given;
    const char *out;   /* NULL = standard output. */
    const char *other; /* The run that it is compared with; NULL = none. */
};
enum { OPTION_DIFF = 256 };

static const struct argp_option options[] = {
    {"format", 'f', "FORMAT", 0,
     "html, json, text, junit, sarif, chrome (Perfetto opens it) or pcapng (Wireshark does); "
     "default: by the end of FILE's name, else text",
     0},
    {"output", 'o', "FILE", 0, "write to FILE instead of standard output", 0},
    {"diff", OPTION_DIFF, "RUN", 0,
     "html, json: beside another run, a decision log, SCENARIO or SCENARIO@SEED (--set applies to "
     "both): where they part, and what only one of them has from there on",
     0},
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
    case OPTION_DIFF:
        a->other = text;
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
    "  nika report fault-free --seed 3 --diff fault-free@4 -o diff.html\n"
    "  nika report run.log --format json | jq .run.verdict\n"
    "  nika report out/campaign --format sarif -o nika.sarif\n"
    "  nika report fault-free -o run.pcapng; nika wire --dissector >nika.lua; tshark -X "
    "lua_script:nika.lua -r run.pcapng",
    NULL,
    NULL,
    NULL};

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
    if (a->other != NULL &&
        (folder || (a->format != NIKA_REPORT_HTML && a->format != NIKA_REPORT_JSON))) {
        fprintf(stderr,
                "nika: --diff: two runs are compared as html or json, not %s%s; text: nika diff A "
                "B\n",
                folder ? "a folder as " : "", nika_report_format_name(a->format));
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

static int with_file(const struct arguments *a, const struct nika_scenario *s,
                     const struct cli_report_other *other)
{
    FILE *file = a->out != NULL ? fopen(a->out, "w") : stdout;
    if (file == NULL) {
        fprintf(stderr, "nika: -o %s: %s\n", a->out, strerror(errno));
        return NIKA_EXIT_USAGE;
    }
    int status = s != NULL ? cli_report_run(&a->request, s, other, a->format, file)
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
    cli_parse(&argp, argc, argv, &a);
    bool folder = stat(a.request.scenario, &info) == 0 && S_ISDIR(info.st_mode);
    if (!check(&a, folder)) return NIKA_EXIT_USAGE;
    if (folder) return with_file(&a, NULL, NULL);
    char name[CLI_NAME_SIZE];
    struct cli_report_other other = {.request.set_count = a.request.set_count};
    memcpy(other.request.sets, a.request.sets, sizeof other.request.sets);
    struct nika_scenario *s = cli_load_run(&a.request);
    if (s != NULL && a.other != NULL) other.scenario = cli_load_at(&other.request, a.other, name);
    int status = NIKA_EXIT_USAGE;
    if (s != NULL && (a.other == NULL || other.scenario != NULL)) {
        cli_running(&a.request);
        status = with_file(&a, s, a.other != NULL ? &other : NULL);
    }
    nika_scenario_free(other.scenario);
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
