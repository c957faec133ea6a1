/* cli/cli.h: the program `nika`: one file a subcommand, one table in main.c. The only place that reads the wall clock. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <argp.h>
#include <stdio.h>

#include "scenarios/runner.h"

#define CLI_SETS_MAX 64u

struct cli_command {
    const char *name;
    const char *arguments; /* "SCENARIO" */
    const char *doc;       /* One line. */
    const char *detail;    /* Paragraphs for --help and the manual page. */
    const struct argp *argp;
    int (*run)(int argc, char **argv);
};
extern const struct cli_command cli_run, cli_sweep, cli_replay, cli_list, cli_bench, cli_schema,
    cli_explain, cli_wire, cli_man, cli_version;
extern const struct cli_command *const cli_commands[]; /* NULL-terminated. */

/* Version and build, "0.1.0 (gcc 12.2.0, x86_64)". Static storage. */
const char *cli_version_text(void);
/* Version alone, as in traces. */
const char *cli_version_number(void);
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
};
/* Load, with every error on stderr. NULL: exit with NIKA_EXIT_USAGE. */
struct nika_scenario *cli_load(struct cli_run_request *request);
/* An integer of the command line, or argp_error on anything else. */
uint64_t cli_number(const char *text, const char *what, uint64_t low, uint64_t high,
                    struct argp_state *state);
/* Print diagnoses to stderr. */
void cli_print_diagnoses(const struct nika_diagnoses *d);

/* The line that reproduces a run, quoted for a shell. */
void cli_reproduce(const struct cli_run_request *request, char *out, size_t size);
/* "replica 2", "client 1", "-". */
const char *cli_node_text(uint32_t node, char out[24]);
/* What a replica waits for, one phrase. */
void cli_wait_text(const struct nika_replica_result *replica, char *out, size_t size);
void cli_report_human(const struct cli_run_request *request, const struct nika_run_result *r,
                      uint64_t wall_ns, FILE *file);
void cli_report_markdown(const struct cli_run_request *request, const struct nika_scenario *s,
                         const struct nika_run_result *r, uint64_t wall_ns, FILE *file);
/* One JSON object and a newline. */
void cli_report_json(const struct cli_run_request *request, const struct nika_scenario *s,
                     const struct nika_run_result *r, uint64_t wall_ns, FILE *file);
/* A run with a trace to `file`. False when the trace could not be written (*reason). */
bool cli_traced_run(struct nika_runner *runner, const struct nika_scenario *s, uint64_t seed,
                    struct nika_choice_log *log, FILE *file, struct nika_run_result *result,
                    const char **reason);

#endif
