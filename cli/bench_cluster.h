/* cli/bench_cluster.h: measuring a real cluster on loopback, for `nika bench cluster`. */
#ifndef CLI_BENCH_CLUSTER_H
#define CLI_BENCH_CLUSTER_H

#include "engine/shim/behaviour.h"
#include "engine/shim/cluster.h"

enum cli_kill {
    CLI_KILL_NINE, /* kill -9, at random. */
    CLI_KILL_TERM, /* In order and one after the other: a rolling restart. */
    CLI_KILL_LOSE, /* kill -9, and its data directory is gone. */
};
struct cli_bench_cluster {
    uint64_t n, clients, payload, seconds;
    bool tls, client_macs;
    uint64_t sessions; /* Clients with sessions of their own, which carry the others; 0 = all. */
    uint64_t verify_threads; /* Of each replica; 0 = its loop verifies. */
    uint64_t batch;          /* Requests in one batch at most; 0 = the default of live clusters. */
    uint64_t kills; /* End and restart so many replicas instead of measuring; application null. */
    enum cli_kill how;
    uint64_t seed;
    const char *suite, *protocol, *app;
    /* Of the last `lying_clients` (at least 1 when there is a text). */
    const char *client_behaviour_text;
    struct nika_behaviour_options client_behaviour;
    uint64_t lying_clients;
    const char *behaviour; /* Of replica `liar`; NULL = all are honest. */
    uint32_t liar;
    const char *dir; /* Kept afterwards; NULL = a temporary one that is removed. */
    bool record;     /* Every replica records; with `dir` only. */
    enum nika_store_kind store;
    enum nika_trust_kind trusted; /* Of hybrid protocols. */
    json_t *tunables;             /* More values for the cluster file. */
};
/* The figures as one object, which the caller decrefs; NULL when there are none. *status: 0; NIKA_EXIT_SAFETY when the replicas executed
 * different histories or a client saw an operation lost or done twice; NIKA_EXIT_LIVENESS when a replica did not come back;
 * NIKA_EXIT_INCONCLUSIVE or NIKA_EXIT_USAGE when it could not be measured, said on stderr. */
json_t *cli_bench_cluster_run(const struct cli_bench_cluster *options, int *status);

#endif
