/* fuzz/targets/harvest.h: seeds for corpora, gathered from runs of the scenario library: what the real modules really say. */
#ifndef FUZZ_TARGETS_HARVEST_H
#define FUZZ_TARGETS_HARVEST_H

#include "fuzz/targets/target.h"
#include "scenarios/runner.h"

/* A scenario of the library by name and overrides; fails when it does not load. The caller frees it. */
struct nika_scenario *nika_harvest_scenario(const char *name, const char *const *overrides,
                                            uint32_t override_count);
/* The first messages of each type that replicas of `protocol` send in a few scenarios: type u8 | body. */
void nika_harvest_bodies(const char *protocol, nika_target_seed *seed, void *context);
/* The same as whole frames. */
void nika_harvest_frames(const char *protocol, nika_target_seed *seed, void *context);

#endif
