/* scenarios/runner.h: one scenario, many seeds: builds the world, the oracles and the workload, runs, and judges (DESIGN.md 6).
 *
 * A runner owns its world and keys and reuses both between seeds. One runner per process at a time, as with worlds. It prints
 * nothing and reads no clock. */
#ifndef SCENARIOS_RUNNER_H
#define SCENARIOS_RUNNER_H

#include "engine/oracle/accountability.h"
#include "scenarios/scenario.h"
#include "scenarios/stall.h"

/* Exit classes, stable and documented (DESIGN.md 6). */
enum nika_exit {
    NIKA_EXIT_HELD = 0,
    NIKA_EXIT_SAFETY = 1,
    NIKA_EXIT_LIVENESS = 2,
    NIKA_EXIT_CONTRACT = 3,
    NIKA_EXIT_NONDETERMINISTIC = 4,
    NIKA_EXIT_EXPECTATION = 5,
    NIKA_EXIT_INCONCLUSIVE = 6,
    NIKA_EXIT_USAGE = 64,
};
const char *nika_exit_name(int exit_class); /* "held", "safety-violated", ... */
const char *nika_exit_doc(int exit_class);  /* One sentence. */

struct nika_fault_result {
    const char *name;
    bool present;    /* Part of this run (probability_ppm). */
    bool at_clients; /* Of class CLIENT: targets are clients, else replicas. */
    uint64_t targets[2];
    uint64_t acted;
};
struct nika_replica_result {
    bool up, corrupted;
    struct nika_replica_status status;
};
struct nika_run_result {
    int exit_class;
    char sentence[NIKA_DIAGNOSIS_SIZE]; /* The verdict, one sentence. */
    uint64_t seed;
    char digest[33];
    struct nika_world_stats stats;
    enum nika_world_state ended;
    uint64_t requests_expected, requests_invoked,
        requests_completed; /* Expected: of correct clients. */
    uint64_t view_max;      /* Of correct replicas. */
    uint64_t transfers;
    uint64_t probes[NIKA_PROBE_COUNT];
    struct nika_fault_result faults[NIKA_FAULTS_MAX];
    uint32_t fault_count;
    struct nika_violation violations[NIKA_VIOLATIONS_MAX];
    uint32_t violation_count;
    struct nika_replica_result replicas[NIKA_REPLICAS_MAX];
    uint32_t replica_count;
    uint64_t liveness_bound_ns;
    uint64_t completed_ns; /* When the last request of a correct client completed; 0 = none did. */
    /* By nika_runner_examine(), except what makes a stall vacuous from the start. */
    enum nika_liveness liveness;
    char stall[NIKA_SENTENCE_SIZE]; /* Why it is of this class; empty = nothing to say. */
    uint32_t throughput_percent; /* Of the same seed without faults; UINT32_MAX = not measured. */
    struct nika_accusation accusation;
};

struct nika_runner;
/* The scenario is borrowed. NULL with *reason (static text) when memory is short. */
struct nika_runner *nika_runner_new(const struct nika_scenario *scenario, const char **reason);
void nika_runner_free(struct nika_runner *runner);
/* Without oracles a run is judged only by completion: for measuring what they cost. Default on. */
void nika_runner_set_oracles(struct nika_runner *runner, bool on);

/* Another watcher of every world that this runner makes (copied): set it before the first run. Of runs, not of what
 * nika_runner_examine() repeats of them. */
void nika_runner_watch(struct nika_runner *runner, const struct nika_watcher *watcher);
/* Who decides in the place of the seed alone: called with the chooser of every world that begins, also when nika_runner_examine()
 * repeats a run. A scenario with decisions of its own follows those. NULL = the seed again, from the next begin on. */
typedef void nika_runner_decide(void *context, struct nika_chooser *chooser);
void nika_runner_decide_by(struct nika_runner *runner, nika_runner_decide *decide, void *context);

/* A whole run. A broken contract of a module or of the world is a result (exit class 3), not a crash. */
void nika_runner_run(struct nika_runner *runner, uint64_t seed, struct nika_run_result *result);

/* The same in two steps, to attach watchers or another chooser to the world between them. False with *reason when the
 * drawn scenario is impossible or memory is short. */
NIKA_MUST_USE bool nika_runner_begin(struct nika_runner *runner, uint64_t seed,
                                     const char **reason);
struct nika_world *nika_runner_world(struct nika_runner *runner);
/* The scenario as the seed drew it: valid from begin on, until the next. */
const struct nika_scenario *nika_runner_drawn(const struct nika_runner *runner);
/* Decisions of the scenario that the last run never asked for: names that mean nothing in it (any more). */
uint64_t nika_runner_unused_decisions(const struct nika_runner *runner);
/* From where the run stands, to its end. */
void nika_runner_finish(struct nika_runner *runner, struct nika_run_result *result);

/* ---- a run that was begun, event by event (drive.c): the very events of nika_runner_finish() ---- */
/* The next event. False when there is none: the run is over, or a contract was broken; nika_runner_finish() judges it. */
bool nika_runner_step(struct nika_runner *runner);
/* The contract that a step broke; "" = none. */
const char *nika_runner_broken(const struct nika_runner *runner);
/* Violations so far, oldest first. */
uint32_t nika_runner_violations(const struct nika_runner *runner,
                                const struct nika_violation **out);
/* Where the run stands, to come back to: of this run only. NULL when memory is short. What a watcher keeps is not part of it. */
struct nika_runner_mark;
struct nika_runner_mark *nika_runner_mark(struct nika_runner *runner);
void nika_runner_return(struct nika_runner *runner, const struct nika_runner_mark *mark);
size_t nika_runner_mark_bytes(const struct nika_runner_mark *mark);
void nika_runner_mark_free(struct nika_runner_mark *mark);
/* What a verdict needs beyond its run. After a liveness violation the run is repeated with an audit of what liveness presupposes, and
 * goes on past the bound to tell the class of the stall; after a safety violation it is repeated with an archive of what proves guilt,
 * to convict, as expect.culprits may ask; expect.throughput_percent repeats it without faults. May change the verdict. nika_runner_run()
 * does it by itself. Watchers of the world are gone afterwards. `evidence`, when not NULL, takes over the archive: the caller frees it. */
void nika_runner_examine(struct nika_runner *runner, struct nika_run_result *result,
                         struct nika_archive **evidence);

/* The verdict on a run whose counters and violations are filled in: sets exit_class and sentence. */
void nika_verdict(const struct nika_scenario *scenario, struct nika_run_result *result);
/* What a scenario expects of an oracle, by its own entry or that of its class. Never UNSET. */
enum nika_expect nika_verdict_expectation(const struct nika_scenario *scenario, uint32_t oracle);

#endif
