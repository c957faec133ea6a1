/* fuzz/targets/handler.c: one replica under whatever the others and the clients may say, correctly signed.
 *
 * Input: head u8 | operations (handler_ops.h). The head picks which replica is under test, where it starts, and whether its disk and
 * application answer at once. More than f keys lie here, so agreement is not judged; what must hold is what one replica owes under any
 * input: no broken contract, no bad memory access, bounded effects, never two statements in one place. */
#include <inttypes.h>

#include "fuzz/targets/handler.h"
#include "protocols/common/core.h"
#include "protocols/registry.h"

enum start {
    START_FRESH,
    START_EXECUTED,
    START_LEFT_VIEW,
    START_NEXT_VIEW,
    START_STABLE,
    START_NEXT_EXECUTED,
    START_NEXT_LEFT,
    START_BEHIND
};
static const char *const start_names[HANDLER_STARTS] = {
    "fresh",           "executed",           "left view 0", "in view 1",
    "with checkpoint", "executed in view 1", "left view 1", "behind"};
#define HEAD_HOLD 0x80u

struct desk *handler_desk(const char *protocol, uint32_t self)
{
    const struct nika_protocol *found = nika_protocol_find(protocol);
    NIKA_TARGET_CHECK(found != NULL, "no protocol %s", protocol);
    return desk_new(found->replica, NULL, found->replica->messages, found->id, self);
}

static void order(struct handler_player *p, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        p->play(p, &(struct handler_op){.kind = OP_ORDER, .digest = (uint8_t)i});
}

/* Bring the replica there, and say whether it is. */
static bool go(struct handler_player *p, enum start start)
{
    struct nika_replica_status s;
    struct handler_op checkpoint = {.kind = OP_CHECKPOINT, .seq = 10, .flags = 1};
    bool left = true;
    if (start == START_LEFT_VIEW || start == START_NEXT_VIEW)
        return handler_leave_view(p, start == START_NEXT_VIEW);
    if (start == START_NEXT_EXECUTED || start == START_NEXT_LEFT)
        left = handler_leave_view(p, true);
    if (start != START_FRESH && start != START_BEHIND) order(p, 5);
    if (start == START_STABLE) p->play(p, &checkpoint);
    checkpoint.seq = 7; /* Eight: two intervals ahead of one who executed nothing. */
    if (start == START_BEHIND) {
        p->play(p, &checkpoint);
        p->play(p, &(struct handler_op){.kind = OP_TIMER, .number = COMMON_TIMER_LAG});
    }
    desk_status(p->desk, &s);
    bool executed = s.last_executed == (start == START_FRESH || start == START_BEHIND ? 0 : 5);
    if (start == START_STABLE && s.low_mark != 4) return false;
    if (start == START_BEHIND && !s.transferring) return false;
    if (start == START_NEXT_LEFT) {
        left = left && handler_leave_view(p, false);
        desk_status(p->desk, &s);
        left = left && s.view == 2 && !s.active;
    }
    return left && executed;
}

/* Bring a new desk to where inputs start. */
static struct desk *prepare(const struct handler_target *t, uint32_t self, uint32_t start)
{
    struct handler_player p = {.desk = handler_desk(t->protocol, self), .play = t->play};
    NIKA_TARGET_CHECK(go(&p, (enum start)start), "%s: replica %u is not \"%s\"", t->protocol, self,
                      start_names[start]);
    desk_mark(p.desk);
    return p.desk;
}

struct desk *handler_started(struct handler_target *t, uint32_t self, uint32_t start)
{
    if (t->desks[self][start] == NULL) t->desks[self][start] = prepare(t, self, start);
    return t->desks[self][start];
}

/* Where the replica stands, coarsely: a few hundred states, not one for each number. */
static void report_state(struct handler_player *p)
{
    desk_status(p->desk, &p->at);
    p->known = true;
    const struct nika_replica_status s = p->at;
    uint64_t lag = s.last_executed - s.low_mark;
    uint64_t ahead = s.last_committed - s.last_executed;
    nika_target_state((s.view < 4 ? s.view : 4) | (uint64_t)s.active << 3 |
                      (uint64_t)s.transferring << 4 | (uint64_t)s.wait << 5 |
                      (lag < 8 ? lag : 8) << 9 | (ahead < 3 ? ahead : 3) << 13 |
                      (uint64_t)(s.pending < 3 ? s.pending : 3) << 15 |
                      (uint64_t)(s.view_changes_held < 4 ? s.view_changes_held : 4) << 17 |
                      (uint64_t)(s.wait_detail < 4 ? s.wait_detail : 4) << 20);
}

void handler_run(struct handler_target *t, struct nika_span input)
{
    if (input.size == 0) return;
    struct handler_player p = {
        .desk = handler_started(t, input.data[0] & 1u, (input.data[0] >> 1) % HANDLER_STARTS),
        .play = t->play};
    desk_reset(p.desk);
    desk_hold(p.desk, (input.data[0] & HEAD_HOLD) != 0);
    for (uint32_t at = 1; at + HANDLER_OP_SIZE <= input.size; at += HANDLER_OP_SIZE) {
        struct handler_op op = handler_op_read(input.data + at);
        p.play(&p, &op);
        report_state(&p);
    }
    desk_hold(p.desk, false);
    desk_settle(p.desk);
    t->digest = desk_digest(p.desk) ^ (uint64_t)p.delivered << 32 ^ p.refused;
}

/* Seeds of as many operations as an input takes. */
static void seed_of(const char *what, uint32_t head, const struct handler_op *ops, uint32_t count,
                    nika_target_seed *seed, void *context)
{
    uint8_t bytes[HANDLER_SIZE_MAX];
    char name[48];
    bytes[0] = (uint8_t)head;
    for (uint32_t from = 0; from < count; from += HANDLER_OPS_MAX) {
        uint32_t size = 1;
        for (uint32_t i = from; i < count && i < from + HANDLER_OPS_MAX; i++) {
            handler_op_write(&ops[i], bytes + size);
            size += HANDLER_OP_SIZE;
        }
        snprintf(name, sizeof name, "%s-%u-%u", what, head, from);
        seed(context, name, (struct nika_span){bytes, size});
    }
}

/* One of every kind from every start, and a run that commits, checkpoints and changes the view. */
void handler_seeds(nika_target_seed *seed, void *context)
{
    struct handler_op kinds[OP_KINDS];
    for (uint32_t i = 0; i < OP_KINDS; i++)
        kinds[i] = (struct handler_op){.kind = (uint8_t)i, .sender = 2, .count = 3, .number = i};
    for (uint32_t head = 0; head < 2 * HANDLER_STARTS; head++)
        seed_of("kinds", head, kinds, OP_KINDS, seed, context);
    static const struct handler_op story[] = {
        {.kind = OP_ORDER},
        {.kind = OP_ORDER, .digest = 1},
        {.kind = OP_ORDER, .digest = 2},
        {.kind = OP_ORDER, .digest = 3},
        {.kind = OP_CHECKPOINT, .seq = 10, .flags = 1},
        {.kind = OP_PRE_PREPARE, .digest = 4},
        {.kind = OP_BATCH, .digest = 4},
        {.kind = OP_QUORUM, .digest = 4},
        {.kind = OP_VIEW_CHANGE, .view = 1, .digest = 4, .count = 1},
        {.kind = OP_VIEW_CHANGE, .sender = 2, .view = 1, .digest = 4, .count = 1},
        {.kind = OP_VIEW_CHANGE, .sender = 3, .view = 1, .digest = 4, .count = 1},
        {.kind = OP_NEW_VIEW, .view = 1, .digest = 4, .count = 1},
        {.kind = OP_STATUS, .sender = 3, .flags = 1, .count = 4},
    };
    /* Died with a vote on its way to the disk, between PREPARE and COMMIT, and after a checkpoint. */
    static const struct handler_op deaths[] = {
        {.kind = OP_PRE_PREPARE, .digest = 1}, {.kind = OP_BATCH, .digest = 1},
        {.kind = OP_RESTART, .number = 1},     {.kind = OP_QUORUM, .digest = 1},
        {.kind = OP_RESTART, .number = 2},     {.kind = OP_VIEW_CHANGE, .sender = 2, .view = 1},
        {.kind = OP_RESTART, .number = 1},     {.kind = OP_STATUS, .sender = 2, .flags = 1},
    };
    /* Its disk is lost, or its trusted subsystem: it fails, it refuses, it was set back. */
    static const uint8_t losses[] = {RESTART_LOST, RESTART_GONE, RESTART_REFUSES, RESTART_BACK,
                                     RESTART_ZERO};
    struct handler_op loss[] = {
        {.kind = OP_ORDER, .digest = 1},       {.kind = OP_RESTART, .number = 5},
        {.kind = OP_STATUS, .sender = 2},      {.kind = OP_STATUS, .sender = 3},
        {.kind = OP_ORDER, .digest = 2},       {.kind = OP_RESTART},
        {.kind = OP_VIEW_CHANGE, .sender = 2}, {.kind = OP_ORDER, .digest = 3},
    };
    /* Its disk is lost, and it is shown its own words again. */
    static const struct handler_op echoes[] = {
        {.kind = OP_ORDER, .digest = 1},
        {.kind = OP_RESTART, .count = RESTART_LOST},
        {.kind = OP_ECHO},
        {.kind = OP_ECHO, .number = 1},
        {.kind = OP_STATUS, .sender = 2},
        {.kind = OP_STATUS, .sender = 3},
        {.kind = OP_ECHO, .number = 2},
        {.kind = OP_ORDER, .digest = 2},
    };
    /* Past view 1, by its leader: in Hybster one that never begins, where two orders were certified. */
    static const struct handler_op passed = {.kind = OP_VIEW_CHANGE,
                                             .sender = 1,
                                             .view = 2,
                                             .seq = 1,
                                             .flags = 1u << 1 | 1u << 4,
                                             .number = 1u + 4u * 2u};
    seed_of("passed", 0, &passed, 1, seed, context);
    for (uint32_t head = 0; head < 2 * HANDLER_STARTS; head++)
        seed_of("echoes", head, echoes, ARRAY_COUNT(echoes), seed, context);
    for (uint32_t head = 0; head < 2; head++)
        seed_of("story", head, story, ARRAY_COUNT(story), seed, context);
    for (uint32_t i = 0; i < ARRAY_COUNT(losses); i++) {
        loss[1].count = losses[i];
        for (uint32_t head = 0; head < 2 * HANDLER_STARTS; head++) {
            char name[16];
            snprintf(name, sizeof name, "loss-%u", losses[i]);
            seed_of(name, head, loss, ARRAY_COUNT(loss), seed, context);
        }
    }
    for (uint32_t start = 0; start < HANDLER_STARTS; start++)
        seed_of("deaths", start << 1 | 1u | (start % 2 == 0 ? HEAD_HOLD : 0), deaths,
                ARRAY_COUNT(deaths), seed, context);
}

void handler_show(struct nika_span input, FILE *out)
{
    if (input.size == 0) return;
    fprintf(out, "replica %u, %s%s\n", input.data[0] & 1u,
            start_names[(input.data[0] >> 1) % HANDLER_STARTS],
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
