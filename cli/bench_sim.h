/* cli/bench_sim.h: how fast the simulator is, for `nika bench sim`. */
#ifndef CLI_BENCH_SIM_H
#define CLI_BENCH_SIM_H

#include <jansson.h>

#include "engine/core/types.h"

struct cli_bench_sim {
    uint64_t n, rounds, seconds; /* Of each figure; rounds 0 = until the seconds are over. */
    const char *suite, *protocol;
    uint64_t pillars;           /* 0 = all figures; else only how up to so many pillars scale. */
    bool no_oracles, only_runs; /* Main figures without oracles; only short adversarial runs. */
    bool only_trace;            /* Only what a full trace costs. */
};
/* The figures, which the caller decrefs. *worst: the worst exit class of the runs. */
json_t *cli_bench_sim_run(const struct cli_bench_sim *options, int *worst);
void cli_bench_sim_print(const json_t *figures);

#endif
