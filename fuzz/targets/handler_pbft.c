/* fuzz/targets/handler_pbft.c: what each operation of handler_ops.h says in PBFT's words. */
#include "fuzz/targets/handler.h"
#include "fuzz/targets/handler_parts.h"
#include "fuzz/targets/kept.h"
#include "fuzz/targets/uncounted.h"
#include "protocols/common/quorum.h"
#include "protocols/pbft/messages.h"

/* ---- Agreement ---- */
static struct nika_span vote_frame(struct handler_player *p, uint32_t sender,
                                   const struct nika_message_info *info, uint64_t view,
                                   uint64_t seq, const struct nika_digest *digest)
{
    /* PRE-PREPARE, PREPARE and COMMIT say the same three things. */
    struct pbft_prepare message = {.view = view, .seq = seq, .digest = *digest};
    struct handler_vote vote = handler_vote(p, sender, info, view, seq, digest);
    struct nika_span frame = kept_find(&vote, sizeof vote);
    if (frame.size > 0) return frame;
    nika_uncounted_begin();
    frame = kept_add(&vote, sizeof vote, desk_frame(p->desk, sender, info, &message));
    nika_uncounted_end();
    return frame;
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
        return HANDLER_FLAG(op, 0) ? &pbft_info_commit : &pbft_info_prepare;
    }
}

static void vote(struct handler_player *p, const struct handler_op *op)
{
    struct nika_digest digest = handler_digest(p, op);
    uint64_t view = handler_view(p, op);
    uint32_t n = desk_config(p->desk)->n;
    bool as_primary = op->kind == OP_PRE_PREPARE && !HANDLER_FLAG(op, 7);
    uint32_t sender = as_primary ? (uint32_t)(view % n) : handler_replica(p, op);
    handler_send(p, vote_frame(p, sender, vote_info(op), view, handler_seq(p, op), &digest));
}

static void quorum(struct handler_player *p, const struct handler_op *op)
{
    struct nika_digest digest = handler_digest(p, op);
    uint64_t view = handler_view(p, op), seq = handler_seq(p, op);
    for (uint32_t i = 0; i < desk_config(p->desk)->n; i++)
        handler_send(p, vote_frame(p, i, vote_info(op), view, seq, &digest));
}

static void order(struct handler_player *p, const struct handler_op *op)
{
    struct handler_op part = *op;
    part.flags = 0;
    part.seq = op->seq % 4; /* What comes next, most of the time. */
    if (handler_orders(p, handler_view(p, op))) {
        part.digest = 7; /* What it will have proposed. */
        handler_next_request(p);
    } else {
        part.kind = OP_PRE_PREPARE;
        vote(p, &part);
        part.kind = OP_BATCH;
        handler_batch(p, &part);
    }
    part.kind = OP_QUORUM;
    quorum(p, &part);
    part.flags = 1;
    quorum(p, &part);
}

/* ---- Checkpoints ---- */
static struct nika_span checkpoint_frame(struct handler_player *p, const struct handler_op *op,
                                         uint32_t sender, uint64_t seq)
{
    struct pbft_checkpoint message = {.seq = seq, .digest = handler_checkpoint_digest(p, op, seq)};
    struct handler_vote vote =
        handler_vote(p, sender, &pbft_info_checkpoint, 0, seq, &message.digest);
    struct nika_span frame = kept_find(&vote, sizeof vote);
    if (frame.size > 0) return frame;
    nika_uncounted_begin();
    frame =
        kept_add(&vote, sizeof vote, desk_frame(p->desk, sender, &pbft_info_checkpoint, &message));
    nika_uncounted_end();
    return frame;
}

static void checkpoint(struct handler_player *p, const struct handler_op *op)
{
    uint64_t seq = handler_checkpoint_seq(p, op);
    if (!HANDLER_FLAG(op, 0)) {
        handler_send(p, checkpoint_frame(p, op, handler_replica(p, op), seq));
        return;
    }
    for (uint32_t i = 0; i < desk_config(p->desk)->n; i++)
        handler_send(p, checkpoint_frame(p, op, i, seq));
}

static struct nika_list checkpoints(struct handler_player *p, const struct handler_op *op,
                                    uint64_t seq)
{
    struct nika_writer w = handler_new_list(p);
    struct nika_list list = {.span = {w.data, 0}};
    uint32_t n = desk_config(p->desk)->n, count = op->extra % (n + 2);
    for (uint32_t i = 0; i < count; i++)
        nika_frames_append(&w, &list,
                           checkpoint_frame(p, op, HANDLER_FLAG(op, 5) ? 3 : i % n, seq));
    return list;
}

/* ---- View changes ---- */
static void append_certificate(struct handler_player *p, const struct handler_op *op, uint64_t view,
                               uint64_t seq, struct nika_writer *w, struct nika_list *list)
{
    uint32_t n = desk_config(p->desk)->n;
    struct nika_digest digest = handler_digest(p, op), other = digest;
    uint32_t primary = (uint32_t)(view % n);
    if (HANDLER_FLAG(op, 1)) other.bytes[0] ^= 1;
    struct nika_writer prepares = handler_new_list(p);
    struct pbft_certificate certificate = {.prepares = {.span = {prepares.data, 0}}};
    certificate.pre_prepare = vote_frame(p, HANDLER_FLAG(op, 2) ? (primary + 1) % n : primary,
                                         &pbft_info_pre_prepare, view, seq, &digest);
    uint32_t wanted = common_quorum(n, desk_config(p->desk)->f) - 1 - (HANDLER_FLAG(op, 3) ? 1 : 0);
    for (uint32_t i = 0; i < n && certificate.prepares.count < wanted; i++) {
        if (i == primary && !HANDLER_FLAG(op, 4)) continue;
        nika_frames_append(&prepares, &certificate.prepares,
                           vote_frame(p, i, &pbft_info_prepare, view, seq, &other));
    }
    nika_list_append(w, list, &pbft_info_certificate, &certificate);
}

static struct nika_span make_view_change(struct handler_player *p, const struct handler_op *op,
                                         uint32_t sender, uint64_t view, uint64_t low)
{
    struct nika_writer prepared = handler_new_list(p);
    struct pbft_view_change message = {.view = view, .low_mark = low};
    message.checkpoints = checkpoints(p, op, low);
    message.prepared = (struct nika_list){.span = {prepared.data, 0}};
    uint64_t below = view > 0 ? view - 1 - op->number % (view < 3 ? view : 3) : 0;
    for (uint32_t i = 0; i < op->count % 6u; i++)
        append_certificate(p, op, HANDLER_FLAG(op, 7) ? view : below, low + 1 + i, &prepared,
                           &message.prepared);
    return desk_frame(p->desk, sender, &pbft_info_view_change, &message);
}

static struct nika_span view_change_frame(struct handler_player *p, const struct handler_op *op,
                                          uint32_t sender, uint64_t view)
{
    return handler_speech(p, op, sender, &pbft_info_view_change, view, handler_low_mark(p, op),
                          make_view_change);
}

static void view_change(struct handler_player *p, const struct handler_op *op)
{
    handler_send(p, view_change_frame(p, op, handler_replica(p, op), handler_next_view(p, op)));
}

static struct nika_span make_new_view(struct handler_player *p, const struct handler_op *op,
                                      uint32_t unused, uint64_t view, uint64_t low)
{
    (void)unused;
    (void)low;
    const struct nika_config *config = desk_config(p->desk);
    struct nika_writer changes = handler_new_list(p), orders = handler_new_list(p);
    struct pbft_new_view message = {.view = view,
                                    .view_changes = {.span = {changes.data, 0}},
                                    .pre_prepares = {.span = {orders.data, 0}}};
    uint32_t primary = (uint32_t)(view % config->n);
    struct handler_op part = *op;
    part.flags = (uint8_t)(op->flags & 0x7eu);
    part.extra = p->at.low_mark > 0 ? 3 : 0;
    for (uint32_t i = 0; i < 3u - (HANDLER_FLAG(op, 0) ? 1u : 0u); i++) {
        uint32_t sender = op->number >> 8 == 1 ? primary : (primary + i) % config->n;
        nika_frames_append(&changes, &message.view_changes,
                           view_change_frame(p, &part, sender, view));
    }
    struct nika_digest digest = handler_digest(p, op);
    uint32_t count = op->extra % 8 == 7 ? op->count : op->count % 6u;
    for (uint32_t i = 0; i < count; i++) {
        nika_frames_append(
            &orders, &message.pre_prepares,
            vote_frame(p, primary, &pbft_info_pre_prepare, view, p->at.low_mark + 1 + i, &digest));
    }
    return desk_frame(p->desk, HANDLER_FLAG(op, 7) ? handler_replica(p, op) : primary,
                      &pbft_info_new_view, &message);
}

static void new_view(struct handler_player *p, const struct handler_op *op)
{
    handler_send(p, handler_speech(p, op, 0, &pbft_info_new_view, handler_next_view(p, op),
                                   handler_low_mark(p, op), make_new_view));
}

/* ---- STATUS, fetching, state transfer ---- */
static void status(struct handler_player *p, const struct handler_op *op)
{
    uint8_t bits[128];
    memset(bits, op->extra, sizeof bits);
    uint32_t size = op->count % 130u;
    struct nika_digest digest = handler_digest(p, op);
    struct nika_writer w = handler_new_list(p);
    struct pbft_status message = {.view = handler_view(p, op),
                                  .active = HANDLER_FLAG(op, 0),
                                  .has_new_view = HANDLER_FLAG(op, 1),
                                  .low_mark = handler_checkpoint_seq(p, op),
                                  .last_executed = handler_seq(p, op),
                                  .nonce = op->number,
                                  .missing = {.span = {w.data, 0}}};
    if (size > 128) size = 128;
    message.prepared = (struct nika_span){bits, size};
    message.committed = (struct nika_span){bits, size};
    message.view_changes = (struct nika_span){bits, size > 16 ? 16 : size};
    if (HANDLER_FLAG(op, 2)) nika_digests_append(&w, &message.missing, &digest);
    handler_say(p, handler_replica(p, op), &pbft_info_status, &message);
}

static void commit_cert(struct handler_player *p, const struct handler_op *op)
{
    struct nika_writer w = handler_new_list(p);
    struct pbft_commit_cert message = {.commits = {.span = {w.data, 0}}};
    struct nika_digest digest = handler_digest(p, op);
    uint32_t n = desk_config(p->desk)->n;
    for (uint32_t i = 0; i < op->count % 6u; i++)
        nika_frames_append(&w, &message.commits,
                           vote_frame(p, HANDLER_FLAG(op, 1) ? 2 : i % n,
                                      HANDLER_FLAG(op, 2) ? &pbft_info_prepare : &pbft_info_commit,
                                      handler_view(p, op), handler_seq(p, op), &digest));
    handler_say(p, handler_replica(p, op), &pbft_info_commit_cert, &message);
}

static void transfer(struct handler_player *p, const struct handler_op *op)
{
    handler_transfer(p, op, checkpoints(p, op, handler_checkpoint_seq(p, op)));
}

static void raw(struct handler_player *p, const struct handler_op *op)
{
    handler_raw(p, op, &pbft_messages);
}

void handler_play_pbft(struct handler_player *p, const struct handler_op *op)
{
    static handler_play *const plays[] = {[OP_REQUEST] = handler_request,
                                          [OP_PRE_PREPARE] = vote,
                                          [OP_BATCH] = handler_batch,
                                          [OP_PREPARE] = vote,
                                          [OP_COMMIT] = vote,
                                          [OP_ORDER] = order,
                                          [OP_QUORUM] = quorum,
                                          [OP_CHECKPOINT] = checkpoint,
                                          [OP_VIEW_CHANGE] = view_change,
                                          [OP_NEW_VIEW] = new_view,
                                          [OP_STATUS] = status,
                                          [OP_FETCH] = handler_fetch,
                                          [OP_TRANSFER] = transfer,
                                          [OP_COMMIT_CERT] = commit_cert,
                                          [OP_RAW] = raw,
                                          [OP_KINDS] = NULL};
    handler_begin(p);
    if (plays[op->kind] != NULL)
        plays[op->kind](p, op);
    else
        handler_common(p, op);
}

/* ---- The target ---- */
static struct handler_target target = {.protocol = "pbft", .play = handler_play_pbft};

static void run(struct nika_span input)
{
    handler_run(&target, input);
}

static uint64_t digest(void)
{
    return target.digest;
}

const struct nika_target nika_target_handler_pbft = {
    .name = "handler-pbft",
    .doc = "One PBFT replica in any state under validly signed messages of everybody else, and "
           "under bytes.",
    .size_max = HANDLER_SIZE_MAX,
    .run = run,
    .list = &handler_list,
    .seeds = handler_seeds,
    .show = handler_show,
    .digest = digest,
};
