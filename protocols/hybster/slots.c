/* protocols/hybster/slots.c: the log window: one slot per order, its PREPARE, COMMITs and batches (PROTOCOLS.md 2.3, 1.13).
 *
 * Owns slot memory. Beside the batch of its PREPARE a slot keeps the one it committed and the one that a coming view would put
 * there (HN8). It decides nothing about agreement. */
#include "protocols/hybster/state.h"

struct hybster_slot *hybster_slot_current(struct nika_replica *r, uint64_t seq)
{
    struct hybster_slot *slot = hybster_slot_at(r, seq);
    if (slot->view != r->entered) {
        hybster_slot_reset_view(r, slot);
        slot->view = r->entered;
    }
    return slot;
}

struct hybster_vote *hybster_vote_at(const struct nika_replica *r, const struct hybster_slot *slot,
                                     uint32_t sender)
{
    return &r->votes[(size_t)(slot - r->slots) * r->core.n + sender];
}

static void drop(struct nika_replica *r, uint32_t *handle)
{
    nika_store_free(r->core.store, *handle);
    *handle = 0;
}

static void votes_clear(struct nika_replica *r, struct hybster_slot *slot)
{
    for (uint32_t i = 0; i < r->core.n; i++) hybster_vote_at(r, slot, i)->present = false;
    slot->commit_count = 0;
}

void hybster_slot_unpark(struct nika_replica *r, struct hybster_slot *slot)
{
    if (slot->parked != 0) r->parked_count--;
    drop(r, &slot->parked);
}

void hybster_slot_unwant(struct nika_replica *r, struct hybster_slot *slot)
{
    drop(r, &slot->wanted_batch);
    slot->wanted = false;
    slot->wanted_bad = false;
}

void hybster_slot_reset_view(struct nika_replica *r, struct hybster_slot *slot)
{
    /* The votes are about to go; what they prove about a committed order must outlive the view. */
    if (slot->base.committed) hybster_commit_cert_keep(r, slot);
    drop(r, &slot->prepare);
    drop(r, &slot->commit);
    drop(r, &slot->asked);
    hybster_slot_unpark(r, slot);
    votes_clear(r, slot);
    slot->intent = false;
    slot->intent_durable = false;
    slot->withheld = false;
    slot->untimely = false;
    slot->from_new_view = false;
    slot->prepare_durable = false;
    slot->persist_failed = false;
}

void hybster_slot_release(struct nika_replica *r, struct hybster_slot *slot)
{
    if (slot->base.seq == 0) return;
    drop(r, &slot->prepare);
    drop(r, &slot->commit);
    drop(r, &slot->asked);
    hybster_slot_unpark(r, slot);
    hybster_slot_unwant(r, slot);
    drop(r, &slot->batch);
    drop(r, &slot->base.commit_batch);
    drop(r, &slot->commit_cert);
    votes_clear(r, slot);
    memset(slot, 0, sizeof *slot);
    slot->view = r->entered;
}

uint32_t hybster_slot_batch(const struct hybster_slot *slot, const struct nika_digest *digest)
{
    if (slot->batch != 0 && slot->batch_ok && nika_digest_equal(&slot->digest, digest))
        return slot->batch;
    if (slot->wanted_batch != 0 && nika_digest_equal(&slot->wanted_digest, digest))
        return slot->wanted_batch;
    if (slot->base.commit_batch != 0 && nika_digest_equal(&slot->base.commit_digest, digest))
        return slot->base.commit_batch;
    return 0;
}

void hybster_slot_set_digest(struct nika_replica *r, struct hybster_slot *slot,
                             const struct nika_digest *digest)
{
    if (nika_digest_equal(&slot->digest, digest) &&
        (slot->batch != 0 || nika_digest_is_null(digest)))
        return;
    uint32_t old = slot->batch;
    bool committed = slot->base.committed && slot->base.commit_batch == 0 &&
                     nika_digest_equal(&slot->base.commit_digest, &slot->digest);
    slot->batch = 0;
    if (old != 0 && committed)
        slot->base.commit_batch = old;
    else
        nika_store_free(r->core.store, old);
    slot->digest = *digest;
    slot->batch_ok = false;
    uint32_t *place = NULL;
    if (slot->wanted_batch != 0 && nika_digest_equal(&slot->wanted_digest, digest))
        place = &slot->wanted_batch;
    else if (slot->base.commit_batch != 0 && nika_digest_equal(&slot->base.commit_digest, digest))
        place = &slot->base.commit_batch;
    if (place == NULL) return;
    slot->batch = *place;
    *place = 0;
    slot->batch_ok = true;
}

/* Batches that no order of this view refers to: peers that accepted one have it. */
bool hybster_spare_batches(struct nika_replica *r)
{
    bool any = false;
    for (uint64_t s = r->core.low_mark + 1; s <= r->core.highest_slot; s++) {
        struct hybster_slot *slot = hybster_slot_find(r, s);
        if (slot == NULL || slot->batch == 0 || slot->prepare != 0 || slot->parked != 0 ||
            slot->intent || slot->asked != 0)
            continue;
        if (slot->base.committed && nika_digest_equal(&slot->base.commit_digest, &slot->digest))
            continue;
        drop(r, &slot->batch);
        slot->batch_ok = false;
        any = true;
    }
    return any;
}

void hybster_votes_recount(struct nika_replica *r, struct hybster_slot *slot)
{
    slot->commit_count = 0;
    for (uint32_t i = 0; i < r->core.n; i++) {
        const struct hybster_vote *vote = hybster_vote_at(r, slot, i);
        if (vote->present && nika_digest_equal(&vote->digest, &slot->digest)) slot->commit_count++;
    }
}

void hybster_vote_frame(const struct nika_replica *r, const struct hybster_slot *slot,
                        uint32_t sender, struct nika_writer *w)
{
    const struct hybster_vote *vote = hybster_vote_at(r, slot, sender);
    uint8_t body[HYBSTER_ORDER_SIZE];
    struct nika_writer b = nika_writer_of(body, sizeof body);
    nika_write_u64(&b, slot->view);
    nika_write_u64(&b, slot->base.seq);
    nika_write_digest(&b, &vote->digest);
    nika_write_bytes(&b, (struct nika_span){vote->certificate, sizeof vote->certificate});
    nika_frame_write(r->core.config, HYBSTER_TYPE_commit, sender, (struct nika_span){body, b.at},
                     NIKA_AUTH_NONE, (struct nika_span){0}, w);
}

void hybster_commit_cert_keep(struct nika_replica *r, struct hybster_slot *slot)
{
    if (slot->commit_cert != 0 || slot->view != slot->base.commit_view || slot->prepare == 0)
        return;
    if (!nika_digest_equal(&slot->digest, &slot->base.commit_digest)) return;
    uint32_t need = r->core.quorum - 1, count = 0;
    if (slot->commit_count < need) return;
    uint32_t prepare = nika_store_length(r->core.store, slot->prepare);
    uint32_t size = 4 + prepare + 4 + need * (4 + HYBSTER_ORDER_FRAME_SIZE);
    uint32_t handle = nika_store_alloc(r->core.store, size);
    if (handle == 0) return; /* Others hold one too. */
    struct nika_writer w = nika_writer_of(nika_store_at(r->core.store, handle), size);
    nika_write_bytes(&w, nika_store_span(r->core.store, slot->prepare));
    nika_write_u32(&w, need);
    for (uint32_t i = 0; i < r->core.n && count < need; i++) {
        const struct hybster_vote *vote = hybster_vote_at(r, slot, i);
        if (!vote->present || !nika_digest_equal(&vote->digest, &slot->digest)) continue;
        nika_write_u32(&w, HYBSTER_ORDER_FRAME_SIZE);
        hybster_vote_frame(r, slot, i, &w);
        count++;
    }
    NIKA_ASSERT(!w.failed && w.at == size);
    slot->commit_cert = handle;
}

struct nika_span hybster_accepted_prepare(const struct nika_replica *r, uint64_t seq)
{
    const struct hybster_slot *slot = hybster_slot_find(r, seq);
    bool held = slot != NULL && slot->view == r->entered && slot->prepare != 0;
    if (!held || (slot->withheld && !slot->base.committed)) return (struct nika_span){0};
    return nika_store_span(r->core.store, slot->prepare);
}
