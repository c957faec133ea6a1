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

/* The oldest requests of a pillar's clients that no batch of this view holds yet. One per client is pending, so B4 holds by itself. */
static void choose(struct common_core *core, uint32_t pillar, uint32_t *chosen, struct draft *draft)
{
    uint32_t more =
        NIKA_PLANTED(W16) && core->config->batch_count_max < NIKA_BATCH_COUNT_MAX ? 1 : 0;
    memset(draft, 0, sizeof *draft);
    for (uint32_t c = common_pending_head(&core->pending); c != NIKA_NODE_NONE;
         c = common_pending_after(&core->pending, c)) {
        const struct common_pending_entry *entry = common_pending_of(&core->pending, c);
        if (entry->proposed || common_pillar_of_client(core, c) != pillar) continue;
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

/* PP9: later than every order before it, whatever the own clock says. With pillars an order may be made before one of a lower number:
 * then its time is that of the clock, and execution takes care that agreed time does not go back. */
static uint64_t agreed_time(struct common_core *core, uint64_t seq)
{
    if (core->pillars > 1) return core->now_ns;
    uint64_t last = core->last_time_ns;
    const struct common_slot *before = common_slot_find(core, seq - 1);
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

static void ordered(struct common_core *core, uint32_t pillar, uint64_t seq)
{
    core->next_seq[pillar] = common_pillar_next(core, pillar, seq);
    if (core->high_known < seq) core->high_known = seq;
}

/* True when a batch was ordered. */
static bool propose(struct common_core *core, uint32_t pillar, const uint32_t *chosen,
                    const struct draft *draft)
{
    uint64_t seq = core->next_seq[pillar];
    uint64_t time_ns = agreed_time(core, seq);
    uint32_t batch = encode(core, chosen, draft, time_ns);
    if (batch == 0) return false; /* Store full: room comes with the next stable checkpoint. */
    if (!core->hooks->propose(core, seq, batch, time_ns)) {
        nika_store_free(core->store, batch);
        return false;
    }
    for (uint32_t i = 0; i < draft->count; i++)
        common_pending_of(&core->pending, chosen[i])->proposed = true;
    ordered(core, pillar, seq);
    return true;
}

/* The null batch: nothing to do here, so that the orders of other pillars get their turn. */
static bool propose_nothing(struct common_core *core, uint32_t pillar)
{
    uint64_t seq = core->next_seq[pillar];
    if (!core->hooks->propose(core, seq, 0, 0)) return false;
    REACHED(replica_pillar_idle);
    ordered(core, pillar, seq);
    return true;
}

/* B1-B3. */
static bool may_cut(struct common_core *core, uint32_t pillar)
{
    bool leads = core->active && common_leading(core); /* B1 */
    if (!leads || core->amnesiac || core->transfer.active) return false;
    if (!common_in_window(core, core->next_seq[pillar])) { /* B2 */
        SOMETIMES(replica_window_full, core->pending.count > 0);
        return false;
    }
    if (core->hooks->may_propose != NULL && !core->hooks->may_propose(core, pillar)) return false;
    return core->next_seq[pillar] <= core->last_executed + core->config->pipeline; /* B3 */
}

static bool is_due(const struct common_core *core, uint32_t pillar, const struct draft *draft)
{
    return draft->full || (core->batch_due >> pillar & 1) != 0 || core->config->batch_ns == 0;
}

/* The number up to which no pillar may leave a gap: that of the highest order made, or waiting to be made. */
static uint64_t frontier(struct common_core *core)
{
    uint32_t chosen[NIKA_BATCH_COUNT_MAX];
    struct draft draft;
    uint64_t highest = 0;
    if (core->pillars == 1) return 0;
    for (uint32_t p = 0; p < core->pillars; p++) {
        uint64_t seq = core->next_seq[p];
        choose(core, p, chosen, &draft);
        if (draft.count == 0 || !is_due(core, p, &draft))
            seq = seq > core->pillars ? seq - core->pillars : 0;
        if (seq > highest) highest = seq;
    }
    return highest;
}

/* What came of a look at one pillar. */
enum cut { CUT_DONE, CUT_IDLE, CUT_EARLY, CUT_BLOCKED };

static enum cut cut(struct common_core *core, uint32_t pillar, bool behind)
{
    uint32_t chosen[NIKA_BATCH_COUNT_MAX];
    struct draft draft;
    uint8_t bit = (uint8_t)(1u << pillar);
    if (!may_cut(core, pillar)) return CUT_BLOCKED;
    choose(core, pillar, chosen, &draft);
    if (draft.count == 0) {
        core->batch_due &= (uint8_t)~bit;
        return behind && propose_nothing(core, pillar) ? CUT_DONE : CUT_IDLE;
    }
    if (!behind && !is_due(core, pillar, &draft)) return CUT_EARLY;
    if (!propose(core, pillar, chosen, &draft)) return CUT_BLOCKED;
    if (!draft.full) core->batch_due &= (uint8_t)~bit;
    return CUT_DONE;
}

/* Until nobody has anything to order: the pillar with the lowest number first, so that those with requests leave few gaps to fill. */
static uint32_t cut_all(struct common_core *core, uint32_t results[NIKA_PILLARS_MAX])
{
    uint32_t counts[CUT_BLOCKED + 1] = {0};
    uint32_t tried = 0, all = (1u << core->pillars) - 1;
    uint64_t goal = frontier(core);
    while (tried != all) {
        uint32_t lowest = core->pillars;
        for (uint32_t p = 0; p < core->pillars; p++) {
            if ((tried >> p & 1) != 0) continue;
            if (lowest == core->pillars || core->next_seq[p] < core->next_seq[lowest]) lowest = p;
        }
        enum cut result = cut(core, lowest, core->next_seq[lowest] < goal);
        if (result == CUT_DONE) {
            tried = 0;
            goal = frontier(core);
            continue;
        }
        tried |= 1u << lowest;
        results[lowest] = result;
    }
    for (uint32_t p = 0; p < core->pillars; p++) counts[results[p]]++;
    return counts[CUT_IDLE];
}

void common_batch_try_cut(struct common_core *core, bool timer_fired)
{
    uint32_t results[NIKA_PILLARS_MAX] = {0};
    if (timer_fired) core->batch_due = (uint8_t)((1u << core->pillars) - 1);
    /* While T_batch runs and the batch cannot be full there is nothing to decide. */
    if (core->pillars == 1 && core->timer_armed[COMMON_TIMER_BATCH] &&
        core->pending.count < core->config->batch_count_max && core->config->batch_ns != 0)
        return;
    if (cut_all(core, results) == core->pillars) {
        common_timer_stop(core, COMMON_TIMER_BATCH);
        return;
    }
    for (uint32_t p = 0; p < core->pillars; p++) {
        if (results[p] == CUT_EARLY && !core->timer_armed[COMMON_TIMER_BATCH])
            common_timer_start(core, COMMON_TIMER_BATCH, core->config->batch_ns);
    }
}
