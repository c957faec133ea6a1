/* cli/bench_pattern.h: what a live cluster is measured against: four processes on loopback that exchange the messages of PBFT's normal case with
 * HMACs, coalesced writes and batches of 16, and nothing else: no state, no checks beyond the MAC, no log, no timers, no view change. Its HMAC is
 * that of OpenSSL's generic interface, a key and a message at a time, so that a yardstick does not grow with what is measured. */
#ifndef CLI_BENCH_PATTERN_H
#define CLI_BENCH_PATTERN_H

#include <jansson.h>

#include "engine/core/exchange.h"

#define PATTERN_REPLICAS 4u
#define PATTERN_NODES (PATTERN_REPLICAS + 1u) /* The last is the client. */
#define PATTERN_BATCH 16u
#define PATTERN_WINDOW_MAX 64u
#define PATTERN_PAYLOAD_MAX 4096u
#define PATTERN_HEADER 16u
#define PATTERN_MAC 32u

struct evp_mac_ctx_st;
enum pattern_type {
    PATTERN_REQUEST,
    PATTERN_PRE_PREPARE,
    PATTERN_PREPARE,
    PATTERN_COMMIT,
    PATTERN_REPLY
};
struct pattern_frame {
    enum pattern_type type;
    uint64_t number; /* Sequence number; of a request or reply, its number. */
    struct nika_span body;
};
/* One end of a connection. */
struct pattern_link {
    int fd; /* -1: none. */
    uint8_t *in, *out;
    size_t in_size, out_size;
    struct nika_key key_in, key_out;
};
struct pattern_node {
    uint32_t self;
    struct evp_mac_ctx_st *mac;
    struct pattern_link links[PATTERN_NODES];
    void *context;
    void (*on_frame)(struct pattern_node *node, uint32_t from, const struct pattern_frame *frame);
    void (*on_round)(struct pattern_node *node); /* After all that had arrived; may be NULL. */
};
/* The given ends of connections, one for each other node. False when memory is short. */
bool pattern_node_init(struct pattern_node *node, uint32_t self, const int *fds);
void pattern_node_free(struct pattern_node *node);
/* Appends a frame with its MAC to what goes out after the round. */
void pattern_send(struct pattern_node *node, uint32_t to, const struct pattern_frame *frame);
/* Waits for input at most `wait_ms`, handles all of it, sends what that gave. False when a peer is gone or a MAC is wrong. */
bool pattern_round(struct pattern_node *node, int wait_ms);
/* What a replica does, until a peer is gone. */
void pattern_replica(uint32_t self, const int *fds, uint32_t payload);

/* The figures for one outstanding request and for 64, `seconds` each; the caller decrefs. NULL and *status after saying what failed. */
json_t *cli_bench_pattern_run(uint64_t seconds, uint64_t payload, int *status);
void cli_bench_pattern_print(const json_t *figures);

#endif
