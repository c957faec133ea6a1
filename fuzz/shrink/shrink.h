/* fuzz/shrink/shrink.h: from a failing run to a small scenario that fails in the same way (DESIGN.md 7).
 *
 * Delta debugging over the decisions of the run (Zeller & Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", TSE '02),
 * and over its scenario: fewer faults, Byzantine acts, requests, clients and replicas, shorter time, fewer lines. What counts as
 * the same failure is its exit class and the shape of its sentence. The result depends on nothing but the run and on how many
 * attempts are allowed. One shrinker per process at a time, as with worlds; it prints nothing and reads no clock. */
#ifndef FUZZ_SHRINK_SHRINK_H
#define FUZZ_SHRINK_SHRINK_H

#include "fuzz/log/log.h"

/* ---- failure.c ---- */
struct nika_failure {
    int exit_class;
    char shape
        [NIKA_DIAGNOSIS_SIZE]; /* The sentence without what names nodes, numbers and digests. */
};
/* False when the run has not failed at all: it held, and nothing had to fail. */
bool nika_failure_of(const struct nika_run_result *result, struct nika_failure *out);
/* What a sentence says once replicas, numbers, digests and the reasons of a stall are left out. */
void nika_failure_shape(const char *sentence, char *out, size_t size);
bool nika_failure_equal(const struct nika_failure *a, const struct nika_failure *b);

/* ---- shrink.c ---- */
struct nika_shrink_size {
    uint64_t decisions; /* That are not the fair ones. */
    uint64_t acts;      /* Of them, those of faults. */
    uint64_t always;    /* Faults that act whenever they can, without a decision for each act. */
    uint64_t faults, replicas, clients, requests /* of all clients */, events, virtual_ns;
};
struct nika_shrink {
    /* Set by the caller before the start. */
    uint64_t runs_max;
    bool (*stop)(void *context); /* NULL = never. */
    void (*progress)(void *context,
                     const struct nika_shrink *shrink); /* After each run; NULL = none. */
    void *context;

    /* The smallest failing run so far. */
    json_t *document; /* Of its scenario, without decisions. */
    uint64_t seed;
    struct nika_decisions decisions;
    struct nika_run_result result;
    struct nika_failure failure;
    /* The failure is that something did not happen. It happens still less without faults and requests, so these stay. */
    bool missing;
    struct nika_shrink_size before, now;
    uint64_t runs, accepted;
    bool stopped; /* The budget ran out before everything was tried. */

    /* Between attempts. */
    struct nika_scenario *scenario; /* Of `document`. */
    struct nika_runner *runner;     /* Of `scenario`; NULL = to be made. */
    struct nika_run_result attempt; /* Of the last attempt. */
};

enum nika_shrink_start {
    NIKA_SHRINK_READY,
    NIKA_SHRINK_HELD,  /* The log's run does not fail in this version. */
    NIKA_SHRINK_ERROR, /* See the diagnoses. */
};
/* Run the log's run once. A log from a run by seed must be replayable. */
enum nika_shrink_start nika_shrink_begin(struct nika_shrink *s, const struct nika_log *log,
                                         const char *path, struct nika_diagnoses *diagnoses);
/* Try until nothing becomes smaller or the budget is spent. */
void nika_shrink_run(struct nika_shrink *s);
void nika_shrink_end(struct nika_shrink *s);

/* What an attempt must be besides failing in the same way. */
enum nika_shrink_rule {
    NIKA_SHRINK_ANY,
    NIKA_SHRINK_NOT_LONGER, /* No more events, give or take an eighth; no more requests or replicas. */
    NIKA_SHRINK_SHORTER,    /* Fewer events. */
};
/* One run of `document` (borrowed; NULL = as it is) deciding by `decisions` (NULL = by the seed). When it fails in the same way and
 * keeps the rule, it becomes the smallest failing run, with those decisions that it asked for. */
bool nika_shrink_try(struct nika_shrink *s, const json_t *document,
                     const struct nika_decisions *decisions, enum nika_shrink_rule rule);

/* ---- minimize.c, reduce.c: passes over decisions and over the scenario. True when something became smaller. ---- */
bool nika_shrink_decisions(struct nika_shrink *s);
/* Only the first steps of it: whole kinds of decisions at once. */
bool nika_shrink_decision_kinds(struct nika_shrink *s);
/* `by_seed`: also try the smaller scenario with decisions by the seed. */
bool nika_shrink_faults(struct nika_shrink *s, bool by_seed);
bool nika_shrink_sizes(struct nika_shrink *s, bool by_seed);
bool nika_shrink_times(struct nika_shrink *s);
bool nika_shrink_keys(struct nika_shrink *s);

/* ---- write.c ---- */
/* The smallest failing run as a scenario file. The caller frees it. NULL when memory is short. */
char *nika_shrink_scenario_text(const struct nika_shrink *s);
/* A CMocka test around such a file: that the failure is gone, or, where something must fail, that it still is seen. */
char *nika_shrink_cmocka_text(const struct nika_shrink *s, const char *scenario_text);

#endif
