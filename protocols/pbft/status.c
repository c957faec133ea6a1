/* protocols/pbft/status.c: STATUS, the negative acknowledgement: telling peers what this replica has and lacks (PROTOCOLS.md 1.9),
 * and doing again what a full store or disk left undone. Answers are in status_answer.c.
 *
 * Without it one lost COMMIT could block a replica for ever. */
#include "protocols/common/status.h"
#include "protocols/common/views.h"
#include "protocols/pbft/state.h"

struct status_buffer {
    uint8_t prepared[NIKA_WINDOW_MAX / 8];
    uint8_t committed[NIKA_WINDOW_MAX / 8];
    uint8_t view_changes[NIKA_REPLICAS_MAX / 8];
    uint8_t missing[COMMON_MISSING_MAX * NIKA_DIGEST_SIZE];
};

/* Bit i is number last_executed + 1 + i. Returns the bytes used. */
static uint32_t fill_bitmaps(struct nika_replica *r, struct status_buffer *b)
{
    uint32_t used = 0;
    for (uint64_t s = r->core.last_executed + 1; s <= r->core.highest_slot; s++) {
        uint32_t bit = (uint32_t)(s - r->core.last_executed - 1);
        const struct pbft_slot *slot = pbft_slot_find(r, s);
        used = bit / 8 + 1;
        if (slot == NULL) continue;
        if (slot->prepared) b->prepared[bit / 8] |= (uint8_t)(1u << (bit % 8));
        if (slot->base.committed) b->committed[bit / 8] |= (uint8_t)(1u << (bit % 8));
    }
    return used;
}

void pbft_send_status(struct nika_replica *r)
{
    struct status_buffer b;
    memset(&b, 0, sizeof b);
    struct pbft_status m = {.view = r->core.view,
                            .active = r->core.active ? 1 : 0,
                            .has_new_view = r->core.active || r->new_view_candidate != 0 ? 1 : 0,
                            .low_mark = r->core.low_mark,
                            .last_executed = r->core.last_executed,
                            .nonce = ++r->core.status_nonce};
    if (r->core.active) {
        uint32_t size = fill_bitmaps(r, &b);
        m.prepared = (struct nika_span){b.prepared, size};
        m.committed = (struct nika_span){b.committed, size};
    } else {
        common_view_changes_map(&r->core, b.view_changes);
        m.view_changes = (struct nika_span){b.view_changes, (r->core.n + 7) / 8};
    }
    m.missing = common_status_missing(&r->core, b.missing);
    common_broadcast(&r->core, &pbft_info_status, &m);
}

/* What was not said because the disk refused, the store was full, or the log was lost then and is not now. */
static void retry_slot(struct nika_replica *r, struct pbft_slot *slot)
{
    if (slot->pre_prepare == 0 || slot->view != r->core.view) return;
    pbft_proposal_reconsider(r, slot);
    if (slot->persist_failed) {
        if (slot->prepared) {
            pbft_prepared_persist(r, slot);
        } else {
            pbft_proposal_persist(r, slot);
        }
    } else if (slot->prepared_durable && !slot->commit_sent) {
        pbft_prepared_stored(r, slot->base.seq);
    } else if (slot->proposal_durable && !slot->prepared) {
        pbft_proposal_stored(r, slot->base.seq);
    }
}

void pbft_retry(struct nika_replica *r)
{
    for (uint64_t s = r->core.low_mark + 1; r->core.active && s <= r->core.highest_slot; s++) {
        struct pbft_slot *slot = pbft_slot_find(r, s);
        if (slot != NULL) retry_slot(r, slot);
    }
    pbft_view_retry(r);
}

uint32_t pbft_wait(const struct nika_replica *r, uint64_t *detail)
{
    uint64_t next = r->core.last_executed + 1;
    const struct pbft_slot *slot = &r->slots[next % r->core.config->window];
    *detail = next;
    if (r->core.transfer.active) return NIKA_WAIT_STATE;
    if (!r->core.active) {
        uint32_t held = common_view_changes_held(&r->core);
        *detail = r->core.view;
        if (r->core.my_view_change != 0 && !r->core.my_view_change_durable) return NIKA_WAIT_DISK;
        return held < r->core.quorum ? NIKA_WAIT_VIEW_CHANGES : NIKA_WAIT_NEW_VIEW;
    }
    if (r->core.last_issued > r->core.last_executed) return NIKA_WAIT_APP;
    if (slot->base.seq != next)
        return r->core.pending.count > 0 || r->core.high_known >= next ? NIKA_WAIT_PRE_PREPARE
                                                                       : NIKA_WAIT_NOTHING;
    if (common_slot_awaits(&r->core, &slot->base) != NULL) return NIKA_WAIT_BATCH;
    if (slot->base.committed) return NIKA_WAIT_APP;
    if (slot->pre_prepare == 0) return NIKA_WAIT_PRE_PREPARE;
    if (!slot->proposal_durable) return NIKA_WAIT_DISK;
    if (slot->prepared && !slot->prepared_durable) return NIKA_WAIT_DISK;
    *detail = slot->prepared ? slot->commit_count : slot->prepare_count;
    return slot->prepared ? NIKA_WAIT_COMMITS : NIKA_WAIT_PREPARES;
}
