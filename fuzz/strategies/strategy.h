/* fuzz/strategies/strategy.h: how a campaign varies a scenario (DESIGN.md 7). One strategy a file, one line in registry.c.
 *
 * A strategy says what it does in overrides of the scenario (`path=value`, as after --set), so that one command line without the
 * strategy repeats each of its runs. The seed decides the rest. */
#ifndef FUZZ_STRATEGIES_STRATEGY_H
#define FUZZ_STRATEGIES_STRATEGY_H

#include "scenarios/scenario.h"

#define NIKA_STRATEGY_SETS_MAX (2u * NIKA_FAULTS_MAX + 16u) /* And those of the command line. */
#define NIKA_STRATEGY_SET_SIZE 240u

struct nika_strategy_sets {
    uint32_t count;
    uint32_t given; /* The first of them: those of the command line. */
    char text[NIKA_STRATEGY_SETS_MAX][NIKA_STRATEGY_SET_SIZE];
};

/* How a run decides: by the seed, and from its decision number `from` on by another, and so on. Two such courses that begin alike are
 * the same run up to where they differ: a branch needs no snapshot, which would cost what it saves (docs/campaigns.md). */
#define NIKA_TURNS_MAX 8u
struct nika_course {
    uint64_t seed;
    uint32_t turns;
    struct nika_turn {
        uint64_t from, seed;
    } turn[NIKA_TURNS_MAX]; /* Ascending. */
};

struct nika_strategy {
    const char *name;
    const char *doc;
    /* The overrides for this scenario; `out` is zeroed. */
    void (*overrides)(const struct nika_scenario *scenario, struct nika_strategy_sets *out);
    /* A strategy that learns from run to run keeps `memory_size` bytes, zeroed when a block begins, and no longer than it: so a block
     * gives the same record wherever and whenever it runs. 0 = every run stands for itself, and the rest is NULL. */
    size_t memory_size;
    /* The course of the block's run under `seed`. */
    void (*choose)(void *memory, uint64_t seed, struct nika_course *out);
    /* What came of it: how many states or steps were new in this block, and the number of the last decision before each of the first
     * and the last of them. */
    void (*learn)(void *memory, const struct nika_course *course, uint32_t fresh, uint64_t first,
                  uint64_t last);
};
extern const struct nika_strategy nika_strategy_swarm, nika_strategy_grammar,
    nika_strategy_byzzfuzz, nika_strategy_pct, nika_strategy_guided, nika_strategy_twins;

/* ---- adversary.c: for strategies ---- */
/* One more override, as by printf. */
__attribute__((format(printf, 2, 3))) void nika_strategy_set(struct nika_strategy_sets *out,
                                                             const char *format, ...);
/* Append the fault `object` (JSON) after the scenario's own and the `added` ones before it; the new number of added ones. Nothing
 * when there is no room. */
uint32_t nika_strategy_add_fault(const struct nika_scenario *scenario,
                                 struct nika_strategy_sets *out, uint32_t added,
                                 const char *object);
/* Put the Byzantine fault `object` (JSON members, no braces, no targets) in the place of the scenario's own, with its targets; or,
 * when the scenario corrupts nobody, add it with f targets. The scenario's other faults need no longer act. Returns how many were
 * added: 0 or 1. Never exceeds the scenario's fault budget, and leaves a scenario alone that is beyond it by itself. */
uint32_t nika_strategy_corrupt(const struct nika_scenario *scenario, struct nika_strategy_sets *out,
                               const char *object);

/* NULL-terminated; the first is the default. */
extern const struct nika_strategy *const nika_strategies[];
/* NULL when there is none of that name. */
const struct nika_strategy *nika_strategy_find(const char *name);

#endif
