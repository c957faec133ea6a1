/* engine/sim/waiting.c: what waits in a world: queued events, inboxes, timers (world.h). Changes nothing.
 *
 * Slow on purpose: the queue is a heap and is looked through whole, so that the run pays nothing for being looked at. */
#include "engine/sim/internal.h"

#define SLOT_MASK ((UINT64_C(1) << 24) - 1)

const char *nika_waiting_name(uint32_t kind)
{
    static const char *const names[NIKA_WAITING_COUNT] = {
        [NIKA_WAITING_MESSAGE] = "message",
        [NIKA_WAITING_DISK] = "disk",
        [NIKA_WAITING_STORED] = "stored",
        [NIKA_WAITING_APP] = "application",
        [NIKA_WAITING_OPERATION] = "operation",
        [NIKA_WAITING_START] = "start",
        [NIKA_WAITING_CPU] = "cpu",
        [NIKA_WAITING_FAULT] = "fault",
        [NIKA_WAITING_GST] = "gst",
    };
    return kind < NIKA_WAITING_COUNT ? names[kind] : "?";
}

/* The earliest `capacity` of what was seen, in order. */
struct list {
    struct nika_waiting *out;
    uint32_t capacity, kept, seen;
};

static bool earlier(const struct nika_waiting *a, const struct nika_waiting *b)
{
    if (a->arrived != b->arrived) return a->arrived;
    return a->at_ns != b->at_ns && !a->arrived ? a->at_ns < b->at_ns : a->order < b->order;
}

static void put(struct list *l, const struct nika_waiting *one)
{
    l->seen++;
    if (l->kept == l->capacity && (l->capacity == 0 || !earlier(one, &l->out[l->capacity - 1])))
        return;
    uint32_t at = l->kept < l->capacity ? l->kept++ : l->capacity - 1;
    for (; at > 0 && earlier(one, &l->out[at - 1]); at--) l->out[at] = l->out[at - 1];
    l->out[at] = *one;
}

/* False: it belongs to an earlier life of the node, or is a timer. */
static bool describe(const struct nika_world *w, const struct sim_event *e,
                     struct nika_waiting *out)
{
    static const uint8_t kinds[SIM_GST + 1] = {
        [SIM_MESSAGE] = NIKA_WAITING_MESSAGE,  [SIM_FSYNC] = NIKA_WAITING_DISK,
        [SIM_STORED] = NIKA_WAITING_STORED,    [SIM_APP] = NIKA_WAITING_APP,
        [SIM_INVOKE] = NIKA_WAITING_OPERATION, [SIM_START] = NIKA_WAITING_START,
        [SIM_WAKE] = NIKA_WAITING_CPU,         [SIM_FAULT_START] = NIKA_WAITING_FAULT,
        [SIM_FAULT_STOP] = NIKA_WAITING_FAULT, [SIM_FAULT_WAKE] = NIKA_WAITING_FAULT,
        [SIM_GST] = NIKA_WAITING_GST};
    bool of_node = e->node < w->nodes;
    if (e->kind == 0 || e->kind == SIM_TIMER) return false;
    if (of_node && e->kind != SIM_MESSAGE && e->epoch != w->node[e->node].epoch) return false;
    bool fault = kinds[e->kind] == NIKA_WAITING_FAULT;
    *out = (struct nika_waiting){.kind = (enum nika_waiting_kind)kinds[e->kind],
                                 .from = NIKA_NODE_NONE,
                                 .at_ns = e->time,
                                 .token = fault ? w->core->faults[e->a].index : e->token};
    if (e->kind != SIM_MESSAGE) return true;
    const struct sim_message *m = sim_message_at(w, e->handle);
    out->from = sim_id(w, e->a);
    out->frame = m->ingress == SIM_BAD ? NULL : &m->frame;
    out->summary = m->ingress == SIM_BAD ? NULL : &m->summary;
    return true;
}

static void put_key(const struct nika_world *w, const struct sim_key *key, uint32_t index,
                    struct list *l)
{
    struct nika_waiting one;
    const struct sim_event *e = &w->events[key->order & SLOT_MASK];
    if ((e->node < w->nodes ? e->node : w->nodes) != index || !describe(w, e, &one)) return;
    one.order = key->order;
    put(l, &one);
}

static void put_inbox(const struct nika_world *w, uint32_t slot, struct list *l)
{
    for (; slot != 0; slot = w->events[slot - 1].next) {
        struct nika_waiting one;
        if (!describe(w, &w->events[slot - 1], &one)) continue;
        one.arrived = true;
        one.order = l->seen;
        put(l, &one);
    }
}

uint32_t nika_world_waiting(const struct nika_world *w, uint32_t node, struct nika_waiting *out,
                            uint32_t capacity)
{
    const struct sim_queue *q = &w->core->queue;
    struct list l = {out, capacity, 0, 0};
    uint32_t index = node == NIKA_NODE_NONE ? w->nodes : sim_index(w, node);
    if (index > w->nodes) return 0;
    for (uint32_t lane = 0; index < w->nodes && lane < SIM_LANES_MAX; lane++)
        put_inbox(w, w->node[index].lanes[lane].inbox_first, &l);
    for (uint32_t i = 0; i < q->tie_count; i++) put_key(w, &q->ties[i], index, &l);
    for (uint32_t i = 0; i < q->count; i++) put_key(w, &w->heap[i], index, &l);
    return l.seen;
}

bool nika_world_timer(const struct nika_world *w, uint32_t node, uint32_t slot,
                      uint64_t *deadline_ns)
{
    uint32_t index = sim_index(w, node);
    if (index >= w->nodes || slot >= NIKA_TIMERS_MAX) return false;
    const struct sim_timer *timer = &w->node[index].timers[slot];
    *deadline_ns = timer->deadline;
    return timer->armed;
}

const char *nika_world_timer_name(const struct nika_world *w, uint32_t node, uint32_t slot)
{
    const char *(*name)(uint32_t) = nika_is_client(node) ? w->options.client_ops->timer_name
                                                         : w->options.replica_ops->timer_name;
    return name != NULL ? name(slot) : NULL;
}

const void *nika_world_step_of(const struct nika_world *w, uint32_t node)
{
    const void *address = NULL;
    uint32_t index = sim_index(w, node);
    if (index >= w->nodes) return NULL;
    /* A function's address as a datum is POSIX, not C: copied, not cast. */
    if (sim_is_replica(w, node))
        memcpy(&address, &w->options.replica_ops->step, sizeof address);
    else
        memcpy(&address, &w->options.client_ops->step, sizeof address);
    return address;
}

bool nika_world_is_paused(const struct nika_world *w, uint32_t node)
{
    uint32_t index = sim_index(w, node);
    return index < w->nodes && w->node[index].paused;
}

uint64_t nika_world_busy_until(const struct nika_world *w, uint32_t node)
{
    uint32_t index = sim_index(w, node);
    uint64_t latest = 0;
    for (uint32_t lane = 0; index < w->nodes && lane < SIM_LANES_MAX; lane++)
        if (w->node[index].lanes[lane].busy_until > latest)
            latest = w->node[index].lanes[lane].busy_until;
    return latest;
}
