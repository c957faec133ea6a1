/* protocols/common/fetch.c: batches that are missing: asking, answering, receiving (PROTOCOLS.md 1.4, FB1-FB2, BA1-BA3).
 *
 * At most COMMON_FETCHES_MAX digests are wanted at a time; what found no room is found again by the timer, so nothing is lost. */
#include "protocols/common/fetch.h"

#include "protocols/common/budget.h"
#include "protocols/common/execute.h"
#include "protocols/common/order.h"
#include "protocols/common/output.h"
#include "protocols/common/window.h"

struct nika_span common_batch_find(struct common_core *core, const struct nika_digest *digest)
{
    for (uint64_t s = core->low_mark + 1; s <= core->highest_slot; s++) {
        const struct common_slot *slot = common_slot_find(core, s);
        uint32_t handle = slot == NULL ? 0 : common_slot_batch(slot, digest);
        if (handle != 0) return nika_store_span(core->store, handle);
    }
    return (struct nika_span){0};
}

/* The next peer in turn; never this replica. */
static void ask(struct common_core *core, struct common_fetch *fetch)
{
    struct common_fetch_batch m = {.digest = fetch->digest};
    if (fetch->next_peer == core->self) fetch->next_peer = (fetch->next_peer + 1) % core->n;
    if (fetch->next_peer == core->self) return; /* Alone. */
    common_send(core, fetch->next_peer, &common_info_fetch_batch, &m);
    fetch->next_peer = (fetch->next_peer + 1) % core->n;
}

void common_fetch_want(struct common_core *core, const struct nika_digest *digest,
                       uint32_t first_peer)
{
    struct common_fetch *room = NULL;
    uint32_t active = 0;
    for (uint32_t i = 0; i < COMMON_FETCHES_MAX; i++) {
        struct common_fetch *fetch = &core->fetches[i];
        if (fetch->active && nika_digest_equal(&fetch->digest, digest)) return;
        if (fetch->active) active++;
        if (!fetch->active && room == NULL) room = fetch;
    }
    if (room == NULL) return;
    *room = (struct common_fetch){.digest = *digest, .active = true, .next_peer = first_peer};
    common_queue_note(core, NIKA_QUEUE_FETCHES, active + 1);
    if (first_peer == NIKA_NODE_NONE) {
        /* The batch is probably on its way; the timer asks if it is not. */
        room->next_peer = common_primary(core, core->view);
    } else {
        ask(core, room);
    }
    if (!core->timer_armed[COMMON_TIMER_FETCH])
        common_timer_start(core, COMMON_TIMER_FETCH, core->config->fetch_ns);
}

static bool awaited(struct common_core *core, const struct nika_digest *digest)
{
    for (uint64_t s = core->low_mark + 1; s <= core->highest_slot; s++) {
        const struct common_slot *slot = common_slot_find(core, s);
        const struct nika_digest *lacks = slot == NULL ? NULL : common_slot_awaits(core, slot);
        if (lacks != NULL && (NIKA_PLANTED(B09) || nika_digest_equal(lacks, digest))) return true;
    }
    return false;
}

void common_fetch_refill(struct common_core *core)
{
    for (uint32_t i = 0; i < COMMON_FETCHES_MAX; i++) {
        struct common_fetch *fetch = &core->fetches[i];
        if (fetch->active && !awaited(core, &fetch->digest)) memset(fetch, 0, sizeof *fetch);
    }
    for (uint64_t s = core->low_mark + 1; s <= core->highest_slot; s++) {
        const struct common_slot *slot = common_slot_find(core, s);
        const struct nika_digest *lacks = slot == NULL ? NULL : common_slot_awaits(core, slot);
        if (lacks != NULL) common_fetch_want(core, lacks, NIKA_NODE_NONE);
    }
}

void common_fetch_timer(struct common_core *core)
{
    bool any = false;
    common_fetch_refill(core);
    for (uint32_t i = 0; i < COMMON_FETCHES_MAX; i++) {
        if (!core->fetches[i].active) continue;
        any = true;
        ask(core, &core->fetches[i]);
    }
    if (any) common_timer_start(core, COMMON_TIMER_FETCH, core->config->fetch_ns);
}

void common_on_fetch_batch(struct common_core *core, const struct nika_frame *frame)
{
    struct common_fetch_batch m;
    if (nika_decode(&common_info_fetch_batch, frame->body, &m) != NIKA_OK) {
        common_reject(core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    if (frame->sender >= core->n || frame->sender == core->self) {
        common_reject(core, NIKA_CHECK_FB1, frame->sender);
        return;
    }
    struct nika_span body = common_batch_find(core, &m.digest);
    if (NIKA_PLANTED(B31)) return;
    if (body.size == 0 || !common_budget_take(core, frame->sender, body.size)) {
        common_reject(core, NIKA_CHECK_FB2, frame->sender);
        return;
    }
    common_send_batch(core, frame->sender, body);
}

/* A committed number whose batch was missing. */
static bool fill_committed(struct common_core *core, struct common_slot *slot,
                           struct nika_span body)
{
    struct common_batch batch;
    bool valid = nika_decode(&common_info_batch, body, &batch) == NIKA_OK &&
                 common_batch_check(core->config, core->host, &batch, body.size) == NIKA_CHECK_NONE;
    if (!valid) {
        /* Q replicas committed what no correct replica prepares. */
        common_alarm(core, NIKA_CHECK_BA3, slot->seq);
        return false;
    }
    slot->commit_batch = nika_store_put(core->store, body);
    return slot->commit_batch != 0;
}

static void fill(struct common_core *core, struct common_slot *slot,
                 const struct nika_digest *digest, struct nika_span body)
{
    const struct nika_digest *parked = core->hooks->slot_parked(slot);
    if (parked != NULL && (NIKA_PLANTED(B09) || nika_digest_equal(parked, digest)))
        core->hooks->slot_resume(core, slot, body);
    bool committed = slot->committed && !common_slot_commit_ready(slot) &&
                     nika_digest_equal(&slot->commit_digest, digest);
    if (committed) (void)fill_committed(core, slot, body);
}

void common_on_batch(struct common_core *core, const struct nika_frame *frame)
{
    /* BA1: before anything looks inside. */
    if (frame->body.size > common_batch_size_max(core->config)) {
        common_reject(core, NIKA_CHECK_BA1, frame->sender);
        return;
    }
    bool waiting = false;
    for (uint64_t s = core->low_mark + 1; s <= core->highest_slot && !waiting; s++) {
        const struct common_slot *slot = common_slot_find(core, s);
        waiting = slot != NULL && common_slot_awaits(core, slot) != NULL;
    }
    struct nika_digest digest;
    if (waiting) common_batch_body_digest(frame->body, &digest);
    if (!waiting || !awaited(core, &digest)) {
        common_reject(core, NIKA_CHECK_BA2, frame->sender);
        return;
    }
    for (uint32_t i = 0; i < COMMON_FETCHES_MAX; i++) {
        struct common_fetch *fetch = &core->fetches[i];
        if (!fetch->active || !nika_digest_equal(&fetch->digest, &digest)) continue;
        SOMETIMES(replica_batch_fetched, frame->sender != common_primary(core, core->view));
        memset(fetch, 0, sizeof *fetch);
    }
    for (uint64_t s = core->low_mark + 1; s <= core->highest_slot; s++) {
        struct common_slot *slot = common_slot_find(core, s);
        bool fetched = frame->sender != common_primary(core, core->view);
        if (NIKA_PLANTED(B30) && fetched && slot != NULL && !slot->committed) continue;
        if (slot != NULL) fill(core, slot, &digest, frame->body);
    }
    common_execute_ready(core);
}
