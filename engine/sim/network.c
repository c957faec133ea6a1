/* engine/sim/network.c: links: latency, loss, duplication, order, bandwidth and bounds; messages shared by their receivers.
 *
 * Owns messages and links. A link is FIFO unless a message draws "reorder" or a fault says so. Faults see every message before
 * the link's own draws. */
#include "engine/sim/internal.h"

#define SECOND_NS UINT64_C(1000000000)
#define QUANTILE_STEPS 1024u /* Choice range of a latency draw. */

struct sim_message *sim_message_at(const struct nika_world *w, uint32_t handle)
{
    return (struct sim_message *)(void *)(w->messages->bytes + handle);
}

static uint8_t *message_bytes(struct sim_message *m)
{
    return (uint8_t *)(m + 1);
}

void sim_message_release(struct nika_world *w, uint32_t handle)
{
    struct sim_message *m = sim_message_at(w, handle);
    NIKA_ASSERT(m->refs > 0);
    if (--m->refs == 0) nika_store_free(w->messages, handle);
}

/* Parsed, described and hashed once, here: receivers share the result. */
static void message_inspect(struct nika_world *w, struct sim_message *m)
{
    const struct nika_replica_ops *ops = w->options.replica_ops;
    struct nika_span raw = {message_bytes(m), m->size};
    bool good = nika_ingress(&w->options.config, ops->messages, raw, &m->frame) == NIKA_OK;
    m->hash = nika_hash64(raw.data, raw.size, 0);
    m->ingress = good ? SIM_GOOD : SIM_BAD;
    if (!good) return;
    m->type = m->frame.type;
    ops->describe(m->frame.type, m->frame.body, &m->summary);
}

static uint32_t message_new(struct nika_world *w, struct nika_span frame, uint8_t send_class)
{
    uint32_t handle =
        nika_store_alloc(w->messages, (uint32_t)sizeof(struct sim_message) + frame.size);
    if (handle == 0) return 0;
    struct sim_message *m = sim_message_at(w, handle);
    memset(m, 0, sizeof *m);
    m->refs = 1;
    m->size = frame.size;
    m->send_class = send_class;
    if (frame.size > 0) memcpy(message_bytes(m), frame.data, frame.size);
    message_inspect(w, m);
    return handle;
}

struct sim_link *sim_link_of(const struct nika_world *w, uint32_t from, uint32_t to)
{
    uint32_t n = w->options.config.n, rows = sim_link_rows(w);
    if (from >= w->nodes || to >= w->nodes) return NULL;
    if (sim_is_replica(w, from))
        return &w->links[(size_t)(from < n ? from : from - w->twin_first + n) * w->nodes + to];
    if (!sim_is_replica(w, to)) return NULL;
    return &w->links[(size_t)rows * w->nodes + (size_t)(from - n) * rows +
                     (to < n ? to : to - w->twin_first + n)];
}

uint64_t sim_latency(struct nika_world *w, const struct nika_latency *latency,
                     struct nika_choice_name *name)
{
    const uint64_t *q = latency->quantile_ns;
    if (q[0] == q[NIKA_LATENCY_POINTS - 1]) return q[0];
    uint64_t at = nika_choice(&w->core->chooser, name, QUANTILE_STEPS);
    uint64_t step = QUANTILE_STEPS / (NIKA_LATENCY_POINTS - 1);
    uint64_t low = q[at / step], high = q[at / step + 1];
    return low + (high - low) * (at % step) / step;
}

void sim_network_drop(struct nika_world *w, uint32_t from, uint32_t to, uint32_t handle,
                      enum nika_drop why)
{
    const struct sim_message *m = handle == 0 ? NULL : sim_message_at(w, handle);
    w->core->stats.dropped[why]++;
    sim_record(w, 0x100u + why, sim_id(w, from), to, 0, m == NULL ? 0 : m->hash);
    if (!sim_wants(w, NIKA_TAP_DROPPED)) return;
    struct nika_tap tap = {
        .kind = NIKA_TAP_DROPPED, .node = sim_id(w, from), .to = sim_id(w, to), .a = why};
    if (m != NULL) {
        tap.frame = &m->frame;
        tap.summary = &m->summary;
        tap.bytes = (struct nika_span){message_bytes(sim_message_at(w, handle)), m->size};
    }
    sim_tap(w, &tap);
}

static const struct nika_latency *link_latency(const struct nika_world *w, uint32_t from,
                                               uint32_t to)
{
    const struct nika_network_options *o = &w->options.network;
    bool replicas = sim_is_replica(w, from) && sim_is_replica(w, to);
    uint32_t which = replicas ? o->replica_class[sim_id(w, from)][sim_id(w, to)] : 0;
    return &o->latency[which % NIKA_LATENCY_CLASSES];
}

static uint64_t latency_bound(const struct nika_world *w, const struct nika_latency *latency)
{
    uint64_t bound = w->options.network.latency_bound_ns;
    return bound != 0 ? bound : latency->quantile_ns[NIKA_LATENCY_POINTS - 1];
}

struct transit {
    uint64_t delay_ns, hold_until_ns;
    uint32_t copies;
    bool unordered;
};

static bool link_admits(const struct nika_world *w, const struct sim_link *link,
                        const struct sim_message *m)
{
    uint64_t limit = w->options.network.link_bytes_max;
    if (limit == 0) return true;
    /* Votes must get through while bulk transfer fills the link (PROTOCOLS.md 1.13). */
    if (m->send_class == NIKA_CLASS_CONTROL) limit += limit / 4;
    return (uint64_t)link->bytes + m->size <= limit;
}

/* One copy on the link: takes a reference. */
static void link_enqueue(struct nika_world *w, uint32_t from, uint32_t to, uint32_t handle,
                         const struct transit *transit)
{
    struct sim_message *m = sim_message_at(w, handle);
    struct sim_link *link = sim_link_of(w, from, to);
    if (!link_admits(w, link, m) || !sim_queue_has_room(w)) {
        sim_network_drop(w, from, to, handle, NIKA_DROP_QUEUE);
        return;
    }
    struct nika_choice_name name = {.kind = NIKA_CHOICE_LATENCY,
                                    .type = m->type,
                                    .a = sim_choice_id(w, from),
                                    .b = sim_choice_id(w, to),
                                    .view = m->summary.view,
                                    .seq = m->summary.seq};
    const struct nika_latency *latency = link_latency(w, from, to);
    uint64_t delay = sim_latency(w, latency, &name);
    if (w->core->settled && delay > latency_bound(w, latency)) delay = latency_bound(w, latency);
    uint64_t depart = w->leave_ns;
    if (w->options.network.bandwidth_bytes_per_s != 0) {
        if (link->busy_until > depart) depart = link->busy_until;
        depart += m->size * SECOND_NS / w->options.network.bandwidth_bytes_per_s;
        link->busy_until = depart;
    }
    uint64_t arrival = depart + delay + transit->delay_ns;
    if (arrival < transit->hold_until_ns) arrival = transit->hold_until_ns;
    /* Held without an end, which GST will set: there must be later instants for those behind it. */
    if (arrival > UINT64_MAX / 2) arrival = UINT64_MAX / 2;
    if (!transit->unordered) {
        /* Strictly later, or a tie could be decided against the order of the link. */
        if (arrival <= link->last_arrival) arrival = link->last_arrival + 1;
        link->last_arrival = arrival;
    }
    link->bytes += m->size;
    m->refs++;
    uint32_t slot = sim_event_new(w);
    NIKA_ASSERT(slot != UINT32_MAX);
    struct sim_event *e = &w->events[slot];
    e->kind = SIM_MESSAGE;
    e->node = to;
    e->a = from;
    e->handle = handle;
    (void)sim_queue_push(w, slot, arrival);
}

/* The link's own draws, before GST: true when lost. */
static bool link_draws(struct nika_world *w, uint32_t from, uint32_t to,
                       const struct sim_message *m, struct transit *transit)
{
    const struct nika_network_options *o = &w->options.network;
    struct nika_choice_name name = {.kind = NIKA_CHOICE_LOSS,
                                    .type = m->type,
                                    .a = sim_choice_id(w, from),
                                    .b = sim_choice_id(w, to),
                                    .view = m->summary.view,
                                    .seq = m->summary.seq};
    if (o->loss_ppm != 0 && nika_choice_ppm(&w->core->chooser, &name, o->loss_ppm)) return true;
    name.kind = NIKA_CHOICE_DUPLICATE;
    if (o->duplicate_ppm != 0 && nika_choice_ppm(&w->core->chooser, &name, o->duplicate_ppm))
        transit->copies++;
    name.kind = NIKA_CHOICE_REORDER;
    if (o->reorder_ppm != 0 && nika_choice_ppm(&w->core->chooser, &name, o->reorder_ppm))
        transit->unordered = true;
    return false;
}

/* Ask the network faults. Returns the message to go on with (borrowed or, when rewritten, new), 0 = dropped. */
static uint32_t link_faults(struct nika_world *w, uint32_t from, uint32_t to, uint32_t handle,
                            struct transit *transit)
{
    struct sim_message *m = sim_message_at(w, handle);
    bool seen = sim_faults_active(w, SIM_HOOK_LINK_BYTES);
    struct nika_outgoing out = {.from = sim_id(w, from),
                                .to = sim_id(w, to),
                                .type = m->type,
                                .size = m->size,
                                .capacity = seen ? SIM_OUTGOING_BYTES : 0,
                                .bytes = seen ? w->linked : NULL,
                                .summary = &m->summary,
                                .from_twin = sim_is_twin(w, from),
                                .to_twin = sim_is_twin(w, to)};
    if (m->size > SIM_OUTGOING_BYTES) return handle;
    if (seen) memcpy(w->linked, message_bytes(m), m->size);
    sim_fault_on_link(w, &out);
    transit->copies += out.copies;
    transit->delay_ns += out.delay_ns;
    if (out.hold_until_ns > transit->hold_until_ns) transit->hold_until_ns = out.hold_until_ns;
    transit->unordered = transit->unordered || out.unordered;
    if (out.drop) {
        sim_network_drop(w, from, to, handle, NIKA_DROP_PARTITION);
        return 0;
    }
    if (!out.changed) return handle;
    uint32_t rewritten = message_new(w, (struct nika_span){out.bytes, out.size}, m->send_class);
    if (rewritten == 0) sim_network_drop(w, from, to, handle, NIKA_DROP_QUEUE);
    return rewritten;
}

static void transmit(struct nika_world *w, uint32_t from, uint32_t to, uint32_t handle,
                     struct transit transit)
{
    uint32_t going = handle;
    w->core->stats.messages_sent++;
    w->core->stats.bytes_sent += sim_message_at(w, handle)->size;
    if (sim_link_of(w, from, to) == NULL) {
        if (from < w->nodes && to < w->nodes) sim_network_drop(w, from, to, handle, NIKA_DROP_DOWN);
        return;
    }
    if (sim_faults_active(w, SIM_HOOK_LINK)) {
        going = link_faults(w, from, to, handle, &transit);
        if (going == 0) return;
    }
    if (!w->core->settled && link_draws(w, from, to, sim_message_at(w, going), &transit)) {
        sim_network_drop(w, from, to, going, NIKA_DROP_LOSS);
    } else {
        link_enqueue(w, from, to, going, &transit);
        /* Copies are where an unbounded fault would amplify. */
        for (uint32_t i = 0; i < transit.copies && i < 64; i++)
            link_enqueue(w, from, to, going, &transit);
    }
    if (going != handle) sim_message_release(w, going);
}

/* A corrupted sender's message to one receiver: its behaviours may rewrite, drop, delay or copy it. */
static void send_corrupted(struct nika_world *w, uint32_t from, uint32_t to, uint32_t handle)
{
    struct sim_message *m = sim_message_at(w, handle);
    struct transit transit = {0};
    if (m->size > SIM_OUTGOING_BYTES) return;
    struct nika_outgoing out = {.from = sim_id(w, from),
                                .to = sim_id(w, to),
                                .type = m->type,
                                .size = m->size,
                                .capacity = SIM_OUTGOING_BYTES,
                                .bytes = w->outgoing,
                                .summary = &m->summary,
                                .from_twin = sim_is_twin(w, from),
                                .to_twin = sim_is_twin(w, to)};
    memcpy(w->outgoing, message_bytes(m), m->size);
    sim_fault_on_send(w, &out);
    if (out.drop) {
        sim_network_drop(w, from, to, handle, NIKA_DROP_FAULT);
        return;
    }
    transit.copies = out.copies;
    transit.delay_ns = out.delay_ns;
    transit.hold_until_ns = out.hold_until_ns;
    transit.unordered = out.unordered;
    if (!out.changed) {
        transmit(w, from, to, handle, transit);
        return;
    }
    uint32_t rewritten = message_new(w, (struct nika_span){out.bytes, out.size}, m->send_class);
    if (rewritten == 0) {
        sim_network_drop(w, from, to, handle, NIKA_DROP_QUEUE);
        return;
    }
    transmit(w, from, to, rewritten, transit);
    sim_message_release(w, rewritten);
}

static void tap_sent(struct nika_world *w, uint32_t from, uint32_t to, uint32_t handle)
{
    struct sim_message *m = sim_message_at(w, handle);
    sim_record(w, 0x200u, sim_id(w, from), to, m->size, m->hash);
    sim_fault_on_tap(w, from, NIKA_TAP_SENT, m->summary.message_class, m->summary.seq);
    if (!sim_wants(w, NIKA_TAP_SENT)) return;
    struct nika_tap tap = {.kind = NIKA_TAP_SENT,
                           .node = sim_id(w, from),
                           .to = to,
                           .frame = &m->frame,
                           .summary = &m->summary,
                           .bytes = {message_bytes(m), m->size}};
    sim_tap(w, &tap);
}

static void send_one(struct nika_world *w, uint32_t from, uint32_t to, uint32_t handle,
                     bool corrupted)
{
    if (corrupted)
        send_corrupted(w, from, to, handle);
    else
        transmit(w, from, to, handle, (struct transit){0});
}

void sim_network_send(struct nika_world *w, uint32_t from, const struct nika_action *action,
                      struct nika_span frame)
{
    bool broadcast = action->kind == NIKA_ACTION_BROADCAST;
    uint32_t to = broadcast ? NIKA_NODE_NONE : action->to;
    uint32_t epoch = w->node[from].epoch;
    uint32_t handle = message_new(w, frame, action->send_class);
    if (handle == 0) {
        sim_network_drop(w, from, broadcast ? from : sim_index(w, to), 0, NIKA_DROP_QUEUE);
        return;
    }
    tap_sent(w, from, to, handle);
    bool corrupted =
        sim_faults_active(w, SIM_HOOK_SEND) && nika_world_is_corrupted(w, sim_id(w, from));
    uint32_t first = broadcast ? 0 : sim_index(w, to);
    uint32_t end = broadcast ? w->options.config.n : first + 1;
    for (uint32_t i = first; i < end && w->node[from].epoch == epoch; i++) {
        uint32_t self = sim_id(w, from), twin = i < NIKA_REPLICAS_MAX ? w->twin_index[i] : 0;
        if (broadcast && i == self) continue;
        send_one(w, from, i, handle, corrupted);
        /* Twins hear what the other replicas say, not each other: they are one. */
        if (twin != 0 && i != self && w->node[twin].up && w->node[from].epoch == epoch)
            send_one(w, from, twin, handle, corrupted);
    }
    sim_message_release(w, handle);
}

void sim_network_inject(struct nika_world *w, uint32_t from, uint32_t to, struct nika_span frame)
{
    uint32_t handle = message_new(w, frame, NIKA_CLASS_CONTROL);
    if (handle == 0) return;
    if (w->leave_ns < w->core->now) w->leave_ns = w->core->now;
    tap_sent(w, from, sim_id(w, to), handle);
    transmit(w, from, to, handle, (struct transit){0});
    sim_message_release(w, handle);
}

void sim_network_arrived(struct nika_world *w, const struct sim_event *e)
{
    struct sim_link *link = sim_link_of(w, e->a, e->node);
    uint32_t size = sim_message_at(w, e->handle)->size;
    NIKA_ASSERT(link->bytes >= size);
    link->bytes -= size;
}

void sim_network_settle(struct nika_world *w)
{
    uint64_t bound = w->options.network.latency_bound_ns;
    for (uint32_t i = 0; w->options.network.latency_bound_ns == 0 && i < NIKA_LATENCY_CLASSES;
         i++) {
        uint64_t top = w->options.network.latency[i].quantile_ns[NIKA_LATENCY_POINTS - 1];
        if (top > bound) bound = top;
    }
    uint64_t latest = sim_queue_clip_messages(w, w->core->now + bound);
    size_t links = sim_link_count(w);
    for (size_t i = 0; i < links; i++) {
        if (w->links[i].last_arrival > latest) w->links[i].last_arrival = latest;
        if (w->links[i].busy_until > latest) w->links[i].busy_until = latest;
    }
}
