/* fuzz/strategies/strategy.h: how a campaign varies a scenario (DESIGN.md 7). One strategy a file, one line in registry.c.
 *
 * A strategy says what it does in overrides of the scenario (`path=value`, as after --set), so that one command line without the
 * strategy repeats each of its runs. The seed decides the rest. */
#ifndef FUZZ_STRATEGIES_STRATEGY_H
#define FUZZ_STRATEGIES_STRATEGY_H

#include "scenarios/scenario.h"

#define NIKA_STRATEGY_SETS_MAX (2u * NIKA_FAULTS_MAX + 16u) /* And those of the command line. */
#define NIKA_STRATEGY_SET_SIZE 64u

struct nika_strategy_sets {
    uint32_t count;
    char text[NIKA_STRATEGY_SETS_MAX][NIKA_STRATEGY_SET_SIZE];
};
struct nika_strategy {
    const char *name;
    const char *doc;
    /* The overrides for this scenario; `out` is zeroed. */
    void (*overrides)(const struct nika_scenario *scenario, struct nika_strategy_sets *out);
};
extern const struct nika_strategy nika_strategy_swarm;
/* NULL-terminated; the first is the default. */
extern const struct nika_strategy *const nika_strategies[];
/* NULL when there is none of that name. */
const struct nika_strategy *nika_strategy_find(const char *name);

#endif
