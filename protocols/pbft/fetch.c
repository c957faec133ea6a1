/* protocols/pbft/fetch.c: batches that are missing: asking, answering, receiving (PROTOCOLS.md 1.4, FB1-FB2, BA1-BA3).
 *
 * At most PBFT_FETCHES_MAX digests are wanted at a time; what found no room is found again by the timer, so nothing is lost. */
#include "protocols/pbft/state.h"

const struct nika_digest *pbft_slot_awaits(const struct pbft_slot *slot)
{
    if (slot->committed && !slot->executed && !pbft_slot_commit_ready(slot))
        return &slot->commit_digest;
    if (slot->parked != 0 && !slot->withheld) return &slot->parked_digest;
    return NULL;
}

struct nika_span pbft_batch_find(struct nika_replica *r, const struct nika_digest *digest)
{
    for (uint64_t s = r->low_mark + 1; s <= r->highest_slot; s++) {
        const struct pbft_slot *slot = pbft_slot_find(r, s);
        uint32_t handle = slot == NULL ? 0 : pbft_slot_batch(slot, digest);
        if (handle != 0) return nika_store_span(r->store, handle);
    }
    return (struct nika_span){0};
}

/* The next peer in turn; never this replica. */
static void ask(struct nika_replica *r, struct pbft_fetch *fetch)
{
    struct common_fetch_batch m = {.digest = fetch->digest};
    if (fetch->next_peer == r->self) fetch->next_peer = (fetch->next_peer + 1) % r->n;
    if (fetch->next_peer == r->self) return; /* Alone. */
    pbft_send(r, fetch->next_peer, &common_info_fetch_batch, &m);
    fetch->next_peer = (fetch->next_peer + 1) % r->n;
}

void pbft_fetch_want(struct nika_replica *r, const struct nika_digest *digest, uint32_t first_peer)
{
    struct pbft_fetch *room = NULL;
    uint32_t active = 0;
    for (uint32_t i = 0; i < PBFT_FETCHES_MAX; i++) {
        struct pbft_fetch *fetch = &r->fetches[i];
        if (fetch->active && nika_digest_equal(&fetch->digest, digest)) return;
        if (fetch->active) active++;
        if (!fetch->active && room == NULL) room = fetch;
    }
    if (room == NULL) return;
    *room = (struct pbft_fetch){.digest = *digest, .active = true, .next_peer = first_peer};
    pbft_queue_note(r, NIKA_QUEUE_FETCHES, active + 1);
    if (first_peer == NIKA_NODE_NONE) {
        /* The batch is probably on its way; the timer asks if it is not. */
        room->next_peer = pbft_primary(r, r->view);
    } else {
        ask(r, room);
    }
    if (!r->timer_armed[PBFT_TIMER_FETCH])
        pbft_timer_start(r, PBFT_TIMER_FETCH, r->config->fetch_ns);
}

static bool awaited(struct nika_replica *r, const struct nika_digest *digest)
{
    for (uint64_t s = r->low_mark + 1; s <= r->highest_slot; s++) {
        const struct pbft_slot *slot = pbft_slot_find(r, s);
        const struct nika_digest *lacks = slot == NULL ? NULL : pbft_slot_awaits(slot);
        if (lacks != NULL && nika_digest_equal(lacks, digest)) return true;
    }
    return false;
}

void pbft_fetch_refill(struct nika_replica *r)
{
    for (uint32_t i = 0; i < PBFT_FETCHES_MAX; i++) {
        struct pbft_fetch *fetch = &r->fetches[i];
        if (fetch->active && !awaited(r, &fetch->digest)) memset(fetch, 0, sizeof *fetch);
    }
    for (uint64_t s = r->low_mark + 1; s <= r->highest_slot; s++) {
        const struct pbft_slot *slot = pbft_slot_find(r, s);
        const struct nika_digest *lacks = slot == NULL ? NULL : pbft_slot_awaits(slot);
        if (lacks != NULL) pbft_fetch_want(r, lacks, NIKA_NODE_NONE);
    }
}

void pbft_fetch_timer(struct nika_replica *r)
{
    bool any = false;
    pbft_fetch_refill(r);
    for (uint32_t i = 0; i < PBFT_FETCHES_MAX; i++) {
        if (!r->fetches[i].active) continue;
        any = true;
        ask(r, &r->fetches[i]);
    }
    if (any) pbft_timer_start(r, PBFT_TIMER_FETCH, r->config->fetch_ns);
}

void pbft_on_fetch_batch(struct nika_replica *r, const struct nika_frame *frame)
{
    struct common_fetch_batch m;
    if (nika_decode(&common_info_fetch_batch, frame->body, &m) != NIKA_OK) {
        pbft_reject(r, NIKA_CHECK_W0, frame->sender);
        return;
    }
    if (frame->sender >= r->n || frame->sender == r->self) {
        pbft_reject(r, NIKA_CHECK_FB1, frame->sender);
        return;
    }
    struct nika_span body = pbft_batch_find(r, &m.digest);
    if (body.size == 0 || !pbft_budget_take(r, frame->sender, body.size)) {
        pbft_reject(r, NIKA_CHECK_FB2, frame->sender);
        return;
    }
    pbft_send_batch(r, frame->sender, body);
}

/* A committed number whose batch was missing. */
static bool fill_committed(struct nika_replica *r, struct pbft_slot *slot, struct nika_span body)
{
    struct common_batch batch;
    bool valid = nika_decode(&common_info_batch, body, &batch) == NIKA_OK &&
                 common_batch_check(r->config, r->host, &batch, body.size) == NIKA_CHECK_NONE;
    if (!valid) {
        /* Q replicas committed what no correct replica prepares. */
        pbft_alarm(r, NIKA_CHECK_BA3, slot->seq);
        return false;
    }
    slot->commit_batch = nika_store_put(r->store, body);
    return slot->commit_batch != 0;
}

static void fill(struct nika_replica *r, struct pbft_slot *slot, const struct nika_digest *digest,
                 struct nika_span body)
{
    bool parked =
        slot->parked != 0 && !slot->withheld && nika_digest_equal(&slot->parked_digest, digest);
    if (parked) pbft_resume_parked(r, slot, body);
    bool committed = slot->committed && !pbft_slot_commit_ready(slot) &&
                     nika_digest_equal(&slot->commit_digest, digest);
    if (committed) (void)fill_committed(r, slot, body);
}

void pbft_on_batch(struct nika_replica *r, const struct nika_frame *frame)
{
    /* BA1: before anything looks inside. */
    if (frame->body.size > common_batch_size_max(r->config)) {
        pbft_reject(r, NIKA_CHECK_BA1, frame->sender);
        return;
    }
    bool waiting = false;
    for (uint64_t s = r->low_mark + 1; s <= r->highest_slot && !waiting; s++) {
        const struct pbft_slot *slot = pbft_slot_find(r, s);
        waiting = slot != NULL && pbft_slot_awaits(slot) != NULL;
    }
    struct nika_digest digest;
    if (waiting) common_batch_body_digest(frame->body, &digest);
    if (!waiting || !awaited(r, &digest)) {
        pbft_reject(r, NIKA_CHECK_BA2, frame->sender);
        return;
    }
    for (uint32_t i = 0; i < PBFT_FETCHES_MAX; i++) {
        struct pbft_fetch *fetch = &r->fetches[i];
        if (!fetch->active || !nika_digest_equal(&fetch->digest, &digest)) continue;
        SOMETIMES(pbft_batch_fetched, frame->sender != pbft_primary(r, r->view));
        memset(fetch, 0, sizeof *fetch);
    }
    for (uint64_t s = r->low_mark + 1; s <= r->highest_slot; s++) {
        struct pbft_slot *slot = pbft_slot_find(r, s);
        if (slot != NULL) fill(r, slot, &digest, frame->body);
    }
    pbft_execute_ready(r);
}
