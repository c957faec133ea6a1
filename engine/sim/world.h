/* engine/sim/world.h: the discrete-event world: replicas, clients, network, disks and clocks in virtual time (DESIGN.md 1, 4).
 *
 * A world owns one arena mapped at one fixed address in which everything that a run can change lives, so that snapshot,
 * restore and branch are copies. It is a pure function of its options and its chooser. One world per process at a time. */
#ifndef ENGINE_SIM_WORLD_H
#define ENGINE_SIM_WORLD_H

#include "engine/core/app.h"
#include "engine/core/check.h"
#include "engine/core/choice.h"
#include "engine/core/config.h"
#include "engine/core/fault.h"
#include "engine/core/probe.h"
#include "engine/core/replica.h"
#include "engine/core/tap.h"

#define NIKA_LATENCY_POINTS 17u
#define NIKA_LATENCY_CLASSES 8u
#define NIKA_WATCHERS_MAX 8u
#define NIKA_FAULTS_MAX 32u
#define NIKA_NEVER UINT64_MAX

/* Quantiles 0/16 .. 16/16 of a one-way latency, ns, ascending; between them linear. Choice 0 = quantile 0 = base. */
struct nika_latency {
    uint64_t quantile_ns[NIKA_LATENCY_POINTS];
};
struct nika_network_options {
    struct nika_latency latency[NIKA_LATENCY_CLASSES]; /* Class 0 is the default. */
    uint8_t replica_class[NIKA_REPLICAS_MAX]
                         [NIKA_REPLICAS_MAX]; /* Latency class of each replica link. */
    uint32_t loss_ppm, duplicate_ppm,
        reorder_ppm; /* Before GST. Links are FIFO unless a message draws "reorder". */
    uint64_t bandwidth_bytes_per_s; /* Per link; 0 = unlimited. */
    /* In flight or queued on one link; beyond it the newest bulk message is dropped. */
    uint32_t link_bytes_max;
    uint64_t latency_bound_ns; /* After GST no message takes longer; 0 = the largest quantile. */
};
struct nika_disk_options {
    struct nika_latency fsync; /* One group commit. */
    uint32_t log_bytes_max;    /* Disk size for one replica's log. */
    uint32_t snapshot_bytes_max;
};
/* CPU cost in ns, charged to the node's virtual CPU; all zero = infinitely fast. */
struct nika_cpu_options {
    uint32_t message_ns, sign_ns, verify_ns, mac_ns, execute_ns;
    uint32_t trusted_ns; /* A call to the trusted instance. */
    uint32_t hash_ns_per_kib;
    /* Messages waiting for a busy node, per sender; newest is dropped beyond it. */
    uint32_t inbox_max;
};

struct nika_world;
struct nika_world_options {
    struct nika_config config; /* Sealed. */
    const struct nika_replica_ops *replica_ops;
    const struct nika_client_ops *client_ops;
    const struct nika_app_ops *app_ops;
    uint64_t app_param;
    struct nika_keyring *keyring; /* Borrowed for the life of the world. */
    struct nika_network_options network;
    struct nika_disk_options disk;
    struct nika_cpu_options cpu;
    struct nika_latency app_delay; /* Time from EXECUTE to its completion event. */
    uint64_t gst_ns;               /* NIKA_NEVER = the network never settles. */
    uint64_t time_limit_ns;
    uint64_t event_limit;
    /* All messages in flight; a message that does not fit is dropped as NIKA_DROP_QUEUE. */
    uint32_t message_bytes_max;
    /* Zeroed memory in the arena for the caller (oracle state, workload), with `extra_used`. */
    uint32_t extra_bytes;
    size_t (*extra_used)(const void *extra); /* Prefix in use; NULL = all. */
    struct nika_fault faults
        [NIKA_FAULTS_MAX]; /* ops, index, targets, from_ns, to_ns, params set by the caller; the rest by the world. */
    uint32_t fault_count;
    /* Verified once: keep a verdict cache for signatures (all suites); receivers are charged all the same. */
    bool verdict_cache;
    /* Replicas may ask for certificates behind their log and get them by event (host.h). */
    bool trusted_later;
};

enum nika_world_state {
    NIKA_WORLD_RUNNING,
    NIKA_WORLD_IDLE, /* No event is left. */
    NIKA_WORLD_EVENT_LIMIT,
    NIKA_WORLD_TIME_LIMIT,
};

struct nika_world_stats {
    uint64_t events, now_ns;
    uint64_t messages_sent, messages_delivered, bytes_sent;
    uint64_t dropped[8]; /* By enum nika_drop. */
    uint64_t signatures, verifications, verifications_cached;
    uint64_t rejects[NIKA_CHECK_COUNT]; /* By enum nika_check, all replicas. */
    uint64_t executed_ops;
    uint64_t arena_used_bytes, replica_bytes; /* Largest replica incl. app. */
};

/* A world from options (copied), with the seed driver under `seed`; replace the chooser through nika_world_chooser() before the
 * first step for other drivers. NULL with *reason (static text) when the options are impossible or memory is short.
 * Reuses the process's arena: the previous world must have been freed. */
struct nika_world *nika_world_new(const struct nika_world_options *options, uint64_t seed,
                                  const char **reason);
void nika_world_free(struct nika_world *w);
/* Back to time 0 with another seed and the same options: O(bytes used). Watchers stay, `extra` is zeroed. */
void nika_world_reset(struct nika_world *w, uint64_t seed);

struct nika_chooser *nika_world_chooser(struct nika_world *w);
void *nika_world_extra(struct nika_world *w);
/* At most NIKA_WATCHERS_MAX. Called in the order added. The watcher is copied. */
void nika_world_watch(struct nika_world *w, const struct nika_watcher *watcher);

/* One event. The world state after it. */
enum nika_world_state nika_world_step(struct nika_world *w);
/* Until `until_ns` has passed, `stop` is set by nika_world_stop() from a watcher, or the state is not RUNNING. */
enum nika_world_state nika_world_run(struct nika_world *w, uint64_t until_ns);
void nika_world_stop(struct nika_world *w);
/* One event no later than `until_ns`, exactly as nika_world_run() would take it; *stepped = false when there is none: its time has come,
 * or the state is not RUNNING. */
enum nika_world_state nika_world_run_event(struct nika_world *w, uint64_t until_ns, bool *stepped);
/* Did a watcher call nika_world_stop() in the last event? */
bool nika_world_is_stopped(const struct nika_world *w);

/* Client `client` begins operation `token` at now + delay_ns. The op is copied. */
void nika_world_invoke(struct nika_world *w, uint32_t client, uint64_t token, struct nika_span op,
                       uint32_t flags, uint64_t delay_ns);

uint64_t nika_world_now(const struct nika_world *w);
uint64_t nika_world_event_index(const struct nika_world *w);
const struct nika_config *nika_world_config(const struct nika_world *w);
void nika_world_stats(const struct nika_world *w, struct nika_world_stats *out);
void nika_world_status(const struct nika_world *w, uint32_t replica,
                       struct nika_replica_status *out);
bool nika_world_is_up(const struct nika_world *w, uint32_t replica);
bool nika_world_is_corrupted(const struct nika_world *w, uint32_t node);
/* The live application of a replica (for invariants), NULL when down. */
const struct nika_app *nika_world_app(const struct nika_world *w, uint32_t replica);
struct nika_fault *nika_world_fault(struct nika_world *w, uint32_t index);
struct nika_probe_table *nika_world_probes(struct nika_world *w);
/* Canonical state hash of one replica (protocol digest). */
void nika_world_replica_digest(const struct nika_world *w, uint32_t replica,
                               struct nika_digest *out);
/* The run digest so far, 32 hex characters. */
void nika_world_digest_text(const struct nika_world *w, char out[33]);

/* ---- what waits (waiting.c): for people who look into a run ---- */
enum nika_waiting_kind {
    NIKA_WAITING_MESSAGE,   /* `from`, `frame`, `summary`. */
    NIKA_WAITING_DISK,      /* The end of a write to disk. */
    NIKA_WAITING_STORED,    /* A record that is durable; the module has not been told. */
    NIKA_WAITING_APP,       /* An answer of the application. */
    NIKA_WAITING_OPERATION, /* A client's operation `token`. */
    NIKA_WAITING_START,     /* The node's first step of this life. */
    NIKA_WAITING_CPU,       /* The node is busy until then. */
    NIKA_WAITING_FAULT,     /* Fault `token` starts, stops or wakes. */
    NIKA_WAITING_GST,
    NIKA_WAITING_COUNT
};
const char *nika_waiting_name(uint32_t kind); /* "message", "disk", ... */
struct nika_waiting {
    enum nika_waiting_kind kind;
    bool arrived; /* It is due, but the node is busy, paused or not started. */
    uint32_t from;
    uint64_t at_ns, token, order;
    const struct nika_frame *frame;
    const struct nika_summary *summary;
};
/* The first `capacity` events that wait for `node` (NIKA_NODE_NONE = for the world itself), in the order in which they are due; what the
 * world decides between events of one instant is not known before. Timers are nika_world_timer()'s. Returns how many wait. The
 * pointers are valid until the world changes. */
uint32_t nika_world_waiting(const struct nika_world *w, uint32_t node, struct nika_waiting *out,
                            uint32_t capacity);
/* Is this timer of the node set, and for when? */
bool nika_world_timer(const struct nika_world *w, uint32_t node, uint32_t slot,
                      uint64_t *deadline_ns);
/* What the timer is for. NULL: its module has no name for it. */
const char *nika_world_timer_name(const struct nika_world *w, uint32_t node, uint32_t slot);
/* The address of the step function of a node's module, for a debugger. NULL when there is no such node. */
const void *nika_world_step_of(const struct nika_world *w, uint32_t node);
bool nika_world_is_paused(const struct nika_world *w, uint32_t node);
/* Until when the node's CPU works on what it took; not after now = idle. */
uint64_t nika_world_busy_until(const struct nika_world *w, uint32_t node);

/* Copies of everything that the run can change. A snapshot belongs to the world that took it and may be restored any number
 * of times. NULL when out of memory. */
struct nika_world_snapshot;
struct nika_world_snapshot *nika_world_snapshot(struct nika_world *w);
/* Refill an existing snapshot without allocating when it fits. */
void nika_world_snapshot_again(struct nika_world *w, struct nika_world_snapshot *snapshot);
void nika_world_restore(struct nika_world *w, const struct nika_world_snapshot *snapshot);
size_t nika_world_snapshot_bytes(const struct nika_world_snapshot *snapshot);
void nika_world_snapshot_free(struct nika_world_snapshot *snapshot);

#endif
