/* fuzz/campaign/explore.h: runs of one scenario under one strategy, one after the other, with what the strategy learns from them and
 * the states that they reach. A run depends on its seed and on the runs since the last nika_explorer_forget(), on nothing else. */
#ifndef FUZZ_CAMPAIGN_EXPLORE_H
#define FUZZ_CAMPAIGN_EXPLORE_H

#include "fuzz/campaign/coverage.h"
#include "fuzz/strategies/strategy.h"
#include "scenarios/runner.h"

struct nika_explorer;
/* `runner` is borrowed and watched from here on. NULL when memory is short. */
struct nika_explorer *nika_explorer_new(struct nika_runner *runner,
                                        const struct nika_strategy *strategy);
void nika_explorer_free(struct nika_explorer *explorer);
/* The strategy begins anew; the coverage stays. */
void nika_explorer_forget(struct nika_explorer *explorer);
void nika_explorer_run(struct nika_explorer *explorer, uint64_t seed,
                       struct nika_run_result *result);
/* The run of this seed as it is before anything was learnt; neither learnt from nor counted in the coverage. */
void nika_explorer_repeat(struct nika_explorer *explorer, uint64_t seed,
                          struct nika_run_result *result);
const struct nika_coverage *nika_explorer_coverage(const struct nika_explorer *explorer);

#endif
