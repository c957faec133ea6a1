/* engine/shim/asks.h: steps of the trusted process that a replica asks for and does not wait for (NIKA_ACTION_CERTIFY, replica.h).
 *
 * A step waits until the records before it are durable, which the loop tells; then one of the lanes takes it: a thread with a connection of its
 * own for each pillar. What waits in a lane while the process is at its disk goes to it together, and costs one step of the disk. A lane
 * keeps its order. Fails stop as tss_client.h does: what one lane lost is lost for all. */
#ifndef ENGINE_SHIM_ASKS_H
#define ENGINE_SHIM_ASKS_H

#include "engine/shim/tss_client.h"

struct nika_ask {
    uint64_t token;
    uint64_t behind; /* So many records must be durable first. */
    uint32_t counter;
    struct nika_trusted_value value;
    struct nika_digest digest;
};
struct nika_asked {
    uint64_t token;
    uint32_t counter;
    struct nika_trusted_value value;
    enum nika_err err; /* As NIKA_EVENT_CERTIFIED has it. */
    struct nika_trusted_certificate certificate;
};
struct nika_asks_options {
    uint32_t lanes;    /* 1..NIKA_PILLARS_MAX; counters 2p and 2p+1 belong to lane p. */
    uint32_t capacity; /* Of asks whose answers were not taken. */
    struct nika_tss_client_options client;
};
struct nika_asks;
/* As nika_tss_client_open(). Signals should be blocked: threads inherit the mask. The caller frees *out. */
NIKA_MUST_USE enum nika_err nika_asks_new(const struct nika_asks_options *options,
                                          struct nika_asks **out,
                                          struct nika_disk_store_error *error);
/* Waits for calls that are under way, at most their time-out. NULL is ignored. */
void nika_asks_free(struct nika_asks *asks);
/* Readable when an answer may be there. */
int nika_asks_fd(const struct nika_asks *asks);
/* False: so many are outstanding that no more are taken. */
NIKA_MUST_USE bool nika_asks_put(struct nika_asks *asks, const struct nika_ask *ask);
/* So many records are durable by now. */
void nika_asks_durable(struct nika_asks *asks, uint64_t records);
/* A record failed: what still waits for the log is answered with NIKA_ERR_LIMIT. */
void nika_asks_refuse(struct nika_asks *asks);
/* The next answer. False when there is none. */
bool nika_asks_take(struct nika_asks *asks, struct nika_asked *out);
/* Let an idle lane ask for a sign of life. Does not wait. */
void nika_asks_watch(struct nika_asks *asks);
/* Since when the call that runs longest has waited, on the monotonic clock; 0 = none runs. */
uint64_t nika_asks_waits_since(struct nika_asks *asks);
/* NULL, or why the process is gone. Valid until freed. */
const char *nika_asks_gone(struct nika_asks *asks);
/* Nanoseconds that lanes waited for answers; exchanges; steps answered with yes. */
void nika_asks_figures(struct nika_asks *asks, uint64_t *ns, uint64_t *exchanges,
                       uint64_t *certified);

#endif
