/* fuzz/targets/desk_judge.h: what one replica owes whatever it is told, judged from what it is told and what it says of itself. Restates the
 * quorums by itself. Private to the desk.
 *
 * A view is entered by the NEW-VIEW of a quorum: VIEW-CHANGEs for it, authentic, of that many different senders (NV1, NV3; PROTOCOLS.md 1.9, 2.6).
 * Evidence is kept once for each sender and type, and no queue grows beyond its bound (O9). */
#ifndef FUZZ_TARGETS_DESK_JUDGE_H
#define FUZZ_TARGETS_DESK_JUDGE_H

#include "fuzz/targets/desk.h"

#define DESK_VIEWS_MAX 64u
#define DESK_SENDERS_MAX 4u

/* Part of what an input changes: put back with it. */
struct desk_judge {
    uint64_t view; /* The highest that the replica was active in. */
    uint32_t count;
    uint64_t shown
        [DESK_VIEWS_MAX]; /* Views that a NEW-VIEW with a quorum was delivered for; the oldest makes room. */
    uint64_t told[DESK_SENDERS_MAX]; /* Types that there is evidence of, as bits, by sender. */
};
/* An authentic frame that the module is about to get. `verify` says whether a nested one is authentic. */
void desk_judge_heard(struct desk_judge *j, const struct desk *d, const struct nika_frame *frame,
                      bool (*verify)(void *desk, uint32_t self, const struct nika_frame *frame));
/* A note that the module made. */
void desk_judge_note(struct desk_judge *j, const struct desk *d, const struct nika_action *note);
/* The module died, and with it what it remembers of evidence. */
void desk_judge_restart(struct desk_judge *j);
/* After each step that did something, and whenever its status is asked for. */
void desk_judge_stands(struct desk_judge *j, const struct desk *d,
                       const struct nika_replica_status *s);

#endif
