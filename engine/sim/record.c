/* engine/sim/record.c: what a run leaves behind: the run digest and the taps.
 *
 * The digest has one fixed-width little-endian record per event and action, so it is the same on every architecture. */
#include <endian.h>

#include "engine/sim/internal.h"

void sim_record(struct nika_world *w, uint32_t kind, uint32_t node, uint64_t a, uint64_t b,
                uint64_t hash)
{
    uint64_t record[5] = {htole64((uint64_t)kind << 32 | node), htole64(w->core->now), htole64(a),
                          htole64(b), htole64(hash)};
    struct nika_run_digest *d = &w->core->digest;
    if (sizeof record < sizeof d->block - d->used) {
        memcpy(d->block + d->used, record, sizeof record);
        d->used += (uint32_t)sizeof record;
        d->bytes_total += sizeof record;
        return;
    }
    nika_run_digest_add(d, record, sizeof record);
}

void sim_tap(struct nika_world *w, struct nika_tap *tap)
{
    tap->now_ns = w->core->now;
    tap->event_index = w->core->event_index;
    for (uint32_t i = 0; i < w->watcher_count; i++) {
        const struct nika_watcher *watcher = &w->watchers[i];
        if ((watcher->mask & NIKA_TAP_BIT(tap->kind)) != 0) watcher->on_tap(watcher->context, tap);
    }
}

void sim_tap_simple(struct nika_world *w, enum nika_tap_kind kind, uint32_t node, uint64_t a,
                    uint64_t b)
{
    if (!sim_wants(w, kind)) return;
    struct nika_tap tap = {.kind = kind, .node = node, .to = NIKA_NODE_NONE, .a = a, .b = b};
    sim_tap(w, &tap);
}
