/* fuzz/strategies/twins.c: Twins (OPODIS '20): corrupted replicas run twice, rounds split the network, and the campaign goes through
 * all such cases without meeting one twice. The seed is the number of the case; faults/byzantine/twins.c says the rest. */
#include "fuzz/strategies/strategy.h"

static void overrides(const struct nika_scenario *scenario, struct nika_strategy_sets *out)
{
    (void)nika_strategy_corrupt(scenario, out, "\"name\": \"twins\"");
}

const struct nika_strategy nika_strategy_twins = {
    .name = "twins",
    .doc = "Corrupted replicas run twice over a network that splits in each round; no case is met "
           "twice.",
    .overrides = overrides,
};
