/* scenarios/drive.c: how a runner goes through a run: in slices, after each of which it asks whether the run is over; at once, or event
 * by event with marks to come back to. Both take the same events. */
#include <stdlib.h>

#include "engine/core/assert.h"
#include "engine/core/planted.h"
#include "scenarios/runner_private.h"

#define QUIET_NS                                                                                   \
    UINT64_C(2000000000) /* Grace for convergence when there is no GST to count from. */

bool nika_runner_liveness_broken(const struct nika_runner *r)
{
    const struct nika_violation *list;
    uint32_t count = nika_oracles_violations(r->oracles, &list);
    for (uint32_t i = 0; i < count; i++) {
        if (nika_oracle_list[list[i].oracle]->property_class == NIKA_PROPERTY_LIVENESS) return true;
    }
    return false;
}

static bool has_failed(const struct nika_runner *r, uint32_t oracle)
{
    const struct nika_violation *list;
    uint32_t count = nika_oracles_violations(r->oracles, &list);
    for (uint32_t i = 0; i < count; i++)
        if (list[i].oracle == oracle) return true;
    return false;
}

/* Of several properties that must fail one is the first: the run goes on for the others. */
static bool may_stop_when_broken(const struct nika_runner *r)
{
    if (r->scenario->values[NIKA_KEY_SAFETY] == NIKA_EXPECT_MAY_FAIL) return false;
    for (uint32_t i = 0; i < nika_oracle_count; i++)
        if (r->scenario->properties[i] == NIKA_EXPECT_MUST_FAIL && !has_failed(r, i)) return false;
    return true;
}

bool nika_runner_converged(const struct nika_runner *r)
{
    uint64_t last = UINT64_MAX;
    for (uint32_t i = 0; i < r->options.config.n; i++) {
        struct nika_replica_status status;
        if (nika_set_has(r->setup.corrupted, i)) continue;
        if (!nika_world_is_up(r->world, i)) return false;
        nika_world_status(r->world, i, &status);
        if (status.transferring || (last != UINT64_MAX && status.last_executed != last))
            return false;
        last = status.last_executed;
    }
    return true;
}

/* Nothing can change the verdict before this instant: GST and the start of every fault. */
static uint64_t earliest_end(const struct nika_runner *r)
{
    const struct nika_world_options *o = &r->options;
    bool calm = o->fault_count == 0 && o->network.loss_ppm == 0;
    uint64_t end = calm || o->gst_ns == NIKA_NEVER ? 0 : o->gst_ns;
    for (uint32_t i = 0; i < o->fault_count; i++) {
        if (o->faults[i].from_ns + 1 > end) end = o->faults[i].from_ns + 1;
    }
    return end;
}

static void slice_begin(struct nika_runner *r)
{
    uint64_t now = nika_world_now(r->world);
    r->at.done = r->workload->correct_left == 0;
    if (now >= r->at.until) r->at.until = now + RUNNER_SLICE_NS;
    r->at.asked = true;
}

/* Is the run over? */
static bool slice_end(struct nika_runner *r)
{
    uint64_t until = r->at.until, earliest = earliest_end(r);
    uint64_t grace = r->options.gst_ns == NIKA_NEVER ? QUIET_NS : nika_liveness_bound(&r->setup);
    r->at.asked = false;
    if (r->ended != NIKA_WORLD_RUNNING) return true;
    if (r->oracles != NULL && nika_oracles_broken(r->oracles) && may_stop_when_broken(r))
        return true;
    if (r->oracles != NULL && !r->at.done && until > r->options.gst_ns &&
        nika_runner_liveness_broken(r))
        return true;
    if (!r->at.done) {
        r->at.done_at = until;
    } else {
        if (until >= earliest && nika_runner_converged(r)) return true;
        uint64_t from = r->at.done_at > earliest ? r->at.done_at : earliest;
        if (until > from && until - from > grace) return true;
    }
    /* A slice without events does not move the world's clock; the limit on time must still be reached. */
    if (until >= r->options.time_limit_ns) {
        r->ended = NIKA_WORLD_TIME_LIMIT;
        return true;
    }
    if (r->workload->correct_left != 0 || r->at.done) r->at.until += RUNNER_SLICE_NS;
    return false;
}

void nika_runner_drive(struct nika_runner *r)
{
    while (!r->at.over) {
        if (!r->at.asked) slice_begin(r);
        r->ended = nika_world_run(r->world, r->at.until);
        r->at.over = slice_end(r);
    }
}

static bool step(struct nika_runner *r)
{
    bool stepped = false;
    while (!stepped && !r->at.over) {
        if (!r->at.asked) slice_begin(r);
        r->ended = nika_world_run_event(r->world, r->at.until, &stepped);
        if (!stepped || nika_world_is_stopped(r->world)) r->at.over = slice_end(r);
    }
    return stepped;
}

bool nika_runner_step(struct nika_runner *r)
{
    if (r->broken[0] != '\0' || r->at.over) return false;
    nika_planted_select((uint32_t)r->scenario->values[NIKA_KEY_PLANTED]);
    nika_assert_set_handler(nika_runner_on_broken, r);
    bool stepped = setjmp(r->out) == 0 && step(r);
    nika_assert_set_handler(NULL, NULL);
    return stepped;
}

const char *nika_runner_broken(const struct nika_runner *r)
{
    return r->broken;
}

uint32_t nika_runner_violations(const struct nika_runner *r, const struct nika_violation **out)
{
    *out = NULL;
    return r->oracles != NULL ? nika_oracles_violations(r->oracles, out) : 0;
}

struct nika_runner_mark {
    struct nika_world_snapshot *world;
    struct runner_position at;
    enum nika_world_state ended;
};

struct nika_runner_mark *nika_runner_mark(struct nika_runner *r)
{
    struct nika_runner_mark *mark = calloc(1, sizeof *mark);
    if (mark == NULL) return NULL;
    mark->at = r->at;
    mark->ended = r->ended;
    mark->world = nika_world_snapshot(r->world);
    if (mark->world != NULL) return mark;
    free(mark);
    return NULL;
}

void nika_runner_return(struct nika_runner *r, const struct nika_runner_mark *mark)
{
    r->at = mark->at;
    r->ended = mark->ended;
    r->broken[0] = '\0';
    nika_world_restore(r->world, mark->world);
}

size_t nika_runner_mark_bytes(const struct nika_runner_mark *mark)
{
    return nika_world_snapshot_bytes(mark->world) + sizeof *mark;
}

void nika_runner_mark_free(struct nika_runner_mark *mark)
{
    if (mark != NULL) nika_world_snapshot_free(mark->world);
    free(mark);
}
