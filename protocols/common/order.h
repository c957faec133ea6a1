/* protocols/common/order.h: what the primary ordered at a number, and its batch, from the frame that says so to the moment when this replica may
 * vote for it (PROTOCOLS.md 1.4 PP7-PP9, 2.3 HP5). How an order is proven, and what a vote is, the protocol knows.
 *
 * Owns the order and the batches of a slot: at most three, that of the present digest, that of `carry` and that of what was committed;
 * each is kept as long as some peer may have to fetch it. */
#ifndef PROTOCOLS_COMMON_ORDER_H
#define PROTOCOLS_COMMON_ORDER_H

#include "protocols/common/core.h"

/* Handle of the checked batch body of `digest` in this slot, 0 when absent. Never asked about the null batch. */
uint32_t common_slot_batch(const struct common_slot *slot, const struct nika_digest *digest);
/* Give the slot another digest; the batch of the old one is kept where something still refers to it. */
void common_slot_set_digest(struct common_core *core, struct common_slot *slot,
                            const struct nika_digest *digest);
/* Drop the order, accepted or parked, and what is known of it; digest and batches stay. */
void common_slot_forget_order(struct common_core *core, struct common_slot *slot);
/* Drop the batch that a view change was to carry over. */
void common_slot_forget_carried(struct common_core *core, struct common_slot *slot);
/* Drop all that a common slot holds, batches too. The caller zeroes it. */
void common_slot_drop(struct common_core *core, struct common_slot *slot);
void common_slot_unpark(struct common_core *core, struct common_slot *slot);
/* The store is full: drop batches that no order of this view refers to; peers that accepted one have it. True when any went. */
bool common_spare_batches(struct common_core *core);

/* The frame of the accepted order; there is one. Valid until the store changes. */
struct nika_span common_order_frame(const struct common_core *core, const struct common_slot *slot);
/* The block `handle` begins with the frame of the accepted order (u32 length + bytes) and stays as long as that: it need not be kept twice. */
void common_order_keep_within(struct common_core *core, struct common_slot *slot, uint32_t handle);
/* Is there an order, accepted or parked? */
static inline bool common_order_known(const struct common_slot *slot)
{
    return slot->order != 0 || slot->parked != 0;
}
/* The frame by which it is known. */
struct nika_span common_order_known_frame(const struct common_core *core,
                                          const struct common_slot *slot);
/* Its digest. */
static inline const struct nika_digest *common_order_digest(const struct common_slot *slot)
{
    return slot->order != 0 ? &slot->digest : &slot->parked_digest;
}
/* Would a message about this number and view be news if this replica were not behind? Then STATUS helps. */
static inline bool common_order_ahead(const struct common_core *core, uint64_t view, uint64_t seq)
{
    return view > core->view || (view == core->view && !core->active) ||
           seq > core->low_mark + core->config->window;
}
/* An authentic order of this slot's view, `frame` (store handle, given away): accept it (hooks->slot_accept) if its batch is at hand, or
 * park it and ask for the batch, first of peer `first` (NIKA_NODE_NONE: the primary is sending it). */
void common_order_take(struct common_core *core, struct common_slot *slot,
                       const struct nika_digest *digest, uint32_t frame, uint32_t first);
/* The batch of a parked order has come: accept the order. Otherwise what is wrong with the batch: then no correct replica will ever vote
 * for this order, and it stays only as what the primary said first. With a full store it is NIKA_CHECK_NONE, and fetched again. */
enum nika_check common_order_resume(struct common_core *core, struct common_slot *slot,
                                    struct nika_span body);
/* The order is accepted: without an acceptable agreed time (PP9) withhold this replica's vote, and count `check` against the primary. */
void common_order_judge_time(struct common_core *core, struct common_slot *slot,
                             enum nika_check check);
/* Time has passed: an order that was untimely may not be any more. */
void common_order_reconsider(struct common_core *core, struct common_slot *slot);
/* The primary: this replica orders `batch` (store handle, given away; 0 = the null batch), whose digest is `digest`, here. */
void common_order_propose(struct common_core *core, struct common_slot *slot,
                          const struct nika_digest *digest, uint32_t batch, uint64_t time_ns);
/* Make the accepted order durable, with its batch or (a null batch, or !with_batch) without: frame (u32 length + bytes) | batch body (the
 * same, may be empty). */
void common_order_persist(struct common_core *core, struct common_slot *slot, uint32_t record,
                          uint64_t token, bool with_batch);

#endif
