/* protocols/hybster/view_change.c: leaving a view (PROTOCOLS.md 2.4).
 *
 * core.view moves as soon as a replica gives up on its leader; the continuing certificates of its VIEW-CHANGE take the ordering counter of
 * every pillar to [to|0], after which its trusted subsystem certifies no order of an earlier view any more. The VIEW-CHANGE is built once,
 * made durable, and only those bytes are ever sent. A crash between two of the counters leaves some behind, so each has hops of its own. */
#include "protocols/common/order.h"
#include "protocols/common/status.h"
#include "protocols/common/views.h"
#include "protocols/hybster/view.h"

void hybster_view_leave(struct nika_replica *r, uint64_t view)
{
    r->view_generation++;
    common_view_leave(&r->core);
    /* A NEW-VIEW of a view below is dropped: peers send it again. Not one that leads as far, which waits for its batches. Nor an own one that
     * is certified: counters were used for it and its orders, and without it no later VIEW-CHANGE could account for that. */
    bool own = common_primary(&r->core, r->candidate_view) == r->core.self;
    if (r->candidate_view < view && (!own || r->candidate_draft)) hybster_candidate_drop(r);
    for (uint64_t s = r->core.low_mark + 1; s <= r->core.highest_slot; s++) {
        struct hybster_slot *slot = hybster_slot_find(r, s);
        if (slot == NULL) continue;
        /* Intents were never certified, parked PREPAREs never accepted: neither is part of what this replica took part in. */
        slot->intent = false;
        slot->intent_durable = false;
        common_slot_unpark(&r->core, &slot->base);
    }
}

void hybster_view_unwant(struct nika_replica *r)
{
    for (uint64_t s = r->core.low_mark + 1; s <= r->core.highest_slot; s++) {
        struct hybster_slot *slot = hybster_slot_find(r, s);
        if (slot != NULL) hybster_slot_unwant(r, slot);
    }
}

uint32_t hybster_history(const struct nika_replica *r, uint64_t after, struct nika_writer *w,
                         struct nika_list *list)
{
    uint32_t size = 0, ended = 0;
    for (uint64_t s = after + 1; s <= r->core.highest_slot; s++) {
        uint32_t bit = 1u << common_pillar_of(&r->core, s);
        struct nika_span raw = {0};
        if ((ended & bit) == 0) raw = hybster_accepted_prepare(r, s);
        if (raw.size == 0) ended |= bit;
        if (raw.size == 0) continue;
        size += 4 + raw.size;
        list->count++;
        if (w == NULL) continue;
        list->count--;
        nika_frames_append(w, list, raw);
    }
    return size;
}

/* The last order of a pillar that hybster_history() shows; low_mark when it shows none. */
static uint64_t shown(const struct nika_replica *r, uint32_t pillar)
{
    uint64_t last = r->core.low_mark;
    for (;;) {
        uint64_t next = common_pillar_next(&r->core, pillar, last);
        if (next > r->core.highest_slot || hybster_accepted_prepare(r, next).size == 0) return last;
        last = next;
    }
}

static void persist_own(struct nika_replica *r)
{
    nika_effects_persist(r->core.effects,
                         common_token(HYBSTER_TOKEN_VIEW_CHANGE, r->view_generation, r->core.view),
                         HYBSTER_RECORD_VIEW_CHANGE, r->core.view,
                         nika_store_span(r->core.store, r->core.my_view_change));
}

struct nika_trusted_certificate hybster_hop_certificate(const struct hybster_hop_entry *hop)
{
    struct nika_trusted_certificate c;
    enum nika_err err = nika_trusted_certificate_decode(
        (struct nika_span){hop->certificate, sizeof hop->certificate}, &c);
    NIKA_ASSERT(err == NIKA_OK);
    return c;
}

/* Does a counter that a hop took to [view|0] go on at `start` with nothing between that others would have to be shown? */
static bool joins(struct nika_replica *r, const struct hybster_hop_entry *hop,
                  struct nika_trusted_value start)
{
    struct nika_trusted_value end = hybster_hop_certificate(hop).value;
    return nika_trusted_compare(end, start) == 0 ||
           (end.view == start.view && hybster_void_make(r, end.view));
}

/* A log that was lost, or a crash before its VIEW-CHANGE was on disk, took hops with it; the trusted subsystem still has the last one. */
static void reissue_hop(struct nika_replica *r, uint32_t p)
{
    struct hybster_pillar *pillar = &r->pillars[p];
    struct nika_trusted_certificate c;
    struct nika_digest digest;
    if (!hybster_counter_last(r, hybster_order_counter(p), &c, &digest) ||
        c.kind != NIKA_TRUSTED_CONTINUING)
        return;
    REACHED(hybster_reissued);
    bool one_more = pillar->hop_count > 0 && pillar->hop_count < HYBSTER_HOPS_MAX &&
                    joins(r, &pillar->hops[pillar->hop_count - 1], c.previous);
    if (!one_more) pillar->hop_count = 0;
    struct hybster_hop_entry *hop = &pillar->hops[pillar->hop_count++];
    hop->digest = digest;
    nika_trusted_certificate_encode(&c, hop->certificate);
}

/* HV4, HV5: which of the own hops of a pillar the next VIEW-CHANGE must show. False when it cannot account for its counter: such a replica
 * waits for a NEW-VIEW. */
static bool hops_prepare(struct nika_replica *r, uint32_t p)
{
    struct hybster_pillar *pillar = &r->pillars[p];
    if (pillar->counter.view <= r->entered) {
        pillar->hop_count = 0;
        return true;
    }
    bool ends =
        pillar->hop_count > 0 && joins(r, &pillar->hops[pillar->hop_count - 1], pillar->counter);
    if (!ends) reissue_hop(r, p);
    if (!ends && (pillar->hop_count == 0 ||
                  !joins(r, &pillar->hops[pillar->hop_count - 1], pillar->counter)))
        return false;
    for (uint32_t k = pillar->hop_count; k > 0; k--) {
        if (hybster_hop_certificate(&pillar->hops[k - 1]).previous.view > r->entered) continue;
        memmove(pillar->hops, &pillar->hops[k - 1],
                (pillar->hop_count - k + 1) * sizeof pillar->hops[0]);
        pillar->hop_count -= k - 1;
        return pillar->hop_count < HYBSTER_HOPS_MAX;
    }
    return false;
}

/* HV7: the order of a pillar up to which the PREPAREs shown must reach. */
static uint64_t must_cover(const struct nika_replica *r, const struct hybster_pillar *pillar)
{
    struct nika_trusted_value start = pillar->counter;
    if (pillar->hop_count > 0) start = hybster_hop_certificate(&pillar->hops[0]).previous;
    return start.view == r->entered ? start.order : 0;
}

bool hybster_accounts(struct nika_replica *r)
{
    for (uint32_t p = 0; p < r->core.pillars; p++) {
        if (!hops_prepare(r, p) || must_cover(r, &r->pillars[p]) > shown(r, p)) return false;
    }
    return true;
}

static void append_hop(struct nika_writer *w, struct nika_list *list,
                       const struct hybster_hop_entry *entry)
{
    struct hybster_hop hop = {.digest = entry->digest,
                              .certificate = {entry->certificate, NIKA_TRUSTED_CERTIFICATE_SIZE}};
    nika_list_append(w, list, &hybster_info_hop, &hop);
}

/* The views that can never begin come first: who reads on knows them when a hop starts there. */
static struct nika_list hop_list(const struct nika_replica *r, struct nika_writer *w)
{
    struct nika_list list = {0};
    for (uint32_t i = 0; i < r->void_count; i++) append_hop(w, &list, &r->voids[i]);
    for (uint32_t i = 0; i < r->core.pillars * HYBSTER_HOPS_MAX; i++) {
        const struct hybster_pillar *pillar = &r->pillars[i / HYBSTER_HOPS_MAX];
        if (i % HYBSTER_HOPS_MAX >= pillar->hop_count) continue;
        append_hop(w, &list, &pillar->hops[i % HYBSTER_HOPS_MAX]);
    }
    return list;
}

static uint32_t hops_total(const struct nika_replica *r)
{
    uint32_t total = r->void_count;
    for (uint32_t p = 0; p < r->core.pillars; p++) total += r->pillars[p].hop_count;
    return total;
}

/* One more hop in each pillar: what the last field of a VIEW-CHANGE's body says and is over. */
static void add_hops(struct nika_replica *r, struct nika_span body)
{
    uint32_t size = r->core.pillars * NIKA_TRUSTED_CERTIFICATE_SIZE;
    struct nika_span content = {body.data, body.size - HYBSTER_CERTIFICATES_FIELD(r->core.pillars)};
    struct nika_digest digest;
    hybster_statement(r->core.config, HYBSTER_TYPE_view_change, content, &digest);
    for (uint32_t p = 0; p < r->core.pillars; p++) {
        struct hybster_pillar *pillar = &r->pillars[p];
        NIKA_ASSERT(pillar->hop_count < HYBSTER_HOPS_MAX);
        struct hybster_hop_entry *hop = &pillar->hops[pillar->hop_count++];
        hop->digest = digest;
        memcpy(hop->certificate,
               body.data + body.size - size + (size_t)p * NIKA_TRUSTED_CERTIFICATE_SIZE,
               NIKA_TRUSTED_CERTIFICATE_SIZE);
    }
}

static uint32_t certify_own(struct nika_replica *r, struct nika_writer *prepares,
                            struct nika_writer *hops)
{
    struct hybster_view_change m = {.view = r->core.view,
                                    .from = r->entered,
                                    .low_mark = r->core.low_mark,
                                    .checkpoints = common_stable_frames(&r->core)};
    (void)hybster_history(r, r->core.low_mark, prepares, &m.prepares);
    m.hops = hop_list(r, hops);
    NIKA_ASSERT(!prepares->failed && !hops->failed);
    struct nika_trusted_value value = {r->core.view, 0};
    return hybster_certify_unit(r, &hybster_info_view_change, &m, &m.certificate, value);
}

/* May the counters move on to the view? Not before the last orders are certified and on disk: their certificates could not be had again. */
static bool may_leave(const struct nika_replica *r)
{
    struct nika_trusted_value value = {r->core.view, 0};
    for (uint32_t p = 0; p < r->core.pillars; p++) {
        const struct hybster_pillar *pillar = &r->pillars[p];
        if (pillar->certifying != 0 || pillar->awaited != 0 ||
            nika_trusted_compare(pillar->counter, value) >= 0)
            return false;
    }
    return true;
}

/* Build, certify and persist the VIEW-CHANGE for core.view. With a full store hybster_view_retry tries again. */
static void build_own(struct nika_replica *r)
{
    struct nika_list counted = {0};
    if (r->halted || r->core.amnesiac || !may_leave(r) || !hybster_accounts(r)) return;
    uint32_t size = hybster_history(r, r->core.low_mark, NULL, &counted);
    uint32_t hops_size = hops_total(r) * (NIKA_DIGEST_SIZE + HYBSTER_CERTIFICATE_FIELD);
    uint32_t scratch = nika_store_alloc(r->core.store, size + hops_size + 1);
    if (scratch == 0) return;
    uint8_t *room = nika_store_at(r->core.store, scratch);
    struct nika_writer prepares = nika_writer_of(room, size);
    struct nika_writer hops = nika_writer_of(room + size, hops_size);
    uint32_t handle = certify_own(r, &prepares, &hops);
    nika_store_free(r->core.store, scratch);
    if (handle == 0) return;
    struct nika_span raw = nika_store_span(r->core.store, handle);
    struct nika_span body = {raw.data + NIKA_FRAME_HEAD_SIZE, raw.size - nika_frame_size(0, 0)};
    add_hops(r, body);
    common_view_change_adopt(&r->core, r->core.view, r->entered, handle);
    persist_own(r);
}

void hybster_view_change_start(struct nika_replica *r, uint64_t view)
{
    /* Behind the last number there is no view to go to. Only more than f liars lead there. */
    if (r->core.view == UINT64_MAX) return;
    NIKA_ASSERT(view > r->core.view);
    /* A NEW-VIEW that leads as far and is on its way to the disk may be there already, and to begin a lower view after it would be to go
     * back: it is about to be entered. */
    if (r->halted || (r->candidate_saving && r->candidate_view >= view)) return;
    REACHED(hybster_view_change_started);
    SOMETIMES(hybster_nested_view_change, !r->core.active);
    hybster_view_leave(r, view);
    hybster_view_unwant(r);
    r->core.view = view;
    r->core.active = false;
    if (r->core.backoff < r->core.config->backoff_max) r->core.backoff++;
    nika_effects_note(r->core.effects, NIKA_NOTE_VIEW, view, 0, (struct nika_span){0});
    common_view_change_forget(&r->core, r->core.self);
    hybster_candidate_progress(r);
    build_own(r);
    common_view_timer_check(&r->core);
    common_status_soon(&r->core);
}

void hybster_view_change_stored(struct nika_replica *r, uint64_t view)
{
    if (r->core.active || r->core.view != view || r->core.my_view_change == 0 ||
        r->core.my_view_change_durable)
        return;
    r->core.my_view_change_durable = true;
    common_broadcast_frame(&r->core, nika_store_span(r->core.store, r->core.my_view_change));
    hybster_new_view_try_build(r);
}

void hybster_certified_stored(struct nika_replica *r, uint64_t seq, bool refused)
{
    struct hybster_slot *slot = hybster_slot_find(r, seq);
    if (refused && slot != NULL)
        slot->base.persist_failed = true;
    else
        hybster_pillar_of(r, seq)->certifying = 0;
    if (!refused) hybster_view_retry(r);
}

/* The last order of a view that was left: it must be durable before the counter may move on. */
static void retry_certified(struct nika_replica *r, struct hybster_pillar *pillar)
{
    struct hybster_slot *slot = hybster_slot_find(r, pillar->certifying);
    if (slot == NULL || slot->base.order == 0)
        pillar->certifying = 0; /* Stable meanwhile: nobody asks for it. */
    else if (slot->base.persist_failed)
        hybster_prepare_persist(r, slot);
}

void hybster_view_retry(struct nika_replica *r)
{
    hybster_candidate_progress(r);
    if (r->core.active || r->halted) return;
    for (uint32_t p = 0; p < r->core.pillars; p++)
        if (r->pillars[p].certifying != 0) retry_certified(r, &r->pillars[p]);
    if (r->core.my_view_change == 0) {
        build_own(r);
    } else if (!r->core.my_view_change_durable) {
        persist_own(r);
    }
    hybster_new_view_try_build(r);
}

void hybster_view_timer(struct nika_replica *r)
{
    if (!r->core.active) hybster_view_change_start(r, r->core.view + 1);
}

/* Is the message worth verifying? */
static bool relevant(struct nika_replica *r, const struct nika_frame *frame,
                     const struct hybster_view_change *m)
{
    enum common_news news = common_view_change_news(&r->core, frame, m->view);
    if (news != COMMON_NEWS_OTHER) return news == COMMON_NEWS_FRESH;
    common_reject(&r->core, NIKA_CHECK_VCU, frame->sender);
    if (hybster_view_change_check(r, frame, m) != NIKA_CHECK_NONE) return false;
    /* Two continuing certificates lead to one value from below. */
    common_evidence(&r->core, frame->type, frame->sender,
                    nika_store_span(r->core.store, r->core.view_changes[frame->sender].frame),
                    frame->raw);
    hybster_alarm(r, NIKA_CHECK_HP7, m->view);
    return false;
}

void hybster_on_view_change(struct nika_replica *r, const struct nika_frame *frame)
{
    struct hybster_view_change m;
    if (nika_decode(&hybster_info_view_change, frame->body, &m) != NIKA_OK) {
        common_reject(&r->core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    if (frame->sender == r->core.self) {
        common_reject(&r->core, NIKA_CHECK_HV1, frame->sender);
        return;
    }
    if (!relevant(r, frame, &m)) return;
    enum nika_check check = hybster_view_change_check(r, frame, &m);
    if (check != NIKA_CHECK_NONE) {
        common_reject(&r->core, check, frame->sender);
        return;
    }
    if (!common_view_change_store(&r->core, frame, m.view, m.from)) return;
    uint64_t joined = common_view_kth(&r->core, r->core.weak);
    if (joined > r->core.view) {
        /* One of f+1 is correct and its T_req expired: waiting longer would only split the cluster. */
        REACHED(hybster_join_rule);
        hybster_view_change_start(r, joined);
    } else if (common_view_abdicated(&r->core, frame->sender, m.view)) {
        hybster_view_change_start(r, r->core.view + 1);
    }
    common_view_timer_check(&r->core);
    if (m.view >= r->core.view) (void)hybster_reach_low_mark(r, m.low_mark, &m.checkpoints);
    hybster_new_view_try_build(r);
}

/* The hops of an own VIEW-CHANGE, and itself as the last one of each pillar. */
static void recover_hops(struct nika_replica *r, const struct hybster_view_change *m,
                         struct nika_span body)
{
    struct nika_trusted_certificate c;
    struct hybster_hop hop;
    uint32_t at = 0;
    for (uint32_t p = 0; p < r->core.pillars; p++) r->pillars[p].hop_count = 0;
    r->void_count = 0;
    while (nika_list_next(&m->hops, &hybster_info_hop, &at, &hop) &&
           nika_trusted_certificate_decode(hop.certificate, &c) == NIKA_OK &&
           c.counter / HYBSTER_COUNTERS_OF_PILLAR < r->core.pillars) {
        if (c.counter == HYBSTER_COUNTER_NEW_VIEW) {
            hybster_void_keep(r, &c, &hop.digest);
            continue;
        }
        struct hybster_pillar *pillar = &r->pillars[c.counter / HYBSTER_COUNTERS_OF_PILLAR];
        if (pillar->hop_count >= HYBSTER_HOPS_MAX - 1) break;
        struct hybster_hop_entry *entry = &pillar->hops[pillar->hop_count++];
        entry->digest = hop.digest;
        memcpy(entry->certificate, hop.certificate.data, NIKA_TRUSTED_CERTIFICATE_SIZE);
    }
    add_hops(r, body);
}

void hybster_recover_view_change(struct nika_replica *r, uint64_t view, struct nika_span raw)
{
    struct nika_frame frame;
    struct hybster_view_change m;
    if (view < r->core.view || view == 0) return;
    if (!common_nested_open(&r->core, raw, &hybster_info_view_change, &frame, &m) ||
        frame.sender != r->core.self || m.view != view ||
        m.certificate.size != r->core.pillars * NIKA_TRUSTED_CERTIFICATE_SIZE)
        return;
    recover_hops(r, &m, frame.body);
    r->core.view = view;
    r->core.active = r->entered == view;
    uint32_t handle = r->core.active ? 0 : nika_store_put(r->core.store, raw);
    if (handle == 0) return; /* Waits for a NEW-VIEW, or leaves for a later view. */
    common_view_change_adopt(&r->core, view, m.from, handle);
    r->core.my_view_change_durable = true;
}

void hybster_view_start(struct nika_replica *r)
{
    for (uint64_t s = r->core.low_mark + 1; s <= r->core.highest_slot; s++) {
        struct hybster_slot *slot = hybster_slot_find(r, s);
        if (slot != NULL && slot->base.view != r->entered) hybster_slot_reset_view(r, slot);
    }
    hybster_new_view_install(r);
    if (r->halted) return;
    if (r->core.active) {
        if (r->new_view != 0 && common_leading(&r->core))
            common_broadcast_frame(&r->core, nika_store_span(r->core.store, r->new_view));
        return;
    }
    if (r->core.my_view_change == 0) return;
    REACHED(hybster_recovered_votes);
    common_broadcast_frame(&r->core, nika_store_span(r->core.store, r->core.my_view_change));
    common_view_timer_check(&r->core);
}
