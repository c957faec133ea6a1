/* engine/sim/snapshot.c: copies of a run: per segment, the prefix in use (DESIGN.md 4). */
#include <stdlib.h>

#include "engine/sim/internal.h"

struct nika_world_snapshot {
    size_t capacity, bytes;
    uint64_t leave_ns;
    uint32_t segment_count;
    size_t *used;
    uint8_t *data;
};

static bool snapshot_fill(struct nika_world *w, struct nika_world_snapshot *s)
{
    size_t total = 0, at = 0;
    for (uint32_t i = 0; i < w->segment_count; i++) {
        s->used[i] = sim_segment_used(w, &w->segments[i]);
        total += s->used[i];
    }
    if (total > s->capacity) {
        uint8_t *data = realloc(s->data, total + total / 4);
        if (data == NULL) return false;
        s->data = data;
        s->capacity = total + total / 4;
    }
    for (uint32_t i = 0; i < w->segment_count; i++) {
        if (s->used[i] > 0) memcpy(s->data + at, w->segments[i].base, s->used[i]);
        at += s->used[i];
    }
    s->bytes = total;
    s->leave_ns = w->leave_ns;
    return true;
}

struct nika_world_snapshot *nika_world_snapshot(struct nika_world *w)
{
    struct nika_world_snapshot *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    s->segment_count = w->segment_count;
    s->used = calloc(w->segment_count, sizeof *s->used);
    if (s->used != NULL && snapshot_fill(w, s)) return s;
    nika_world_snapshot_free(s);
    return NULL;
}

void nika_world_snapshot_again(struct nika_world *w, struct nika_world_snapshot *snapshot)
{
    NIKA_ASSERT(snapshot->segment_count == w->segment_count);
    NIKA_ASSERT(snapshot_fill(w, snapshot));
}

void nika_world_restore(struct nika_world *w, const struct nika_world_snapshot *s)
{
    NIKA_ASSERT(s->segment_count == w->segment_count);
    /* What is in use now is told by segments that the copy is about to change. */
    size_t *now = w->segment_used;
    for (uint32_t i = 0; i < w->segment_count; i++) now[i] = sim_segment_used(w, &w->segments[i]);
    nika_choice_tap *tap = w->core->chooser.tap;
    void *tap_context = w->core->chooser.tap_context;
    size_t at = 0;
    for (uint32_t i = 0; i < w->segment_count; i++) {
        uint8_t *base = w->segments[i].base;
        if (s->used[i] > 0) memcpy(base, s->data + at, s->used[i]);
        if (now[i] > s->used[i]) memset(base + s->used[i], 0, now[i] - s->used[i]);
        at += s->used[i];
    }
    /* Who listens belongs to the caller, not to the run. */
    w->core->chooser.tap = tap;
    w->core->chooser.tap_context = tap_context;
    w->stop = false;
    /* What a fault sends between two steps leaves no earlier than the step before it, but not with one of the future. */
    w->leave_ns = s->leave_ns;
    nika_probe_install(&w->core->probes);
}

size_t nika_world_snapshot_bytes(const struct nika_world_snapshot *snapshot)
{
    return snapshot->bytes;
}

void nika_world_snapshot_free(struct nika_world_snapshot *snapshot)
{
    if (snapshot == NULL) return;
    free(snapshot->used);
    free(snapshot->data);
    free(snapshot);
}
