/* protocols/common/pace.h: is the primary slow? The judgement that T_req cannot make (Aardvark, Clement et al., NSDI '09, 4.2: a
 * view lasts as long as its primary keeps the pace of those before it; Prime, Amir et al., DSN '08, measures turn-around likewise).
 *
 * T_req ends a view whose primary leaves the oldest request undone for T_req. A primary that hands out just enough, just in time,
 * never meets it and may keep a cluster at a hundredth of its speed. With T_pace (configuration, 0 = off) each backup
 * measures how long the requests that it knows wait from their arrival to their execution, averages them over windows of T_pace, and
 * remembers the last average under each primary. A primary under which requests wait more than twice as long as under the best of the
 * others, in PACE_PATIENCE windows in a row, is suspected as if T_req had expired.
 *
 * - So that there is something to compare with, views below n - 1 end after PACE_TASTE windows: every replica leads once.
 * - Patience doubles with every suspicion, up to PACE_PATIENCE << PACE_PATIENCE_DOUBLINGS windows, and returns after PACE_CALM good ones:
 *   load that swings by itself, or clients in league with a primary, cannot end views without end.
 * - The first window of a view is left out: it holds what waited for the view.
 *
 * Nothing is decided for others: to leave a view still takes W (join) and Q replicas. */
#ifndef PROTOCOLS_COMMON_PACE_H
#define PROTOCOLS_COMMON_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/core/digest.h"
#include "engine/core/limits.h"

#define PACE_SAMPLES_MIN 4u
#define PACE_PATIENCE 2u
#define PACE_PATIENCE_DOUBLINGS 5u
#define PACE_CALM 64u
#define PACE_TASTE 2u

struct common_pace {
    uint64_t view;     /* What the window below belongs to. */
    uint64_t since_ns; /* Start of the window; 0 = none is open. */
    uint64_t waited_ns;
    uint32_t samples;    /* Requests executed in it, and the sum of their waits. */
    uint32_t windows;    /* Full windows of this view. */
    uint32_t slow, calm; /* Bad and good windows in a row. */
    uint32_t doublings;
    uint64_t mean_ns[NIKA_REPLICAS_MAX]; /* Last average under each primary; 0 = unknown. */
};

struct common_core;

/* A request that this replica knew since `arrived_ns` was executed now. */
void common_pace_sample(struct common_core *core, uint64_t arrived_ns);
/* After each executed batch: close the window if it is over. True when the primary must be suspected. */
bool common_pace_judge(struct common_core *core);
/* Add what decides the next judgement to a digest of state; nothing with T_pace off. */
void common_pace_digest(const struct common_core *core, struct nika_run_digest *d);

#endif
