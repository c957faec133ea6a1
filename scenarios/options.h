/* scenarios/options.h: from a scenario and a seed to what a world and its oracles want. Pure; owns nothing. */
#ifndef SCENARIOS_OPTIONS_H
#define SCENARIOS_OPTIONS_H

#include "scenarios/scenario.h"

/* The cluster's configuration, sealed. NULL, or a static sentence that says what is impossible. */
const char *nika_options_config(const struct nika_scenario *s, struct nika_config *out);
/* Is anything of the scenario drawn by the seed before the run, so that the options depend on it? */
bool nika_options_depend_on_seed(const struct nika_scenario *s);
/* Draw swarm ranges, targets and absent faults of this seed: *drawn is a copy of *s with fixed values (the document stays
 * borrowed from s), and *present has bit i set when fault i is part of the run. */
void nika_options_draw(const struct nika_scenario *s, uint64_t seed, struct nika_scenario *drawn,
                       uint32_t *present);
/* World options of a drawn scenario, without keyring and extra memory. NULL or a static sentence. */
const char *nika_options_world(const struct nika_scenario *s, uint32_t present,
                               struct nika_world_options *out);
/* Which replicas and clients are never judged. */
void nika_options_corrupted(const struct nika_scenario *s, uint32_t present,
                            struct nika_oracle_setup *out);

#endif
