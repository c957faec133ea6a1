/* engine/shim/node_private.h: what the files of a node share. Not for outside use. */
#ifndef ENGINE_SHIM_NODE_PRIVATE_H
#define ENGINE_SHIM_NODE_PRIVATE_H

#include "engine/core/check.h"
#include "engine/shim/durable.h"
#include "engine/shim/links.h"
#include "engine/shim/node.h"
#include "engine/shim/pool.h"
#include "engine/shim/timers.h"
#include "engine/shim/trust.h"
#include "engine/shim/verify.h"

#define NODE_ACTIONS_MAX 16384u
#define NODE_EFFECT_BYTES (64u * 1024u * 1024u)
#define NODE_SCRATCH_BYTES (72u * 1024u * 1024u)
#define NODE_COMPLETIONS_MAX 4096u /* Outstanding at the application's port. */
#define NODE_DRAIN_NS UINT64_C(1000000000)

/* A completion on its way to the module: of the application, or of a record that the disk did not take. */
struct completion {
    struct completion *next;
    enum nika_event_kind kind;
    uint64_t token;
    int32_t status;
    uint32_t size;
    uint8_t bytes[];
};
struct node_counts {
    uint64_t steps, messages, timers, stored, completions;
    uint64_t executed_ops, executed_batches, checkpoints, views, transfers, evidence, alarms;
    uint64_t persisted, persist_refused;
    uint64_t unneeded;     /* Messages that the module did not need: never verified. */
    uint64_t pool_dropped; /* Frames of peers that had too many waiting. */
    uint64_t rejects[NIKA_CHECK_COUNT];
    uint64_t arrivals[NIKA_ARRIVAL_COUNT];
};
struct nika_http;
struct nika_behaviour;
struct nika_node {
    struct nika_node_options options;
    const struct nika_config *config;
    struct nika_loop *loop;
    struct nika_links *links;
    struct nika_verifier *verifier;
    struct nika_behaviour *behaviour;  /* NULL = honest. */
    struct nika_pool *pool;            /* NULL = the loop verifies. */
    struct nika_trust *trust;          /* NULL = the protocol needs none. */
    uint64_t trust_watch_ns;           /* Next look whether it is still there. */
    bool trust_told;                   /* That it is gone. */
    struct nika_replica_status before; /* With trust: of the module before the step that runs. */
    enum nika_check stopped_voting;    /* TSG or TSR: the module said so; else NONE. */
    struct nika_recorder *recorder;    /* NULL = none. */
    uint64_t recorder_flush_ns;
    uint64_t trim_ns, trim_interval_ns; /* resident.h */
    struct nika_durable *durable;
    struct nika_http *http;
    struct nika_source durable_source, signal_source, pool_source, trust_source;
    uint64_t log_asked, log_done; /* Records and snapshots given to the disk; answered. */
    uint32_t log_failing;         /* Records that it did not take and the module was not told of. */
    struct nika_timers timers;
    struct nika_effects effects;
    void *module_memory, *app_memory;
    size_t module_size, app_size;
    struct nika_replica *module;
    struct nika_app *app;
    struct nika_snapshot_meta metas[NIKA_SNAPSHOTS_MAX];
    uint32_t meta_count;
    uint8_t *scratch;
    struct completion *first, *last;
    uint32_t completion_count;
    uint64_t started_ns;
    bool forgetful; /* Began as amnesiac and is not over it yet. */
    bool draining, stepping;
    uint64_t drain_until_ns;
    int pid_file; /* Locked as long as the process lives; -1 = none. */
    struct node_counts counts;
    uint64_t
        execution_chain; /* Over every result since the start: equal where the same was executed. */
};

/* status.c: of the module between two steps, whenever it is asked. */
void node_replica_status(const struct nika_node *node, struct nika_replica_status *out);

/* node_step.c */
void node_step(struct nika_node *node, struct nika_event *event);
/* A frame from the links. False closes the connection. */
bool node_on_frame(void *context, uint32_t peer, struct nika_span bytes);
/* Frames whose signatures were verified by threads, in order of arrival. */
void node_run_pool(struct nika_node *node);
void node_run_timers(struct nika_node *node);
/* Tell once when the trusted subsystem is gone; ask it when it is time. */
void node_watch_trust(struct nika_node *node, uint64_t now_ns);
/* Everything that completed without waiting, and what that causes. */
void node_run_completions(struct nika_node *node);

/* apps.c: the port between a replica and its application (app.h). */
void node_app_action(struct nika_node *node, const struct nika_action *action,
                     struct nika_span bytes);
const struct nika_snapshot_meta *node_app_meta(const struct nika_node *node, uint64_t seq);
/* Queue an APP or STORED event. Copies. */
void node_complete(struct nika_node *node, enum nika_event_kind kind, uint64_t token,
                   int32_t status, struct nika_span bytes);

/* http.c: the operator port. False with a problem; without a port in the configuration there is nothing to do. */
bool node_http_open(struct nika_node *node, struct nika_problems *problems);
void node_http_close(struct nika_node *node);
/* Do what is due at `now_ns`; requests are served as they arrive. Never waits. */
void node_http_run(struct nika_node *node, uint64_t now_ns);
/* Monotonic time at which something is due. */
uint64_t node_http_deadline(const struct nika_node *node);

#endif
