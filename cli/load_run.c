/* cli/load_run.c: the run that a word of the command line names: a scenario, or a decision log with the scenario in it. */
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "fuzz/log/log.h"

static bool is_log(const char *path)
{
    char *line = NULL;
    size_t size = 0;
    struct stat info;
    FILE *file = stat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0
                     ? fopen(path, "r")
                     : NULL;
    if (file == NULL) return false;
    bool is = fgetc(file) == '{';
    rewind(file);
    is = is && getline(&line, &size, file) > 0 && nika_log_is_header(line);
    free(line);
    fclose(file);
    return is;
}

/* The scenario of a decision log, which from now on decides as the log does. */
static struct nika_scenario *load_log(struct cli_run_request *request)
{
    struct nika_diagnoses d = {0};
    struct nika_log *log = nika_log_read(request->scenario, &d);
    struct nika_scenario *s = log != NULL ? nika_log_scenario(log, request->scenario, &d) : NULL;
    if (s != NULL) {
        s->decisions = calloc(1, sizeof *s->decisions);
        if (s->decisions == NULL || nika_decisions_copy(s->decisions, &log->decisions) != NIKA_OK) {
            nika_diagnose_plain(&d, "%s: out of memory", request->scenario);
            nika_scenario_free(s);
            s = NULL;
        }
    }
    if (s == NULL) cli_print_diagnoses(&d);
    if (log != NULL) request->seed = log->seed;
    request->is_log = true;
    snprintf(request->path, sizeof request->path, "%s", request->scenario);
    nika_log_free(log);
    return s;
}

struct nika_scenario *cli_load_run(struct cli_run_request *request)
{
    return is_log(request->scenario) ? load_log(request) : cli_load(request);
}

struct nika_scenario *cli_load_at(struct cli_run_request *request, const char *text, char *name)
{
    const char *at = strrchr(text, '@');
    request->scenario = text;
    if (at != NULL && at[1] != '\0' && strspn(at + 1, "0123456789") == strlen(at + 1) &&
        strlen(at + 1) <= 18 && (size_t)(at - text) < CLI_NAME_SIZE) {
        snprintf(name, CLI_NAME_SIZE, "%.*s", (int)(at - text), text);
        request->scenario = name;
        request->seed = strtoull(at + 1, NULL, 10);
        request->seed_given = true;
    }
    return cli_load_run(request);
}
