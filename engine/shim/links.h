/* engine/shim/links.h: the connections of one node: a listener, a session with each peer, reconnection with back-off, bounded queues
 * (PROTOCOLS.md 1.13), coalesced writes.
 *
 * A replica calls the replicas with lower ids and is called by the others; clients call every replica. Frames wait in two classes,
 * control before bulk, and go out in records of many frames when nika_links_flush() is called, once a round of the loop. What waits for a
 * peer that is away is dropped: STATUS repairs that. Owns its sockets and what waits in them; knows nothing of protocols. */
#ifndef ENGINE_SHIM_LINKS_H
#define ENGINE_SHIM_LINKS_H

#include "engine/core/effects.h"
#include "engine/shim/cluster.h"
#include "engine/shim/log.h"
#include "engine/shim/loop.h"
#include "engine/shim/session.h"

#define NIKA_LINKS_STRANGERS_MAX                                                                   \
    64u /* Connections that have not authenticated yet; beyond it the oldest goes. */
#define NIKA_LINKS_HANDSHAKE_NS UINT64_C(5000000000)
#define NIKA_LINKS_BACKOFF_MIN_NS UINT64_C(20000000)
#define NIKA_LINKS_BACKOFF_MAX_NS UINT64_C(2000000000)

struct nika_links_options {
    uint32_t self;
    const struct nika_cluster *cluster; /* Borrowed, as are the next three. */
    const struct nika_node_keys *keys;
    struct nika_loop *loop;
    struct nika_log *log;
    uint32_t outbound_bytes; /* Waiting for one peer, at most; one frame is always admitted. */
    void *context;
    /* A whole frame from an authenticated peer; nothing inside was checked. False closes the connection. */
    bool (*on_frame)(void *context, uint32_t peer, struct nika_span frame);
    void (*on_change)(void *context, uint32_t peer, bool up); /* May be NULL. */
};
struct nika_links_stats {
    uint64_t accepted, opened, closed,
        rejected; /* Rejected: ended for a reason of session.h, or too slow. */
    uint64_t bytes_in, bytes_out, writes, records_out, frames_out;
    uint64_t dropped_full, dropped_away; /* Frames: the queue was full; the peer was not there. */
    uint64_t ends[NIKA_SESSION_END_COUNT];
};

struct nika_links;
/* NULL when memory is short. Starts to call whom it has to call. */
struct nika_links *nika_links_new(const struct nika_links_options *options);
/* Closes everything at once. */
void nika_links_free(struct nika_links *links);
/* Listen on a numeric or resolvable address. NIKA_ERR_IO with a problem. */
NIKA_MUST_USE enum nika_err nika_links_listen(struct nika_links *links, const char *host,
                                              uint16_t port, const char *file,
                                              struct nika_problems *problems);
/* Take no more connections and call nobody again. */
void nika_links_stop(struct nika_links *links);

/* Queue one frame for `to`, or for all other replicas. Copies it, once. */
void nika_links_send(struct nika_links *links, uint32_t to, enum nika_send_class send_class,
                     struct nika_span frame);
void nika_links_broadcast(struct nika_links *links, enum nika_send_class send_class,
                          struct nika_span frame);
/* Close the connection of a peer that sent what cannot be right. */
void nika_links_hang_up(struct nika_links *links, uint32_t node, const char *why);
/* Write what waits, as far as sockets take it, and close what ended. True when nothing is left to write. */
bool nika_links_flush(struct nika_links *links);
/* Call again, hang up on the slow: whatever is due. */
void nika_links_tick(struct nika_links *links, uint64_t now_ns);
/* Monotonic time at which tick has something to do; NIKA_LOOP_NEVER. */
uint64_t nika_links_deadline(const struct nika_links *links);

bool nika_links_is_up(const struct nika_links *links, uint32_t node);
uint32_t nika_links_replicas_up(const struct nika_links *links);
uint32_t nika_links_clients_up(const struct nika_links *links);
const struct nika_links_stats *nika_links_stats(const struct nika_links *links);

#endif
