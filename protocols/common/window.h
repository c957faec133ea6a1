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
/* Is the batch that this slot committed at hand (null batches always are)? */
bool common_slot_commit_ready(const struct common_core *core, const struct common_slot *slot);
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
