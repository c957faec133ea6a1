/* fuzz/museum/museum.h: what is known of every planted bug: what it is, where it shows, what must notice it (docs/museum.md).
 *
 * The texts are in every build, the bugs only in nika-museum (engine/core/planted.h). One entry a bug, in the .def files of this
 * folder. Owns nothing but static text. */
#ifndef FUZZ_MUSEUM_MUSEUM_H
#define FUZZ_MUSEUM_MUSEUM_H

#include <stdio.h>

#include "scenarios/runner.h"

struct nika_museum_bug {
    const char *id;      /* As in the scenario key `planted`. */
    const char *aliases; /* Other names of the same bug, such as "PB5, D9"; empty for none. */
    const char *title;   /* What is wrong, one phrase. */
    const char *
        kind; /* "safety", "liveness", "performance", "memory", "crash", "divergence", "tester" or "none" (canaries). */
    const char *setting; /* What it takes to show. */
    const char *
        verdicts; /* Oracles that may notice it, the best first: "O1, O11"; "contract" for a crash or broken contract, "view" for
                             an expected view not reached, "throughput" for an expected speed, "determinism"
                             for two runs of one seed that differ; "directed" for a test of one part that shows what no run need
                             show; "ineffective" for a killing run that holds. Empty for a canary. */
    const char *check;    /* Id of the check that is missing, or the rule; what repairs it. */
    const char *source;   /* Where it was published or seen. */
    const char *scenario; /* Path of the scenario that campaigns hunt it in. */
    char
        budget; /* Runs in which some strategy must find it: a = 100, b = 1,000, c = 20,000, d = 200,000. */
};
extern const struct nika_museum_bug nika_museum[];
extern const uint32_t nika_museum_count;

/* By id, or by one of its aliases; letter case does not matter. NULL when there is none. */
const struct nika_museum_bug *nika_museum_find(const char *name);
/* Runs of a budget letter; 0 for none. */
uint64_t nika_museum_budget(char letter);
/* Does a test of one part show it (tests/museum/directed.h)? Then no campaign need find it. */
bool nika_museum_directed(const struct nika_museum_bug *bug);
/* Is this run what the bug's entry says must be noticed? */
bool nika_museum_detected(const struct nika_museum_bug *bug, const struct nika_run_result *result);
/* The table of docs/museum.md, to `file`. */
void nika_museum_markdown(FILE *file);

#endif
