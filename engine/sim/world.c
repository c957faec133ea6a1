/* engine/sim/world.c: making, resetting and running a world (world.h). */
#include <stdlib.h>

#include "engine/core/stream.h"
#include "engine/sim/internal.h"

#define EVENTS_MAX (1u << 22)

static const char *options_check(const struct nika_world_options *o)
{
    if (o->replica_ops == NULL || o->client_ops == NULL || o->app_ops == NULL)
        return "modules are missing";
    if (o->keyring == NULL) return "a keyring is missing";
    if (o->config.n == 0 || o->config.n > NIKA_REPLICAS_MAX)
        return "the number of replicas is out of range";
    if (o->config.clients > NIKA_CLIENTS_MAX) return "there are too many clients";
    if (o->fault_count > NIKA_FAULTS_MAX) return "there are too many faults";
    if (o->message_bytes_max < 4096) return "message_bytes_max must be at least 4096";
    for (uint32_t i = 0; i < o->fault_count; i++) {
        if (o->faults[i].ops == NULL) return "a fault has no behaviour";
    }
    for (uint32_t i = 0; i < NIKA_LATENCY_CLASSES; i++) {
        for (uint32_t k = 1; k < NIKA_LATENCY_POINTS; k++) {
            const uint64_t *q = o->network.latency[i].quantile_ns;
            if (q[k] < q[k - 1]) return "latency quantiles must ascend";
        }
    }
    return o->replica_ops->check != NULL ? o->replica_ops->check(&o->config) : NULL;
}

static bool lay_out_node(struct nika_world *w, uint32_t i)
{
    const struct nika_world_options *o = &w->options;
    bool replica = sim_is_replica(w, i), twin = sim_is_twin(w, i);
    size_t size = replica ? o->replica_ops->size(&o->config) : o->client_ops->size(&o->config);
    w->module_size[i] = size;
    w->module_memory[i] = sim_arena_segment(w, size, replica ? SIM_USE_MODULE : SIM_USE_ALL, i);
    if (w->module_memory[i] == NULL) return false;
    if (!replica) return true;
    w->app_memory[i] = sim_arena_segment(w, w->app_size, SIM_USE_APP, i);
    w->logs[i] = sim_arena_segment(w, (size_t)o->disk.log_bytes_max + 64, SIM_USE_LOG, i);
    w->snapshots[i] = sim_arena_segment(w, nika_store_size(w->snapshot_capacity), SIM_USE_STORE, i);
    if (!twin) w->trusted[i] = sim_arena_segment(w, sizeof **w->trusted, SIM_USE_TRUSTED, i);
    return w->app_memory[i] != NULL && w->logs[i] != NULL && w->snapshots[i] != NULL &&
           (twin || w->trusted[i] != NULL);
}

static uint32_t event_capacity(const struct nika_world *w)
{
    uint64_t wanted = 65536u + (uint64_t)w->nodes * 64u + w->options.message_bytes_max / 128u;
    return wanted > EVENTS_MAX ? EVENTS_MAX : (uint32_t)wanted;
}

/* Of one size in every world and therefore first: what they hold then never comes to lie in a segment. */
static bool lay_out_scratch(struct nika_world *w)
{
    w->effects.capacity = SIM_ACTIONS_MAX;
    w->effects.bytes_capacity = SIM_EFFECT_BYTES;
    w->effects.actions = sim_arena_scratch(w, SIM_ACTIONS_MAX * sizeof *w->effects.actions);
    w->effects.bytes = sim_arena_scratch(w, SIM_EFFECT_BYTES);
    w->scratch = sim_arena_scratch(w, SIM_SCRATCH_BYTES);
    w->outgoing = sim_arena_scratch(w, SIM_OUTGOING_BYTES);
    w->outgoing_body = sim_arena_scratch(w, SIM_OUTGOING_BYTES);
    w->linked = sim_arena_scratch(w, SIM_OUTGOING_BYTES);
    return w->effects.actions != NULL && w->effects.bytes != NULL && w->scratch != NULL &&
           w->outgoing != NULL && w->outgoing_body != NULL && w->linked != NULL;
}

static bool lay_out(struct nika_world *w)
{
    const struct nika_world_options *o = &w->options;
    uint32_t events = event_capacity(w);
    size_t links = sim_link_count(w);
    w->core = sim_arena_segment(w, sizeof *w->core, SIM_USE_ALL, 0);
    w->node = sim_arena_segment(w, w->nodes * sizeof *w->node, SIM_USE_ALL, 0);
    w->links = sim_arena_segment(w, links * sizeof *w->links, SIM_USE_ALL, 0);
    w->heap = sim_arena_segment(w, events * sizeof *w->heap, SIM_USE_HEAP, 0);
    w->events = sim_arena_segment(w, events * sizeof *w->events, SIM_USE_EVENTS, 0);
    w->messages = sim_arena_segment(w, nika_store_size(o->message_bytes_max), SIM_USE_STORE, 0);
    w->local = sim_arena_segment(w, nika_store_size(SIM_LOCAL_BYTES), SIM_USE_STORE, 0);
    w->extra = sim_arena_segment(w, o->extra_bytes + 16u, SIM_USE_EXTRA, 0);
    if (w->core == NULL || w->node == NULL || w->links == NULL || w->heap == NULL ||
        w->events == NULL || w->messages == NULL || w->local == NULL || w->extra == NULL)
        return false;
    for (uint32_t i = 0; i < w->nodes; i++) {
        if (!lay_out_node(w, i)) return false;
    }
    for (uint32_t i = 0; i < o->fault_count; i++) {
        w->options.faults[i].state =
            sim_arena_segment(w, o->faults[i].ops->state_size + 16u, SIM_USE_ALL, 0);
        if (w->options.faults[i].state == NULL) return false;
    }
    return true;
}

static bool tables_new(struct nika_world *w)
{
    w->snapshots = calloc(w->nodes, sizeof(void *));
    w->logs = calloc(w->nodes, sizeof(void *));
    w->module_size = calloc(w->nodes, sizeof(size_t));
    w->module_memory = calloc(w->nodes, sizeof(void *));
    w->app_memory = calloc(w->nodes, sizeof(void *));
    w->trusted = calloc(w->nodes, sizeof(void *));
    /* Two kept objects and one on its way, each rounded up to a power of two. */
    uint32_t disk = w->options.disk.snapshot_bytes_max;
    w->snapshot_capacity = disk > UINT32_MAX / 16 ? UINT32_MAX / 2 : disk * 8 + 4096;
    w->app_size = w->options.app_ops->size(&w->options.config);
    /* A keyed hash costs no more than the look-up. */
    if (w->options.verdict_cache && w->options.config.suite != NIKA_SUITE_SIM)
        w->cache = calloc(SIM_CACHE_SLOTS, sizeof *w->cache);
    return w->snapshots != NULL && w->logs != NULL && w->module_size != NULL &&
           w->module_memory != NULL && w->app_memory != NULL && w->trusted != NULL;
}

/* Everything at time 0. All segments are zero. */
static void begin(struct nika_world *w, uint64_t seed)
{
    const struct nika_world_options *o = &w->options;
    struct sim_core *core = w->core;
    nika_chooser_init_seed(&core->chooser, seed);
    nika_run_digest_init(&core->digest);
    sim_queue_init(w, event_capacity(w));
    (void)nika_store_init(w->messages, o->message_bytes_max);
    (void)nika_store_init(w->local, SIM_LOCAL_BYTES);
    for (uint32_t i = 0; i < w->nodes; i++) {
        if (sim_is_replica(w, i)) (void)nika_store_init(w->snapshots[i], w->snapshot_capacity);
    }
    nika_probe_install(&core->probes);
    sim_trusted_reset(w);
    w->twin_running = 0;
    for (uint32_t i = 0; i < w->twin_first; i++) {
        sim_node_init(w, i);
        /* After the faults of time 0: which of them is in place first must not be a tie. */
        (void)sim_schedule(w, SIM_START, i, 1, 0, 0, 0);
    }
    sim_faults_reset(w);
    if (o->gst_ns != NIKA_NEVER) (void)sim_schedule(w, SIM_GST, w->nodes, o->gst_ns, 0, 0, 0);
    w->stop = false;
    w->leave_ns = 0;
}

struct nika_world *nika_world_new(const struct nika_world_options *options, uint64_t seed,
                                  const char **reason)
{
    *reason = options_check(options);
    if (*reason != NULL) return NULL;
    *reason = "out of memory";
    struct nika_world *w = calloc(1, sizeof *w);
    if (w == NULL) return NULL;
    w->options = *options;
    w->nodes = w->twin_first = options->config.n + options->config.clients;
    sim_twins_count(w);
    const struct nika_cpu_options *cpu = &options->cpu;
    w->free_cpu = (cpu->message_ns | cpu->sign_ns | cpu->verify_ns | cpu->mac_ns |
                   cpu->hash_ns_per_kib | cpu->trusted_ns) == 0;
    if (options->config.suite == NIKA_SUITE_SIM) nika_auth_install_sim(&nika_auth_sim_table);
    if (!sim_arena_open(w) || !tables_new(w) || !lay_out_scratch(w) || !lay_out(w) ||
        !sim_arena_settle(w) || !sim_trusted_open(w)) {
        nika_world_free(w);
        return NULL;
    }
    w->segment_used = calloc(w->segment_count, sizeof *w->segment_used);
    if (w->segment_used == NULL) {
        nika_world_free(w);
        return NULL;
    }
    sim_faults_init(w);
    begin(w, seed);
    *reason = NULL;
    return w;
}

void nika_world_free(struct nika_world *w)
{
    if (w == NULL) return;
    nika_probe_install(NULL);
    sim_arena_close(w);
    free(w->snapshots);
    free(w->logs);
    free(w->module_size);
    free(w->module_memory);
    free(w->app_memory);
    free(w->trusted);
    nika_trusted_key_free(w->trusted_key);
    free(w->cache);
    free(w->segment_used);
    free(w);
}

void nika_world_reset(struct nika_world *w, uint64_t seed)
{
    nika_choice_tap *tap = w->core->chooser.tap;
    void *tap_context = w->core->chooser.tap_context;
    sim_arena_clear(w);
    begin(w, seed);
    w->core->chooser.tap = tap;
    w->core->chooser.tap_context = tap_context;
}

/* ---- running ---- */
static bool dispatch(struct nika_world *w, uint32_t slot, uint64_t number)
{
    struct sim_event *e = &w->events[slot];
    struct sim_event copy = *e;
    switch ((enum sim_event_kind)e->kind) {
    case SIM_MESSAGE:
        sim_network_arrived(w, e);
        sim_node_deliver(w, slot);
        return true;
    case SIM_TIMER:
        if (!sim_timer_fired(w, e, number)) {
            sim_event_free(w, slot);
            return false;
        }
        e->token = w->node[e->node].timers[e->a].generation;
        sim_node_deliver(w, slot);
        return true;
    case SIM_APP:
    case SIM_INVOKE:
    case SIM_START:
    case SIM_STORED:
        sim_node_deliver(w, slot);
        return true;
    case SIM_WAKE:
        sim_node_wake(w, slot);
        return true;
    case SIM_FSYNC:
        sim_event_free(w, slot);
        sim_disk_fsynced(w, &copy);
        return true;
    case SIM_FAULT_START:
    case SIM_FAULT_STOP:
    case SIM_FAULT_WAKE:
        sim_event_free(w, slot);
        sim_fault_event(w, &copy);
        return true;
    case SIM_GST:
        sim_event_free(w, slot);
        sim_gst(w);
        return true;
    }
    NIKA_ASSERT(false && "unknown event");
    return false;
}

enum nika_world_state nika_world_step(struct nika_world *w)
{
    struct sim_core *core = w->core;
    uint64_t time = 0, number = 0;
    if (core->event_index >= w->options.event_limit) return core->state = NIKA_WORLD_EVENT_LIMIT;
    /* Timers that were set again or cancelled cost no event. */
    for (;;) {
        if (!sim_queue_next_time(w, &time)) return core->state = NIKA_WORLD_IDLE;
        if (time > w->options.time_limit_ns) return core->state = NIKA_WORLD_TIME_LIMIT;
        core->now = time;
        uint32_t slot = sim_queue_pop(w, &number);
        if (dispatch(w, slot, number)) break;
    }
    core->event_index++;
    return core->state = NIKA_WORLD_RUNNING;
}

enum nika_world_state nika_world_run_event(struct nika_world *w, uint64_t until_ns, bool *stepped)
{
    uint64_t time = 0;
    *stepped = w->stop = false;
    if (sim_queue_next_time(w, &time) && time > until_ns && time <= w->options.time_limit_ns) {
        if (until_ns > w->core->now) w->core->now = until_ns;
        return NIKA_WORLD_RUNNING;
    }
    enum nika_world_state state = nika_world_step(w);
    *stepped = state == NIKA_WORLD_RUNNING;
    return state;
}

enum nika_world_state nika_world_run(struct nika_world *w, uint64_t until_ns)
{
    bool stepped = true;
    enum nika_world_state state = NIKA_WORLD_RUNNING;
    do {
        state = nika_world_run_event(w, until_ns, &stepped);
    } while (stepped && !w->stop);
    return state;
}

void nika_world_stop(struct nika_world *w)
{
    w->stop = true;
}

bool nika_world_is_stopped(const struct nika_world *w)
{
    return w->stop;
}

void nika_world_watch(struct nika_world *w, const struct nika_watcher *watcher)
{
    NIKA_ASSERT(w->watcher_count < NIKA_WATCHERS_MAX);
    w->watchers[w->watcher_count++] = *watcher;
    w->tap_mask |= watcher->mask;
}

void nika_world_invoke(struct nika_world *w, uint32_t client, uint64_t token, struct nika_span op,
                       uint32_t flags, uint64_t delay_ns)
{
    NIKA_ASSERT(client < w->options.config.clients);
    uint32_t handle = nika_store_put(w->local, op);
    NIKA_ASSERT(handle != 0 && "more operations are waiting than memory holds");
    (void)sim_schedule(w, SIM_INVOKE, w->options.config.n + client, w->core->now + delay_ns, flags,
                       handle, token);
}
