/* protocols/pbft/status.c: STATUS, the negative acknowledgement: telling peers what this replica has and lacks (PROTOCOLS.md 1.9),
 * and doing again what a full store or disk left undone. Answers are in status_answer.c.
 *
 * Without it one lost COMMIT could block a replica for ever. */
#include "protocols/pbft/state.h"

#define IDLE_FACTOR 10u
#define MISSING_MAX 64u

static bool outstanding(const struct nika_replica *r)
{
    return r->last_executed < r->high_known || !r->active || r->pending.count > 0 ||
           r->transfer.active || r->amnesiac || r->lag_seq != 0;
}

/* T_status +-25 %. */
static void arm(struct nika_replica *r)
{
    uint64_t period = r->config->status_ns * (outstanding(r) ? 1 : IDLE_FACTOR);
    uint64_t jitter = r->host->jitter(r->host->world, r->self, PBFT_TIMER_STATUS, period / 2 + 1);
    uint64_t delay = period - period / 4 + jitter;
    r->status_due_ns = r->now_ns + delay;
    pbft_timer_start(r, PBFT_TIMER_STATUS, delay);
}

void pbft_status_soon(struct nika_replica *r)
{
    uint64_t due = r->status_sent_ns + r->config->retransmit_ns;
    if (r->status_nonce == 0 || due < r->now_ns + 1) due = r->now_ns + 1;
    if (r->timer_armed[PBFT_TIMER_STATUS] && r->status_due_ns <= due) return;
    r->status_due_ns = due;
    pbft_timer_start(r, PBFT_TIMER_STATUS, due - r->now_ns);
}

void pbft_status_hurry(struct nika_replica *r)
{
    /* The timer was set for an idle replica, and it is idle no more. */
    if (!r->timer_armed[PBFT_TIMER_STATUS] || !outstanding(r)) return;
    if (r->status_due_ns > r->now_ns + r->config->status_ns + r->config->status_ns / 4) arm(r);
}

struct status_buffer {
    uint8_t prepared[NIKA_WINDOW_MAX / 8];
    uint8_t committed[NIKA_WINDOW_MAX / 8];
    uint8_t view_changes[NIKA_REPLICAS_MAX / 8];
    uint8_t missing[MISSING_MAX * NIKA_DIGEST_SIZE];
};

/* Bit i is number last_executed + 1 + i. Returns the bytes used. */
static uint32_t fill_bitmaps(struct nika_replica *r, struct status_buffer *b)
{
    uint32_t used = 0;
    for (uint64_t s = r->last_executed + 1; s <= r->highest_slot; s++) {
        uint32_t bit = (uint32_t)(s - r->last_executed - 1);
        const struct pbft_slot *slot = pbft_slot_find(r, s);
        used = bit / 8 + 1;
        if (slot == NULL) continue;
        if (slot->prepared) b->prepared[bit / 8] |= (uint8_t)(1u << (bit % 8));
        if (slot->committed) b->committed[bit / 8] |= (uint8_t)(1u << (bit % 8));
    }
    return used;
}

static struct nika_list fill_missing(struct nika_replica *r, struct status_buffer *b)
{
    struct nika_list list = {0};
    struct nika_writer w = nika_writer_of(b->missing, sizeof b->missing);
    for (uint64_t s = r->low_mark + 1; s <= r->highest_slot && list.count < MISSING_MAX; s++) {
        const struct pbft_slot *slot = pbft_slot_find(r, s);
        const struct nika_digest *digest = slot == NULL ? NULL : pbft_slot_awaits(slot);
        if (digest != NULL) nika_digests_append(&w, &list, digest);
    }
    return list;
}

static void send_status(struct nika_replica *r)
{
    struct status_buffer b;
    memset(&b, 0, sizeof b);
    struct pbft_status m = {.view = r->view,
                            .active = r->active ? 1 : 0,
                            .has_new_view = r->active || r->new_view_candidate != 0 ? 1 : 0,
                            .low_mark = r->low_mark,
                            .last_executed = r->last_executed,
                            .nonce = ++r->status_nonce};
    if (r->active) {
        uint32_t size = fill_bitmaps(r, &b);
        m.prepared = (struct nika_span){b.prepared, size};
        m.committed = (struct nika_span){b.committed, size};
    } else {
        for (uint32_t i = 0; i < r->n; i++) {
            if (r->view_changes[i].frame != 0 && r->view_changes[i].view == r->view)
                b.view_changes[i / 8] |= (uint8_t)(1u << (i % 8));
        }
        m.view_changes = (struct nika_span){b.view_changes, (r->n + 7) / 8};
    }
    m.missing = fill_missing(r, &b);
    pbft_broadcast(r, &pbft_info_status, &m);
    r->status_sent_ns = r->now_ns;
}

/* What was not said because the disk refused, the store was full, or the log was lost then and is not now. */
static void retry_slot(struct nika_replica *r, struct pbft_slot *slot)
{
    if (slot->pre_prepare == 0 || slot->view != r->view) return;
    pbft_proposal_reconsider(r, slot);
    if (slot->persist_failed) {
        if (slot->prepared) {
            pbft_prepared_persist(r, slot);
        } else {
            pbft_proposal_persist(r, slot);
        }
    } else if (slot->prepared_durable && !slot->commit_sent) {
        pbft_prepared_stored(r, slot->seq);
    } else if (slot->proposal_durable && !slot->prepared) {
        pbft_proposal_stored(r, slot->seq);
    }
}

static void retry_snapshots(struct nika_replica *r)
{
    for (uint32_t i = 0; i < NIKA_SNAPSHOTS_MAX; i++) {
        struct pbft_snapshot *snapshot = &r->snapshots[i];
        if (snapshot->seq == 0 || !snapshot->meta_known || snapshot->replies == 0) continue;
        if (!snapshot->durable)
            pbft_snapshot_save(r, snapshot);
        else
            pbft_checkpoint_send(r, snapshot);
    }
    if (r->stable_durable < r->low_mark && r->stable_cert != 0) pbft_stable_persist(r);
}

static void retry(struct nika_replica *r)
{
    for (uint64_t s = r->low_mark + 1; r->active && s <= r->highest_slot; s++) {
        struct pbft_slot *slot = pbft_slot_find(r, s);
        if (slot != NULL) retry_slot(r, slot);
    }
    retry_snapshots(r);
    pbft_view_retry(r);
    pbft_fetch_refill(r);
    pbft_forward_head(r);
    pbft_execute_ready(r);
    pbft_batch_try_cut(r, false);
}

static void note_wait(struct nika_replica *r)
{
    uint64_t detail = 0;
    uint32_t wait = pbft_wait(r, &detail);
    if (wait == r->wait && detail == r->wait_detail) return;
    r->wait = wait;
    r->wait_detail = detail;
    nika_effects_note(r->effects, NIKA_NOTE_WAIT, wait, detail, (struct nika_span){0});
}

void pbft_status_timer(struct nika_replica *r)
{
    retry(r);
    send_status(r);
    note_wait(r);
    arm(r);
}

uint32_t pbft_wait(const struct nika_replica *r, uint64_t *detail)
{
    uint64_t next = r->last_executed + 1;
    const struct pbft_slot *slot = &r->slots[next % r->config->window];
    *detail = next;
    if (r->transfer.active) return NIKA_WAIT_STATE;
    if (!r->active) {
        uint32_t held = 0;
        for (uint32_t i = 0; i < r->n; i++)
            held += r->view_changes[i].frame != 0 && r->view_changes[i].view == r->view ? 1u : 0u;
        *detail = r->view;
        if (r->my_view_change != 0 && !r->my_view_change_durable) return NIKA_WAIT_DISK;
        return held < r->quorum ? NIKA_WAIT_VIEW_CHANGES : NIKA_WAIT_NEW_VIEW;
    }
    if (r->last_issued > r->last_executed) return NIKA_WAIT_APP;
    if (slot->seq != next)
        return r->pending.count > 0 || r->high_known >= next ? NIKA_WAIT_PRE_PREPARE
                                                             : NIKA_WAIT_NOTHING;
    if (pbft_slot_awaits(slot) != NULL) return NIKA_WAIT_BATCH;
    if (slot->committed) return NIKA_WAIT_APP;
    if (slot->pre_prepare == 0) return NIKA_WAIT_PRE_PREPARE;
    if (!slot->proposal_durable) return NIKA_WAIT_DISK;
    if (slot->prepared && !slot->prepared_durable) return NIKA_WAIT_DISK;
    *detail = slot->prepared ? slot->commit_count : slot->prepare_count;
    return slot->prepared ? NIKA_WAIT_COMMITS : NIKA_WAIT_PREPARES;
}
