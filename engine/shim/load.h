/* engine/shim/load.h: many closed-loop clients of a live cluster in one thread: the client module behind real sessions, each with keys of
 * its own, and sessions where the cluster file says that another carries its frames. For measurements: what a client must keep across
 * restarts is kept in memory only, so a client id serves one load.
 *
 * Owns its sockets and modules. Each client has one operation outstanding; its duration counts from the instant it was to be issued. */
#ifndef ENGINE_SHIM_LOAD_H
#define ENGINE_SHIM_LOAD_H

#include "engine/core/app.h"
#include "engine/core/replica.h"
#include "engine/shim/behaviour.h"
#include "engine/shim/cluster.h"
#include "engine/shim/counter_history.h"
#include "engine/shim/histogram.h"
#include "engine/shim/log.h"

struct nika_load_options {
    const struct nika_cluster *cluster; /* All borrowed until free. */
    const char *keys;                   /* Folder with client-I.key. */
    uint32_t clients;                   /* The first so many of the cluster. */
    uint32_t payload, read_ppm;
    uint64_t seed;     /* Of the operations. */
    uint64_t requests; /* Of each client, then it is done; 0 = no end. */
    uint64_t think_ns; /* Pause before a client's next request, drawn up to this. */
    const struct nika_client_ops *client_ops;
    const struct nika_message_table *messages;
    const struct nika_app_ops *app_ops;
    struct nika_log *log;
    /* The client that a frame of a replica is for, as its body says; NIKA_NODE_NONE when it names none. Needed where sessions carry the
     * frames of several clients (nika_member.carrier); NULL = every client has a session of its own. */
    uint32_t (*receiver)(const struct nika_frame *frame);
    /* How the last `liars` of the clients behave, each in a session of its own; what they do is not counted. 0 = all are honest. In builds
     * with NIKA_BEHAVIOURS alone. */
    const struct nika_behaviour_options *behaviour;
    uint32_t liars;
    const struct nika_replica_ops *replica_ops; /* Of the protocol; for liars. */
    /* Application `null`, writes only: its answers must be those of one counter that every operation moves once. */
    bool counter;
};
struct nika_load;
/* NULL with problems. */
struct nika_load *nika_load_new(const struct nika_load_options *options,
                                struct nika_problems *problems);
void nika_load_free(struct nika_load *load);
/* Connect everyone to every replica. False when that takes longer than `timeout_ns`. */
bool nika_load_connect(struct nika_load *load, uint64_t timeout_ns);
/* Keep every client busy for so long; `durations` (may be NULL) gets what completes meanwhile. Returns how many completed. What is
 * outstanding at the end stays so. */
uint64_t nika_load_run(struct nika_load *load, uint64_t duration_ns,
                       struct nika_histogram *durations);
/* Has every client had answers to all its `requests`? */
bool nika_load_is_done(const struct nika_load *load);
/* Issue nothing more and wait until all is answered. False after `timeout_ns`. */
bool nika_load_settle(struct nika_load *load, uint64_t timeout_ns);

/* How often the liars acted. */
uint64_t nika_load_acts(const struct nika_load *load);
/* What the clients saw of the counter, while `load` lives. */
const struct nika_counter_history *nika_load_history(const struct nika_load *load);

#endif
