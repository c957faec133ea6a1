/* engine/shim/cluster.h: the files that a live cluster is started with: cluster file, node files, key files.
 *
 * The cluster file is the same for all and public: configuration, addresses, public keys. A key file holds the secrets of one node and
 * must be readable by its owner alone. A node file says where one replica keeps what. Paths in a file are relative to its folder.
 * Every problem of every file is collected before any is reported. */
#ifndef ENGINE_SHIM_CLUSTER_H
#define ENGINE_SHIM_CLUSTER_H

#include "engine/core/auth.h"
#include "engine/core/config.h"
#include "engine/core/exchange.h"
#include "engine/shim/problems.h"

#define NIKA_PATH_SIZE 512u
#define NIKA_HOST_SIZE 256u
#define NIKA_CLUSTER_NAME_SIZE 32u

/* What the loader cannot know: which protocols and applications the program has. */
struct nika_cluster_names {
    /* Id of a protocol, 0 when there is none of this name. */
    uint32_t (*protocol)(const char *name);
    /* NULL, or why this protocol cannot run with this configuration. */
    const char *(*check)(const char *protocol, const struct nika_config *config);
    bool (*app)(const char *name);
};

struct nika_member {
    char host[NIKA_HOST_SIZE]; /* Replicas. */
    uint16_t port;
    struct nika_key identity; /* Ed25519, of sessions. */
    struct nika_key exchange; /* X25519, for the MACs between two nodes. */
    uint8_t signing[NIKA_SIGNING_PUBLIC_MAX];
    uint32_t signing_size;  /* 0 with suite hmac. */
    uint64_t trusted_epoch; /* Of a replica: registered epoch of its trusted instance, from 1. */
    /* Of a client: the client in whose sessions its frames may come, too, and replies go when it has no session. Its own id: none. */
    uint32_t carrier;
};
struct nika_cluster {
    /* Sealed; the group id also covers names, genesis and every key. */
    struct nika_config config;
    char protocol[NIKA_CLUSTER_NAME_SIZE], app[NIKA_CLUSTER_NAME_SIZE];
    uint64_t app_param;
    bool client_macs;            /* Clients do not sign: nika_keyring_use_vectors(). */
    bool tls;                    /* Sessions travel inside TLS 1.3 (link_tls.h). */
    struct nika_digest genesis;  /* Random: tells two clusters with the same configuration apart. */
    struct nika_member *members; /* Replicas, then clients. */
};
/* NULL when there is a problem. The caller frees. */
struct nika_cluster *nika_cluster_load(const char *path, const struct nika_cluster_names *names,
                                       struct nika_problems *problems);
void nika_cluster_free(struct nika_cluster *cluster);
/* Would a file with this "cluster" section, and so many clients, be taken? Its problems are told as of `file`, which need not be there. */
bool nika_cluster_check(const char *file, json_t *section, uint32_t clients,
                        const struct nika_cluster_names *names, struct nika_problems *problems);
/* The member of a node id, or NULL. */
const struct nika_member *nika_cluster_member(const struct nika_cluster *cluster, uint32_t node);
/* May frames of `sender` come in a session of the other client `peer`? */
bool nika_cluster_carries(const struct nika_cluster *cluster, uint32_t peer, uint32_t sender);

struct nika_node_keys {
    uint32_t node;
    enum nika_suite suite;
    struct nika_key identity, exchange;
    struct nika_key group; /* Suite hmac. */
    uint8_t signing[NIKA_SIGNING_PRIVATE_MAX];
    uint32_t signing_size;
};
/* Read a key file and check it against the cluster: the right node, keys that belong to the public ones, mode 0600. */
bool nika_keys_load(const char *path, uint32_t node, const struct nika_cluster *cluster,
                    struct nika_node_keys *out, struct nika_problems *problems);
/* Everything that the node needs to sign and verify. NULL with a problem. */
struct nika_keyring *nika_keys_ring(const struct nika_node_keys *keys,
                                    const struct nika_cluster *cluster, const char *file,
                                    struct nika_problems *problems);

enum nika_log_level { NIKA_LOG_ERROR, NIKA_LOG_WARN, NIKA_LOG_INFO, NIKA_LOG_DEBUG };
/* How a node keeps what must outlive it. */
enum nika_store_kind {
    NIKA_STORE_DISK,
    NIKA_STORE_MEMORY, /* Not at all: after a restart it counts as amnesiac and does not vote before a state transfer. For benchmarks. */
};
/* Where the trusted subsystem of a replica is, for protocols that need one. */
enum nika_trust_kind {
    NIKA_TRUST_NONE,
    NIKA_TRUST_SOFTWARE, /* In the replica's own process, which then holds the key: trusted by name only. */
    NIKA_TRUST_PROCESS, /* `nika tss` behind a Unix socket. */
};
#define NIKA_TRUST_ANY_USER UINT32_MAX
struct nika_trust_config {
    enum nika_trust_kind kind;
    char key[NIKA_PATH_SIZE], state[NIKA_PATH_SIZE]; /* Software. */
    char socket[NIKA_PATH_SIZE];                     /* Process. */
    uint32_t server_uid; /* Process: under which user it must run; NIKA_TRUST_ANY_USER = any. */
    uint32_t timeout_ms; /* Process: its answer, at most. */
};
struct nika_node_config {
    uint32_t replica;
    char cluster[NIKA_PATH_SIZE], keys[NIKA_PATH_SIZE], data[NIKA_PATH_SIZE];
    char listen[NIKA_HOST_SIZE]; /* Default: the host of the cluster file. */
    uint16_t port;               /* Default: that of the cluster file. */
    char http_host[NIKA_HOST_SIZE];
    uint16_t http_port;            /* 0 = no operator port. */
    char log_file[NIKA_PATH_SIZE]; /* "" = standard error. */
    char pid_file[NIKA_PATH_SIZE]; /* "" = none. */
    enum nika_log_level log_level;
    enum nika_store_kind store;
    char app_socket[NIKA_PATH_SIZE]; /* Application `external`: where it listens; "" = none. */
    uint32_t app_timeout_ms;         /* Its answer, at most. */
    uint32_t outbound_kib;           /* Bytes waiting for one peer, at most. */
    uint32_t verify_threads;         /* 0 = in the loop itself. */
    struct nika_trust_config trusted;
};
/* Read a node file; paths come out relative to the working directory. */
bool nika_node_config_load(const char *path, struct nika_node_config *out,
                           struct nika_problems *problems);

/* ---- making them ---- */
/* pace_ms of a new cluster file, unless `tunables` has another: without it a primary that leaves out some of what it must send keeps a twentieth of
 * a cluster's throughput and its view (docs/performance.md). A file without the key means 0 for ever, because every value is part of the identity of
 * a cluster: replicas that took it for something else could not talk to the others. */
#define NIKA_TESTNET_PACE_MS 200
struct nika_testnet_options {
    const char *dir;
    uint32_t n, f, clients;
    bool tls;          /* Sessions inside TLS 1.3. */
    bool client_macs;  /* Clients authenticate with vectors of MACs. */
    uint32_t sessions; /* Clients with sessions of their own, which carry the others. 0 = all. */
    const char *protocol, *app;
    uint64_t app_param;
    enum nika_suite suite;
    enum nika_store_kind store;
    uint16_t
        port; /* Of replica 0, with the others behind it, then the operator ports. 0 = free ones of this moment. */
    const char *host;
    uint32_t verify_threads;
    enum nika_trust_kind trusted; /* With protocols that need one. */
    uint32_t trusted_uid; /* Process: its user, NIKA_TRUST_ANY_USER = the one of the replicas. */
    json_t *tunables;     /* Values of cluster.def by their keys; NULL = none. Borrowed. */
    const struct nika_cluster_names *names; /* Who judges them before anything is written. */
};
/* In DIR: the trusted part of replica %u, and the key of the group (a copy lies with each part that is a process). */
#define NIKA_TESTNET_TRUSTED "trusted-%u"
#define NIKA_TESTNET_TRUSTED_KEY "keys/group.tss"
/* Write DIR/cluster.json, DIR/replica-I.json and DIR/keys/ (mode 0700, files 0600). An existing cluster file is never overwritten; what no
 * replica would take is refused before anything is there. */
bool nika_testnet_write(const struct nika_testnet_options *options, struct nika_problems *problems);
/* Fresh keys of one node: the public part as the JSON of a member, the secret part as the key file `path` (new, mode 0600). `group` for
 * suite hmac, else NULL. NULL with a problem. */
json_t *nika_keys_write(const char *path, uint32_t node, enum nika_suite suite,
                        const struct nika_key *group, struct nika_problems *problems);
/* Random bytes of the system, or the program ends: nothing may be made without them. */
void nika_random_bytes(void *out, size_t size);

#endif
