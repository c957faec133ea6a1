/* engine/sim/internal.h: what the files of the simulated world share. Not for outside use.
 *
 * Everything that a run can change is in `struct core` or in another segment of the arena; `struct nika_world` holds only
 * options, watchers and scratch space, so that copying the segments is copying the run. */
#ifndef ENGINE_SIM_INTERNAL_H
#define ENGINE_SIM_INTERNAL_H

#include "engine/core/assert.h"
#include "engine/core/digest.h"
#include "engine/core/host.h"
#include "engine/core/store.h"
#include "engine/core/trusted_instance.h"
#include "engine/core/wal.h"
#include "engine/sim/world.h"

#define SIM_TIES_MAX 8u
/* Durable snapshots of one replica, and one that replaces them. */
#define SIM_SNAPSHOTS_MAX (NIKA_SNAPSHOTS_MAX + 1u)
#define SIM_METAS_MAX                                                                              \
    NIKA_SNAPSHOTS_MAX /* Application snapshots whose description is remembered. */
#define SIM_ACTIONS_MAX 16384u
#define SIM_EFFECT_BYTES (64u * 1024u * 1024u)
#define SIM_SCRATCH_BYTES (72u * 1024u * 1024u)
#define SIM_OUTGOING_BYTES (17u * 1024u * 1024u)
#define SIM_LOCAL_BYTES (128u * 1024u * 1024u)
#define SIM_CACHE_SLOTS 65536u

enum sim_event_kind {
    SIM_MESSAGE = 1, /* node, a = link, handle = message */
    SIM_TIMER,       /* node, a = slot, token = number of the arming */
    SIM_FSYNC,       /* node, epoch */
    SIM_STORED,      /* node, handle = pending record or step of the trusted subsystem */
    SIM_APP,         /* node, handle = completion bytes, token, a = status */
    SIM_INVOKE,      /* node, handle = operation, token, a = flags */
    SIM_START,       /* node */
    SIM_WAKE,        /* node: the CPU is free again */
    SIM_FAULT_START, /* a = fault */
    SIM_FAULT_STOP,  /* a = fault */
    SIM_FAULT_WAKE,  /* a = fault, token = cookie */
    SIM_GST,
};

struct sim_event {
    uint8_t kind;
    uint32_t node;
    uint32_t epoch; /* Life of the node that it belongs to: dead after a crash. */
    uint32_t a;
    uint32_t handle;
    uint32_t next; /* Inbox or free list; slot + 1. */
    uint64_t token;
    uint64_t time;
};
/* Heap key: exact order by (time, insertion). `order` = insertion number << 24 | slot. */
struct sim_key {
    uint64_t time;
    uint64_t order;
};
struct sim_queue {
    uint32_t count, capacity, high_water, free_slot;
    uint64_t inserted;
    uint32_t tie_count; /* Events of the instant `now` already taken from the heap, in order. */
    struct sim_key ties[SIM_TIES_MAX];
};

enum sim_verdict { SIM_UNKNOWN, SIM_GOOD, SIM_BAD };
/* One message in flight, shared by all receivers of a broadcast; the frame's bytes follow it in its block. */
struct sim_message {
    uint32_t refs;
    uint32_t size;
    uint64_t hash;
    uint8_t type;
    uint8_t ingress; /* enum sim_verdict: parsed and bound. */
    uint8_t verdict; /* Of a signature; a MAC is checked by each receiver. */
    uint8_t send_class;
    struct nika_frame frame;
    struct nika_summary summary;
};

struct sim_link {
    uint64_t last_arrival;
    uint64_t busy_until;
    uint32_t bytes;   /* In flight or queued. */
    uint32_t waiting; /* Messages in the receiver's inbox. */
};

struct sim_timer {
    bool armed, pending;
    uint64_t generation, deadline;
    uint64_t number; /* Of the queued event that counts. */
    uint64_t queued; /* Its time. */
};

/* A record on its way to the disk. */
struct sim_pending {
    uint32_t next;
    uint32_t kind;
    uint64_t seq, token;
    uint32_t start, end; /* In the log. */
    uint32_t object;     /* SNAPSHOT_SAVE: handle in the snapshot store. */
    uint64_t delay_ns;   /* Added to its fsync by a fault. */
    uint64_t
        ready_ns; /* When the CPU hands it to the disk: no fsync that starts earlier covers it. */
    int32_t status;
    bool lost;
    /* No record, but a step of the trusted subsystem behind those before it: for value [seq|order] of counter `kind`. `refused`: one of
     * them failed. */
    bool certify, refused;
    uint64_t order, number;
    struct nika_digest digest;
    struct nika_summary summary;
};
struct sim_saved {
    uint64_t seq;
    uint32_t object;
    bool lost; /* Reported but not durable. */
};
struct sim_disk {
    uint32_t size, durable, compacted;
    uint32_t first, last; /* Pending records, oldest first. */
    uint32_t batch;       /* Of these, how many the running fsync covers; 0 = none runs. */
    bool batch_done;
    bool lying;          /* The last fsync reported more than it made durable. */
    uint64_t trimmed;    /* The durable mark. */
    uint64_t trim_asked; /* The mark of the module; a crash forgets it. */
    /* Records that failed and whose module was not told yet; and how many had been issued when it was told last: what it asked its trusted
     * subsystem for before is refused. */
    uint64_t failing, refuse;
    uint64_t trim_barrier;   /* How many records had been issued when it asked. */
    uint64_t issued, synced; /* Records of this life, and how many of them an fsync covered. */
    struct sim_saved saved[SIM_SNAPSHOTS_MAX];
    uint32_t saved_count;
};

/* A processor of a node and what waits for it. Where there are pillars each has one, and what concerns all of them another. */
#define SIM_LANES_MAX (NIKA_PILLARS_MAX + 1u)
struct sim_lane {
    uint64_t busy_until;
    uint32_t inbox_first, inbox_last;
    bool waking;
};

struct sim_node {
    bool up, paused, booting; /* Booting: up, but START has not been stepped; all else waits. */
    bool
        forgetful; /* Its log was lost and it is not over that yet: what it writes meanwhile is no whole log. */
    uint32_t epoch;
    uint32_t slow_permille;
    uint64_t cost; /* Of the step that runs, ... */
    uint32_t lane; /* ... and the processor that runs it. */
    bool doomed;   /* A fault killed it inside the step that runs. */
    struct sim_lane lanes[SIM_LANES_MAX];
    int64_t drift_ppm, offset_ns;
    uint64_t reference_ns, last_now;
    struct nika_replica *module;
    struct nika_app *app;
    uint64_t app_free_at;
    struct nika_snapshot_meta metas[SIM_METAS_MAX];
    uint32_t meta_count;
    struct sim_timer timers[NIKA_TIMERS_MAX];
    struct sim_disk disk;
    struct nika_host host;
};

struct sim_core {
    uint64_t now, event_index;
    uint64_t timer_number;
    bool settled; /* GST has passed. */
    bool started;
    enum nika_world_state state;
    struct nika_world_stats stats;
    struct nika_run_digest digest;
    struct nika_probe_table probes;
    struct nika_fault faults[NIKA_FAULTS_MAX];
    uint32_t active_hooks; /* Bits by hook: is any active fault using it? */
    struct sim_queue queue;
    struct nika_chooser chooser;
};

enum sim_use {
    SIM_USE_ALL,
    SIM_USE_EVENTS,
    SIM_USE_HEAP,
    SIM_USE_STORE,
    SIM_USE_MODULE,
    SIM_USE_APP,
    SIM_USE_LOG,
    SIM_USE_TRUSTED,
    SIM_USE_EXTRA
};
struct sim_segment {
    uint8_t *base;
    size_t capacity;
    enum sim_use use;
    uint32_t node;
};

struct sim_cache_entry {
    uint64_t high, low;
    uint32_t verdict;
};

struct nika_world {
    struct nika_world_options options;
    struct nika_watcher watchers[NIKA_WATCHERS_MAX];
    uint32_t watcher_count, tap_mask;
    bool stop;
    bool free_cpu;  /* All costs are zero. */
    uint32_t nodes; /* Replicas, then clients, then twins. */
    /* Second instances under the keys of corrupted replicas: the first one's index, whose each is, and each replica's (0 = none). */
    uint32_t twin_first, twin_of[NIKA_REPLICAS_MAX], twin_index[NIKA_REPLICAS_MAX];
    uint32_t twin_running; /* The twin that is being stepped; 0 = none. */
    uint64_t corrupted[2], corrupted_clients[2];
    uint8_t *arena;
    size_t arena_capacity, arena_at;
    struct sim_segment *segments;
    uint32_t segment_count;
    size_t *segment_used; /* Scratch of restore and reset. */
    struct sim_core *core;
    struct sim_node *node;
    struct sim_link *links;
    struct sim_key *heap;
    struct sim_event *events;
    struct nika_store *messages;
    struct nika_store *local; /* Completions, operations, pending records. */
    struct nika_store **snapshots;
    uint8_t **logs;
    size_t *module_size;
    size_t app_size;
    uint32_t snapshot_capacity;
    void *extra;
    void **module_memory, **app_memory;
    struct nika_trusted_instance *
        *trusted; /* One per replica, outside its memory: no crash touches it (TS1, TS2). */
    struct nika_trusted_key *trusted_key;
    uint64_t trusted_epochs[NIKA_REPLICAS_MAX];
    struct nika_effects effects;
    uint8_t *scratch, *outgoing, *outgoing_body, *linked;
    uint64_t leave_ns; /* When effects of the step that is applied take place. */
    struct sim_cache_entry *cache;
    struct nika_fault_host fault_host;
};

/* Hooks in active_hooks. */
enum {
    SIM_HOOK_SEND = 1,
    SIM_HOOK_LINK = 2,
    SIM_HOOK_RECEIVE = 4,
    SIM_HOOK_DISK = 8,
    SIM_HOOK_TEAR = 16,
    SIM_HOOK_TAP = 32,
    SIM_HOOK_TRUSTED = 64,
    SIM_HOOK_LINK_BYTES = 128
};

static inline uint32_t sim_index(const struct nika_world *w, uint32_t node)
{
    return nika_is_client(node) ? w->options.config.n + nika_client_index(node) : node;
}
static inline bool sim_is_twin(const struct nika_world *w, uint32_t index)
{
    return index >= w->twin_first && index < w->nodes;
}
/* Who it says it is. */
static inline uint32_t sim_id(const struct nika_world *w, uint32_t index)
{
    if (index < w->options.config.n) return index;
    if (sim_is_twin(w, index)) return w->twin_of[index - w->twin_first];
    return nika_client_node(index - w->options.config.n);
}
/* What decisions call it: the twin of replica 2 is 130. */
static inline uint32_t sim_choice_id(const struct nika_world *w, uint32_t index)
{
    return sim_is_twin(w, index) ? NIKA_REPLICAS_MAX + sim_id(w, index) : sim_id(w, index);
}
/* Which instance calls its host as `self`. */
static inline uint32_t sim_caller(const struct nika_world *w, uint32_t self)
{
    bool twin = w->twin_running != 0 && sim_id(w, w->twin_running) == self;
    return twin ? w->twin_running : sim_index(w, self);
}
static inline bool sim_wants(const struct nika_world *w, enum nika_tap_kind kind)
{
    return (w->tap_mask & NIKA_TAP_BIT(kind)) != 0;
}
static inline bool sim_is_replica(const struct nika_world *w, uint32_t index)
{
    return index < w->options.config.n || sim_is_twin(w, index);
}
/* Replicas and twins have links to everybody; this many rows. */
static inline uint32_t sim_link_rows(const struct nika_world *w)
{
    return w->options.config.n + w->nodes - w->twin_first;
}
static inline size_t sim_link_count(const struct nika_world *w)
{
    uint32_t rows = sim_link_rows(w);
    return (size_t)rows * w->nodes + (size_t)(w->nodes - rows) * rows;
}

/* arena.c */
bool sim_arena_open(struct nika_world *w);
/* After the layout and before the first write: whatever the last world left where another segment lies now is zero again. */
bool sim_arena_settle(struct nika_world *w);
/* Zero every segment's used prefix. */
void sim_arena_clear(struct nika_world *w);
/* Keeps the mapping, cleared, for the next world of the process; gives back that of a world that was never complete. */
void sim_arena_close(struct nika_world *w);
void *sim_arena_scratch(struct nika_world *w, size_t size);
/* A segment that snapshots copy. NULL when the arena is full. */
void *sim_arena_segment(struct nika_world *w, size_t size, enum sim_use use, uint32_t node);
size_t sim_segment_used(const struct nika_world *w, const struct sim_segment *s);

/* queue.c: the event queue. */
void sim_queue_init(struct nika_world *w, uint32_t capacity);
/* Slot of a new event, zeroed, or UINT32_MAX when full. */
uint32_t sim_event_new(struct nika_world *w);
void sim_event_free(struct nika_world *w, uint32_t slot);
/* Queue an event for `time` (>= now). Returns its number. */
uint64_t sim_queue_push(struct nika_world *w, uint32_t slot, uint64_t time);
bool sim_queue_next_time(const struct nika_world *w, uint64_t *time);
/* Take the next event, deciding among those of one instant. The queue must not be empty. */
uint32_t sim_queue_pop(struct nika_world *w, uint64_t *number);
bool sim_queue_has_room(const struct nika_world *w);
/* Bring every queued message to at most `limit`, in order, one ns apart. Returns the latest time given. */
uint64_t sim_queue_clip_messages(struct nika_world *w, uint64_t limit);
/* Shorthand: new event, filled, pushed; asserts room. */
uint64_t sim_schedule(struct nika_world *w, enum sim_event_kind kind, uint32_t index, uint64_t time,
                      uint32_t a, uint32_t handle, uint64_t token);

/* record.c: run digest and taps. */
void sim_record(struct nika_world *w, uint32_t kind, uint32_t node, uint64_t a, uint64_t b,
                uint64_t hash);
void sim_tap(struct nika_world *w, struct nika_tap *tap);
void sim_tap_simple(struct nika_world *w, enum nika_tap_kind kind, uint32_t node, uint64_t a,
                    uint64_t b);

/* network.c */
void sim_network_send(struct nika_world *w, uint32_t from, const struct nika_action *action,
                      struct nika_span frame);
void sim_network_inject(struct nika_world *w, uint32_t from, uint32_t to, struct nika_span frame);
void sim_network_arrived(struct nika_world *w, const struct sim_event *e);
void sim_network_drop(struct nika_world *w, uint32_t from, uint32_t to, uint32_t handle,
                      enum nika_drop why);
void sim_network_settle(struct nika_world *w);
struct sim_message *sim_message_at(const struct nika_world *w, uint32_t handle);
void sim_message_release(struct nika_world *w, uint32_t handle);
struct sim_link *sim_link_of(const struct nika_world *w, uint32_t from, uint32_t to);
uint64_t sim_latency(struct nika_world *w, const struct nika_latency *latency,
                     struct nika_choice_name *name);

/* node.c */
void sim_node_init(struct nika_world *w, uint32_t index);
/* Deliver an event to its node now or, when it is busy or paused, later. Takes the slot. */
void sim_node_deliver(struct nika_world *w, uint32_t slot);
void sim_node_wake(struct nika_world *w, uint32_t slot);
void sim_node_step(struct nika_world *w, uint32_t index, struct nika_event *event);
void sim_node_recover(struct nika_world *w, uint32_t index, uint32_t kind, uint64_t seq,
                      struct nika_span bytes);
void sim_node_crash(struct nika_world *w, uint32_t index);
void sim_node_restart(struct nika_world *w, uint32_t index, bool amnesia);
void sim_node_pause(struct nika_world *w, uint32_t index, bool paused);
void sim_event_discard(struct nika_world *w, uint32_t slot);
void sim_apply(struct nika_world *w, uint32_t index);
void sim_timer_set(struct nika_world *w, uint32_t index, const struct nika_action *action);
bool sim_timer_fired(struct nika_world *w, const struct sim_event *e, uint64_t number);

/* clock.c */
uint64_t sim_clock_now(struct nika_world *w, uint32_t index);
uint64_t sim_clock_world_delay(const struct nika_world *w, uint32_t index, uint64_t delay_ns);
void sim_clock_set(struct nika_world *w, uint32_t index, int64_t offset_ns, int64_t drift_ppm);
void sim_clock_jump(struct nika_world *w, uint32_t index, int64_t by_ns);

/* disk.c */
/* A step of the trusted subsystem behind everything that is on its way to the disk. */
void sim_disk_certify(struct nika_world *w, uint32_t index, const struct nika_action *action,
                      struct nika_span bytes);
/* The module learns that a record failed. */
void sim_disk_told(struct nika_world *w, uint32_t index);
void sim_disk_persist(struct nika_world *w, uint32_t index, const struct nika_action *action,
                      struct nika_span bytes);
void sim_disk_save(struct nika_world *w, uint32_t index, const struct nika_action *action,
                   struct nika_span bytes);
void sim_disk_fsynced(struct nika_world *w, const struct sim_event *e);
void sim_disk_trim(struct nika_world *w, uint32_t index, uint64_t seq);
void sim_disk_drop(struct nika_world *w, uint32_t index, uint64_t before);
void sim_disk_crash(struct nika_world *w, uint32_t index);
void sim_disk_wipe(struct nika_world *w, uint32_t index);
/* Restore app and module from what is durable. True when amnesiac. */
bool sim_disk_recover(struct nika_world *w, uint32_t index);
bool sim_disk_rot(struct nika_world *w, uint32_t index, uint32_t position_ppm);

/* app_port.c */
void sim_app_action(struct nika_world *w, uint32_t index, const struct nika_action *action,
                    struct nika_span bytes);
const struct nika_snapshot_meta *sim_app_meta(const struct nika_world *w, uint32_t index,
                                              uint64_t seq);
void sim_app_remember(struct nika_world *w, uint32_t index, const struct nika_snapshot_meta *meta);

/* auth_host.c */
void sim_auth_host(struct nika_world *w, struct nika_host *host, uint32_t node);
/* Verdict on a delivered message for receiver `index`; charges the node. */
bool sim_auth_message(struct nika_world *w, uint32_t index, struct sim_message *m);
uint32_t sim_auth_make(struct nika_world *w, uint32_t node, enum nika_auth_alg alg, uint8_t type,
                       uint32_t to, struct nika_span body, uint8_t *auth);

/* trusted.c */
bool sim_trusted_open(struct nika_world *w);
void sim_trusted_reset(struct nika_world *w);
extern const struct nika_trusted_ops sim_trusted_ops;
/* For faults: fault.h says what each does. */
void sim_trusted_faults(struct nika_fault_host *host);

/* faults.c */
enum nika_err sim_fault_on_trusted(struct nika_world *w, uint32_t node,
                                   struct nika_trusted_call *call);
/* Before the layout: which replicas may run twice. */
void sim_twins_count(struct nika_world *w);
void sim_faults_init(struct nika_world *w);
void sim_faults_reset(struct nika_world *w);
void sim_fault_event(struct nika_world *w, const struct sim_event *e);
void sim_gst(struct nika_world *w);
void sim_fault_on_send(struct nika_world *w, struct nika_outgoing *out);
void sim_fault_on_link(struct nika_world *w, struct nika_outgoing *out);
bool sim_fault_on_receive(struct nika_world *w, uint32_t node, const struct nika_frame *frame);
enum nika_disk_fault sim_fault_on_disk(struct nika_world *w, uint32_t node, uint32_t kind,
                                       uint64_t *delay_ns);
bool sim_fault_on_tear(struct nika_world *w, uint32_t node, uint32_t unsynced, uint32_t *kept);
void sim_fault_on_tap(struct nika_world *w, uint32_t node, uint32_t kind, uint64_t a, uint64_t b);
bool sim_faults_active(const struct nika_world *w, uint32_t hook);

#endif
