/* cli/replay.c: `nika replay`: runs a trace again and names the first divergence. Decision logs are replay_log.c's, recordings of live
 * replicas replay_recording.c's. */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "engine/core/choice.h"
#include "fuzz/log/log.h"

enum { OPTION_DECISIONS = 256, OPTION_PRINT, OPTION_JSON };

struct arguments {
    const char *path;
    bool decisions, print, json;
};
static const struct argp_option options[] = {
    {"decisions", OPTION_DECISIONS, NULL, 0, "decide by the trace's decisions instead of its seed",
     0},
    {"print", OPTION_PRINT, NULL, 0, "print the trace as JSON Lines and run nothing", 0},
    CLI_JSON_OPTION(OPTION_JSON),
    {0}};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case OPTION_DECISIONS:
        a->decisions = true;
        return 0;
    case OPTION_PRINT:
        a->print = true;
        return 0;
    case OPTION_JSON:
        a->json = true;
        return 0;
    default:
        return cli_parse_word(key, text, state, &a->path, "file",
                              "which trace, decision log or recording?");
    }
}

static const struct argp argp = {
    options,
    parse,
    "FILE",
    "Run a trace written by `nika run --trace` again and compare every event; or a decision log "
    "written by `nika run --log`, and compare the digest; or the recording of a live replica "
    "written by `nika node --record`, and compare every digest of its state.\v"
    "Exits 0 when all is equal, 4 at the first divergence, 64 when the file is no complete trace "
    "of this version, no decision log and no recording. A log of another version is followed as "
    "far as its "
    "names mean something; where that ends is said.\n\n"
    "  nika run fault-free --seed 7 --trace run.jsonl && nika replay run.jsonl\n"
    "  nika replay --print run.trace | jq -c 'select(.k == \"deliver\")'\n"
    "  nika run fault-free --seed 7 --log run.log && nika replay run.log\n"
    "  nika node --config replica-1.json --record r1.recording; nika replay r1.recording",
    NULL,
    NULL,
    NULL};

static bool is_last(const char *line)
{
    json_t *object = json_loads(line, 0, NULL);
    bool last = json_object_get(object, "end") != NULL && json_object_get(object, "digest") != NULL;
    json_decref(object);
    return last;
}

/* Header checks: a trace, of this version, complete. NULL with a message on stderr. */
static struct nika_scenario *open_trace(const char *path, const struct cli_lines *lines,
                                        uint64_t *seed)
{
    json_t *header = lines->count > 0 && nika_json_depth(lines->line[0], strlen(lines->line[0])) <=
                                             NIKA_SCENARIO_DEPTH_MAX
                         ? json_loads(lines->line[0], JSON_REJECT_DUPLICATES, NULL)
                         : NULL;
    const char *version = json_string_value(json_object_get(header, "version")), *problem = NULL;
    const json_t *seed_value = json_object_get(header, "seed");
    struct nika_scenario *s = NULL;
    struct nika_diagnoses d;
    if (header == NULL || json_integer_value(json_object_get(header, "nika_trace")) != 1) {
        problem = "not a trace or decision log of nika: its first line is no header";
    } else if (version == NULL || strcmp(version, cli_version_number()) != 0) {
        problem = "was written by another version of nika; run its scenario again with this one";
    } else if (!json_is_integer(seed_value) || json_integer_value(seed_value) < 0) {
        problem = "its header has no seed";
    } else if (lines->count < 2 || !is_last(lines->line[lines->count - 1])) {
        problem = "truncated: it does not end with the line that has the digest";
    }
    if (problem != NULL) {
        fprintf(stderr, "nika: %s: %s\n", path, problem);
    } else {
        char *text =
            json_dumps(json_object_get(header, "scenario"), JSON_SORT_KEYS | JSON_ENCODE_ANY);
        s = text != NULL ? nika_scenario_parse(path, text, strlen(text), NULL, 0, &d) : NULL;
        if (s == NULL && text != NULL) cli_print_diagnoses(&d);
        free(text);
        *seed = (uint64_t)json_integer_value(seed_value);
    }
    json_decref(header);
    return s;
}

static struct nika_choice_log *read_decisions(const char *path, const struct cli_lines *lines)
{
    struct nika_choice_log *log = nika_choice_log_new();
    for (size_t i = 1; log != NULL && i < lines->count; i++) {
        if (strncmp(lines->line[i], "{\"d\":", 5) != 0) continue;
        json_t *object = json_loads(lines->line[i], 0, NULL);
        const char *text = json_string_value(json_object_get(object, "d"));
        const json_t *value = json_object_get(object, "v");
        struct nika_choice_name name;
        bool good = text != NULL && json_is_integer(value) &&
                    nika_choice_name_parse(text, &name) == NIKA_OK &&
                    nika_choice_log_add(log, &name, (uint64_t)json_integer_value(value)) == NIKA_OK;
        json_decref(object);
        if (good) continue;
        fprintf(stderr, "nika: %s:%zu: not a decision\n", path, i + 1);
        nika_choice_log_free(log);
        return NULL;
    }
    return log;
}

/* Where a line of a trace happened. False when it says nothing of that. */
static bool print_place(const char *line)
{
    json_t *object = json_loads(line, 0, NULL);
    const json_t *event = json_object_get(object, "e"), *time = json_object_get(object, "t"),
                 *node = json_object_get(object, "n");
    bool placed = json_is_integer(event) && json_is_integer(time);
    if (placed)
        printf("event      %" JSON_INTEGER_FORMAT "\ntime       %" JSON_INTEGER_FORMAT " ns\n",
               json_integer_value(event), json_integer_value(time));
    if (placed && json_is_integer(node))
        printf("node       replica %" JSON_INTEGER_FORMAT "\n", json_integer_value(node));
    if (placed && json_is_string(node) && json_string_value(node)[0] == 'c')
        printf("node       client %s\n", json_string_value(node) + 1);
    json_decref(object);
    return placed;
}

/* The first line behind the headers in which the traces differ; 0 = none. */
static size_t first_difference(const struct cli_lines *old, const struct cli_lines *new)
{
    size_t i = 1;
    while (i < old->count && i < new->count &&strcmp(old->line[i], new->line[i]) == 0) i++;
    return i == old->count && i == new->count ? 0 : i;
}

static json_t *line_json(const struct cli_lines *lines, size_t i)
{
    json_t *line = i < lines->count ? json_loads(lines->line[i], 0, NULL) : NULL;
    return line != NULL ? line : json_null();
}

static void print_json(const struct cli_lines *old, const struct cli_lines *new, size_t parted,
                       const struct nika_run_result *result)
{
    json_t *root =
        json_pack("{s:s, s:b, s:s, s:s, s:s, s:I}", "kind", "trace", "same", (int)(parted == 0),
                  "verdict", parted == 0 ? "held" : nika_exit_name(NIKA_EXIT_NONDETERMINISTIC),
                  "run", nika_exit_name(result->exit_class), "digest", result->digest, "lines",
                  (json_int_t) new->count);
    if (parted != 0) {
        json_object_set_new(root, "line", json_integer((json_int_t)parted + 1));
        json_object_set_new(root, "was", line_json(old, parted));
        json_object_set_new(root, "is", line_json(new, parted));
    }
    cli_json_print(root, "replay");
}

static void print_difference(const struct cli_lines *old, const struct cli_lines *new, size_t i)
{
    const char *was = i < old->count ? old->line[i] : "(the trace ends)",
               *is = i < new->count ? new->line[i] : "(the run ends)";
    printf(
        "verdict    %s\n           this run is not the one of the trace: the trace was changed, or "
        "the run is not deterministic\nline       %zu of the trace\n",
        nika_exit_name(NIKA_EXIT_NONDETERMINISTIC), i + 1);
    if (!print_place(was)) print_place(is);
    printf("was        %.400s\nis         %.400s\n", was, is);
}

static bool run_again(struct nika_runner *runner, const struct nika_scenario *s, uint64_t seed,
                      struct nika_choice_log *log, FILE *file, struct nika_run_result *result,
                      const char **reason)
{
    if (!nika_runner_begin(runner, seed, reason)) return false;
    if (log != NULL) nika_chooser_init_log(nika_world_chooser(nika_runner_world(runner)), log);
    struct nika_trace *trace = cli_trace_attach(runner, s, seed, NIKA_TRACE_LINES, file);
    *reason = "out of memory";
    if (trace == NULL) return false;
    struct cli_run_progress progress;
    cli_run_progress_begin(&progress, "replaying", runner, s);
    nika_runner_finish(runner, result);
    cli_run_progress_end(&progress);
    bool good = nika_trace_end(trace, nika_exit_name(result->exit_class)) == NIKA_OK;
    nika_trace_free(trace);
    return good;
}

static int replay(const struct arguments *a, const struct cli_lines *old,
                  const struct nika_scenario *s, uint64_t seed)
{
    const char *reason = "out of memory";
    struct cli_lines new = {0};
    size_t size = 0;
    char *text = NULL;
    struct nika_choice_log *log = a->decisions ? read_decisions(a->path, old) : NULL;
    if (a->decisions && log == NULL) return NIKA_EXIT_USAGE;
    struct nika_run_result *result = calloc(1, sizeof *result);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    FILE *file = open_memstream(&text, &size);
    bool good = result != NULL && runner != NULL && file != NULL &&
                run_again(runner, s, seed, log, file, result, &reason);
    if (file != NULL) good = fclose(file) == 0 && good;
    int status = NIKA_EXIT_INCONCLUSIVE;
    if (good && cli_lines_split(text, size, &new)) {
        size_t parted = first_difference(old, &new);
        status = parted == 0 ? 0 : NIKA_EXIT_NONDETERMINISTIC;
        if (a->json)
            print_json(old, &new, parted, result);
        else if (parted != 0)
            print_difference(old, &new, parted);
        else
            printf("verdict    replayed: %zu lines are equal\nrun        %s\ndigest     %s\n",
                   new.count, nika_exit_name(result->exit_class), result->digest);
    } else {
        fprintf(stderr, "nika: %s: %s\n", a->path, reason);
    }
    if (log != NULL) nika_choice_log_free(log);
    nika_runner_free(runner);
    free(new.line);
    free(text);
    free(result);
    return status;
}

/* A trace that ends early is shown as far as it goes, and said to be truncated. */
static int print_lines(const char *path, struct cli_lines *lines)
{
    uint64_t seed;
    struct nika_scenario *s = open_trace(path, lines, &seed);
    for (size_t i = 0; lines->count > 0 && i < lines->count; i++) puts(lines->line[i]);
    nika_scenario_free(s);
    cli_lines_free(lines);
    return s != NULL ? 0 : NIKA_EXIT_USAGE;
}

static int run(int argc, char **argv)
{
    struct arguments a = {0};
    struct cli_lines lines = {0};
    uint64_t seed = 0;
    cli_parse(&argp, argc, argv, &a);
    if (cli_is_recording(a.path)) return cli_replay_recording(a.path, a.json);
    if (!cli_lines_read(a.path, &lines)) return NIKA_EXIT_USAGE;
    if (lines.count > 0 && nika_log_is_header(lines.line[0])) {
        cli_lines_free(&lines);
        return cli_replay_log(a.path, a.json);
    }
    if (a.print) return print_lines(a.path, &lines);
    struct nika_scenario *s = open_trace(a.path, &lines, &seed);
    int status = s != NULL ? replay(&a, &lines, s, seed) : NIKA_EXIT_USAGE;
    nika_scenario_free(s);
    cli_lines_free(&lines);
    return status;
}

const struct cli_command cli_replay = {"replay",
                                       "FILE",
                                       "run a trace, log or recording again, compare",
                                       "Runs what a trace describes and compares each line with "
                                       "the trace; or decides by a decision log and compares the "
                                       "digest. Equal: exit 0. Different: exit 4.",
                                       &argp,
                                       run};
