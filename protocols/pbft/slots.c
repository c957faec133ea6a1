/* protocols/pbft/slots.c: the log window: one slot per sequence number (PROTOCOLS.md 1.2, 1.13); its votes are in votes.c, its order and
 * batches in protocols/common/order.h. Owns slot memory; decides nothing about agreement. */
#include "protocols/common/order.h"
#include "protocols/pbft/state.h"

struct pbft_slot *pbft_slot_current(struct nika_replica *r, uint64_t seq)
{
    struct pbft_slot *slot = pbft_slot_at(r, seq);
    if (slot->base.view != r->core.view) {
        pbft_slot_reset_view(r, slot);
        slot->base.view = r->core.view;
    }
    return slot;
}

void pbft_slot_reset_view(struct nika_replica *r, struct pbft_slot *slot)
{
    /* The votes are about to go; what they prove about a committed number must outlive the view (S6). */
    if (slot->base.committed) pbft_commit_cert_keep(r, slot);
    common_slot_forget_order(&r->core, &slot->base);
    pbft_votes_clear(r, slot, !NIKA_PLANTED(B12));
    slot->proposal_durable = false;
    slot->prepare_sent = false;
    slot->commit_sent = false;
    slot->prepared = false;
    slot->prepared_durable = false;
}

void pbft_slot_release(struct nika_replica *r, struct pbft_slot *slot)
{
    if (slot->base.seq == 0) return;
    common_slot_drop(&r->core, &slot->base);
    nika_store_free(r->core.store, slot->best_certificate);
    nika_store_free(r->core.store, slot->commit_cert);
    pbft_votes_release(r, slot);
    memset(slot, 0, sizeof *slot);
    slot->base.view = r->core.view;
}

bool pbft_order_decode(struct nika_span body, struct pbft_order *out)
{
    if (body.size != PBFT_ORDER_SIZE) return false;
    out->view = nika_load_le(body.data, 8);
    out->seq = nika_load_le(body.data + 8, 8);
    memcpy(out->digest.bytes, body.data + 16, NIKA_DIGEST_SIZE);
    return true;
}
