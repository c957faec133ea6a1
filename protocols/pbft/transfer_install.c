/* protocols/pbft/transfer_install.c: making a transferred state the own one (PROTOCOLS.md 1.8, install).
 *
 * The application holds the state already; here it becomes durable, and then the protocol's own part (last executed, reply cache,
 * snapshots, slots, h) jumps to it in one step. */
#include "protocols/pbft/transfer.h"

/* The module's part of the snapshot: META and reply cache, as recovery reads them. */
void pbft_transfer_save(struct nika_replica *r)
{
    struct pbft_transfer *t = &r->transfer;
    struct nika_span replies = nika_store_span(r->store, t->replies);
    replies.size = (uint32_t)t->meta.reply_size;
    uint32_t meta_size = nika_encoded_size(&common_info_meta, &t->meta);
    uint8_t *out = NULL;
    struct nika_action *action = nika_effects_add(r->effects, NIKA_ACTION_SNAPSHOT_SAVE,
                                                  4 + meta_size + 4 + replies.size, &out);
    if (action == NULL) return;
    action->a = t->seq;
    action->token = pbft_token(r, PBFT_TOKEN_TRANSFER_SAVED, 0, t->seq);
    struct nika_writer w = nika_writer_of(out, 4 + meta_size + 4 + replies.size);
    nika_write_u32(&w, meta_size);
    nika_encode(&common_info_meta, &t->meta, &w);
    nika_write_bytes(&w, replies);
    NIKA_ASSERT(!w.failed);
    t->saving = true;
}

/* The transferred snapshot replaces all others: those of a diverged past must never be served or voted for. */
static void adopt_snapshot(struct nika_replica *r)
{
    struct pbft_transfer *t = &r->transfer;
    for (uint32_t i = 0; i < NIKA_SNAPSHOTS_MAX; i++) {
        nika_store_free(r->store, r->snapshots[i].replies);
        memset(&r->snapshots[i], 0, sizeof r->snapshots[i]);
    }
    r->snapshots[0].seq = t->seq;
    r->snapshots[0].replies = t->replies;
    r->snapshots[0].meta_known = true;
    r->snapshots[0].durable = true;
    r->snapshots[0].meta = t->meta;
    r->snapshots[0].digest = t->digest;
    t->replies = 0;
    uint8_t *unused = NULL;
    struct nika_action *action =
        nika_effects_add(r->effects, NIKA_ACTION_SNAPSHOT_DROP, 0, &unused);
    if (action != NULL) action->a = t->seq;
}

static void adopt_position(struct nika_replica *r)
{
    struct pbft_transfer *t = &r->transfer;
    r->last_executed = t->seq;
    r->last_issued = t->seq;
    r->last_time_ns = t->meta.time_ns;
    if (r->high_known < t->seq) r->high_known = t->seq;
    if (r->next_seq <= t->seq) r->next_seq = t->seq + 1;
    /* What a diverged state had executed beyond the target is executed again. */
    for (uint64_t s = r->low_mark + 1; s <= r->highest_slot; s++) {
        struct pbft_slot *slot = pbft_slot_find(r, s);
        if (slot != NULL && s > t->seq) slot->executed = false;
    }
    for (uint32_t client = 0; client < r->config->clients; client++) {
        uint64_t last = r->replies.entries[client].last_timestamp;
        if (last != 0) (void)common_pending_executed(&r->pending, r->store, client, last);
    }
}

void pbft_transfer_forget(struct nika_replica *r)
{
    struct pbft_transfer *t = &r->transfer;
    pbft_transfer_drop_chunks(r);
    nika_store_free(r->store, t->stable_cert);
    nika_store_free(r->store, t->replies);
    memset(t, 0, sizeof *t);
}

/* h = max(h, s), by the certificate that came with the target or one that has been collected since; a target that only W signed
 * waits for one (1.6). */
static void adopt_low_mark(struct nika_replica *r, uint64_t seq, const struct nika_digest *digest,
                           uint32_t cert)
{
    if (seq > r->low_mark && cert != 0)
        pbft_make_stable(r, seq, digest, nika_store_span(r->store, cert));
    pbft_stable_recheck(r);
    if (seq > r->low_mark) pbft_checkpoint_count(r, seq, digest);
    if (seq == r->low_mark && nika_digest_equal(digest, &r->stable_digest))
        r->stable_is_local = true;
    if (r->amnesiac && r->low_mark >= r->amnesia_until) r->amnesiac = false;
}

static void resume(struct nika_replica *r)
{
    /* Orders of the entered NEW-VIEW that were beyond the old window. */
    pbft_new_view_install(r);
    pbft_execute_ready(r);
    pbft_request_timer_update(r);
    pbft_batch_try_cut(r, false);
    pbft_status_soon(r);
}

void pbft_transfer_saved(struct nika_replica *r, uint64_t seq, int32_t status)
{
    struct pbft_transfer *t = &r->transfer;
    if (!t->active || !t->saving || seq != t->seq) return;
    if (status != 0) {
        /* Disk full: nothing may depend on the state yet. Try again later. */
        pbft_timer_start(r, PBFT_TIMER_TRANSFER, r->config->fetch_ns);
        return;
    }
    struct nika_span replies = nika_store_span(r->store, t->replies);
    replies.size = (uint32_t)t->meta.reply_size;
    if (common_reply_cache_read(&r->replies, replies) != NIKA_OK) {
        /* W replicas signed bytes that no correct replica writes: more than f are faulty. */
        pbft_alarm(r, NIKA_CHECK_ST6, seq);
        return;
    }
    REACHED(pbft_state_transfer);
    adopt_snapshot(r);
    adopt_position(r);
    struct nika_digest digest = t->digest;
    struct nika_span shown = {digest.bytes, NIKA_DIGEST_SIZE};
    nika_effects_note(r->effects, NIKA_NOTE_TRANSFER, seq, 1, shown);
    nika_effects_note(r->effects, NIKA_NOTE_CHECKPOINT, seq, 0, shown);
    uint32_t cert = t->stable_cert;
    t->stable_cert = 0;
    pbft_timer_stop(r, PBFT_TIMER_TRANSFER);
    pbft_transfer_forget(r);
    adopt_low_mark(r, seq, &digest, cert);
    nika_store_free(r->store, cert);
    resume(r);
}
