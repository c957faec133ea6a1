/* engine/sim/record.c: what a run leaves behind: the run digest and the taps.
 *
 * The digest has one fixed-width little-endian record per event and action, so it is the same on every architecture. */
#include "engine/sim/internal.h"

#define RECORD_SIZE 40u

static inline void record_write(uint8_t *to, const struct nika_world *w, uint64_t what, uint64_t a,
                                uint64_t b, uint64_t hash)
{
    nika_store_le(to, what, 8);
    nika_store_le(to + 8, w->core->now, 8);
    nika_store_le(to + 16, a, 8);
    nika_store_le(to + 24, b, 8);
    nika_store_le(to + 32, hash, 8);
}

void sim_record(struct nika_world *w, uint32_t kind, uint32_t node, uint64_t a, uint64_t b,
                uint64_t hash)
{
    struct nika_run_digest *d = &w->core->digest;
    uint8_t record[RECORD_SIZE];
    if (RECORD_SIZE < sizeof d->block - d->used) {
        /* In place: an array that is copied would be read in pieces twice as wide as it was written, which processors wait for. */
        record_write(d->block + d->used, w, (uint64_t)kind << 32 | node, a, b, hash);
        d->used += RECORD_SIZE;
        d->bytes_total += RECORD_SIZE;
        return;
    }
    record_write(record, w, (uint64_t)kind << 32 | node, a, b, hash);
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
