/* fuzz/targets/schedule.h: whole-cluster schedules of one protocol (schedule.c). */
#ifndef FUZZ_TARGETS_SCHEDULE_H
#define FUZZ_TARGETS_SCHEDULE_H

#include "fuzz/log/log.h"
#include "fuzz/targets/target.h"

#define SCHEDULE_DECISION_SIZE 20u
#define SCHEDULE_DECISIONS_MAX 200u
#define SCHEDULE_SIZE_MAX (1u + SCHEDULE_DECISIONS_MAX * SCHEDULE_DECISION_SIZE)
#define SCHEDULE_NAMES_MAX 16384u /* That the mutator chooses from. */
#define SCHEDULE_SEEDS 4u
#define SCHEDULE_MARKS 16u
#define SCHEDULE_ASKED_MAX 32768u
#define SCHEDULE_NAMED                                                                             \
    4u /* One input in so many adds to the names that mutators choose from; which, its bytes say. */

/* More faults of a scenario: two correct replicas crash where a record must be durable, and come back from their disks. */
#define SCHEDULE_CRASH(point, when)                                                                \
    ", {\"name\": \"crash\", \"targets\": [1, 2], \"point\": \"" point "\", \"when\": \"" when     \
    "\", \"down_ms\": 20, \"rate_ppm\": 500000, \"acts\": \"may\"}"
#define SCHEDULE_CRASHES                                                                           \
    SCHEDULE_CRASH("prepare", "before")                                                            \
    SCHEDULE_CRASH("commit", "after")                                                              \
    SCHEDULE_CRASH("view-change", "after")                                                         \
    SCHEDULE_CRASH("new-view", "after")                                                            \
    SCHEDULE_CRASH("snapshot", "before")

/* The fair run of a seed: copies of the world on its way, and in which event each decision is first asked for. An input goes as the fair run
 * goes until its first decision is asked for: it starts from the last copy before that. */
struct schedule_fair {
    uint64_t event; /* While it is made: the present one. */
    uint32_t marks;
    uint64_t mark_event[SCHEDULE_MARKS];
    struct nika_runner_mark *mark[SCHEDULE_MARKS];
    uint32_t asked;
    struct schedule_asked {
        uint64_t name, event;
    } ask[SCHEDULE_ASKED_MAX]; /* By hash of the name, then event. */
};

/* One protocol's target. Owns its world, which lives as long as the process. */
struct schedule_target {
    const char *scenario_text;
    struct nika_scenario *scenario;
    struct nika_runner *runner;
    struct schedule_fair fair[SCHEDULE_SEEDS];
    struct nika_decisions decisions;
    struct nika_run_result result;
    struct {
        uint32_t count;
        struct nika_choice_name list[SCHEDULE_NAMES_MAX];
        uint64_t range[SCHEDULE_NAMES_MAX];
    } names;
};
void schedule_run(struct schedule_target *t, struct nika_span input);
/* One run, not judged; false when the input is empty. From a copy, or with `recorder` from a world made anew. */
bool schedule_play(struct schedule_target *t, struct nika_span input,
                   struct nika_recorder *recorder);
uint64_t schedule_digest(const struct schedule_target *t);
uint32_t schedule_mutate(struct schedule_target *t, uint8_t *data, uint32_t size, uint32_t capacity,
                         uint32_t seed);
extern const struct nika_target_list schedule_list;
void schedule_seeds(struct schedule_target *t, nika_target_seed *seed, void *context);
/* As a decision log, for nika replay and nika shrink. */
void schedule_show(struct schedule_target *t, struct nika_span input, FILE *out);

/* The members of a target that are the same for every protocol: functions of file-static `target`. */
#define SCHEDULE_TARGET_FUNCTIONS                                                                  \
    static void run(struct nika_span input)                                                        \
    {                                                                                              \
        schedule_run(&target, input);                                                              \
    }                                                                                              \
    static uint64_t digest(void)                                                                   \
    {                                                                                              \
        return schedule_digest(&target);                                                           \
    }                                                                                              \
    static uint32_t mutate(uint8_t *data, uint32_t size, uint32_t capacity, uint32_t seed)         \
    {                                                                                              \
        return schedule_mutate(&target, data, size, capacity, seed);                               \
    }                                                                                              \
    static void seeds(nika_target_seed *seed, void *context)                                       \
    {                                                                                              \
        schedule_seeds(&target, seed, context);                                                    \
    }                                                                                              \
    static void show(struct nika_span input, FILE *out)                                            \
    {                                                                                              \
        schedule_show(&target, input, out);                                                        \
    }

#endif
