/* fuzz/targets/target.h: what a fuzz target is: bytes in, a judgement out. One target a file, one line in targets.def.
 *
 * A target is a pure function of its input: no time, no environment, nothing left over from the input before. It does not know what drives
 * it: libFuzzer, AFL++ or a plain main() that replays files. What it finds wrong it says through nika_target_fail(). */
#ifndef FUZZ_TARGETS_TARGET_H
#define FUZZ_TARGETS_TARGET_H

#include <stdio.h>

#include "engine/core/types.h"

/* Receives one seed of a target's corpus. */
typedef void nika_target_seed(void *context, const char *name, struct nika_span bytes);

struct nika_target_list;
struct nika_target {
    const char *name; /* "wire-pbft"; also the name of its corpus. */
    const char *doc;
    uint32_t size_max; /* Longer inputs are not run. */
    void (*run)(struct nika_span input);
    /* Change `data` (size bytes used, capacity there) in a way that keeps it meaningful; returns the new size. NULL = bytes. */
    uint32_t (*mutate)(uint8_t *data, uint32_t size, uint32_t capacity, uint32_t seed);
    /* Cut `a` and `b` together at places that mean something. NULL = bytes. */
    uint32_t (*cross)(struct nika_span a, struct nika_span b, uint8_t *out, uint32_t capacity,
                      uint32_t seed);
    /* Inputs are a list of entries: steps and cuts are those of lists where the two above are NULL. NULL = they are none. */
    const struct nika_target_list *list;
    void (*seeds)(nika_target_seed *seed, void *context);
    /* Words for a dictionary, one a line as AFL and libFuzzer read them. NULL = none. */
    void (*dictionary)(FILE *out);
    /* What an input means, for people. NULL = its bytes. */
    void (*show)(struct nika_span input, FILE *out);
    /* A hash of everything that the last run did: two runs of one input must agree. NULL = nothing to compare. */
    uint64_t (*digest)(void);
};

#define TARGET(symbol, memory, time) extern const struct nika_target nika_target_##symbol;
#include "fuzz/targets/targets.def"
#undef TARGET

/* NULL-terminated, in the order of targets.def. */
extern const struct nika_target *const nika_targets[];
/* NULL when there is none of that name. */
const struct nika_target *nika_target_find(const char *name);
/* What a process that runs the target, and one run, may take: columns of targets.def. */
struct nika_target_limits {
    uint32_t memory_mb;
    uint32_t seconds; /* Of processor time: a run that waits for a busy machine is not slow. */
};
const struct nika_target_limits *nika_target_limits(const struct nika_target *target);

/* The input shows a bug: say what, and abort (a driver turns that into a finding). printf-like. */
_Noreturn void nika_target_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Fail unless `condition`. */
#define NIKA_TARGET_CHECK(condition, ...)                                                          \
    do {                                                                                           \
        if (!(condition)) nika_target_fail(__VA_ARGS__);                                           \
    } while (0)

/* ---- For drivers ---- */
/* From now on, a run by nika_target_run() that takes more than the limits of `target` is a finding. Once a process: takes SIGPROF. */
void nika_target_enforce(const struct nika_target *target);
void nika_target_run(const struct nika_target *target, struct nika_span input);
/* The most memory that the process has had, in megabytes. */
uint32_t nika_target_memory_mb(void);
/* Bytes of all blocks that were taken from the heap since the first call, freed or not. Always 0 in a build without AddressSanitizer. */
uint64_t nika_target_allocated(void);

/* Protocol states as coverage: a new `state` (any number) counts like a new edge. Only libFuzzer listens. */
void nika_target_state(uint64_t state);
/* Whether they do (the default): for measuring what they are worth. */
void nika_target_use_states(bool on);
/* States that the last runs reached, of the few thousand that are told apart. */
uint32_t nika_target_states(void);
/* The planted bug that the modules carry from now on, by its name: museum builds alone know any. False when there is none. */
bool nika_target_plant(const char *name);
/* Its index for nika_planted_select(); 0 = none. */
uint32_t nika_target_planted(void);

/* Small deterministic draws for mutators: not the library's, so that a mutation depends on its seed alone. */
struct nika_target_draw {
    uint64_t state;
};
uint32_t nika_target_draw(struct nika_target_draw *draw, uint32_t n); /* In [0, n), n >= 1. */

/* ---- Mutations of inputs that are lists of entries of one size behind a head: insert, drop, move, duplicate, alter. ---- */
struct nika_target_list {
    uint32_t head, entry; /* Bytes. */
    /* Fill one entry anew. */
    void (*fresh)(uint8_t *entry, struct nika_target_draw *draw);
    /* Change one entry a little. */
    void (*alter)(uint8_t *entry, struct nika_target_draw *draw);
};
uint32_t nika_target_list_mutate(const struct nika_target_list *list, uint8_t *data, uint32_t size,
                                 uint32_t capacity, uint32_t seed);
uint32_t nika_target_list_cross(const struct nika_target_list *list, struct nika_span a,
                                struct nika_span b, uint8_t *out, uint32_t capacity, uint32_t seed);

/* Whether a target has steps, and cuts, of its own; and one of them. */
bool nika_target_mutates(const struct nika_target *target);
bool nika_target_crosses(const struct nika_target *target);
uint32_t nika_target_mutate(const struct nika_target *target, uint8_t *data, uint32_t size,
                            uint32_t capacity, uint32_t seed);
uint32_t nika_target_cross(const struct nika_target *target, struct nika_span a, struct nika_span b,
                           uint8_t *out, uint32_t capacity, uint32_t seed);

#endif
