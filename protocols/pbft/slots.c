/* protocols/pbft/slots.c: the log window: one slot per sequence number and its batches (PROTOCOLS.md 1.2, 1.13); its votes are in votes.c.
 *
 * Owns slot memory. A slot holds at most three batches: that of its present digest, that of its best prepared certificate and
 * that of what it committed; each is kept as long as some peer may have to fetch it. It decides nothing about agreement. */
#include "protocols/pbft/state.h"

struct pbft_slot *pbft_slot_current(struct nika_replica *r, uint64_t seq)
{
    struct pbft_slot *slot = pbft_slot_at(r, seq);
    if (slot->view != r->core.view) {
        pbft_slot_reset_view(r, slot);
        slot->view = r->core.view;
    }
    return slot;
}

static void drop(struct nika_replica *r, uint32_t *handle)
{
    nika_store_free(r->core.store, *handle);
    *handle = 0;
}

static void unpark(struct nika_replica *r, struct pbft_slot *slot)
{
    if (slot->parked != 0) r->parked_count--;
    drop(r, &slot->parked);
}

void pbft_slot_reset_view(struct nika_replica *r, struct pbft_slot *slot)
{
    /* The votes are about to go; what they prove about a committed number must outlive the view (S6). */
    if (slot->base.committed) pbft_commit_cert_keep(r, slot);
    drop(r, &slot->pre_prepare);
    unpark(r, slot);
    pbft_votes_clear(r, slot, !NIKA_PLANTED(B12));
    slot->withheld = false;
    slot->untimely = false;
    slot->from_new_view = false;
    slot->proposal_durable = false;
    slot->prepare_sent = false;
    slot->commit_sent = false;
    slot->prepared = false;
    slot->prepared_durable = false;
    slot->persist_failed = false;
}

void pbft_slot_release(struct nika_replica *r, struct pbft_slot *slot)
{
    if (slot->base.seq == 0) return;
    drop(r, &slot->pre_prepare);
    unpark(r, slot);
    drop(r, &slot->batch);
    drop(r, &slot->best_batch);
    drop(r, &slot->base.commit_batch);
    drop(r, &slot->best_certificate);
    drop(r, &slot->commit_cert);
    pbft_votes_release(r, slot);
    memset(slot, 0, sizeof *slot);
    slot->view = r->core.view;
}

/* Peers that prepared such a batch have it, should it be ordered again. */
bool pbft_spare_batches(struct nika_replica *r)
{
    bool any = false;
    for (uint64_t s = r->core.low_mark + 1; s <= r->core.highest_slot; s++) {
        struct pbft_slot *slot = pbft_slot_find(r, s);
        if (slot == NULL || slot->batch == 0 || slot->pre_prepare != 0 || slot->parked != 0)
            continue;
        if (slot->has_best && nika_digest_equal(&slot->best_digest, &slot->digest)) continue;
        if (slot->base.committed && nika_digest_equal(&slot->base.commit_digest, &slot->digest))
            continue;
        drop(r, &slot->batch);
        slot->batch_ok = false;
        any = true;
    }
    return any;
}

uint32_t pbft_slot_batch(const struct pbft_slot *slot, const struct nika_digest *digest)
{
    if (slot->batch != 0 && slot->batch_ok && nika_digest_equal(&slot->digest, digest))
        return slot->batch;
    if (slot->best_batch != 0 && nika_digest_equal(&slot->best_digest, digest))
        return slot->best_batch;
    if (slot->base.commit_batch != 0 && nika_digest_equal(&slot->base.commit_digest, digest))
        return slot->base.commit_batch;
    return 0;
}

void pbft_slot_set_digest(struct nika_replica *r, struct pbft_slot *slot,
                          const struct nika_digest *digest)
{
    if (nika_digest_equal(&slot->digest, digest) &&
        (slot->batch != 0 || nika_digest_is_null(digest)))
        return;
    uint32_t old = slot->batch;
    slot->batch = 0;
    if (old != 0 && slot->has_best && slot->best_batch == 0 &&
        nika_digest_equal(&slot->best_digest, &slot->digest)) {
        slot->best_batch = old;
    } else if (old != 0 && slot->base.committed && slot->base.commit_batch == 0 &&
               nika_digest_equal(&slot->base.commit_digest, &slot->digest)) {
        slot->base.commit_batch = old;
    } else {
        nika_store_free(r->core.store, old);
    }
    slot->digest = *digest;
    slot->batch_ok = false;
    if (slot->best_batch != 0 && nika_digest_equal(&slot->best_digest, digest)) {
        slot->batch = slot->best_batch;
        slot->best_batch = 0;
        slot->batch_ok = true;
    } else if (slot->base.commit_batch != 0 &&
               nika_digest_equal(&slot->base.commit_digest, digest)) {
        slot->batch = slot->base.commit_batch;
        slot->base.commit_batch = 0;
        slot->batch_ok = true;
    }
}

bool pbft_order_decode(struct nika_span body, struct pbft_order *out)
{
    if (body.size != PBFT_ORDER_SIZE) return false;
    out->view = nika_load_le(body.data, 8);
    out->seq = nika_load_le(body.data + 8, 8);
    memcpy(out->digest.bytes, body.data + 16, NIKA_DIGEST_SIZE);
    return true;
}
