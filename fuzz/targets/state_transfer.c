/* fuzz/targets/state_transfer.c: a replica that fell behind fetches its state from sources of which the input makes liars (PROTOCOLS.md 1.8).
 *
 * Input: head u8 | operations of four bytes: how u8, sender u8, seed u16. A server and a replica that lags, on two desks, under PBFT or Hybster. Each
 * answer of the server meets the next operation: it comes as it is, not, twice, late, from another replica, with a step taken along its message
 * table (fields.h), or as another message that was heard before. When the operations have run out everybody is honest. Then the replica must come
 * to the very state of the server; and at no time may it have another one. */
#include "fuzz/targets/fields.h"
#include "fuzz/targets/handler.h"
#include "fuzz/targets/sign.h"
#include "protocols/common/messages.h"

#define OP_SIZE 4u
#define OPS_MAX 64u
#define HEAD_HYBSTER 1u
#define HEARD_MAX 16u
#define BODY_MAX 2048u
#define ROUNDS 40u
#define BATCHES 5u
#define SERVER 2u /* Neither leads view 0. */
#define LAGGING 1u
#define CHECKPOINT 4u /* What is transferred: the desk's K. */

enum {
    HOW_HONEST,
    HOW_DROP,
    HOW_TWICE,
    HOW_STEP,
    HOW_STEPS,
    HOW_OTHER,
    HOW_AGAIN,
    HOW_TIMER,
    HOWS
};

/* A message of the server's as it said it. */
struct heard {
    uint8_t type;
    uint32_t size;
    uint8_t body[BODY_MAX];
};
struct pair {
    struct desk *server, *lagging;
    const struct nika_message_table *table;
    struct nika_digest root; /* Of the server's application at the checkpoint. */
    struct heard checkpoint;
};
struct run {
    struct pair *pair;
    const uint8_t *ops;
    uint32_t left;
    struct heard asked[HEARD_MAX], said[HEARD_MAX]; /* By the lagging replica; by the server. */
    uint32_t asked_count, said_count, said_ever;
};
static struct pair pairs[2];
static uint64_t last_digest;

static void keep(struct heard *h, const struct nika_frame *frame)
{
    NIKA_TARGET_CHECK(frame->body.size <= BODY_MAX, "a message of %u bytes", frame->body.size);
    h->type = frame->type;
    h->size = frame->body.size;
    memcpy(h->body, frame->body.data, frame->body.size);
}

static bool is_transfer(uint8_t type)
{
    return type == common_info_fetch_meta.type || type == common_info_meta.type ||
           type == common_info_fetch_chunk.type || type == common_info_chunk.type ||
           type == common_info_no_snapshot.type;
}

static void on_asked(void *context, uint32_t to, struct nika_span bytes)
{
    struct run *r = context;
    struct nika_frame frame;
    (void)to;
    if (!nika_fields_frame(bytes, &frame) || !is_transfer(frame.type)) return;
    if (r->asked_count < HEARD_MAX) keep(&r->asked[r->asked_count++], &frame);
}

static void on_said(void *context, uint32_t to, struct nika_span bytes)
{
    struct run *r = context;
    struct nika_frame frame;
    (void)to;
    if (!nika_fields_frame(bytes, &frame) || !is_transfer(frame.type)) return;
    if (frame.body.size > BODY_MAX || r->said_count == HEARD_MAX) return;
    keep(&r->said[r->said_count++], &frame);
}

/* ---- Making a server with a stable checkpoint ---- */
static void on_checkpoint(void *context, uint32_t to, struct nika_span bytes)
{
    struct pair *p = context;
    struct nika_frame frame;
    (void)to;
    if (!nika_fields_frame(bytes, &frame) || frame.type >= p->table->count) return;
    const struct nika_message_info *info = p->table->messages[frame.type];
    if (info != NULL && info->message_class == NIKA_MESSAGE_CHECKPOINT)
        keep(&p->checkpoint, &frame);
}

/* The CHECKPOINT of the server as `sender` would say it. */
static void vouch(struct pair *p, struct desk *d, uint32_t sender)
{
    struct heard own = p->checkpoint;
    desk_forget(d);
    if (desk_is_hybrid(
            d)) /* Whose instance certifies: kind u8 | instance u32 (engine/core/trusted.h). */
        nika_store_le(own.body + own.size - NIKA_TRUSTED_CERTIFICATE_SIZE + 1, sender, 4);
    struct nika_span frame =
        sign_message(d, p->table, sender, own.type, (struct nika_span){own.body, own.size});
    (void)desk_deliver(d, frame);
}

static void prepare(struct pair *p, bool hybster)
{
    struct nika_replica_status s;
    struct handler_player player = {.play = hybster ? handler_play_hybster : handler_play_pbft};
    const char *protocol = hybster ? "hybster" : "pbft";
    p->server = player.desk = handler_desk(protocol, SERVER);
    p->lagging = handler_desk(protocol, LAGGING);
    p->table = desk_messages(p->server);
    desk_listen(p->server, on_checkpoint, p);
    for (uint8_t i = 0; i < BATCHES; i++) {
        player.play(&player, &(struct handler_op){.kind = OP_ORDER, .digest = i});
        desk_status(p->server, &s);
        if (s.last_executed == CHECKPOINT) break;
    }
    NIKA_TARGET_CHECK(s.last_executed == CHECKPOINT && p->checkpoint.size > 0,
                      "%s: the server executed %u and said no CHECKPOINT", protocol,
                      (unsigned)s.last_executed);
    desk_listen(p->server, NULL, NULL);
    for (uint32_t i = 0; i < desk_config(p->server)->n; i++) {
        if (i != SERVER) vouch(p, p->server, i);
    }
    desk_status(p->server, &s);
    NIKA_TARGET_CHECK(s.low_mark == CHECKPOINT, "%s: the checkpoint is not stable", protocol);
    desk_mark(p->server);
    desk_app_root(p->server, &p->root);
    desk_reset(p->server);
}

/* ---- A run ---- */
static void give(struct run *r, uint32_t sender, uint8_t type, struct nika_span body)
{
    struct desk *d = r->pair->lagging;
    struct nika_replica_status s;
    desk_forget(d);
    struct nika_span frame = sign_message(d, r->pair->table, sender, type, body);
    if (frame.size > 0) (void)desk_deliver(d, frame);
    desk_status(d, &s);
    nika_target_state((uint64_t)s.transferring | (s.last_executed < 8 ? s.last_executed : 8) << 1 |
                      (s.low_mark < 8 ? s.low_mark : 8) << 5 | (uint64_t)type << 9 |
                      (uint64_t)s.wait << 15);
    NIKA_TARGET_CHECK(s.last_executed == 0 || s.last_executed == CHECKPOINT,
                      "it executed %u, which nobody ordered", (unsigned)s.last_executed);
}

static void steps(struct run *r, const struct heard *h, uint32_t sender, uint32_t count,
                  uint32_t seed)
{
    static uint8_t body[BODY_MAX];
    struct nika_target_draw draw = {seed};
    const struct nika_message_info *info = r->pair->table->messages[h->type];
    uint32_t size = h->size;
    memcpy(body, h->body, size);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t made = nika_fields_mutate(r->pair->table, info, body, size, sizeof body, &draw);
        if (made > 0) size = made;
    }
    give(r, sender, h->type, (struct nika_span){body, size});
}

static void answer(struct run *r, const struct heard *h)
{
    const uint8_t honest[OP_SIZE] = {0};
    const uint8_t *op = r->left > 0 ? r->ops : honest;
    uint32_t seed = (uint32_t)nika_load_le(op + 2, 2), n = desk_config(r->pair->lagging)->n;
    uint32_t sender = op[1] % n, times = 1;
    struct nika_span body = {h->body, h->size};
    if (r->left > 0) r->ops += OP_SIZE, r->left--;
    switch (op[0] % HOWS) {
    case HOW_DROP:
        return;
    case HOW_TWICE:
        times = 2;
        break;
    case HOW_STEP:
    case HOW_STEPS:
        steps(r, h, sender, op[0] % HOWS == HOW_STEP ? 1 : 4, seed);
        break; /* And the honest one behind it, from whoever was asked. */
    case HOW_OTHER:
        give(r, sender, r->said[seed % HEARD_MAX].type,
             (struct nika_span){r->said[seed % HEARD_MAX].body, r->said[seed % HEARD_MAX].size});
        break;
    case HOW_AGAIN:
        give(r, sender, r->pair->checkpoint.type,
             (struct nika_span){r->pair->checkpoint.body, r->pair->checkpoint.size});
        break;
    case HOW_TIMER:
        desk_pass(r->pair->lagging, (uint64_t)seed * 1000000);
        desk_fire(r->pair->lagging, sender);
        break;
    default:
        break;
    }
    /* Whom it asked is not seen here: everybody answers, one of them is the right one. */
    for (uint32_t k = 0; k < times; k++) {
        for (uint32_t i = 0; i < n; i++) {
            if (i != LAGGING) give(r, i, h->type, body);
        }
    }
}

static void round_of(struct run *r)
{
    struct desk *server = r->pair->server, *lagging = r->pair->lagging;
    for (uint32_t timer = 0; timer < NIKA_TIMERS_MAX; timer++) {
        desk_fire(server, timer);
        if (r->asked_count == 0) desk_fire(lagging, timer);
    }
    desk_pass(server, UINT64_C(1000000000));
    desk_pass(lagging, UINT64_C(1000000000));
    r->said_count = 0;
    for (uint32_t i = 0; i < r->asked_count; i++) {
        desk_forget(server);
        struct nika_span frame =
            sign_message(server, r->pair->table, LAGGING, r->asked[i].type,
                         (struct nika_span){r->asked[i].body, r->asked[i].size});
        (void)desk_deliver(server, frame);
    }
    r->asked_count = 0;
    for (uint32_t i = 0; i < r->said_count; i++) answer(r, &r->said[i]);
}

static void run(struct nika_span input)
{
    static struct run r;
    struct nika_replica_status s;
    struct nika_digest root;
    if (input.size == 0) return;
    bool hybster = (input.data[0] & HEAD_HYBSTER) != 0;
    struct pair *p = &pairs[hybster];
    if (p->server == NULL) prepare(p, hybster);
    memset(&r, 0, sizeof r);
    r.pair = p;
    r.ops = input.data + 1;
    r.left = (input.size - 1) / OP_SIZE;
    desk_reset(p->server);
    desk_reset(p->lagging);
    desk_listen(p->server, on_said, &r);
    desk_listen(p->lagging, on_asked, &r);
    for (uint32_t i = 0; i < desk_config(p->lagging)->n; i++) {
        if (i != LAGGING) vouch(p, p->lagging, i);
    }
    desk_status(p->lagging, &s);
    for (uint32_t i = 0; i < ROUNDS + OPS_MAX && s.last_executed != CHECKPOINT; i++) {
        round_of(&r);
        desk_status(p->lagging, &s);
    }
    desk_listen(p->server, NULL, NULL);
    desk_listen(p->lagging, NULL, NULL);
    last_digest = desk_digest(p->lagging) ^ desk_digest(p->server);
    NIKA_TARGET_CHECK(s.last_executed == CHECKPOINT && !s.transferring,
                      "it never came to checkpoint %u: executed %u, waits for %u", CHECKPOINT,
                      (unsigned)s.last_executed, s.wait);
    desk_app_root(p->lagging, &root);
    NIKA_TARGET_CHECK(nika_digest_equal(&root, &p->root), "it has another state than the server");
}

static uint64_t digest(void)
{
    return last_digest;
}

static void fresh(uint8_t *entry, struct nika_target_draw *draw)
{
    entry[0] = (uint8_t)nika_target_draw(draw, HOWS);
    entry[1] = (uint8_t)nika_target_draw(draw, 8);
    nika_store_le(entry + 2, nika_target_draw(draw, 65536), 2);
}

static void alter(uint8_t *entry, struct nika_target_draw *draw)
{
    entry[nika_target_draw(draw, OP_SIZE)] = (uint8_t)nika_target_draw(draw, 256);
}

static const struct nika_target_list list = {
    .head = 1, .entry = OP_SIZE, .fresh = fresh, .alter = alter};

static void seeds(nika_target_seed *seed, void *context)
{
    char name[32];
    for (uint8_t head = 0; head < 2; head++) {
        for (uint32_t how = 0; how < HOWS; how++) {
            uint8_t bytes[1 + 4 * OP_SIZE] = {head};
            for (uint8_t i = 0; i < 4; i++) {
                bytes[1 + i * OP_SIZE] = (uint8_t)how;
                bytes[2 + i * OP_SIZE] = i;
                bytes[3 + i * OP_SIZE] = (uint8_t)(17 * i);
            }
            snprintf(name, sizeof name, "%s-%u", head == 0 ? "pbft" : "hybster", how);
            seed(context, name, (struct nika_span){bytes, sizeof bytes});
        }
    }
}

const struct nika_target nika_target_state_transfer = {
    .name = "state-transfer",
    .doc = "A replica that fetches its state from liars: the state of the others in the end, and "
           "never another one.",
    .size_max = 1 + OPS_MAX * OP_SIZE,
    .run = run,
    .list = &list,
    .seeds = seeds,
    .digest = digest,
};
