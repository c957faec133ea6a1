/* protocols/common/order.c: see order.h. */
#include "protocols/common/order.h"

#include "protocols/common/fetch.h"
#include "protocols/common/output.h"
#include "protocols/common/window.h"

/* ---- batches of a slot --------------------------------------------------------------------------------------------------------- */

uint32_t common_slot_batch(const struct common_slot *slot, const struct nika_digest *digest)
{
    if (slot->batch != 0 && slot->batch_ok && nika_digest_equal(&slot->digest, digest))
        return slot->batch;
    if (slot->carry_batch != 0 && nika_digest_equal(&slot->carry_digest, digest))
        return slot->carry_batch;
    if (slot->commit_batch != 0 && nika_digest_equal(&slot->commit_digest, digest))
        return slot->commit_batch;
    return 0;
}

/* The place beside `batch` in which this slot keeps a batch of `digest`, or would; NULL when nothing refers to it. `full`: it does. */
static uint32_t *place_beside(struct common_slot *slot, const struct nika_digest *digest, bool full)
{
    if (slot->carry && (slot->carry_batch != 0) == full &&
        nika_digest_equal(&slot->carry_digest, digest))
        return &slot->carry_batch;
    if (slot->committed && (slot->commit_batch != 0) == full &&
        nika_digest_equal(&slot->commit_digest, digest))
        return &slot->commit_batch;
    return NULL;
}

void common_slot_set_digest(struct common_core *core, struct common_slot *slot,
                            const struct nika_digest *digest)
{
    if (nika_digest_equal(&slot->digest, digest) &&
        (slot->batch != 0 || nika_digest_is_null(digest)))
        return;
    if (slot->batch != 0) {
        uint32_t *keep = place_beside(slot, &slot->digest, false);
        if (keep != NULL)
            *keep = slot->batch;
        else
            nika_store_free(core->store, slot->batch);
    }
    slot->digest = *digest;
    uint32_t *held = place_beside(slot, digest, true);
    slot->batch = held == NULL ? 0 : *held;
    slot->batch_ok = held != NULL;
    if (held != NULL) *held = 0;
}

static void drop(struct common_core *core, uint32_t *handle)
{
    nika_store_free(core->store, *handle);
    *handle = 0;
}

void common_slot_unpark(struct common_core *core, struct common_slot *slot)
{
    if (slot->parked != 0) core->parked_count--;
    drop(core, &slot->parked);
}

struct nika_span common_order_frame(const struct common_core *core, const struct common_slot *slot)
{
    struct nika_span block = nika_store_span(core->store, slot->order);
    if (!slot->order_within) return block;
    struct nika_reader r = nika_reader_of(block);
    struct nika_span frame = nika_read_bytes(&r, block.size);
    NIKA_ASSERT(!r.failed);
    return frame;
}

struct nika_span common_order_known_frame(const struct common_core *core,
                                          const struct common_slot *slot)
{
    return slot->order != 0 ? common_order_frame(core, slot)
                            : nika_store_span(core->store, slot->parked);
}

static void drop_order(struct common_core *core, struct common_slot *slot)
{
    if (!slot->order_within) nika_store_free(core->store, slot->order);
    slot->order = 0;
    slot->order_within = false;
}

void common_order_keep_within(struct common_core *core, struct common_slot *slot, uint32_t handle)
{
    drop_order(core, slot);
    slot->order = handle;
    slot->order_within = true;
}

void common_slot_forget_order(struct common_core *core, struct common_slot *slot)
{
    drop_order(core, slot);
    common_slot_unpark(core, slot);
    slot->withheld = false;
    slot->untimely = false;
    slot->from_new_view = false;
    slot->persist_failed = false;
}

void common_slot_forget_carried(struct common_core *core, struct common_slot *slot)
{
    drop(core, &slot->carry_batch);
    slot->carry = false;
}

void common_slot_drop(struct common_core *core, struct common_slot *slot)
{
    common_slot_forget_order(core, slot);
    common_slot_forget_carried(core, slot);
    drop(core, &slot->batch);
    drop(core, &slot->commit_batch);
}

static bool batch_in_use(const struct common_core *core, const struct common_slot *slot)
{
    if (slot->order != 0 || slot->parked != 0) return true;
    if (core->hooks->slot_ordering != NULL && core->hooks->slot_ordering(slot)) return true;
    if (slot->carry && nika_digest_equal(&slot->carry_digest, &slot->digest)) return true;
    return slot->committed && nika_digest_equal(&slot->commit_digest, &slot->digest);
}

bool common_spare_batches(struct common_core *core)
{
    bool any = false;
    for (uint64_t s = core->low_mark + 1; s <= core->highest_slot; s++) {
        struct common_slot *slot = common_slot_find(core, s);
        if (slot == NULL || slot->batch == 0 || batch_in_use(core, slot)) continue;
        drop(core, &slot->batch);
        slot->batch_ok = false;
        any = true;
    }
    return any;
}

/* ---- from the frame to the vote ------------------------------------------------------------------------------------------------- */

void common_order_take(struct common_core *core, struct common_slot *slot,
                       const struct nika_digest *digest, uint32_t frame, uint32_t first)
{
    bool null = nika_digest_is_null(digest);
    if (null || common_slot_batch(slot, digest) != 0) {
        common_slot_set_digest(core, slot, digest);
        slot->batch_ok = true;
        /* A BATCH begins with its time; a null one has none. */
        slot->nondet_ns = null ? 0 : nika_load_le(nika_store_at(core->store, slot->batch), 8);
        core->hooks->slot_accept(core, slot, frame);
        return;
    }
    slot->parked = frame;
    slot->parked_digest = *digest;
    common_queue_note(core, NIKA_QUEUE_PARKED, ++core->parked_count);
    common_fetch_want(core, digest, first);
}

enum nika_check common_order_resume(struct common_core *core, struct common_slot *slot,
                                    struct nika_span body)
{
    struct common_batch batch;
    if (slot->parked == 0 || slot->withheld) return NIKA_CHECK_NONE;
    enum nika_check check = NIKA_CHECK_PP7;
    if (nika_decode(&common_info_batch, body, &batch) == NIKA_OK)
        check = common_batch_check(core->config, core->host, &batch, body.size);
    NIKA_ASSERT(check == NIKA_CHECK_NONE || !NIKA_PLANTED(W13));
    if (check != NIKA_CHECK_NONE) {
        slot->withheld = true;
        return check;
    }
    uint32_t handle = common_bulk_put(core, body);
    if (handle == 0) return NIKA_CHECK_NONE;
    struct nika_digest digest = slot->parked_digest;
    common_slot_set_digest(core, slot, &digest);
    nika_store_free(core->store, slot->batch);
    slot->batch = handle;
    slot->batch_ok = true;
    slot->nondet_ns = batch.time_ns;
    uint32_t frame = slot->parked;
    slot->parked = 0;
    core->parked_count--;
    core->hooks->slot_accept(core, slot, frame);
    return NIKA_CHECK_NONE;
}

/* PP9. Orders of a NEW-VIEW were accepted once, maybe long ago; executed ones have passed. Clocks that were ahead and are right again
 * leave agreed time ahead of all of them: it may then still move, by as little as there is. */
static bool time_acceptable(const struct common_core *core, const struct common_slot *slot)
{
    if (NIKA_PLANTED(B45)) return true;
    if (slot->from_new_view || slot->seq <= core->last_issued) return true;
    bool ahead = slot->nondet_ns > core->now_ns + core->config->time_skew_ns;
    /* Pillars order at the same time, so numbers say nothing about times; execution never lets agreed time go back. */
    if (core->pillars > 1) return !ahead;
    if (slot->nondet_ns <= core->last_time_ns) return false;
    if (!ahead) return true;
    /* The order before it counts only if it was acceptable itself, or two untimely ones would vouch for each other. */
    const struct common_slot *before = common_slot_find(core, slot->seq - 1);
    uint64_t last = core->last_time_ns;
    bool counts =
        before != NULL && before->view == slot->view && before->order != 0 && !before->withheld;
    if (counts && before->nondet_ns > last) last = before->nondet_ns;
    return slot->nondet_ns == last + 1;
}

void common_order_judge_time(struct common_core *core, struct common_slot *slot,
                             enum nika_check check)
{
    if (slot->batch == 0 || time_acceptable(core, slot)) return;
    slot->withheld = true;
    slot->untimely = true;
    common_reject(core, check, common_primary(core, slot->view));
}

void common_order_reconsider(struct common_core *core, struct common_slot *slot)
{
    if (!slot->untimely || !time_acceptable(core, slot)) return;
    slot->untimely = false;
    slot->withheld = false;
}

void common_order_propose(struct common_core *core, struct common_slot *slot,
                          const struct nika_digest *digest, uint32_t batch, uint64_t time_ns)
{
    NIKA_ASSERT(slot->order == 0 && slot->parked == 0);
    common_slot_set_digest(core, slot, digest);
    if (slot->batch != 0) nika_store_free(core->store, batch);
    if (slot->batch == 0) slot->batch = batch;
    slot->batch_ok = true;
    slot->nondet_ns = time_ns;
}

void common_order_persist(struct common_core *core, struct common_slot *slot, uint32_t record,
                          uint64_t token, bool with_batch)
{
    struct nika_span frame = common_order_frame(core, slot);
    struct nika_span body = {0};
    if (with_batch && slot->batch != 0) body = nika_store_span(core->store, slot->batch);
    uint8_t *bytes = NULL;
    uint32_t size = 8 + frame.size + body.size;
    struct nika_action *action = nika_effects_add(core->effects, NIKA_ACTION_PERSIST, size, &bytes);
    if (action == NULL) return;
    action->id = record;
    action->a = slot->seq;
    action->token = token;
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_write_bytes(&w, frame);
    nika_write_bytes(&w, body);
    slot->persist_failed = false;
}
