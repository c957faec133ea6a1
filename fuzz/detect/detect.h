/* fuzz/detect/detect.h: how soon strategies find planted bugs (`nika-museum bench detect`; ATTACKS.md 11).
 *
 * A cell is a bug and a strategy in one scenario; a campaign of a cell is consecutive seeds until the first run that is noticed as the
 * bug's entry says, or a limit. A run counts only when the sound modules pass under the same seed. Cells run in worker processes:
 * a bug that kills one is found by that. Records of campaigns are JSON lines, a pure function of the cell except for the CPU time, and
 * what they add up to is one object (docs/schemas/detect.schema.json). */
#ifndef FUZZ_DETECT_DETECT_H
#define FUZZ_DETECT_DETECT_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/types.h>

#include "fuzz/museum/museum.h"
#include "fuzz/strategies/strategy.h"

#define NIKA_DETECT_CAMPAIGNS_MAX 1000u
#define NIKA_DETECT_WAIT 20u     /* See run_limit_ns. */
#define NIKA_DETECT_SOUND "none" /* The bug of cells without one, which measure false alarms. */

/* What a worker is doing, shared with its parent: what remains of it when it dies. */
struct nika_detect_slot {
    _Atomic uint32_t campaign;
    _Atomic uint64_t limit; /* Of this campaign. */
    _Atomic uint64_t runs;  /* Done in it. */
    _Atomic uint64_t cpu_us;
    _Atomic uint64_t run_cpu_ns; /* CPU time of the worker when the run began. */
    _Atomic uint64_t started_ns; /* Of the run that runs; 0 = none. */
};
/* What came of a campaign. */
struct nika_detect_outcome {
    bool found;
    uint64_t runs;
};
struct nika_detect_cell {
    const struct nika_museum_bug *bug; /* NULL: the sound modules. */
    const struct nika_strategy *strategy;
    /* With the overrides of the strategy; the same without the bug. Borrowed. */
    const struct nika_scenario *planted, *sound;
    uint64_t
        limit; /* Runs of a campaign: that of the plan, and no more than the budget of the bug. */
};
struct nika_detect_plan {
    const struct nika_detect_cell *cells;
    uint32_t cell_count, campaigns, jobs;
    uint32_t
        patience; /* A cell is given up after so many campaigns that found nothing; 0 = never. */
    /* A cell that has found nothing is given up, too, when with 95 % confidence a run of it finds the bug less than one outpaced-th as
     * often as those of an earlier cell of the bug that kept its budget; 0 = never. */
    uint32_t outpaced;
    uint64_t first;        /* Seed of campaign 0. */
    uint64_t limit;        /* Of every cell at most: what decides where campaigns begin. */
    uint64_t cpu_limit_us; /* A campaign is over after so much CPU time, too; 0 = none. */
    /* CPU time of one run: what it takes does not depend on what else runs. Of wall time it has NIKA_DETECT_WAIT times as much. */
    uint64_t run_limit_ns;
    uint64_t (*now_ns)(void);
    uint64_t (*cpu_ns)(void);          /* Of this process. */
    uint64_t (*cpu_of)(pid_t process); /* Of a child; 0 when the system does not say. */
    volatile int *stop;                /* Set by a signal handler. */
    /* In the parent, for each record, complete or not; false ends everything. */
    bool (*keep)(void *context, const char *record);
    /* Is campaign `k` of a cell known already? Then it does not run again; *out says what came of it. */
    bool (*known)(void *context, uint32_t cell, uint32_t campaign, struct nika_detect_outcome *out);
    void (*progress)(void *context, uint32_t cells_done);
    void *context;
};

/* ---- hunt.c ---- */
/* Why a bug can be hunted by no campaign, one phrase; NULL = it can. */
const char *nika_detect_left_out(const struct nika_museum_bug *bug);
/* Seeds from one campaign to the next, of a plan: whole blocks, so that what a strategy learns is of one campaign. */
uint64_t nika_detect_stride(uint64_t limit);
/* The record of a campaign, in this process. The caller owns it; NULL when memory is short. */
struct nika_detect_hunt;
struct nika_detect_hunt *nika_detect_hunt_new(const struct nika_detect_plan *plan, uint32_t cell);
void nika_detect_hunt_free(struct nika_detect_hunt *hunt);
/* `quota`: runs after which the cell is outpaced; 0 = it cannot be. */
json_t *nika_detect_campaign(struct nika_detect_hunt *hunt, uint32_t campaign, uint64_t quota,
                             struct nika_detect_slot *slot);
/* The record of a campaign whose worker ended in a run, in words such as "was killed by signal 11". */
json_t *nika_detect_death(const struct nika_detect_plan *plan, uint32_t cell,
                          const struct nika_detect_slot *slot, const char *what);

/* ---- smaller.c ---- */
/* The run of this seed made small, in at most so many runs and seconds: a record with sizes before and after. The caller owns it. NULL
 * when there is none: the run does not fail by itself, its process ended, the time is over, or memory is short. */
json_t *nika_detect_shrink(const struct nika_detect_cell *cell, uint64_t seed, uint64_t runs_max,
                           uint32_t seconds, const char *version);

/* ---- workers.c ---- */
enum nika_detect_end { NIKA_DETECT_DONE, NIKA_DETECT_STOPPED, NIKA_DETECT_BROKEN };
enum nika_detect_end nika_detect_run(const struct nika_detect_plan *plan);

/* ---- statistics.c ---- */
/* Exact binomial (Clopper-Pearson) 95 % interval of `hits` of `n`, in ppm, rounded outwards. n >= 1. */
void nika_detect_interval(uint64_t hits, uint64_t n, uint32_t *low_ppm, uint32_t *high_ppm);
/* Runs in a row without a hit after which, with 95 % confidence, hits come less than one `factor`-th as often as `hits` in `runs`.
 * hits >= 1. */
uint64_t nika_detect_outpaced_after(uint32_t factor, uint64_t hits, uint64_t runs);
/* Ranks (from 1) between which the median of n values lies with 95 %; 0 and n+1 where there are too few. */
void nika_detect_median_ranks(uint32_t n, uint32_t *low, uint32_t *high);

/* ---- summary.c ---- */
/* What records add up to. `left_out`: object of id to reason; `complete` = nothing that was planned is missing. The caller owns it. */
json_t *nika_detect_summary(const json_t *records, const json_t *settings, const json_t *left_out,
                            bool complete);
/* 0; EXPECTATION when no strategy finds a bug within its budget in nineteen of twenty campaigns, SAFETY for a false alarm,
 * INCONCLUSIVE when something is missing. */
int nika_detect_verdict(const json_t *summary);

/* ---- tables.c, curves.c ---- */
void nika_detect_markdown(const json_t *summary, FILE *file);
/* One line a campaign. */
void nika_detect_csv(const json_t *records, FILE *file);
/* For each strategy, which share of all campaigns had found its bug after so many runs. */
void nika_detect_svg(const json_t *records, const json_t *summary, FILE *file);

#endif
