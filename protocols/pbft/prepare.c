/* protocols/pbft/prepare.c: a backup's vote for the primary's order, and the certificate that Q-1 of them make (Castro & Liskov,
 * OSDI '99, 4.2; PROTOCOLS.md 1.4, P1-P5, D3). */
#include "protocols/common/order.h"
#include "protocols/common/status.h"
#include "protocols/pbft/state.h"

static enum nika_check prepare_check(const struct nika_replica *r, const struct pbft_order *m,
                                     uint32_t sender)
{
    if (sender >= r->core.n || sender == r->core.self) return NIKA_CHECK_P1;
    /* The primary's vote is its PRE-PREPARE; counting both would let f+1 faulty look like a quorum. */
    if (!NIKA_PLANTED(B04) && sender == common_primary(&r->core, m->view)) return NIKA_CHECK_P2;
    if (!r->core.active || m->view != r->core.view) return NIKA_CHECK_P3;
    if (!NIKA_PLANTED(B13) && !common_in_window(&r->core, m->seq)) return NIKA_CHECK_P4;
    return NIKA_CHECK_NONE;
}

void pbft_on_prepare(struct nika_replica *r, const struct nika_frame *frame)
{
    struct pbft_order m;
    if (!pbft_order_decode(frame->body, &m)) {
        common_reject(&r->core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    enum nika_check check = prepare_check(r, &m, frame->sender);
    if (check != NIKA_CHECK_NONE) {
        common_reject(&r->core, check, frame->sender);
        bool ahead = check == NIKA_CHECK_P3 ? m.view >= r->core.view
                                            : check == NIKA_CHECK_P4 && m.seq > r->core.low_mark;
        if (ahead) common_status_soon(&r->core);
        return;
    }
    struct pbft_slot *slot = pbft_slot_current(r, m.seq);
    const struct pbft_vote *vote = pbft_vote_at(r, slot, PBFT_PREPARE, frame->sender);
    if (vote->present) {
        if (NIKA_PLANTED(B08)) {
            slot->prepare_count++;
            pbft_check_prepared(r, slot);
            return;
        }
        if (NIKA_PLANTED(W03)) slot->prepare_count = 0;
        if (nika_digest_equal(&vote->digest, &m.digest)) return; /* A retransmission. */
        pbft_vote_conflict(r, slot, PBFT_PREPARE, frame);
        common_reject(&r->core, NIKA_CHECK_P5, frame->sender);
        return;
    }
    if (r->core.high_known < m.seq) r->core.high_known = m.seq;
    /* Kept even before the PRE-PREPARE arrives, because the network reorders. */
    if (pbft_vote_record(r, slot, PBFT_PREPARE, frame->sender, &m.digest, frame->auth))
        pbft_check_prepared(r, slot);
}

static bool keep_certificate(struct nika_replica *r, struct pbft_slot *slot)
{
    uint32_t certificate = pbft_certificate_build(r, slot);
    if (certificate == 0) return false; /* Store full: the STATUS timer tries again. */
    nika_store_free(r->core.store, slot->best_certificate);
    if (slot->base.carry_batch != 0 &&
        !nika_digest_equal(&slot->base.carry_digest, &slot->base.digest)) {
        /* More than f liars can prepare another batch where one is committed, which is still to be executed. */
        if (slot->base.committed && slot->base.commit_batch == 0 &&
            nika_digest_equal(&slot->base.commit_digest, &slot->base.carry_digest))
            slot->base.commit_batch = slot->base.carry_batch;
        else
            nika_store_free(r->core.store, slot->base.carry_batch);
        slot->base.carry_batch = 0;
    }
    slot->best_certificate = certificate;
    slot->base.carry = true;
    slot->best_view = slot->base.view;
    slot->base.carry_digest = slot->base.digest;
    pbft_votes_certified(r, slot);
    common_order_keep_within(&r->core, &slot->base, certificate);
    return true;
}

void pbft_check_prepared(struct nika_replica *r, struct pbft_slot *slot)
{
    if (slot->prepared || slot->base.order == 0 || !slot->base.batch_ok || !slot->proposal_durable)
        return;
    if (slot->prepare_count < pbft_prepares_needed(r)) return;
    if (!keep_certificate(r, slot)) return;
    slot->prepared = true;
    pbft_prepared_persist(r, slot);
}

void pbft_prepared_persist(struct nika_replica *r, struct pbft_slot *slot)
{
    slot->base.persist_failed = false;
    nika_effects_persist(r->core.effects,
                         common_token(PBFT_TOKEN_PREPARED, r->view_generation, slot->base.seq),
                         PBFT_RECORD_PREPARED, slot->base.seq,
                         nika_store_span(r->core.store, slot->best_certificate));
    if (NIKA_PLANTED(C02)) /* A record that recovery does not know. */
        nika_effects_persist(r->core.effects, 0, 15, slot->base.seq, (struct nika_span){0});
    if (NIKA_PLANTED(PB14)) pbft_prepared_stored(r, slot->base.seq);
}

void pbft_prepared_stored(struct nika_replica *r, uint64_t seq)
{
    struct pbft_slot *slot = pbft_slot_find(r, seq);
    if (slot == NULL || !slot->prepared || slot->base.view != r->core.view || !r->core.active)
        return;
    slot->prepared_durable = true;
    if (slot->commit_sent || r->core.amnesiac) return;
    slot->commit_sent = true;
    pbft_vote_cast(r, slot, PBFT_COMMIT);
    pbft_check_committed(r, slot);
}
