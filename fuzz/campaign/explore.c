/* fuzz/campaign/explore.c: see explore.h. */
#include "fuzz/campaign/explore.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz/campaign/course.h"

struct nika_explorer {
    struct nika_runner *runner;
    const struct nika_strategy *strategy;
    void *memory; /* Of a strategy that learns, or NULL. */
    struct nika_coverage coverage;
    bool watching; /* A run that is new: what is repeated was seen. */
    /* Of the last run: what was new, and the decisions before the first and the last of it. */
    uint32_t fresh;
    uint64_t first, last;
};

static void on_tap(void *context, const struct nika_tap *tap)
{
    struct nika_explorer *e = context;
    if (!e->watching) return;
    if (tap->kind == NIKA_TAP_NOTE &&
        (tap->note->id == NIKA_NOTE_REJECT || tap->note->id == NIKA_NOTE_QUEUE))
        return;
    struct nika_world *world = nika_runner_world(e->runner);
    if (tap->node >= nika_world_config(world)->n || !nika_world_is_up(world, tap->node)) return;
    struct nika_replica_status status;
    nika_world_status(world, tap->node, &status);
    uint32_t state = nika_coverage_state(&status, nika_world_config(world)->checkpoint_interval);
    if (!nika_coverage_see(&e->coverage, tap->node, state)) return;
    e->last = nika_world_chooser(world)->count;
    if (e->fresh++ == 0) e->first = e->last;
}

struct nika_explorer *nika_explorer_new(struct nika_runner *runner,
                                        const struct nika_strategy *strategy)
{
    struct nika_explorer *e = calloc(1, sizeof *e);
    if (e == NULL) return NULL;
    e->runner = runner;
    e->strategy = strategy;
    if (strategy->memory_size > 0) {
        e->memory = calloc(1, strategy->memory_size);
        if (e->memory == NULL) {
            free(e);
            return NULL;
        }
    }
    struct nika_watcher watcher = {e,
                                   NIKA_TAP_BIT(NIKA_TAP_NOTE) | NIKA_TAP_BIT(NIKA_TAP_STORED) |
                                       NIKA_TAP_BIT(NIKA_TAP_RESTARTED),
                                   on_tap};
    nika_runner_watch(runner, &watcher);
    return e;
}

void nika_explorer_free(struct nika_explorer *e)
{
    if (e == NULL) return;
    free(e->memory);
    free(e);
}

void nika_explorer_forget(struct nika_explorer *e)
{
    if (e->memory != NULL) memset(e->memory, 0, e->strategy->memory_size);
}

void nika_explorer_run(struct nika_explorer *e, uint64_t seed, struct nika_run_result *result)
{
    struct nika_course course = {.seed = seed};
    nika_coverage_begin(&e->coverage);
    e->fresh = 0;
    if (e->memory != NULL) e->strategy->choose(e->memory, seed, &course);
    e->watching = true;
    nika_course_run(e->runner, &course, result);
    e->watching = false;
    if (e->memory != NULL) e->strategy->learn(e->memory, &course, e->fresh, e->first, e->last);
    result->seed = seed;
}

void nika_explorer_repeat(struct nika_explorer *e, uint64_t seed, struct nika_run_result *result)
{
    nika_runner_run(e->runner, seed, result);
}

const struct nika_coverage *nika_explorer_coverage(const struct nika_explorer *e)
{
    return &e->coverage;
}
