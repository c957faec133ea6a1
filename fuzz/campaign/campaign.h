/* fuzz/campaign/campaign.h: many runs of many scenarios, their records, and what they add up to (DESIGN.md 7).
 *
 * The unit of work is a block: one scenario, one strategy, NIKA_BLOCK_RUNS consecutive seeds. Its record is a pure function of its
 * identity, so that blocks can be computed anywhere, in any order, twice, and merge to the same bytes. */
#ifndef FUZZ_CAMPAIGN_CAMPAIGN_H
#define FUZZ_CAMPAIGN_CAMPAIGN_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>

#include "engine/core/digest.h"
#include "fuzz/strategies/strategy.h"
#include "scenarios/runner.h"

#define NIKA_BLOCK_RUNS 32u
#define NIKA_BLOCK_SKIPS_MAX                                                                       \
    NIKA_BLOCK_RUNS /* Each of its runs may end a worker, and each is a finding. */
#define NIKA_CAMPAIGN_SCENARIOS_MAX 512u
#define NIKA_CAMPAIGN_JOBS_MAX 64u
#define NIKA_RECORD_SIZE_MAX (256u * 1024u)

/* What a worker is doing, in memory that it shares with its parent: what remains of it when it dies. */
struct nika_slot {
    _Atomic uint64_t seed;
    _Atomic uint64_t started_ns; /* 0 = between runs. */
};
/* A seed whose run ended its worker. */
#define NIKA_SKIP_SIZE 320u
struct nika_skip {
    uint64_t seed;
    char what
        [NIKA_SKIP_SIZE]; /* "was killed by signal 11 (Segmentation fault)", and what its process said last. */
};
struct nika_block {
    const struct nika_scenario *scenario;
    const struct nika_strategy *strategy;
    const struct nika_strategy_sets *sets; /* With which the scenario was loaded. */
    const char *version;
    const char *scenario_digest;
    uint64_t first;
    uint32_t count;
    struct nika_skip skips[NIKA_BLOCK_SKIPS_MAX];
    uint32_t skip_count;
};

/* ---- record.c: identity and shape of a record ---- */
/* Hex fingerprint of a scenario as loaded, overrides included. */
void nika_scenario_digest(const struct nika_scenario *scenario, char out[33]);
/* Hex fingerprint of what a block is: scenario, strategy, version, seeds. */
void nika_block_id(const struct nika_block *block, char out[33]);
/* Which of 1..shards runs the block with this identity (the shard contract, docs/scale-out.md). */
uint32_t nika_block_shard(const char id[33], uint32_t shards);
/* The class of failures that a sentence belongs to: its oracle or exit class, and the sentence without numbers and digests. 16 hex
 * characters. */
void nika_failure_signature(int exit_class, const char *sentence, char out[17]);

/* ---- block.c ---- */
/* Runs a block. `runner` is of block->scenario. NULL only when memory is short. `now_ns` tells the wall time for the slot. */
json_t *nika_block_run(const struct nika_block *block, struct nika_runner *runner,
                       struct nika_slot *slot, uint64_t (*now_ns)(void));

/* ---- results.c: the records of a folder, a JSON line each ---- */
/* Texts lie in a file without a name: those of a million runs are a hundred megabytes. All zero = empty. */
struct nika_results {
    uint32_t count, capacity, name_count;
    struct nika_result_line {
        char id[33];
        uint32_t size;    /* Of its text. */
        const char *name; /* Scenario, its digest, strategy; shared. */
        uint64_t first;   /* Seed. */
        uint64_t at;      /* Where its text begins. */
    } * lines;
    char **names;
    FILE *texts;
    uint64_t written;
};
void nika_results_free(struct nika_results *results);
/* A record. The caller owns it. NULL when it cannot be read back. */
json_t *nika_results_record(const struct nika_results *results,
                            const struct nika_result_line *line);
/* Add the records of a file. A last line that is cut short (a writer was killed) is left out and counted in *cut. False with a
 * sentence (file, line, what) for anything else that is no record. A missing file has no records. */
NIKA_MUST_USE bool nika_results_read(struct nika_results *results, const char *path, uint32_t *cut,
                                     struct nika_diagnoses *diagnoses);
/* Add one. False with a sentence when the same block has another content: the runs were not deterministic. */
NIKA_MUST_USE bool nika_results_add(struct nika_results *results, const char *text,
                                    const char *path, uint32_t line,
                                    struct nika_diagnoses *diagnoses);
bool nika_results_has(const struct nika_results *results, const char id[33]);
/* The records by scenario, strategy and seed. The caller frees the array. NULL when out of memory. */
struct nika_result_line *nika_results_sorted(const struct nika_results *results);
/* All records, sorted, to `path` by way of a temporary file. False with a sentence; the old file is then as it was. */
NIKA_MUST_USE bool nika_results_write(struct nika_results *results, const char *path,
                                      struct nika_diagnoses *diagnoses);

/* ---- verdicts.c ---- */
/* The worse of two exit classes: safety, then crashed or broken contracts, then non-determinism, liveness, unmet expectations,
 * incomplete. */
int nika_exit_worse(int a, int b);

/* ---- summary.c ---- */
/* What records add up to: one object, keys sorted, the same for the same set of records. `complete` = nothing that was planned is
 * missing. The caller owns it. */
json_t *nika_campaign_summary(const struct nika_results *results, bool complete);
/* Of each strategy (`runs`: how many each has) an array of [runs, states, steps, kinds of failures], at most about 100 points. The
 * caller owns it. */
json_t *nika_campaign_curves(const struct nika_results *results, const json_t *runs);
/* The same as JUnit XML: a test case for each scenario and strategy. False when not all was written. */
NIKA_MUST_USE bool nika_campaign_junit(const json_t *summary, FILE *file);
/* And as a page for people, with links to what lies in `folder`. */
NIKA_MUST_USE bool nika_campaign_html(const json_t *summary, const char *folder, FILE *file);
#define NIKA_REPRODUCE_SIZE 8192u
/* The line that repeats the first run of a kind of failure, its strategy's overrides spelt out. */
void nika_failure_reproduce(const json_t *failure, char *out, size_t size);
/* And as text for people. */
void nika_campaign_text(const json_t *summary, FILE *file);

/* ---- plan_file.c: what a campaign is, in a file beside its results ---- */
struct nika_plan;
/* Everything that decides which blocks there are: version, scenarios with their digests, strategy, seeds; not who runs them, where,
 * and in how many shards. "core" is the fingerprint of all that. `open_end` = ends by time, so that blocks may be missing. The
 * caller owns it. */
json_t *nika_plan_document(const struct nika_plan *plan, bool open_end);
/* False with a sentence when `document` is no plan, or not the one whose core it claims. */
NIKA_MUST_USE bool nika_plan_check(const json_t *document, const char *path,
                                   struct nika_diagnoses *diagnoses);
/* Blocks of a checked plan, and those of them that `results` lack; the first lacking one as "NAME seeds A..B" in `first`. 0 when it
 * has an open end. */
uint64_t nika_plan_missing(const json_t *document, const struct nika_results *results,
                           uint64_t *blocks, char *first, size_t size);

/* ---- pool.c: worker processes ---- */
struct nika_plan {
    const struct nika_scenario *const *scenarios;
    const struct nika_strategy_sets *sets; /* One a scenario. */
    uint32_t scenario_count;
    const struct nika_strategy *strategy;
    const char *version;
    uint64_t first, last;   /* Seeds. */
    uint32_t shard, shards; /* This one of so many; by the identity of blocks. */
    uint32_t jobs;
    uint64_t budget_ns;    /* 0 = none. */
    uint64_t run_limit_ns; /* Wall time of one run. */
    uint64_t memory_limit; /* Resident bytes of one worker; 0 = none. */
    bool fail_fast;
    uint64_t (*now_ns)(void);
    volatile int *stop;               /* Set by a signal handler. */
    const struct nika_results *known; /* Blocks that need not be run again. */
    /* Called in the parent for each record (JSON text). False ends the campaign: it could not be kept. */
    bool (*keep)(void *context, const char *record);
    void (*progress)(void *context, uint64_t runs_done, uint64_t runs_total);
    void *context;
};
enum nika_pool_end {
    NIKA_POOL_DONE,
    NIKA_POOL_BUDGET,  /* The time is over. */
    NIKA_POOL_STOPPED, /* `stop`, or fail_fast. */
    NIKA_POOL_BROKEN,  /* keep() said no, or no worker could be started. */
};
enum nika_pool_end nika_pool_run(const struct nika_plan *plan);

#endif
