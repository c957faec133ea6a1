/* scenarios/runner_private.h: a runner from the inside, for runner.c and examine.c. */
#ifndef SCENARIOS_RUNNER_PRIVATE_H
#define SCENARIOS_RUNNER_PRIVATE_H

#include <setjmp.h>

#include "scenarios/runner.h"
#include "scenarios/workload.h"

#define RUNNER_SLICE_NS UINT64_C(20000000) /* How often a run is asked whether it is over. */

/* How far drive.c has come in a run. */
struct runner_position {
    uint64_t until, done_at;
    bool asked; /* Is the slice that ends at `until` begun? */
    bool done;  /* At its beginning. */
    bool over;
};

struct nika_runner {
    const struct nika_scenario *scenario;
    struct nika_scenario drawn;
    uint32_t present;
    uint64_t seed;
    bool oracles_on, rebuild;
    struct nika_watcher watcher; /* The caller's; mask 0 = none. */
    nika_runner_decide *decide;  /* NULL = the seed decides. */
    void *decide_context;
    struct nika_keyring *keyring;
    struct nika_world *world;
    struct nika_world_options options;
    struct nika_oracle_setup setup;
    struct nika_workload *workload;
    struct nika_oracles *oracles;
    struct nika_decider *decider; /* By the scenario's decisions; NULL = by the seed. */
    enum nika_world_state ended;
    struct runner_position at;
    jmp_buf out;
    char broken[NIKA_DIAGNOSIS_SIZE]; /* The broken contract; empty = none. */
};

/* The assertion handler of a run: keeps the sentence and leaves by `out`. */
void nika_runner_on_broken(void *context, const char *file, int line, const char *expression);
/* To the end of the run, from where it stands. */
void nika_runner_drive(struct nika_runner *runner);
bool nika_runner_liveness_broken(const struct nika_runner *runner);
/* Have all correct replicas executed the same, with nothing under way? */
bool nika_runner_converged(const struct nika_runner *runner);
/* Correct replicas that are down. */
uint32_t nika_runner_down(const struct nika_runner *runner);

#endif
