/* protocols/hybster/status.c: STATUS, the negative acknowledgement: telling peers what this replica has and lacks (PROTOCOLS.md 1.9,
 * 2.4), and doing again what a full store or disk left undone. Answers are in status_answer.c. */
#include "protocols/common/status.h"
#include "protocols/common/views.h"
#include "protocols/hybster/state.h"

struct status_buffer {
    uint8_t prepared[NIKA_WINDOW_MAX / 8];
    uint8_t committed[NIKA_WINDOW_MAX / 8];
    uint8_t view_changes[NIKA_REPLICAS_MAX / 8];
    uint8_t acks[NIKA_REPLICAS_MAX / 8];
    uint8_t missing[COMMON_MISSING_MAX * NIKA_DIGEST_SIZE];
};

/* Bit i is number last_executed + 1 + i. Returns the bytes used. */
static uint32_t fill_bitmaps(struct nika_replica *r, struct status_buffer *b)
{
    uint32_t used = 0;
    for (uint64_t s = r->core.last_executed + 1; s <= r->core.highest_slot; s++) {
        uint32_t bit = (uint32_t)(s - r->core.last_executed - 1);
        const struct hybster_slot *slot = hybster_slot_find(r, s);
        used = bit / 8 + 1;
        if (slot == NULL) continue;
        bool ordered = slot->view == r->entered && (slot->prepare != 0 || slot->parked != 0);
        if (ordered) b->prepared[bit / 8] |= (uint8_t)(1u << (bit % 8));
        if (slot->base.committed) b->committed[bit / 8] |= (uint8_t)(1u << (bit % 8));
    }
    return used;
}

static void fill_view(const struct nika_replica *r, struct status_buffer *b)
{
    common_view_changes_map(&r->core, b->view_changes);
    for (uint32_t i = 0; i < r->core.n; i++)
        if (r->acks[i].frame != 0 && r->acks[i].view == r->core.view)
            b->acks[i / 8] |= (uint8_t)(1u << (i % 8));
}

void hybster_send_status(struct nika_replica *r)
{
    struct status_buffer b;
    memset(&b, 0, sizeof b);
    struct hybster_status m = {.view = r->core.view,
                               .active = r->core.active ? 1 : 0,
                               .new_view = r->entered,
                               .low_mark = r->core.low_mark,
                               .last_executed = r->core.last_executed,
                               .nonce = ++r->core.status_nonce};
    /* What waits for its batches need not be sent again. */
    if (r->candidate != 0 && r->candidate_view > m.new_view) m.new_view = r->candidate_view;
    if (r->core.active) {
        uint32_t size = fill_bitmaps(r, &b);
        m.prepared = (struct nika_span){b.prepared, size};
        m.committed = (struct nika_span){b.committed, size};
    } else {
        fill_view(r, &b);
        m.view_changes = (struct nika_span){b.view_changes, (r->core.n + 7) / 8};
        m.acks = (struct nika_span){b.acks, (r->core.n + 7) / 8};
    }
    m.missing = common_status_missing(&r->core, b.missing);
    common_broadcast(&r->core, &hybster_info_status, &m);
}

/* What was not said because the disk refused or the agreed time was wrong then and is not now. */
static void retry_slot(struct nika_replica *r, struct hybster_slot *slot)
{
    if (slot->view != r->entered) return;
    if (slot->prepare != 0) hybster_prepare_reconsider(r, slot);
    if (!slot->persist_failed) return;
    if (slot->prepare != 0) {
        hybster_prepare_persist(r, slot);
    } else if (slot->intent) {
        hybster_intent_persist(r, slot);
    }
}

void hybster_retry(struct nika_replica *r)
{
    for (uint64_t s = r->core.low_mark + 1; r->core.active && s <= r->core.highest_slot; s++) {
        struct hybster_slot *slot = hybster_slot_find(r, s);
        if (slot != NULL) retry_slot(r, slot);
    }
    hybster_view_retry(r);
    hybster_ack_send(r);
    hybster_advance(r);
}

uint32_t hybster_wait(const struct nika_replica *r, uint64_t *detail)
{
    uint64_t next = r->core.last_executed + 1;
    const struct hybster_slot *slot = &r->slots[next % r->core.config->window];
    *detail = next;
    if (r->halted) return NIKA_WAIT_TRUSTED;
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
    if (slot->intent) return NIKA_WAIT_DISK;
    if (slot->prepare == 0) return NIKA_WAIT_PRE_PREPARE;
    if (!slot->prepare_durable && !common_leading(&r->core)) return NIKA_WAIT_DISK;
    *detail = slot->commit_count;
    return NIKA_WAIT_COMMITS;
}
