/* fuzz/targets/handler_pbft.c: what each operation of handler_ops.h says in PBFT's words. */
#include "engine/core/digest.h"
#include "engine/core/merkle.h"
#include "fuzz/targets/handler_ops.h"
#include "protocols/common/batch.h"
#include "protocols/common/quorum.h"
#include "protocols/pbft/messages.h"

#define LIST_BYTES (64u * 1024u)
#define BATCHES 6u /* That digests name; then the null batch, and a digest of nothing. */
#define FLAG(op, bit) (((op)->flags >> (bit)&1u) != 0)

static uint32_t replica_of(const struct handler_player *p, const struct handler_op *op)
{
    return op->sender % desk_config(p->desk)->n;
}

/* 0 = the replica's own view, then one up, two up, one down, very far. */
static uint64_t view_of(const struct handler_player *p, const struct handler_op *op)
{
    static const int64_t steps[] = {0, 1, 2, -1, 1000};
    uint32_t k = op->view % 6;
    if (k == 5) return UINT64_MAX - op->number % 3;
    int64_t step = steps[k];
    return step < 0 && p->at.view == 0 ? 0 : p->at.view + (uint64_t)step;
}

/* 0..8 above what is executed, then below, at and beyond the window. */
static uint64_t seq_of(const struct handler_player *p, const struct handler_op *op)
{
    uint32_t k = op->seq % 16, window = desk_config(p->desk)->window;
    if (k < 10) return p->at.last_executed + 1 + k;
    if (k == 10) return p->at.last_executed;
    if (k == 11) return p->at.low_mark;
    if (k == 12) return p->at.low_mark + window;
    if (k == 13) return p->at.low_mark + window + 1;
    if (k == 14) return p->at.low_mark > 0 ? p->at.low_mark - 1 : 0;
    return UINT64_MAX - op->number % 3;
}

static void send(struct handler_player *p, struct nika_span frame)
{
    if (p->damage) {
        uint8_t *copy = desk_alloc(p->desk, frame.size);
        memcpy(copy, frame.data, frame.size);
        copy[p->damage_at % frame.size] ^= (uint8_t)(1u << (p->damage_at >> 16 & 7));
        frame.data = copy;
        p->damage = false;
    }
    if (desk_deliver(p->desk, frame))
        p->delivered++;
    else
        p->refused++;
}

static void say(struct handler_player *p, uint32_t sender, const struct nika_message_info *info,
                const void *message)
{
    send(p, desk_frame(p->desk, sender, info, message));
}

static struct nika_writer new_list(struct handler_player *p)
{
    return nika_writer_of(desk_alloc(p->desk, LIST_BYTES), LIST_BYTES);
}

/* ---- Requests and batches ---- */
static struct nika_span request_frame(struct handler_player *p, uint32_t client, uint64_t timestamp,
                                      uint32_t flags, uint8_t fill)
{
    uint8_t op[12] = {1, fill};
    struct common_request request = {
        .client = client, .timestamp = timestamp, .flags = flags, .op = {op, sizeof op}};
    return desk_frame(p->desk, nika_client_node(client), &common_info_request, &request);
}

/* Batch number `k`: a few requests; one number is always the same bytes. */
static struct nika_span make_batch(struct handler_player *p, uint32_t k, bool bad)
{
    struct nika_writer w = new_list(p);
    struct common_batch batch = {.time_ns = UINT64_C(10000000000) + (bad ? UINT64_MAX / 2 : k)};
    uint32_t count = k % 3 + (bad ? 2 : 1);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t client = (k + i) % desk_config(p->desk)->clients;
        uint64_t timestamp = bad ? k + 1 : 16u * (k + 1) + i;
        nika_frames_append(&w, &batch.requests, request_frame(p, client, timestamp, 0, (uint8_t)k));
    }
    uint32_t size = nika_encoded_size(&common_info_batch, &batch);
    struct nika_writer out = nika_writer_of(desk_alloc(p->desk, size), size);
    nika_encode(&common_info_batch, &batch, &out);
    return (struct nika_span){out.data, out.at};
}

/* The bytes depend on nothing but the group's keys, which all desks share: made once. */
static struct nika_span batch_body(struct handler_player *p, uint32_t k, bool bad)
{
    static struct {
        uint32_t size;
        uint8_t bytes[1024];
    } made[2][BATCHES];
    if (made[bad][k].size == 0) {
        struct nika_span body = make_batch(p, k, bad);
        NIKA_TARGET_CHECK(body.size <= sizeof made[bad][k].bytes, "a batch of %u bytes", body.size);
        memcpy(made[bad][k].bytes, body.data, body.size);
        made[bad][k].size = body.size;
    }
    return (struct nika_span){made[bad][k].bytes, made[bad][k].size};
}

static struct nika_digest digest_of(struct handler_player *p, const struct handler_op *op)
{
    static struct nika_digest digests[BATCHES];
    struct nika_digest digest;
    uint32_t k = op->digest % 8;
    memset(digest.bytes, k == BATCHES ? 0 : 0xee, sizeof digest.bytes);
    if (k >= BATCHES) return digest;
    if (nika_digest_is_null(&digests[k]))
        common_batch_body_digest(batch_body(p, k, false), &digests[k]);
    return digests[k];
}

static void request(struct handler_player *p, const struct handler_op *op)
{
    uint32_t client = op->sender % desk_config(p->desk)->clients;
    uint64_t timestamp = FLAG(op, 0) ? UINT64_MAX - op->number : op->number % 64;
    uint32_t flags = FLAG(op, 1) ? NIKA_OP_READ_ONLY : 0;
    send(p, request_frame(p, client, timestamp, FLAG(op, 2) ? op->number : flags, op->extra));
}

static void batch(struct handler_player *p, const struct handler_op *op)
{
    struct nika_span body = batch_body(p, op->digest % BATCHES, FLAG(op, 0));
    send(p,
         desk_raw_frame(p->desk, replica_of(p, op), common_info_batch.type, NIKA_AUTH_NONE, body));
}

/* ---- Agreement ---- */
static struct nika_span vote_frame(struct handler_player *p, uint32_t sender,
                                   const struct nika_message_info *info, uint64_t view,
                                   uint64_t seq, const struct nika_digest *digest)
{
    /* PRE-PREPARE, PREPARE and COMMIT say the same three things. */
    struct pbft_prepare vote = {.view = view, .seq = seq, .digest = *digest};
    return desk_frame(p->desk, sender, info, &vote);
}

static const struct nika_message_info *vote_info(const struct handler_op *op)
{
    switch (op->kind) {
    case OP_PRE_PREPARE:
        return &pbft_info_pre_prepare;
    case OP_PREPARE:
        return &pbft_info_prepare;
    case OP_COMMIT:
        return &pbft_info_commit;
    default:
        return FLAG(op, 0) ? &pbft_info_commit : &pbft_info_prepare;
    }
}

static void vote(struct handler_player *p, const struct handler_op *op)
{
    struct nika_digest digest = digest_of(p, op);
    uint64_t view = view_of(p, op);
    uint32_t n = desk_config(p->desk)->n;
    bool as_primary = op->kind == OP_PRE_PREPARE && !FLAG(op, 7);
    uint32_t sender = as_primary ? (uint32_t)(view % n) : replica_of(p, op);
    send(p, vote_frame(p, sender, vote_info(op), view, seq_of(p, op), &digest));
}

static void quorum(struct handler_player *p, const struct handler_op *op)
{
    struct nika_digest digest = digest_of(p, op);
    uint64_t view = view_of(p, op), seq = seq_of(p, op);
    for (uint32_t i = 0; i < desk_config(p->desk)->n; i++)
        send(p, vote_frame(p, i, vote_info(op), view, seq, &digest));
}

static void order(struct handler_player *p, const struct handler_op *op)
{
    struct handler_op part = *op;
    part.flags = 0;
    part.seq = op->seq % 4; /* What comes next, most of the time. */
    part.kind = OP_PRE_PREPARE;
    vote(p, &part);
    part.kind = OP_BATCH;
    batch(p, &part);
    part.kind = OP_QUORUM;
    quorum(p, &part);
    part.flags = 1;
    quorum(p, &part);
}

/* ---- Checkpoints ---- */
static struct nika_span checkpoint_frame(struct handler_player *p, uint32_t sender, uint64_t seq,
                                         uint8_t digest)
{
    struct pbft_checkpoint message = {.seq = seq};
    memset(message.digest.bytes, digest, sizeof message.digest.bytes);
    return desk_frame(p->desk, sender, &pbft_info_checkpoint, &message);
}

static uint64_t checkpoint_seq(const struct handler_player *p, const struct handler_op *op)
{
    uint32_t interval = desk_config(p->desk)->checkpoint_interval;
    uint64_t seq = seq_of(p, op);
    return FLAG(op, 6) ? seq : seq / interval * interval;
}

static void checkpoint(struct handler_player *p, const struct handler_op *op)
{
    uint64_t seq = checkpoint_seq(p, op);
    if (!FLAG(op, 0)) {
        send(p, checkpoint_frame(p, replica_of(p, op), seq, op->digest % 3));
        return;
    }
    for (uint32_t i = 0; i < desk_config(p->desk)->n; i++)
        send(p, checkpoint_frame(p, i, seq, op->digest % 3));
}

static struct nika_list checkpoints(struct handler_player *p, const struct handler_op *op,
                                    uint64_t seq)
{
    struct nika_writer w = new_list(p);
    struct nika_list list = {.span = {w.data, 0}};
    uint32_t n = desk_config(p->desk)->n, count = op->extra % (n + 2);
    for (uint32_t i = 0; i < count; i++)
        nika_frames_append(&w, &list,
                           checkpoint_frame(p, FLAG(op, 5) ? 3 : i % n, seq, op->digest % 3));
    return list;
}

/* ---- View changes ---- */
static void append_certificate(struct handler_player *p, const struct handler_op *op, uint64_t view,
                               uint64_t seq, struct nika_writer *w, struct nika_list *list)
{
    uint32_t n = desk_config(p->desk)->n;
    struct nika_digest digest = digest_of(p, op), other = digest;
    uint32_t primary = (uint32_t)(view % n);
    if (FLAG(op, 1)) other.bytes[0] ^= 1;
    struct nika_writer prepares = new_list(p);
    struct pbft_certificate certificate = {.prepares = {.span = {prepares.data, 0}}};
    certificate.pre_prepare = vote_frame(p, FLAG(op, 2) ? (primary + 1) % n : primary,
                                         &pbft_info_pre_prepare, view, seq, &digest);
    uint32_t wanted = common_quorum(n, desk_config(p->desk)->f) - 1 - (FLAG(op, 3) ? 1 : 0);
    for (uint32_t i = 0; i < n && certificate.prepares.count < wanted; i++) {
        if (i == primary && !FLAG(op, 4)) continue;
        nika_frames_append(&prepares, &certificate.prepares,
                           vote_frame(p, i, &pbft_info_prepare, view, seq, &other));
    }
    nika_list_append(w, list, &pbft_info_certificate, &certificate);
}

static struct nika_span view_change_frame(struct handler_player *p, const struct handler_op *op,
                                          uint32_t sender, uint64_t view)
{
    struct nika_writer prepared = new_list(p);
    uint64_t low = FLAG(op, 6) ? checkpoint_seq(p, op) : p->at.low_mark;
    struct pbft_view_change message = {.view = view, .low_mark = low};
    message.checkpoints = checkpoints(p, op, low);
    message.prepared = (struct nika_list){.span = {prepared.data, 0}};
    uint64_t below = view > 0 ? view - 1 - op->number % (view < 3 ? view : 3) : 0;
    for (uint32_t i = 0; i < op->count % 6u; i++)
        append_certificate(p, op, FLAG(op, 7) ? view : below, low + 1 + i, &prepared,
                           &message.prepared);
    return desk_frame(p->desk, sender, &pbft_info_view_change, &message);
}

static void view_change(struct handler_player *p, const struct handler_op *op)
{
    uint64_t view = view_of(p, op);
    if (op->view % 6 == 0 && p->at.active) view++; /* The next view is where one goes. */
    send(p, view_change_frame(p, op, replica_of(p, op), view));
}

static void new_view(struct handler_player *p, const struct handler_op *op)
{
    const struct nika_config *config = desk_config(p->desk);
    struct nika_writer changes = new_list(p), orders = new_list(p);
    uint64_t view = view_of(p, op);
    if (op->view % 6 == 0 && p->at.active) view++;
    struct pbft_new_view message = {.view = view,
                                    .view_changes = {.span = {changes.data, 0}},
                                    .pre_prepares = {.span = {orders.data, 0}}};
    uint32_t primary = (uint32_t)(view % config->n);
    struct handler_op part = *op;
    part.flags = (uint8_t)(op->flags & 0x7eu);
    part.extra = p->at.low_mark > 0 ? 3 : 0;
    for (uint32_t i = 0; i < 3u - (FLAG(op, 0) ? 1u : 0u); i++) {
        uint32_t sender = op->number >> 8 == 1 ? primary : (primary + i) % config->n;
        nika_frames_append(&changes, &message.view_changes,
                           view_change_frame(p, &part, sender, view));
    }
    struct nika_digest digest = digest_of(p, op);
    uint32_t count = op->extra % 8 == 7 ? op->count : op->count % 6u;
    for (uint32_t i = 0; i < count; i++) {
        nika_frames_append(
            &orders, &message.pre_prepares,
            vote_frame(p, primary, &pbft_info_pre_prepare, view, p->at.low_mark + 1 + i, &digest));
    }
    say(p, FLAG(op, 7) ? replica_of(p, op) : primary, &pbft_info_new_view, &message);
}

/* ---- STATUS, fetching, state transfer ---- */
static void status(struct handler_player *p, const struct handler_op *op)
{
    uint8_t bits[128];
    memset(bits, op->extra, sizeof bits);
    uint32_t size = op->count % 130u;
    struct nika_digest digest = digest_of(p, op);
    struct nika_writer w = new_list(p);
    struct pbft_status message = {.view = view_of(p, op),
                                  .active = FLAG(op, 0),
                                  .has_new_view = FLAG(op, 1),
                                  .low_mark = checkpoint_seq(p, op),
                                  .last_executed = seq_of(p, op),
                                  .nonce = op->number,
                                  .missing = {.span = {w.data, 0}}};
    if (size > 128) size = 128;
    message.prepared = (struct nika_span){bits, size};
    message.committed = (struct nika_span){bits, size};
    message.view_changes = (struct nika_span){bits, size > 16 ? 16 : size};
    if (FLAG(op, 2)) nika_digests_append(&w, &message.missing, &digest);
    say(p, replica_of(p, op), &pbft_info_status, &message);
}

static void fetch(struct handler_player *p, const struct handler_op *op)
{
    struct common_fetch_batch ask_batch = {.digest = digest_of(p, op)};
    struct common_fetch_meta ask_meta = {.seq = checkpoint_seq(p, op)};
    struct common_fetch_chunk ask_chunk = {
        .seq = checkpoint_seq(p, op), .part = op->count, .index = op->number};
    memset(ask_meta.digest.bytes, op->digest % 3, sizeof ask_meta.digest.bytes);
    if (op->extra % 3 == 0) say(p, replica_of(p, op), &common_info_fetch_batch, &ask_batch);
    if (op->extra % 3 == 1) say(p, replica_of(p, op), &common_info_fetch_meta, &ask_meta);
    if (op->extra % 3 == 2) say(p, replica_of(p, op), &common_info_fetch_chunk, &ask_chunk);
}

static void transfer(struct handler_player *p, const struct handler_op *op)
{
    uint64_t seq = checkpoint_seq(p, op);
    uint8_t data[256];
    memset(data, op->digest, sizeof data);
    struct nika_writer w = new_list(p);
    struct common_chunk chunk = {.seq = seq,
                                 .part = op->count % 3,
                                 .index = op->number,
                                 .data = {data, op->number % 257},
                                 .proof = {.span = {w.data, 0}}};
    struct nika_digest sibling = digest_of(p, op);
    for (uint32_t i = 0; i < op->flags % 20u && i < NIKA_MERKLE_DEPTH_MAX; i++)
        nika_digests_append(&w, &chunk.proof, &sibling);
    struct common_meta meta = {.seq = seq,
                               .chunk_count = op->count,
                               .total_size = op->number,
                               .reply_chunk_count = op->extra % 4,
                               .reply_size = op->number % 1000,
                               .epoch = FLAG(op, 5) ? 1 : 0};
    memset(meta.root.bytes, op->digest, sizeof meta.root.bytes);
    struct common_no_snapshot gone = {.seq = seq, .checkpoints = checkpoints(p, op, seq)};
    if (op->extra % 3 == 0) say(p, replica_of(p, op), &common_info_meta, &meta);
    if (op->extra % 3 == 1) say(p, replica_of(p, op), &common_info_chunk, &chunk);
    if (op->extra % 3 == 2) say(p, replica_of(p, op), &common_info_no_snapshot, &gone);
}

static void commit_cert(struct handler_player *p, const struct handler_op *op)
{
    struct nika_writer w = new_list(p);
    struct pbft_commit_cert message = {.commits = {.span = {w.data, 0}}};
    struct nika_digest digest = digest_of(p, op);
    uint32_t n = desk_config(p->desk)->n;
    for (uint32_t i = 0; i < op->count % 6u; i++)
        nika_frames_append(&w, &message.commits,
                           vote_frame(p, FLAG(op, 1) ? 2 : i % n,
                                      FLAG(op, 2) ? &pbft_info_prepare : &pbft_info_commit,
                                      view_of(p, op), seq_of(p, op), &digest));
    say(p, replica_of(p, op), &pbft_info_commit_cert, &message);
}

static void raw(struct handler_player *p, const struct handler_op *op)
{
    uint8_t body[64];
    uint8_t type = (uint8_t)(op->count % 32);
    const struct nika_message_info *info =
        type < pbft_messages.count ? pbft_messages.messages[type] : NULL;
    for (uint32_t i = 0; i < sizeof body; i++) body[i] = (uint8_t)(op->extra + i * op->digest);
    nika_store_le(body, p->at.view, 8);
    nika_store_le(body + 8, seq_of(p, op), 8);
    uint8_t alg = info != NULL ? info->auth : op->flags % 3;
    send(p, desk_raw_frame(p->desk, replica_of(p, op), type, alg,
                           (struct nika_span){body, op->number % (sizeof body + 1)}));
}

void handler_play_pbft(struct handler_player *p, const struct handler_op *op)
{
    static void (*const plays[])(struct handler_player *,
                                 const struct handler_op *) = {[OP_REQUEST] = request,
                                                               [OP_PRE_PREPARE] = vote,
                                                               [OP_BATCH] = batch,
                                                               [OP_PREPARE] = vote,
                                                               [OP_COMMIT] = vote,
                                                               [OP_ORDER] = order,
                                                               [OP_QUORUM] = quorum,
                                                               [OP_CHECKPOINT] = checkpoint,
                                                               [OP_VIEW_CHANGE] = view_change,
                                                               [OP_NEW_VIEW] = new_view,
                                                               [OP_STATUS] = status,
                                                               [OP_FETCH] = fetch,
                                                               [OP_TRANSFER] = transfer,
                                                               [OP_COMMIT_CERT] = commit_cert,
                                                               [OP_RAW] = raw,
                                                               [OP_KINDS] = NULL};
    desk_forget(p->desk);
    desk_status(p->desk, &p->at);
    if (plays[op->kind] != NULL) {
        plays[op->kind](p, op);
        return;
    }
    if (op->kind == OP_TIMER) desk_fire(p->desk, op->number % NIKA_TIMERS_MAX);
    if (op->kind == OP_TIME) desk_pass(p->desk, (uint64_t)op->number * 1000000);
    if (op->kind == OP_SETTLE) desk_settle(p->desk);
    if (op->kind == OP_DAMAGED) {
        p->damage = true;
        p->damage_at = op->number;
    }
}
