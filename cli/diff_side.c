/* cli/diff_side.c: the runs that `nika diff` compares, each as the lines of a trace. */
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "fuzz/log/log.h"

static bool is_trace(const char *line)
{
    json_t *header = nika_json_depth(line, strlen(line)) <= NIKA_SCENARIO_DEPTH_MAX
                         ? json_loads(line, JSON_REJECT_DUPLICATES, NULL)
                         : NULL;
    bool is = json_integer_value(json_object_get(header, "nika_trace")) == 1;
    json_decref(header);
    return is;
}

/* The run as a trace in memory; by `decisions` unless NULL. */
static bool run_traced(const char *label, const struct nika_scenario *s, uint64_t seed,
                       const struct nika_decisions *decisions, struct cli_lines *out)
{
    const char *reason = "out of memory";
    char *text = NULL;
    size_t size = 0;
    struct nika_decider *decider = decisions != NULL ? nika_decider_new(decisions) : NULL;
    struct nika_run_result *result = calloc(1, sizeof *result);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    FILE *file = open_memstream(&text, &size);
    bool good = result != NULL && runner != NULL && file != NULL &&
                (decisions == NULL || decider != NULL) && nika_runner_begin(runner, seed, &reason);
    if (good) {
        if (decider != NULL)
            nika_decider_attach(decider, nika_world_chooser(nika_runner_world(runner)));
        struct nika_trace *trace = cli_trace_attach(runner, s, seed, NIKA_TRACE_LINES, file);
        good = trace != NULL;
        if (good) nika_runner_finish(runner, result);
        good = good && nika_trace_end(trace, nika_exit_name(result->exit_class)) == NIKA_OK;
        nika_trace_free(trace);
        reason = "out of memory";
    }
    if (file != NULL) good = fclose(file) == 0 && good;
    nika_runner_free(runner);
    nika_decider_free(decider);
    free(result);
    if (!good) fprintf(stderr, "nika: %s: %s\n", label, reason);
    if (!good) free(text);
    return good && cli_lines_split(text, size, out);
}

static bool load_log(const char *path, struct cli_side *out)
{
    struct nika_diagnoses d;
    struct nika_log *log = nika_log_read(path, &d);
    struct nika_scenario *s = log != NULL ? nika_log_scenario(log, path, &d) : NULL;
    snprintf(out->label, sizeof out->label, "%s, %u decisions", path,
             log != NULL ? log->decisions.count : 0);
    bool good = s != NULL && run_traced(path, s, log->seed, &log->decisions, &out->lines);
    if (s == NULL) cli_print_diagnoses(&d);
    nika_scenario_free(s);
    nika_log_free(log);
    return good;
}

bool cli_side_run(const char *label, const struct nika_scenario *s, uint64_t seed,
                  struct cli_side *out)
{
    snprintf(out->label, sizeof out->label, "%s, seed %llu", label, (unsigned long long)seed);
    return run_traced(out->label, s, seed, NULL, &out->lines);
}

/* SCENARIO or SCENARIO@SEED. */
static bool load_scenario(const char *text, struct cli_side *out)
{
    char name[CLI_NAME_SIZE];
    struct cli_run_request request = {0};
    struct nika_scenario *s = cli_load_at(&request, text, name);
    if (s == NULL) return false;
    cli_running(&request);
    bool good = cli_side_run(request.path, s, request.seed, out);
    nika_scenario_free(s);
    return good;
}

bool cli_side_load(const char *text, struct cli_side *out)
{
    struct stat info;
    struct cli_lines lines = {0};
    if (stat(text, &info) != 0 || !S_ISREG(info.st_mode)) return load_scenario(text, out);
    if (!cli_lines_read(text, &lines)) return false;
    bool trace = lines.count > 0 && is_trace(lines.line[0]),
         log = lines.count > 0 && nika_log_is_header(lines.line[0]);
    if (trace) {
        bool complete = strncmp(lines.line[lines.count - 1], "{\"end\":", 7) == 0;
        snprintf(out->label, sizeof out->label, "%s", text);
        out->lines = lines;
        if (!complete)
            fprintf(stderr,
                    "nika: %s: truncated: it does not end with the line that has the "
                    "digest\n",
                    text);
        if (!complete) cli_lines_free(&out->lines);
        return complete;
    }
    cli_lines_free(&lines);
    return log ? load_log(text, out) : load_scenario(text, out);
}
