/* fuzz/targets/handler_hybster.c: what each operation of handler_ops.h says in Hybster's words.
 *
 * The group's trusted key is the player's: it certifies whatever an operation names, also what no instance would have issued. */
#include "engine/core/trusted.h"
#include "fuzz/targets/desk_trusted.h"
#include "fuzz/targets/handler.h"
#include "fuzz/targets/handler_parts.h"
#include "fuzz/targets/kept.h"
#include "fuzz/targets/uncounted.h"
#include "protocols/hybster/messages.h"

/* ---- Certificates ---- */
#define STRAIGHT 8u
/* How the operation bends certificates; it keeps that in `extra`. */
static uint32_t bent_by(const struct handler_op *op)
{
    return op->extra >= 0xc0 ? op->extra % STRAIGHT : STRAIGHT;
}

/* The certificate that a message should carry, bent as the operation says. */
static struct nika_trusted_certificate certificate_of(const struct handler_op *op, uint32_t sender,
                                                      enum nika_trusted_kind kind, uint32_t counter,
                                                      struct nika_trusted_value value)
{
    struct nika_trusted_certificate c = {
        .kind = (uint8_t)kind, .instance = sender, .epoch = 1, .counter = counter, .value = value};
    uint32_t bent = bent_by(op);
    if (bent == 0) c.kind = NIKA_TRUSTED_MAC;
    if (bent == 1) c.kind = NIKA_TRUSTED_CONTINUING;
    if (bent == 2) c.value.order++;
    if (bent == 3) c.value.view++;
    if (bent == 4) c.epoch = 2;
    if (bent == 5) c.counter ^= 1;
    if (bent == 6) c.instance = (c.instance + 1) % 3;
    if (c.kind == NIKA_TRUSTED_MAC) {
        c.counter = 0;
        c.value = (struct nika_trusted_value){0, 0};
    }
    return c;
}

/* A frame whose last field is this certificate, made right. */
static struct nika_span certified(struct handler_player *p, uint32_t sender,
                                  const struct nika_message_info *info, void *message,
                                  struct nika_span *field,
                                  const struct nika_trusted_certificate *certificate)
{
    uint8_t bytes[NIKA_TRUSTED_CERTIFICATE_SIZE];
    nika_trusted_certificate_encode(certificate, bytes);
    *field = (struct nika_span){bytes, sizeof bytes};
    uint32_t size = nika_encoded_size(info, message);
    struct nika_writer w = nika_writer_of(desk_alloc(p->desk, size), size);
    nika_encode(info, message, &w);
    *field = (struct nika_span){NULL, 0};
    (void)desk_certify_body(p->desk, info->type, w.data, w.at);
    return desk_raw_frame(p->desk, sender, info->type, NIKA_AUTH_NONE,
                          (struct nika_span){w.data, w.at});
}

/* ---- Agreement ---- */
static struct nika_span new_order_frame(struct handler_player *p, const struct handler_op *op,
                                        uint32_t sender, const struct nika_message_info *info,
                                        uint64_t view, uint64_t seq,
                                        const struct nika_digest *digest)
{
    /* PREPARE and COMMIT say the same. */
    struct hybster_prepare m = {.view = view, .seq = seq, .digest = *digest};
    struct nika_trusted_certificate c =
        certificate_of(op, sender, NIKA_TRUSTED_INDEPENDENT, HYBSTER_COUNTER_ORDER,
                       (struct nika_trusted_value){view, seq});
    return certified(p, sender, info, &m, &m.certificate, &c);
}

static struct nika_span order_frame(struct handler_player *p, const struct handler_op *op,
                                    uint32_t sender, const struct nika_message_info *info,
                                    uint64_t view, uint64_t seq, const struct nika_digest *digest)
{
    struct handler_vote vote = handler_vote(p, sender, info, view, seq, digest);
    vote.bent = bent_by(op);
    struct nika_span frame = kept_find(&vote, sizeof vote);
    if (frame.size > 0) return frame;
    nika_uncounted_begin();
    frame = kept_add(&vote, sizeof vote, new_order_frame(p, op, sender, info, view, seq, digest));
    nika_uncounted_end();
    return frame;
}

static uint32_t leader_of(const struct handler_player *p, uint64_t view)
{
    return (uint32_t)(view % desk_config(p->desk)->n);
}

static void prepare(struct handler_player *p, const struct handler_op *op)
{
    struct nika_digest digest = handler_digest(p, op);
    uint64_t view = handler_view(p, op);
    uint32_t sender = HANDLER_FLAG(op, 7) ? handler_replica(p, op) : leader_of(p, view);
    handler_send(
        p, order_frame(p, op, sender, &hybster_info_prepare, view, handler_seq(p, op), &digest));
}

static void commit(struct handler_player *p, const struct handler_op *op)
{
    struct nika_digest digest = handler_digest(p, op);
    handler_send(p, order_frame(p, op, handler_replica(p, op), &hybster_info_commit,
                                handler_view(p, op), handler_seq(p, op), &digest));
}

static void quorum(struct handler_player *p, const struct handler_op *op)
{
    struct nika_digest digest = handler_digest(p, op);
    for (uint32_t i = 0; i < desk_config(p->desk)->n; i++)
        handler_send(p, order_frame(p, op, i, &hybster_info_commit, handler_view(p, op),
                                    handler_seq(p, op), &digest));
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
        prepare(p, &part);
        handler_batch(p, &part);
    }
    quorum(p, &part);
}

static void commit_cert(struct handler_player *p, const struct handler_op *op)
{
    struct nika_writer w = handler_new_list(p);
    struct hybster_commit_cert m = {.commits = {.span = {w.data, 0}}};
    struct nika_digest digest = handler_digest(p, op);
    uint64_t view = handler_view(p, op), seq = handler_seq(p, op);
    m.prepare = order_frame(p, op, leader_of(p, view), &hybster_info_prepare, view, seq, &digest);
    for (uint32_t i = 0; i < op->count % 5u; i++)
        nika_frames_append(
            &w, &m.commits,
            order_frame(p, op, HANDLER_FLAG(op, 1) ? 2 : i % 3,
                        HANDLER_FLAG(op, 2) ? &hybster_info_prepare : &hybster_info_commit, view,
                        seq, &digest));
    handler_say(p, handler_replica(p, op), &hybster_info_commit_cert, &m);
}

/* ---- Checkpoints ---- */
static struct nika_span checkpoint_frame(struct handler_player *p, const struct handler_op *op,
                                         uint32_t sender, uint64_t seq)
{
    struct hybster_checkpoint m = {.seq = seq, .digest = handler_checkpoint_digest(p, op, seq)};
    struct handler_vote vote = handler_vote(p, sender, &hybster_info_checkpoint, 0, seq, &m.digest);
    vote.bent = bent_by(op);
    struct nika_span frame = kept_find(&vote, sizeof vote);
    if (frame.size > 0) return frame;
    struct nika_trusted_certificate c =
        certificate_of(op, sender, NIKA_TRUSTED_MAC, 0, (struct nika_trusted_value){0, 0});
    nika_uncounted_begin();
    frame = kept_add(&vote, sizeof vote,
                     certified(p, sender, &hybster_info_checkpoint, &m, &m.certificate, &c));
    nika_uncounted_end();
    return frame;
}

static void checkpoint(struct handler_player *p, const struct handler_op *op)
{
    uint64_t seq = handler_checkpoint_seq(p, op);
    uint32_t first = HANDLER_FLAG(op, 0) ? 0 : handler_replica(p, op);
    uint32_t count = HANDLER_FLAG(op, 0) ? desk_config(p->desk)->n : 1;
    for (uint32_t i = 0; i < count; i++) handler_send(p, checkpoint_frame(p, op, first + i, seq));
}

static struct nika_list checkpoints(struct handler_player *p, const struct handler_op *op,
                                    uint64_t seq)
{
    struct nika_writer w = handler_new_list(p);
    struct nika_list list = {.span = {w.data, 0}};
    uint32_t n = desk_config(p->desk)->n, count = seq == 0 ? 0 : op->number % (n + 2);
    for (uint32_t i = 0; i < count; i++)
        nika_frames_append(&w, &list,
                           checkpoint_frame(p, op, HANDLER_FLAG(op, 5) ? 2 : i % n, seq));
    return list;
}

/* ---- View changes ---- */
/* PREPAREs of `view` from `low` + 1 on. */
static struct nika_list history(struct handler_player *p, const struct handler_op *op,
                                uint64_t view, uint64_t low, uint32_t count)
{
    struct nika_writer w = handler_new_list(p);
    struct nika_list list = {.span = {w.data, 0}};
    struct nika_digest digest = handler_digest(p, op);
    for (uint32_t i = 0; i < count; i++)
        nika_frames_append(&w, &list,
                           order_frame(p, op, leader_of(p, view), &hybster_info_prepare, view,
                                       low + 1 + i + (HANDLER_FLAG(op, 3) ? 1 : 0), &digest));
    return list;
}

static void add_hop(struct handler_player *p, struct nika_writer *w, struct nika_list *hops,
                    struct nika_trusted_certificate *c, const struct nika_digest *digest)
{
    uint8_t bytes[NIKA_TRUSTED_CERTIFICATE_SIZE];
    struct hybster_hop hop = {.digest = *digest, .certificate = {bytes, sizeof bytes}};
    desk_certify_digest(p->desk, c, digest);
    nika_trusted_certificate_encode(c, bytes);
    nika_list_append(w, hops, &hybster_info_hop, &hop);
}

/* That `view` can never begin (protocols/hybster/void.c), by whoever leads it or does not. */
static void add_void(struct handler_player *p, const struct handler_op *op, uint32_t sender,
                     uint64_t view, struct nika_writer *w, struct nika_list *hops)
{
    uint8_t content[8];
    struct nika_digest digest;
    nika_store_le(content, view, sizeof content);
    desk_statement_of(p->desk, HYBSTER_TYPE_new_view, (struct nika_span){content, sizeof content},
                      &digest);
    struct nika_trusted_certificate c =
        certificate_of(op, sender, NIKA_TRUSTED_CONTINUING, HYBSTER_COUNTER_NEW_VIEW,
                       (struct nika_trusted_value){view, 1});
    /* As if the counter had been used for the NEW-VIEW. */
    if (c.kind == NIKA_TRUSTED_CONTINUING && HANDLER_FLAG(op, 5))
        c.previous = (struct nika_trusted_value){view, 0};
    add_hop(p, w, hops, &c, &digest);
}

/* From [from|last] to [view|0], by way of the views between when the operation says so. Those can then be views that never begin, in which
 * orders were certified that nobody shows. */
static struct nika_trusted_value add_hops(struct handler_player *p, const struct handler_op *op,
                                          uint32_t sender, uint64_t view,
                                          struct nika_trusted_value at, struct nika_list *hops)
{
    struct nika_writer w = handler_new_list(p);
    uint32_t count = HANDLER_FLAG(op, 1) ? op->number % 4u : 0;
    *hops = (struct nika_list){.span = {w.data, 0}};
    for (uint32_t i = 0; i < count && at.view + 1 < view; i++) {
        struct nika_trusted_certificate c =
            certificate_of(op, sender, NIKA_TRUSTED_CONTINUING, HYBSTER_COUNTER_ORDER,
                           (struct nika_trusted_value){at.view + 1, 0});
        struct nika_digest digest = handler_digest(p, op);
        if (c.kind == NIKA_TRUSTED_CONTINUING) c.previous = at;
        add_hop(p, &w, hops, &c, &digest);
        at = c.value;
        if (!HANDLER_FLAG(op, 4)) continue;
        add_void(p, op, sender, at.view, &w, hops);
        at.order = op->number / 4u % 4u;
    }
    return at;
}

static struct nika_span make_view_change(struct handler_player *p, const struct handler_op *op,
                                         uint32_t sender, uint64_t view, uint64_t low)
{
    uint64_t back = 1 + op->seq % 3u, from = view > back ? view - back : 0;
    if (HANDLER_FLAG(op, 7)) from = view;
    uint32_t count = op->count % 6u;
    struct hybster_view_change m = {.view = view, .low_mark = low, .from = from};
    m.checkpoints = checkpoints(p, op, low);
    m.prepares = history(p, op, from, low, count);
    struct nika_trusted_value last = {from, low + count + (HANDLER_FLAG(op, 2) ? 1 : 0)};
    last = add_hops(p, op, sender, view, last, &m.hops);
    struct nika_trusted_certificate c =
        certificate_of(op, sender, NIKA_TRUSTED_CONTINUING, HYBSTER_COUNTER_ORDER,
                       (struct nika_trusted_value){view, 0});
    if (c.kind == NIKA_TRUSTED_CONTINUING && nika_trusted_compare(last, c.value) <= 0)
        c.previous = last;
    return certified(p, sender, &hybster_info_view_change, &m, &m.certificate, &c);
}

static struct nika_span view_change_frame(struct handler_player *p, const struct handler_op *op,
                                          uint32_t sender, uint64_t view)
{
    return handler_speech(p, op, sender, &hybster_info_view_change, view, handler_low_mark(p, op),
                          make_view_change);
}

static void view_change(struct handler_player *p, const struct handler_op *op)
{
    handler_send(p, view_change_frame(p, op, handler_replica(p, op), handler_next_view(p, op)));
}

static struct nika_span make_ack(struct handler_player *p, const struct handler_op *op,
                                 uint32_t sender, uint64_t view, uint64_t low)
{
    uint64_t base = view > 0 ? view - 1 : 0;
    struct hybster_new_view_ack m = {.view = view, .low_mark = low, .base = base};
    struct nika_trusted_certificate c =
        certificate_of(op, sender, NIKA_TRUSTED_MAC, 0, (struct nika_trusted_value){0, 0});
    m.checkpoints = checkpoints(p, op, low);
    m.prepares = history(p, op, base, low, op->count % 6u);
    return certified(p, sender, &hybster_info_new_view_ack, &m, &m.certificate, &c);
}

static struct nika_span ack_frame(struct handler_player *p, const struct handler_op *op,
                                  uint32_t sender, uint64_t view)
{
    return handler_speech(p, op, sender, &hybster_info_new_view_ack, view, p->at.low_mark,
                          make_ack);
}

static void ack(struct handler_player *p, const struct handler_op *op)
{
    handler_send(p, ack_frame(p, op, handler_replica(p, op), handler_next_view(p, op)));
}

static struct nika_span make_new_view(struct handler_player *p, const struct handler_op *op,
                                      uint32_t unused, uint64_t view, uint64_t low)
{
    (void)unused;
    (void)low;
    struct nika_writer changes = handler_new_list(p), acks = handler_new_list(p);
    uint32_t leader = leader_of(p, view), n = desk_config(p->desk)->n;
    struct hybster_new_view m = {.view = view,
                                 .view_changes = {.span = {changes.data, 0}},
                                 .acks = {.span = {acks.data, 0}}};
    struct handler_op part = *op;
    part.flags = (uint8_t)(op->flags & 0x7eu);
    uint64_t back = 1 + op->seq % 3u;
    m.base = view > back ? view - back : 0;
    for (uint32_t i = 0; i < 2u + op->number % 2u; i++)
        nika_frames_append(&changes, &m.view_changes,
                           view_change_frame(p, &part, HANDLER_FLAG(op, 0) ? leader : i % n, view));
    for (uint32_t i = 0; i < op->number / 4u % 3u; i++)
        nika_frames_append(&acks, &m.acks, ack_frame(p, &part, i, view));
    m.prepares = history(p, op, view, p->at.low_mark, op->count % 6u);
    struct nika_trusted_certificate c =
        certificate_of(op, leader, NIKA_TRUSTED_INDEPENDENT, HYBSTER_COUNTER_NEW_VIEW,
                       (struct nika_trusted_value){view, 0});
    return certified(p, leader, &hybster_info_new_view, &m, &m.certificate, &c);
}

static void new_view(struct handler_player *p, const struct handler_op *op)
{
    handler_send(p, handler_speech(p, op, 0, &hybster_info_new_view, handler_next_view(p, op),
                                   handler_low_mark(p, op), make_new_view));
}

/* ---- The rest ---- */
static void status(struct handler_player *p, const struct handler_op *op)
{
    uint8_t bits[128];
    memset(bits, op->extra, sizeof bits);
    uint32_t size = op->count % 129u;
    struct nika_digest digest = handler_digest(p, op);
    struct nika_writer w = handler_new_list(p);
    struct hybster_status m = {.view = handler_view(p, op),
                               .active = HANDLER_FLAG(op, 0),
                               .low_mark = handler_checkpoint_seq(p, op),
                               .last_executed = handler_seq(p, op),
                               .new_view = HANDLER_FLAG(op, 1) ? handler_view(p, op) : 0,
                               .nonce = op->number,
                               .missing = {.span = {w.data, 0}}};
    m.prepared = (struct nika_span){bits, size};
    m.committed = (struct nika_span){bits, size};
    m.view_changes = (struct nika_span){bits, size > 16 ? 16 : size};
    m.acks = m.view_changes;
    if (HANDLER_FLAG(op, 2)) nika_digests_append(&w, &m.missing, &digest);
    handler_say(p, handler_replica(p, op), &hybster_info_status, &m);
}

static void transfer(struct handler_player *p, const struct handler_op *op)
{
    handler_transfer(p, op, checkpoints(p, op, handler_checkpoint_seq(p, op)));
}

static void raw(struct handler_player *p, const struct handler_op *op)
{
    handler_raw(p, op, &hybster_messages);
}

void handler_play_hybster(struct handler_player *p, const struct handler_op *op)
{
    static handler_play *const plays[] = {[OP_REQUEST] = handler_request,
                                          [OP_PRE_PREPARE] = prepare,
                                          [OP_BATCH] = handler_batch,
                                          [OP_PREPARE] = prepare,
                                          [OP_COMMIT] = commit,
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
                                          [OP_ACK] = ack,
                                          [OP_KINDS] = NULL};
    handler_begin(p);
    if (plays[op->kind] != NULL)
        plays[op->kind](p, op);
    else
        handler_common(p, op);
}

/* ---- The target ---- */
static struct handler_target target = {.protocol = "hybster", .play = handler_play_hybster};

static void run(struct nika_span input)
{
    handler_run(&target, input);
}

static uint64_t digest(void)
{
    return target.digest;
}

const struct nika_target nika_target_handler_hybster = {
    .name = "handler-hybster",
    .doc = "One Hybster replica in any state under validly certified messages of everybody else, "
           "and under bytes.",
    .size_max = HANDLER_SIZE_MAX,
    .run = run,
    .list = &handler_list,
    .seeds = handler_seeds,
    .show = handler_show,
    .digest = digest,
};
