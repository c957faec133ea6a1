/* fuzz/targets/handler_parts.c: what operations of handler_ops.h say in words that all protocols share (handler_parts.h). */
#include "fuzz/targets/handler_parts.h"

#include "engine/core/digest.h"
#include "engine/core/merkle.h"
#include "fuzz/targets/kept.h"
#include "fuzz/targets/uncounted.h"
#include "protocols/common/batch.h"

#define LIST_BYTES                                                                                 \
    (64u * 1024u +                                                                                 \
     320u) /* A power of two would put all beginnings in one line of the processor's cache. */
#define PROTOCOLS 3u /* One more than the highest id. */
#define BATCHES 6u   /* That digests name; then the null batch, and what the replica said itself. */

uint32_t handler_replica(const struct handler_player *p, const struct handler_op *op)
{
    return op->sender % desk_config(p->desk)->n;
}

/* 0 = the replica's own view, then one up, two up, one down, very far. */
uint64_t handler_view(const struct handler_player *p, const struct handler_op *op)
{
    static const int64_t steps[] = {0, 1, 2, -1, 1000};
    uint32_t k = op->view % 6;
    if (k == 5) return UINT64_MAX - op->number % 3;
    int64_t step = steps[k];
    return step < 0 && p->at.view == 0 ? 0 : p->at.view + (uint64_t)step;
}

/* 0..8 above what is executed, then below, at and beyond the window. */
uint64_t handler_seq(const struct handler_player *p, const struct handler_op *op)
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

void handler_send(struct handler_player *p, struct nika_span frame)
{
    if (p->take != NULL) p->take(p->take_context, frame);
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

void handler_begin(struct handler_player *p)
{
    desk_forget(p->desk);
    kept_tidy();
    if (!p->known) desk_status(p->desk, &p->at);
    p->known = false;
}

void handler_say(struct handler_player *p, uint32_t sender, const struct nika_message_info *info,
                 const void *message)
{
    handler_send(p, desk_frame(p->desk, sender, info, message));
}

struct nika_writer handler_new_list(struct handler_player *p)
{
    return nika_writer_of(desk_alloc(p->desk, LIST_BYTES), LIST_BYTES);
}

/* ---- Frames that are kept ---- */
_Static_assert(sizeof(struct handler_vote) == NIKA_DIGEST_SIZE + 2 * 8 + 4 * 4 + 8, "no padding");
_Static_assert(sizeof(struct handler_speech) ==
                   sizeof(struct handler_vote) + NIKA_DIGEST_SIZE + 8 + 16,
               "no padding");

struct handler_vote handler_vote(const struct handler_player *p, uint32_t sender,
                                 const struct nika_message_info *info, uint64_t view, uint64_t seq,
                                 const struct nika_digest *digest)
{
    return (struct handler_vote){.digest = *digest,
                                 .view = view,
                                 .seq = seq,
                                 .protocol = desk_config(p->desk)->protocol,
                                 .self = desk_self(p->desk), /* A MAC is for one. */
                                 .sender = sender,
                                 .type = info->type};
}

struct nika_span handler_speech(struct handler_player *p, const struct handler_op *op,
                                uint32_t sender, const struct nika_message_info *info,
                                uint64_t view, uint64_t low, handler_maker *make)
{
    struct nika_digest digest = handler_digest(p, op);
    struct handler_speech key = {.vote =
                                     handler_vote(p, sender, info, view, p->at.low_mark, &digest),
                                 .checkpoint = handler_checkpoint_digest(p, op, low),
                                 .low = low};
    handler_op_write(op, key.op);
    struct nika_span frame = kept_find(&key, sizeof key);
    if (frame.size > 0) return frame;
    nika_uncounted_begin();
    frame = kept_add(&key, sizeof key, make(p, op, sender, view, low));
    nika_uncounted_end();
    return frame;
}

uint64_t handler_low_mark(const struct handler_player *p, const struct handler_op *op)
{
    return HANDLER_FLAG(op, 6) ? handler_checkpoint_seq(p, op) : p->at.low_mark;
}

uint64_t handler_next_view(const struct handler_player *p, const struct handler_op *op)
{
    return handler_view(p, op) + (op->view % 6 == 0 && p->at.active ? 1 : 0);
}

/* ---- Requests and batches ---- */
static struct nika_span request_frame(struct handler_player *p, uint32_t client, uint64_t timestamp,
                                      uint32_t flags, uint8_t fill)
{
    uint8_t op[12] = {1, fill};
    struct common_request request = {
        .client = client, .timestamp = timestamp, .flags = flags, .op = {op, sizeof op}};
    struct nika_digest nothing = {{0}};
    struct handler_vote key =
        handler_vote(p, nika_client_node(client), &common_info_request, flags, timestamp, &nothing);
    key.bent = fill;
    struct nika_span frame = kept_find(&key, sizeof key);
    if (frame.size > 0) return frame;
    nika_uncounted_begin();
    frame = kept_add(&key, sizeof key,
                     desk_frame(p->desk, nika_client_node(client), &common_info_request, &request));
    nika_uncounted_end();
    return frame;
}

/* Batch number `k`: a few requests; one number is always the same bytes. */
static struct nika_span make_batch(struct handler_player *p, uint32_t k, bool bad)
{
    struct nika_writer w = handler_new_list(p);
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

/* The bytes depend on nothing but the group's keys, which all desks of a protocol share: made once. */
static struct nika_span batch_body(struct handler_player *p, uint32_t k, bool bad)
{
    static struct {
        uint32_t size;
        uint8_t bytes[1024];
    } made[PROTOCOLS][2][BATCHES], *one;
    one = &made[desk_config(p->desk)->protocol % PROTOCOLS][bad][k];
    if (one->size == 0) {
        nika_uncounted_begin();
        struct nika_span body = make_batch(p, k, bad);
        nika_uncounted_end();
        NIKA_TARGET_CHECK(body.size <= sizeof one->bytes, "a batch of %u bytes", body.size);
        memcpy(one->bytes, body.data, body.size);
        one->size = body.size;
    }
    return (struct nika_span){one->bytes, one->size};
}

/* What the replica under test proposed or accepted where the operation points. */
static bool own_digest(const struct handler_player *p, const struct handler_op *op,
                       struct nika_digest *out)
{
    uint64_t view = handler_view(p, op), seq = handler_seq(p, op);
    return desk_said(p->desk, NIKA_MESSAGE_PROPOSE, view, seq, out) ||
           desk_said(p->desk, NIKA_MESSAGE_PREPARE, view, seq, out) ||
           desk_said(p->desk, NIKA_MESSAGE_COMMIT, view, seq, out);
}

struct nika_digest handler_digest(struct handler_player *p, const struct handler_op *op)
{
    static struct nika_digest made[PROTOCOLS][BATCHES];
    struct nika_digest digest, *digests = made[desk_config(p->desk)->protocol % PROTOCOLS];
    uint32_t k = op->digest % 8;
    memset(digest.bytes, k == BATCHES ? 0 : 0xee, sizeof digest.bytes);
    if (k > BATCHES) (void)own_digest(p, op, &digest);
    if (k >= BATCHES) return digest;
    if (nika_digest_is_null(&digests[k])) {
        nika_uncounted_begin();
        common_batch_body_digest(batch_body(p, k, false), &digests[k]);
        nika_uncounted_end();
    }
    return digests[k];
}

void handler_request(struct handler_player *p, const struct handler_op *op)
{
    uint32_t client = op->sender % desk_config(p->desk)->clients;
    uint64_t timestamp = HANDLER_FLAG(op, 0) ? UINT64_MAX - op->number : op->number % 64;
    uint32_t flags = HANDLER_FLAG(op, 1) ? NIKA_OP_READ_ONLY : 0;
    handler_send(p, request_frame(p, client, timestamp, HANDLER_FLAG(op, 2) ? op->number : flags,
                                  op->extra));
}

void handler_next_request(struct handler_player *p)
{
    handler_send(p, request_frame(p, 0, 1024 + p->at.last_executed, 0, 1));
}

void handler_batch(struct handler_player *p, const struct handler_op *op)
{
    struct nika_span body = batch_body(p, op->digest % BATCHES, HANDLER_FLAG(op, 0));
    handler_send(p, desk_raw_frame(p->desk, handler_replica(p, op), common_info_batch.type,
                                   NIKA_AUTH_NONE, body));
}

/* ---- Checkpoints, fetching, state transfer ---- */
uint64_t handler_checkpoint_seq(const struct handler_player *p, const struct handler_op *op)
{
    uint32_t interval = desk_config(p->desk)->checkpoint_interval;
    uint64_t seq = handler_seq(p, op);
    return HANDLER_FLAG(op, 6) ? seq : seq / interval * interval;
}

struct nika_digest handler_checkpoint_digest(const struct handler_player *p,
                                             const struct handler_op *op, uint64_t seq)
{
    struct nika_digest digest;
    memset(digest.bytes, op->digest % 3, sizeof digest.bytes);
    if (op->digest % 3 == 0) (void)desk_said(p->desk, NIKA_MESSAGE_CHECKPOINT, 0, seq, &digest);
    return digest;
}

bool handler_orders(const struct handler_player *p, uint64_t view)
{
    return view % desk_config(p->desk)->n == desk_self(p->desk);
}

void handler_fetch(struct handler_player *p, const struct handler_op *op)
{
    struct common_fetch_batch ask_batch = {.digest = handler_digest(p, op)};
    struct common_fetch_meta ask_meta = {.seq = handler_checkpoint_seq(p, op)};
    struct common_fetch_chunk ask_chunk = {
        .seq = handler_checkpoint_seq(p, op), .part = op->count, .index = op->number};
    memset(ask_meta.digest.bytes, op->digest % 3, sizeof ask_meta.digest.bytes);
    if (op->extra % 3 == 0)
        handler_say(p, handler_replica(p, op), &common_info_fetch_batch, &ask_batch);
    if (op->extra % 3 == 1)
        handler_say(p, handler_replica(p, op), &common_info_fetch_meta, &ask_meta);
    if (op->extra % 3 == 2)
        handler_say(p, handler_replica(p, op), &common_info_fetch_chunk, &ask_chunk);
}

void handler_transfer(struct handler_player *p, const struct handler_op *op,
                      struct nika_list checkpoints)
{
    uint64_t seq = handler_checkpoint_seq(p, op);
    uint8_t data[256];
    memset(data, op->digest, sizeof data);
    struct nika_writer w = handler_new_list(p);
    struct common_chunk chunk = {.seq = seq,
                                 .part = op->count % 3,
                                 .index = op->number,
                                 .data = {data, op->number % 257},
                                 .proof = {.span = {w.data, 0}}};
    struct nika_digest sibling = handler_digest(p, op);
    for (uint32_t i = 0; i < op->flags % 20u && i < NIKA_MERKLE_DEPTH_MAX; i++)
        nika_digests_append(&w, &chunk.proof, &sibling);
    struct common_meta meta = {.seq = seq,
                               .chunk_count = op->count,
                               .total_size = op->number,
                               .reply_chunk_count = op->extra % 4,
                               .reply_size = op->number % 1000,
                               .epoch = HANDLER_FLAG(op, 5) ? 1 : 0};
    memset(meta.root.bytes, op->digest, sizeof meta.root.bytes);
    struct common_no_snapshot gone = {.seq = seq, .checkpoints = checkpoints};
    if (op->extra % 3 == 0) handler_say(p, handler_replica(p, op), &common_info_meta, &meta);
    if (op->extra % 3 == 1) handler_say(p, handler_replica(p, op), &common_info_chunk, &chunk);
    if (op->extra % 3 == 2) handler_say(p, handler_replica(p, op), &common_info_no_snapshot, &gone);
}

void handler_raw(struct handler_player *p, const struct handler_op *op,
                 const struct nika_message_table *table)
{
    uint8_t body[64];
    uint8_t type = (uint8_t)(op->count % 32);
    const struct nika_message_info *info = type < table->count ? table->messages[type] : NULL;
    for (uint32_t i = 0; i < sizeof body; i++) body[i] = (uint8_t)(op->extra + i * op->digest);
    nika_store_le(body, p->at.view, 8);
    nika_store_le(body + 8, handler_seq(p, op), 8);
    uint8_t alg = info != NULL ? info->auth : op->flags % 3;
    handler_send(p, desk_raw_frame(p->desk, handler_replica(p, op), type, alg,
                                   (struct nika_span){body, op->number % (sizeof body + 1)}));
}

static void restart(struct handler_player *p, const struct handler_op *op)
{
    switch (op->count) {
    case RESTART_LOST:
        desk_restart_without_disk(p->desk);
        return;
    case RESTART_GONE:
    case RESTART_REFUSES:
        desk_trusted_fail(p->desk, op->count == RESTART_REFUSES, op->number % 4u,
                          (op->number & 4u) != 0);
        return;
    case RESTART_BACK:
    case RESTART_ZERO:
        desk_restart_set_back(p->desk, op->number, op->count == RESTART_ZERO);
        return;
    default:
        desk_restart(p->desk, op->number);
    }
}

static void echo(struct handler_player *p, const struct handler_op *op)
{
    struct nika_span word = desk_echo(p->desk, op->number);
    if (word.size > 0) handler_send(p, word);
}

void handler_common(struct handler_player *p, const struct handler_op *op)
{
    if (op->kind == OP_TIMER) desk_fire(p->desk, op->number % NIKA_TIMERS_MAX);
    if (op->kind == OP_TIME) desk_pass(p->desk, (uint64_t)op->number * 1000000);
    if (op->kind == OP_SETTLE) desk_settle(p->desk);
    if (op->kind == OP_RESTART) restart(p, op);
    if (op->kind == OP_ECHO) echo(p, op);
    if (op->kind == OP_DAMAGED) {
        p->damage = true;
        p->damage_at = op->number;
    }
}
