/* protocols/hybster/plan.c: what a set of VIEW-CHANGEs and NEW-VIEW-ACKs decides, and whether this replica has what it takes to go
 * along (PROTOCOLS.md 2.4, HN6, HN8).
 *
 * A PREPARE alone does not prove that any correct replica holds its batch, as a prepared certificate of PBFT does. So nobody enters a
 * view before it has every batch that the view carries over: a faulty leader's order without a batch would else be carried from view to
 * view for ever. */
#include "protocols/common/fetch.h"
#include "protocols/common/order.h"
#include "protocols/common/transfer.h"
#include "protocols/hybster/view.h"

static void take_low_mark(struct hybster_plan *plan, uint64_t low_mark,
                          const struct nika_list *checkpoints)
{
    if (low_mark <= plan->min_seq) return;
    plan->min_seq = low_mark;
    plan->checkpoints = *checkpoints;
}

/* Add the PREPAREs of one history; two that differ at one order mean a broken trusted subsystem. */
static bool plan_add(struct nika_replica *r, struct hybster_plan *plan,
                     const struct nika_list *prepares)
{
    struct nika_frame frame;
    struct hybster_prepare order;
    struct nika_span raw;
    uint32_t at = 0;
    while (nika_frames_next(prepares, &at, &raw)) {
        if (!common_nested_open(&r->core, raw, &hybster_info_prepare, &frame, &order)) continue;
        if (order.seq <= plan->min_seq || order.seq - plan->min_seq > r->core.config->window)
            continue;
        while (plan->max_seq < order.seq) {
            plan->max_seq++;
            memset(&plan->orders[plan->max_seq - plan->min_seq - 1], 0, sizeof plan->orders[0]);
        }
        struct hybster_planned *planned = &plan->orders[order.seq - plan->min_seq - 1];
        if (planned->present && !nika_digest_equal(&planned->digest, &order.digest)) {
            plan->conflict_seq = order.seq;
            return false;
        }
        *planned = (struct hybster_planned){.present = true, .digest = order.digest};
    }
    return true;
}

bool hybster_plan_compute(struct nika_replica *r, const struct nika_list *view_changes,
                          const struct nika_list *acks, uint64_t base, struct hybster_plan *plan)
{
    struct nika_frame frame;
    struct hybster_view_change m;
    struct hybster_new_view_ack ack;
    struct nika_span raw;
    plan->min_seq = 0;
    plan->conflict_seq = 0;
    memset(&plan->checkpoints, 0, sizeof plan->checkpoints);
    for (uint32_t at = 0; nika_frames_next(view_changes, &at, &raw);) {
        if (common_nested_open(&r->core, raw, &hybster_info_view_change, &frame, &m))
            take_low_mark(plan, m.low_mark, &m.checkpoints);
    }
    for (uint32_t at = 0; nika_frames_next(acks, &at, &raw);) {
        if (common_nested_open(&r->core, raw, &hybster_info_new_view_ack, &frame, &ack) &&
            !NIKA_PLANTED(T10))
            take_low_mark(plan, ack.low_mark, &ack.checkpoints);
    }
    plan->max_seq = plan->min_seq;
    for (uint32_t at = 0; nika_frames_next(view_changes, &at, &raw);) {
        if (!common_nested_open(&r->core, raw, &hybster_info_view_change, &frame, &m)) continue;
        if (m.from == base && !plan_add(r, plan, &m.prepares)) return false;
    }
    for (uint32_t at = 0; nika_frames_next(acks, &at, &raw);) {
        if (!common_nested_open(&r->core, raw, &hybster_info_new_view_ack, &frame, &ack)) continue;
        if (!plan_add(r, plan, &ack.prepares)) return false;
    }
    return true;
}

enum hybster_standing hybster_plan_standing(const struct nika_replica *r, uint64_t view,
                                            const struct hybster_plan *plan, uint64_t *seq)
{
    enum hybster_standing standing = HYBSTER_PLAN_STANDS;
    for (uint64_t s = plan->min_seq + 1; s <= plan->max_seq && s <= r->core.last_executed; s++) {
        const struct hybster_slot *slot = hybster_slot_find(r, s);
        if (slot == NULL || !slot->base.executed || !slot->base.committed) continue;
        if (nika_digest_equal(&slot->base.commit_digest,
                              &plan->orders[s - plan->min_seq - 1].digest))
            continue;
        *seq = s;
        if (slot->base.commit_view < view) return HYBSTER_PLAN_IMPOSSIBLE;
        standing = HYBSTER_PLAN_OVERTAKEN;
    }
    return standing;
}

static void want(struct nika_replica *r, struct hybster_slot *slot,
                 const struct nika_digest *digest)
{
    if (slot->base.carry && nika_digest_equal(&slot->base.carry_digest, digest)) return;
    /* Two candidates want different batches here: they take turns, so that a lie cannot stand in the way for ever. */
    if (slot->base.carry && slot->wanted_stamp == r->core.status_nonce) return;
    hybster_slot_unwant(r, slot);
    slot->base.carry = true;
    slot->wanted_stamp = r->core.status_nonce;
    slot->base.carry_digest = *digest;
    struct nika_span body = common_batch_find(&r->core, digest);
    if (body.size != 0)
        slot->base.carry_batch = common_bulk_put(&r->core, body);
    else
        common_fetch_want(&r->core, digest, (r->core.self + 1) % r->core.n);
}

bool hybster_batch_at_hand(struct nika_replica *r, uint64_t seq, const struct nika_digest *digest)
{
    if (seq <= r->core.low_mark || nika_digest_is_null(digest)) return true;
    if (!common_in_window(&r->core, seq)) return false;
    struct hybster_slot *slot = hybster_slot_at(r, seq);
    if (common_slot_batch(&slot->base, digest) != 0) return true;
    want(r, slot, digest);
    return common_slot_batch(&slot->base, digest) != 0;
}

bool hybster_history_at_hand(struct nika_replica *r, const struct nika_list *prepares)
{
    struct nika_frame frame;
    struct hybster_prepare order;
    struct nika_span raw;
    uint32_t at = 0;
    bool all = true;
    while (nika_frames_next(prepares, &at, &raw)) {
        bool open = common_nested_open(&r->core, raw, &hybster_info_prepare, &frame, &order);
        if (!open || !hybster_batch_at_hand(r, order.seq, &order.digest)) all = false;
    }
    return all;
}

bool hybster_reach_low_mark(struct nika_replica *r, uint64_t seq, const struct nika_list *cert)
{
    uint64_t proven = 0, signers[2] = {0, 0};
    struct nika_digest digest;
    if (seq <= r->core.low_mark) return true;
    if (!common_checkpoint_cert_verify(&r->core, cert, r->core.weak, &proven, &digest, signers))
        return false;
    /* Copied: the message in the store may go while it is in use. */
    uint32_t size = 4 + cert->span.size;
    uint32_t handle = nika_store_alloc(r->core.store, size);
    if (handle == 0) return false;
    struct nika_writer w = nika_writer_of(nika_store_at(r->core.store, handle), size);
    nika_write_u32(&w, cert->count);
    nika_write_raw(&w, cert->span.data, cert->span.size);
    struct nika_span bytes = nika_store_span(r->core.store, handle);
    /* What was given to the application needs no transfer, even when its results are still on their way. */
    if (r->core.last_issued >= seq && !r->core.transfer.active)
        common_make_stable(&r->core, seq, &digest, bytes);
    else
        common_transfer_start(&r->core, seq, &digest, signers, bytes);
    nika_store_free(r->core.store, handle);
    return seq <= r->core.low_mark;
}
