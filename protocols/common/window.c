/* protocols/common/window.c: see window.h. */
#include "protocols/common/window.h"

#include "protocols/common/execute.h"
#include "protocols/common/fetch.h"
#include "protocols/common/order.h"
#include "protocols/common/output.h"

struct common_slot *common_slot_at(struct common_core *core, uint64_t seq)
{
    struct common_slot *slot = common_slot_place(core, seq);
    if (slot->seq == seq) return slot;
    if (slot->seq != 0) core->hooks->slot_release(core, slot);
    slot->seq = seq;
    if (seq > core->highest_slot) core->highest_slot = seq;
    if (seq > core->low_mark)
        common_queue_note(core, NIKA_QUEUE_SLOTS, (uint32_t)(seq - core->low_mark));
    return slot;
}

struct common_slot *common_slot_find(const struct common_core *core, uint64_t seq)
{
    if (!common_in_window(core, seq)) return NULL;
    struct common_slot *slot = common_slot_place(core, seq);
    return slot->seq == seq ? slot : NULL;
}

bool common_slot_commit(struct common_core *core, struct common_slot *slot, uint64_t view,
                        const struct nika_digest *digest, const uint64_t signers[2])
{
    if (slot->committed) return nika_digest_equal(&slot->commit_digest, digest);
    slot->committed = true;
    slot->commit_view = view;
    slot->commit_digest = *digest;
    common_note_committed(core, slot, signers);
    return true;
}

bool common_cert_news(const struct common_core *core, uint64_t seq,
                      const struct nika_digest *digest)
{
    const struct common_slot *known = common_slot_find(core, seq);
    if (known == NULL || !known->committed) return seq > core->last_executed;
    return !nika_digest_equal(&known->commit_digest, digest);
}

bool common_cert_commit(struct common_core *core, struct common_slot *slot, uint64_t view,
                        const struct nika_digest *digest, const uint64_t signers[2])
{
    if (core->high_known < slot->seq) core->high_known = slot->seq;
    if (!common_slot_commit(core, slot, view, digest, signers)) return false;
    if (!common_slot_commit_ready(slot))
        common_fetch_want(core, digest, (core->self + 1) % core->n);
    common_execute_ready(core);
    return true;
}

bool common_slot_commit_ready(const struct common_slot *slot)
{
    if (!slot->committed) return false;
    return nika_digest_is_null(&slot->commit_digest) ||
           common_slot_batch(slot, &slot->commit_digest) != 0;
}

const struct nika_digest *common_slot_awaits(const struct common_core *core,
                                             const struct common_slot *slot)
{
    if (slot->committed && !slot->executed && !common_slot_commit_ready(slot))
        return &slot->commit_digest;
    return core->hooks->slot_parked(slot);
}

void common_slots_release(struct common_core *core, uint64_t seq)
{
    for (uint32_t i = 0; i < core->config->window; i++) {
        struct common_slot *slot = common_slot_place(core, i);
        if (slot->seq != 0 && slot->seq <= seq) core->hooks->slot_release(core, slot);
    }
}

uint32_t common_bulk_alloc(struct common_core *core, uint32_t size)
{
    uint32_t keep = core->pending.reserve;
    uint32_t handle = nika_store_alloc_keeping(core->store, size, keep);
    if (handle == 0 && common_spare_batches(core))
        handle = nika_store_alloc_keeping(core->store, size, keep);
    return handle;
}

uint32_t common_bulk_put(struct common_core *core, struct nika_span bytes)
{
    NIKA_ASSERT(bytes.size > 0);
    uint32_t handle = common_bulk_alloc(core, bytes.size);
    if (handle != 0) memmove(nika_store_at(core->store, handle), bytes.data, bytes.size);
    return handle;
}
