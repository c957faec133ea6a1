/* cli/places.c: where an id comes from, where it is enforced and what tests it, for `nika explain`. The places are read from the sources
 * when the program is built (cmake/places.sh). */
#include "cli/places.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "engine/core/types.h"

/* Where rules come from, by the letters of their ids; the longest that fits. */
static const struct {
    const char *prefix, *origin;
} origins[] = {
    {"W", "the wire format (docs/wire.md)"},
    {"R", "PBFT, requests (Castro & Liskov, OSDI '99, 4.1)"},
    {"B", "PBFT, batching (Castro & Liskov, TOCS 2002, 5.1)"},
    {"PP", "PBFT, pre-prepare phase (Castro & Liskov, OSDI '99, 4.2)"},
    {"P", "PBFT, prepare phase (Castro & Liskov, OSDI '99, 4.2)"},
    {"C", "PBFT, commit phase (Castro & Liskov, OSDI '99, 4.2)"},
    {"X", "PBFT, execution in order (Castro & Liskov, OSDI '99, 4.2)"},
    {"FB", "this implementation: fetching a batch that is missing"},
    {"BA", "this implementation: fetching a batch that is missing"},
    {"CC", "this implementation: certificates of what was committed, for replicas that missed it"},
    {"CK", "PBFT, checkpoints (Castro & Liskov, OSDI '99, 4.3)"},
    {"VC", "PBFT, view changes (Castro & Liskov, OSDI '99, 4.4)"},
    {"NV", "PBFT, new views (Castro & Liskov, OSDI '99, 4.4)"},
    {"ST", "PBFT, state transfer (Castro & Liskov, TOCS 2002, 5.3)"},
    {"SA", "PBFT, status messages and retransmission (Castro & Liskov, TOCS 2002, 5.2)"},
    {"RO", "PBFT, read-only requests (Castro & Liskov, OSDI '99, 5.1)"},
    {"D", "this implementation: what must be durable before it is said, so that a restart forgets "
          "no vote"},
    {"VCM", "PBFT, view changes: no vote in a view that was left (Castro & Liskov, OSDI '99, 4.4)"},
    {"VCU", "this implementation: one VIEW-CHANGE for each view, also over restarts"},
    {"CG", "PBFT, clients: matching replies of distinct replicas (Castro & Liskov, OSDI '99, 4.1)"},
    {"AMN", "this implementation: replicas that lost their log"},
    {"HP", "Hybster, ordering (Behl, Distler, Kapitza, EuroSys 2017; docs/hybster.md)"},
    {"HC", "Hybster, ordering (Behl, Distler, Kapitza, EuroSys 2017; docs/hybster.md)"},
    {"HV", "Hybster, view changes (Behl, Distler, Kapitza, EuroSys 2017; docs/hybster.md)"},
    {"HN", "Hybster, new views (Behl, Distler, Kapitza, EuroSys 2017; docs/hybster.md)"},
    {"TS", "trusted subsystems (docs/trusted.md)"},
};

static const char *origin_of(const char *id)
{
    const char *origin = NULL;
    size_t longest = 0;
    for (uint32_t i = 0; i < ARRAY_COUNT(origins); i++) {
        size_t size = strlen(origins[i].prefix);
        if (size <= longest || strncasecmp(origins[i].prefix, id, size) != 0) continue;
        longest = size;
        origin = origins[i].origin;
    }
    return origin;
}

void cli_places(enum cli_place_kind kind, const char *id)
{
    static const char *const from[] = {
        [CLI_PLACE_ORACLE] = "a property that the simulator judges from outside (docs/verdicts.md)",
        [CLI_PLACE_FAULT] = "a fault of the simulated world (docs/scenarios.md)",
        [CLI_PLACE_PROBE] = "a place in the code that the scenario library must reach",
        [CLI_PLACE_STRATEGY] = "a way to vary scenarios in campaigns (docs/fuzzing.md)",
        [CLI_PLACE_PLANTED] = NULL, /* Its entry says so. */
    };
    const char *origin = kind == CLI_PLACE_CHECK ? origin_of(id) : from[kind];
    const char *proof = kind == CLI_PLACE_FAULT ? "acts in" : "test";
    if (origin != NULL) printf("  comes from     %s\n", origin);
    for (uint32_t i = 0; i < cli_place_count; i++) {
        const struct cli_place *p = &cli_place_list[i];
        if (p->kind != kind || strcasecmp(p->id, id) != 0) continue;
        if (p->code[0] != '\0') printf("  code           %s\n", p->code);
        if (p->tests[0] != '\0') printf("  %-14s %s\n", proof, p->tests);
    }
}
