/* protocols/pbft/new_view.c: starting a view (Castro & Liskov, OSDI '99, 4.4; PROTOCOLS.md 1.7, NV1-NV8).
 *
 * The new primary proves with Q VIEW-CHANGEs that the old views are over, and everyone recomputes from them which orders must
 * survive. All checks come before any change of state; then the NEW-VIEW is made durable (D5), and only then is the view entered
 * and, by its primary, announced. */
#include "protocols/common/batcher.h"
#include "protocols/common/fetch.h"
#include "protocols/common/intake.h"
#include "protocols/common/status.h"
#include "protocols/common/transfer.h"
#include "protocols/common/views.h"
#include "protocols/pbft/view.h"

/* ---- the entered NEW-VIEW -------------------------------------------------------------------------------------------- */

/* Decode a NEW-VIEW that was verified before, from the store. */
static void stored_new_view(struct nika_replica *r, uint32_t handle, struct nika_frame *frame,
                            struct pbft_new_view *m)
{
    bool ok =
        pbft_nested_peek(r, nika_store_span(r->core.store, handle), &pbft_info_new_view, frame, m);
    NIKA_ASSERT(ok);
}

static void adopt_checkpoint(struct nika_replica *r, const struct pbft_plan *plan)
{
    if (plan->min_seq <= r->core.low_mark) return;
    uint64_t seq = 0, signers[2] = {0, 0};
    struct nika_digest digest;
    if (!common_checkpoint_cert_verify(&r->core, &plan->checkpoints, r->core.quorum, &seq, &digest,
                                       signers))
        return;
    /* The certificate is copied: the NEW-VIEW in the store may be replaced while it is in use. */
    uint32_t size = 4 + plan->checkpoints.span.size;
    uint32_t handle = nika_store_alloc(r->core.store, size);
    if (handle == 0) return; /* CHECKPOINTs of others or STATUS bring it again. */
    struct nika_writer w = nika_writer_of(nika_store_at(r->core.store, handle), size);
    nika_write_u32(&w, plan->checkpoints.count);
    nika_write_raw(&w, plan->checkpoints.span.data, plan->checkpoints.span.size);
    struct nika_span cert = nika_store_span(r->core.store, handle);
    /* What was given to the application needs no transfer, even when its results are still on their way. */
    if (r->core.last_issued >= seq && !r->core.transfer.active) {
        common_make_stable(&r->core, seq, &digest, cert);
    } else {
        common_transfer_start(&r->core, seq, &digest, signers, cert);
    }
    nika_store_free(r->core.store, handle);
}

void pbft_new_view_install(struct nika_replica *r)
{
    if (!r->core.active || r->new_view == 0 || r->new_view_view != r->core.view) return;
    struct nika_frame outer, frame;
    struct pbft_new_view m;
    struct pbft_pre_prepare order;
    struct nika_span raw;
    uint32_t at = 0;
    stored_new_view(r, r->new_view, &outer, &m);
    while (nika_frames_next(&m.pre_prepares, &at, &raw)) {
        bool ok = pbft_nested_peek(r, raw, &pbft_info_pre_prepare, &frame, &order);
        NIKA_ASSERT(ok);
        if (!common_in_window(&r->core, order.seq)) continue;
        const struct pbft_slot *slot = pbft_slot_find(r, order.seq);
        bool installed = slot != NULL && slot->base.view == r->core.view &&
                         (slot->base.order != 0 || slot->base.parked != 0);
        if (!installed) pbft_install_order(r, order.seq, &order.digest, raw);
        if (common_leading(&r->core) && !nika_digest_is_null(&order.digest))
            common_batch_proposed(&r->core, common_batch_find(&r->core, &order.digest));
    }
}

/* Take the view and bounds of a NEW-VIEW frame into the state; shared by entering and recovery. False when it is not one. */
static bool take_view(struct nika_replica *r, uint32_t handle, struct pbft_plan *plan)
{
    struct nika_frame frame;
    struct pbft_new_view m;
    if (!pbft_nested_peek(r, nika_store_span(r->core.store, handle), &pbft_info_new_view, &frame,
                          &m))
        return false;
    if (!pbft_plan_compute(r, &m.view_changes, plan)) return false;
    if (r->new_view != 0) nika_store_free(r->core.store, r->new_view);
    r->new_view = handle;
    r->new_view_view = m.view;
    r->core.view = m.view;
    r->core.active = true;
    r->low_bound = plan->max_seq;
    r->core.next_seq[0] = plan->max_seq + 1;
    r->core.executed_in_view = false;
    for (uint32_t i = 0; i < r->core.n; i++) {
        /* Still needed: only what asks for a later view, and the own one, which must never be built differently. */
        bool own = i == r->core.self && r->core.view_changes[i].view == m.view;
        if (!own && r->core.view_changes[i].view <= m.view) common_view_change_forget(&r->core, i);
    }
    return true;
}

static void count_orders(const struct pbft_plan *plan)
{
    for (uint64_t s = plan->min_seq + 1; s <= plan->max_seq; s++) {
        bool present = plan->orders[s - plan->min_seq - 1].present;
        SOMETIMES(pbft_null_request, !present);
        SOMETIMES(pbft_carried_over, present);
    }
}

static void enter(struct nika_replica *r, uint32_t handle)
{
    struct pbft_plan plan;
    REACHED(pbft_new_view_entered);
    pbft_view_leave(r);
    bool ok = take_view(r, handle, &plan);
    NIKA_ASSERT(ok);
    count_orders(&plan);
    nika_effects_note(r->core.effects, NIKA_NOTE_VIEW, r->core.view, 1, (struct nika_span){0});
    adopt_checkpoint(r, &plan);
    if (r->core.next_seq[0] <= r->core.low_mark) r->core.next_seq[0] = r->core.low_mark + 1;
    pbft_new_view_install(r);
    common_request_timer_update(&r->core);
    common_batch_try_cut(&r->core, false);
    /* Votes of faster replicas arrived before the view was active and were dropped: ask for them. */
    common_status_soon(&r->core);
}

/* Make `handle` durable; the view begins when it is. */
static void persist_candidate(struct nika_replica *r, uint64_t view, uint32_t handle)
{
    if (r->new_view_candidate != 0) nika_store_free(r->core.store, r->new_view_candidate);
    r->new_view_candidate = handle;
    r->new_view_candidate_view = view;
    r->new_view_pending = true;
    nika_effects_persist(r->core.effects,
                         common_token(PBFT_TOKEN_NEW_VIEW, r->view_generation, view),
                         PBFT_RECORD_NEW_VIEW, view, nika_store_span(r->core.store, handle));
}

#ifdef NIKA_MUSEUM
/* B28: a flag of the process, never cleared. STATUS sends no NEW-VIEW either (status_answer.c). */
static bool new_view_said(struct nika_replica *r)
{
    bool said = r->new_view_said;
    r->new_view_said = true;
    return NIKA_PLANTED(B28) && said;
}
#else
#define new_view_said(r) (false)
#endif

void pbft_new_view_stored(struct nika_replica *r, uint64_t view)
{
    uint32_t handle = r->new_view_candidate;
    if (handle == 0 || r->new_view_candidate_view != view) return;
    r->new_view_candidate = 0;
    r->new_view_candidate_view = 0;
    r->new_view_pending = false;
    if (common_primary(&r->core, view) == r->core.self && !new_view_said(r))
        common_broadcast_frame(&r->core, nika_store_span(r->core.store, handle));
    enter(r, handle);
}

/* ---- building -------------------------------------------------------------------------------------------------------- */

/* V: the own VIEW-CHANGE and the first others by id, Q in all, ascending. Appended to `w`; with `w` NULL only the size. */
static uint32_t choose_proofs(struct nika_replica *r, struct nika_writer *w, struct nika_list *list)
{
    uint32_t size = 0, others = 0;
    for (uint32_t i = 0; i < r->core.n; i++) {
        const struct common_view_change *entry = &r->core.view_changes[i];
        if (entry->frame == 0 || entry->view != r->core.view) continue;
        if (i != r->core.self && others == r->core.quorum - 1) continue;
        if (i != r->core.self) others++;
        struct nika_span raw = nika_store_span(r->core.store, entry->frame);
        size += 4 + raw.size;
        if (w != NULL) nika_frames_append(w, list, raw);
    }
    return others == r->core.quorum - 1 ? size : 0;
}

/* O: one order for each planned number, signed as an ordinary PRE-PREPARE so that later certificates can use it (NV6). */
static bool build_orders(struct nika_replica *r, const struct pbft_plan *plan,
                         struct nika_writer *w, struct nika_list *list)
{
    for (uint64_t s = plan->min_seq + 1; s <= plan->max_seq; s++) {
        struct pbft_pre_prepare order = {
            .view = r->core.view, .seq = s, .digest = plan->orders[s - plan->min_seq - 1].digest};
        uint32_t handle = common_store_frame(&r->core, &pbft_info_pre_prepare, &order);
        if (handle == 0) return false;
        nika_frames_append(w, list, nika_store_span(r->core.store, handle));
        nika_store_free(r->core.store, handle);
    }
    return !w->failed;
}

/* May this set of VIEW-CHANGEs be followed? Raises the alarm when it shows that more than f replicas are faulty. */
static bool plan_is_safe(struct nika_replica *r, const struct nika_list *proofs,
                         struct pbft_plan *plan)
{
    uint64_t seq = 0;
    if (!pbft_plan_compute(r, proofs, plan)) {
        common_alarm(&r->core, NIKA_CHECK_NV8, plan->conflict_seq);
        return false;
    }
    enum pbft_standing standing = pbft_plan_standing(r, r->core.view, plan, &seq);
    if (standing == PBFT_PLAN_IMPOSSIBLE) common_alarm(&r->core, NIKA_CHECK_NV8, seq);
    return standing == PBFT_PLAN_STANDS;
}

static uint32_t build(struct nika_replica *r, struct nika_writer *proofs,
                      struct nika_writer *orders)
{
    struct pbft_plan plan;
    struct pbft_new_view m = {.view = r->core.view};
    (void)choose_proofs(r, proofs, &m.view_changes);
    NIKA_ASSERT(!proofs->failed);
    if (!plan_is_safe(r, &m.view_changes, &plan)) return 0;
    if (!build_orders(r, &plan, orders, &m.pre_prepares)) return 0;
    return common_store_frame(&r->core, &pbft_info_new_view, &m);
}

void pbft_new_view_try_build(struct nika_replica *r)
{
    bool mine = !r->core.active && common_primary(&r->core, r->core.view) == r->core.self &&
                !r->core.amnesiac;
    if (!mine || !r->core.my_view_change_durable || r->new_view_candidate != 0) return;
    uint32_t proofs_size = choose_proofs(r, NULL, NULL);
    if (proofs_size == 0) return;
    uint32_t orders_size = r->core.config->window *
                           (4 + nika_frame_size(8 + 8 + NIKA_DIGEST_SIZE,
                                                nika_suite_signature_size(r->core.config->suite)));
    uint32_t proofs = nika_store_alloc(r->core.store, proofs_size);
    uint32_t orders = nika_store_alloc(r->core.store, orders_size);
    uint32_t handle = 0;
    if (proofs != 0 && orders != 0) {
        struct nika_writer proofs_writer =
            nika_writer_of(nika_store_at(r->core.store, proofs), proofs_size);
        struct nika_writer orders_writer =
            nika_writer_of(nika_store_at(r->core.store, orders), orders_size);
        handle = build(r, &proofs_writer, &orders_writer);
    }
    nika_store_free(r->core.store, proofs);
    nika_store_free(r->core.store, orders);
    /* With a full store the STATUS timer tries again (pbft_view_retry). */
    if (handle != 0) persist_candidate(r, r->core.view, handle);
}

/* ---- verifying ------------------------------------------------------------------------------------------------------- */

/* NV3, without signatures: at least Q VIEW-CHANGEs, ascending distinct senders. */
static bool proofs_shape(struct nika_replica *r, const struct pbft_new_view *m)
{
    uint32_t least = NIKA_PLANTED(B19) ? 1u : r->core.quorum;
    if (m->view_changes.count < least || m->view_changes.count > r->core.n) return false;
    uint32_t at = 0, next_sender = 0;
    struct nika_span raw;
    while (nika_frames_next(&m->view_changes, &at, &raw)) {
        struct nika_frame frame;
        if (nika_frame_parse(raw, r->core.config->epoch, NIKA_MESSAGE_SIZE_MAX, &frame) != NIKA_OK)
            return false;
        if (!NIKA_PLANTED(B20) && frame.sender < next_sender) return false;
        if (frame.sender >= r->core.n) return false;
        next_sender = frame.sender + 1;
    }
    return true;
}

/* NV4: each is for this view and valid. Those held with the same bytes were verified on arrival. */
static bool proofs_valid(struct nika_replica *r, const struct pbft_new_view *m)
{
    uint32_t at = 0;
    struct nika_span raw;
    while (nika_frames_next(&m->view_changes, &at, &raw)) {
        struct nika_frame frame;
        struct pbft_view_change change;
        if (!pbft_nested_peek(r, raw, &pbft_info_view_change, &frame, &change) ||
            change.view != m->view)
            return false;
        const struct common_view_change *entry = &r->core.view_changes[frame.sender];
        struct nika_span held = {0};
        if (entry->frame != 0) held = nika_store_span(r->core.store, entry->frame);
        if (held.data != NULL && held.size == raw.size &&
            memcmp(held.data, raw.data, raw.size) == 0)
            continue;
        if (!common_verify_nested(&r->core, raw, &pbft_info_view_change, &frame, &change))
            return false;
        if (pbft_view_change_check(r, &change, raw.size) != NIKA_CHECK_NONE) return false;
    }
    return true;
}

/* NV5: O is exactly what V demands. NV6: each order is a PRE-PREPARE of the new primary. */
static enum nika_check orders_match(struct nika_replica *r, const struct pbft_new_view *m,
                                    const struct pbft_plan *plan, uint32_t sender)
{
    if (m->pre_prepares.count != plan->max_seq - plan->min_seq) return NIKA_CHECK_NV5;
    uint64_t seq = plan->min_seq;
    uint32_t at = 0;
    struct nika_span raw;
    while (nika_frames_next(&m->pre_prepares, &at, &raw)) {
        struct nika_frame frame;
        struct pbft_pre_prepare order;
        if (!pbft_nested_peek(r, raw, &pbft_info_pre_prepare, &frame, &order))
            return NIKA_CHECK_NV6;
        seq++;
        const struct pbft_planned *planned = &plan->orders[seq - plan->min_seq - 1];
        bool same = order.view == m->view && order.seq == seq &&
                    (NIKA_PLANTED(B18) || nika_digest_equal(&order.digest, &planned->digest));
        if (!same) return NIKA_CHECK_NV5;
        if (frame.sender != sender) return NIKA_CHECK_NV6;
        if (!common_verify_nested(&r->core, raw, &pbft_info_pre_prepare, &frame, &order))
            return NIKA_CHECK_NV6;
    }
    return NIKA_CHECK_NONE;
}

/* NV3-NV7, a pure function of the message. The plan is filled in when nothing failed. */
static enum nika_check content_check(struct nika_replica *r, const struct pbft_new_view *m,
                                     uint32_t sender, struct pbft_plan *plan)
{
    if (!proofs_shape(r, m)) return NIKA_CHECK_NV3;
    if (m->pre_prepares.count > r->core.config->window) return NIKA_CHECK_NV7;
    if (!proofs_valid(r, m)) return NIKA_CHECK_NV4;
    if (!pbft_plan_compute(r, &m->view_changes, plan)) return NIKA_CHECK_NV8;
    return orders_match(r, m, plan, sender);
}

/* Checks that look at the own state or are cheap. NIKA_CHECK_COUNT: nothing wrong, nothing new. */
static enum nika_check relevance_check(struct nika_replica *r, const struct nika_frame *frame,
                                       const struct pbft_new_view *m)
{
    bool primary = frame->sender == common_primary(&r->core, m->view);
    if (!NIKA_PLANTED(B19) && !primary) return NIKA_CHECK_NV1;
    if (!NIKA_PLANTED(B22) && m->view < r->core.view) return NIKA_CHECK_NV2;
    if (m->view == r->core.view && r->core.active) {
        if (r->new_view == 0) return NIKA_CHECK_NV2;
        struct nika_frame held;
        struct pbft_new_view entered;
        stored_new_view(r, r->new_view, &held, &entered);
        bool same = held.body.size == frame->body.size &&
                    memcmp(held.body.data, frame->body.data, held.body.size) == 0;
        if (!same) common_evidence(&r->core, frame->type, frame->sender, held.raw, frame->raw);
        return same ? NIKA_CHECK_COUNT : NIKA_CHECK_NV2;
    }
    if (r->new_view_candidate != 0 && r->new_view_candidate_view >= m->view)
        return NIKA_CHECK_COUNT;
    if (frame->raw.size > pbft_new_view_size_max(r->core.config)) return NIKA_CHECK_NV7;
    return NIKA_CHECK_NONE;
}

#ifdef NIKA_MUSEUM
/* I10: room for every number between the lowest and the highest that V names, before anything of V is verified. */
static void room_for_span(struct nika_replica *r, const struct pbft_new_view *m)
{
    uint64_t low = UINT64_MAX, high = 0;
    uint32_t at = 0;
    struct nika_span raw;
    while (NIKA_PLANTED(I10) && nika_frames_next(&m->view_changes, &at, &raw)) {
        struct nika_frame frame;
        struct pbft_view_change change;
        struct pbft_certificate certificate;
        struct pbft_pre_prepare order;
        uint32_t element = 0;
        if (!pbft_nested_peek(r, raw, &pbft_info_view_change, &frame, &change)) continue;
        if (change.low_mark < low) low = change.low_mark;
        while (nika_list_next(&change.prepared, &pbft_info_certificate, &element, &certificate)) {
            if (!pbft_nested_peek(r, certificate.pre_prepare, &pbft_info_pre_prepare, &frame,
                                  &order))
                continue;
            if (order.seq > high) high = order.seq;
        }
    }
    if (high <= low) return;
    nika_store_free(
        r->core.store,
        nika_store_alloc(r->core.store, (uint32_t)(high - low) * sizeof(struct pbft_planned)));
}
#else
#define room_for_span(r, m) ((void)0)
#endif

static bool rejected_before(const struct nika_replica *r, const struct nika_frame *frame)
{
    struct nika_digest identity;
    if (nika_digest_is_null(&r->new_view_rejected)) return false;
    nika_frame_digest(frame, &identity);
    return nika_digest_equal(&identity, &r->new_view_rejected);
}

void pbft_on_new_view(struct nika_replica *r, const struct nika_frame *frame)
{
    struct pbft_new_view m;
    struct pbft_plan plan;
    uint64_t seq = 0;
    if (nika_decode(&pbft_info_new_view, frame->body, &m) != NIKA_OK) {
        common_reject(&r->core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    enum nika_check check = relevance_check(r, frame, &m);
    if (check == NIKA_CHECK_COUNT) return;
    if (NIKA_PLANTED(W25) && r->core.last_executed < r->core.high_known) return;
    if (check == NIKA_CHECK_NONE) {
        /* A bad NEW-VIEW sent again must not cost thousands of signature checks again. */
        if (rejected_before(r, frame)) return;
        room_for_span(r, &m);
        check = content_check(r, &m, frame->sender, &plan);
        if (check != NIKA_CHECK_NONE) nika_frame_digest(frame, &r->new_view_rejected);
        if (check == NIKA_CHECK_NV8) common_alarm(&r->core, check, plan.conflict_seq);
    }
    if (check != NIKA_CHECK_NONE) {
        common_reject(&r->core, check, frame->sender);
        return;
    }
    enum pbft_standing standing = pbft_plan_standing(r, m.view, &plan, &seq);
    if (standing == PBFT_PLAN_IMPOSSIBLE) common_alarm(&r->core, NIKA_CHECK_NV8, seq);
    if (standing == PBFT_PLAN_OVERTAKEN) {
        /* Q replicas are in this view by another NEW-VIEW, which f+1 correct ones relay, or in a later one. */
        nika_frame_digest(frame, &r->new_view_rejected);
        common_reject(&r->core, NIKA_CHECK_NV2, frame->sender);
    }
    if (standing != PBFT_PLAN_STANDS) return;
    uint32_t handle = nika_store_put(r->core.store, frame->raw);
    if (handle != 0) persist_candidate(r, m.view, handle);
}

void pbft_recover_new_view(struct nika_replica *r, uint64_t view, struct nika_span frame)
{
    struct pbft_plan plan;
    if (view < r->core.view) return;
    if (NIKA_PLANTED(B42) && common_primary(&r->core, view) == r->core.self) return;
    uint32_t handle = nika_store_put(r->core.store, frame);
    if (handle == 0 || !take_view(r, handle, &plan)) nika_store_free(r->core.store, handle);
}
