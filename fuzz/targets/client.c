/* fuzz/targets/client.c: the client under replies of any kind from any replica (PROTOCOLS.md 1.5, C-a..C-g).
 *
 * Input: operations of eight bytes. The judge keeps its own account of who replied what: a result that the client reports must have come
 * from f + 1 replicas, and from a quorum where the read-only path asks for one. */
#include "protocols/client/client.h"
#include "engine/core/digest.h"
#include "fuzz/targets/desk.h"
#include "protocols/common/messages.h"
#include "protocols/pbft/messages.h"

#define OP_SIZE 8u
#define OPS_MAX 64u
#define RESULTS 4u

enum { OP_INVOKE, OP_REPLY, OP_REPLIES, OP_TIMER, OP_TIME, OP_OTHER, OP_KINDS };

static uint64_t last_digest;

struct account {
    struct desk *desk;
    uint64_t timestamp;      /* That the votes are for. */
    uint32_t votes[RESULTS]; /* Bit i: replica i. */
    uint32_t completed, token;
};

static struct nika_span result_bytes(uint32_t index)
{
    static const uint8_t bytes[RESULTS][4] = {{0}, {1, 2, 3, 4}, {1, 2, 3, 5}, {9, 9, 9, 9}};
    return (struct nika_span){bytes[index], index == 0 ? 0 : 4};
}

static void reply(struct account *a, const uint8_t *op, uint32_t sender)
{
    uint32_t index = op[2] % RESULTS, flags = op[3];
    struct nika_span result = result_bytes(index);
    bool full = (flags & 1u) == 0;
    uint64_t timestamp = desk_timestamp(a->desk);
    uint64_t said = timestamp + ((flags & 2u) != 0 ? (uint64_t)op[4] - 128 : 0);
    struct common_reply message = {.view = op[5],
                                   .client = (flags & 4u) != 0 ? 1 : 0,
                                   .timestamp = said,
                                   .seq = op[6],
                                   .full = full,
                                   .tentative = (flags & 8u) != 0,
                                   .result = full ? result : (struct nika_span){result.data, 0}};
    nika_sha256_one(result.data, result.size, &message.result_digest);
    if ((flags & 16u) != 0) message.result_digest.bytes[0] ^= 1;
    if (said == timestamp && (flags & 4u) == 0 && (flags & 16u) == 0 && timestamp != 0)
        a->votes[index] |= UINT32_C(1) << sender;
    (void)desk_deliver(a->desk, desk_frame(a->desk, sender, &common_info_reply, &message));
}

/* Another message than a reply, or a reply as a client: nothing may come of it. */
static void other(struct account *a, const uint8_t *op)
{
    uint8_t body[32];
    memset(body, op[2], sizeof body);
    uint32_t sender = op[1] % 5 == 4 ? nika_client_node(1) : op[1] % 4;
    (void)desk_deliver(a->desk, desk_raw_frame(a->desk, sender, op[3] % 20, op[4] % 3,
                                               (struct nika_span){body, op[5] % 33}));
}

static void judge(struct account *a)
{
    struct nika_span result;
    uint32_t completed = desk_completed(a->desk, &result), needed = desk_config(a->desk)->f + 1;
    if (completed == a->completed) return;
    NIKA_TARGET_CHECK(completed == a->completed + 1, "two operations completed by one reply");
    uint32_t best = 0;
    for (uint32_t i = 0; i < RESULTS; i++) {
        struct nika_span candidate = result_bytes(i);
        bool same =
            candidate.size == result.size && memcmp(candidate.data, result.data, result.size) == 0;
        if (same) best = (uint32_t)__builtin_popcount(a->votes[i]);
    }
    NIKA_TARGET_CHECK(best >= needed, "C-c: a result that %u replicas sent was reported", best);
    a->completed = completed;
}

static void play(struct account *a, const uint8_t *op)
{
    static const uint8_t operation[] = {1, 2, 3};
    uint32_t n = desk_config(a->desk)->n;
    desk_forget(a->desk);
    switch (op[0] % OP_KINDS) {
    case OP_INVOKE:
        desk_invoke(a->desk, ++a->token, (struct nika_span){operation, sizeof operation},
                    op[1] % 2);
        break;
    case OP_REPLY:
        reply(a, op, op[1] % n);
        break;
    case OP_REPLIES:
        for (uint32_t i = 0; i < n; i++) {
            /* Whose votes these are may change in the middle: an operation ends and the next begins. */
            if (desk_timestamp(a->desk) != a->timestamp) break;
            reply(a, op, i);
            judge(a);
        }
        break;
    case OP_TIMER:
        desk_fire(a->desk, NIKA_CLIENT_TIMER);
        break;
    case OP_TIME:
        desk_pass(a->desk, (uint64_t)op[1] * 100000000);
        break;
    default:
        other(a, op);
    }
    judge(a);
    if (desk_timestamp(a->desk) != a->timestamp) {
        a->timestamp = desk_timestamp(a->desk);
        memset(a->votes, 0, sizeof a->votes);
    }
}

static void run(struct nika_span input)
{
    static struct desk *desk;
    if (desk == NULL)
        desk = desk_new(NULL, &nika_client_bft, &pbft_messages, 1, nika_client_node(0));
    desk_reset(desk);
    struct account a = {.desk = desk};
    for (uint32_t at = 0; at + OP_SIZE <= input.size; at += OP_SIZE) play(&a, input.data + at);
    last_digest = desk_digest(desk) ^ a.completed;
}

static uint64_t digest(void)
{
    return last_digest;
}

static void fresh(uint8_t *entry, struct nika_target_draw *draw)
{
    entry[0] = (uint8_t)nika_target_draw(draw, OP_KINDS);
    for (uint32_t i = 1; i < OP_SIZE; i++) entry[i] = (uint8_t)nika_target_draw(draw, 4);
}

static void alter(uint8_t *entry, struct nika_target_draw *draw)
{
    entry[nika_target_draw(draw, OP_SIZE)] = (uint8_t)nika_target_draw(draw, 256);
}

static const struct nika_target_list list = {
    .head = 0, .entry = OP_SIZE, .fresh = fresh, .alter = alter};

static void seeds(nika_target_seed *seed, void *context)
{
    static const uint8_t agree[][OP_SIZE] = {
        {OP_INVOKE}, {OP_REPLY, 0, 1}, {OP_REPLY, 2, 1}, {OP_INVOKE, 1}, {OP_REPLIES, 0, 2}};
    static const uint8_t disagree[][OP_SIZE] = {{OP_INVOKE},
                                                {OP_INVOKE},
                                                {OP_REPLY, 0, 1},
                                                {OP_REPLY, 1, 2},
                                                {OP_REPLY, 0, 2},
                                                {OP_TIME, 20},
                                                {OP_TIMER},
                                                {OP_REPLY, 3, 2, 1},
                                                {OP_REPLIES, 0, 1, 8},
                                                {OP_OTHER, 4, 0, 6, 2, 30}};
    seed(context, "agree", (struct nika_span){agree[0], sizeof agree});
    seed(context, "disagree", (struct nika_span){disagree[0], sizeof disagree});
}

const struct nika_target nika_target_client = {
    .name = "client",
    .doc = "The client under any replies: a result only when f + 1 replicas sent it.",
    .size_max = OPS_MAX * OP_SIZE,
    .run = run,
    .list = &list,
    .seeds = seeds,
    .digest = digest,
};
