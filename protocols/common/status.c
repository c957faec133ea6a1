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

static void note_wait(struct common_core *core)
{
    uint64_t detail = 0;
    uint32_t wait = core->hooks->wait(core, &detail);
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
    struct nika_span cert = nika_store_span(core->store, core->stable_cert);
    struct nika_reader reader = nika_reader_of(cert);
    struct common_no_snapshot m = {.seq = core->low_mark};
    m.checkpoints.count = nika_read_u32(&reader);
    m.checkpoints.span = (struct nika_span){cert.data + 4, cert.size - 4};
    if (common_budget_take(core, peer, cert.size))
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

bool common_status_has(struct nika_span bitmap, uint64_t base, uint64_t seq)
{
    if (seq <= base) return true;
    uint64_t bit = seq - base - 1;
    return bit / 8 < bitmap.size && (bitmap.data[bit / 8] >> (bit % 8) & 1) != 0;
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
