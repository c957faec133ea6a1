/* protocols/pbft/certificate.c: prepared certificates, the checks on a VIEW-CHANGE's content, and what follows from a set of
 * VIEW-CHANGEs (PROTOCOLS.md 1.7, VC4-VC8, NV5, NV8).
 *
 * Everything here is a pure function of bytes and configuration: whoever holds the same bytes reaches the same verdict, so a
 * correct new primary never builds a NEW-VIEW that a correct backup refuses. */
#include "protocols/common/order.h"
#include "protocols/pbft/view.h"

/* Encoded size of a frame element (length prefix included) with a fixed body and the suite's largest signature. */
static uint64_t element_size(const struct nika_config *config, uint32_t body_size)
{
    return 4u + (uint64_t)nika_frame_size(body_size, nika_suite_signature_size(config->suite));
}

#define VOTE_BODY_SIZE (8u + 8u + NIKA_DIGEST_SIZE)
#define CHECKPOINT_BODY_SIZE (8u + NIKA_DIGEST_SIZE)

/* Nothing bigger than one message or than the whole store can be kept anyway. */
static uint32_t size_cap(const struct nika_config *config, uint64_t size)
{
    if (size > NIKA_MESSAGE_SIZE_MAX) size = NIKA_MESSAGE_SIZE_MAX;
    return size > config->store_bytes ? config->store_bytes : (uint32_t)size;
}

uint32_t pbft_view_change_size_max(const struct nika_config *config)
{
    uint64_t vote = element_size(config, VOTE_BODY_SIZE);
    uint64_t certificate = vote + 4 + (common_quorum(config->n, config->f) - 1) * vote;
    uint64_t body = 8 + 8 + 4 + config->n * element_size(config, CHECKPOINT_BODY_SIZE) + 4 +
                    config->window * certificate;
    return size_cap(config, body + element_size(config, 0) - 4);
}

uint32_t pbft_new_view_size_max(const struct nika_config *config)
{
    uint64_t orders = config->window * element_size(config, VOTE_BODY_SIZE);
    uint64_t proofs = config->n * (4 + (uint64_t)pbft_view_change_size_max(config));
    return size_cap(config, 8 + 4 + proofs + 4 + orders + element_size(config, 0) - 4);
}

uint32_t pbft_certificate_build(struct nika_replica *r, struct pbft_slot *slot)
{
    uint32_t chosen[NIKA_REPLICAS_MAX];
    uint32_t count = 0;
    struct nika_span order = common_order_frame(&r->core, &slot->base);
    uint32_t size = 4 + order.size + 4;
    uint32_t needed = pbft_prepares_needed(r);
    for (uint32_t i = 0; i < r->core.n && count < needed; i++) {
        const struct pbft_vote *vote = pbft_vote_at(r, slot, PBFT_PREPARE, i);
        bool primary = !NIKA_PLANTED(B04) && i == common_primary(&r->core, slot->base.view);
        if (!vote->present || primary || !pbft_vote_supports(vote, &slot->base.digest)) continue;
        chosen[count++] = i;
        size += 4 + nika_frame_size(VOTE_BODY_SIZE, vote->auth_size);
    }
    if (NIKA_PLANTED(B08) && count > 0) {
        const struct pbft_vote *again = pbft_vote_at(r, slot, PBFT_PREPARE, chosen[count - 1]);
        for (; count < needed; count++) {
            chosen[count] = chosen[count - 1];
            size += 4 + nika_frame_size(VOTE_BODY_SIZE, again->auth_size);
        }
    }
    NIKA_ASSERT(count == needed);
    uint32_t handle = nika_store_alloc(r->core.store, size);
    if (handle == 0) return 0;
    struct nika_writer w = nika_writer_of(nika_store_at(r->core.store, handle), size);
    nika_write_bytes(&w, order);
    nika_write_u32(&w, count);
    for (uint32_t k = 0; k < count; k++) {
        const struct pbft_vote *vote = pbft_vote_at(r, slot, PBFT_PREPARE, chosen[k]);
        nika_write_u32(&w, nika_frame_size(VOTE_BODY_SIZE, vote->auth_size));
        pbft_vote_frame(r, slot, PBFT_PREPARE, chosen[k], &w);
    }
    NIKA_ASSERT(!w.failed && w.at == size);
    return handle;
}

bool pbft_nested_peek(struct nika_replica *r, struct nika_span raw,
                      const struct nika_message_info *info, struct nika_frame *frame, void *message)
{
    if (nika_frame_parse(raw, r->core.config->epoch, NIKA_MESSAGE_SIZE_MAX, frame) != NIKA_OK)
        return false;
    if (frame->type != info->type || frame->sender >= r->core.n) return false;
    return nika_decode(info, frame->body, message) == NIKA_OK;
}

bool pbft_certificate_verify(struct nika_replica *r, const struct pbft_certificate *certificate,
                             struct pbft_pre_prepare *out)
{
    struct nika_frame frame;
    if (certificate->prepares.count != pbft_prepares_needed(r)) return false;
    if (!pbft_nested_peek(r, certificate->pre_prepare, &pbft_info_pre_prepare, &frame, out))
        return false;
    uint32_t primary = common_primary(&r->core, out->view);
    if (frame.sender != primary) return false;
    /* Ascending senders make them distinct; the primary's own vote is its PRE-PREPARE (P2). */
    uint32_t at = 0, next_sender = 0;
    struct nika_span raw;
    while (nika_frames_next(&certificate->prepares, &at, &raw)) {
        struct pbft_prepare prepare;
        if (!pbft_nested_peek(r, raw, &pbft_info_prepare, &frame, &prepare)) return false;
        if (!NIKA_PLANTED(B08) && frame.sender < next_sender) return false;
        if (!NIKA_PLANTED(B04) && frame.sender == primary) return false;
        next_sender = frame.sender + 1;
        if (prepare.view != out->view || prepare.seq != out->seq) return false;
        if (!NIKA_PLANTED(B07) && !nika_digest_equal(&prepare.digest, &out->digest)) return false;
        if (!common_verify_nested(&r->core, raw, &pbft_info_prepare, &frame, &prepare))
            return false;
    }
    return common_verify_nested(&r->core, certificate->pre_prepare, &pbft_info_pre_prepare, &frame,
                                out);
}

/* VC4: h is proven stable by >= Q CHECKPOINTs, or is the beginning of history. */
static bool low_mark_proven(struct nika_replica *r, const struct pbft_view_change *m)
{
    if (m->low_mark % r->core.config->checkpoint_interval != 0) return false;
    if (m->low_mark == 0) return m->checkpoints.count == 0;
    if (NIKA_PLANTED(PB17) && m->checkpoints.count == 0) return true;
    if (m->checkpoints.count < r->core.quorum) return false;
    uint64_t seq = 0, signers[2];
    struct nika_digest digest;
    return common_checkpoint_cert_verify(&r->core, &m->checkpoints, r->core.quorum, &seq, &digest,
                                         signers) &&
           seq == m->low_mark;
}

/* VC5 and VC7 need no signature, so they come before VC6. */
static enum nika_check prepared_shape(struct nika_replica *r, const struct pbft_view_change *m)
{
    if (m->prepared.count > r->core.config->window) return NIKA_CHECK_VC5;
    struct pbft_certificate certificate;
    struct nika_frame frame;
    struct pbft_pre_prepare order;
    uint64_t last = m->low_mark;
    uint32_t at = 0;
    while (nika_list_next(&m->prepared, &pbft_info_certificate, &at, &certificate)) {
        if (!pbft_nested_peek(r, certificate.pre_prepare, &pbft_info_pre_prepare, &frame, &order))
            return NIKA_CHECK_VC6;
        if (order.seq <= last || order.seq - m->low_mark > r->core.config->window)
            return NIKA_CHECK_VC5;
        if (order.view >= m->view) return NIKA_CHECK_VC7;
        last = order.seq;
    }
    return NIKA_CHECK_NONE;
}

enum nika_check pbft_view_change_check(struct nika_replica *r, const struct pbft_view_change *m,
                                       uint32_t size)
{
    if (size > pbft_view_change_size_max(r->core.config)) return NIKA_CHECK_VC8;
    if (m->view == 0) return NIKA_CHECK_VC2;
    if (NIKA_PLANTED(B15)) return NIKA_CHECK_NONE;
    enum nika_check check = prepared_shape(r, m);
    if (check != NIKA_CHECK_NONE) return check;
    if (!low_mark_proven(r, m)) return NIKA_CHECK_VC4;
    struct pbft_certificate certificate;
    struct pbft_pre_prepare order;
    uint32_t at = 0;
    while (nika_list_next(&m->prepared, &pbft_info_certificate, &at, &certificate)) {
        if (NIKA_PLANTED(PB15)) break;
        if (!pbft_certificate_verify(r, &certificate, &order)) return NIKA_CHECK_VC6;
    }
    return NIKA_CHECK_NONE;
}

/* Keep the certificate of the highest view for its number; two of one view that differ mean more than f faults (NV8). */
static bool plan_add(struct nika_replica *r, struct pbft_plan *plan,
                     const struct pbft_view_change *m)
{
    struct pbft_certificate certificate;
    struct nika_frame frame;
    struct pbft_pre_prepare order;
    uint32_t at = 0;
    while (nika_list_next(&m->prepared, &pbft_info_certificate, &at, &certificate)) {
        if (!pbft_nested_peek(r, certificate.pre_prepare, &pbft_info_pre_prepare, &frame, &order))
            continue;
        if (order.seq <= plan->min_seq || order.seq - plan->min_seq > r->core.config->window)
            continue;
        while (plan->max_seq < order.seq) {
            plan->max_seq++;
            memset(&plan->orders[plan->max_seq - plan->min_seq - 1], 0, sizeof plan->orders[0]);
        }
        struct pbft_planned *planned = &plan->orders[order.seq - plan->min_seq - 1];
        if (NIKA_PLANTED(PB15) && !pbft_certificate_verify(r, &certificate, &order)) {
            *planned = (struct pbft_planned){.present = true, .view = UINT64_MAX};
            continue;
        }
        if (planned->present && planned->view == order.view &&
            !nika_digest_equal(&planned->digest, &order.digest)) {
            plan->conflict_seq = order.seq;
            return false;
        }
        if (planned->present && (NIKA_PLANTED(B17) || planned->view >= order.view)) continue;
        *planned =
            (struct pbft_planned){.present = true, .view = order.view, .digest = order.digest};
    }
    return true;
}

bool pbft_plan_compute(struct nika_replica *r, const struct nika_list *view_changes,
                       struct pbft_plan *plan)
{
    struct nika_frame frame;
    struct pbft_view_change m;
    struct nika_span raw;
    plan->min_seq = 0;
    plan->conflict_seq = 0;
    memset(&plan->checkpoints, 0, sizeof plan->checkpoints);
    for (uint32_t at = 0; nika_frames_next(view_changes, &at, &raw);) {
        if (!pbft_nested_peek(r, raw, &pbft_info_view_change, &frame, &m)) continue;
        if (m.low_mark <= plan->min_seq) continue;
        plan->min_seq = m.low_mark;
        plan->checkpoints = m.checkpoints;
    }
    plan->max_seq = plan->min_seq;
    for (uint32_t at = 0; nika_frames_next(view_changes, &at, &raw);) {
        if (!pbft_nested_peek(r, raw, &pbft_info_view_change, &frame, &m)) continue;
        if (!plan_add(r, plan, &m)) return false;
    }
    if (NIKA_PLANTED(B21)) memset(plan->orders, 0, sizeof plan->orders);
    return true;
}

enum pbft_standing pbft_plan_standing(const struct nika_replica *r, uint64_t view,
                                      const struct pbft_plan *plan, uint64_t *seq)
{
    enum pbft_standing standing = PBFT_PLAN_STANDS;
    for (uint64_t s = plan->min_seq + 1; s <= plan->max_seq; s++) {
        const struct pbft_slot *slot = pbft_slot_find(r, s);
        if (slot == NULL || !slot->base.committed) continue;
        if (nika_digest_equal(&slot->base.commit_digest,
                              &plan->orders[s - plan->min_seq - 1].digest))
            continue;
        *seq = s;
        if (slot->base.commit_view < view) return PBFT_PLAN_IMPOSSIBLE;
        standing = PBFT_PLAN_OVERTAKEN;
    }
    return standing;
}
