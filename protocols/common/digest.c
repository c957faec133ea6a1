/* protocols/common/digest.c: the canonical hash of what every replica has (digest.h). */
#include "protocols/common/digest.h"

void common_digest_u64(struct nika_run_digest *d, uint64_t value)
{
    uint8_t bytes[8];
    nika_store_le(bytes, value, 8);
    nika_run_digest_add(d, bytes, 8);
}

void common_digest_u64s(struct nika_run_digest *d, const uint64_t *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) common_digest_u64(d, values[i]);
}

void common_digest_digest(struct nika_run_digest *d, const struct nika_digest *digest)
{
    nika_run_digest_add(d, digest->bytes, NIKA_DIGEST_SIZE);
}

void common_digest_handle(struct nika_run_digest *d, const struct common_core *core,
                          uint32_t handle)
{
    if (handle == 0) {
        common_digest_u64(d, UINT64_MAX);
        return;
    }
    common_digest_span(d, nika_store_span(core->store, handle));
}

void common_digest_span(struct nika_run_digest *d, struct nika_span span)
{
    common_digest_u64(d, span.size);
    nika_run_digest_add(d, span.data, span.size);
}

void common_digest_handles(struct nika_run_digest *d, const struct common_core *core,
                           const uint32_t *handles, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) common_digest_handle(d, core, handles[i]);
}

uint64_t common_digest_bits(const bool *flags, uint32_t count)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < count; i++) bits |= (flags[i] ? UINT64_C(1) : 0) << i;
    return bits;
}

static void add_position(struct nika_run_digest *d, const struct common_core *core)
{
    const uint64_t numbers[] = {core->view,
                                core->active,
                                core->amnesiac,
                                core->amnesia_until,
                                core->my_view_change_durable,
                                core->view_timer_view,
                                core->stranded_since_ns,
                                core->low_mark,
                                core->last_executed,
                                core->last_issued,
                                core->last_time_ns,
                                core->high_known,
                                core->exec_generation,
                                core->backoff,
                                core->executed_in_view,
                                core->request_head_client,
                                core->request_head_timestamp,
                                core->status_due_ns,
                                core->status_sent_ns,
                                core->status_nonce,
                                core->stable_is_local,
                                core->lag_seq,
                                core->stable_durable,
                                core->batch_due};
    common_digest_u64s(d, numbers, ARRAY_COUNT(numbers));
    common_digest_u64s(d, core->next_seq, core->pillars);
    for (uint32_t i = 0; i < COMMON_TIMER_COUNT; i++)
        common_digest_u64(d, core->timer_generation[i] * 2 + (core->timer_armed[i] ? 1 : 0));
    common_digest_handle(d, core, core->my_view_change);
    common_digest_handle(d, core, core->stable_cert);
    common_digest_digest(d, &core->stable_digest);
}

static void add_peers(struct nika_run_digest *d, const struct common_core *core)
{
    for (uint32_t i = 0; i < core->n; i++) {
        common_digest_u64(d, core->view_changes[i].view);
        common_digest_handle(d, core, core->view_changes[i].frame);
        common_digest_u64(d, core->evidence[i].kinds);
        common_digest_u64(d, core->peers[i].budget_used);
        for (uint32_t k = 0; k <= core->checkpoint_rows; k++) {
            const struct common_checkpoint_vote *vote =
                &core->checkpoints[(size_t)i * (core->checkpoint_rows + 1) + k];
            if (vote->seq == 0) continue;
            common_digest_u64(d, vote->seq);
            common_digest_digest(d, &vote->digest);
        }
    }
}

static void add_clients(struct nika_run_digest *d, const struct common_core *core)
{
    for (uint32_t c = common_pending_head(&core->pending); c != NIKA_NODE_NONE;
         c = common_pending_after(&core->pending, c)) {
        const struct common_pending_entry *entry = &core->pending.entries[c];
        common_digest_u64(d, c);
        common_digest_u64(d, entry->timestamp);
        common_digest_u64(d, entry->proposed);
    }
    for (uint32_t i = 0; i < core->config->clients; i++) {
        const struct common_reply_entry *entry = &core->replies.entries[i];
        common_digest_u64(d, entry->last_timestamp);
        common_digest_u64(d, entry->issued_timestamp);
        common_digest_u64(d, entry->seq);
        common_digest_digest(d, &entry->digest);
        common_digest_u64(d, core->reads[i].timestamp);
    }
}

static void add_transfer(struct nika_run_digest *d, const struct common_core *core)
{
    for (uint32_t i = 0; i < NIKA_SNAPSHOTS_MAX; i++) {
        const struct common_snapshot *snapshot = &core->snapshots[i];
        const bool flags[] = {snapshot->meta_known, snapshot->durable, snapshot->failed};
        common_digest_u64(d, snapshot->seq);
        common_digest_u64(d, common_digest_bits(flags, ARRAY_COUNT(flags)));
        common_digest_digest(d, &snapshot->digest);
    }
    for (uint32_t i = 0; i < COMMON_FETCHES_MAX; i++) {
        if (!core->fetches[i].active) continue;
        common_digest_digest(d, &core->fetches[i].digest);
        common_digest_u64(d, core->fetches[i].next_peer);
    }
    const struct common_transfer *t = &core->transfer;
    const uint64_t numbers[] = {t->active,       t->meta_known, t->restoring, t->seq,
                                t->source,       t->attempt,    t->received,  t->saving,
                                t->restore_next, t->next_wanted};
    common_digest_u64s(d, numbers, ARRAY_COUNT(numbers));
    common_digest_digest(d, &t->digest);
}

void common_digest_core(struct nika_run_digest *d, const struct common_core *core)
{
    add_position(d, core);
    add_peers(d, core);
    add_clients(d, core);
    add_transfer(d, core);
    common_pace_digest(core, d);
}
