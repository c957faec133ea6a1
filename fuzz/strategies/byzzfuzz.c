/* fuzz/strategies/byzzfuzz.c: ByzzFuzz's faults, so that numbers compare (Winter et al., OOPSLA '23; ATTACKS.md 11.4): the
 * network splits in d rounds, corrupted replicas mutate what they say in c rounds. */
#include "fuzz/strategies/strategy.h"

static void overrides(const struct nika_scenario *scenario, struct nika_strategy_sets *out)
{
    uint32_t added = nika_strategy_corrupt(
        scenario, out,
        "\"name\": \"byzzfuzz\", \"rounds\": 2, \"horizon\": 8, \"scope\": \"small\"");
    (void)nika_strategy_add_fault(
        scenario, out, added,
        "{\"name\": \"round-partition\", \"rounds\": 2, \"horizon\": 8, \"acts\": \"may\"}");
}

const struct nika_strategy nika_strategy_byzzfuzz = {
    .name = "byzzfuzz",
    .doc = "The network splits in two of the first rounds, corrupted replicas mutate what they say "
           "in two.",
    .overrides = overrides,
};
