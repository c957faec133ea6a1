/* protocols/common/status.c: see status.h. Everything sent here is a stored message; nothing new is decided. */
#include "protocols/common/status.h"

#include "protocols/common/batcher.h"
#include "protocols/common/budget.h"
#include "protocols/common/checkpoints.h"
#include "protocols/common/execute.h"
#include "protocols/common/fetch.h"
#include "protocols/common/intake.h"
#include "protocols/common/output.h"
#include "protocols/common/views.h"
#include "protocols/common/window.h"

#define IDLE_FACTOR 10u

static bool outstanding(const struct common_core *core)
{
    return core->last_executed < core->high_known || !core->active || core->pending.count > 0 ||
           core->transfer.active || core->amnesiac || core->lag_seq != 0;
}

/* T_status +-25 %. */
static void arm(struct common_core *core)
{
    uint64_t period = core->config->status_ns * (outstanding(core) ? 1 : IDLE_FACTOR);
    uint64_t jitter =
        core->host->jitter(core->host->world, core->self, COMMON_TIMER_STATUS, period / 2 + 1);
    uint64_t delay = period - period / 4 + jitter;
    core->status_due_ns = core->now_ns + delay;
    common_timer_start(core, COMMON_TIMER_STATUS, delay);
}

void common_status_soon(struct common_core *core)
{
    uint64_t due = core->status_sent_ns + core->config->retransmit_ns;
    if (core->status_nonce == 0 || due < core->now_ns + 1) due = core->now_ns + 1;
    if (core->timer_armed[COMMON_TIMER_STATUS] && core->status_due_ns <= due) return;
    core->status_due_ns = due;
    common_timer_start(core, COMMON_TIMER_STATUS, due - core->now_ns);
}

void common_status_hurry(struct common_core *core)
{
    /* The timer was set for an idle replica, and it is idle no more. */
    if (!core->timer_armed[COMMON_TIMER_STATUS] || !outstanding(core)) return;
    if (core->status_due_ns > core->now_ns + core->config->status_ns + core->config->status_ns / 4)
        arm(core);
}

struct nika_list common_status_missing(const struct common_core *core,
                                       uint8_t bytes[COMMON_MISSING_MAX * NIKA_DIGEST_SIZE])
{
    struct nika_list list = {0};
    struct nika_writer w = nika_writer_of(bytes, COMMON_MISSING_MAX * NIKA_DIGEST_SIZE);
    for (uint64_t s = core->low_mark + 1;
         s <= core->highest_slot && list.count < COMMON_MISSING_MAX; s++) {
        const struct common_slot *slot = common_slot_find(core, s);
        const struct nika_digest *digest = slot == NULL ? NULL : common_slot_awaits(core, slot);
        if (digest != NULL) nika_digests_append(&w, &list, digest);
    }
    return list;
}

uint32_t common_status_numbers(const struct common_core *core,
                               bool (*has)(const struct common_core *, const struct common_slot *),
                               struct common_status_bits *bits)
{
    uint32_t used = 0;
    for (uint64_t s = core->last_executed + 1; s <= core->highest_slot; s++) {
        uint32_t bit = (uint32_t)(s - core->last_executed - 1);
        uint8_t mask = (uint8_t)(1u << (bit % 8));
        const struct common_slot *slot = common_slot_find(core, s);
        used = bit / 8 + 1;
        if (slot == NULL) continue;
        if (has(core, slot)) bits->prepared[bit / 8] |= mask;
        if (slot->committed) bits->committed[bit / 8] |= mask;
    }
    return used;
}

uint32_t common_wait(const struct common_core *core, uint64_t *detail)
{
    uint64_t next = core->last_executed + 1;
    const struct common_slot *slot = common_slot_place(core, next);
    *detail = next;
    if (core->hooks->halted != NULL && core->hooks->halted(core)) return NIKA_WAIT_TRUSTED;
    if (core->transfer.active) return NIKA_WAIT_STATE;
    if (!core->active) {
        *detail = core->view;
        if (core->my_view_change != 0 && !core->my_view_change_durable) return NIKA_WAIT_DISK;
        return common_view_changes_held(core) < core->quorum ? NIKA_WAIT_VIEW_CHANGES
                                                             : NIKA_WAIT_NEW_VIEW;
    }
    if (core->last_issued > core->last_executed) return NIKA_WAIT_APP;
    if (slot->seq != next)
        return core->pending.count > 0 || core->high_known >= next ? NIKA_WAIT_PRE_PREPARE
                                                                   : NIKA_WAIT_NOTHING;
    if (common_slot_awaits(core, slot) != NULL) return NIKA_WAIT_BATCH;
    if (slot->committed) return NIKA_WAIT_APP;
    return core->hooks->slot_wait(core, slot, detail);
}

static void note_wait(struct common_core *core)
{
    uint64_t detail = 0;
    uint32_t wait = common_wait(core, &detail);
    if (wait == core->wait && detail == core->wait_detail) return;
    core->wait = wait;
    core->wait_detail = detail;
    nika_effects_note(core->effects, NIKA_NOTE_WAIT, wait, detail, (struct nika_span){0});
}

void common_status_timer(struct common_core *core)
{
    core->hooks->retry(core);
    common_view_stranded_check(core);
    common_snapshots_retry(core);
    common_fetch_refill(core);
    common_forward_head(core);
    common_execute_ready(core);
    common_batch_try_cut(core, false);
    if (!NIKA_PLANTED(B29)) core->hooks->send_status(core);
    core->status_sent_ns = core->now_ns;
    note_wait(core);
    arm(core);
}

bool common_status_admit(struct common_core *core, uint32_t sender)
{
    if (sender >= core->n || sender == core->self) {
        common_reject(core, NIKA_CHECK_SA1, sender);
        return false;
    }
    /* S9: one answer a peer in half of T_retx; jitter on the way may bring two honest ones closer than T_retx. */
    uint64_t last = core->peers[sender].status_sent_ns;
    if (last != 0 && core->now_ns - last < core->config->retransmit_ns / 2) {
        common_reject(core, NIKA_CHECK_SA2, sender);
        return false;
    }
    core->peers[sender].status_sent_ns = core->now_ns;
    return true;
}

/* The proof that h is stable, as one message: its CHECKPOINTs sent one by one would meet the first, conflicting CHECKPOINT of an
 * equivocator at the receiver (CK3) and never make a quorum there. */
void common_send_stable_proof(struct common_core *core, uint32_t peer)
{
    struct common_no_snapshot m = {.seq = core->low_mark,
                                   .checkpoints = common_stable_frames(core)};
    if (common_budget_take(core, peer, nika_store_length(core->store, core->stable_cert)))
        common_send(core, peer, &common_info_no_snapshot, &m);
}

void common_answer_checkpoints(struct common_core *core, uint32_t peer, uint64_t low_mark)
{
    if (core->low_mark > low_mark && core->stable_cert != 0) common_send_stable_proof(core, peer);
    for (uint64_t s = core->low_mark + core->config->checkpoint_interval; common_in_window(core, s);
         s += core->config->checkpoint_interval) {
        const struct common_checkpoint_vote *own = common_checkpoint_at(core, core->self, s);
        if (own->seq == s && s > low_mark && !core->amnesiac) common_resend(core, peer, own->frame);
    }
}

bool common_status_hopeless(struct common_core *core, uint32_t peer, uint64_t low_mark)
{
    if (core->low_mark <= low_mark || core->low_mark - low_mark <= core->config->window)
        return false;
    if (core->stable_cert != 0) common_send_stable_proof(core, peer);
    return true;
}

void common_status_return(struct common_core *core, uint64_t view, uint64_t last_executed,
                          uint64_t low_mark)
{
    if (last_executed > core->last_executed || view > core->view || low_mark > core->low_mark)
        common_status_soon(core);
}

bool common_status_names(struct nika_span bitmap, uint32_t replica)
{
    return replica / 8 < bitmap.size && (bitmap.data[replica / 8] >> (replica % 8) & 1) != 0;
}

bool common_status_has(struct nika_span bitmap, uint64_t base, uint64_t seq)
{
    if (seq <= base) return true;
    uint64_t bit = seq - base - 1;
    return bit < UINT32_MAX && common_status_names(bitmap, (uint32_t)bit);
}

/* S8, from another start each time, so that a budget too small for all serves all in turn. */
void common_answer_batches(struct common_core *core, uint32_t peer, const struct nika_list *missing)
{
    uint32_t at = 0, index = 0, start = 0;
    struct nika_digest digest;
    if (missing->count == 0) return;
    start = core->peers[peer].batch_rotation++ % missing->count;
    for (uint32_t round = 0; round < 2; round++) {
        for (at = 0, index = 0; nika_digests_next(missing, &at, &digest); index++) {
            if ((index >= start) != (round == 0)) continue;
            struct nika_span body = common_batch_find(core, &digest);
            if (body.size != 0 && common_budget_take(core, peer, body.size))
                common_send_batch(core, peer, body);
        }
    }
}
