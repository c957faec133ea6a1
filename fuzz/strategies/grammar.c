/* fuzz/strategies/grammar.c: the protocol-aware adversary of faults/byzantine/grammar.c on ground that changes under its victims
 * (ATTACKS.md 10.3): targeted partitions, and crashes right after persistence points. */
#include "fuzz/strategies/strategy.h"

static void overrides(const struct nika_scenario *scenario, struct nika_strategy_sets *out)
{
    uint32_t added = nika_strategy_corrupt(scenario, out, "\"name\": \"grammar\"");
    added = nika_strategy_add_fault(
        scenario, out, added,
        "{\"name\": \"isolate\", \"probability_ppm\": 750000, \"acts\": \"may\"}");
    added = nika_strategy_add_fault(
        scenario, out, added,
        "{\"name\": \"crash\", \"targets\": \"one-by-seed\", \"point\": \"commit\", \"when\": "
        "\"after\", \"down_ms\": 60, \"repeat\": 2, \"rate_ppm\": 300000, \"probability_ppm\": "
        "150000, \"acts\": \"may\"}");
    (void)nika_strategy_add_fault(
        scenario, out, added,
        "{\"name\": \"crash\", \"targets\": \"one-by-seed\", \"point\": \"view-change\", "
        "\"when\": \"after\", \"down_ms\": 60, \"probability_ppm\": 100000, \"acts\": \"may\"}");
}

const struct nika_strategy nika_strategy_grammar = {
    .name = "grammar",
    .doc =
        "Corrupted replicas that know the protocol lie where it matters; the network and crashes "
        "strike where it hurts.",
    .overrides = overrides,
};
