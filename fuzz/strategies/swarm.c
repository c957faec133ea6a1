/* fuzz/strategies/swarm.c: each run meets a random subset of the scenario's faults (Groce et al., "Swarm Testing", ISSTA '12).
 *
 * Features suppress each other: a fault that always acts can hide what another would show. A subset drawn for each run lets every
 * combination have its turn. */
#include <inttypes.h>
#include <stdio.h>

#include "fuzz/strategies/strategy.h"

#define HALF_PPM 500000u

static void overrides(const struct nika_scenario *scenario, struct nika_strategy_sets *out)
{
    for (uint32_t i = 0; i < scenario->fault_count; i++) {
        snprintf(out->text[out->count++], NIKA_STRATEGY_SET_SIZE, "faults[%" PRIu32 "].acts=may",
                 i);
        if (scenario->faults[i].probability_ppm <= HALF_PPM) continue;
        snprintf(out->text[out->count++], NIKA_STRATEGY_SET_SIZE,
                 "faults[%" PRIu32 "].probability_ppm=%u", i, HALF_PPM);
    }
}

const struct nika_strategy nika_strategy_swarm = {
    .name = "swarm",
    .doc = "Each fault of the scenario is part of a run with one chance in two, drawn by the seed.",
    .overrides = overrides,
};
