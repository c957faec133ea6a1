/* engine/sim/node.c: the life of one node: events in, a step of its module, actions out; crash, restart, pause.
 *
 * Owns the node's inboxes (what waits for a busy processor or a paused node) and its timers. A module with pillars has a processor for
 * each of them, and one for the rest: an event waits for its own one only, and what it causes leaves when that one is done. The module is
 * never entered twice at once: whatever an action causes comes back as an event. */
#include "engine/sim/internal.h"

void sim_node_init(struct nika_world *w, uint32_t index)
{
    const struct nika_world_options *o = &w->options;
    struct sim_node *node = &w->node[index];
    node->up = true;
    node->booting = true;
    if (node->slow_permille == 0) node->slow_permille = 1000;
    sim_auth_host(w, &node->host, sim_id(w, index));
    if (!sim_is_replica(w, index)) {
        node->module = o->client_ops->init(w->module_memory[index], &o->config, &node->host);
        return;
    }
    node->module = o->replica_ops->init(w->module_memory[index], &o->config, &node->host);
    node->app = o->app_ops->init(w->app_memory[index], &o->config, o->app_param);
}

void sim_event_discard(struct nika_world *w, uint32_t slot)
{
    struct sim_event *e = &w->events[slot];
    if (e->kind == SIM_MESSAGE)
        sim_message_release(w, e->handle);
    else if (e->kind == SIM_APP || e->kind == SIM_INVOKE || e->kind == SIM_STORED)
        nika_store_free(w->local, e->handle);
    sim_event_free(w, slot);
}

/* ---- timers ---- */
void sim_timer_set(struct nika_world *w, uint32_t index, const struct nika_action *action)
{
    NIKA_ASSERT(action->id < NIKA_TIMERS_MAX);
    struct sim_timer *timer = &w->node[index].timers[action->id];
    timer->armed = action->a != NIKA_TIMER_CANCEL;
    timer->generation = action->token;
    if (!timer->armed) return;
    uint64_t delay = sim_clock_world_delay(w, index, action->a);
    timer->deadline = delay > NIKA_NEVER - 1 - w->leave_ns ? NIKA_NEVER - 1 : w->leave_ns + delay;
    /* An event that is queued no later than the deadline is moved on when it comes up: re-arming costs no event. */
    if (timer->pending && timer->queued <= timer->deadline) return;
    timer->pending = true;
    timer->queued = timer->deadline;
    timer->number = sim_schedule(w, SIM_TIMER, index, timer->deadline, action->id, 0, 0);
}

bool sim_timer_fired(struct nika_world *w, const struct sim_event *e, uint64_t number)
{
    struct sim_node *node = &w->node[e->node];
    struct sim_timer *timer = &node->timers[e->a];
    if (e->epoch != node->epoch || !timer->pending || timer->number != number) return false;
    timer->pending = false;
    if (!timer->armed) return false;
    if (timer->deadline <= w->core->now) return true;
    timer->pending = true;
    timer->queued = timer->deadline;
    timer->number = sim_schedule(w, SIM_TIMER, e->node, timer->deadline, e->a, 0, 0);
    return false;
}

/* ---- actions ---- */
static void apply_note(struct nika_world *w, uint32_t index, const struct nika_action *action,
                       struct nika_span bytes)
{
    if (action->id == NIKA_NOTE_REJECT && action->a < NIKA_CHECK_COUNT)
        w->core->stats.rejects[action->a]++;
    sim_fault_on_tap(w, index, NIKA_TAP_NOTE, action->id, action->a);
    if (!sim_wants(w, NIKA_TAP_NOTE)) return;
    struct nika_tap tap = {.kind = NIKA_TAP_NOTE,
                           .node = sim_id(w, index),
                           .to = NIKA_NODE_NONE,
                           .a = action->id,
                           .b = action->b,
                           .note = action,
                           .bytes = bytes};
    sim_tap(w, &tap);
}

static void apply_complete(struct nika_world *w, uint32_t index, const struct nika_action *action,
                           struct nika_span bytes)
{
    if (!sim_wants(w, NIKA_TAP_COMPLETED)) return;
    struct nika_tap tap = {.kind = NIKA_TAP_COMPLETED,
                           .node = sim_id(w, index),
                           .to = NIKA_NODE_NONE,
                           .a = action->a,
                           .b = action->b,
                           .token = action->token,
                           .bytes = bytes};
    sim_tap(w, &tap);
}

/* The merge of pillars takes no more than all of them have finished. */
static uint64_t all_lanes_free(const struct nika_world *w, uint32_t index)
{
    uint64_t latest = w->leave_ns;
    for (uint32_t i = 0; i < SIM_LANES_MAX; i++)
        if (w->node[index].lanes[i].busy_until > latest)
            latest = w->node[index].lanes[i].busy_until;
    return latest;
}

static void apply_app(struct nika_world *w, uint32_t index, const struct nika_action *action,
                      struct nika_span bytes)
{
    uint64_t own = w->leave_ns;
    w->leave_ns = all_lanes_free(w, index);
    sim_app_action(w, index, action, bytes);
    w->leave_ns = own;
}

static void apply_one(struct nika_world *w, uint32_t index, const struct nika_action *action,
                      struct nika_span bytes)
{
    switch ((enum nika_action_kind)action->kind) {
    case NIKA_ACTION_SEND:
    case NIKA_ACTION_BROADCAST:
        sim_network_send(w, index, action, bytes);
        return;
    case NIKA_ACTION_TIMER:
        sim_timer_set(w, index, action);
        return;
    case NIKA_ACTION_PERSIST:
        sim_disk_persist(w, index, action, bytes);
        return;
    case NIKA_ACTION_LOG_TRIM:
        sim_disk_trim(w, index, action->a);
        return;
    case NIKA_ACTION_SNAPSHOT_SAVE:
        sim_disk_save(w, index, action, bytes);
        return;
    case NIKA_ACTION_SNAPSHOT_DROP:
        sim_disk_drop(w, index, action->a);
        apply_app(w, index, action, bytes);
        return;
    case NIKA_ACTION_EXECUTE:
    case NIKA_ACTION_QUERY:
    case NIKA_ACTION_SNAPSHOT_TAKE:
    case NIKA_ACTION_SNAPSHOT_CHUNK:
    case NIKA_ACTION_RESTORE_BEGIN:
    case NIKA_ACTION_RESTORE_CHUNK:
    case NIKA_ACTION_RESTORE_END:
        apply_app(w, index, action, bytes);
        return;
    case NIKA_ACTION_COMPLETE:
        apply_complete(w, index, action, bytes);
        return;
    case NIKA_ACTION_NOTE:
        apply_note(w, index, action, bytes);
        return;
    case NIKA_ACTION_CERTIFY:
        sim_disk_certify(w, index, action, bytes);
        return;
    }
    NIKA_ASSERT(false && "unknown action");
}

void sim_apply(struct nika_world *w, uint32_t index)
{
    const struct nika_effects *effects = &w->effects;
    uint32_t epoch = w->node[index].epoch;
    for (uint32_t i = 0; i < effects->count; i++) {
        const struct nika_action *action = &effects->actions[i];
        struct nika_span bytes = nika_action_bytes(effects, action);
        /* Frames are hashed with their message; timers and the rest here. */
        if (action->kind > NIKA_ACTION_BROADCAST) {
            uint64_t hash = bytes.size == 0 ? 0 : nika_hash64(bytes.data, bytes.size, action->id);
            sim_record(w, 0x300u + action->kind, sim_id(w, index),
                       action->token ^ (uint64_t)action->id << 48, action->a, hash ^ action->b);
        }
        apply_one(w, index, action, bytes);
        /* A fault may have crashed the node at this very action: the rest never left it. */
        if (w->node[index].epoch != epoch) return;
    }
}

/* ---- stepping ---- */
void sim_node_step(struct nika_world *w, uint32_t index, struct nika_event *event)
{
    struct sim_node *node = &w->node[index];
    bool replica = sim_is_replica(w, index);
    event->now_ns = sim_clock_now(w, index);
    nika_effects_clear(&w->effects);
    w->twin_running = sim_is_twin(w, index) ? index : 0;
    if (replica)
        w->options.replica_ops->step(node->module, event, &w->effects);
    else
        w->options.client_ops->step(node->module, event, &w->effects);
    w->twin_running = 0;
    NIKA_ASSERT(!w->effects.overflow && "a module asked for more actions than a step may have");
    if (node->doomed) {
        sim_node_crash(w, index);
        return;
    }
    w->leave_ns = w->core->now;
    if (node->cost != 0) {
        w->leave_ns += node->cost * node->slow_permille / 1000u;
        node->lanes[node->lane].busy_until = w->leave_ns;
        node->cost = 0;
    }
    if (w->effects.count > 0) sim_apply(w, index);
    if (node->forgetful) {
        struct nika_replica_status status;
        nika_world_status(w, index, &status);
        node->forgetful = status.amnesiac;
    }
    sim_tap_simple(w, NIKA_TAP_EVENT_END, sim_id(w, index), 0, 0);
}

/* A message reaches the module only through ingress and authentication, the same in both worlds (PROTOCOLS.md 4). */
static void process_message(struct nika_world *w, const struct sim_event *e)
{
    struct sim_node *node = &w->node[e->node];
    struct sim_message *m = sim_message_at(w, e->handle);
    const struct nika_cpu_options *cpu = &w->options.cpu;
    if (!w->free_cpu) node->cost += cpu->message_ns;
    enum nika_drop why = 0;
    if (m->ingress == SIM_BAD)
        why = NIKA_DROP_INGRESS;
    else if (!sim_auth_message(w, e->node, m))
        why = NIKA_DROP_AUTH;
    else if (sim_faults_active(w, SIM_HOOK_RECEIVE) && !sim_fault_on_receive(w, e->node, &m->frame))
        why = NIKA_DROP_FAULT;
    if (why != 0) {
        node->lanes[node->lane].busy_until =
            w->core->now + node->cost * node->slow_permille / 1000u;
        node->cost = 0;
        sim_network_drop(w, e->a, e->node, e->handle, why);
        return;
    }
    w->core->stats.messages_delivered++;
    sim_record(w, SIM_MESSAGE, sim_id(w, e->node), e->a, m->size, m->hash);
    if (sim_wants(w, NIKA_TAP_DELIVERED)) {
        struct nika_tap tap = {.kind = NIKA_TAP_DELIVERED,
                               .node = sim_id(w, e->a),
                               .to = sim_id(w, e->node),
                               .frame = &m->frame,
                               .summary = &m->summary,
                               .bytes = m->frame.raw};
        sim_tap(w, &tap);
    }
    struct nika_event event = {.kind = NIKA_EVENT_MESSAGE, .frame = &m->frame};
    sim_node_step(w, e->node, &event);
}

static void process_timer(struct nika_world *w, const struct sim_event *e)
{
    struct sim_timer *timer = &w->node[e->node].timers[e->a];
    /* It waited for a busy node, and was set again or cancelled meanwhile. */
    if (!timer->armed || timer->generation != e->token || timer->deadline > w->core->now) return;
    timer->armed = false;
    sim_record(w, SIM_TIMER, sim_id(w, e->node), e->a, e->token, 0);
    sim_tap_simple(w, NIKA_TAP_TIMER, sim_id(w, e->node), e->a, e->token);
    struct nika_event event = {.kind = NIKA_EVENT_TIMER, .timer = e->a, .generation = e->token};
    sim_node_step(w, e->node, &event);
}

static void process_bytes(struct nika_world *w, const struct sim_event *e)
{
    struct nika_span bytes = nika_store_span(w->local, e->handle);
    uint64_t hash = bytes.size == 0 ? 0 : nika_hash64(bytes.data, bytes.size, 0);
    sim_record(w, e->kind, sim_id(w, e->node), e->token, e->a, hash);
    if (e->kind == SIM_INVOKE && sim_wants(w, NIKA_TAP_INVOKED)) {
        struct nika_tap tap = {.kind = NIKA_TAP_INVOKED,
                               .node = sim_id(w, e->node),
                               .to = NIKA_NODE_NONE,
                               .token = e->token,
                               .b = e->a,
                               .bytes = bytes};
        sim_tap(w, &tap);
    }
    struct nika_event event = {.kind = e->kind == SIM_INVOKE ? NIKA_EVENT_INVOKE : NIKA_EVENT_APP,
                               .token = e->token,
                               .status = (int32_t)e->a,
                               .bytes = bytes};
    sim_node_step(w, e->node, &event);
}

/* The trusted subsystem takes the step that was asked for, and the module learns of it, unless it died over that. */
static void process_certify(struct nika_world *w, uint32_t index, const struct sim_pending *asked)
{
    uint8_t bytes[NIKA_TRUSTED_CERTIFICATE_SIZE];
    struct nika_trusted_certificate certificate;
    struct nika_trusted_value value = {asked->seq, asked->order};
    enum nika_err err = NIKA_ERR_LIMIT;
    if (!asked->refused)
        err = sim_trusted_ops.certify(w, sim_id(w, index), NIKA_TRUSTED_INDEPENDENT, asked->kind,
                                      value, &asked->digest, &certificate);
    if (w->node[index].doomed) {
        sim_node_crash(w, index);
        return;
    }
    struct nika_event event = {
        .kind = NIKA_EVENT_CERTIFIED, .token = asked->token, .status = (int32_t)err};
    if (err == NIKA_OK) {
        nika_trusted_certificate_encode(&certificate, bytes);
        event.bytes = (struct nika_span){bytes, sizeof bytes};
    }
    sim_record(w, 0x720u, sim_id(w, index), asked->token, asked->order, (uint64_t)(int64_t)err);
    sim_node_step(w, index, &event);
}

static void process_stored(struct nika_world *w, const struct sim_event *e)
{
    struct sim_pending pending;
    memcpy(&pending, nika_store_at(w->local, e->handle), sizeof pending);
    if (pending.certify) {
        process_certify(w, e->node, &pending);
        return;
    }
    if (pending.status != 0) sim_disk_told(w, e->node);
    sim_record(w, SIM_STORED, sim_id(w, e->node), pending.token, pending.seq,
               (uint64_t)pending.status);
    struct nika_event event = {
        .kind = NIKA_EVENT_STORED, .token = pending.token, .status = pending.status};
    sim_node_step(w, e->node, &event);
}

static void process(struct nika_world *w, uint32_t slot, uint32_t lane)
{
    struct sim_event e = w->events[slot];
    struct nika_event start = {.kind = NIKA_EVENT_START};
    w->node[e.node].lane = lane;
    switch ((enum sim_event_kind)e.kind) {
    case SIM_MESSAGE:
        process_message(w, &e);
        break;
    case SIM_TIMER:
        process_timer(w, &e);
        break;
    case SIM_APP:
    case SIM_INVOKE:
        process_bytes(w, &e);
        break;
    case SIM_STORED:
        process_stored(w, &e);
        break;
    case SIM_START:
        w->node[e.node].booting = false;
        sim_record(w, SIM_START, sim_id(w, e.node), 0, 0, 0);
        sim_node_step(w, e.node, &start);
        break;
    case SIM_FSYNC:
    case SIM_WAKE:
    case SIM_FAULT_START:
    case SIM_FAULT_STOP:
    case SIM_FAULT_WAKE:
    case SIM_GST:
        NIKA_ASSERT(false && "not an event of a node");
    }
    sim_event_discard(w, slot);
}

/* ---- the inboxes ---- */
/* The processor that an event is for. Where processors cost nothing there is no waiting, and one keeps all in one order. */
static uint32_t lane_of(struct nika_world *w, const struct sim_event *e)
{
    const struct nika_replica_ops *ops = w->options.replica_ops;
    struct nika_event event = {.token = e->token, .timer = e->a};
    if (w->free_cpu || w->options.config.pillars == 1 || ops->lane == NULL ||
        !sim_is_replica(w, e->node))
        return 0;
    if (e->kind == SIM_MESSAGE) {
        const struct sim_message *m = sim_message_at(w, e->handle);
        if (m->ingress == SIM_BAD) return 0;
        event.kind = NIKA_EVENT_MESSAGE;
        event.frame = &m->frame;
    } else if (e->kind == SIM_STORED) {
        struct sim_pending pending;
        memcpy(&pending, nika_store_at(w->local, e->handle), sizeof pending);
        event.kind = NIKA_EVENT_STORED;
        event.token = pending.token;
    } else {
        event.kind = e->kind == SIM_APP     ? NIKA_EVENT_APP
                     : e->kind == SIM_TIMER ? NIKA_EVENT_TIMER
                                            : NIKA_EVENT_START;
    }
    uint32_t lane = ops->lane(w->node[e->node].module, &event);
    NIKA_ASSERT(lane < SIM_LANES_MAX);
    return lane;
}

static void wake_later(struct nika_world *w, uint32_t index, uint32_t number)
{
    struct sim_node *node = &w->node[index];
    struct sim_lane *lane = &node->lanes[number];
    if (lane->waking || node->paused || lane->inbox_first == 0) return;
    if (node->booting && w->events[lane->inbox_first - 1].kind != SIM_START) return;
    lane->waking = true;
    uint64_t at = lane->busy_until > w->core->now ? lane->busy_until : w->core->now;
    (void)sim_schedule(w, SIM_WAKE, index, at, number, 0, 0);
}

static void wake_all(struct nika_world *w, uint32_t index)
{
    for (uint32_t i = 0; i < SIM_LANES_MAX; i++) wake_later(w, index, i);
}

static void inbox_put(struct nika_world *w, uint32_t slot, uint32_t number)
{
    struct sim_event *e = &w->events[slot];
    struct sim_lane *lane = &w->node[e->node].lanes[number];
    if (e->kind == SIM_MESSAGE) {
        struct sim_link *link = sim_link_of(w, e->a, e->node);
        uint32_t limit = w->options.cpu.inbox_max;
        if (limit != 0 && link->waiting >= limit) {
            sim_network_drop(w, e->a, e->node, e->handle, NIKA_DROP_QUEUE);
            sim_event_discard(w, slot);
            return;
        }
        link->waiting++;
    }
    /* START comes before whatever arrived while the node was paused. */
    bool front = e->kind == SIM_START || lane->inbox_first == 0;
    e->next = front ? lane->inbox_first : 0;
    if (e->next == 0) {
        if (!front) w->events[lane->inbox_last - 1].next = slot + 1;
        lane->inbox_last = slot + 1;
    }
    if (front) lane->inbox_first = slot + 1;
    wake_later(w, e->node, number);
}

static uint32_t inbox_take(struct nika_world *w, uint32_t index, uint32_t number)
{
    struct sim_lane *lane = &w->node[index].lanes[number];
    uint32_t slot = lane->inbox_first - 1;
    struct sim_event *e = &w->events[slot];
    lane->inbox_first = e->next;
    if (lane->inbox_first == 0) lane->inbox_last = 0;
    if (e->kind == SIM_MESSAGE) sim_link_of(w, e->a, e->node)->waiting--;
    return slot;
}

void sim_node_deliver(struct nika_world *w, uint32_t slot)
{
    const struct sim_event *e = &w->events[slot];
    struct sim_node *node = &w->node[e->node];
    if (!node->up && e->kind == SIM_MESSAGE) {
        sim_network_drop(w, e->a, e->node, e->handle, NIKA_DROP_DOWN);
        sim_event_discard(w, slot);
        return;
    }
    if (!node->up || (e->kind != SIM_MESSAGE && e->epoch != node->epoch)) {
        sim_event_discard(w, slot);
        return;
    }
    uint32_t lane = lane_of(w, e);
    bool waits = node->paused || node->booting || node->lanes[lane].inbox_first != 0 ||
                 node->lanes[lane].busy_until > w->core->now;
    if (e->kind == SIM_START ? node->paused : waits) {
        inbox_put(w, slot, lane);
        return;
    }
    uint32_t index = e->node;
    process(w, slot, lane);
    wake_all(w, index);
}

void sim_node_wake(struct nika_world *w, uint32_t slot)
{
    struct sim_event e = w->events[slot];
    struct sim_node *node = &w->node[e.node];
    struct sim_lane *lane = &node->lanes[e.a];
    sim_event_free(w, slot);
    if (e.epoch != node->epoch || !lane->waking) return;
    lane->waking = false;
    if (node->paused || lane->inbox_first == 0) return;
    if (lane->busy_until <= w->core->now) process(w, inbox_take(w, e.node, e.a), e.a);
    wake_all(w, e.node);
}

void sim_node_pause(struct nika_world *w, uint32_t index, bool paused)
{
    w->node[index].paused = paused;
    if (paused || !w->node[index].up) return;
    wake_all(w, index);
}

/* ---- crash and restart ---- */
void sim_node_recover(struct nika_world *w, uint32_t index, uint32_t kind, uint64_t seq,
                      struct nika_span bytes)
{
    const struct nika_world_options *o = &w->options;
    if (sim_is_replica(w, index)) o->replica_ops->recover(w->node[index].module, kind, seq, bytes);
}

static void forget_memory(struct nika_world *w, uint32_t index)
{
    struct sim_node *node = &w->node[index];
    memset(w->module_memory[index], 0, w->options.replica_ops->used(node->module));
    memset(w->app_memory[index], 0, w->options.app_ops->used(node->app));
    node->module = NULL;
    node->app = NULL;
    node->meta_count = 0;
    memset(node->timers, 0, sizeof node->timers);
}

void sim_node_crash(struct nika_world *w, uint32_t index)
{
    struct sim_node *node = &w->node[index];
    if (!sim_is_replica(w, index) || !node->up) return;
    sim_record(w, 0x400u, sim_id(w, index), 0, 0, 0);
    for (uint32_t i = 0; i < SIM_LANES_MAX; i++)
        while (node->lanes[i].inbox_first != 0) sim_event_discard(w, inbox_take(w, index, i));
    sim_disk_crash(w, index);
    forget_memory(w, index);
    node->epoch++;
    node->up = node->paused = node->booting = node->doomed = false;
    memset(node->lanes, 0, sizeof node->lanes);
    node->cost = node->app_free_at = 0;
    node->lane = 0;
    sim_tap_simple(w, NIKA_TAP_CRASHED, sim_id(w, index), 0, 0);
}

void sim_node_restart(struct nika_world *w, uint32_t index, bool amnesia)
{
    struct sim_node *node = &w->node[index];
    if (!sim_is_replica(w, index) || node->up) return;
    if (amnesia) sim_disk_wipe(w, index);
    sim_node_init(w, index);
    bool lost = sim_disk_recover(w, index) || amnesia || node->forgetful;
    node->forgetful = lost;
    if (lost) sim_node_recover(w, index, NIKA_RECORD_AMNESIA, 0, (struct nika_span){0});
    sim_record(w, 0x401u, index, lost, 0, 0);
    sim_tap_simple(w, NIKA_TAP_RESTARTED, index, lost, 0);
    (void)sim_schedule(w, SIM_START, index, w->core->now, 0, 0, 0);
}
