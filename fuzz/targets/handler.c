/* fuzz/targets/handler.c: one PBFT replica under whatever the other three and the clients may say, correctly signed.
 *
 * Input: head u8 | operations (handler_ops.h). The head picks which replica is under test, where it starts, and whether its disk and
 * application answer at once. More than f keys lie here, so agreement is not judged; what must hold is what one replica owes under any
 * input: no broken contract, no bad memory access, bounded effects, never two statements in one place. */
#include <inttypes.h>

#include "fuzz/targets/desk.h"
#include "fuzz/targets/handler_ops.h"
#include "protocols/pbft/pbft.h"

#define OPS_MAX 64u
#define SIZE_MAX_INPUT (1u + OPS_MAX * HANDLER_OP_SIZE)

enum { START_FRESH, START_EXECUTED, START_LEFT_VIEW, START_NEXT_VIEW, STARTS };
static const char *const start_names[STARTS] = {"fresh", "executed", "left view 0", "in view 1"};
#define HEAD_HOLD 0x80u

static uint64_t last_digest;

static void play(struct handler_player *p, struct handler_op op)
{
    handler_play_pbft(p, &op);
}

/* Bring a new desk to where inputs start. */
static struct desk *prepare(uint32_t self, uint32_t start)
{
    struct handler_player p = {
        .desk = desk_new(&nika_replica_pbft, NULL, nika_replica_pbft.messages, 1, self)};
    for (uint32_t i = 0; start == START_EXECUTED && i < 5; i++)
        play(&p, (struct handler_op){.kind = OP_ORDER, .digest = (uint8_t)i});
    if (start == START_LEFT_VIEW || start == START_NEXT_VIEW)
        NIKA_TARGET_CHECK(handler_leave_view(&p, start == START_NEXT_VIEW), "no start \"%s\"",
                          start_names[start]);
    desk_mark(p.desk);
    return p.desk;
}

static struct desk *desk_of(uint8_t head)
{
    static struct desk *desks[2][STARTS];
    uint32_t self = head & 1u, start = (head >> 1) % STARTS;
    if (desks[self][start] == NULL) desks[self][start] = prepare(self, start);
    return desks[self][start];
}

/* Where the replica stands, coarsely: a few hundred states, not one for each number. */
static void report_state(const struct handler_player *p)
{
    struct nika_replica_status s;
    desk_status(p->desk, &s);
    uint64_t lag = s.last_executed - s.low_mark;
    uint64_t ahead = s.last_committed - s.last_executed;
    nika_target_state((s.view < 4 ? s.view : 4) | (uint64_t)s.active << 3 |
                      (uint64_t)s.transferring << 4 | (uint64_t)s.wait << 5 |
                      (lag < 8 ? lag : 8) << 9 | (ahead < 3 ? ahead : 3) << 13 |
                      (uint64_t)(s.pending < 3 ? s.pending : 3) << 15 |
                      (uint64_t)(s.view_changes_held < 4 ? s.view_changes_held : 4) << 17 |
                      (uint64_t)(s.wait_detail < 4 ? s.wait_detail : 4) << 20);
}

static void run(struct nika_span input)
{
    if (input.size == 0) return;
    struct handler_player p = {.desk = desk_of(input.data[0])};
    desk_reset(p.desk);
    desk_hold(p.desk, (input.data[0] & HEAD_HOLD) != 0);
    for (uint32_t at = 1; at + HANDLER_OP_SIZE <= input.size; at += HANDLER_OP_SIZE) {
        play(&p, handler_op_read(input.data + at));
        report_state(&p);
    }
    desk_hold(p.desk, false);
    desk_settle(p.desk);
    last_digest = desk_digest(p.desk) ^ (uint64_t)p.delivered << 32 ^ p.refused;
}

static uint64_t digest(void)
{
    return last_digest;
}

static uint32_t mutate(uint8_t *data, uint32_t size, uint32_t capacity, uint32_t seed)
{
    return nika_target_list_mutate(&handler_list, data, size, capacity, seed);
}

static uint32_t cross(struct nika_span a, struct nika_span b, uint8_t *out, uint32_t capacity,
                      uint32_t seed)
{
    return nika_target_list_cross(&handler_list, a, b, out, capacity, seed);
}

/* One of every kind from every start, and a run that commits, checkpoints and changes the view. */
static void seeds(nika_target_seed *seed, void *context)
{
    uint8_t bytes[SIZE_MAX_INPUT];
    char name[48];
    for (uint32_t head = 0; head < 2 * STARTS; head++) {
        uint32_t size = 1;
        bytes[0] = (uint8_t)head;
        for (uint32_t kind = 0; kind < OP_KINDS; kind++) {
            struct handler_op op = {.kind = (uint8_t)kind, .sender = 2, .count = 3, .number = kind};
            handler_op_write(&op, bytes + size);
            size += HANDLER_OP_SIZE;
        }
        snprintf(name, sizeof name, "kinds-%u", head);
        seed(context, name, (struct nika_span){bytes, size});
    }
    static const uint8_t story[][7] = {
        /* kind, sender, view, seq, digest, flags, count */
        {OP_ORDER, 0, 0, 0, 0, 0, 0},       {OP_ORDER, 0, 0, 0, 1, 0, 0},
        {OP_ORDER, 0, 0, 0, 2, 0, 0},       {OP_ORDER, 0, 0, 0, 3, 0, 0},
        {OP_CHECKPOINT, 0, 0, 10, 0, 1, 0}, {OP_PRE_PREPARE, 0, 0, 0, 4, 0, 0},
        {OP_BATCH, 0, 0, 0, 4, 0, 0},       {OP_QUORUM, 0, 0, 0, 4, 0, 0},
        {OP_VIEW_CHANGE, 0, 1, 0, 4, 0, 1}, {OP_VIEW_CHANGE, 2, 1, 0, 4, 0, 1},
        {OP_VIEW_CHANGE, 3, 1, 0, 4, 0, 1}, {OP_NEW_VIEW, 0, 0, 0, 4, 0, 1},
        {OP_STATUS, 3, 0, 0, 0, 1, 4},
    };
    for (uint32_t head = 0; head < 2; head++) {
        uint32_t size = 1;
        bytes[0] = (uint8_t)head;
        for (uint32_t i = 0; i < ARRAY_COUNT(story); i++) {
            struct handler_op op = {.kind = story[i][0],
                                    .sender = story[i][1],
                                    .view = story[i][2],
                                    .seq = story[i][3],
                                    .digest = story[i][4],
                                    .flags = story[i][5],
                                    .count = story[i][6]};
            handler_op_write(&op, bytes + size);
            size += HANDLER_OP_SIZE;
        }
        snprintf(name, sizeof name, "story-%u", head);
        seed(context, name, (struct nika_span){bytes, size});
    }
}

static void show(struct nika_span input, FILE *out)
{
    if (input.size == 0) return;
    fprintf(out, "replica %u, %s%s\n", input.data[0] & 1u,
            start_names[(input.data[0] >> 1) % STARTS],
            (input.data[0] & HEAD_HOLD) != 0 ? ", disk and application answer when told" : "");
    for (uint32_t at = 1; at + HANDLER_OP_SIZE <= input.size; at += HANDLER_OP_SIZE) {
        struct handler_op op = handler_op_read(input.data + at);
        fprintf(out,
                "%-12s sender %u view %u seq %u digest %u flags %02x count %u extra %u number "
                "%" PRIu32 "\n",
                handler_kind_name(op.kind), op.sender, op.view, op.seq, op.digest, op.flags,
                op.count, op.extra, op.number);
    }
}

const struct nika_target nika_target_handler_pbft = {
    .name = "handler-pbft",
    .doc = "One PBFT replica in any state under validly signed messages of everybody else, and "
           "under bytes.",
    .size_max = SIZE_MAX_INPUT,
    .run = run,
    .mutate = mutate,
    .cross = cross,
    .seeds = seeds,
    .show = show,
    .digest = digest,
};
