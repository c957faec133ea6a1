/* protocols/pbft/status.c: STATUS, the negative acknowledgement: telling peers what this replica has and lacks (PROTOCOLS.md 1.9),
 * and doing again what a full store or disk left undone. Answers are in status_answer.c.
 *
 * Without it one lost COMMIT could block a replica for ever. */
#include "protocols/common/status.h"
#include "protocols/common/order.h"
#include "protocols/common/views.h"
#include "protocols/pbft/state.h"

static bool prepared(const struct common_core *core, const struct common_slot *slot)
{
    (void)core;
    return ((const struct pbft_slot *)(const void *)slot)->prepared;
}

void pbft_send_status(struct nika_replica *r)
{
    struct common_status_bits bits = {0};
    uint8_t missing[COMMON_MISSING_MAX * NIKA_DIGEST_SIZE];
    struct pbft_status m = {.view = r->core.view,
                            .active = r->core.active ? 1 : 0,
                            .has_new_view = r->core.active || r->new_view_candidate != 0 ? 1 : 0,
                            .low_mark = r->core.low_mark,
                            .last_executed = r->core.last_executed,
                            .nonce = ++r->core.status_nonce};
    if (r->core.active) {
        uint32_t size = common_status_numbers(&r->core, prepared, &bits);
        m.prepared = (struct nika_span){bits.prepared, size};
        m.committed = (struct nika_span){bits.committed, size};
    } else {
        common_view_changes_map(&r->core, bits.view_changes);
        m.view_changes = (struct nika_span){bits.view_changes, (r->core.n + 7) / 8};
    }
    m.missing = common_status_missing(&r->core, missing);
    common_broadcast(&r->core, &pbft_info_status, &m);
}

/* What was not said because the disk refused, the store was full, or the log was lost then and is not now. */
static void retry_slot(struct nika_replica *r, struct pbft_slot *slot)
{
    if (slot->base.order == 0 || slot->base.view != r->core.view) return;
    common_order_reconsider(&r->core, &slot->base);
    if (slot->base.persist_failed) {
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

uint32_t pbft_slot_wait(const struct pbft_slot *slot, uint64_t *detail)
{
    if (slot->base.order == 0) return NIKA_WAIT_PRE_PREPARE;
    if (!slot->proposal_durable) return NIKA_WAIT_DISK;
    if (slot->prepared && !slot->prepared_durable) return NIKA_WAIT_DISK;
    *detail = slot->prepared ? slot->commit_count : slot->prepare_count;
    return slot->prepared ? NIKA_WAIT_COMMITS : NIKA_WAIT_PREPARES;
}
