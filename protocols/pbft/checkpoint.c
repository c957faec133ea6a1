/* protocols/pbft/checkpoint.c: own snapshots and everyone's CHECKPOINTs (Castro & Liskov, OSDI '99, 4.3; PROTOCOLS.md 1.6,
 * CK1-CK4, CK7, D6). What happens when one becomes stable is in stable.c. */
#include "protocols/pbft/state.h"

struct pbft_snapshot *pbft_snapshot_find(struct nika_replica *r, uint64_t seq)
{
    for (uint32_t i = 0; i < NIKA_SNAPSHOTS_MAX && seq != 0; i++) {
        if (r->snapshots[i].seq == seq && !r->snapshots[i].failed) return &r->snapshots[i];
    }
    return NULL;
}

/* The store was full: no vote from us at this number. The entry stays, for the application has the snapshot all the same. */
static void snapshot_fail(struct nika_replica *r, struct pbft_snapshot *snapshot)
{
    uint64_t seq = snapshot->seq;
    pbft_snapshot_forget(r, snapshot);
    snapshot->seq = seq;
    snapshot->failed = true;
}

void pbft_snapshot_forget(struct nika_replica *r, struct pbft_snapshot *snapshot)
{
    nika_store_free(r->store, snapshot->replies);
    memset(snapshot, 0, sizeof *snapshot);
}

struct pbft_snapshot *pbft_snapshot_place(struct nika_replica *r)
{
    struct pbft_snapshot *oldest = NULL, *room = NULL;
    uint32_t used = 0;
    for (uint32_t i = 0; i < NIKA_SNAPSHOTS_MAX; i++) {
        struct pbft_snapshot *snapshot = &r->snapshots[i];
        if (snapshot->seq == 0) {
            room = snapshot;
            continue;
        }
        used++;
        if (oldest == NULL || snapshot->seq < oldest->seq) oldest = snapshot;
    }
    return used < nika_config_snapshots(r->config) ? room : oldest;
}

/* A free entry, else that of the oldest snapshot. What may be asked of this replica stays: the stable snapshot and every later one,
 * which it may have voted for. NULL when these fill all entries: then this number gets no snapshot and no vote. */
static struct pbft_snapshot *snapshot_claim(struct nika_replica *r, uint64_t seq)
{
    struct pbft_snapshot *place = pbft_snapshot_place(r);
    if (place->seq != 0) {
        if (place->seq >= r->low_mark) return NULL;
        struct nika_action *action =
            nika_effects_add(r->effects, NIKA_ACTION_SNAPSHOT_DROP, 0, NULL);
        if (action != NULL) action->a = place->seq + 1;
        pbft_snapshot_forget(r, place);
    }
    place->seq = seq;
    return place;
}

void pbft_snapshot_begin(struct nika_replica *r, uint64_t seq)
{
    if (pbft_snapshot_find(r, seq) != NULL) pbft_snapshot_forget(r, pbft_snapshot_find(r, seq));
    struct pbft_snapshot *snapshot = snapshot_claim(r, seq);
    if (snapshot == NULL) return;
    /* Later batches are issued before the application answers: what belongs to `seq` is taken now. */
    snapshot->meta.seq = seq;
    snapshot->meta.time_ns = r->last_time_ns;
    snapshot->meta.epoch = r->config->epoch;
    struct nika_action *action = nika_effects_add(r->effects, NIKA_ACTION_SNAPSHOT_TAKE, 0, NULL);
    if (action == NULL) return;
    action->a = seq;
    action->token = pbft_token(r, PBFT_TOKEN_SNAPSHOT, r->exec_generation, seq);
}

void pbft_meta_digest(const struct common_meta *meta, struct nika_digest *out)
{
    uint8_t bytes[160];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    nika_write_raw(&w, "CKPT", 4);
    nika_encode(&common_info_meta, meta, &w);
    NIKA_ASSERT(!w.failed);
    nika_sha256_one(bytes, w.at, out);
}

void pbft_snapshot_save(struct nika_replica *r, struct pbft_snapshot *snapshot)
{
    uint8_t *bytes = NULL;
    struct nika_span replies = nika_store_span(r->store, snapshot->replies);
    uint32_t meta_size = nika_encoded_size(&common_info_meta, &snapshot->meta);
    uint32_t size = 8 + meta_size + replies.size;
    struct nika_action *action =
        nika_effects_add(r->effects, NIKA_ACTION_SNAPSHOT_SAVE, size, &bytes);
    if (action == NULL) return;
    action->a = snapshot->seq;
    action->token = pbft_token(r, PBFT_TOKEN_SNAPSHOT_SAVED, 0, snapshot->seq);
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_write_u32(&w, meta_size);
    nika_encode(&common_info_meta, &snapshot->meta, &w);
    nika_write_bytes(&w, replies);
    NIKA_ASSERT(!w.failed);
}

/* Both halves are there: the application's root and the replies. */
static void snapshot_complete(struct nika_replica *r, struct pbft_snapshot *snapshot)
{
    if (!snapshot->meta_known || snapshot->replies == 0) return;
    struct nika_span replies = nika_store_span(r->store, snapshot->replies);
    uint32_t chunks = common_chunk_count(replies.size, r->config->chunk_size);
    uint32_t leaves = nika_store_alloc(r->store, chunks * NIKA_DIGEST_SIZE);
    if (leaves == 0) {
        snapshot_fail(r, snapshot);
        return;
    }
    snapshot->meta.reply_chunk_count = chunks;
    snapshot->meta.reply_size = replies.size;
    common_chunks_root(replies, r->config->chunk_size,
                       (struct nika_digest *)(void *)nika_store_at(r->store, leaves),
                       &snapshot->meta.reply_root);
    nika_store_free(r->store, leaves);
    pbft_meta_digest(&snapshot->meta, &snapshot->digest);
    struct nika_span digest = {snapshot->digest.bytes, NIKA_DIGEST_SIZE};
    nika_effects_note(r->effects, NIKA_NOTE_CHECKPOINT, snapshot->seq, 0, digest);
    uint64_t seq = snapshot->seq;
    pbft_transfer_spare(r, seq, &snapshot->digest);
    pbft_snapshot_save(r, snapshot);
    pbft_stable_recheck(r);
    struct pbft_snapshot *still = pbft_snapshot_find(r, seq);
    if (still != NULL && pbft_in_window(r, seq)) pbft_checkpoint_count(r, seq, &still->digest);
}

void pbft_snapshot_replies(struct nika_replica *r, uint64_t seq)
{
    struct pbft_snapshot *snapshot = pbft_snapshot_find(r, seq);
    if (snapshot == NULL) return;
    uint32_t size = common_reply_cache_encoded_size(&r->replies);
    uint32_t handle = nika_store_alloc(r->store, size);
    if (handle == 0) {
        snapshot_fail(r, snapshot);
        return;
    }
    struct nika_writer w = nika_writer_of(nika_store_at(r->store, handle), size);
    common_reply_cache_write(&r->replies, &w);
    NIKA_ASSERT(!w.failed && w.at == size);
    snapshot->replies = handle;
    snapshot_complete(r, snapshot);
}

void pbft_snapshot_meta(struct nika_replica *r, uint64_t seq, struct nika_span meta)
{
    struct pbft_snapshot *snapshot = pbft_snapshot_find(r, seq);
    struct nika_snapshot_meta app;
    struct nika_reader reader = nika_reader_of(meta);
    nika_snapshot_meta_read(&reader, &app);
    if (snapshot == NULL || snapshot->meta_known || !nika_reader_done(&reader) || app.seq != seq)
        return;
    snapshot->meta_known = true;
    snapshot->meta.chunk_count = app.chunk_count;
    snapshot->meta.total_size = app.total_size;
    snapshot->meta.root = app.root;
    snapshot_complete(r, snapshot);
}

void pbft_snapshot_saved(struct nika_replica *r, uint64_t seq)
{
    struct pbft_snapshot *snapshot = pbft_snapshot_find(r, seq);
    if (snapshot == NULL || snapshot->durable || snapshot->replies == 0 || !snapshot->meta_known)
        return;
    snapshot->durable = true;
    pbft_log_trim(r);
    pbft_checkpoint_send(r, snapshot);
}

struct pbft_checkpoint_vote *pbft_checkpoint_at(struct nika_replica *r, uint32_t sender,
                                                uint64_t seq)
{
    uint32_t row = r->checkpoint_rows; /* The one beyond the window. */
    if (pbft_in_window(r, seq))
        row = (uint32_t)(seq / r->config->checkpoint_interval % r->checkpoint_rows);
    return &r->checkpoints[(size_t)sender * (r->checkpoint_rows + 1) + row];
}

static void vote_set(struct nika_replica *r, struct pbft_checkpoint_vote *vote, uint64_t seq,
                     const struct nika_digest *digest, uint32_t frame)
{
    nika_store_free(r->store, vote->frame);
    *vote = (struct pbft_checkpoint_vote){.seq = seq, .digest = *digest, .frame = frame};
}

void pbft_checkpoint_send(struct nika_replica *r, struct pbft_snapshot *snapshot)
{
    if (r->amnesiac || !pbft_in_window(r, snapshot->seq)) return; /* AMN; or stable without it. */
    struct pbft_checkpoint_vote *vote = pbft_checkpoint_at(r, r->self, snapshot->seq);
    if (vote->seq == snapshot->seq) return;
    struct pbft_checkpoint m = {.seq = snapshot->seq, .digest = snapshot->digest};
    uint32_t frame = pbft_store_frame(r, &pbft_info_checkpoint, &m);
    if (frame == 0) return; /* The STATUS timer tries again. */
    vote_set(r, vote, m.seq, &m.digest, frame);
    pbft_broadcast_frame(r, nika_store_span(r->store, frame));
    pbft_checkpoint_count(r, m.seq, &m.digest);
}

/* Who vouches for (seq, digest). Returns how many. */
static uint32_t vouchers(struct nika_replica *r, uint64_t seq, const struct nika_digest *digest,
                         uint64_t signers[2], uint32_t *size)
{
    uint32_t count = 0;
    *size = 4;
    for (uint32_t i = 0; i < r->n; i++) {
        const struct pbft_checkpoint_vote *vote = pbft_checkpoint_at(r, i, seq);
        if (vote->seq != seq || !nika_digest_equal(&vote->digest, digest)) continue;
        signers[i / 64] |= UINT64_C(1) << (i % 64);
        *size += 4 + nika_store_length(r->store, vote->frame);
        count++;
    }
    return count;
}

void pbft_checkpoint_count(struct nika_replica *r, uint64_t seq, const struct nika_digest *digest)
{
    uint64_t signers[2] = {0, 0};
    uint32_t size = 0;
    struct nika_digest wanted = *digest;
    uint32_t count = vouchers(r, seq, &wanted, signers, &size);
    if (count < r->quorum) {
        /* CK7: one of f+1 is correct, and a replica this far behind cannot use the log any more. */
        bool beyond = seq > r->low_mark + r->config->window && seq > r->last_executed;
        bool known = r->transfer.active && r->transfer.seq >= seq;
        if (beyond && count >= r->weak && !known)
            pbft_transfer_start(r, seq, &wanted, signers, (struct nika_span){0});
        return;
    }
    uint32_t cert = nika_store_alloc(r->store, size);
    if (cert == 0) return;
    struct nika_writer w = nika_writer_of(nika_store_at(r->store, cert), size);
    nika_write_u32(&w, count);
    for (uint32_t i = 0; i < r->n; i++) {
        if ((signers[i / 64] >> (i % 64) & 1) == 0) continue;
        nika_write_bytes(&w, nika_store_span(r->store, pbft_checkpoint_at(r, i, seq)->frame));
    }
    NIKA_ASSERT(!w.failed && w.at == size);
    pbft_make_stable(r, seq, &wanted, nika_store_span(r->store, cert));
    nika_store_free(r->store, cert);
}

void pbft_on_checkpoint(struct nika_replica *r, const struct nika_frame *frame)
{
    struct pbft_checkpoint m;
    if (nika_decode(&pbft_info_checkpoint, frame->body, &m) != NIKA_OK) {
        pbft_reject(r, NIKA_CHECK_W0, frame->sender);
        return;
    }
    if (frame->sender >= r->n || frame->sender == r->self) {
        pbft_reject(r, NIKA_CHECK_CK1, frame->sender);
        return;
    }
    if (m.seq % r->config->checkpoint_interval != 0 || m.seq <= r->low_mark) {
        pbft_reject(r, NIKA_CHECK_CK2, frame->sender);
        return;
    }
    struct pbft_checkpoint_vote *vote = pbft_checkpoint_at(r, frame->sender, m.seq);
    if (vote->seq == m.seq) {
        if (nika_digest_equal(&vote->digest, &m.digest)) {
            /* A retransmission. What stood in the way of its being stable may be gone: a transfer, a full store. */
            if (m.seq <= r->last_executed) pbft_checkpoint_count(r, m.seq, &m.digest);
            return;
        }
        pbft_evidence(r, frame->type, frame->sender, nika_store_span(r->store, vote->frame),
                      frame->raw);
        pbft_reject(r, NIKA_CHECK_CK3, frame->sender);
        return;
    }
    if (vote->seq > m.seq) { /* Only beyond the window: the highest is kept. */
        pbft_reject(r, NIKA_CHECK_CK4, frame->sender);
        return;
    }
    uint32_t handle = nika_store_put(r->store, frame->raw);
    if (handle == 0) return;
    vote_set(r, vote, m.seq, &m.digest, handle);
    pbft_checkpoint_count(r, m.seq, &m.digest);
}

void pbft_checkpoints_trim(struct nika_replica *r)
{
    uint32_t held = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        struct pbft_checkpoint_vote *row = &r->checkpoints[(size_t)i * (r->checkpoint_rows + 1)];
        for (uint32_t k = 0; k <= r->checkpoint_rows; k++) {
            if (row[k].seq == 0) continue;
            held++;
            if (row[k].seq > r->low_mark) continue;
            nika_store_free(r->store, row[k].frame);
            memset(&row[k], 0, sizeof row[k]);
        }
        struct pbft_checkpoint_vote *beyond = &row[r->checkpoint_rows];
        if (!pbft_in_window(r, beyond->seq)) continue;
        struct pbft_checkpoint_vote *place = pbft_checkpoint_at(r, i, beyond->seq);
        if (place->seq == 0)
            *place = *beyond;
        else
            nika_store_free(r->store, beyond->frame);
        memset(beyond, 0, sizeof *beyond);
    }
    pbft_queue_note(r, NIKA_QUEUE_CHECKPOINTS, held);
}

bool pbft_checkpoint_cert_verify(struct nika_replica *r, const struct nika_list *frames,
                                 uint32_t need, uint64_t *seq, struct nika_digest *digest,
                                 uint64_t signers[2])
{
    uint32_t at = 0, count = 0, next_sender = 0;
    struct nika_span raw;
    signers[0] = signers[1] = 0;
    if (frames->count < need || frames->count > r->n) return false;
    while (nika_frames_next(frames, &at, &raw)) {
        struct nika_frame frame;
        struct pbft_checkpoint m;
        if (!pbft_verify_nested(r, raw, &pbft_info_checkpoint, &frame, &m)) return false;
        if (frame.sender < next_sender) return false; /* Ascending, hence distinct. */
        if (count > 0 && (m.seq != *seq || !nika_digest_equal(&m.digest, digest))) return false;
        *seq = m.seq;
        *digest = m.digest;
        signers[frame.sender / 64] |= UINT64_C(1) << (frame.sender % 64);
        next_sender = frame.sender + 1;
        count++;
    }
    return count >= need;
}
