/* protocols/hybster/new_view.c: starting a view (PROTOCOLS.md 2.4, HN1-HN8).
 *
 * A NEW-VIEW that passed all checks is first a candidate: nothing of the state has changed. When the state at its lowest order and every
 * batch that it carries over are at hand (HN8), it is made durable, and only then entered; or, when this replica left for a later view
 * meanwhile, acknowledged (ack.c). */
#include "protocols/common/batcher.h"
#include "protocols/common/fetch.h"
#include "protocols/common/intake.h"
#include "protocols/common/order.h"
#include "protocols/common/status.h"
#include "protocols/common/views.h"
#include "protocols/hybster/view.h"

/* Decode a NEW-VIEW that was verified before, from the store. */
static void stored_new_view(struct nika_replica *r, uint32_t handle, struct nika_frame *frame,
                            struct hybster_new_view *m)
{
    bool ok = common_nested_open(&r->core, nika_store_span(r->core.store, handle),
                                 &hybster_info_new_view, frame, m);
    NIKA_ASSERT(ok);
}

/* ---- entering ------------------------------------------------------------------------------------------------------------ */

void hybster_new_view_install(struct nika_replica *r)
{
    struct nika_frame outer, frame;
    struct hybster_new_view m;
    struct hybster_prepare unused;
    struct hybster_order order;
    struct nika_span raw;
    uint32_t at = 0;
    if (r->new_view == 0) return;
    stored_new_view(r, r->new_view, &outer, &m);
    while (nika_frames_next(&m.prepares, &at, &raw)) {
        bool ok = common_nested_open(&r->core, raw, &hybster_info_prepare, &frame, &unused) &&
                  hybster_order_decode(frame.body, &order);
        NIKA_ASSERT(ok);
        SOMETIMES(hybster_carried_over, !nika_digest_is_null(&order.digest));
        if (!common_in_window(&r->core, order.seq)) continue;
        hybster_install(r, &order, raw);
        if (r->core.active && common_leading(&r->core) && !nika_digest_is_null(&order.digest))
            common_batch_proposed(&r->core, common_batch_find(&r->core, &order.digest));
    }
}

/* Make a stored NEW-VIEW the one of `entered`. */
static void take_view(struct nika_replica *r, uint64_t view, uint32_t handle)
{
    struct nika_frame frame;
    struct hybster_new_view m;
    struct hybster_prepare last = {0};
    struct nika_span raw;
    uint32_t at = 0;
    nika_store_free(r->core.store, r->new_view);
    r->new_view = handle;
    r->entered = view;
    hybster_void_forget(r);
    /* Nobody asks any more what the counters were used for before. */
    for (uint32_t p = 0; p < r->core.pillars; p++) r->pillars[p].certifying = 0;
    stored_new_view(r, handle, &frame, &m);
    r->low_bound = 0;
    while (nika_frames_next(&m.prepares, &at, &raw)) {
        struct nika_frame order;
        if (common_nested_open(&r->core, raw, &hybster_info_prepare, &order, &last))
            r->low_bound = last.seq;
    }
    if (r->low_bound < r->core.low_mark) r->low_bound = r->core.low_mark;
}

/* What the counter has been used for in `entered` needs no use any more. */
static void set_voted(struct nika_replica *r)
{
    for (uint32_t p = 0; p < r->core.pillars; p++) {
        struct hybster_pillar *pillar = &r->pillars[p];
        pillar->voted = r->core.low_mark;
        if (pillar->counter.view == r->entered && pillar->counter.order > pillar->voted)
            pillar->voted = pillar->counter.order;
        if (common_leading(&r->core) && r->low_bound > pillar->voted) pillar->voted = r->low_bound;
    }
}

static void enter(struct nika_replica *r, uint64_t view, uint32_t handle)
{
    REACHED(hybster_new_view_entered);
    hybster_view_leave(r, view);
    take_view(r, view, handle);
    r->core.view = view;
    r->core.active = true;
    memset(r->core.next_seq, 0, sizeof r->core.next_seq);
    common_next_past(&r->core, r->low_bound);
    common_next_past(&r->core, r->core.last_executed);
    r->core.executed_in_view = false;
    set_voted(r);
    for (uint32_t i = 0; i < r->core.n; i++) {
        if (r->core.view_changes[i].view <= view) common_view_change_forget(&r->core, i);
        hybster_ack_forget(r, i);
    }
    nika_effects_note(r->core.effects, NIKA_NOTE_VIEW, view, 1, (struct nika_span){0});
    hybster_new_view_install(r);
    hybster_view_unwant(r);
    hybster_advance(r);
    common_request_timer_update(&r->core);
    common_batch_try_cut(&r->core, false);
    /* Votes of faster replicas arrived before the view was active and were dropped: ask for them. */
    common_status_soon(&r->core);
}

/* This replica is on its way to a later view: its counter is past this one for ever, but what the view carries over is known now. */
static void acknowledge(struct nika_replica *r, uint64_t view, uint32_t handle)
{
    REACHED(hybster_belated_new_view);
    take_view(r, view, handle);
    hybster_new_view_install(r);
    /* The own VIEW-CHANGE may have waited for this: it is from this view now. */
    hybster_view_retry(r);
    hybster_ack_send(r);
}

/* ---- the candidate ----------------------------------------------------------------------------------------------------------- */

void hybster_candidate_drop(struct nika_replica *r)
{
    nika_store_free(r->core.store, r->candidate);
    r->candidate = 0;
    r->candidate_view = 0;
    r->candidate_draft = false;
    r->candidate_saving = false;
}

/* Make it the candidate, in place of an older one. Takes the handle. */
static void candidate_set(struct nika_replica *r, uint64_t view, uint32_t handle, bool draft)
{
    hybster_candidate_drop(r);
    r->candidate = handle;
    r->candidate_view = view;
    r->candidate_draft = draft;
    hybster_candidate_progress(r);
}

/* What is final here came after the candidate's view began: it stays away for good. An own one is kept, as in hybster_view_leave(). */
static void overtaken(struct nika_replica *r)
{
    struct nika_frame frame;
    struct hybster_new_view m;
    if (common_primary(&r->core, r->candidate_view) == r->core.self) return;
    stored_new_view(r, r->candidate, &frame, &m);
    nika_frame_digest(&frame, &r->rejected);
    common_reject(&r->core, NIKA_CHECK_HN2, frame.sender);
    hybster_candidate_drop(r);
}

/* The leader's orders are certified; that is durable before the counter of NEW-VIEWs moves, so that a crash behind it loses nothing (2.5). */
static void draft_persist(struct nika_replica *r)
{
    nika_effects_persist(
        r->core.effects, common_token(HYBSTER_TOKEN_DRAFT, r->view_generation, r->candidate_view),
        HYBSTER_RECORD_DRAFT, r->candidate_view, nika_store_span(r->core.store, r->candidate));
}

void hybster_draft_stored(struct nika_replica *r, uint64_t view)
{
    struct nika_trusted_value value = {view, 0};
    if (r->candidate == 0 || r->candidate_view != view || !r->candidate_draft) return;
    if (!hybster_certify_draft(r, r->candidate, NIKA_TRUSTED_INDEPENDENT, HYBSTER_COUNTER_NEW_VIEW,
                               value))
        return;
    r->candidate_draft = false;
    hybster_candidate_progress(r);
}

void hybster_candidate_progress(struct nika_replica *r)
{
    struct nika_frame frame;
    struct hybster_new_view m;
    struct hybster_plan plan;
    uint64_t seq = 0;
    if (r->candidate == 0) return;
    if (!r->candidate_saving) {
        stored_new_view(r, r->candidate, &frame, &m);
        bool ok = hybster_plan_compute(r, &m.view_changes, &m.acks, m.base, &plan);
        NIKA_ASSERT(ok);
        uint32_t before = r->candidate;
        if (!hybster_reach_low_mark(r, plan.min_seq, &plan.checkpoints)) return;
        /* h moved: the hook came here again and may have gone on. */
        if (r->candidate != before || r->candidate_saving) return;
        enum hybster_standing standing = hybster_plan_standing(r, r->candidate_view, &plan, &seq);
        if (standing == HYBSTER_PLAN_IMPOSSIBLE) hybster_alarm(r, NIKA_CHECK_HN6, seq);
        if (standing == HYBSTER_PLAN_OVERTAKEN) overtaken(r);
        if (standing != HYBSTER_PLAN_STANDS) return;
        stored_new_view(r, r->candidate, &frame, &m);
        if (!hybster_history_at_hand(r, &m.prepares)) {
            REACHED(hybster_waits_for_batches);
            return; /* HN8 */
        }
        if (r->candidate_draft) {
            draft_persist(r);
            return;
        }
        r->candidate_saving = true;
    }
    nika_effects_persist(
        r->core.effects,
        common_token(HYBSTER_TOKEN_NEW_VIEW, r->view_generation, r->candidate_view),
        HYBSTER_RECORD_NEW_VIEW, r->candidate_view, nika_store_span(r->core.store, r->candidate));
}

void hybster_new_view_stored(struct nika_replica *r, uint64_t view)
{
    uint32_t handle = r->candidate;
    if (handle == 0 || r->candidate_view != view || !r->candidate_saving) return;
    r->candidate = 0;
    hybster_candidate_drop(r);
    if (view < r->core.view) {
        acknowledge(r, view, handle);
        return;
    }
    if (common_primary(&r->core, view) == r->core.self)
        common_broadcast_frame(&r->core, nika_store_span(r->core.store, handle));
    enter(r, view, handle);
}

/* ---- building ---------------------------------------------------------------------------------------------------------------- */

/* The proofs that a NEW-VIEW from one base can use. With writers NULL only their sizes and counts. */
struct proofs {
    struct nika_list view_changes, acks;
    uint32_t view_changes_size, acks_size;
    uint64_t supporters[2];
    bool base_seen;
};

static void proof_add(struct nika_replica *r, uint32_t handle, struct nika_list *list,
                      uint32_t *size, struct nika_writer *w)
{
    struct nika_span raw = nika_store_span(r->core.store, handle);
    *size += 4 + raw.size;
    if (w != NULL)
        nika_frames_append(w, list, raw);
    else
        list->count++;
}

/* HN8 of the leader: it shows nothing whose batches it lacks, or those who lack them, too, would never enter. */
static bool usable_view_change(struct nika_replica *r, uint32_t i, uint64_t base)
{
    const struct common_view_change *entry = &r->core.view_changes[i];
    struct nika_frame frame;
    struct hybster_view_change m;
    if (entry->frame == 0 || entry->view != r->core.view || entry->from > base) return false;
    if (entry->from < base) return true;
    return common_nested_open(&r->core, nika_store_span(r->core.store, entry->frame),
                              &hybster_info_view_change, &frame, &m) &&
           hybster_history_at_hand(r, &m.prepares);
}

static bool usable_ack(struct nika_replica *r, uint32_t i, uint64_t base)
{
    const struct hybster_ack_entry *entry = &r->acks[i];
    struct nika_frame frame;
    struct hybster_new_view_ack m;
    if (entry->frame == 0 || entry->view != r->core.view || entry->base != base) return false;
    return common_nested_open(&r->core, nika_store_span(r->core.store, entry->frame),
                              &hybster_info_new_view_ack, &frame, &m) &&
           hybster_history_at_hand(r, &m.prepares);
}

static void collect(struct nika_replica *r, uint64_t base, struct proofs *p,
                    struct nika_writer *view_changes, struct nika_writer *acks)
{
    memset(p, 0, sizeof *p);
    for (uint32_t i = 0; i < r->core.n; i++) {
        if (usable_view_change(r, i, base)) {
            proof_add(r, r->core.view_changes[i].frame, &p->view_changes, &p->view_changes_size,
                      view_changes);
            if (r->core.view_changes[i].from == base) {
                p->base_seen = true;
                p->supporters[i / 64] |= UINT64_C(1) << (i % 64);
            }
        }
        if (usable_ack(r, i, base)) {
            proof_add(r, r->acks[i].frame, &p->acks, &p->acks_size, acks);
            p->supporters[i / 64] |= UINT64_C(1) << (i % 64);
        }
    }
}

static bool enough(const struct nika_replica *r, uint64_t base, const struct proofs *p)
{
    uint32_t supporters = 0;
    for (uint32_t i = 0; i < r->core.n; i++)
        supporters += (p->supporters[i / 64] >> (i % 64) & 1) != 0 ? 1u : 0u;
    if (!p->base_seen || p->view_changes.count < r->core.quorum) return false;
    return base == 0 || supporters >= r->core.weak || NIKA_PLANTED(T09);
}

/* The highest base below `limit` for which there is proof enough. */
static bool choose_base(struct nika_replica *r, uint64_t *base)
{
    uint64_t limit = UINT64_MAX;
    for (;;) {
        bool found = false;
        uint64_t best = 0;
        for (uint32_t i = 0; i < r->core.n; i++) {
            const struct common_view_change *entry = &r->core.view_changes[i];
            if (entry->frame == 0 || entry->view != r->core.view || entry->from >= limit) continue;
            if (!found || entry->from > best) best = entry->from;
            found = true;
        }
        if (!found) return false;
        struct proofs p;
        collect(r, best, &p, NULL, NULL);
        if (enough(r, best, &p)) {
            *base = best;
            return true;
        }
        limit = best;
    }
}

/* R: one PREPARE of the new view for each planned order. */
static bool build_orders(struct nika_replica *r, const struct hybster_plan *plan,
                         struct nika_writer *w, struct nika_list *list)
{
    for (uint64_t s = plan->min_seq + 1; s <= plan->max_seq; s++) {
        const struct hybster_planned *planned = &plan->orders[s - plan->min_seq - 1];
        struct hybster_prepare m = {.view = r->core.view, .seq = s, .digest = planned->digest};
        struct nika_trusted_value value = {m.view, m.seq};
        if (!planned->present) REACHED(hybster_gap_filled);
        uint32_t counter = hybster_order_counter(common_pillar_of(&r->core, s));
        uint32_t handle = hybster_certify_frame(r, &hybster_info_prepare, &m, &m.certificate,
                                                NIKA_TRUSTED_INDEPENDENT, counter, value);
        if (handle == 0) return false;
        nika_frames_append(w, list, nika_store_span(r->core.store, handle));
        nika_store_free(r->core.store, handle);
    }
    return !w->failed;
}

/* May these proofs be followed, and has this replica what they carry over? */
static bool plan_ready(struct nika_replica *r, uint64_t base, const struct proofs *p,
                       struct hybster_plan *plan)
{
    uint64_t seq = 0;
    if (!hybster_plan_compute(r, &p->view_changes, &p->acks, base, plan)) {
        hybster_alarm(r, NIKA_CHECK_HP7, plan->conflict_seq);
        return false;
    }
    if (plan->min_seq > r->core.low_mark) {
        (void)hybster_reach_low_mark(r, plan->min_seq, &plan->checkpoints);
        return false; /* Tried again when h has moved. */
    }
    enum hybster_standing standing = hybster_plan_standing(r, r->core.view, plan, &seq);
    if (standing == HYBSTER_PLAN_IMPOSSIBLE) hybster_alarm(r, NIKA_CHECK_HN6, seq);
    return standing == HYBSTER_PLAN_STANDS;
}

static uint32_t build(struct nika_replica *r, uint64_t base, const struct proofs *p,
                      struct nika_writer *orders)
{
    struct hybster_plan plan;
    struct hybster_new_view m = {
        .view = r->core.view, .base = base, .view_changes = p->view_changes, .acks = p->acks};
    if (!plan_ready(r, base, p, &plan)) return 0;
    if (!build_orders(r, &plan, orders, &m.prepares)) return 0;
    return hybster_draft_frame(r, &hybster_info_new_view, &m, &m.certificate);
}

bool hybster_opening_lost(const struct nika_replica *r)
{
    if (r->core.active || common_primary(&r->core, r->core.view) != r->core.self ||
        r->candidate_view == r->core.view)
        return false;
    for (uint32_t p = 0; p < r->core.pillars; p++)
        if (r->pillars[p].counter.view == r->core.view && r->pillars[p].counter.order != 0)
            return true;
    return false;
}

void hybster_new_view_try_build(struct nika_replica *r)
{
    uint64_t base = 0;
    struct proofs sizes, p;
    bool mine = !r->core.active && common_primary(&r->core, r->core.view) == r->core.self;
    if (!mine || r->halted || !r->core.my_view_change_durable) return;
    if (r->candidate != 0 && r->candidate_view >= r->core.view) return;
    if (hybster_opening_lost(r)) return;
    if (!choose_base(r, &base)) return;
    collect(r, base, &sizes, NULL, NULL);
    uint32_t orders_size = r->core.config->window * (4u + HYBSTER_ORDER_FRAME_SIZE);
    uint32_t room =
        nika_store_alloc(r->core.store, sizes.view_changes_size + sizes.acks_size + orders_size);
    if (room == 0) return; /* The STATUS timer tries again. */
    uint8_t *bytes = nika_store_at(r->core.store, room);
    struct nika_writer view_changes = nika_writer_of(bytes, sizes.view_changes_size);
    struct nika_writer acks = nika_writer_of(bytes + sizes.view_changes_size, sizes.acks_size);
    struct nika_writer orders =
        nika_writer_of(bytes + sizes.view_changes_size + sizes.acks_size, orders_size);
    collect(r, base, &p, &view_changes, &acks);
    NIKA_ASSERT(!view_changes.failed && !acks.failed);
    uint32_t handle = build(r, base, &p, &orders);
    nika_store_free(r->core.store, room);
    if (handle != 0) candidate_set(r, r->core.view, handle, true);
}

/* ---- receiving ---------------------------------------------------------------------------------------------------------------- */

/* Checks that look at the own state or are cheap. NIKA_CHECK_COUNT: nothing wrong, nothing new. */
static enum nika_check relevance_check(struct nika_replica *r, const struct nika_frame *frame,
                                       const struct hybster_new_view *m)
{
    if (frame->sender != common_primary(&r->core, m->view)) return NIKA_CHECK_HN1;
    if (m->view < r->entered || m->view == 0) return NIKA_CHECK_HN2;
    if (m->view == r->entered) {
        struct nika_span held = nika_store_span(r->core.store, r->new_view);
        bool same =
            held.size == frame->raw.size && memcmp(held.data, frame->raw.data, held.size) == 0;
        return same ? NIKA_CHECK_COUNT : NIKA_CHECK_HN2;
    }
    /* One that is on its way to the disk is entered first: to give it up for one that still waits for batches could lead to a view below
     * what is durable. Peers send this one again. */
    if (r->candidate != 0 && (r->candidate_view >= m->view || r->candidate_saving))
        return NIKA_CHECK_COUNT;
    if (frame->raw.size > hybster_new_view_size_max(r->core.config) ||
        m->prepares.count > r->core.config->window)
        return NIKA_CHECK_HN3;
    return NIKA_CHECK_NONE;
}

static bool rejected_before(const struct nika_replica *r, const struct nika_frame *frame)
{
    struct nika_digest identity;
    if (nika_digest_is_null(&r->rejected)) return false;
    nika_frame_digest(frame, &identity);
    return nika_digest_equal(&identity, &r->rejected);
}

void hybster_on_new_view(struct nika_replica *r, const struct nika_frame *frame)
{
    struct hybster_new_view m;
    struct hybster_plan plan;
    if (nika_decode(&hybster_info_new_view, frame->body, &m) != NIKA_OK) {
        common_reject(&r->core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    enum nika_check check = relevance_check(r, frame, &m);
    if (check == NIKA_CHECK_COUNT) return;
    if (check == NIKA_CHECK_NONE) {
        /* A bad NEW-VIEW sent again must not cost thousands of checks again. */
        if (rejected_before(r, frame)) return;
        check = hybster_new_view_check(r, frame, &m, &plan); /* HN7: all before any change. */
        if (check != NIKA_CHECK_NONE) nika_frame_digest(frame, &r->rejected);
        if (check == NIKA_CHECK_HP7) hybster_alarm(r, check, plan.conflict_seq);
    }
    if (check != NIKA_CHECK_NONE) {
        common_reject(&r->core, check, frame->sender);
        return;
    }
    uint32_t handle = nika_store_put(r->core.store, frame->raw);
    if (handle != 0) candidate_set(r, m.view, handle, false);
}

/* A NEW-VIEW of `view` from the log, in the store. Handle or 0. */
static uint32_t recovered(struct nika_replica *r, uint64_t view, struct nika_span raw)
{
    struct nika_frame frame;
    struct hybster_new_view m;
    if (view <= r->entered ||
        !common_nested_open(&r->core, raw, &hybster_info_new_view, &frame, &m) || m.view != view)
        return 0;
    return nika_store_put(r->core.store, raw);
}

void hybster_recover_draft(struct nika_replica *r, uint64_t view, struct nika_span raw)
{
    uint32_t handle = recovered(r, view, raw);
    if (handle == 0) return;
    hybster_candidate_drop(r);
    r->candidate = handle;
    r->candidate_view = view;
    r->candidate_draft = true;
}

void hybster_draft_resume(struct nika_replica *r)
{
    struct nika_trusted_value opening = {r->candidate_view, 0}, present;
    if (r->candidate == 0 || r->halted) return;
    enum nika_err err = hybster_counter_read(r, HYBSTER_COUNTER_NEW_VIEW, &present);
    if (r->candidate_view <= r->entered || err != NIKA_OK ||
        nika_trusted_compare(present, opening) > 0) {
        hybster_candidate_drop(r);
    } else if (nika_trusted_compare(present, opening) == 0) {
        /* It was certified, and may be all that this replica can show of its orders: entered even without batches that are lost. */
        r->candidate_draft = false;
        r->candidate_saving =
            hybster_reissue_draft(r, r->candidate, HYBSTER_COUNTER_NEW_VIEW, opening);
        if (!r->candidate_saving) hybster_candidate_drop(r);
    }
    hybster_candidate_progress(r);
}

void hybster_recover_new_view(struct nika_replica *r, uint64_t view, struct nika_span raw)
{
    uint32_t handle = recovered(r, view, raw);
    if (handle == 0) return;
    take_view(r, view, handle);
    if (view < r->core.view) return; /* Acknowledged on the way to a later view. */
    r->core.view = view;
    r->core.active = true;
    memset(r->core.next_seq, 0, sizeof r->core.next_seq);
    common_next_past(&r->core, r->low_bound);
}
