/* engine/sim/queue.c: the event queue: exact order by (time, insertion), ties decided and recorded.
 *
 * A 4-ary heap of 16-byte keys over a pool of events: measured fast enough at depth 50 and at 20,000, and simple enough to
 * compare with a sort. Owns the pool; never looks into an event except its kind. */
#include "engine/sim/internal.h"

#define SLOT_BITS 24u
#define SLOT_MASK ((UINT64_C(1) << SLOT_BITS) - 1)
#define RESERVE_SHARE                                                                              \
    4u /* A quarter of the pool is kept for timers and completions, which are never dropped. */

/* Without a branch: which of two keys is less is as good as random. */
static inline bool key_less(const struct sim_key *a, const struct sim_key *b)
{
    return (a->time < b->time) | ((a->time == b->time) & (a->order < b->order));
}

void sim_queue_init(struct nika_world *w, uint32_t capacity)
{
    struct sim_queue *q = &w->core->queue;
    memset(q, 0, sizeof *q);
    q->capacity = capacity;
}

bool sim_queue_has_room(const struct nika_world *w)
{
    const struct sim_queue *q = &w->core->queue;
    return q->count + q->tie_count < q->capacity - q->capacity / RESERVE_SHARE;
}

uint32_t sim_event_new(struct nika_world *w)
{
    struct sim_queue *q = &w->core->queue;
    uint32_t slot;
    if (q->free_slot != 0) {
        slot = q->free_slot - 1;
        q->free_slot = w->events[slot].next;
    } else {
        if (q->high_water >= q->capacity) return UINT32_MAX;
        slot = q->high_water++;
    }
    memset(&w->events[slot], 0, sizeof w->events[slot]);
    return slot;
}

void sim_event_free(struct nika_world *w, uint32_t slot)
{
    struct sim_queue *q = &w->core->queue;
    w->events[slot].kind = 0;
    w->events[slot].next = q->free_slot;
    q->free_slot = slot + 1;
}

static void heap_up(struct sim_key *heap, uint32_t at, struct sim_key key)
{
    while (at > 0) {
        uint32_t parent = (at - 1) / 4;
        if (!key_less(&key, &heap[parent])) break;
        heap[at] = heap[parent];
        at = parent;
    }
    heap[at] = key;
}

static void heap_down(struct sim_key *heap, uint32_t count, struct sim_key key)
{
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 4 * at + 1;
        if (child >= count) break;
        uint32_t end = child + 4 < count ? child + 4 : count;
        uint32_t best = child;
        for (uint32_t i = child + 1; i < end; i++)
            best += (i - best) & (0u - (uint32_t)key_less(&heap[i], &heap[best]));
        if (!key_less(&heap[best], &key)) break;
        heap[at] = heap[best];
        at = best;
    }
    heap[at] = key;
}

static struct sim_key heap_pop(struct nika_world *w)
{
    struct sim_queue *q = &w->core->queue;
    struct sim_key top = w->heap[0];
    q->count--;
    if (q->count > 0) heap_down(w->heap, q->count, w->heap[q->count]);
    return top;
}

uint64_t sim_queue_push(struct nika_world *w, uint32_t slot, uint64_t time)
{
    struct sim_queue *q = &w->core->queue;
    NIKA_ASSERT(time >= w->core->now);
    NIKA_ASSERT(q->count < q->capacity);
    struct sim_key key = {.time = time, .order = ++q->inserted << SLOT_BITS | slot};
    w->events[slot].time = time;
    heap_up(w->heap, q->count++, key);
    return q->inserted;
}

bool sim_queue_next_time(const struct nika_world *w, uint64_t *time)
{
    const struct sim_queue *q = &w->core->queue;
    if (q->tie_count > 0) {
        *time = q->ties[0].time;
        return true;
    }
    if (q->count == 0) return false;
    *time = w->heap[0].time;
    return true;
}

uint32_t sim_queue_pop(struct nika_world *w, uint64_t *number)
{
    struct sim_queue *q = &w->core->queue;
    if (q->tie_count == 0) {
        NIKA_ASSERT(q->count > 0);
        q->ties[q->tie_count++] = heap_pop(w);
    }
    while (q->tie_count < SIM_TIES_MAX && q->count > 0 && w->heap[0].time == q->ties[0].time)
        q->ties[q->tie_count++] = heap_pop(w);
    uint32_t at = 0;
    if (q->tie_count > 1) {
        const struct sim_event *first = &w->events[q->ties[0].order & SLOT_MASK];
        struct nika_choice_name name = {
            .kind = NIKA_CHOICE_TIE, .type = first->kind, .a = sim_id(w, first->node)};
        at = (uint32_t)nika_choice(&w->core->chooser, &name, q->tie_count);
    }
    struct sim_key key = q->ties[at];
    q->tie_count--;
    for (uint32_t i = at; i < q->tie_count; i++) q->ties[i] = q->ties[i + 1];
    *number = key.order >> SLOT_BITS;
    return (uint32_t)(key.order & SLOT_MASK);
}

/* Ascending order in place: an ascending array is a heap, too. */
static void heap_sort(struct nika_world *w)
{
    struct sim_queue *q = &w->core->queue;
    uint32_t count = q->count;
    for (uint32_t left = count; left > 1; left--) {
        q->count = left;
        struct sim_key top = heap_pop(w);
        w->heap[left - 1] = top;
    }
    for (uint32_t i = 0; i < count / 2; i++) {
        struct sim_key key = w->heap[i];
        w->heap[i] = w->heap[count - 1 - i];
        w->heap[count - 1 - i] = key;
    }
    q->count = count;
}

uint64_t sim_queue_clip_messages(struct nika_world *w, uint64_t limit)
{
    struct sim_queue *q = &w->core->queue;
    uint64_t latest = limit;
    heap_sort(w);
    for (uint32_t i = 0; i < q->count; i++) {
        struct sim_event *e = &w->events[w->heap[i].order & SLOT_MASK];
        if (e->kind != SIM_MESSAGE || w->heap[i].time <= limit) continue;
        e->time = w->heap[i].time = latest++;
    }
    /* Moved keys only moved forward: sifting up in ascending position repairs the heap. */
    for (uint32_t i = 0; i < q->count; i++) heap_up(w->heap, i, w->heap[i]);
    return latest;
}

uint64_t sim_schedule(struct nika_world *w, enum sim_event_kind kind, uint32_t index, uint64_t time,
                      uint32_t a, uint32_t handle, uint64_t token)
{
    uint32_t slot = sim_event_new(w);
    NIKA_ASSERT(slot != UINT32_MAX);
    struct sim_event *e = &w->events[slot];
    e->kind = (uint8_t)kind;
    e->node = index;
    e->epoch = index < w->nodes ? w->node[index].epoch : 0;
    e->a = a;
    e->handle = handle;
    e->token = token;
    return sim_queue_push(w, slot, time);
}
