/* fuzz/strategies/pct.c: probabilistic concurrency testing over deliveries (Burckhardt et al., ASPLOS '10): links get priorities,
 * and change points lower them. The scenario's own liars, if any, stay. */
#include "fuzz/strategies/strategy.h"

static void overrides(const struct nika_scenario *scenario, struct nika_strategy_sets *out)
{
    (void)nika_strategy_add_fault(scenario, out, 0,
                                  "{\"name\": \"priorities\", \"acts\": \"may\"}");
}

const struct nika_strategy nika_strategy_pct = {
    .name = "pct",
    .doc = "Links get priorities; at three moments of a run the one in use falls to the lowest.",
    .overrides = overrides,
};
