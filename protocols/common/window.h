/* protocols/common/window.h: the log window h < s <= h+L: one slot per sequence number (PROTOCOLS.md 1.2, 1.13).
 *
 * Owns the arithmetic and who sits in which place; what a slot holds is the protocol's. */
#ifndef PROTOCOLS_COMMON_WINDOW_H
#define PROTOCOLS_COMMON_WINDOW_H

#include "protocols/common/core.h"

static inline bool common_in_window(const struct common_core *core, uint64_t seq)
{
    if (NIKA_PLANTED(I03) && seq + 1 <= core->low_mark + 1) return seq > core->low_mark;
    return seq > core->low_mark && seq - core->low_mark <= core->config->window;
}
/* The place of `seq`, whoever sits there. */
static inline struct common_slot *common_slot_place(const struct common_core *core, uint64_t seq)
{
    size_t index = (size_t)(seq % core->config->window);
    return (struct common_slot *)(void *)(core->slots + index * core->slot_size);
}
/* The slot of `seq`; an older one in its place is released. */
struct common_slot *common_slot_at(struct common_core *core, uint64_t seq);
/* NULL when not in the window or never claimed. */
struct common_slot *common_slot_find(const struct common_core *core, uint64_t seq);
/* The order with this digest is final, made so in `view` by these signers (bit i: replica i). False when another one was final here before:
 * more than f replicas are faulty, or a trusted subsystem is. */
bool common_slot_commit(struct common_core *core, struct common_slot *slot, uint64_t view,
                        const struct nika_digest *digest, const uint64_t signers[2]);
/* CC3: would a COMMIT-CERT for this digest at `seq` say anything new? Not about what was executed; a slot restored from the log does not know
 * its digest any more. */
bool common_cert_news(const struct common_core *core, uint64_t seq,
                      const struct nika_digest *digest);
/* A valid COMMIT-CERT says that the slot is final (CC4): commit, fetch its batch, execute. False as common_slot_commit(). */
bool common_cert_commit(struct common_core *core, struct common_slot *slot, uint64_t view,
                        const struct nika_digest *digest, const uint64_t signers[2]);
/* Is the batch that this slot committed at hand (null batches always are)? */
bool common_slot_commit_ready(const struct common_slot *slot);
/* The digest of the batch that this slot waits for, NULL when none. */
const struct nika_digest *common_slot_awaits(const struct common_core *core,
                                             const struct common_slot *slot);
/* Release all slots up to `seq`. */
void common_slots_release(struct common_core *core, uint64_t seq);

/* Room in the store for bulk (batches, chunks), which leaves what view changes need: handle or 0. Batches that peers can give back
 * go first. */
uint32_t common_bulk_alloc(struct common_core *core, uint32_t size);
uint32_t common_bulk_put(struct common_core *core, struct nika_span bytes); /* bytes.size > 0 */

#endif
