/* cli/cli.h: the program `nika`: one file a subcommand, one table in main.c. The only place that reads the wall clock. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <argp.h>
#include <stdio.h>

#include "engine/sim/trace.h"
#include "report/report.h"
#include "scenarios/runner.h"
#include "scenarios/story.h"

#define CLI_SETS_MAX 64u
#define CLI_LINE_SIZE 16384u /* A line to paste, with every --set. */
#define CLI_TURNS_MAX 48u
#define CLI_EXCERPT_LINES 40u

struct cli_command {
    const char *name;
    const char *arguments; /* "SCENARIO" */
    const char *doc;       /* One line. */
    const char *detail;    /* Paragraphs for --help and the manual page. */
    const struct argp *argp;
    int (*run)(int argc, char **argv);
};
extern const struct cli_command cli_run, cli_campaign, cli_merge, cli_replay, cli_diff_command,
    cli_shrink, cli_list, cli_bench, cli_inspect, cli_schema, cli_explain, cli_wire, cli_man,
    cli_version, cli_node_command, cli_keygen, cli_testnet_command, cli_client, cli_history_command,
    cli_tss, cli_report_command, cli_fidelity, cli_completion, cli_step_run, cli_explore;
extern const struct cli_command *const cli_commands[]; /* NULL-terminated. */

#define CLI_EXIT_COUNT 8u
/* Every exit class, in the order in which they are listed. */
extern const int cli_exits[CLI_EXIT_COUNT];

/* Version and build, "0.1.0 (gcc 12.2.0, x86_64)". Static storage. */
const char *cli_version_text(void);
/* Version alone, as in traces. */
const char *cli_version_number(void);
/* The program as it was called, such as build/release/nika. */
const char *cli_program(void);
/* Nanoseconds of the monotonic wall clock. */
uint64_t cli_clock_ns(void);
/* Escape sequence, or "" when `file` is no terminal or NO_COLOR is set. Codes: "1" bold, "31" red, "32" green, "0" off. */
const char *cli_colour(FILE *file, const char *code);

/* How a run was asked for. */
struct cli_run_request {
    const char *scenario; /* As given. */
    char path[512];
    const char *sets[CLI_SETS_MAX];
    uint32_t set_count;
    uint64_t seed;
    bool seed_given;
    bool is_log; /* `path` is a decision log: it holds scenario and seed. */
};
/* argp_parse(); what it complains of cannot steer a terminal. */
void cli_parse(const struct argp *argp, int argc, char **argv, void *input);
/* For parsers: the one word of a command line that is no option, into *word. `what` as in "one scenario at a time", `question` for none. */
error_t cli_parse_word(int key, char *text, struct argp_state *state, const char **word,
                       const char *what, const char *question);
/* The same with --seed and --set, which CLI_RUN_OPTIONS lists. */
error_t cli_parse_run(int key, char *text, struct argp_state *state,
                      struct cli_run_request *request, const char *what, const char *question);
#define CLI_RUN_OPTIONS(seed_doc)                                                                  \
    {"seed", 's', "N", 0, seed_doc, 0},                                                            \
    {                                                                                              \
        "set", 'S', "PATH=VALUE", 0,                                                               \
            "change one value of the scenario, such as network.loss_ppm=1000; repeatable", 0       \
    }
/* Load, with every error on stderr. NULL: exit with NIKA_EXIT_USAGE. */
struct nika_scenario *cli_load(struct cli_run_request *request);
/* The same of a decision log, too, whose decisions the scenario then carries. */
struct nika_scenario *cli_load_run(struct cli_run_request *request);
/* The same of what may be SCENARIO@SEED, too; `name` has room for CLI_NAME_SIZE and lives as long as the request. */
#define CLI_NAME_SIZE 512u
struct nika_scenario *cli_load_at(struct cli_run_request *request, const char *text, char *name);
/* An integer of the command line, or argp_error on anything else. */
uint64_t cli_number(const char *text, const char *what, uint64_t low, uint64_t high,
                    struct argp_state *state);
/* ---- json.c ---- */
#define CLI_JSON_FORMAT 1 /* Of every object: docs/schemas. Within a number keys are only added. */
/* Print the object (owned from here on) on a line of its own, with the key nika_NAME: the number of its format. */
void cli_json_print(json_t *root, const char *name);
/* That key alone. */
void cli_json_version(json_t *root, const char *name);
#define CLI_JSON_OPTION(key)                                                                       \
    {                                                                                              \
        "json", key, NULL, 0, "print one JSON object instead of text (docs/schemas)", 0            \
    }
#define CLI_ANNOTATIONS_OPTION(key)                                                                \
    {                                                                                              \
        "annotations", key, NULL, 0,                                                               \
            "say on standard error what failed, as annotations of GitHub Actions", 0               \
    }
/* Such an annotation of a verdict, when it is none of a run that held. */
void cli_annotate(int exit_class, const char *path, const char *sentence, const char *reproduce);
/* `; did you mean "run"?` when one of the words that `at` lists (NULL behind the last) is near, else "". Static storage. */
const char *cli_did_you_mean(const char *word,
                             const char *(*at)(const void *context, uint32_t index),
                             const void *context);
/* For `at`: protocols, applications, suites of authentication. */
const char *cli_protocol_at(const void *context, uint32_t index);
const char *cli_app_at(const void *context, uint32_t index);
const char *cli_suite_at(const void *context, uint32_t index);
/* Print diagnoses to stderr. */
void cli_print_diagnoses(const struct nika_diagnoses *d);

/* The line that reproduces a run, quoted for a shell; it names the program as it was called. */
void cli_reproduce(const struct cli_run_request *request, char *out, size_t size);
/* What is printed should the process crash from here on: the line that reproduces this run. */
void cli_running(const struct cli_run_request *request);
/* "replica 2", "client 1", "-". */
const char *cli_node_text(uint32_t node, char out[24]);
/* What a replica waits for, one phrase. */
void cli_wait_text(const struct nika_replica_result *replica, char *out, size_t size);
/* "r0,r2" or "c1": what a fault is at, "-" for nothing of its own. */
const char *cli_targets_text(const struct nika_fault_result *fault, char *out, size_t size);

/* Turning points of a run, equal ones of several nodes joined. */
struct cli_turn {
    uint64_t first_ns, last_ns, count;
    uint64_t replicas[2], clients[2];
    char text[120];
};
struct cli_turns {
    struct nika_story story;
    uint32_t count;
    uint64_t lost; /* Beyond CLI_TURNS_MAX. */
    bool closed;   /* The world may run again; what it does then is not counted. */
    struct cli_turn list[CLI_TURNS_MAX];
};
/* How the run that was begun is told. */
struct nika_story cli_story_of(const struct nika_runner *runner);
/* Watch the world of a runner between begin and finish. `turns` is zeroed by the caller and must outlive the run. */
void cli_turns_watch(struct cli_turns *turns, struct nika_runner *runner);
/* "r1,r2,r3", "c0", "-". */
const char *cli_turn_nodes(const struct cli_turn *turn, char *out, size_t size);
/* "leaves for view 1", "fault equivocate acts (9 times, until 3.2 ms)". */
void cli_turn_text(const struct cli_turn *turn, char *out, size_t size);

/* The last lines of the story before a violation that concern it. */
struct cli_excerpt {
    struct nika_story story;
    const struct nika_violation *violation;
    uint64_t count; /* Lines seen; the last CLI_EXCERPT_LINES of them are kept. */
    char lines[CLI_EXCERPT_LINES][NIKA_STORY_LINE_SIZE];
};
void cli_excerpt_watch(struct cli_excerpt *excerpt, struct nika_runner *runner,
                       const struct nika_violation *violation);

/* A finished run and what was seen of it. */
struct cli_finished {
    const struct cli_run_request *request;
    const struct nika_scenario *scenario;
    struct nika_runner *runner;
    const struct nika_run_result *result;
    const struct cli_turns *turns;
    uint64_t wall_ns;
    const struct nika_archive *archive; /* Of the messages that convict; NULL = none. */
};
/* ---- report_culprits.c: who is proven guilty, in each report ---- */
void cli_culprits_human(const struct nika_run_result *result, FILE *file);
void cli_culprits_markdown(const struct cli_finished *f, FILE *file);
json_t *cli_culprits_json(const struct cli_finished *f);
void cli_report_human(const struct cli_finished *f, FILE *file);
/* Runs the scenario once more when there are violations, for what came before them. */
void cli_report_markdown(const struct cli_finished *f, FILE *file);
/* What a run says of itself, for tools. The caller owns it. NULL when memory is short. */
json_t *cli_report_object(const struct cli_finished *f);
/* One JSON object and a newline. */
void cli_report_json(const struct cli_finished *f, FILE *file);
/* Write a run in any format but text, with what was seen of it. False when not all was written. */
bool cli_report_write(const struct cli_finished *f, const struct nika_report_trace *trace,
                      enum nika_report_format format, FILE *file);
/* The run that another is compared with. */
struct cli_report_other {
    struct cli_run_request request;
    struct nika_scenario *scenario;
};
/* Run, watched, and write the report; of two runs unless `other` is NULL. The exit code. */
int cli_report_run(const struct cli_run_request *request, const struct nika_scenario *s,
                   const struct cli_report_other *other, enum nika_report_format format,
                   FILE *file);
/* A Wireshark dissector in Lua, to standard output. */
void cli_wire_dissector(const struct nika_message_table *table);
/* A text cut into lines; what follows the last newline is left out. */
struct cli_lines {
    char *text; /* Newlines replaced by NUL. Owned. */
    char **line;
    size_t count;
};
/* Cut `text` (owned from here on). False when memory is short. */
bool cli_lines_split(char *text, size_t size, struct cli_lines *out);
/* A whole file. False with a message on stderr. */
bool cli_lines_read(const char *path, struct cli_lines *out);
void cli_lines_free(struct cli_lines *lines);

/* One side of a comparison: a run as the lines of its trace. */
struct cli_side {
    char label[700]; /* "run.log", "fault-free, seed 3". */
    struct cli_lines lines;
};
/* The run that `text` names: a trace as it is; a decision log, SCENARIO or SCENARIO@SEED by running it. False with a message. */
bool cli_side_load(const char *text, struct cli_side *out);
/* The run of a scenario, or of the decisions that it carries. False with a message. */
bool cli_side_run(const char *label, const struct nika_scenario *s, uint64_t seed,
                  struct cli_side *out);
/* How two runs differ, as `nika diff --json` prints it; the caller owns it. NULL with a message when one of them is no trace. */
json_t *cli_diff_object(const struct cli_side *a, const struct cli_side *b, uint32_t shown);
/* Print how two runs differ, with at most `shown` lines of what followed. 0 = they are the same, 1 = they differ, NIKA_EXIT_USAGE =
 * one of them is none. */
int cli_diff(const struct cli_side *a, const struct cli_side *b, uint32_t shown, bool json,
             FILE *file);

/* Run a decision log again: 0 = the same run, NIKA_EXIT_NONDETERMINISTIC = another, NIKA_EXIT_USAGE = no log. Prints. */
int cli_replay_log(const char *path, bool json);
/* Is this file the recording of a live replica? */
bool cli_is_recording(const char *path);
/* Run it again, as cli_replay_log() does. NIKA_EXIT_INCONCLUSIVE when there is nothing to compare. */
int cli_replay_recording(const char *path, bool json);
/* A trace of the run that was begun, to `file`. NULL when out of memory. */
struct nika_trace *cli_trace_attach(struct nika_runner *runner, const struct nika_scenario *s,
                                    uint64_t seed, enum nika_trace_form form, FILE *file);

#endif
