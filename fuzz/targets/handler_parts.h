/* fuzz/targets/handler_parts.h: what the players of the handler targets share: where an operation points, requests, batches, transfer. */
#ifndef FUZZ_TARGETS_HANDLER_PARTS_H
#define FUZZ_TARGETS_HANDLER_PARTS_H

#include "fuzz/targets/handler_ops.h"
#include "protocols/common/messages.h"

#define HANDLER_FLAG(op, bit) (((op)->flags >> (bit)&1u) != 0)

uint32_t handler_replica(const struct handler_player *p, const struct handler_op *op);
uint64_t handler_view(const struct handler_player *p, const struct handler_op *op);
uint64_t handler_seq(const struct handler_player *p, const struct handler_op *op);
/* The same, mostly a multiple of K. */
uint64_t handler_checkpoint_seq(const struct handler_player *p, const struct handler_op *op);
/* The digest of one of a few batches, of the null batch, or of what the replica itself proposed or accepted there (of nothing when it did not). */
struct nika_digest handler_digest(struct handler_player *p, const struct handler_op *op);

/* The digest of a checkpoint: mostly that of the replica's own. */
struct nika_digest handler_checkpoint_digest(const struct handler_player *p,
                                             const struct handler_op *op, uint64_t seq);
/* Is the replica under test the one that orders in `view`? */
bool handler_orders(const struct handler_player *p, uint64_t view);

void handler_send(struct handler_player *p, struct nika_span frame);
void handler_say(struct handler_player *p, uint32_t sender, const struct nika_message_info *info,
                 const void *message);
/* Memory of the desk for a list. */
struct nika_writer handler_new_list(struct handler_player *p);

/* All that the bytes of a vote, a proposal, a checkpoint or a request depend on (kept.h). */
struct handler_vote {
    struct nika_digest digest;
    uint64_t view, seq;
    uint32_t protocol, self, sender, type;
    uint64_t bent; /* The protocol's own. No byte of padding: it is compared and hashed as bytes. */
};
struct handler_vote handler_vote(const struct handler_player *p, uint32_t sender,
                                 const struct nika_message_info *info, uint64_t view, uint64_t seq,
                                 const struct nika_digest *digest);
/* The same of VIEW-CHANGEs and what nests them: all of the operation, and where the replica stands. */
struct handler_speech {
    struct handler_vote vote;
    struct nika_digest checkpoint;
    uint64_t low;
    uint8_t op[16];
};
/* The speech of this key: kept, or made now by `make`. */
typedef struct nika_span handler_maker(struct handler_player *p, const struct handler_op *op,
                                       uint32_t sender, uint64_t view, uint64_t low);
struct nika_span handler_speech(struct handler_player *p, const struct handler_op *op,
                                uint32_t sender, const struct nika_message_info *info,
                                uint64_t view, uint64_t low, handler_maker *make);
/* The h that it says. */
uint64_t handler_low_mark(const struct handler_player *p, const struct handler_op *op);
/* The view that it is for: the next one is where one goes. */
uint64_t handler_next_view(const struct handler_player *p, const struct handler_op *op);

/* An operation begins: what the one before made is gone. */
void handler_begin(struct handler_player *p);

void handler_request(struct handler_player *p, const struct handler_op *op);
/* A request that was not asked yet. */
void handler_next_request(struct handler_player *p);
void handler_batch(struct handler_player *p, const struct handler_op *op);
void handler_fetch(struct handler_player *p, const struct handler_op *op);
void handler_transfer(struct handler_player *p, const struct handler_op *op,
                      struct nika_list checkpoints);
void handler_raw(struct handler_player *p, const struct handler_op *op,
                 const struct nika_message_table *table);
/* OP_TIMER, OP_TIME, OP_SETTLE, OP_DAMAGED: whatever the protocol. */
void handler_common(struct handler_player *p, const struct handler_op *op);

#endif
