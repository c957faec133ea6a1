/* protocols/hybster/digest.c: canonical hash of a replica's state, the same on every architecture (PROTOCOLS.md 4).
 *
 * Fields go in one by one, little-endian; bytes behind store handles by content, so that where the store put them does not count. */
#include "protocols/hybster/describe.h"
#include "protocols/hybster/state.h"

static void add_u64(struct nika_run_digest *d, uint64_t value)
{
    uint8_t bytes[8];
    nika_store_le(bytes, value, 8);
    nika_run_digest_add(d, bytes, 8);
}

static void add_digest(struct nika_run_digest *d, const struct nika_digest *digest)
{
    nika_run_digest_add(d, digest->bytes, NIKA_DIGEST_SIZE);
}

static void add_handle(struct nika_run_digest *d, const struct nika_replica *r, uint32_t handle)
{
    if (handle == 0) {
        add_u64(d, UINT64_MAX);
        return;
    }
    struct nika_span span = nika_store_span(r->core.store, handle);
    add_u64(d, span.size);
    nika_run_digest_add(d, span.data, span.size);
}

static void add_votes(struct nika_run_digest *d, const struct nika_replica *r,
                      const struct hybster_slot *slot)
{
    for (uint32_t i = 0; i < r->core.n; i++) {
        const struct hybster_vote *vote = hybster_vote_at(r, slot, i);
        if (!vote->present) continue;
        add_u64(d, i);
        add_digest(d, &vote->digest);
    }
}

static void add_slot(struct nika_run_digest *d, const struct nika_replica *r, uint32_t index)
{
    const struct hybster_slot *s = &r->slots[index];
    const bool flags[] = {s->intent,          s->intent_durable, s->batch_ok,
                          s->withheld,        s->untimely,       s->from_new_view,
                          s->prepare_durable, s->persist_failed, s->base.committed,
                          s->base.executed,   s->wanted,         s->wanted_bad};
    uint64_t bits = 0;
    for (uint32_t i = 0; i < ARRAY_COUNT(flags); i++) bits |= (flags[i] ? UINT64_C(1) : 0) << i;
    const uint64_t numbers[] = {s->base.seq,         s->view,         s->base.nondet_ns,
                                s->base.commit_view, s->wanted_stamp, bits};
    for (uint32_t i = 0; i < ARRAY_COUNT(numbers); i++) add_u64(d, numbers[i]);
    add_digest(d, &s->digest);
    add_digest(d, &s->parked_digest);
    add_digest(d, &s->wanted_digest);
    add_digest(d, &s->base.commit_digest);
    const uint32_t handles[] = {s->prepare,          s->parked,       s->batch,
                                s->commit,           s->wanted_batch, s->commit_cert,
                                s->base.commit_batch};
    for (uint32_t i = 0; i < ARRAY_COUNT(handles); i++) add_handle(d, r, handles[i]);
    add_votes(d, r, s);
}

static void add_position(struct nika_run_digest *d, const struct nika_replica *r)
{
    const uint64_t numbers[] = {r->core.view,
                                r->core.active,
                                r->core.amnesiac,
                                r->core.amnesia_until,
                                r->core.low_mark,
                                r->low_bound,
                                r->core.next_seq[0],
                                r->core.last_executed,
                                r->core.last_issued,
                                r->core.last_time_ns,
                                r->core.high_known,
                                r->view_generation,
                                r->core.exec_generation,
                                r->core.backoff,
                                r->core.executed_in_view,
                                r->core.request_head_client,
                                r->core.request_head_timestamp,
                                r->core.status_due_ns,
                                r->core.status_sent_ns,
                                r->core.status_nonce,
                                r->my_view_change_durable,
                                r->entered,
                                r->halted,
                                r->pillars[0].counter.view,
                                r->pillars[0].counter.order,
                                r->pillars[0].voted,
                                r->pillars[0].certifying,
                                r->pillars[0].hop_count,
                                r->alarmed,
                                r->candidate_view,
                                r->candidate_saving,
                                r->view_timer_view,
                                r->core.stable_is_local,
                                r->core.lag_seq,
                                r->core.stable_durable,
                                r->core.batch_due};
    for (uint32_t i = 0; i < ARRAY_COUNT(numbers); i++) add_u64(d, numbers[i]);
    for (uint32_t i = 0; i < COMMON_TIMER_COUNT; i++)
        add_u64(d, r->core.timer_generation[i] * 2 + (r->core.timer_armed[i] ? 1 : 0));
    add_handle(d, r, r->my_view_change);
    add_handle(d, r, r->new_view);
    add_handle(d, r, r->candidate);
    add_handle(d, r, r->core.stable_cert);
    add_digest(d, &r->rejected);
    add_digest(d, &r->core.stable_digest);
}

/* The first pillar is part of the position. */
static void add_pillars(struct nika_run_digest *d, const struct nika_replica *r)
{
    for (uint32_t p = 1; p < r->core.pillars; p++) {
        const struct hybster_pillar *pillar = &r->pillars[p];
        const uint64_t numbers[] = {pillar->counter.view, pillar->counter.order,
                                    pillar->voted,        pillar->certifying,
                                    pillar->hop_count,    r->core.next_seq[p]};
        for (uint32_t i = 0; i < ARRAY_COUNT(numbers); i++) add_u64(d, numbers[i]);
    }
}

static void add_peers(struct nika_run_digest *d, const struct nika_replica *r)
{
    for (uint32_t p = 0; p < r->core.pillars; p++) {
        const struct hybster_pillar *pillar = &r->pillars[p];
        for (uint32_t i = 0; i < pillar->hop_count; i++) {
            add_digest(d, &pillar->hops[i].digest);
            nika_run_digest_add(d, pillar->hops[i].certificate, sizeof pillar->hops[i].certificate);
        }
    }
    for (uint32_t i = 0; i < r->core.n; i++) {
        add_u64(d, r->view_changes[i].view);
        add_handle(d, r, r->view_changes[i].frame);
        add_u64(d, r->acks[i].base);
        add_handle(d, r, r->acks[i].frame);
        add_u64(d, r->core.evidence[i].kinds);
        add_u64(d, r->core.peers[i].budget_used);
        for (uint32_t k = 0; k <= r->core.checkpoint_rows; k++) {
            const struct common_checkpoint_vote *vote =
                &r->core.checkpoints[(size_t)i * (r->core.checkpoint_rows + 1) + k];
            if (vote->seq == 0) continue;
            add_u64(d, vote->seq);
            add_digest(d, &vote->digest);
        }
    }
}

static void add_clients(struct nika_run_digest *d, const struct nika_replica *r)
{
    for (uint32_t c = common_pending_head(&r->core.pending); c != NIKA_NODE_NONE;
         c = common_pending_after(&r->core.pending, c)) {
        const struct common_pending_entry *entry = &r->core.pending.entries[c];
        add_u64(d, c);
        add_u64(d, entry->timestamp);
        add_u64(d, entry->proposed);
    }
    for (uint32_t i = 0; i < r->core.config->clients; i++) {
        const struct common_reply_entry *entry = &r->core.replies.entries[i];
        add_u64(d, entry->last_timestamp);
        add_u64(d, entry->issued_timestamp);
        add_u64(d, entry->seq);
        add_digest(d, &entry->digest);
        add_u64(d, r->reads[i].timestamp);
    }
}

static void add_transfer(struct nika_run_digest *d, const struct nika_replica *r)
{
    for (uint32_t i = 0; i < NIKA_SNAPSHOTS_MAX; i++) {
        const struct common_snapshot *snapshot = &r->core.snapshots[i];
        add_u64(d, snapshot->seq);
        add_u64(d, (snapshot->meta_known ? 1u : 0u) | (snapshot->durable ? 2u : 0u) |
                       (snapshot->failed ? 4u : 0u));
        add_digest(d, &snapshot->digest);
    }
    for (uint32_t i = 0; i < COMMON_FETCHES_MAX; i++) {
        if (!r->core.fetches[i].active) continue;
        add_digest(d, &r->core.fetches[i].digest);
        add_u64(d, r->core.fetches[i].next_peer);
    }
    const struct common_transfer *t = &r->core.transfer;
    const uint64_t numbers[] = {t->active,       t->meta_known, t->restoring, t->seq,
                                t->source,       t->attempt,    t->received,  t->saving,
                                t->restore_next, t->next_wanted};
    for (uint32_t i = 0; i < ARRAY_COUNT(numbers); i++) add_u64(d, numbers[i]);
    add_digest(d, &t->digest);
}

void hybster_digest(const struct nika_replica *r, struct nika_digest *out)
{
    struct nika_run_digest d;
    nika_run_digest_init(&d);
    add_position(&d, r);
    add_pillars(&d, r);
    add_peers(&d, r);
    add_clients(&d, r);
    add_transfer(&d, r);
    common_pace_digest(&r->core, &d);
    for (uint32_t i = 0; i < r->core.config->window; i++) {
        if (r->slots[i].base.seq != 0) add_slot(&d, r, i);
    }
    memset(out, 0, sizeof *out);
    nika_run_digest_value(&d, out->bytes);
}
