/* protocols/pbft/pre_prepare.c: the primary's order and whether to agree to it (Castro & Liskov, OSDI '99, 4.2; PROTOCOLS.md 1.4,
 * PP1-PP9, D1, D2).
 *
 * An order is parked while its batch is missing, accepted when the batch is at hand, durable before anything is said about it. */
#include "protocols/common/fetch.h"
#include "protocols/common/status.h"
#include "protocols/pbft/state.h"

/* The frame by which this slot's order is known, accepted or parked; 0 = none. */
static uint32_t known_order(const struct pbft_slot *slot)
{
    return slot->pre_prepare != 0 ? slot->pre_prepare : slot->parked;
}

/* PP6. True when the slot has an order of this view already. */
static bool already_ordered(struct nika_replica *r, struct pbft_slot *slot,
                            const struct pbft_order *m, const struct nika_frame *frame)
{
    uint32_t held = known_order(slot);
    if (held == 0) return false;
    if (NIKA_PLANTED(B06)) {
        pbft_slot_reset_view(r, slot);
        return false;
    }
    const struct nika_digest *digest =
        slot->pre_prepare != 0 ? &slot->digest : &slot->parked_digest;
    if (nika_digest_equal(digest, &m->digest)) return true; /* A retransmission. */
    NIKA_ASSERT(!NIKA_PLANTED(W08));
    common_evidence(&r->core, frame->type, frame->sender, nika_store_span(r->core.store, held),
                    frame->raw);
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
        bool behind = m.view > r->core.view || (m.view == r->core.view && !r->core.active) ||
                      m.seq > r->core.low_mark + r->core.config->window;
        common_reject(&r->core, check, frame->sender);
        if (behind && check != NIKA_CHECK_PP1) common_status_soon(&r->core);
        return;
    }
    if (r->core.high_known < m.seq) r->core.high_known = m.seq;
    pbft_order_take(r, pbft_slot_current(r, m.seq), &m, frame->raw, false);
}

/* PP9. Orders of a NEW-VIEW were accepted once, maybe long ago; executed ones have passed. Clocks that were ahead and are right again
 * leave agreed time ahead of all of them: it may then still move, by as little as there is. */
static bool time_acceptable(struct nika_replica *r, const struct pbft_slot *slot)
{
    if (NIKA_PLANTED(B45)) return true;
    if (slot->from_new_view || slot->base.seq <= r->core.last_issued) return true;
    if (slot->base.nondet_ns <= r->core.last_time_ns) return false;
    if (slot->base.nondet_ns <= r->core.now_ns + r->core.config->time_skew_ns) return true;
    /* The order before it counts only if it was acceptable itself, or two untimely ones would vouch for each other. */
    const struct pbft_slot *before = pbft_slot_find(r, slot->base.seq - 1);
    uint64_t last = r->core.last_time_ns;
    bool counts = before != NULL && before->view == r->core.view && before->pre_prepare != 0 &&
                  !before->withheld;
    if (counts && before->base.nondet_ns > last) last = before->base.nondet_ns;
    return slot->base.nondet_ns == last + 1;
}

void pbft_proposal_reconsider(struct nika_replica *r, struct pbft_slot *slot)
{
    if (!slot->untimely || !time_acceptable(r, slot)) return;
    slot->untimely = false;
    slot->withheld = false;
}

/* The order is accepted: it counts as the primary's vote, and what came early is counted now. */
static void accept(struct nika_replica *r, struct pbft_slot *slot, uint32_t frame)
{
    slot->pre_prepare = frame;
    pbft_votes_recount(r, slot);
    if (slot->batch != 0 && !time_acceptable(r, slot)) {
        slot->withheld = true;
        slot->untimely = true;
        common_reject(&r->core, NIKA_CHECK_PP9, common_primary(&r->core, slot->view));
    }
    pbft_proposal_persist(r, slot);
    /* Q COMMITs may have been waiting for nothing else. */
    pbft_check_committed(r, slot);
}

void pbft_order_take(struct nika_replica *r, struct pbft_slot *slot, const struct pbft_order *order,
                     struct nika_span frame, bool from_new_view)
{
    uint32_t handle = nika_store_put(r->core.store, frame);
    if (handle == 0) return; /* STATUS brings it again. */
    slot->from_new_view = from_new_view;
    bool null = nika_digest_is_null(&order->digest);
    if (null || pbft_slot_batch(slot, &order->digest) != 0) {
        pbft_slot_set_digest(r, slot, &order->digest);
        slot->batch_ok = true;
        /* A BATCH begins with its time; a null one has none. */
        slot->base.nondet_ns =
            null ? 0 : nika_load_le(nika_store_at(r->core.store, slot->batch), 8);
        accept(r, slot, handle);
        return;
    }
    slot->parked = handle;
    slot->parked_digest = order->digest;
    common_queue_note(&r->core, NIKA_QUEUE_PARKED, ++r->parked_count);
    /* The primary sends the BATCH right behind its PRE-PREPARE; behind a NEW-VIEW nobody does. */
    uint32_t first = from_new_view ? (r->core.self + 1) % r->core.n : NIKA_NODE_NONE;
    common_fetch_want(&r->core, &order->digest, first);
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
    if (known_order(slot) != 0) return;
    struct pbft_order order = {.view = r->core.view, .seq = seq, .digest = *digest};
    if (r->core.high_known < seq) r->core.high_known = seq;
    struct nika_span body = common_batch_find(&r->core, digest);
    bool elsewhere = body.size != 0 && pbft_slot_batch(slot, digest) == 0;
    pbft_order_take(r, slot, &order, frame, true);
    if (elsewhere && slot->parked != 0) pbft_resume_parked(r, slot, body);
}

void pbft_resume_parked(struct nika_replica *r, struct pbft_slot *slot, struct nika_span body)
{
    struct common_batch batch;
    if (slot->parked == 0 || slot->withheld) return;
    if (NIKA_PLANTED(B30) && slot->from_new_view) return;
    enum nika_check check = NIKA_CHECK_PP7;
    if (nika_decode(&common_info_batch, body, &batch) == NIKA_OK)
        check = common_batch_check(r->core.config, r->core.host, &batch, body.size);
    NIKA_ASSERT(check == NIKA_CHECK_NONE || !NIKA_PLANTED(W13));
    if (check != NIKA_CHECK_NONE) {
        /* No correct replica will ever prepare this order; it stays only as what the primary said first. */
        slot->withheld = true;
        common_reject(&r->core, check, common_primary(&r->core, slot->view));
        return;
    }
    uint32_t handle = common_bulk_put(&r->core, body);
    if (handle == 0) return; /* Fetched again later. */
    struct nika_digest digest = slot->parked_digest;
    pbft_slot_set_digest(r, slot, &digest);
    nika_store_free(r->core.store, slot->batch);
    slot->batch = handle;
    slot->batch_ok = true;
    slot->base.nondet_ns = batch.time_ns;
    uint32_t frame = slot->parked;
    slot->parked = 0;
    r->parked_count--;
    accept(r, slot, frame);
}

bool pbft_propose(struct nika_replica *r, uint64_t seq, uint32_t batch, uint64_t time_ns)
{
    struct pbft_pre_prepare order = {.view = r->core.view, .seq = seq};
    common_batch_body_digest(nika_store_span(r->core.store, batch), &order.digest);
    uint32_t frame = common_store_frame(&r->core, &pbft_info_pre_prepare, &order);
    if (frame == 0) return false;
    struct pbft_slot *slot = pbft_slot_current(r, order.seq);
    NIKA_ASSERT(slot->pre_prepare == 0 && slot->parked == 0);
    pbft_slot_set_digest(r, slot, &order.digest);
    if (slot->batch != 0) nika_store_free(r->core.store, batch);
    if (slot->batch == 0) slot->batch = batch;
    slot->batch_ok = true;
    slot->base.nondet_ns = time_ns;
    slot->pre_prepare = frame;
    pbft_votes_recount(r, slot);
    pbft_proposal_persist(r, slot);
    return true;
}

void pbft_proposal_persist(struct nika_replica *r, struct pbft_slot *slot)
{
    struct nika_span frame = nika_store_span(r->core.store, slot->pre_prepare);
    struct nika_span body = {0};
    if (slot->batch != 0) body = nika_store_span(r->core.store, slot->batch);
    uint8_t *bytes = NULL;
    uint32_t size = 8 + frame.size + body.size;
    struct nika_action *action =
        nika_effects_add(r->core.effects, NIKA_ACTION_PERSIST, size, &bytes);
    if (action == NULL) return;
    action->id = PBFT_RECORD_PROPOSAL;
    action->a = slot->base.seq;
    action->token = common_token(PBFT_TOKEN_PROPOSAL, r->view_generation, slot->base.seq);
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_write_bytes(&w, frame);
    nika_write_bytes(&w, body);
    slot->persist_failed = false;
    if (NIKA_PLANTED(B41)) pbft_proposal_stored(r, slot->base.seq);
}

/* D1, D2 are met: say it. */
void pbft_proposal_stored(struct nika_replica *r, uint64_t seq)
{
    struct pbft_slot *slot = pbft_slot_find(r, seq);
    if (slot == NULL || slot->pre_prepare == 0 || slot->view != r->core.view || !r->core.active)
        return;
    slot->proposal_durable = true;
    if (!slot->prepare_sent && !slot->withheld && !r->core.amnesiac) {
        slot->prepare_sent = true;
        if (common_primary(&r->core, r->core.view) != r->core.self) {
            pbft_vote_cast(r, slot, PBFT_PREPARE);
        } else if (!slot->from_new_view) { /* Those went out inside NEW-VIEW. */
            common_broadcast_frame(&r->core, nika_store_span(r->core.store, slot->pre_prepare));
            common_send_batch(&r->core, NIKA_NODE_NONE,
                              nika_store_span(r->core.store, slot->batch));
        }
    }
    pbft_check_prepared(r, slot);
}
