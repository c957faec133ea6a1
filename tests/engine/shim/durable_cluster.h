/* tests/engine/shim/durable_cluster.h: four real PBFT replicas with the kv application, each on a store of its own, and two clients,
 * in one process and in a network of queues: what the durable half of a node goes through, without its sockets.
 *
 * A run follows from its seed. A replica can be killed in any call of its disk; it recovers from what the crash left. */
#ifndef TESTS_ENGINE_SHIM_DURABLE_CLUSTER_H
#define TESTS_ENGINE_SHIM_DURABLE_CLUSTER_H

#include "engine/core/store.h"
#include "engine/shim/store.h"
#include "tests/engine/shim/disk_faults.h"

#define DURABLE_REPLICAS 4u
#define DURABLE_CLIENTS 2u

/* A vote that a replica sent, or that its log says it may have sent. */
struct durable_vote {
    uint8_t message_class;
    uint64_t view, seq;
    struct nika_digest digest;
};
struct durable_votes {
    struct durable_vote *list;
    uint32_t count, capacity;
};

struct durable_node {
    uint32_t id; /* Replica, or client with the client bit. */
    bool up;
    uint64_t epoch; /* Of its life: what was on its way to an earlier one is lost. */
    void *memory, *app_memory;
    struct nika_replica *module;
    struct nika_app *app;
    struct nika_host host;
    uint64_t timer_due[NIKA_TIMERS_MAX], timer_generation[NIKA_TIMERS_MAX]; /* due 0 = not armed. */
    /* Replicas. */
    char path[96];
    struct disk_faults *faults;
    struct nika_disk_store *store;
    uint64_t waiting; /* Submissions that owe an answer. */
    struct nika_snapshot_meta metas[2 * NIKA_SNAPSHOTS_MAX];
    uint32_t meta_count;
    struct durable_votes sent, recovered;
    uint32_t recoveries;
    /* Clients. */
    uint64_t asked, completed;
};

struct durable_message;
struct durable_cluster {
    struct nika_config config;
    struct nika_keyring *keyring;
    struct durable_node nodes[DURABLE_REPLICAS + DURABLE_CLIENTS];
    struct durable_message *first, *last;
    struct nika_effects effects;
    uint8_t *scratch;
    uint64_t now_ns, draws, seed;
    char path[64];
};

struct durable_cluster *durable_new(uint64_t seed);
/* Removes its folders, unless `keep`. */
void durable_free(struct durable_cluster *c, bool keep);
/* Have each client finish `operations` more; with `kills`, replicas die now and then on the way, at most one at a time. Fails the test
 * when that takes more than a bounded number of steps. Returns how many replicas were killed. */
uint32_t durable_run(struct durable_cluster *c, uint64_t operations, bool kills);
/* Kill one and start it again at once, from whatever is in its folder then. */
void durable_kill(struct durable_cluster *c, uint32_t node, enum crash_kind kind);
/* Start one; `found` is what its folder must be like. */
void durable_start(struct durable_cluster *c, uint32_t node, enum nika_disk_store_found found);
/* Let messages and timers go on for so many steps. */
void durable_steps(struct durable_cluster *c, uint32_t steps);
/* All replicas have executed the same, and their applications hold the same. */
void durable_check_equal(struct durable_cluster *c);

#endif
