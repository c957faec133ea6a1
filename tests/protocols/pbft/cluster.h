/* tests/protocols/pbft/cluster.h: a few PBFT replicas in one process, for tests of view changes and state transfer.
 *
 * Messages wait in one FIFO queue and are delivered by hand or until quiet; timers fire only when a test says so; disk and
 * application answer at once unless held. Any replica may be silent, and a test can sign any message as any node. */
#ifndef TESTS_PROTOCOLS_PBFT_CLUSTER_H
#define TESTS_PROTOCOLS_PBFT_CLUSTER_H

#include "protocols/pbft/state.h"
#include "tests/support/test.h"

#define CLUSTER_REPLICAS_MAX 7u
#define CLUSTER_LOG_MAX 4096u

struct cluster_bytes {
    uint8_t *data;
    uint32_t size;
};
struct cluster_message {
    struct cluster_message *next;
    uint32_t from, to;
    struct cluster_bytes bytes;
};
struct cluster_completion {
    struct cluster_completion *next;
    enum nika_event_kind kind;
    uint32_t node;
    uint64_t token;
    int32_t status;
    struct cluster_bytes bytes;
};
struct cluster_record {
    uint32_t kind;
    uint64_t seq, token;
    bool durable, dead;
    struct cluster_bytes bytes;
};
/* The application: a chained digest of everything executed, one snapshot chunk that holds it. */
struct cluster_app {
    struct nika_digest state;
    struct nika_digest snapshots[64]; /* By seq / K. */
    bool restoring_bad;               /* Answer the next RESTORE_END with status 1. */
};
struct cluster_node {
    struct nika_replica *replica;
    void *memory;
    struct nika_host host;
    struct cluster_app app;
    struct cluster_record log[CLUSTER_LOG_MAX];
    uint32_t log_count;
    bool hold_disk; /* STORED waits for cluster_disk(). */
    bool fail_disk; /* STORED comes with status 1. */
    bool silent;    /* Gets and sends nothing. */
    uint64_t timer_generation[NIKA_TIMERS_MAX];
    bool timer_armed[NIKA_TIMERS_MAX];
    uint64_t timer_delay[NIKA_TIMERS_MAX];
    uint32_t rejects[NIKA_CHECK_COUNT];
    uint32_t alarms, evidence;
    uint32_t sent[32];             /* By frame type, broadcasts once. */
    struct cluster_bytes last[32]; /* Last frame sent of each type. */
    struct nika_digest executed[256];
    uint32_t executed_count[256];
    /* PREPAREs and COMMITs sent for a view below the last VIEW-CHANGE sent (INV-VCM). */
    uint32_t votes_below;
    uint64_t view_change_sent;
};
struct cluster {
    struct nika_config config;
    struct nika_keyring *keyring;
    struct cluster_node nodes[CLUSTER_REPLICAS_MAX];
    struct cluster_message *head, *tail;
    struct cluster_completion *completions, *completions_tail;
    struct nika_effects effects;
    uint64_t now_ns;
    bool (*drop)(const struct cluster *c, uint32_t from, uint32_t to,
                 const struct nika_frame *frame);
    uint64_t drop_param;
};

/* n = 3f+1 replicas, K = 4, L = 8, two clients, all started. */
struct cluster *cluster_new(uint32_t n, uint32_t f);
void cluster_free(struct cluster *c);
/* Sign `message` as `sender` (MAC for `to` when the type asks for it). Valid until cluster_frame_free. */
struct cluster_bytes cluster_frame(struct cluster *c, uint32_t sender, uint32_t to,
                                   const struct nika_message_info *info, const void *message);
/* The same with a body of any bytes. */
struct cluster_bytes cluster_raw_frame(struct cluster *c, uint32_t sender, uint32_t to,
                                       const struct nika_message_info *info, struct nika_span body);
static inline struct nika_span cluster_span(struct cluster_bytes bytes)
{
    return (struct nika_span){bytes.data, bytes.size};
}
/* Give a frame to a replica at once. False when ingress refuses it. */
bool cluster_deliver(struct cluster *c, uint32_t to, struct cluster_bytes bytes);
/* Deliver queued messages until none is left. */
void cluster_run(struct cluster *c);
/* Fire a timer of a replica if it is armed. */
bool cluster_fire(struct cluster *c, uint32_t node, uint32_t timer);
/* A few rounds of STATUS everywhere, each run until quiet. */
void cluster_status(struct cluster *c, uint32_t rounds);
/* Complete held disk writes of a node. */
void cluster_disk(struct cluster *c, uint32_t node);
/* A client's request, given to all replicas. */
void cluster_request(struct cluster *c, uint32_t client, uint64_t timestamp);
void cluster_crash_restart(struct cluster *c, uint32_t node);
struct nika_replica *cluster_replica(struct cluster *c, uint32_t node);
/* At each number executed by two replicas the digests are equal. */
void cluster_check_agreement(const struct cluster *c);

#endif
