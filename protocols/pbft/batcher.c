/* protocols/pbft/batcher.c: the primary cuts batches and orders them (PROTOCOLS.md 1.3, B1-B4, D1).
 *
 * A batch is encoded once, straight into the store, and sent only when it and its PRE-PREPARE are durable. */
#include "protocols/pbft/state.h"

struct draft {
    uint32_t count;
    uint32_t frames_size; /* With length prefixes. */
    uint32_t op_bytes;
    bool full;
};

/* The oldest requests that no batch of this view holds yet. One per client is pending, so B4 holds by itself. */
static void choose(struct nika_replica *r, uint32_t *chosen, struct draft *draft)
{
    memset(draft, 0, sizeof *draft);
    for (uint32_t c = common_pending_head(&r->pending); c != NIKA_NODE_NONE;
         c = common_pending_after(&r->pending, c)) {
        const struct common_pending_entry *entry = common_pending_of(&r->pending, c);
        if (entry->proposed) continue;
        uint32_t size = nika_store_length(r->store, entry->frame);
        /* B_BYTES counts operations; the whole frame is a bound on its own and never too small. */
        if (draft->count > 0 && draft->op_bytes + size > r->config->batch_bytes_max) {
            draft->full = true;
            return;
        }
        chosen[draft->count++] = c;
        draft->op_bytes += size;
        draft->frames_size += 4 + size;
        draft->full = draft->count == r->config->batch_count_max;
        if (draft->full) return;
    }
}

/* PP9: later than every order before it, whatever the own clock says. */
static uint64_t agreed_time(struct nika_replica *r)
{
    uint64_t last = r->last_time_ns;
    const struct pbft_slot *before = pbft_slot_find(r, r->next_seq - 1);
    if (before != NULL && before->nondet_ns > last) last = before->nondet_ns;
    return r->now_ns > last ? r->now_ns : last + 1;
}

static uint32_t encode(struct nika_replica *r, const uint32_t *chosen, const struct draft *draft,
                       uint64_t time_ns)
{
    uint32_t handle = pbft_bulk_alloc(r, 12 + draft->frames_size);
    if (handle == 0) return 0;
    struct nika_writer w = nika_writer_of(nika_store_at(r->store, handle), 12 + draft->frames_size);
    nika_write_u64(&w, time_ns);
    nika_write_u32(&w, draft->count);
    for (uint32_t i = 0; i < draft->count; i++) {
        const struct common_pending_entry *entry = common_pending_of(&r->pending, chosen[i]);
        nika_write_bytes(&w, nika_store_span(r->store, entry->frame));
    }
    NIKA_ASSERT(!w.failed && w.at == w.capacity);
    return handle;
}

/* True when a batch was ordered at next_seq. */
static bool propose(struct nika_replica *r, const uint32_t *chosen, const struct draft *draft)
{
    uint64_t time_ns = agreed_time(r);
    uint32_t batch = encode(r, chosen, draft, time_ns);
    if (batch == 0) return false; /* Store full: room comes with the next stable checkpoint. */
    struct pbft_pre_prepare order = {.view = r->view, .seq = r->next_seq};
    common_batch_body_digest(nika_store_span(r->store, batch), &order.digest);
    uint32_t frame = pbft_store_frame(r, &pbft_info_pre_prepare, &order);
    if (frame == 0) {
        nika_store_free(r->store, batch);
        return false;
    }
    struct pbft_slot *slot = pbft_slot_current(r, order.seq);
    NIKA_ASSERT(slot->pre_prepare == 0 && slot->parked == 0);
    pbft_slot_set_digest(r, slot, &order.digest);
    if (slot->batch != 0) nika_store_free(r->store, batch);
    if (slot->batch == 0) slot->batch = batch;
    slot->batch_ok = true;
    slot->nondet_ns = time_ns;
    slot->pre_prepare = frame;
    pbft_votes_recount(r, slot);
    for (uint32_t i = 0; i < draft->count; i++)
        common_pending_of(&r->pending, chosen[i])->proposed = true;
    r->next_seq++;
    if (r->high_known < order.seq) r->high_known = order.seq;
    pbft_proposal_persist(r, slot);
    return true;
}

/* B1-B3. */
static bool may_cut(struct nika_replica *r)
{
    bool leads = r->active && pbft_primary(r, r->view) == r->self; /* B1 */
    if (!leads || r->amnesiac || r->transfer.active) return false;
    if (!pbft_in_window(r, r->next_seq)) { /* B2 */
        SOMETIMES(pbft_window_full, r->pending.count > 0);
        return false;
    }
    return r->next_seq <= r->last_executed + r->config->pipeline; /* B3 */
}

void pbft_batch_try_cut(struct nika_replica *r, bool timer_fired)
{
    uint32_t chosen[NIKA_BATCH_COUNT_MAX];
    struct draft draft;
    if (timer_fired) r->batch_due = true;
    /* While T_batch runs and the batch cannot be full there is nothing to decide. */
    if (r->timer_armed[PBFT_TIMER_BATCH] && r->pending.count < r->config->batch_count_max &&
        r->config->batch_ns != 0)
        return;
    while (may_cut(r)) {
        choose(r, chosen, &draft);
        if (draft.count == 0) {
            r->batch_due = false;
            pbft_timer_stop(r, PBFT_TIMER_BATCH);
            return;
        }
        if (!draft.full && !r->batch_due && r->config->batch_ns != 0) {
            if (!r->timer_armed[PBFT_TIMER_BATCH])
                pbft_timer_start(r, PBFT_TIMER_BATCH, r->config->batch_ns);
            return;
        }
        if (!propose(r, chosen, &draft)) return;
        if (!draft.full) r->batch_due = false;
    }
}
