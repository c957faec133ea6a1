/* engine/shim/node.h: one replica as a process: its module and application driven by sockets, clocks and a disk.
 *
 * Gives a module exactly the events that the simulator gives it, in the same order of stages: ingress, signature or MAC, step, actions in
 * order, completions as later events. Has no protocol logic. A module that breaks its contract ends the process (exit code 3). */
#ifndef ENGINE_SHIM_NODE_H
#define ENGINE_SHIM_NODE_H

#include "engine/core/app.h"
#include "engine/core/replica.h"
#include "engine/shim/cluster.h"
#include "engine/shim/log.h"

struct nika_behaviour_options;
struct nika_node_options {
    const char *file; /* The node file, for messages. All borrowed until free. */
    const struct nika_node_config *config;
    const struct nika_cluster *cluster;
    const struct nika_node_keys *keys;
    struct nika_keyring *keyring;
    struct nika_log *log;
    const struct nika_replica_ops *replica_ops;
    const struct nika_app_ops *app_ops;
    const char *version; /* Of the program, for status and metrics. */
    /* Called with the application before it is used; NULL = nothing. False ends the start. */
    bool (*attach)(void *context, struct nika_app *app);
    void *attach_context;
    /* Lie in this way (behaviour.h); NULL = do not. Builds with NIKA_BEHAVIOURS alone look at it. */
    const struct nika_behaviour_options *behaviour;
    const char *record; /* File for a recording (recorder.h); NULL = none. */
};
struct nika_node;
/* The secrets of a replica are in its memory: from here on this process leaves no core file, and no other process of the same user may
 * look into it. nika_node_new() does so, too; whoever reads keys for it does so before. */
void nika_node_keep_secrets(void);
/* Makes the data directory of a new replica, and only that: an empty or missing one is later taken for a lost disk, which a replica must
 * first learn again. False with problems. */
bool nika_node_make_data(const struct nika_node_options *options, struct nika_problems *problems);
/* Opens the data directory, recovers, listens. NULL with problems. SIGTERM, SIGINT and SIGHUP are blocked from here on. */
struct nika_node *nika_node_new(const struct nika_node_options *options,
                                struct nika_problems *problems);
/* Run until SIGTERM or SIGINT, then send what waits and return. SIGHUP opens the log again. */
void nika_node_run(struct nika_node *node);
void nika_node_free(struct nika_node *node);

/* The state as JSON, for the operator port; the caller decrefs. */
json_t *nika_node_status(struct nika_node *node);
/* The same as OpenMetrics text in memory of the caller; returns the size that it needs. */
size_t nika_node_metrics(struct nika_node *node, char *out, size_t capacity);
/* NULL when healthy: its session reaches a quorum's worth of peers and it is in an active view. Else what it waits for. */
const char *nika_node_unhealthy(struct nika_node *node);

#endif
