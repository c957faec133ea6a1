/* fuzz/targets/desk_judge.h: what one replica owes whatever it is told, judged from what it is told and what it says of itself. Restates the
 * quorums by itself. Private to the desk.
 *
 * A view is entered by the NEW-VIEW of a quorum: VIEW-CHANGEs for it, authentic, of that many different senders (NV1, NV3; PROTOCOLS.md 1.9, 2.6).
 * Evidence is kept once for each sender and type, and no queue grows beyond its bound (O9).
 *
 * Who lost its disk votes for nothing before it may, PROTOCOLS.md 1.12: in PBFT not before 2f others told where they stand and a checkpoint is stable
 * that no vote of before goes beyond; in Hybster the trusted counter keeps it from saying a second thing (O6). */
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
    uint64_t voted_max;              /* The highest number of a vote. */
    uint32_t reported;               /* Whose STATUS came since it began, as bits. */
    bool amnesiac;                   /* It says so, and is silent until it may vote again. */
    bool voted;                      /* It said something new in the present step. */
};
/* An authentic frame that the module is about to get. `verify` says whether a nested one is authentic. */
void desk_judge_heard(struct desk_judge *j, const struct desk *d, const struct nika_frame *frame,
                      bool (*verify)(void *desk, uint32_t self, const struct nika_frame *frame));
/* A note that the module made. */
void desk_judge_note(struct desk_judge *j, const struct desk *d, const struct nika_action *note);
/* It says in its own name what is said once in a place. `again` = the same as before. */
void desk_judge_said(struct desk_judge *j, const struct nika_summary *s, bool again);
/* The module died, and with it what it remembers of evidence. `amnesiac` = it is told that it may have forgotten votes. */
void desk_judge_restart(struct desk_judge *j, bool amnesiac);
/* Its disk is lost: a quorum has to show it again which views there are. */
void desk_judge_forget(struct desk_judge *j);
/* After each step that did something, and whenever its status is asked for. */
void desk_judge_stands(struct desk_judge *j, const struct desk *d,
                       const struct nika_replica_status *s);

#endif
