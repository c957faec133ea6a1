/* protocols/hybster/status.c: STATUS, the negative acknowledgement: telling peers what this replica has and lacks (PROTOCOLS.md 1.9,
 * 2.4), and doing again what a full store or disk left undone. Answers are in status_answer.c. */
#include "protocols/common/status.h"
#include "protocols/common/order.h"
#include "protocols/common/views.h"
#include "protocols/hybster/state.h"

static bool ordered(const struct common_core *core, const struct common_slot *slot)
{
    const struct nika_replica *r = (const struct nika_replica *)(const void *)core;
    return slot->view == r->entered && common_order_known(slot);
}

void hybster_send_status(struct nika_replica *r)
{
    struct common_status_bits bits = {0};
    uint8_t acks[NIKA_REPLICAS_MAX / 8] = {0};
    uint8_t missing[COMMON_MISSING_MAX * NIKA_DIGEST_SIZE];
    struct hybster_status m = {.view = r->core.view,
                               .active = r->core.active ? 1 : 0,
                               .new_view = r->entered,
                               .low_mark = r->core.low_mark,
                               .last_executed = r->core.last_executed,
                               .nonce = ++r->core.status_nonce};
    /* What waits for its batches need not be sent again. */
    if (r->candidate != 0 && r->candidate_view > m.new_view) m.new_view = r->candidate_view;
    if (r->core.active) {
        uint32_t size = common_status_numbers(&r->core, ordered, &bits);
        m.prepared = (struct nika_span){bits.prepared, size};
        m.committed = (struct nika_span){bits.committed, size};
    } else {
        common_view_changes_map(&r->core, bits.view_changes);
        for (uint32_t i = 0; i < r->core.n; i++)
            if (r->acks[i].frame != 0 && r->acks[i].view == r->core.view)
                acks[i / 8] |= (uint8_t)(1u << (i % 8));
        m.view_changes = (struct nika_span){bits.view_changes, (r->core.n + 7) / 8};
        m.acks = (struct nika_span){acks, (r->core.n + 7) / 8};
    }
    m.missing = common_status_missing(&r->core, missing);
    common_broadcast(&r->core, &hybster_info_status, &m);
}

/* What was not said because the disk refused or the agreed time was wrong then and is not now. */
static void retry_slot(struct nika_replica *r, struct hybster_slot *slot)
{
    if (slot->base.view != r->entered) return;
    if (slot->base.order != 0) common_order_reconsider(&r->core, &slot->base);
    if (!slot->base.persist_failed) return;
    if (slot->base.order != 0) {
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

uint32_t hybster_slot_wait(const struct nika_replica *r, const struct hybster_slot *slot,
                           uint64_t *detail)
{
    if (slot->intent) return NIKA_WAIT_DISK;
    if (slot->base.order == 0) return NIKA_WAIT_PRE_PREPARE;
    if (!slot->prepare_durable && !common_leading(&r->core)) return NIKA_WAIT_DISK;
    *detail = slot->commit_count;
    return NIKA_WAIT_COMMITS;
}
