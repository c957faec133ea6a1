/* protocols/pbft/pre_prepare.c: the primary's order and whether to agree to it (Castro & Liskov, OSDI '99, 4.2; PROTOCOLS.md 1.4,
 * PP1-PP9, D1, D2).
 *
 * An order is parked while its batch is missing, accepted when the batch is at hand, durable before anything is said about it. */
#include "protocols/common/fetch.h"
#include "protocols/common/order.h"
#include "protocols/common/status.h"
#include "protocols/pbft/state.h"

/* PP6. True when the slot has an order of this view already. */
static bool already_ordered(struct nika_replica *r, struct pbft_slot *slot,
                            const struct pbft_order *m, const struct nika_frame *frame)
{
    if (!common_order_known(&slot->base)) return false;
    if (NIKA_PLANTED(B06)) {
        pbft_slot_reset_view(r, slot);
        return false;
    }
    if (nika_digest_equal(common_order_digest(&slot->base), &m->digest))
        return true; /* A retransmission. */
    NIKA_ASSERT(!NIKA_PLANTED(W08));
    common_evidence(&r->core, frame->type, frame->sender,
                    common_order_known_frame(&r->core, &slot->base), frame->raw);
    common_reject(&r->core, NIKA_CHECK_PP6, frame->sender);
    /* The two orders convict the primary: no reason to wait for T_req. */
    if (frame->sender != r->core.self) pbft_view_change_start(r, r->core.view + 1);
    return true;
}

/* PP1-PP5: everything that needs only the three fields. */
static enum nika_check order_check(const struct nika_replica *r, const struct pbft_order *m,
                                   uint32_t sender)
{
    if (sender != common_primary(&r->core, m->view) || sender == r->core.self)
        return NIKA_CHECK_PP1;
    if (!r->core.active || m->view != r->core.view) return NIKA_CHECK_PP2;
    if (!NIKA_PLANTED(B13) && !common_in_window(&r->core, m->seq)) return NIKA_CHECK_PP3;
    /* Not before PP4: NEW-VIEW's own orders may be null, and are known already when they are relayed. */
    return NIKA_CHECK_NONE;
}

/* A PRE-PREPARE frame becomes the accepted one (its batch is at hand) or parked (it is fetched). */
static void take(struct nika_replica *r, struct pbft_slot *slot, const struct nika_digest *digest,
                 struct nika_span frame, bool from_new_view)
{
    uint32_t handle = nika_store_put(r->core.store, frame);
    if (handle == 0) return; /* STATUS brings it again. */
    slot->base.from_new_view = from_new_view;
    /* The primary sends the BATCH right behind its PRE-PREPARE; behind a NEW-VIEW nobody does. */
    uint32_t first = from_new_view ? (r->core.self + 1) % r->core.n : NIKA_NODE_NONE;
    common_order_take(&r->core, &slot->base, digest, handle, first);
}

void pbft_on_pre_prepare(struct nika_replica *r, const struct nika_frame *frame)
{
    struct pbft_order m;
    if (!pbft_order_decode(frame->body, &m)) {
        common_reject(&r->core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    enum nika_check check = order_check(r, &m, frame->sender);
    if (check == NIKA_CHECK_NONE) {
        struct pbft_slot *slot = pbft_slot_current(r, m.seq);
        if (already_ordered(r, slot, &m, frame)) return;
        if (m.seq <= r->low_bound) check = NIKA_CHECK_PP4;
        if (check == NIKA_CHECK_NONE && nika_digest_is_null(&m.digest)) check = NIKA_CHECK_PP5;
    }
    if (check != NIKA_CHECK_NONE) {
        if (NIKA_PLANTED(PB27) && check == NIKA_CHECK_PP3) return;
        common_reject(&r->core, check, frame->sender);
        if (check != NIKA_CHECK_PP1 && common_order_ahead(&r->core, m.view, m.seq))
            common_status_soon(&r->core);
        return;
    }
    if (r->core.high_known < m.seq) r->core.high_known = m.seq;
    take(r, pbft_slot_current(r, m.seq), &m.digest, frame->raw, false);
}

void pbft_order_accept(struct nika_replica *r, struct pbft_slot *slot, uint32_t frame)
{
    /* It counts as the primary's vote, and what came early is counted now. */
    slot->base.order = frame;
    pbft_votes_recount(r, slot);
    common_order_judge_time(&r->core, &slot->base, NIKA_CHECK_PP9);
    pbft_proposal_persist(r, slot);
    /* Q COMMITs may have been waiting for nothing else. */
    pbft_check_committed(r, slot);
}

void pbft_install_order(struct nika_replica *r, uint64_t seq, const struct nika_digest *digest,
                        struct nika_span frame)
{
    struct pbft_slot *slot = pbft_slot_current(r, seq);
    if (slot->base.committed && !nika_digest_equal(&slot->base.commit_digest, digest)) {
        /* Not so when it was committed while the NEW-VIEW was being made durable: the primary told others something else (see
         * pbft_plan_standing). What is final here stays, and this replica has no vote for anything else. */
        if (slot->base.commit_view < r->core.view) common_alarm(&r->core, NIKA_CHECK_NV8, seq);
        return;
    }
    if (common_order_known(&slot->base)) return;
    if (r->core.high_known < seq) r->core.high_known = seq;
    struct nika_span body = common_batch_find(&r->core, digest);
    bool elsewhere = body.size != 0 && common_slot_batch(&slot->base, digest) == 0;
    take(r, slot, digest, frame, true);
    if (elsewhere && slot->base.parked != 0) pbft_resume_parked(r, slot, body);
}

void pbft_resume_parked(struct nika_replica *r, struct pbft_slot *slot, struct nika_span body)
{
    if (NIKA_PLANTED(B30) && slot->base.from_new_view) return;
    enum nika_check check = common_order_resume(&r->core, &slot->base, body);
    if (check != NIKA_CHECK_NONE)
        common_reject(&r->core, check, common_primary(&r->core, slot->base.view));
}

bool pbft_propose(struct nika_replica *r, uint64_t seq, uint32_t batch, uint64_t time_ns)
{
    struct pbft_pre_prepare order = {.view = r->core.view, .seq = seq};
    common_batch_body_digest(nika_store_span(r->core.store, batch), &order.digest);
    uint32_t frame = common_store_frame(&r->core, &pbft_info_pre_prepare, &order);
    if (frame == 0) return false;
    struct pbft_slot *slot = pbft_slot_current(r, order.seq);
    common_order_propose(&r->core, &slot->base, &order.digest, batch, time_ns);
    slot->base.order = frame;
    pbft_votes_recount(r, slot);
    pbft_proposal_persist(r, slot);
    return true;
}

void pbft_proposal_persist(struct nika_replica *r, struct pbft_slot *slot)
{
    common_order_persist(&r->core, &slot->base, PBFT_RECORD_PROPOSAL,
                         common_token(PBFT_TOKEN_PROPOSAL, r->view_generation, slot->base.seq),
                         true);
    if (NIKA_PLANTED(B41)) pbft_proposal_stored(r, slot->base.seq);
}

/* D1, D2 are met: say it. */
void pbft_proposal_stored(struct nika_replica *r, uint64_t seq)
{
    struct pbft_slot *slot = pbft_slot_find(r, seq);
    if (slot == NULL || slot->base.order == 0 || slot->base.view != r->core.view || !r->core.active)
        return;
    slot->proposal_durable = true;
    if (!slot->prepare_sent && !slot->base.withheld && !r->core.amnesiac) {
        slot->prepare_sent = true;
        if (common_primary(&r->core, r->core.view) != r->core.self) {
            pbft_vote_cast(r, slot, PBFT_PREPARE);
        } else if (!slot->base.from_new_view) { /* Those went out inside NEW-VIEW. */
            common_broadcast_frame(&r->core, common_order_frame(&r->core, &slot->base));
            common_send_batch(&r->core, NIKA_NODE_NONE,
                              nika_store_span(r->core.store, slot->base.batch));
        }
    }
    pbft_check_prepared(r, slot);
}
