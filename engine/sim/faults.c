/* engine/sim/faults.c: what the world does for faults, and when it calls them (fault.h).
 *
 * A fault starts at from_ns and stops at to_ns, or at GST when its class ends there. The set of corrupted nodes is fixed for
 * the run. */
#include "engine/sim/internal.h"

static uint64_t host_now(void *world)
{
    return nika_world_now(world);
}

static void host_acted(void *world, struct nika_fault *fault, uint32_t target)
{
    struct nika_world *w = world;
    fault->acted++;
    sim_record(w, 0x600u, target, fault->index, fault->acted, 0);
    sim_tap_simple(w, NIKA_TAP_FAULT, target, fault->index, fault->acted);
}

static void host_wake(void *world, struct nika_fault *fault, uint64_t at_ns, uint64_t cookie)
{
    struct nika_world *w = world;
    uint64_t at = at_ns > w->core->now ? at_ns : w->core->now;
    (void)sim_schedule(w, SIM_FAULT_WAKE, w->nodes, at, (uint32_t)(fault - w->core->faults), 0,
                       cookie);
}

static void host_crash(void *world, uint32_t replica)
{
    sim_node_crash(world, replica);
}

static void host_restart(void *world, uint32_t replica, bool amnesia)
{
    sim_node_restart(world, replica, amnesia);
}

static void host_pause(void *world, uint32_t node, bool paused)
{
    struct nika_world *w = world;
    if (sim_index(w, node) < w->nodes) sim_node_pause(w, sim_index(w, node), paused);
}

static void host_cpu_slow(void *world, uint32_t node, uint32_t factor_permille)
{
    struct nika_world *w = world;
    if (sim_index(w, node) < w->nodes) w->node[sim_index(w, node)].slow_permille = factor_permille;
}

static void host_clock_set(void *world, uint32_t node, int64_t offset_ns, int64_t drift_ppm)
{
    struct nika_world *w = world;
    if (sim_index(w, node) < w->nodes) sim_clock_set(w, sim_index(w, node), offset_ns, drift_ppm);
}

static void host_clock_jump(void *world, uint32_t node, int64_t by_ns)
{
    struct nika_world *w = world;
    if (sim_index(w, node) < w->nodes) sim_clock_jump(w, sim_index(w, node), by_ns);
}

static bool host_disk_rot(void *world, uint32_t replica, uint32_t position_ppm)
{
    return sim_disk_rot(world, replica, position_ppm);
}

static enum nika_err host_resign(void *world, struct nika_outgoing *out, uint8_t type,
                                 struct nika_span body)
{
    struct nika_world *w = world;
    const struct nika_message_table *table = w->options.replica_ops->messages;
    NIKA_ASSERT(nika_world_is_corrupted(w, out->from));
    if (type >= table->count || table->messages[type] == NULL) return NIKA_ERR_MALFORMED;
    if (body.size > SIM_OUTGOING_BYTES) return NIKA_ERR_LIMIT;
    enum nika_auth_alg alg = (enum nika_auth_alg)table->messages[type]->auth;
    uint8_t auth[NIKA_AUTH_SIZE_MAX];
    /* The body may lie in the frame that is about to be overwritten. */
    if (body.size > 0) memcpy(w->outgoing_body, body.data, body.size);
    struct nika_span copy = {w->outgoing_body, body.size};
    uint32_t auth_size = sim_auth_make(w, out->from, alg, type, out->to, copy, auth);
    if (nika_frame_size(body.size, auth_size) > out->capacity) return NIKA_ERR_LIMIT;
    struct nika_writer writer = nika_writer_of(out->bytes, out->capacity);
    nika_frame_write(&w->options.config, type, out->from, copy, alg,
                     (struct nika_span){auth, auth_size}, &writer);
    out->type = type;
    out->size = writer.at;
    out->changed = true;
    return NIKA_OK;
}

static void host_inject(void *world, uint32_t from, uint32_t to, uint8_t type,
                        enum nika_auth_alg alg, struct nika_span body)
{
    struct nika_world *w = world;
    uint8_t auth[NIKA_AUTH_SIZE_MAX];
    NIKA_ASSERT(nika_world_is_corrupted(w, from));
    if (body.size > NIKA_MESSAGE_SIZE_MAX) return;
    uint32_t auth_size = sim_auth_make(w, from, alg, type, to, body, auth);
    struct nika_writer writer = nika_writer_of(w->scratch, SIM_SCRATCH_BYTES);
    nika_frame_write(&w->options.config, type, from, body, alg, (struct nika_span){auth, auth_size},
                     &writer);
    sim_network_inject(w, sim_index(w, from), sim_index(w, to),
                       (struct nika_span){writer.data, writer.at});
}

static void host_inject_raw(void *world, uint32_t from, uint32_t to, struct nika_span frame)
{
    struct nika_world *w = world;
    NIKA_ASSERT(nika_world_is_corrupted(w, from));
    if (frame.size <= NIKA_MESSAGE_SIZE_MAX)
        sim_network_inject(w, sim_index(w, from), sim_index(w, to), frame);
}

static bool host_is_corrupted(void *world, uint32_t node)
{
    return nika_world_is_corrupted(world, node);
}

static void host_twin(void *world, const struct nika_fault *fault, uint32_t replica)
{
    struct nika_world *w = world;
    uint32_t index = w->twin_index[replica];
    NIKA_ASSERT(fault->ops->twins && nika_fault_targets(fault, replica) && index != 0);
    if (w->node[index].up) return;
    sim_node_init(w, index);
    /* At the start of a run with the others, not before them. */
    uint64_t at = w->core->now > 1 ? w->core->now : 1;
    (void)sim_schedule(w, SIM_START, index, at, 0, 0, 0);
}

static bool host_settled(void *world)
{
    return ((const struct nika_world *)world)->core->settled;
}

static void host_status(void *world, uint32_t replica, struct nika_replica_status *out)
{
    nika_world_status(world, replica, out);
}

static uint32_t hooks_of(const struct nika_fault_ops *ops)
{
    uint32_t hooks = 0;
    if (ops->on_send != NULL) hooks |= SIM_HOOK_SEND;
    if (ops->on_link != NULL) hooks |= SIM_HOOK_LINK;
    if (ops->on_link != NULL && !ops->blind) hooks |= SIM_HOOK_LINK_BYTES;
    if (ops->on_receive != NULL) hooks |= SIM_HOOK_RECEIVE;
    if (ops->on_disk != NULL) hooks |= SIM_HOOK_DISK;
    if (ops->on_tear != NULL) hooks |= SIM_HOOK_TEAR;
    if (ops->on_tap != NULL) hooks |= SIM_HOOK_TAP;
    if (ops->on_trusted != NULL) hooks |= SIM_HOOK_TRUSTED;
    return hooks;
}

void sim_twins_count(struct nika_world *w)
{
    for (uint32_t i = 0; i < w->options.fault_count; i++) {
        const struct nika_fault *fault = &w->options.faults[i];
        for (uint32_t k = 0; fault->ops->twins && k < w->options.config.n; k++) {
            if (!nika_fault_targets(fault, k) || w->twin_index[k] != 0) continue;
            w->twin_of[w->nodes - w->twin_first] = k;
            w->twin_index[k] = w->nodes++;
        }
    }
}

void sim_faults_init(struct nika_world *w)
{
    w->fault_host = (struct nika_fault_host){.world = w,
                                             .config = &w->options.config,
                                             .messages = w->options.replica_ops->messages,
                                             .chooser = &w->core->chooser,
                                             .now_ns = host_now,
                                             .acted = host_acted,
                                             .wake = host_wake,
                                             .crash = host_crash,
                                             .restart = host_restart,
                                             .pause = host_pause,
                                             .cpu_slow = host_cpu_slow,
                                             .clock_set = host_clock_set,
                                             .clock_jump = host_clock_jump,
                                             .disk_rot = host_disk_rot,
                                             .resign = host_resign,
                                             .inject = host_inject,
                                             .inject_raw = host_inject_raw,
                                             .is_corrupted = host_is_corrupted,
                                             .twin = host_twin,
                                             .settled = host_settled,
                                             .status = host_status};
    sim_trusted_faults(&w->fault_host);
    for (uint32_t i = 0; i < w->options.fault_count; i++) {
        const struct nika_fault *fault = &w->options.faults[i];
        for (uint32_t k = 0; k < 2; k++) {
            if (fault->ops->fault_class == NIKA_FAULT_BYZANTINE ||
                fault->ops->fault_class == NIKA_FAULT_TRUSTED)
                w->corrupted[k] |= fault->targets[k];
            if (fault->ops->fault_class == NIKA_FAULT_CLIENT)
                w->corrupted_clients[k] |= fault->targets[k];
        }
    }
}

void sim_faults_reset(struct nika_world *w)
{
    for (uint32_t i = 0; i < w->options.fault_count; i++) {
        struct nika_fault *fault = &w->core->faults[i];
        void *state = w->options.faults[i].state;
        enum nika_fault_class kind = w->options.faults[i].ops->fault_class;
        *fault = w->options.faults[i];
        fault->host = &w->fault_host;
        fault->active = false;
        fault->acted = 0;
        fault->state = state;
        fault->ends_at_gst = kind < NIKA_FAULT_BYZANTINE;
        if (!fault->ends_at_gst || fault->from_ns < w->options.gst_ns)
            (void)sim_schedule(w, SIM_FAULT_START, w->nodes, fault->from_ns, i, 0, 0);
    }
}

static void hooks_refresh(struct nika_world *w)
{
    w->core->active_hooks = 0;
    for (uint32_t i = 0; i < w->options.fault_count; i++) {
        if (w->core->faults[i].active) w->core->active_hooks |= hooks_of(w->core->faults[i].ops);
    }
}

static void fault_stop(struct nika_world *w, struct nika_fault *fault)
{
    if (!fault->active) return;
    if (fault->ops->stop != NULL) fault->ops->stop(fault);
    fault->active = false;
    hooks_refresh(w);
}

void sim_fault_event(struct nika_world *w, const struct sim_event *e)
{
    struct nika_fault *fault = &w->core->faults[e->a];
    sim_record(w, e->kind, NIKA_NODE_NONE, e->a, e->token, 0);
    w->leave_ns = w->core->now;
    if (e->kind == SIM_FAULT_STOP) {
        fault_stop(w, fault);
        return;
    }
    if (w->core->settled && fault->ends_at_gst) return;
    if (e->kind == SIM_FAULT_WAKE) {
        if (fault->ops->on_wake != NULL) fault->ops->on_wake(fault, e->token);
        return;
    }
    fault->active = true;
    hooks_refresh(w);
    if (fault->to_ns != NIKA_NEVER && fault->to_ns > w->core->now)
        (void)sim_schedule(w, SIM_FAULT_STOP, w->nodes, fault->to_ns, e->a, 0, 0);
    if (fault->ops->start != NULL) fault->ops->start(fault);
}

/* The network settles: from here on at most f replicas misbehave and every message arrives in time (DESIGN.md 6). */
void sim_gst(struct nika_world *w)
{
    w->leave_ns = w->core->now;
    sim_record(w, SIM_GST, NIKA_NODE_NONE, 0, 0, 0);
    for (uint32_t i = 0; i < w->options.fault_count; i++) {
        if (w->core->faults[i].ends_at_gst) fault_stop(w, &w->core->faults[i]);
    }
    w->core->settled = true;
    sim_network_settle(w);
    for (uint32_t i = 0; i < w->nodes; i++) {
        w->node[i].slow_permille = 1000;
        if (w->node[i].paused) sim_node_pause(w, i, false);
        if (!w->node[i].up && !nika_world_is_corrupted(w, sim_id(w, i)))
            sim_node_restart(w, i, false);
    }
    sim_tap_simple(w, NIKA_TAP_GST, NIKA_NODE_NONE, 0, 0);
}

/* ---- hooks ---- */
bool sim_faults_active(const struct nika_world *w, uint32_t hook)
{
    return (w->core->active_hooks & hook) != 0;
}

static bool targets_node(const struct nika_fault *fault, uint32_t node)
{
    bool client = fault->ops->fault_class == NIKA_FAULT_CLIENT;
    return nika_is_client(node) == client && nika_fault_targets(fault, nika_client_index(node));
}

void sim_fault_on_send(struct nika_world *w, struct nika_outgoing *out)
{
    for (uint32_t i = 0; i < w->options.fault_count && !out->drop; i++) {
        struct nika_fault *fault = &w->core->faults[i];
        if (fault->active && fault->ops->on_send != NULL && targets_node(fault, out->from))
            fault->ops->on_send(fault, out);
    }
}

void sim_fault_on_link(struct nika_world *w, struct nika_outgoing *out)
{
    for (uint32_t i = 0; i < w->options.fault_count && !out->drop; i++) {
        struct nika_fault *fault = &w->core->faults[i];
        if (fault->active && fault->ops->on_link != NULL) fault->ops->on_link(fault, out);
    }
}

bool sim_fault_on_receive(struct nika_world *w, uint32_t node, const struct nika_frame *frame)
{
    bool shown = true;
    for (uint32_t i = 0; i < w->options.fault_count; i++) {
        struct nika_fault *fault = &w->core->faults[i];
        if (!fault->active || fault->ops->on_receive == NULL ||
            !targets_node(fault, sim_id(w, node)))
            continue;
        w->leave_ns = w->core->now;
        if (!fault->ops->on_receive(fault, sim_id(w, node), frame)) shown = false;
    }
    return shown;
}

enum nika_disk_fault sim_fault_on_disk(struct nika_world *w, uint32_t node, uint32_t kind,
                                       uint64_t *delay_ns)
{
    enum nika_disk_fault worst = NIKA_DISK_OK;
    if (!sim_faults_active(w, SIM_HOOK_DISK)) return worst;
    for (uint32_t i = 0; i < w->options.fault_count; i++) {
        struct nika_fault *fault = &w->core->faults[i];
        uint64_t delay = 0;
        if (!fault->active || fault->ops->on_disk == NULL || !targets_node(fault, node)) continue;
        enum nika_disk_fault got = fault->ops->on_disk(fault, node, kind, &delay);
        *delay_ns += delay;
        /* A full disk outranks a lost fsync outranks a slow one. */
        if (got == NIKA_DISK_FULL || (worst != NIKA_DISK_FULL && got == NIKA_DISK_LOST_FSYNC))
            worst = got;
    }
    return worst;
}

bool sim_fault_on_tear(struct nika_world *w, uint32_t node, uint32_t unsynced, uint32_t *kept)
{
    for (uint32_t i = 0; i < w->options.fault_count; i++) {
        struct nika_fault *fault = &w->core->faults[i];
        if (!fault->active || fault->ops->on_tear == NULL || !targets_node(fault, node)) continue;
        if (fault->ops->on_tear(fault, node, unsynced, kept)) return true;
    }
    return false;
}

void sim_fault_on_tap(struct nika_world *w, uint32_t node, uint32_t kind, uint64_t a, uint64_t b)
{
    if (!sim_faults_active(w, SIM_HOOK_TAP)) return;
    for (uint32_t i = 0; i < w->options.fault_count; i++) {
        struct nika_fault *fault = &w->core->faults[i];
        if (!fault->active || fault->ops->on_tap == NULL || !targets_node(fault, sim_id(w, node)))
            continue;
        fault->ops->on_tap(fault, sim_id(w, node), kind, a, b);
    }
}

enum nika_err sim_fault_on_trusted(struct nika_world *w, uint32_t node,
                                   struct nika_trusted_call *call)
{
    enum nika_err first = NIKA_OK;
    if (!sim_faults_active(w, SIM_HOOK_TRUSTED)) return NIKA_OK;
    for (uint32_t i = 0; i < w->options.fault_count; i++) {
        struct nika_fault *fault = &w->core->faults[i];
        if (!fault->active || fault->ops->on_trusted == NULL || !targets_node(fault, node))
            continue;
        enum nika_err err = fault->ops->on_trusted(fault, node, call);
        if (first == NIKA_OK) first = err;
    }
    return first;
}
