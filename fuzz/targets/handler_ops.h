/* fuzz/targets/handler_ops.h: operations of one size that say, relative to where the replica under test stands, what the rest of the
 * group does to it. The player signs with the keys of whoever the operation names: signatures and digests are never in an input. */
#ifndef FUZZ_TARGETS_HANDLER_OPS_H
#define FUZZ_TARGETS_HANDLER_OPS_H

#include "fuzz/targets/desk.h"

#define HANDLER_OP_SIZE 12u

enum handler_kind {
    OP_REQUEST,
    OP_PRE_PREPARE,
    OP_BATCH,
    OP_PREPARE,
    OP_COMMIT,
    OP_ORDER,  /* PRE-PREPARE, batch, and the votes of everybody: the slot commits. */
    OP_QUORUM, /* The same PREPARE or COMMIT from every other replica at once. */
    OP_CHECKPOINT,
    OP_VIEW_CHANGE,
    OP_NEW_VIEW,
    OP_STATUS,
    OP_FETCH,
    OP_TRANSFER, /* META, CHUNK, NO-SNAPSHOT. */
    OP_COMMIT_CERT,
    OP_TIMER,
    OP_TIME,
    OP_SETTLE,  /* Let what was held complete. */
    OP_RAW,     /* A signed frame of any type with a body of any bytes. */
    OP_DAMAGED, /* The next frame has one byte changed on its way. */
    OP_ACK,     /* Hybster: NEW-VIEW-ACK. */
    OP_RESTART, /* The replica dies and begins again from its disk; or what else becomes of it, by `count`. */
    OP_ECHO, /* What the replica itself said, once more as it was: `number` back from its newest word. */
    OP_KINDS
};
/* A RESTART's `count`. All others: it only dies, and `number` says how much is left of what was not durable. */
enum handler_restart {
    RESTART_LOST = 6, /* Its disk is empty. */
    /* It does not die: after `number` modulo 4 certificates its trusted subsystem fails it for good; with 4 in `number` one more is lost. */
    RESTART_GONE = 7,    /* No call has an answer. */
    RESTART_REFUSES = 8, /* Nothing is certified. */
    RESTART_BACK = 9,    /* Its trusted counters are set back to where the input began, */
    RESTART_ZERO = 10,   /* to where they never moved. */
    RESTART_KINDS
};
struct handler_op {
    uint8_t kind, sender, view, seq, digest, flags, count, extra;
    uint32_t number;
};
struct handler_op handler_op_read(const uint8_t *bytes);
void handler_op_write(const struct handler_op *op, uint8_t *bytes);
const char *handler_kind_name(uint8_t kind);

/* Plays operations on a desk. */
struct handler_player;
typedef void handler_play(struct handler_player *p, const struct handler_op *op);
struct handler_player {
    struct desk *desk;
    handler_play *play;
    struct nika_replica_status at; /* Before the present operation. */
    bool known;                    /* `at` is where the replica stands already. */
    /* Sees every frame before it is delivered; NULL = nobody. */
    void (*take)(void *context, struct nika_span frame);
    void *take_context;
    bool damage;
    uint32_t damage_at;
    uint32_t delivered, refused;
};
handler_play handler_play_pbft, handler_play_hybster;

/* The others leave the view one after the other, until the replica leaves it too, or with `enter_next` until it works in the next. */
bool handler_leave_view(struct handler_player *p, bool enter_next);

/* Mutation by whole operations. */
extern const struct nika_target_list handler_list;

#endif
