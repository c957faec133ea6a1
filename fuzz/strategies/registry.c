/* fuzz/strategies/registry.c: the strategies; and `random`, which leaves the scenario as it is. */
#include <string.h>

#include "fuzz/strategies/strategy.h"

static void nothing(const struct nika_scenario *scenario, struct nika_strategy_sets *out)
{
    (void)scenario;
    (void)out;
}

static const struct nika_strategy nika_strategy_random = {
    .name = "random",
    .doc = "The scenario as it is; every decision comes from the seed.",
    .overrides = nothing,
};

const struct nika_strategy *const nika_strategies[] = {
    &nika_strategy_random, &nika_strategy_swarm,  &nika_strategy_grammar, &nika_strategy_byzzfuzz,
    &nika_strategy_pct,    &nika_strategy_guided, &nika_strategy_twins,   NULL};

const struct nika_strategy *nika_strategy_find(const char *name)
{
    for (uint32_t i = 0; nika_strategies[i] != NULL; i++) {
        if (strcmp(nika_strategies[i]->name, name) == 0) return nika_strategies[i];
    }
    return NULL;
}
