/* protocols/pbft/state_transfer.c: fetching a state that others proved correct (PROTOCOLS.md 1.8, ST1-ST6).
 *
 * The target (seq, digest) is trusted only because Q or W replicas signed it; META is trusted because it hashes to that digest, and
 * a chunk because of its Merkle proof. So any one replica can be the source of anything, and a lying source only costs time.
 * While a transfer runs nothing is executed; the snapshot is durable before anything depends on it. */
#include "protocols/pbft/transfer.h"

#define RESTORE_SLICE_BYTES                                                                        \
    (256u * 1024u)             /* Handed to the app per step, so that effects stay bounded. */
#define RETRY_DOUBLINGS_MAX 4u /* Exponential retry once every source was asked. */

/* Forget the chunks [from, to) of the table. */
static void chunks_free(struct nika_replica *r, uint32_t table, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        nika_store_free(r->store, pbft_transfer_chunk_get(r, table, i));
        pbft_transfer_chunk_set(r, table, i, 0);
    }
}

void pbft_transfer_drop_chunks(struct nika_replica *r)
{
    struct pbft_transfer *t = &r->transfer;
    if (t->chunks != 0) {
        chunks_free(r, t->chunks, 0, pbft_transfer_chunk_total(t));
        nika_store_free(r->store, t->chunks);
    }
    t->chunks = 0;
    t->received = 0;
}

static bool signed_by(const struct pbft_transfer *t, uint32_t replica)
{
    return (t->signers[replica / 64] >> (replica % 64) & 1u) != 0;
}

/* The (attempt+1)-th signer after this replica, so that replicas that fall behind together do not all ask one. */
static void choose_source(struct nika_replica *r)
{
    struct pbft_transfer *t = &r->transfer;
    for (uint32_t k = 0; k < r->n; k++) {
        uint32_t candidate = (r->self + 1 + t->attempt + k) % r->n;
        if (candidate == r->self || !signed_by(t, candidate)) continue;
        t->attempt += k;
        t->source = candidate;
        return;
    }
    t->source = (r->self + 1) % r->n;
}

void pbft_transfer_arm_timer(struct nika_replica *r)
{
    uint32_t rounds = r->transfer.attempt / r->n;
    if (rounds > RETRY_DOUBLINGS_MAX) rounds = RETRY_DOUBLINGS_MAX;
    pbft_timer_start(r, PBFT_TIMER_TRANSFER, r->config->fetch_ns << rounds);
}

static void request_meta(struct nika_replica *r)
{
    struct common_fetch_meta m = {.seq = r->transfer.seq, .digest = r->transfer.digest};
    pbft_send(r, r->transfer.source, &common_info_fetch_meta, &m);
}

static bool is_in_flight(const struct pbft_transfer *t, uint32_t number)
{
    for (uint32_t i = 0; i < PBFT_CHUNKS_IN_FLIGHT; i++) {
        if (t->in_flight[i] == number + 1) return true;
    }
    return false;
}

/* The next chunk that is neither here nor asked for, or the total. */
static uint32_t next_missing(struct nika_replica *r)
{
    struct pbft_transfer *t = &r->transfer;
    uint32_t total = pbft_transfer_chunk_total(t);
    while (t->next_wanted < total && pbft_transfer_chunk_get(r, t->chunks, t->next_wanted) != 0)
        t->next_wanted++;
    uint32_t number = t->next_wanted;
    while (number < total &&
           (pbft_transfer_chunk_get(r, t->chunks, number) != 0 || is_in_flight(t, number)))
        number++;
    return number;
}

static void request_chunks(struct nika_replica *r)
{
    struct pbft_transfer *t = &r->transfer;
    for (uint32_t i = 0; i < PBFT_CHUNKS_IN_FLIGHT; i++) {
        if (t->in_flight[i] != 0) continue;
        uint32_t number = next_missing(r);
        if (number == pbft_transfer_chunk_total(t)) return;
        t->in_flight[i] = number + 1;
        bool app = number < t->meta.chunk_count;
        struct common_fetch_chunk m = {.seq = t->seq,
                                       .part = app ? PART_APP : PART_REPLIES,
                                       .index = app ? number : number - t->meta.chunk_count};
        pbft_send(r, t->source, &common_info_fetch_chunk, &m);
    }
}

/* Ask the current source for whatever comes next. */
static void request_more(struct nika_replica *r)
{
    if (r->transfer.meta_known) {
        request_chunks(r);
    } else {
        request_meta(r);
    }
    pbft_transfer_arm_timer(r);
}

void pbft_transfer_next_source(struct nika_replica *r)
{
    struct pbft_transfer *t = &r->transfer;
    REACHED(pbft_state_transfer_source_rotated);
    t->attempt++;
    choose_source(r);
    memset(t->in_flight, 0, sizeof t->in_flight);
    request_more(r);
}

static void note(struct nika_replica *r, uint64_t phase)
{
    struct nika_span digest = {r->transfer.digest.bytes, NIKA_DIGEST_SIZE};
    nika_effects_note(r->effects, NIKA_NOTE_TRANSFER, r->transfer.seq, phase, digest);
}

/* Remember the certificate once: a Q certificate found later makes a W-based target stable, too. */
static void keep_certificate(struct nika_replica *r, struct nika_span cert)
{
    if (cert.size != 0 && r->transfer.stable_cert == 0)
        r->transfer.stable_cert = nika_store_put(r->store, cert);
}

void pbft_transfer_start(struct nika_replica *r, uint64_t seq, const struct nika_digest *digest,
                         const uint64_t signers[2], struct nika_span cert)
{
    struct pbft_transfer *t = &r->transfer;
    if (t->active && seq == t->seq && nika_digest_equal(digest, &t->digest)) {
        keep_certificate(r, cert);
        for (uint32_t i = 0; i < 2; i++) t->signers[i] |= signers[i];
        return;
    }
    const struct pbft_snapshot *own = pbft_snapshot_find(r, seq);
    if (own != NULL && own->meta_known && nika_digest_equal(&own->digest, digest)) return;
    /* A snapshot that is being restored is finished first: another newer one will be noticed again. */
    if (t->active && (t->restoring || seq <= t->seq)) return;
    if (t->active) note(r, 2);
    nika_store_free(r->store, t->stable_cert);
    t->stable_cert = 0;
    t->active = true;
    /* meta and chunks of an older target stay until the new META tells which of them are still good. */
    t->meta_known = false;
    t->seq = seq;
    t->digest = *digest;
    for (uint32_t i = 0; i < 2; i++) t->signers[i] = signers[i];
    t->attempt = 0;
    memset(t->in_flight, 0, sizeof t->in_flight);
    keep_certificate(r, cert);
    pbft_timer_stop(r, PBFT_TIMER_REQUEST);
    note(r, 0);
    choose_source(r);
    request_more(r);
}

void pbft_transfer_spare(struct nika_replica *r, uint64_t seq, const struct nika_digest *digest)
{
    struct pbft_transfer *t = &r->transfer;
    /* From the first chunk on the application holds nothing else any more. */
    if (!t->active || t->restoring || t->seq != seq || !nika_digest_equal(&t->digest, digest))
        return;
    note(r, 2);
    pbft_timer_stop(r, PBFT_TIMER_TRANSFER);
    pbft_transfer_forget(r);
    pbft_request_timer_update(r);
}

/* ---- META ------------------------------------------------------------------------------------------------------------ */

/* ST5: within limits before anything is allocated. */
static bool meta_within_limits(const struct nika_replica *r, const struct common_meta *m)
{
    const struct nika_config *config = r->config;
    if (m->total_size > config->snapshot_size_max || m->chunk_count > NIKA_CHUNKS_MAX) return false;
    uint64_t reply_max = (uint64_t)config->clients * (config->reply_size_max + 128u) + 64u;
    if (m->reply_size > reply_max || m->reply_size > UINT32_MAX) return false;
    if (m->reply_chunk_count > NIKA_CHUNKS_MAX) return false;
    return m->reply_chunk_count == common_chunk_count((uint32_t)m->reply_size, config->chunk_size);
}

/* Move the chunks [from, from+count) of the old table to `to` in the new one: content-addressed by the equal root. */
static uint32_t chunks_move(struct nika_replica *r, uint32_t table, uint32_t from, uint32_t to,
                            uint32_t count)
{
    uint32_t moved = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t handle = pbft_transfer_chunk_get(r, r->transfer.chunks, from + i);
        pbft_transfer_chunk_set(r, r->transfer.chunks, from + i, 0);
        pbft_transfer_chunk_set(r, table, to + i, handle);
        moved += handle != 0 ? 1u : 0u;
    }
    return moved;
}

/* Adopt META: a new chunk table that keeps those verified chunks whose tree is the same. False when the store is full. */
static bool adopt_meta(struct nika_replica *r, const struct common_meta *m)
{
    struct pbft_transfer *t = &r->transfer;
    uint32_t size = 4u * (m->chunk_count + m->reply_chunk_count);
    uint32_t table = nika_store_alloc(r->store, size == 0 ? 4u : size);
    if (table == 0) return false;
    memset(nika_store_at(r->store, table), 0, size == 0 ? 4u : size);
    uint32_t kept = 0;
    if (t->chunks != 0) {
        bool app =
            t->meta.chunk_count == m->chunk_count && nika_digest_equal(&t->meta.root, &m->root);
        bool replies = t->meta.reply_size == m->reply_size &&
                       t->meta.reply_chunk_count == m->reply_chunk_count &&
                       nika_digest_equal(&t->meta.reply_root, &m->reply_root);
        if (app) kept += chunks_move(r, table, 0, 0, m->chunk_count);
        if (replies)
            kept +=
                chunks_move(r, table, t->meta.chunk_count, m->chunk_count, m->reply_chunk_count);
        pbft_transfer_drop_chunks(r);
    }
    t->meta = *m;
    t->meta_known = true;
    t->chunks = table;
    t->received = kept;
    t->next_wanted = 0;
    return true;
}

static void begin_when_complete(struct nika_replica *r)
{
    if (r->transfer.received == pbft_transfer_chunk_total(&r->transfer)) {
        pbft_transfer_restore_begin(r);
    } else {
        request_more(r);
    }
}

void pbft_on_meta(struct nika_replica *r, const struct nika_frame *frame)
{
    struct pbft_transfer *t = &r->transfer;
    struct common_meta m;
    if (nika_decode(&common_info_meta, frame->body, &m) != NIKA_OK) {
        pbft_reject(r, NIKA_CHECK_W0, frame->sender);
        return;
    }
    if (!t->active || t->meta_known) return; /* Late answer of a source that was replaced. */
    struct nika_digest digest;
    pbft_meta_digest(&m, &digest);
    enum nika_check check = NIKA_CHECK_NONE;
    if (m.seq != t->seq || !nika_digest_equal(&digest, &t->digest)) {
        check = NIKA_CHECK_ST1;
    } else if (!meta_within_limits(r, &m)) {
        check = NIKA_CHECK_ST5;
    }
    if (check != NIKA_CHECK_NONE) {
        pbft_reject(r, check, frame->sender);
        if (frame->sender == t->source) pbft_transfer_next_source(r);
        return;
    }
    if (adopt_meta(r, &m)) begin_when_complete(r);
}

/* ---- CHUNK ----------------------------------------------------------------------------------------------------------- */

static bool chunk_length_right(const struct nika_replica *r, const struct common_chunk *m)
{
    const struct common_meta *meta = &r->transfer.meta;
    uint32_t size_max = r->config->chunk_size;
    /* An application cuts its state as it likes: the leaf hash binds each length. */
    if (m->part == PART_APP) return m->data.size <= size_max;
    uint32_t size = (uint32_t)meta->reply_size;
    uint32_t left = size - m->index * size_max;
    return m->data.size == (left < size_max ? left : size_max);
}

static bool chunk_proven(const struct nika_replica *r, const struct common_chunk *m)
{
    const struct common_meta *meta = &r->transfer.meta;
    struct nika_merkle_proof proof = {0};
    struct nika_digest leaf, sibling;
    uint32_t at = 0;
    while (nika_digests_next(&m->proof, &at, &sibling)) {
        if (proof.count == NIKA_MERKLE_DEPTH_MAX) return false;
        proof.siblings[proof.count++] = sibling;
    }
    nika_merkle_leaf(m->index, m->data, &leaf);
    bool app = m->part == PART_APP;
    return nika_merkle_verify(app ? &meta->root : &meta->reply_root, m->index,
                              app ? meta->chunk_count : meta->reply_chunk_count, &leaf,
                              &proof) == NIKA_OK;
}

/* ST2-ST4 of a chunk; *number is its place in the table. */
static enum nika_check chunk_check(struct nika_replica *r, const struct nika_frame *frame,
                                   const struct common_chunk *m, uint32_t *number)
{
    const struct pbft_transfer *t = &r->transfer;
    if (!t->active || !t->meta_known || t->restoring || m->seq != t->seq) return NIKA_CHECK_ST4;
    if (frame->sender != t->source) return NIKA_CHECK_ST4;
    bool app = m->part == PART_APP;
    if (m->part > PART_REPLIES) return NIKA_CHECK_ST2;
    if (m->index >= (app ? t->meta.chunk_count : t->meta.reply_chunk_count)) return NIKA_CHECK_ST2;
    *number = app ? m->index : t->meta.chunk_count + m->index;
    if (!is_in_flight(t, *number)) return NIKA_CHECK_ST4;
    if (!chunk_length_right(r, m)) return NIKA_CHECK_ST2;
    return chunk_proven(r, m) ? NIKA_CHECK_NONE : NIKA_CHECK_ST3;
}

void pbft_on_chunk(struct nika_replica *r, const struct nika_frame *frame)
{
    struct pbft_transfer *t = &r->transfer;
    struct common_chunk m;
    uint32_t number = 0;
    if (nika_decode(&common_info_chunk, frame->body, &m) != NIKA_OK) {
        pbft_reject(r, NIKA_CHECK_W0, frame->sender);
        return;
    }
    enum nika_check check = chunk_check(r, frame, &m, &number);
    if (check != NIKA_CHECK_NONE) {
        pbft_reject(r, check, frame->sender);
        /* ST4 says nothing against the source: the chunk may have crossed a restart. */
        if (check != NIKA_CHECK_ST4) pbft_transfer_next_source(r);
        return;
    }
    uint32_t handle = pbft_bulk_alloc(r, m.data.size + 1);
    if (handle == 0) return; /* Asked for again when the timer fires. */
    struct nika_writer w = nika_writer_of(nika_store_at(r->store, handle), m.data.size + 1);
    nika_write_u8(&w, m.part);
    nika_write_raw(&w, m.data.data, m.data.size);
    pbft_transfer_chunk_set(r, t->chunks, number, handle);
    for (uint32_t i = 0; i < PBFT_CHUNKS_IN_FLIGHT; i++) {
        if (t->in_flight[i] == number + 1) t->in_flight[i] = 0;
    }
    t->received++;
    begin_when_complete(r);
}

/* Copy of a FRAMES list with its count, as pbft_make_stable() and pbft_transfer_start() take it. Handle or 0. */
static uint32_t frames_keep(struct nika_replica *r, const struct nika_list *frames)
{
    uint32_t size = 4 + frames->span.size;
    uint32_t handle = nika_store_alloc(r->store, size);
    if (handle == 0) return 0;
    struct nika_writer w = nika_writer_of(nika_store_at(r->store, handle), size);
    nika_write_u32(&w, frames->count);
    nika_write_raw(&w, frames->span.data, frames->span.size);
    return handle;
}

/* S1: a peer's proof that it collected its log up to m.seq, or the answer of a source that no longer has the snapshot. A newer
 * target is trusted for the same reason as the first one: its certificate. */
void pbft_on_no_snapshot(struct nika_replica *r, const struct nika_frame *frame)
{
    struct pbft_transfer *t = &r->transfer;
    struct common_no_snapshot m;
    if (nika_decode(&common_info_no_snapshot, frame->body, &m) != NIKA_OK) {
        pbft_reject(r, NIKA_CHECK_W0, frame->sender);
        return;
    }
    bool answer = t->active && frame->sender == t->source;
    bool news = m.seq > r->low_mark && m.seq > (t->active ? t->seq : r->lag_seq);
    if (t->restoring || (!answer && !news)) return;
    if (!news) {
        pbft_transfer_next_source(r);
        return;
    }
    uint64_t seq = 0, signers[2] = {0, 0};
    struct nika_digest digest;
    bool proven =
        pbft_checkpoint_cert_verify(r, &m.checkpoints, r->quorum, &seq, &digest, signers) &&
        seq == m.seq;
    if (!proven) pbft_reject(r, NIKA_CHECK_ST1, frame->sender);
    uint32_t handle = proven ? frames_keep(r, &m.checkpoints) : 0;
    if (handle == 0) {
        if (answer) pbft_transfer_next_source(r);
        return;
    }
    if (answer)
        pbft_transfer_start(r, seq, &digest, signers, nika_store_span(r->store, handle));
    else
        pbft_make_stable(r, seq, &digest, nika_store_span(r->store, handle));
    nika_store_free(r->store, handle);
}

void pbft_transfer_timer(struct nika_replica *r)
{
    struct pbft_transfer *t = &r->transfer;
    if (!t->active) return;
    if (t->saving) {
        pbft_transfer_save(r);
    } else if (t->restoring) {
        if (t->restore_next <= t->meta.chunk_count) pbft_transfer_restore_slice(r);
    } else if (t->meta_known && t->received == pbft_transfer_chunk_total(t)) {
        pbft_transfer_restore_begin(r); /* The store was full when the last chunk came. */
    } else {
        pbft_transfer_next_source(r);
    }
}
