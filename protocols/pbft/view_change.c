/* protocols/pbft/view_change.c: leaving a view (Castro & Liskov, OSDI '99, 4.4; PROTOCOLS.md 1.7).
 *
 * `view` moves as soon as a replica gives up on its primary, and from then on it sends no vote of a lower view (INV-VCM): the view
 * generation in every pending token makes the votes that still wait for the disk stale. The VIEW-CHANGE for a view is built once,
 * made durable (D4), and only those bytes are ever sent (INV-VCU). */
#include "protocols/common/intake.h"
#include "protocols/common/status.h"
#include "protocols/common/views.h"
#include "protocols/pbft/view.h"

void pbft_view_leave(struct nika_replica *r)
{
    r->view_generation++;
    common_view_leave(&r->core);
    /* A NEW-VIEW of a view below that was still on its way to the disk is dropped: its token is stale now, and peers send it again. */
    if (r->new_view_candidate != 0) nika_store_free(r->core.store, r->new_view_candidate);
    r->new_view_candidate = 0;
    r->new_view_candidate_view = 0;
    r->new_view_pending = false;
    for (uint64_t s = r->core.low_mark + 1; s <= r->core.highest_slot; s++) {
        struct pbft_slot *slot = pbft_slot_find(r, s);
        if (slot != NULL) pbft_slot_reset_view(r, slot);
    }
}

/* P: the best certificate of every number in (h, h+L], ascending, appended to `w`. */
static struct nika_list prepared_list(struct nika_replica *r, struct nika_writer *w)
{
    struct nika_list list = {0};
    for (uint64_t s = r->core.low_mark + 1; s <= r->core.highest_slot; s++) {
        const struct pbft_slot *slot = pbft_slot_find(r, s);
        if (slot == NULL || !slot->base.carry || slot->best_certificate == 0) continue;
        if (NIKA_PLANTED(B16) && slot->best_view + 1 < r->core.view) continue;
        if (NIKA_PLANTED(PB11) && slot->base.executed) continue;
        struct pbft_certificate certificate;
        enum nika_err err =
            nika_decode(&pbft_info_certificate,
                        nika_store_span(r->core.store, slot->best_certificate), &certificate);
        NIKA_ASSERT(err == NIKA_OK);
        nika_list_append(w, &list, &pbft_info_certificate, &certificate);
    }
    return list;
}

static uint32_t prepared_size(struct nika_replica *r)
{
    uint32_t size = 0;
    for (uint64_t s = r->core.low_mark + 1; s <= r->core.highest_slot; s++) {
        const struct pbft_slot *slot = pbft_slot_find(r, s);
        if (slot == NULL || !slot->base.carry || slot->best_certificate == 0) continue;
        size += nika_store_length(r->core.store, slot->best_certificate);
    }
    return size;
}

static void persist_own(struct nika_replica *r)
{
    nika_effects_persist(r->core.effects,
                         common_token(PBFT_TOKEN_VIEW_CHANGE, r->view_generation, r->core.view),
                         PBFT_RECORD_VIEW_CHANGE, r->core.view,
                         nika_store_span(r->core.store, r->core.my_view_change));
}

/* Build and persist the VIEW-CHANGE for `view`. With a full store nothing is sent and pbft_view_retry tries again: the contents
 * cannot have changed in a way that matters, because nothing prepares while the view is inactive. */
static void build_own(struct nika_replica *r)
{
    /* Recovery knows that one was sent but had no room for its bytes: another content would break INV-VCU. */
    if (r->core.view_changes[r->core.self].view == r->core.view) return;
    uint32_t size = prepared_size(r);
    uint32_t scratch = size == 0 ? 0 : nika_store_alloc(r->core.store, size);
    if (size != 0 && scratch == 0) return;
    struct nika_writer w =
        nika_writer_of(scratch == 0 ? NULL : nika_store_at(r->core.store, scratch), size);
    struct pbft_view_change m = {.view = r->core.view,
                                 .low_mark = r->core.low_mark,
                                 .checkpoints = common_stable_frames(&r->core)};
    m.prepared = prepared_list(r, &w);
    NIKA_ASSERT(!w.failed);
    uint32_t handle = common_store_frame(&r->core, &pbft_info_view_change, &m);
    nika_store_free(r->core.store, scratch);
    if (handle == 0) return;
    common_view_change_adopt(&r->core, r->core.view, 0, handle);
    persist_own(r);
}

#ifdef NIKA_MUSEUM
/* B23: the VIEW-CHANGE goes out, but this replica votes on in its view until another one begins. */
static bool ask_without_leaving(struct nika_replica *r, uint64_t view)
{
    uint64_t here = r->core.view;
    bool asked = r->core.view_changes[r->core.self].view == view;
    if (!r->core.active || asked || common_primary(&r->core, view) == r->core.self) return false;
    common_view_change_forget(&r->core, r->core.self);
    r->core.view = view;
    build_own(r);
    r->core.view = here;
    common_timer_stop(&r->core, COMMON_TIMER_REQUEST);
    common_request_timer_update(&r->core);
    return r->core.my_view_change != 0;
}
#else
#define ask_without_leaving(r, view) (false)
#endif

void pbft_view_change_start(struct nika_replica *r, uint64_t view)
{
    /* Behind the last number there is no view to go to. Only more than f liars lead there. */
    if (r->core.view == UINT64_MAX) return;
    NIKA_ASSERT(view > r->core.view);
    /* A replica that may have forgotten votes must not vouch for what it prepared; it follows through NEW-VIEW (AMN). */
    if (r->core.amnesiac) return;
    /* A NEW-VIEW that leads as far and is on its way to the disk may be there already, and to begin a lower view after it would be to go
     * back: it is about to be entered. */
    if (r->new_view_candidate_view >= view) return;
    REACHED(pbft_view_change_started);
    SOMETIMES(pbft_nested_view_change, !r->core.active);
    if (NIKA_PLANTED(B23) && ask_without_leaving(r, view)) return;
    pbft_view_leave(r);
    r->core.view = view;
    r->core.active = false;
    if (!NIKA_PLANTED(B25) && r->core.backoff < r->core.config->backoff_max) r->core.backoff++;
    nika_effects_note(r->core.effects, NIKA_NOTE_VIEW, view, 0, (struct nika_span){0});
    /* The NEW-VIEW of the view that is over makes room: peers in lower views now get the own VIEW-CHANGE instead. */
    nika_store_free(r->core.store, r->new_view);
    r->new_view = 0;
    r->new_view_view = 0;
    common_view_change_forget(&r->core, r->core.self);
    build_own(r);
    common_view_timer_check(&r->core);
    common_status_soon(&r->core);
}

void pbft_view_change_stored(struct nika_replica *r, uint64_t view)
{
    bool left = NIKA_PLANTED(B23) || (!r->core.active && r->core.view == view);
    if (!left || r->core.my_view_change == 0 || r->core.my_view_change_durable) return;
    r->core.my_view_change_durable = true;
    common_broadcast_frame(&r->core, nika_store_span(r->core.store, r->core.my_view_change));
    pbft_new_view_try_build(r);
}

void pbft_view_retry(struct nika_replica *r)
{
    /* Orders that were out of the window, or found the store full, when the view was entered. */
    if (r->core.active && r->low_bound > r->core.low_mark) pbft_new_view_install(r);
    if (r->new_view_candidate != 0) {
        nika_effects_persist(
            r->core.effects,
            common_token(PBFT_TOKEN_NEW_VIEW, r->view_generation, r->new_view_candidate_view),
            PBFT_RECORD_NEW_VIEW, r->new_view_candidate_view,
            nika_store_span(r->core.store, r->new_view_candidate));
        return;
    }
    if (r->core.active || r->core.amnesiac) return;
    if (r->core.my_view_change == 0) {
        build_own(r);
    } else if (!r->core.my_view_change_durable) {
        persist_own(r);
    }
    pbft_new_view_try_build(r);
}

void pbft_view_timer(struct nika_replica *r)
{
    if (!r->core.active) pbft_view_change_start(r, r->core.view + 1);
}

/* Is the message worth verifying? */
static bool relevant(struct nika_replica *r, const struct nika_frame *frame,
                     const struct pbft_view_change *m)
{
    enum common_news news = common_view_change_news(&r->core, frame, m->view);
    if (news != COMMON_NEWS_OTHER) return news == COMMON_NEWS_FRESH;
    /* A correct replica has one content per view, so both signatures together convict the sender. */
    common_evidence(&r->core, frame->type, frame->sender,
                    nika_store_span(r->core.store, r->core.view_changes[frame->sender].frame),
                    frame->raw);
    common_reject(&r->core, NIKA_CHECK_VCU, frame->sender);
    return false;
}

/* VIEW-CHANGEs for later views that make a replica join. */
static uint32_t join_needs(const struct nika_replica *r)
{
    if (NIKA_PLANTED(B24)) return r->core.weak + 1;
    return NIKA_PLANTED(B46) ? 1u : r->core.weak;
}

void pbft_on_view_change(struct nika_replica *r, const struct nika_frame *frame)
{
    struct pbft_view_change m;
    if (nika_decode(&pbft_info_view_change, frame->body, &m) != NIKA_OK) {
        common_reject(&r->core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    /* Ingress verified the signature; only another replica's VIEW-CHANGE is news. */
    if (frame->sender >= r->core.n || frame->sender == r->core.self) {
        common_reject(&r->core, NIKA_CHECK_VC1, frame->sender);
        return;
    }
    if (m.view == 0) {
        common_reject(&r->core, NIKA_CHECK_VC2, frame->sender);
        return;
    }
    if (!NIKA_PLANTED(I07) && !relevant(r, frame, &m)) return;
    enum nika_check check = pbft_view_change_check(r, &m, frame->raw.size);
    if (NIKA_PLANTED(I07) && !relevant(r, frame, &m)) return;
    if (check != NIKA_CHECK_NONE) {
        common_reject(&r->core, check, frame->sender);
        return;
    }
    if (!common_view_change_store(&r->core, frame, m.view, 0)) return;
    uint64_t joined = common_view_kth(&r->core, join_needs(r));
    if (joined > r->core.view) {
        /* One of f+1 is correct and its T_req expired: waiting longer would only split the cluster. */
        REACHED(pbft_join_rule);
        pbft_view_change_start(r, joined);
    } else if (common_view_abdicated(&r->core, frame->sender, m.view)) {
        pbft_view_change_start(r, r->core.view + 1);
    }
    common_view_timer_check(&r->core);
    pbft_new_view_try_build(r);
}

void pbft_recover_view_change(struct nika_replica *r, uint64_t view, struct nika_span frame)
{
    if (view < r->core.view || view == 0) return;
    uint32_t handle = NIKA_PLANTED(W20) ? 0 : nika_store_put(r->core.store, frame);
    if (handle == 0) {
        /* Even without the bytes the promise stands: no vote below `view`, and no other content for it. This replica
         * waits for a NEW-VIEW or a later view. */
        r->core.view_changes[r->core.self].view = view;
        if (view > r->core.view) r->core.active = false;
        r->core.view = view;
        return;
    }
    common_view_change_adopt(&r->core, view, 0, handle);
    r->core.my_view_change_durable = true;
    if (view == r->core.view) return; /* The NEW-VIEW of this view was recovered before. */
    r->core.view = view;
    r->core.active = false;
}

void pbft_view_start(struct nika_replica *r)
{
    /* Records come in any order: what they restored of a view that is over must not take part in this one. */
    for (uint64_t s = r->core.low_mark + 1; s <= r->core.highest_slot; s++) {
        struct pbft_slot *slot = pbft_slot_find(r, s);
        if (slot != NULL && (!r->core.active || slot->base.view != r->core.view))
            pbft_slot_reset_view(r, slot);
    }
    if (r->core.active) {
        pbft_new_view_install(r);
        bool lead = r->new_view != 0 && common_primary(&r->core, r->core.view) == r->core.self &&
                    !r->core.amnesiac;
        if (lead) common_broadcast_frame(&r->core, nika_store_span(r->core.store, r->new_view));
        return;
    }
    if (r->core.my_view_change == 0 || !r->core.my_view_change_durable) return;
    REACHED(pbft_recovered_votes);
    common_broadcast_frame(&r->core, nika_store_span(r->core.store, r->core.my_view_change));
    common_view_timer_check(&r->core);
}
