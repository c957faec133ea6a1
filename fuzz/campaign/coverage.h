/* fuzz/campaign/coverage.h: how much of a protocol's behaviour runs have reached: coarse states of replicas and steps between them
 * (DESIGN.md 7).
 *
 * Coarse on purpose: enough to tell phases apart, few enough that reaching a new one means something; a hash of whole states would
 * call every run new. */
#ifndef FUZZ_CAMPAIGN_COVERAGE_H
#define FUZZ_CAMPAIGN_COVERAGE_H

#include <jansson.h>

#include "engine/core/replica.h"

#define NIKA_COVERAGE_STATES 4096u
#define NIKA_COVERAGE_STEPS 8192u /* Hashed: two steps may share a bit, and count as one. */

struct nika_coverage {
    uint64_t states[NIKA_COVERAGE_STATES / 64];
    uint64_t steps[NIKA_COVERAGE_STEPS / 64];
    uint32_t last[NIKA_REPLICAS_MAX]; /* State + 1 in this run; 0 = none yet. */
};

/* View, active or leaving or catching up, checkpoint lag, phase (with a prepared slot it is locked on, it waits for COMMITs) and
 * votes held in it. Below NIKA_COVERAGE_STATES. */
uint32_t nika_coverage_state(const struct nika_replica_status *status, uint64_t interval);
/* A run begins: no replica was in any state before. */
void nika_coverage_begin(struct nika_coverage *coverage);
/* `replica` is in `state` now. True when the state, or the step to it, was never seen before. */
bool nika_coverage_see(struct nika_coverage *coverage, uint32_t replica, uint32_t state);
/* Bits set. */
uint32_t nika_coverage_count(const uint64_t *bits, uint32_t size);
/* The states as an array of numbers; the steps as hex digits, four bits each, the first bit lowest. */
json_t *nika_coverage_states_json(const struct nika_coverage *coverage);
json_t *nika_coverage_steps_json(const struct nika_coverage *coverage);
/* Add what a record says it has seen. False when its text is not of this form. */
bool nika_coverage_add_json(struct nika_coverage *coverage, const json_t *states,
                            const json_t *steps);

#endif
