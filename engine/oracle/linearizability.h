/* engine/oracle/linearizability.h: state shared by the two halves of O5: ordered operations and the read-only path.
 *
 * Private to engine/oracle. The model is the application itself, run once over each newly agreed batch; a second instance lags at
 * the newest completed sequence number, so that every state a read may have seen can still be asked. */
#ifndef ENGINE_ORACLE_LINEARIZABILITY_H
#define ENGINE_ORACLE_LINEARIZABILITY_H

#include "engine/core/bytes.h"
#include "engine/oracle/oracle_private.h"

#define LINEARIZABILITY_HISTORY 4u    /* Executed operations remembered per client. */
#define LINEARIZABILITY_READS 64u     /* Reads outstanding or not judged yet. */
#define LINEARIZABILITY_READ_OP 1024u /* Longer reads are not judged. */
#define LINEARIZABILITY_SEEN 16u      /* Distinct answers remembered per read. */
#define LINEARIZABILITY_LOG                                                                        \
    (1024u * 1024u) /* Batches between the lagging instance and the model. */

struct model_effect {
    uint64_t seq; /* 0 = free. */
    uint64_t op_hash, result_hash;
};
struct client_view {
    bool invoked;
    uint64_t token, op_hash;
    uint64_t floor; /* Highest completed seq when it was invoked. */
    uint64_t flags;
    uint32_t next;
    struct model_effect effects[LINEARIZABILITY_HISTORY];
};
struct model_results {
    uint64_t seq; /* 0 = free. */
    uint64_t hash;
    uint64_t effects; /* Hash of what was run, so that only like is compared with like. */
};
struct read_job {
    bool active;
    bool completed;  /* Waits for the lagging instance to pass `until`. */
    bool incomplete; /* A state it may have seen is gone: no verdict unless it matches. */
    uint32_t client;
    uint64_t token, floor, until;
    uint64_t result_hash;
    uint32_t op_size;
    uint32_t seen_count;
    uint64_t seen[LINEARIZABILITY_SEEN]; /* Answers of the states passed so far. */
    uint8_t op[LINEARIZABILITY_READ_OP];
};
struct linearizability {
    const struct nika_oracle_setup *setup;
    uint32_t clients, ring_count;
    bool broken;                 /* The model missed a batch: results are not judged any more. */
    bool reads;                  /* The read-only path is on. */
    uint64_t high;               /* Highest seq the model has run. */
    uint64_t completed;          /* Highest seq that a correct client saw completed. */
    uint64_t lag;                /* Where the lagging instance is. */
    uint64_t unchecked;          /* Reads that could not be judged. */
    uint32_t log_head, log_tail; /* Bytes of batches not yet run by the lagging instance. */
    uint32_t log_peak;           /* Bytes of the log ever written. */
    uint32_t active_reads;
    uint32_t reply_max;
    size_t ring_offset, reads_offset, reply_offset, model_offset, lag_offset, log_offset,
        end_offset;
    struct nika_app *model, *lagging;
};

static inline uint64_t linearizability_chain(uint64_t hash, uint64_t result_hash)
{
    uint8_t bytes[8];
    nika_store_le(bytes, result_hash, sizeof bytes);
    return nika_hash64(bytes, sizeof bytes, hash);
}
uint8_t *linearizability_at(struct linearizability *o, size_t offset);
struct client_view *linearizability_client(struct linearizability *o, uint32_t client);
/* Run a batch on an instance; results are hashed in order. `history` also records each client's effects. */
uint64_t linearizability_run(struct linearizability *o, struct nika_app *app,
                             const struct oracle_execute *x, bool history);
/* The read-only path (linearizability_reads.c). */
void linearizability_read_invoked(struct linearizability *o, const struct nika_tap *tap,
                                  uint32_t client);
void linearizability_read_completed(struct linearizability *o, const struct nika_tap *tap,
                                    uint32_t client);
/* An ordered completion of what was invoked as a read: the job is void. */
void linearizability_read_cancel(struct linearizability *o, uint32_t client, uint64_t token);
/* Keep a batch for the lagging instance. */
void linearizability_log(struct linearizability *o, const struct nika_tap *tap);
/* Let the lagging instance run up to `seq`, asking each state on the way, and judge. */
void linearizability_advance(struct linearizability *o, const struct nika_tap *tap, uint64_t seq);

#endif
