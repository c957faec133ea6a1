/* protocols/common/batcher.c: the primary cuts batches and orders them (PROTOCOLS.md 1.3, B1-B4, D1).
 *
 * A batch is encoded once, straight into the store, and sent only when it and its PRE-PREPARE are durable. */
#include "protocols/common/batcher.h"

#include "protocols/common/output.h"
#include "protocols/common/window.h"

struct draft {
    uint32_t count;
    uint32_t frames_size; /* With length prefixes. */
    uint32_t op_bytes;
    bool full;
};

/* The oldest requests that no batch of this view holds yet. One per client is pending, so B4 holds by itself. */
static void choose(struct common_core *core, uint32_t *chosen, struct draft *draft)
{
    uint32_t more =
        NIKA_PLANTED(W16) && core->config->batch_count_max < NIKA_BATCH_COUNT_MAX ? 1 : 0;
    memset(draft, 0, sizeof *draft);
    for (uint32_t c = common_pending_head(&core->pending); c != NIKA_NODE_NONE;
         c = common_pending_after(&core->pending, c)) {
        const struct common_pending_entry *entry = common_pending_of(&core->pending, c);
        if (entry->proposed) continue;
        uint32_t size = nika_store_length(core->store, entry->frame);
        /* B_BYTES counts operations; the whole frame is a bound on its own and never too small. */
        if (draft->count > 0 && draft->op_bytes + size > core->config->batch_bytes_max) {
            draft->full = true;
            return;
        }
        chosen[draft->count++] = c;
        draft->op_bytes += size;
        draft->frames_size += 4 + size;
        draft->full = draft->count == core->config->batch_count_max + more;
        if (draft->full) return;
    }
}

/* PP9: later than every order before it, whatever the own clock says. */
static uint64_t agreed_time(struct common_core *core)
{
    uint64_t last = core->last_time_ns;
    const struct common_slot *before = common_slot_find(core, core->next_seq - 1);
    if (before != NULL && before->nondet_ns > last) last = before->nondet_ns;
    return core->now_ns > last ? core->now_ns : last + 1;
}

static uint32_t encode(struct common_core *core, const uint32_t *chosen, const struct draft *draft,
                       uint64_t time_ns)
{
    uint32_t handle = common_bulk_alloc(core, 12 + draft->frames_size);
    if (handle == 0) return 0;
    struct nika_writer w =
        nika_writer_of(nika_store_at(core->store, handle), 12 + draft->frames_size);
    nika_write_u64(&w, time_ns);
    nika_write_u32(&w, draft->count);
    for (uint32_t i = 0; i < draft->count; i++) {
        const struct common_pending_entry *entry = common_pending_of(&core->pending, chosen[i]);
        nika_write_bytes(&w, nika_store_span(core->store, entry->frame));
    }
    NIKA_ASSERT(!w.failed && w.at == w.capacity);
    return handle;
}

/* True when a batch was ordered at next_seq. */
static bool propose(struct common_core *core, const uint32_t *chosen, const struct draft *draft)
{
    uint64_t time_ns = agreed_time(core);
    uint32_t batch = encode(core, chosen, draft, time_ns);
    if (batch == 0) return false; /* Store full: room comes with the next stable checkpoint. */
    uint64_t seq = core->next_seq;
    if (!core->hooks->propose(core, batch, time_ns)) {
        nika_store_free(core->store, batch);
        return false;
    }
    for (uint32_t i = 0; i < draft->count; i++)
        common_pending_of(&core->pending, chosen[i])->proposed = true;
    core->next_seq = seq + 1;
    if (core->high_known < seq) core->high_known = seq;
    return true;
}

/* B1-B3. */
static bool may_cut(struct common_core *core)
{
    bool leads = core->active && common_leading(core); /* B1 */
    if (!leads || core->amnesiac || core->transfer.active) return false;
    if (!common_in_window(core, core->next_seq)) { /* B2 */
        SOMETIMES(replica_window_full, core->pending.count > 0);
        return false;
    }
    return core->next_seq <= core->last_executed + core->config->pipeline; /* B3 */
}

void common_batch_try_cut(struct common_core *core, bool timer_fired)
{
    uint32_t chosen[NIKA_BATCH_COUNT_MAX];
    struct draft draft;
    if (timer_fired) core->batch_due = true;
    /* While T_batch runs and the batch cannot be full there is nothing to decide. */
    if (core->timer_armed[COMMON_TIMER_BATCH] &&
        core->pending.count < core->config->batch_count_max && core->config->batch_ns != 0)
        return;
    while (may_cut(core)) {
        choose(core, chosen, &draft);
        if (draft.count == 0) {
            core->batch_due = false;
            common_timer_stop(core, COMMON_TIMER_BATCH);
            return;
        }
        if (!draft.full && !core->batch_due && core->config->batch_ns != 0) {
            if (!core->timer_armed[COMMON_TIMER_BATCH])
                common_timer_start(core, COMMON_TIMER_BATCH, core->config->batch_ns);
            return;
        }
        if (!propose(core, chosen, &draft)) return;
        if (!draft.full) core->batch_due = false;
    }
}
