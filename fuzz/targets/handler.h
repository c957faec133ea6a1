/* fuzz/targets/handler.h: one replica of a protocol under whatever everybody else may say, correctly signed (handler.c). */
#ifndef FUZZ_TARGETS_HANDLER_H
#define FUZZ_TARGETS_HANDLER_H

#include "fuzz/targets/handler_ops.h"

/* Depth comes from where inputs start, and from operations that say what a whole quorum says: with twenty operations a run took twice as long,
 * and fewer states were reached in the same time (docs/fuzzing.md). */
#define HANDLER_OPS_MAX 8u
#define HANDLER_SIZE_MAX (1u + HANDLER_OPS_MAX * HANDLER_OP_SIZE)
#define HANDLER_STARTS 8u

/* One protocol's handler target. Owns its desks, which live as long as the process. */
struct handler_target {
    const char *protocol;
    handler_play *play;
    struct desk *desks[2][HANDLER_STARTS];
    uint64_t digest;
};
/* A new desk of the protocol with replica `self`. */
struct desk *handler_desk(const char *protocol, uint32_t self);
/* The desk of replica `self` that was brought to a start, 0 .. HANDLER_STARTS - 1. Made once. */
struct desk *handler_started(struct handler_target *t, uint32_t self, uint32_t start);
void handler_run(struct handler_target *t, struct nika_span input);
void handler_seeds(nika_target_seed *seed, void *context);
void handler_show(struct nika_span input, FILE *out);

#endif
