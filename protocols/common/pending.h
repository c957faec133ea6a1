/* protocols/common/pending.h: requests that are known and not yet executed, in order of arrival (PROTOCOLS.md 1.3, R4).
 *
 * One entry per client, PEND_MAX in total; the first-come entry of a client is kept, except that one which is in a batch makes way for
 * its successor: a client goes on as soon as f+1 others have answered, and must not wait until the primary has executed, too. The
 * successor stands at the end, and a batch has one request of a client, so a client has at most as many on their way as the primary has
 * batches (B3). The head is what T_req times, so that a primary cannot starve one client while serving others. Frames live in the replica's store. */
#ifndef PROTOCOLS_COMMON_PENDING_H
#define PROTOCOLS_COMMON_PENDING_H

#include "engine/core/config.h"
#include "engine/core/err.h"
#include "engine/core/store.h"

struct common_pending_entry {
    uint64_t timestamp;  /* 0 = free. */
    uint64_t arrived_ns; /* When this replica first saw it. */
    uint32_t frame;      /* Store handle of the whole REQUEST frame. */
    uint32_t next, prev; /* Client index + 1; 0 = none. */
    bool proposed;       /* The primary put it into a batch of the current view. */
};
struct common_pending {
    uint32_t clients, limit, count;
    uint32_t reserve;                     /* Bytes of the store that requests leave to others. */
    uint32_t head, tail;                  /* Client index + 1. */
    struct common_pending_entry *entries; /* One per client. */
};

size_t common_pending_size(const struct nika_config *config);
void common_pending_init(struct common_pending *p, const struct nika_config *config, void *memory);
/* Add a request of `client`. NIKA_ERR_LIMIT when the client already has an entry of another timestamp that does not make way, the total
 * is reached or the store is full; NIKA_OK also when the same timestamp is there already. */
NIKA_MUST_USE enum nika_err common_pending_add(struct common_pending *p, struct nika_store *store,
                                               uint32_t client, uint64_t timestamp,
                                               struct nika_span frame);
/* Drop the client's entry if its timestamp is <= `timestamp` (X6). True when the head went. */
bool common_pending_executed(struct common_pending *p, struct nika_store *store, uint32_t client,
                             uint64_t timestamp);
struct common_pending_entry *common_pending_of(struct common_pending *p, uint32_t client);
/* Client index of the head, or NIKA_NODE_NONE; and of the one after `client`. */
uint32_t common_pending_head(const struct common_pending *p);
uint32_t common_pending_after(const struct common_pending *p, uint32_t client);
/* A new view: nothing is proposed any more. */
void common_pending_unpropose(struct common_pending *p);

#endif
