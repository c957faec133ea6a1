/* protocols/pbft/needs.c: which votes are worth the verification of their signature: those that a quorum still lacks, and those that
 * contradict (PROTOCOLS.md 1.4, 5). */
#include "protocols/pbft/describe.h"
#include "protocols/pbft/state.h"

/* Enough votes for what this replica accepted are there, and this one says the same. */
static bool is_one_more(const struct nika_replica *r, const struct nika_frame *frame,
                        const struct pbft_order *m)
{
    const struct pbft_slot *slot = &r->slots[m->seq % r->core.config->window];
    if (!r->core.active || m->view != r->core.view) return false;
    if (m->seq <= r->core.low_mark) return true; /* Stable: nobody votes on it any more. */
    if (slot->base.seq != m->seq || slot->base.view != m->view || slot->base.order == 0)
        return false;
    if (!nika_digest_equal(&slot->base.digest, &m->digest)) return false;
    if (frame->type == PBFT_TYPE_prepare) return slot->prepare_count + 1u >= r->core.quorum;
    return slot->commit_count >= r->core.quorum;
}

bool pbft_needs(const struct nika_replica *r, const struct nika_frame *frame)
{
    struct pbft_order m;
    if (frame->type != PBFT_TYPE_prepare && frame->type != PBFT_TYPE_commit) return true;
    return !pbft_order_decode(frame->body, &m) || !is_one_more(r, frame, &m);
}
