/* protocols/pbft/recover.c: rebuilding a replica from its disk, and its first event (PROTOCOLS.md 1.12).
 *
 * Records come in log order, but state records keep the place where they were written, so none relies on another having come
 * before; START sorts out what the whole says. A recovered replica votes only as its log says it did. */
#include "protocols/common/recover.h"
#include "protocols/common/order.h"
#include "protocols/common/status.h"
#include "protocols/pbft/state.h"

static struct pbft_slot *slot_for(struct nika_replica *r, uint64_t seq)
{
    return pbft_slot_of(common_recover_slot(&r->core, seq));
}

static bool parse_order(struct nika_replica *r, struct nika_span raw, struct pbft_order *order)
{
    struct nika_frame frame;
    if (nika_frame_parse(raw, r->core.config->epoch, NIKA_CONTROL_SIZE_MAX, &frame) != NIKA_OK)
        return false;
    return frame.type == PBFT_TYPE_pre_prepare && pbft_order_decode(frame.body, order);
}

static void recover_proposal(struct nika_replica *r, struct nika_span record)
{
    struct nika_reader reader = nika_reader_of(record);
    struct nika_span raw = nika_read_bytes(&reader, NIKA_CONTROL_SIZE_MAX);
    struct nika_span body = nika_read_bytes(&reader, NIKA_MESSAGE_SIZE_MAX);
    struct pbft_order order;
    if (!nika_reader_done(&reader) || !parse_order(r, raw, &order)) return;
    struct pbft_slot *slot = slot_for(r, order.seq);
    if (slot == NULL || (slot->base.order != 0 && slot->base.view > order.view)) return;
    pbft_slot_reset_view(r, slot);
    slot->base.view = order.view;
    common_recover_batch(&r->core, &slot->base, &order.digest, body);
    slot->base.order = nika_store_put(r->core.store, raw);
    if (slot->base.order == 0) common_forget(&r->core);
    slot->proposal_durable = true;
    slot->prepare_sent = true; /* Perhaps; it must not say anything else. */
}

static void recover_prepared(struct nika_replica *r, struct nika_span record)
{
    struct pbft_certificate certificate;
    struct pbft_order order;
    if (nika_decode(&pbft_info_certificate, record, &certificate) != NIKA_OK) return;
    if (!parse_order(r, certificate.pre_prepare, &order)) return;
    struct pbft_slot *slot = slot_for(r, order.seq);
    if (slot == NULL || (slot->base.carry && slot->best_view > order.view)) return;
    uint32_t handle = nika_store_put(r->core.store, record);
    if (handle == 0) {
        common_forget(&r->core);
        return;
    }
    nika_store_free(r->core.store, slot->best_certificate);
    slot->best_certificate = handle;
    slot->base.carry = true;
    slot->best_view = order.view;
    slot->base.carry_digest = order.digest;
    bool current = slot->base.order != 0 && slot->base.view == order.view &&
                   nika_digest_equal(&slot->base.digest, &order.digest);
    if (!current) return;
    slot->prepared = true;
    slot->prepared_durable = true;
    slot->commit_sent = true;
}

void pbft_recover(struct nika_replica *r, uint32_t kind, uint64_t seq, struct nika_span record)
{
    /* Queue notes need effects; recovery has none, and none of it is news to an observer. */
    struct nika_effects silent = {0};
    r->core.effects = &silent;
    switch (kind) {
    case PBFT_RECORD_PROPOSAL:
        recover_proposal(r, record);
        break;
    case PBFT_RECORD_PREPARED:
        recover_prepared(r, record);
        break;
    case PBFT_RECORD_VIEW_CHANGE:
        pbft_recover_view_change(r, seq, record);
        break;
    case PBFT_RECORD_NEW_VIEW:
        pbft_recover_new_view(r, seq, record);
        break;
    default:
        (void)common_recover(&r->core, kind, seq,
                             record); /* One of a newer version says nothing to this one. */
        break;
    }
    r->core.effects = NULL;
}

/* Votes of the view that the log ends in; those of earlier views are history. */
static void restore_slot(struct nika_replica *r, struct pbft_slot *slot)
{
    if (!r->core.active || slot->base.view != r->core.view || slot->base.order == 0) {
        pbft_slot_reset_view(r, slot);
        return;
    }
    slot->base.from_new_view = slot->base.seq <= r->low_bound;
    if (r->core.amnesiac) {
        slot->base.withheld = true; /* What was voted for beside this record is unknown. */
        return;
    }
    REACHED(pbft_recovered_votes);
    if (common_primary(&r->core, r->core.view) != r->core.self)
        pbft_vote_restore(r, slot, PBFT_PREPARE);
    if (slot->commit_sent) pbft_vote_restore(r, slot, PBFT_COMMIT);
    pbft_votes_recount(r, slot);
}

static void restore(struct nika_replica *r)
{
    common_recover_end(&r->core);
    for (uint32_t i = 0; i < r->core.config->window; i++) {
        struct pbft_slot *slot = &r->slots[i];
        if (slot->base.seq == 0) continue;
        if (slot->base.seq > r->core.high_known) r->core.high_known = slot->base.seq;
        restore_slot(r, slot);
        if (slot->base.order != 0 && slot->base.seq >= r->core.next_seq[0])
            r->core.next_seq[0] = slot->base.seq + 1;
    }
    if (r->core.high_known < r->core.last_executed) r->core.high_known = r->core.last_executed;
}

void pbft_start(struct nika_replica *r)
{
    bool fresh = common_fresh(&r->core);
    restore(r);
    pbft_view_start(r);
    common_restart(&r->core);
    common_status_start(&r->core, fresh);
}
