/* protocols/pbft/view.h: what view_change.c, new_view.c and certificate.c share and nobody else needs (PROTOCOLS.md 1.7). */
#ifndef PROTOCOLS_PBFT_VIEW_H
#define PROTOCOLS_PBFT_VIEW_H

#include "protocols/pbft/state.h"

/* What a set of VIEW-CHANGEs decides: the orders (min_seq, max_seq], one each, null where nothing was prepared. */
struct pbft_planned {
    bool present; /* False: the gap is filled with the null batch, and digest is zero. */
    uint64_t view;
    struct nika_digest digest;
};
struct pbft_plan {
    uint64_t min_seq, max_seq;
    uint64_t conflict_seq;        /* Where NV8 failed. */
    struct nika_list checkpoints; /* The C set for min_seq; borrows from the VIEW-CHANGE. */
    struct pbft_planned orders[NIKA_WINDOW_MAX]; /* Index seq - min_seq - 1. */
};

/* Recompute (min_s, max_s, O) from the V of a NEW-VIEW. False when two certificates of one view and number differ (NV8). Every
 * VIEW-CHANGE must have passed pbft_view_change_check; the span is then at most one window. */
bool pbft_plan_compute(struct nika_replica *r, const struct nika_list *view_changes,
                       struct pbft_plan *plan);
/* The plan of `view` against the numbers that this replica knows to be committed. Another digest at one that was committed in a view
 * before cannot be with f faults (`seq` says where). At one committed in `view` itself or after it, it can: the primary showed
 * others another NEW-VIEW, or the view is long over and what it ordered was never prepared. Nothing is to be had from entering. */
enum pbft_standing {
    PBFT_PLAN_STANDS,
    PBFT_PLAN_OVERTAKEN,
    PBFT_PLAN_IMPOSSIBLE,
};
enum pbft_standing pbft_plan_standing(const struct nika_replica *r, uint64_t view,
                                      const struct pbft_plan *plan, uint64_t *seq);
/* Parse and decode a nested frame of a replica without verifying its signature: for what was verified before, and for checks that
 * are cheaper than a signature. */
bool pbft_nested_peek(struct nika_replica *r, struct nika_span raw,
                      const struct nika_message_info *info, struct nika_frame *frame,
                      void *message);

#endif
