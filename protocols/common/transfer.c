/* protocols/common/state_transfer.c: fetching a state that others proved correct (PROTOCOLS.md 1.8, ST1-ST6).
 *
 * The target (seq, digest) is trusted only because Q or W replicas signed it; META is trusted because it hashes to that digest, and
 * a chunk because of its Merkle proof. So any one replica can be the source of anything, and a lying source only costs time.
 * While a transfer runs nothing is executed; the snapshot is durable before anything depends on it. */
#include "protocols/common/transfer_parts.h"

#include "protocols/common/checkpoints.h"
#include "protocols/common/intake.h"
#include "protocols/common/output.h"
#include "protocols/common/window.h"

#define RESTORE_SLICE_BYTES                                                                        \
    (256u * 1024u)             /* Handed to the app per step, so that effects stay bounded. */
#define RETRY_DOUBLINGS_MAX 4u /* Exponential retry once every source was asked. */

/* Forget the chunks [from, to) of the table. */
static void chunks_free(struct common_core *core, uint32_t table, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        nika_store_free(core->store, common_transfer_chunk_get(core, table, i));
        common_transfer_chunk_set(core, table, i, 0);
    }
}

void common_transfer_drop_chunks(struct common_core *core)
{
    struct common_transfer *t = &core->transfer;
    if (t->chunks != 0) {
        chunks_free(core, t->chunks, 0, common_transfer_chunk_total(t));
        nika_store_free(core->store, t->chunks);
    }
    t->chunks = 0;
    t->received = 0;
}

/* The (attempt+1)-th signer after this replica, so that replicas that fall behind together do not all ask one. */
static void choose_source(struct common_core *core)
{
    struct common_transfer *t = &core->transfer;
    uint32_t first = core->self + 1 + t->attempt;
    if (NIKA_PLANTED(I13))
        first = (uint32_t)((uintptr_t)core * UINT64_C(0x9e3779b97f4a7c15) >> 40) + t->attempt;
    for (uint32_t k = 0; k < core->n; k++) {
        uint32_t candidate = (first + k) % core->n;
        if (candidate == core->self || !nika_set_has(t->signers, candidate)) continue;
        t->attempt += k;
        t->source = candidate;
        return;
    }
    t->source = (core->self + 1) % core->n;
}

void common_transfer_arm_timer(struct common_core *core)
{
    uint32_t rounds = core->transfer.attempt / core->n;
    if (rounds > RETRY_DOUBLINGS_MAX) rounds = RETRY_DOUBLINGS_MAX;
    common_timer_start(core, COMMON_TIMER_TRANSFER, core->config->fetch_ns << rounds);
}

static void request_meta(struct common_core *core)
{
    struct common_fetch_meta m = {.seq = core->transfer.seq, .digest = core->transfer.digest};
    common_send(core, core->transfer.source, &common_info_fetch_meta, &m);
}

static bool is_in_flight(const struct common_transfer *t, uint32_t number)
{
    for (uint32_t i = 0; i < COMMON_CHUNKS_IN_FLIGHT; i++) {
        if (t->in_flight[i] == number + 1) return true;
    }
    return false;
}

/* The next chunk that is neither here nor asked for, or the total. */
static uint32_t next_missing(struct common_core *core)
{
    struct common_transfer *t = &core->transfer;
    uint32_t total = common_transfer_chunk_total(t);
    while (t->next_wanted < total &&
           common_transfer_chunk_get(core, t->chunks, t->next_wanted) != 0)
        t->next_wanted++;
    uint32_t number = t->next_wanted;
    while (number < total &&
           (common_transfer_chunk_get(core, t->chunks, number) != 0 || is_in_flight(t, number)))
        number++;
    return number;
}

static void request_chunks(struct common_core *core)
{
    struct common_transfer *t = &core->transfer;
    for (uint32_t i = 0; i < COMMON_CHUNKS_IN_FLIGHT; i++) {
        if (t->in_flight[i] != 0) continue;
        uint32_t number = next_missing(core);
        if (number == common_transfer_chunk_total(t)) return;
        t->in_flight[i] = number + 1;
        bool app = number < t->meta.chunk_count;
        struct common_fetch_chunk m = {.seq = t->seq,
                                       .part = app ? PART_APP : PART_REPLIES,
                                       .index = app ? number : number - t->meta.chunk_count};
        common_send(core, t->source, &common_info_fetch_chunk, &m);
    }
}

/* Ask the current source for whatever comes next. */
static void request_more(struct common_core *core)
{
    if (core->transfer.meta_known) {
        request_chunks(core);
    } else {
        request_meta(core);
    }
    common_transfer_arm_timer(core);
}

void common_transfer_next_source(struct common_core *core)
{
    struct common_transfer *t = &core->transfer;
    REACHED(replica_state_transfer_source_rotated);
    t->attempt++;
    choose_source(core);
    memset(t->in_flight, 0, sizeof t->in_flight);
    request_more(core);
}

static void note(struct common_core *core, uint64_t phase)
{
    struct nika_span digest = {core->transfer.digest.bytes, NIKA_DIGEST_SIZE};
    nika_effects_note(core->effects, NIKA_NOTE_TRANSFER, core->transfer.seq, phase, digest);
}

/* Remember the certificate once: a Q certificate found later makes a W-based target stable, too. */
static void keep_certificate(struct common_core *core, struct nika_span cert)
{
    if (cert.size != 0 && core->transfer.stable_cert == 0)
        core->transfer.stable_cert = nika_store_put(core->store, cert);
}

void common_transfer_start(struct common_core *core, uint64_t seq, const struct nika_digest *digest,
                           const uint64_t signers[2], struct nika_span cert)
{
    struct common_transfer *t = &core->transfer;
    if (t->active && seq == t->seq && nika_digest_equal(digest, &t->digest)) {
        keep_certificate(core, cert);
        for (uint32_t i = 0; i < 2; i++) t->signers[i] |= signers[i];
        return;
    }
    const struct common_snapshot *own = common_snapshot_find(core, seq);
    bool mine = own != NULL && own->meta_known && nika_digest_equal(&own->digest, digest);
    if (!NIKA_PLANTED(B40) && mine) return;
    /* A snapshot that is being restored is finished first: another newer one will be noticed again. */
    if (t->active && (t->restoring || (!NIKA_PLANTED(W15) && seq <= t->seq))) return;
    if (t->active) note(core, 2);
    nika_store_free(core->store, t->stable_cert);
    t->stable_cert = 0;
    t->active = true;
    /* meta and chunks of an older target stay until the new META tells which of them are still good. */
    t->meta_known = false;
    t->seq = seq;
    t->digest = *digest;
    for (uint32_t i = 0; i < 2; i++) t->signers[i] = signers[i];
    t->attempt = 0;
    memset(t->in_flight, 0, sizeof t->in_flight);
    keep_certificate(core, cert);
    common_timer_stop(core, COMMON_TIMER_REQUEST);
    note(core, 0);
    choose_source(core);
    request_more(core);
}

void common_transfer_spare(struct common_core *core, uint64_t seq, const struct nika_digest *digest)
{
    struct common_transfer *t = &core->transfer;
    /* From the first chunk on the application holds nothing else any more. */
    if (!t->active || t->restoring || t->seq != seq || !nika_digest_equal(&t->digest, digest))
        return;
    note(core, 2);
    common_timer_stop(core, COMMON_TIMER_TRANSFER);
    common_transfer_forget(core);
    common_request_timer_update(core);
}

/* ---- META ------------------------------------------------------------------------------------------------------------ */

/* ST5: within limits before anything is allocated. */
static bool meta_within_limits(const struct common_core *core, const struct common_meta *m)
{
    const struct nika_config *config = core->config;
    if (m->total_size > config->snapshot_size_max || m->chunk_count > NIKA_CHUNKS_MAX) return false;
    uint64_t reply_max = (uint64_t)config->clients * (config->reply_size_max + 128u) + 64u;
    if (m->reply_size > reply_max || m->reply_size > UINT32_MAX) return false;
    if (m->reply_chunk_count > NIKA_CHUNKS_MAX) return false;
    return m->reply_chunk_count == common_chunk_count((uint32_t)m->reply_size, config->chunk_size);
}

/* Move the chunks [from, from+count) of the old table to `to` in the new one: content-addressed by the equal root. */
static uint32_t chunks_move(struct common_core *core, uint32_t table, uint32_t from, uint32_t to,
                            uint32_t count)
{
    uint32_t moved = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t handle = common_transfer_chunk_get(core, core->transfer.chunks, from + i);
        common_transfer_chunk_set(core, core->transfer.chunks, from + i, 0);
        common_transfer_chunk_set(core, table, to + i, handle);
        moved += handle != 0 ? 1u : 0u;
    }
    return moved;
}

/* Adopt META: a new chunk table that keeps those verified chunks whose tree is the same. False when the store is full. */
static bool adopt_meta(struct common_core *core, const struct common_meta *m)
{
    struct common_transfer *t = &core->transfer;
    uint32_t size = 4u * (m->chunk_count + m->reply_chunk_count);
    uint32_t table = nika_store_alloc(core->store, size == 0 ? 4u : size);
    if (table == 0) return false;
    memset(nika_store_at(core->store, table), 0, size == 0 ? 4u : size);
    uint32_t kept = 0;
    if (t->chunks != 0) {
        bool app =
            t->meta.chunk_count == m->chunk_count && nika_digest_equal(&t->meta.root, &m->root);
        bool replies = t->meta.reply_size == m->reply_size &&
                       t->meta.reply_chunk_count == m->reply_chunk_count &&
                       nika_digest_equal(&t->meta.reply_root, &m->reply_root);
        if (app) kept += chunks_move(core, table, 0, 0, m->chunk_count);
        if (replies)
            kept +=
                chunks_move(core, table, t->meta.chunk_count, m->chunk_count, m->reply_chunk_count);
        common_transfer_drop_chunks(core);
    }
    t->meta = *m;
    t->meta_known = true;
    t->chunks = table;
    t->received = kept;
    t->next_wanted = 0;
    return true;
}

static void begin_when_complete(struct common_core *core)
{
    if (core->transfer.received == common_transfer_chunk_total(&core->transfer)) {
        common_transfer_restore_begin(core);
    } else {
        request_more(core);
    }
}

void common_on_meta(struct common_core *core, const struct nika_frame *frame)
{
    struct common_transfer *t = &core->transfer;
    struct common_meta m;
    if (nika_decode(&common_info_meta, frame->body, &m) != NIKA_OK) {
        common_reject(core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    if (!t->active || t->meta_known) return; /* Late answer of a source that was replaced. */
    struct nika_digest digest;
    common_meta_digest(&m, &digest);
    enum nika_check check = NIKA_CHECK_NONE;
    if (m.seq != t->seq || !nika_digest_equal(&digest, &t->digest)) {
        check = NIKA_CHECK_ST1;
    } else if (!meta_within_limits(core, &m)) {
        check = NIKA_CHECK_ST5;
    }
    if (NIKA_PLANTED(B35) && m.seq == t->seq)
        check = meta_within_limits(core, &m) ? NIKA_CHECK_NONE : NIKA_CHECK_ST5;
    if (check != NIKA_CHECK_NONE) {
        common_reject(core, check, frame->sender);
        if (frame->sender == t->source) common_transfer_next_source(core);
        return;
    }
    if (adopt_meta(core, &m)) begin_when_complete(core);
}

/* ---- CHUNK ----------------------------------------------------------------------------------------------------------- */

static bool chunk_length_right(const struct common_core *core, const struct common_chunk *m)
{
    const struct common_meta *meta = &core->transfer.meta;
    uint32_t size_max = core->config->chunk_size;
    /* An application cuts its state as it likes: the leaf hash binds each length. */
    if (m->part == PART_APP) return m->data.size <= size_max;
    uint32_t size = (uint32_t)meta->reply_size;
    uint32_t left = size - m->index * size_max;
    return m->data.size == (left < size_max ? left : size_max);
}

static bool chunk_proven(const struct common_core *core, const struct common_chunk *m)
{
    const struct common_meta *meta = &core->transfer.meta;
    struct nika_merkle_proof proof = {0};
    struct nika_digest leaf, sibling;
    uint32_t at = 0;
    while (nika_digests_next(&m->proof, &at, &sibling)) {
        if (proof.count == NIKA_MERKLE_DEPTH_MAX) return false;
        proof.siblings[proof.count++] = sibling;
    }
    if (NIKA_PLANTED(B35)) return true;
    nika_merkle_leaf(m->index, m->data, &leaf);
    bool app = m->part == PART_APP;
    return nika_merkle_verify(app ? &meta->root : &meta->reply_root, m->index,
                              app ? meta->chunk_count : meta->reply_chunk_count, &leaf,
                              &proof) == NIKA_OK;
}

/* ST2-ST4 of a chunk; *number is its place in the table. */
static enum nika_check chunk_check(struct common_core *core, const struct nika_frame *frame,
                                   const struct common_chunk *m, uint32_t *number)
{
    const struct common_transfer *t = &core->transfer;
    if (!t->active || !t->meta_known || t->restoring || m->seq != t->seq) return NIKA_CHECK_ST4;
    if (frame->sender != t->source) return NIKA_CHECK_ST4;
    bool app = m->part == PART_APP;
    if (m->part > PART_REPLIES) return NIKA_CHECK_ST2;
    if (m->index >= (app ? t->meta.chunk_count : t->meta.reply_chunk_count)) return NIKA_CHECK_ST2;
    *number = app ? m->index : t->meta.chunk_count + m->index;
    NIKA_ASSERT(!NIKA_PLANTED(W12) || is_in_flight(t, *number));
    if (!is_in_flight(t, *number)) return NIKA_CHECK_ST4;
    if (!chunk_length_right(core, m)) return NIKA_CHECK_ST2;
    return chunk_proven(core, m) ? NIKA_CHECK_NONE : NIKA_CHECK_ST3;
}

void common_on_chunk(struct common_core *core, const struct nika_frame *frame)
{
    struct common_transfer *t = &core->transfer;
    struct common_chunk m;
    uint32_t number = 0;
    if (nika_decode(&common_info_chunk, frame->body, &m) != NIKA_OK) {
        common_reject(core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    enum nika_check check = chunk_check(core, frame, &m, &number);
    if (check != NIKA_CHECK_NONE) {
        common_reject(core, check, frame->sender);
        /* ST4 says nothing against the source: the chunk may have crossed a restart. */
        if (check != NIKA_CHECK_ST4) common_transfer_next_source(core);
        return;
    }
    for (uint32_t i = COMMON_CHUNKS_IN_FLIGHT; NIKA_PLANTED(W14) && i > 0; i--)
        if (t->in_flight[i - 1] != 0) number = t->in_flight[i - 1] - 1;
    uint32_t handle = common_bulk_alloc(core, m.data.size + 1);
    if (handle == 0) return; /* Asked for again when the timer fires. */
    struct nika_writer w = nika_writer_of(nika_store_at(core->store, handle), m.data.size + 1);
    nika_write_u8(&w, m.part);
    nika_write_raw(&w, m.data.data, m.data.size);
    common_transfer_chunk_set(core, t->chunks, number, handle);
    for (uint32_t i = 0; i < COMMON_CHUNKS_IN_FLIGHT; i++) {
        if (t->in_flight[i] == number + 1) t->in_flight[i] = 0;
    }
    t->received++;
    begin_when_complete(core);
}

/* Copy of a FRAMES list with its count, as common_make_stable() and common_transfer_start() take it. Handle or 0. */
static uint32_t frames_keep(struct common_core *core, const struct nika_list *frames)
{
    uint32_t size = 4 + frames->span.size;
    uint32_t handle = nika_store_alloc(core->store, size);
    if (handle == 0) return 0;
    struct nika_writer w = nika_writer_of(nika_store_at(core->store, handle), size);
    nika_write_u32(&w, frames->count);
    nika_write_raw(&w, frames->span.data, frames->span.size);
    return handle;
}

/* S1: a peer's proof that it collected its log up to m.seq, or the answer of a source that no longer has the snapshot. A newer
 * target is trusted for the same reason as the first one: its certificate. */
void common_on_no_snapshot(struct common_core *core, const struct nika_frame *frame)
{
    struct common_transfer *t = &core->transfer;
    struct common_no_snapshot m;
    if (nika_decode(&common_info_no_snapshot, frame->body, &m) != NIKA_OK) {
        common_reject(core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    bool answer = t->active && frame->sender == t->source;
    bool news = m.seq > core->low_mark &&
                (NIKA_PLANTED(W15) || m.seq > (t->active ? t->seq : core->lag_seq));
    if (t->restoring || (!answer && !news)) return;
    if (!news) {
        common_transfer_next_source(core);
        return;
    }
    uint64_t seq = 0, signers[2] = {0, 0};
    struct nika_digest digest;
    bool proven = common_checkpoint_cert_verify(core, &m.checkpoints, core->stable_need, &seq,
                                                &digest, signers) &&
                  seq == m.seq;
    if (!proven) common_reject(core, NIKA_CHECK_ST1, frame->sender);
    uint32_t handle = proven ? frames_keep(core, &m.checkpoints) : 0;
    if (handle == 0) {
        if (answer) common_transfer_next_source(core);
        return;
    }
    if (answer)
        common_transfer_start(core, seq, &digest, signers, nika_store_span(core->store, handle));
    else
        common_make_stable(core, seq, &digest, nika_store_span(core->store, handle));
    nika_store_free(core->store, handle);
}

void common_transfer_timer(struct common_core *core)
{
    struct common_transfer *t = &core->transfer;
    if (!t->active) return;
    if (t->saving) {
        common_transfer_save(core);
    } else if (t->restoring) {
        if (t->restore_next <= t->meta.chunk_count) common_transfer_restore_slice(core);
    } else if (t->meta_known && t->received == common_transfer_chunk_total(t)) {
        common_transfer_restore_begin(core); /* The store was full when the last chunk came. */
    } else {
        common_transfer_next_source(core);
    }
}
