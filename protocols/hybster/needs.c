/* protocols/hybster/needs.c: which COMMITs are worth a call to the trusted subsystem: those that a quorum still lacks, and those that
 * contradict (PROTOCOLS.md 2.3, 5). */
#include "protocols/hybster/describe.h"
#include "protocols/hybster/state.h"

bool hybster_needs(const struct nika_replica *r, const struct nika_frame *frame)
{
    struct hybster_order m;
    if (frame->type != HYBSTER_TYPE_commit || !hybster_order_decode(frame->body, &m)) return true;
    if (!r->core.active || m.view != r->core.view) return true;
    if (m.seq <= r->core.low_mark) return false; /* Stable: nobody votes on it any more. */
    const struct hybster_slot *slot = hybster_slot_find(r, m.seq);
    if (slot == NULL || slot->base.view != r->entered || slot->base.order == 0) return true;
    if (!nika_digest_equal(&slot->base.digest, &m.digest)) return true;
    return slot->commit_count + 1u < r->core.quorum;
}
