/* engine/core/probe.c: the installed probe table, and the names of the probes, generated from
 * probes.def.
 *
 * Owns one pointer. Counting must never influence a run, so nothing here can be read by a module.
 */
#include "engine/core/probe.h"

static const char *const names[] = {
#define PROBE(id, doc) [NIKA_PROBE_##id] = #id,
#include "engine/core/probes.def"
#undef PROBE
};

static const char *const docs[] = {
#define PROBE(id, doc) [NIKA_PROBE_##id] = doc,
#include "engine/core/probes.def"
#undef PROBE
};

static struct nika_probe_table *installed;

void nika_probe_install(struct nika_probe_table *table)
{
    installed = table;
}

void nika_probe_hit(enum nika_probe probe)
{
    if (installed != NULL && (size_t)probe < ARRAY_COUNT(installed->hits)) installed->hits[probe]++;
}

const char *nika_probe_name(enum nika_probe probe)
{
    return (size_t)probe < ARRAY_COUNT(names) ? names[probe] : "unknown";
}

const char *nika_probe_doc(enum nika_probe probe)
{
    return (size_t)probe < ARRAY_COUNT(docs) ? docs[probe] : "unknown probe";
}
