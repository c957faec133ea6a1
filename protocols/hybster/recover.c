/* protocols/hybster/recover.c: rebuilding a replica from its disk, and its first event (PROTOCOLS.md 1.12, 2.5).
 *
 * What the log says is compared with the trusted subsystem's counter: a counter behind the log was rolled back (TSR), and the replica
 * never votes again; one ahead of it lost a message at most, which the trusted subsystem gives again. */
#include "protocols/common/recover.h"
#include "protocols/common/batcher.h"
#include "protocols/common/intake.h"
#include "protocols/common/order.h"
#include "protocols/common/status.h"
#include "protocols/hybster/view.h"

static struct hybster_slot *slot_for(struct nika_replica *r, uint64_t seq)
{
    return hybster_slot_of(common_recover_slot(&r->core, seq));
}

static bool parse_order(const struct nika_replica *r, struct nika_span raw, uint8_t type,
                        struct hybster_order *order)
{
    struct nika_frame frame;
    if (nika_frame_parse(raw, r->core.config->epoch, NIKA_CONTROL_SIZE_MAX, &frame) != NIKA_OK)
        return false;
    return frame.type == type && hybster_order_decode(frame.body, order);
}

static void note_used(struct hybster_pillar *pillar, uint64_t view, uint64_t order)
{
    struct nika_trusted_value value = {view, order};
    if (nika_trusted_compare(value, pillar->counter) > 0) pillar->counter = value;
}

static void note_left(struct nika_replica *r, uint64_t view)
{
    for (uint32_t p = 0; p < r->core.pillars; p++) note_used(&r->pillars[p], view, 0);
}

static void recover_intent(struct nika_replica *r, uint64_t seq, struct nika_span record)
{
    struct nika_reader reader = nika_reader_of(record);
    uint64_t view = nika_read_u64(&reader);
    bool named = nika_read_u64(&reader) == seq;
    struct nika_digest digest = nika_read_digest(&reader);
    struct nika_span body = nika_read_bytes(&reader, NIKA_MESSAGE_SIZE_MAX);
    struct hybster_slot *slot = nika_reader_done(&reader) && named ? slot_for(r, seq) : NULL;
    if (slot == NULL || (slot->base.order != 0 && slot->base.view >= view)) return;
    hybster_slot_reset_view(r, slot);
    slot->base.view = view;
    common_recover_batch(&r->core, &slot->base, &digest, body);
    slot->intent = true;
    slot->intent_durable = true;
}

static void recover_prepare(struct nika_replica *r, struct nika_span record)
{
    struct nika_reader reader = nika_reader_of(record);
    struct nika_span raw = nika_read_bytes(&reader, NIKA_CONTROL_SIZE_MAX);
    struct nika_span body = nika_read_bytes(&reader, NIKA_MESSAGE_SIZE_MAX);
    struct hybster_order order;
    if (!nika_reader_done(&reader) || !parse_order(r, raw, HYBSTER_TYPE_prepare, &order)) return;
    if (common_primary(&r->core, order.view) == r->core.self)
        note_used(hybster_pillar_of(r, order.seq), order.view, order.seq);
    struct hybster_slot *slot = slot_for(r, order.seq);
    if (slot == NULL || (slot->base.order != 0 && slot->base.view > order.view)) return;
    hybster_slot_reset_view(r, slot);
    slot->base.view = order.view;
    common_recover_batch(&r->core, &slot->base, &order.digest, body);
    slot->base.order = nika_store_put(r->core.store, raw);
    if (slot->base.order == 0) common_forget(&r->core);
    slot->prepare_durable = true;
}

static void recover_commit(struct nika_replica *r, struct nika_span record)
{
    struct hybster_order order;
    if (!parse_order(r, record, HYBSTER_TYPE_commit, &order)) return;
    note_used(hybster_pillar_of(r, order.seq), order.view, order.seq);
    struct hybster_slot *slot = slot_for(r, order.seq);
    bool current = slot != NULL && slot->base.order != 0 && slot->base.view == order.view &&
                   nika_digest_equal(&slot->base.digest, &order.digest);
    if (!current || slot->commit != 0) return;
    slot->commit = nika_store_put(r->core.store, record);
    struct hybster_vote *vote = hybster_vote_at(r, slot, r->core.self);
    vote->present = true;
    vote->digest = order.digest;
    memcpy(vote->certificate, order.certificate.data, sizeof vote->certificate);
}

void hybster_recover(struct nika_replica *r, uint32_t kind, uint64_t seq, struct nika_span record)
{
    /* Queue notes need effects; recovery has none, and none of it is news to an observer. */
    struct nika_effects silent = {0};
    r->core.effects = &silent;
    switch (kind) {
    case HYBSTER_RECORD_INTENT:
        recover_intent(r, seq, record);
        break;
    case HYBSTER_RECORD_PREPARE:
        recover_prepare(r, record);
        break;
    case HYBSTER_RECORD_COMMIT:
        recover_commit(r, record);
        break;
    case HYBSTER_RECORD_VIEW_CHANGE:
        note_left(r, seq);
        hybster_recover_view_change(r, seq, record);
        break;
    case HYBSTER_RECORD_NEW_VIEW:
        hybster_recover_new_view(r, seq, record);
        break;
    case HYBSTER_RECORD_DRAFT:
        hybster_recover_draft(r, seq, record);
        break;
    default:
        (void)common_recover(&r->core, kind, seq,
                             record); /* One of a newer version says nothing to this one. */
        break;
    }
    r->core.effects = NULL;
}

/* 2.5: the counters decide what this replica may have said. */
static void compare_counters(struct nika_replica *r)
{
    const struct nika_host *host = r->core.host;
    for (uint32_t p = 0; p < r->core.pillars && !r->halted; p++) {
        struct hybster_pillar *pillar = &r->pillars[p];
        struct nika_trusted_value present;
        if (host->trusted == NULL) hybster_halt(r, NIKA_CHECK_TSG, 0);
        if (r->halted || hybster_counter_read(r, hybster_order_counter(p), &present) != NIKA_OK)
            return;
        if (!NIKA_PLANTED(T14) && nika_trusted_compare(present, pillar->counter) < 0)
            hybster_halt(r, NIKA_CHECK_TSR, pillar->counter.order);
        else
            pillar->counter = present;
    }
}

/* The one message of a pillar that a crash between counter and disk can have lost. */
static void take_reissued(struct nika_replica *r, struct hybster_pillar *pillar)
{
    uint64_t order = pillar->counter.order;
    if (pillar->counter.view != r->entered || order == 0 || NIKA_PLANTED(T11)) return;
    struct hybster_slot *slot = hybster_slot_find(r, order);
    if (slot == NULL || slot->base.view != r->entered) return;
    if (NIKA_PLANTED(T12)) pillar->voted = order - 1; /* It is certified again. */
    if (NIKA_PLANTED(T12)) return;
    if (slot->intent && slot->base.order == 0) {
        uint32_t frame =
            hybster_reissue_order(r, HYBSTER_TYPE_prepare, slot->base.seq, &slot->base.digest);
        if (frame != 0) hybster_prepare_issued(r, slot, frame);
    } else if (slot->base.order != 0 && slot->commit == 0 && !common_leading(&r->core)) {
        slot->commit =
            hybster_reissue_order(r, HYBSTER_TYPE_commit, slot->base.seq, &slot->base.digest);
        if (slot->commit == 0) return;
        struct nika_span raw = nika_store_span(r->core.store, slot->commit);
        nika_effects_persist(r->core.effects,
                             common_token(HYBSTER_TOKEN_COMMIT, r->view_generation, slot->base.seq),
                             HYBSTER_RECORD_COMMIT, slot->base.seq, raw);
        recover_commit(r, raw);
        common_broadcast_frame(&r->core, raw);
    }
}

static void restore(struct nika_replica *r)
{
    common_recover_end(&r->core);
    if (r->low_bound < r->core.low_mark) r->low_bound = r->core.low_mark;
    for (uint32_t i = 0; i < r->core.config->window; i++) {
        struct hybster_slot *slot = &r->slots[i];
        if (slot->base.seq == 0) continue;
        if (slot->base.seq > r->core.high_known) r->core.high_known = slot->base.seq;
        if (slot->base.view != r->entered) {
            hybster_slot_reset_view(r, slot);
            continue;
        }
        slot->base.from_new_view = slot->base.seq <= r->low_bound && r->entered != 0;
        if (slot->base.order != 0 || slot->intent) {
            uint32_t p = common_pillar_of(&r->core, slot->base.seq);
            if (slot->base.seq >= r->core.next_seq[p])
                r->core.next_seq[p] = slot->base.seq + r->core.pillars;
        }
        hybster_votes_recount(r, slot);
    }
    if (r->core.high_known < r->core.last_executed) r->core.high_known = r->core.last_executed;
}

/* A counter has left for a view of which the log knows nothing: the VIEW-CHANGE was lost before it was sent, and its value is used. No
 * order of an earlier view can be certified any more in its pillar; the next VIEW-CHANGE shows the lost one as a hop. Or it was used for
 * orders of a NEW-VIEW that was lost: that view is given up. */
static void follow_counters(struct nika_replica *r)
{
    uint64_t view = 0;
    for (uint32_t p = 0; p < r->core.pillars; p++)
        if (r->pillars[p].counter.view > view) view = r->pillars[p].counter.view;
    if (r->halted || r->core.amnesiac) return;
    if (view > r->core.view) {
        REACHED(hybster_followed_counter);
        r->core.view = view;
        r->core.active = false; /* Left for good, even where there is no next one to leave for. */
    } else if (!hybster_opening_lost(r)) {
        return;
    }
    hybster_view_change_start(r, r->core.view + 1);
}

/* Give no number a second time that a counter was used for, whatever became of it. */
static void skip_used(struct nika_replica *r)
{
    for (uint32_t p = 0; p < r->core.pillars; p++) {
        const struct hybster_pillar *pillar = &r->pillars[p];
        if (pillar->counter.view == r->entered && r->core.next_seq[p] <= pillar->counter.order)
            r->core.next_seq[p] = common_pillar_next(&r->core, p, pillar->counter.order);
    }
}

void hybster_remember(struct nika_replica *r)
{
    /* A checkpoint beyond what it took part in, its PREPAREs as peers show them again, or a view above its counter: then it may vote,
     * for its counter lets it bind nothing anew that it bound before. */
    if (r->halted || r->core.transfer.active || r->candidate_saving) return;
    for (uint64_t s = r->core.low_mark + 1; s <= r->core.highest_slot; s++)
        (void)hybster_prepare_from_cert(r, s);
    if (!hybster_accounts(r)) return;
    REACHED(hybster_learned_again);
    r->core.amnesiac = false;
    follow_counters(r);
    skip_used(r);
    if (r->core.active) {
        hybster_advance(r);
        common_request_timer_update(&r->core);
        common_batch_try_cut(&r->core, false);
    } else {
        hybster_view_retry(r);
    }
    common_status_soon(&r->core);
}

void hybster_start(struct nika_replica *r)
{
    bool fresh = common_fresh(&r->core);
    restore(r);
    compare_counters(r);
    for (uint32_t p = 0; p < r->core.pillars; p++) {
        struct hybster_pillar *pillar = &r->pillars[p];
        pillar->voted = r->core.low_mark;
        if (pillar->counter.view == r->entered && pillar->counter.order > pillar->voted)
            pillar->voted = pillar->counter.order;
    }
    hybster_view_start(r);
    hybster_draft_resume(r);
    for (uint32_t p = 0; p < r->core.pillars; p++) take_reissued(r, &r->pillars[p]);
    common_restart(&r->core);
    follow_counters(r);
    hybster_advance(r);
    /* Orders of one pillar may be waiting for one of another that was not made before. */
    if (r->core.pillars > 1) common_batch_try_cut(&r->core, false);
    common_status_start(&r->core, fresh);
}
