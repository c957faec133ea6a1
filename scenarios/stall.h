/* scenarios/stall.h: what kind of a stall it is when progress stops (ATTACKS.md 9.2).
 *
 * Pure bookkeeping over taps and replica states of a run that is being examined; examine.c drives the world. */
#ifndef SCENARIOS_STALL_H
#define SCENARIOS_STALL_H

#include "engine/oracle/oracle.h"

enum nika_liveness {
    NIKA_LIVENESS_UNJUDGED, /* The network never settles, or the run ended before the bound. */
    NIKA_LIVENESS_HELD,
    NIKA_LIVENESS_VACUOUS, /* What liveness presupposes was not given: neither pass nor fail. */
    NIKA_LIVENESS_LASSO,   /* The same state again and again: it will never end. */
    NIKA_LIVENESS_HOT,     /* View changes without execution, more than any bound needs. */
    NIKA_LIVENESS_SLOW,    /* Done after the bound, but done. */
    NIKA_LIVENESS_INCONCLUSIVE, /* Past the bound; a limit ran out before more could be said. */
    NIKA_LIVENESS_COUNT
};
const char *nika_liveness_name(uint32_t liveness); /* "held", "lasso", ... */
const char *nika_liveness_doc(uint32_t liveness);  /* One sentence. */

/* ---- loops in abstract states ---- */
#define NIKA_LASSO_STATES 512u
struct nika_lasso {
    uint32_t count;
    struct {
        uint64_t hash, since_ns;
    } states[NIKA_LASSO_STATES];
};
/* Progress was made: what was seen before proves nothing. */
void nika_lasso_clear(struct nika_lasso *lasso);
/* The cluster is in this abstract state now. True when it was in it at least period_ns ago with no progress since: every timer has
 * fired in between and led back here, so that a deterministic cluster goes round for ever if the adversary goes on as it does. */
bool nika_lasso_seen(struct nika_lasso *lasso, uint64_t hash, uint64_t now_ns, uint64_t period_ns);
/* The abstract state of the replicas in `judged` (bits): views relative to the lowest, no sequence numbers, no clocks. */
uint64_t nika_abstract_state(const struct nika_replica_status *status, uint32_t n,
                             const uint64_t judged[2]);

/* ---- what happened on the way ---- */
#define NIKA_STALL_SENT 4096u
struct nika_stall {
    const struct nika_oracle_setup *setup;
    /* The audit of what liveness presupposes, from GST on. */
    uint64_t dropped, late; /* Messages between correct nodes. */
    uint32_t dropped_from, dropped_to, late_from, late_to;
    uint64_t dropped_ns, late_ns;
    /* Since the last execution by a correct replica, or GST. */
    uint64_t view_start, view_high;
    uint64_t progress; /* Counts everything that can lead somewhere new. */
    struct {
        uint64_t hash, sent_ns;
    } sent[NIKA_STALL_SENT];
};
/* `stall` is zeroed here. The setup is borrowed. */
struct nika_watcher nika_stall_watcher(struct nika_stall *stall,
                                       const struct nika_oracle_setup *setup);
/* View changes by correct replicas since the last execution after GST: the temperature. */
uint64_t nika_stall_temperature(const struct nika_stall *stall);
/* More than this and the cluster is hot: k* + 2f (ATTACKS.md 9.2, 4). */
uint64_t nika_stall_hot_above(const struct nika_oracle_setup *setup);
/* NULL when what liveness presupposes of the cluster was given: at most f faulty or down, and time-outs that grow long enough. */
const char *nika_stall_cluster_vacuous(const struct nika_oracle_setup *setup, uint32_t down,
                                       char *text, size_t size);
/* The same, and what it presupposes of the network. NULL when all of it was given; else what was not, in `text`. `down` = correct replicas that are down. */
const char *nika_stall_vacuous(const struct nika_stall *stall, uint32_t down, char *text,
                               size_t size);

#endif
