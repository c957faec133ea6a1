/* protocols/hybster/new_view_check.c: may a NEW-VIEW be believed (PROTOCOLS.md 2.4, HN3-HN6)?
 *
 * Everyone recomputes from the VIEW-CHANGEs and NEW-VIEW-ACKs which orders must survive. W replicas must vouch for the base, or a faulty
 * leader of the base could have made up what it says of that view. Pure functions of bytes, keys and configuration. */
#include "protocols/hybster/view.h"

static bool held_already(const struct nika_replica *r, uint32_t handle, struct nika_span raw)
{
    if (handle == 0) return false;
    struct nika_span held = nika_store_span(r->core.store, handle);
    return held.size == raw.size && memcmp(held.data, raw.data, raw.size) == 0;
}

/* HN3, HN4: qh valid VIEW-CHANGEs of ascending senders, all for this view, none above the base, one at it. */
static enum nika_check view_changes_check(struct nika_replica *r, const struct hybster_new_view *m,
                                          uint64_t supporters[2])
{
    struct nika_frame frame;
    struct hybster_view_change change;
    struct nika_span raw;
    uint32_t at = 0, next_sender = 0;
    bool base_seen = false;
    if (m->view_changes.count < r->core.quorum || m->view_changes.count > r->core.n)
        return NIKA_CHECK_HN3;
    while (nika_frames_next(&m->view_changes, &at, &raw)) {
        if (!common_nested_open(&r->core, raw, &hybster_info_view_change, &frame, &change) ||
            frame.sender < next_sender || change.view != m->view)
            return NIKA_CHECK_HN3;
        next_sender = frame.sender + 1;
        /* Those held with the same bytes were verified on arrival. */
        if (!held_already(r, r->core.view_changes[frame.sender].frame, raw) &&
            hybster_view_change_check(r, &frame, &change) != NIKA_CHECK_NONE)
            return NIKA_CHECK_HN3;
        if (change.from > m->base) return NIKA_CHECK_HN4;
        if (change.from != m->base) continue;
        base_seen = true;
        supporters[frame.sender / 64] |= UINT64_C(1) << (frame.sender % 64);
    }
    return base_seen ? NIKA_CHECK_NONE : NIKA_CHECK_HN4;
}

/* HN5. */
static enum nika_check acks_check(struct nika_replica *r, const struct hybster_new_view *m,
                                  uint64_t supporters[2])
{
    struct nika_frame frame;
    struct hybster_new_view_ack ack;
    struct nika_span raw;
    uint32_t at = 0, next_sender = 0;
    if (m->acks.count > r->core.n) return NIKA_CHECK_HN5;
    while (nika_frames_next(&m->acks, &at, &raw)) {
        if (!common_nested_open(&r->core, raw, &hybster_info_new_view_ack, &frame, &ack) ||
            frame.sender < next_sender || ack.view != m->view || ack.base != m->base)
            return NIKA_CHECK_HN5;
        next_sender = frame.sender + 1;
        if (!held_already(r, r->acks[frame.sender].frame, raw) &&
            !hybster_ack_valid(r, &frame, &ack))
            return NIKA_CHECK_HN5;
        supporters[frame.sender / 64] |= UINT64_C(1) << (frame.sender % 64);
    }
    return NIKA_CHECK_NONE;
}

static uint32_t bits(const uint64_t set[2])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < NIKA_REPLICAS_MAX; i++)
        count += (set[i / 64] >> (i % 64) & 1) != 0 ? 1u : 0u;
    return count;
}

/* HN6: R is exactly what the proofs demand, certified by the new leader as PREPAREs of the new view. */
static bool orders_match(struct nika_replica *r, const struct hybster_new_view *m,
                         const struct hybster_plan *plan, uint32_t sender)
{
    struct nika_frame frame;
    struct hybster_prepare unused;
    struct hybster_order order;
    struct nika_span raw;
    uint32_t at = 0;
    uint64_t seq = plan->min_seq;
    if (m->prepares.count != plan->max_seq - plan->min_seq) return false;
    while (nika_frames_next(&m->prepares, &at, &raw)) {
        if (!common_nested_open(&r->core, raw, &hybster_info_prepare, &frame, &unused) ||
            !hybster_order_decode(frame.body, &order))
            return false;
        seq++;
        const struct hybster_planned *planned = &plan->orders[seq - plan->min_seq - 1];
        bool same = frame.sender == sender && order.view == m->view && order.seq == seq &&
                    nika_digest_equal(&order.digest, &planned->digest);
        if (!same || !hybster_order_certified(r, &frame, &order)) return false;
    }
    return true;
}

enum nika_check hybster_new_view_check(struct nika_replica *r, const struct nika_frame *frame,
                                       const struct hybster_new_view *m, struct hybster_plan *plan)
{
    uint64_t supporters[2] = {0, 0};
    struct nika_trusted_certificate certificate;
    struct nika_trusted_value value = {m->view, 0};
    if (!hybster_message_check(r, frame, NIKA_TRUSTED_INDEPENDENT, HYBSTER_COUNTER_NEW_VIEW, &value,
                               &certificate))
        return NIKA_CHECK_HN1;
    enum nika_check check = view_changes_check(r, m, supporters);
    if (check == NIKA_CHECK_NONE) check = acks_check(r, m, supporters);
    if (check != NIKA_CHECK_NONE) return check;
    if (m->base != 0 && bits(supporters) < r->core.weak && !NIKA_PLANTED(T09))
        return NIKA_CHECK_HN4;
    if (!hybster_plan_compute(r, &m->view_changes, &m->acks, m->base, plan)) return NIKA_CHECK_HP7;
    return orders_match(r, m, plan, frame->sender) ? NIKA_CHECK_NONE : NIKA_CHECK_HN6;
}
