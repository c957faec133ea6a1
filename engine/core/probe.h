/* engine/core/probe.h: coverage probes (DESIGN.md 7). A probe that never fires in a campaign is reported: code that
 * silently does nothing is the commonest lie of a testbed.
 *
 * Each probe is listed once in probes.def. Counters live in a table that the world installs before it drives modules,
 * so modules keep no static mutable data; without a table a probe is a no-op. */
#ifndef ENGINE_CORE_PROBE_H
#define ENGINE_CORE_PROBE_H

#include "engine/core/types.h"

enum nika_probe {
#define PROBE(id, doc) NIKA_PROBE_##id,
#include "engine/core/probes.def"
#undef PROBE
    NIKA_PROBE_COUNT
};

struct nika_probe_table {
    uint64_t hits[NIKA_PROBE_COUNT];
};
/* Borrowed until replaced; NULL = none. Process-wide (one world per process at a time). */
void nika_probe_install(struct nika_probe_table *table);
void nika_probe_hit(enum nika_probe probe);
const char *nika_probe_name(enum nika_probe probe);
const char *nika_probe_doc(enum nika_probe probe);

#define REACHED(id) nika_probe_hit(NIKA_PROBE_##id)
#define SOMETIMES(id, condition)                                                                   \
    do {                                                                                           \
        if (condition) nika_probe_hit(NIKA_PROBE_##id);                                            \
    } while (0)

#endif
