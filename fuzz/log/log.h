/* fuzz/log/log.h: decision logs: what a run decided that was not fair, as JSON Lines (DESIGN.md 7).
 *
 * Line 1: {"nika_log":1,"version":...,"seed":...,"scenario":{...}}: the scenario as the seed drew it; the seed itself still makes
 * the clients' operations. Then one line a decision, {"at":"latency 2>0 t5 v3 s17 #1","value":7}, in the order in which they were
 * made. The last line, {"end":...,"digest":...}, says how the run ended; a log without it is truncated. Names are semantic, so that
 * a later version can still follow a log as far as its names mean something. */
#ifndef FUZZ_LOG_LOG_H
#define FUZZ_LOG_LOG_H

#include <stdio.h>

#include "scenarios/runner.h"

#define NIKA_LOG_FORMAT 1
#define NIKA_LOG_VERSION_SIZE 32u
/* Of one line: a scenario and what it is wrapped in. */
#define NIKA_LOG_LINE_MAX (2u * NIKA_SCENARIO_SIZE_MAX)

struct nika_log {
    char version[NIKA_LOG_VERSION_SIZE]; /* Of the program that wrote it. */
    uint64_t seed;
    json_t *document; /* Of the scenario. Owned. */
    struct nika_decisions decisions;
    /* How the run ended. */
    int exit_class;
    char sentence[NIKA_DIAGNOSIS_SIZE];
    char digest[33];
    uint64_t events;
};

/* Collects the decisions of a run that are not fair. */
struct nika_recorder {
    struct nika_decisions decisions;
    bool full;        /* Some are missing: the list or memory was full. */
    const bool *skip; /* NULL, or set when a decision need not be kept. */
    nika_choice_tap *next;
    void *next_context;
};
/* Listen to the chooser of a world that was begun, beside whoever listens already. The recorder must outlive the run; `decisions`
 * and `full` are the caller's to clear. */
void nika_recorder_attach(struct nika_recorder *recorder, struct nika_world *world);

/* A log of a finished run: takes over the recorder's decisions. NULL when memory is short. */
struct nika_log *nika_log_new(const struct nika_scenario *scenario, const char *version,
                              struct nika_recorder *recorder, const struct nika_run_result *result);
/* The log of the run of a scenario under a seed. NULL with a static reason: no such world, more decisions than a log holds, or memory is
 * short. */
struct nika_log *nika_log_of_run(const struct nika_scenario *scenario, uint64_t seed,
                                 const char *version, const char **reason);
/* NIKA_ERR_IO when not all was written. */
NIKA_MUST_USE enum nika_err nika_log_write(const struct nika_log *log, FILE *file);
/* Is this the first line of a decision log, of whatever format? */
bool nika_log_is_header(const char *line);
/* NULL with diagnoses that name file and line: unreadable, no log, another format, corrupt, truncated, too long. */
struct nika_log *nika_log_read(const char *path, struct nika_diagnoses *diagnoses);
void nika_log_free(struct nika_log *log);
/* The log's scenario, without decisions. NULL with diagnoses: this version cannot load it. `path` is for messages. */
struct nika_scenario *nika_log_scenario(const struct nika_log *log, const char *path,
                                        struct nika_diagnoses *diagnoses);

/* ---- replay.c ---- */
struct nika_log_replay {
    struct nika_run_result result;
    uint32_t asked;        /* Decisions of the log that the run asked for. */
    uint32_t first_unused; /* The first that it did not; decisions.count = none. */
    /* When the run asked for the last one before that. */
    uint64_t event_index, now_ns;
};
/* Run the log's scenario, deciding by the log. False with a static reason: no such world, or memory is short. */
NIKA_MUST_USE bool nika_log_replay(const struct nika_log *log, const struct nika_scenario *scenario,
                                   struct nika_log_replay *out, const char **reason);

#endif
