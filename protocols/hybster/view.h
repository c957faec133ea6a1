/* protocols/hybster/view.h: what the files of view changes share and nobody else needs (PROTOCOLS.md 2.4). */
#ifndef PROTOCOLS_HYBSTER_VIEW_H
#define PROTOCOLS_HYBSTER_VIEW_H

#include "protocols/hybster/state.h"

/* What a set of VIEW-CHANGEs and NEW-VIEW-ACKs decides: the orders (min_seq, max_seq], one each, null where no PREPARE was shown. */
struct hybster_planned {
    bool present; /* False: the gap is filled with the null batch, and digest is zero. */
    struct nika_digest digest;
};
struct hybster_plan {
    uint64_t min_seq, max_seq;
    uint64_t conflict_seq;        /* Where two PREPAREs of one view and order differ. */
    struct nika_list checkpoints; /* The C set for min_seq; borrows from the messages. */
    struct hybster_planned orders[NIKA_WINDOW_MAX]; /* Index seq - min_seq - 1. */
};

/* ---- view_change_check.c ---- */
/* HV1-HV8. NIKA_CHECK_NONE or the failed check. */
enum nika_check hybster_view_change_check(struct nika_replica *r, const struct nika_frame *frame,
                                          const struct hybster_view_change *m);
/* HN5 but for base and view, which depend on who asks. */
bool hybster_ack_valid(struct nika_replica *r, const struct nika_frame *frame,
                       const struct hybster_new_view_ack *m);

/* ---- plan.c ---- */
/* Recompute (min, max, the orders) from valid messages: PREPAREs count only from VIEW-CHANGEs whose sender had entered `base`, and from
 * acks. False when two PREPAREs of one order differ (HP7). */
bool hybster_plan_compute(struct nika_replica *r, const struct nika_list *view_changes,
                          const struct nika_list *acks, uint64_t base, struct hybster_plan *plan);
enum hybster_standing {
    HYBSTER_PLAN_STANDS,
    /* Another digest was executed by what was final in its view or a later one: a later view may have begun without anybody who had
     * entered this one (n >= 5), so it only comes too late. */
    HYBSTER_PLAN_OVERTAKEN,
    HYBSTER_PLAN_IMPOSSIBLE, /* ... or in an earlier view: it must carry that over. */
};
/* What is the plan of `view` against what this replica has executed? `seq`: where they differ. */
enum hybster_standing hybster_plan_standing(const struct nika_replica *r, uint64_t view,
                                            const struct hybster_plan *plan, uint64_t *seq);
/* HN8: is the batch at hand, or not needed any more? If not, ask for it. */
bool hybster_batch_at_hand(struct nika_replica *r, uint64_t seq, const struct nika_digest *digest);
/* The same for all PREPAREs of a list. */
bool hybster_history_at_hand(struct nika_replica *r, const struct nika_list *prepares);
/* HN8: make the proven state at `seq` one's own, or begin to fetch it. True when h is there. */
bool hybster_reach_low_mark(struct nika_replica *r, uint64_t seq, const struct nika_list *cert);

/* ---- void.c ---- */
/* Make, or have already, the proof that a view which this replica leads can never begin. False when there can be none: its NEW-VIEW was
 * certified, or is about to be. */
bool hybster_void_make(struct nika_replica *r, uint64_t view);
/* A proof of one's own from a recovered VIEW-CHANGE. */
void hybster_void_keep(struct nika_replica *r, const struct nika_trusted_certificate *c,
                       const struct nika_digest *digest);
/* Those of views up to `entered` are not needed any more. */
void hybster_void_forget(struct nika_replica *r);
/* HV4: is this the proof that `view`, which `sender` leads, can never begin? */
bool hybster_void_check(struct nika_replica *r, uint32_t sender, const struct hybster_hop *hop,
                        uint64_t *view);

/* ---- new_view_check.c ---- */
/* HN3-HN6: a pure function of the message. The plan is filled in when nothing failed. */
enum nika_check hybster_new_view_check(struct nika_replica *r, const struct nika_frame *frame,
                                       const struct hybster_new_view *m, struct hybster_plan *plan);

/* ---- view_change.c ---- */
/* The PREPAREs accepted in `entered`, from `after` + 1 without a gap, appended to `w`; with `w` NULL only their size. */
uint32_t hybster_history(const struct nika_replica *r, uint64_t after, struct nika_writer *w,
                         struct nika_list *list);
/* The certificate of an own hop. */
struct nika_trusted_certificate hybster_hop_certificate(const struct hybster_hop_entry *hop);
#endif
