/* protocols/hybster/prepare.c: the leader's order and whether to follow it (PROTOCOLS.md 2.3, HP1-HP7; 2.5).
 *
 * The leader makes batch and draft of the PREPARE durable in one record, uses its counter and sends at once. What it certified goes to
 * the disk behind that, and the counter waits for it: at most the last certificate can be lost in a crash, and that one the trusted
 * subsystem gives again for the draft. A follower makes PREPARE and batch durable before it uses its own counter (commit.c). */
#include "protocols/common/order.h"
#include "protocols/common/status.h"
#include "protocols/hybster/state.h"

/* HP7. True when the slot has an order of this view already. */
static bool already_ordered(struct nika_replica *r, struct hybster_slot *slot,
                            const struct hybster_order *m, const struct nika_frame *frame)
{
    if (!common_order_known(&slot->base)) return false;
    if (nika_digest_equal(common_order_digest(&slot->base), &m->digest))
        return true; /* A retransmission. */
    if (!hybster_order_certified(r, frame, m)) {
        common_reject(&r->core, NIKA_CHECK_HP4, frame->sender);
        return true;
    }
    /* Two digests for one value: no trusted subsystem that works does that. */
    common_evidence(&r->core, frame->type, frame->sender,
                    common_order_known_frame(&r->core, &slot->base), frame->raw);
    common_reject(&r->core, NIKA_CHECK_HP7, frame->sender);
    hybster_alarm(r, NIKA_CHECK_HP7, m->seq);
    return true;
}

/* HP1-HP3: everything that needs only the fields. */
static enum nika_check order_check(const struct nika_replica *r, const struct hybster_order *m,
                                   uint32_t sender)
{
    if (sender != common_primary(&r->core, m->view)) return NIKA_CHECK_HP1;
    if (!r->core.active || m->view != r->core.view) return NIKA_CHECK_HP2;
    if (!common_in_window(&r->core, m->seq)) return NIKA_CHECK_HP3;
    /* One's own PREPARE is news only after a log was lost. */
    if (sender == r->core.self && m->seq > hybster_pillar_of(r, m->seq)->voted)
        return NIKA_CHECK_HP1;
    return NIKA_CHECK_NONE;
}

/* Accept it when its batch is at hand, else park it and ask for the batch (HP5). */
static void take(struct nika_replica *r, struct hybster_slot *slot,
                 const struct hybster_order *order, struct nika_span frame)
{
    uint32_t handle = nika_store_put(r->core.store, frame);
    if (handle == 0) return; /* STATUS brings it again. */
    slot->intent = false;
    /* An own order that peers give back: its number is taken. */
    uint32_t p = common_pillar_of(&r->core, order->seq);
    if (r->core.next_seq[p] <= order->seq)
        r->core.next_seq[p] = common_pillar_next(&r->core, p, order->seq);
    /* The leader sends the BATCH right behind its PREPARE. */
    common_order_take(&r->core, &slot->base, &order->digest, handle, NIKA_NODE_NONE);
}

void hybster_on_prepare(struct nika_replica *r, const struct nika_frame *frame)
{
    struct hybster_order m;
    if (!hybster_order_decode(frame->body, &m)) {
        common_reject(&r->core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    enum nika_check check = order_check(r, &m, frame->sender);
    struct hybster_slot *slot = NULL;
    if (check == NIKA_CHECK_NONE) {
        slot = hybster_slot_current(r, m.seq);
        if (already_ordered(r, slot, &m, frame)) return;
        /* The null batch has its place where pillars wait for each other. */
        if (nika_digest_is_null(&m.digest) && r->core.pillars == 1) check = NIKA_CHECK_HP5;
        if (check == NIKA_CHECK_NONE && !hybster_order_certified(r, frame, &m))
            check = NIKA_CHECK_HP4;
    }
    if (check != NIKA_CHECK_NONE) {
        common_reject(&r->core, check, frame->sender);
        if (check != NIKA_CHECK_HP1 && common_order_ahead(&r->core, m.view, m.seq))
            common_status_soon(&r->core);
        return;
    }
    if (r->core.high_known < m.seq) r->core.high_known = m.seq;
    take(r, slot, &m, frame->raw);
}

void hybster_prepare_accept(struct nika_replica *r, struct hybster_slot *slot, uint32_t frame)
{
    /* It counts as the leader's vote, and COMMITs that came early are counted now. */
    slot->base.order = frame;
    hybster_votes_recount(r, slot);
    common_order_judge_time(&r->core, &slot->base, NIKA_CHECK_HP5);
    hybster_prepare_persist(r, slot);
    hybster_check_committed(r, slot);
    if (r->core.host->trusted_later) hybster_advance(r);
}

void hybster_resume_parked(struct nika_replica *r, struct hybster_slot *slot, struct nika_span body)
{
    if (common_order_resume(&r->core, &slot->base, body) != NIKA_CHECK_NONE)
        common_reject(&r->core, NIKA_CHECK_HP5, common_primary(&r->core, slot->base.view));
}

void hybster_install(struct nika_replica *r, const struct hybster_order *order,
                     struct nika_span frame)
{
    struct hybster_slot *slot = hybster_slot_current(r, order->seq);
    if (slot->base.committed && !nika_digest_equal(&slot->base.commit_digest, &order->digest)) {
        /* Final meanwhile in this view or a later one: see enum hybster_standing. */
        if (slot->base.commit_view < order->view) hybster_alarm(r, NIKA_CHECK_HN6, order->seq);
        return;
    }
    if (common_order_known(&slot->base)) return;
    if (r->core.high_known < order->seq) r->core.high_known = order->seq;
    slot->base.from_new_view = true;
    take(r, slot, order, frame);
    hybster_slot_unwant(r, slot);
}

/* ---- the leader -------------------------------------------------------------------------------------------------------- */

bool hybster_propose(struct nika_replica *r, uint64_t seq, uint32_t batch, uint64_t time_ns)
{
    struct nika_digest digest = {{0}};
    if (r->halted) return false;
    if (batch != 0) common_batch_body_digest(nika_store_span(r->core.store, batch), &digest);
    struct hybster_slot *slot = hybster_slot_current(r, seq);
    NIKA_ASSERT(!slot->intent);
    common_order_propose(&r->core, &slot->base, &digest, batch, time_ns);
    slot->intent = true;
    hybster_intent_persist(r, slot);
    if (r->core.host->trusted_later) hybster_advance(r);
    if (NIKA_PLANTED(T11)) hybster_intent_stored(r, slot->base.seq);
    return true;
}

void hybster_intent_persist(struct nika_replica *r, struct hybster_slot *slot)
{
    struct nika_span body = {0};
    if (slot->base.batch != 0) body = nika_store_span(r->core.store, slot->base.batch);
    uint8_t *bytes = NULL;
    uint32_t size = HYBSTER_DRAFT_SIZE + 4 + body.size;
    struct nika_action *action =
        nika_effects_add(r->core.effects, NIKA_ACTION_PERSIST, size, &bytes);
    if (action == NULL) return;
    action->id = HYBSTER_RECORD_INTENT;
    action->a = slot->base.seq;
    action->token = common_token(HYBSTER_TOKEN_INTENT, r->view_generation, slot->base.seq);
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_write_u64(&w, slot->base.view);
    nika_write_u64(&w, slot->base.seq);
    nika_write_digest(&w, &slot->base.digest);
    nika_write_bytes(&w, body);
    slot->base.persist_failed = false;
}

void hybster_intent_stored(struct nika_replica *r, uint64_t seq)
{
    struct hybster_slot *slot = hybster_slot_find(r, seq);
    if (slot == NULL || !slot->intent || slot->base.view != r->entered) return;
    slot->intent_durable = true;
    hybster_advance(r);
}

/* PREPARE frame and batch; of an own intent, which has the batch already, the frame alone. */
void hybster_prepare_persist(struct nika_replica *r, struct hybster_slot *slot)
{
    common_order_persist(&r->core, &slot->base, HYBSTER_RECORD_PREPARE,
                         common_token(HYBSTER_TOKEN_PREPARE, r->view_generation, slot->base.seq),
                         !slot->intent_durable);
}

void hybster_prepare_keep(struct nika_replica *r, struct hybster_slot *slot, uint32_t frame)
{
    slot->base.order = frame;
    slot->intent = false;
    hybster_pillar_of(r, slot->base.seq)->certifying = slot->base.seq;
    hybster_prepare_persist(r, slot);
}

void hybster_prepare_issued(struct nika_replica *r, struct hybster_slot *slot, uint32_t frame)
{
    hybster_prepare_keep(r, slot, frame);
    common_broadcast_frame(&r->core, nika_store_span(r->core.store, frame));
    if (slot->base.batch != 0)
        common_send_batch(&r->core, NIKA_NODE_NONE,
                          nika_store_span(r->core.store, slot->base.batch));
    hybster_votes_recount(r, slot);
    hybster_check_committed(r, slot);
}

void hybster_prepare_stored(struct nika_replica *r, uint64_t seq)
{
    struct hybster_pillar *pillar = hybster_pillar_of(r, seq);
    if (pillar->certifying == seq) pillar->certifying = 0;
    struct hybster_slot *slot = hybster_slot_find(r, seq);
    bool held = slot != NULL && slot->base.order != 0 && slot->base.view == r->entered;
    if (held && r->core.active) slot->prepare_durable = true;
    if (r->core.host->trusted_later && !r->core.active) hybster_view_retry(r);
    hybster_advance(r);
}
