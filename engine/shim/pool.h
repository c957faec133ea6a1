/* engine/shim/pool.h: threads that verify signatures ahead of the loop; frames leave in the order in which they came.
 *
 * A frame that needs no signature waits, too, while others are before it, so a module sees what it would see without threads. Threads verify
 * the frame and every signed frame nested in it, whatever the message is: the message tables say where frames are. Each thread has keys
 * and scratch of its own. What waits is bounded for each peer; the newest is dropped (PROTOCOLS.md 1.13). Decides nothing but verdicts. */
#ifndef ENGINE_SHIM_POOL_H
#define ENGINE_SHIM_POOL_H

#include "engine/shim/verify.h"

#define NIKA_POOL_THREADS_MAX 64u
#define NIKA_POOL_FRAMES_MAX 4096u /* Of one peer, waiting. */
#define NIKA_POOL_BYTES_MAX                                                                        \
    (2u * NIKA_MESSAGE_SIZE_MAX) /* Of one peer, waiting; one frame is always admitted. */

struct nika_pool_options {
    uint32_t threads;                   /* 1..NIKA_POOL_THREADS_MAX */
    const struct nika_cluster *cluster; /* All borrowed until free. */
    const struct nika_node_keys *keys;
    const char *keys_file; /* For messages. */
    const struct nika_message_table *messages;
};
struct nika_pool;
/* NULL with a problem. Signals should be blocked: threads inherit the mask. */
struct nika_pool *nika_pool_new(const struct nika_pool_options *options,
                                struct nika_problems *problems);
/* Ends the threads; what waits is dropped. NULL is ignored. */
void nika_pool_free(struct nika_pool *pool);
/* Readable when a frame may have become ready. */
int nika_pool_fd(const struct nika_pool *pool);
bool nika_pool_is_empty(const struct nika_pool *pool);
/* Copies the frame, which passed nika_verifier_admit(). `check`: a thread looks at it. False: dropped, this peer has too much waiting. */
NIKA_MUST_USE bool nika_pool_submit(struct nika_pool *pool, uint32_t peer, struct nika_span frame,
                                    bool check);

/* A frame whose turn it is. */
struct nika_pool_ready {
    uint32_t peer;
    struct nika_span frame;
    bool forged; /* Its own signature is wrong. */
    const struct nika_digest
        *good; /* Signatures that were found good, for nika_verifier_remember(). */
    uint32_t good_count;
};
/* False when the first frame is still being looked at, or there is none. Spans are valid until the next call. */
bool nika_pool_take(struct nika_pool *pool, struct nika_pool_ready *out);
/* Nanoseconds of processor time that the threads spent, and signatures that they verified. */
void nika_pool_figures(struct nika_pool *pool, uint64_t *ns, uint64_t *signatures);

#endif
