/* protocols/hybster/slots.c: the log window: one slot per order, its COMMITs (PROTOCOLS.md 2.3, 1.13); PREPARE and batches are in
 * protocols/common/order.h. Owns slot memory; decides nothing about agreement. */
#include "protocols/common/order.h"
#include "protocols/hybster/state.h"

struct hybster_slot *hybster_slot_current(struct nika_replica *r, uint64_t seq)
{
    struct hybster_slot *slot = hybster_slot_at(r, seq);
    if (slot->base.view != r->entered) {
        hybster_slot_reset_view(r, slot);
        slot->base.view = r->entered;
    }
    return slot;
}

struct hybster_vote *hybster_vote_at(const struct nika_replica *r, const struct hybster_slot *slot,
                                     uint32_t sender)
{
    return &r->votes[(size_t)(slot - r->slots) * r->core.n + sender];
}

static void votes_clear(struct nika_replica *r, struct hybster_slot *slot)
{
    for (uint32_t i = 0; i < r->core.n; i++) hybster_vote_at(r, slot, i)->present = false;
    slot->commit_count = 0;
}

void hybster_slot_unwant(struct nika_replica *r, struct hybster_slot *slot)
{
    common_slot_forget_carried(&r->core, &slot->base);
    slot->wanted_bad = false;
}

/* Own messages of the order that are kept, or on their way. */
static void drop_own(struct nika_replica *r, struct hybster_slot *slot)
{
    nika_store_free(r->core.store, slot->commit);
    nika_store_free(r->core.store, slot->asked);
    slot->commit = 0;
    slot->asked = 0;
}

void hybster_slot_reset_view(struct nika_replica *r, struct hybster_slot *slot)
{
    /* The votes are about to go; what they prove about a committed order must outlive the view. */
    if (slot->base.committed) hybster_commit_cert_keep(r, slot);
    common_slot_forget_order(&r->core, &slot->base);
    drop_own(r, slot);
    votes_clear(r, slot);
    slot->intent = false;
    slot->intent_durable = false;
    slot->prepare_durable = false;
}

void hybster_slot_release(struct nika_replica *r, struct hybster_slot *slot)
{
    if (slot->base.seq == 0) return;
    common_slot_drop(&r->core, &slot->base);
    drop_own(r, slot);
    nika_store_free(r->core.store, slot->commit_cert);
    votes_clear(r, slot);
    memset(slot, 0, sizeof *slot);
    slot->base.view = r->entered;
}

void hybster_votes_recount(struct nika_replica *r, struct hybster_slot *slot)
{
    slot->commit_count = 0;
    for (uint32_t i = 0; i < r->core.n; i++) {
        const struct hybster_vote *vote = hybster_vote_at(r, slot, i);
        if (vote->present && nika_digest_equal(&vote->digest, &slot->base.digest))
            slot->commit_count++;
    }
}

void hybster_vote_frame(const struct nika_replica *r, const struct hybster_slot *slot,
                        uint32_t sender, struct nika_writer *w)
{
    const struct hybster_vote *vote = hybster_vote_at(r, slot, sender);
    uint8_t body[HYBSTER_ORDER_SIZE];
    struct nika_writer b = nika_writer_of(body, sizeof body);
    nika_write_u64(&b, slot->base.view);
    nika_write_u64(&b, slot->base.seq);
    nika_write_digest(&b, &vote->digest);
    nika_write_bytes(&b, (struct nika_span){vote->certificate, sizeof vote->certificate});
    nika_frame_write(r->core.config, HYBSTER_TYPE_commit, sender, (struct nika_span){body, b.at},
                     NIKA_AUTH_NONE, (struct nika_span){0}, w);
}

void hybster_commit_cert_keep(struct nika_replica *r, struct hybster_slot *slot)
{
    if (slot->commit_cert != 0 || slot->base.view != slot->base.commit_view ||
        slot->base.order == 0)
        return;
    if (!nika_digest_equal(&slot->base.digest, &slot->base.commit_digest)) return;
    uint32_t need = r->core.quorum - 1, count = 0;
    if (slot->commit_count < need) return;
    uint32_t prepare = nika_store_length(r->core.store, slot->base.order);
    uint32_t size = 4 + prepare + 4 + need * (4 + HYBSTER_ORDER_FRAME_SIZE);
    uint32_t handle = nika_store_alloc(r->core.store, size);
    if (handle == 0) return; /* Others hold one too. */
    struct nika_writer w = nika_writer_of(nika_store_at(r->core.store, handle), size);
    nika_write_bytes(&w, nika_store_span(r->core.store, slot->base.order));
    nika_write_u32(&w, need);
    for (uint32_t i = 0; i < r->core.n && count < need; i++) {
        const struct hybster_vote *vote = hybster_vote_at(r, slot, i);
        if (!vote->present || !nika_digest_equal(&vote->digest, &slot->base.digest)) continue;
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
    bool held = slot != NULL && slot->base.view == r->entered && slot->base.order != 0;
    if (!held || (slot->base.withheld && !slot->base.committed)) return (struct nika_span){0};
    return nika_store_span(r->core.store, slot->base.order);
}
