/* cli/live.h: what the commands of a live cluster share: the files of a cluster, the processes of a test network, the operator port. */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include "cli/cli.h"
#include "engine/shim/cluster.h"
#include "engine/shim/node.h"

/* The protocols and applications of this program. */
extern const struct nika_cluster_names cli_cluster_names;
/* Print all problems to stderr. Returns NIKA_EXIT_USAGE. */
int cli_problems(const struct nika_problems *problems);

/* Of --client-auth: true for macs, false for signature; anything else ends the program with a message. */
bool cli_client_macs(const char *text, struct argp_state *state);

/* A node file and everything that it names. Plain pointers, freed together. */
struct cli_node {
    struct nika_node_config config;
    struct nika_cluster *cluster;
    struct nika_node_keys keys;
    struct nika_keyring *keyring;
    const struct nika_replica_ops *replica_ops;
    const struct nika_app_ops *app_ops;
    struct nika_app_socket *app_socket; /* Application external, once it is attached. */
    struct nika_log *log;
};
/* An application by name: the registry's, or that of another process. */
const struct nika_app_ops *cli_live_app(const char *name);
/* False with problems; to be freed all the same. */
bool cli_node_load(const char *file, struct cli_node *out, struct nika_problems *problems);
void cli_node_free(struct cli_node *node);
void cli_node_options(struct cli_node *node, const char *file, struct nika_log *log,
                      struct nika_node_options *out);

/* The most faults that a protocol tolerates with n replicas. */
uint32_t cli_faults_max(const char *protocol, uint32_t n);
/* Does each replica of it need a trusted subsystem? */
bool cli_protocol_is_hybrid(const char *protocol);
/* Of --trusted: software or process; anything else ends the program with a message. */
enum nika_trust_kind cli_trust_kind(const char *text, struct argp_state *state);

/* ---- a test network: DIR as nika_testnet_write() leaves it ---- */
struct cli_replica {
    char file[NIKA_PATH_SIZE], output[NIKA_PATH_SIZE]; /* Node file; what the process prints. */
    char recording[NIKA_PATH_SIZE];                    /* Without "-K.recording". */
    struct nika_node_config config;
    const char *behaviour; /* --behaviour of its process; NULL = honest. Borrowed. */
};
struct cli_testnet {
    const char *dir;
    uint32_t n;
    struct cli_replica *replicas;
};
/* The node files of DIR. False with problems; to be freed all the same. */
bool cli_testnet_open(const char *dir, struct cli_testnet *out, struct nika_problems *problems);
void cli_testnet_close(struct cli_testnet *net);
/* Files, keys and data directories of a new one. */
bool cli_testnet_make(const struct nika_testnet_options *options, struct nika_problems *problems);
/* Process of a replica, 0 when it does not run. */
long cli_replica_pid(const struct cli_replica *replica);
/* Start the process; `record`: with a recording, DIR/replica-I-K.recording with the first K that is free. False with errno set. */
bool cli_replica_start(const struct cli_replica *replica, bool record);
/* The trusted parts (trusted_parts.c). The user that their processes become: NIKA_TRUST_ANY_USER when this one is not root. */
uint32_t cli_trusted_uid(void);
/* Key, folders and state of a new network, when its protocol needs them. */
bool cli_trusted_make(const struct nika_testnet_options *options, struct nika_problems *problems);
/* Process of a replica's trusted part, 0 when there is none. */
long cli_trusted_pid(const struct cli_replica *replica);
/* Start it and wait until it serves, unless it does or there is none to be started. False with errno set. */
bool cli_trusted_start(const struct cli_replica *replica);
/* SIGTERM, then SIGKILL. */
void cli_trusted_stop(const struct cli_replica *replica);
/* Does /healthz say so? */
bool cli_replica_is_healthy(const struct cli_replica *replica);
/* Wait until all are healthy. False after `timeout_ns`, or when one has ended. */
bool cli_testnet_wait(const struct cli_testnet *net, uint64_t timeout_ns);
/* SIGTERM to all, SIGKILL to those that are still there after 10 s. How many ran. */
uint32_t cli_testnet_stop(const struct cli_testnet *net);

/* GET http://HOST:PORT/PATH: the body, NUL-terminated, at most 1 MiB; the caller frees. NULL when there is no answer within a second;
 * *code is then 0. */
char *cli_http_get(const char *host, uint16_t port, const char *path, int *code);
/* /status of a replica as JSON. NULL when it does not answer. */
json_t *cli_replica_status(const struct cli_replica *replica);

#endif
