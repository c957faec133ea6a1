/* fuzz/campaign/course.c: the driver of decisions that changes its seed at given decisions; see course.h. */
#include "fuzz/campaign/course.h"

#include "engine/core/mix.h"

struct driver {
    nika_choice_driver *by_seed;
    const struct nika_course *course;
    uint32_t at;
};

static uint64_t drive(struct nika_chooser *c, const struct nika_choice_name *name, uint64_t n)
{
    struct driver *d = c->driver_state;
    while (d->at < d->course->turns && c->count > d->course->turn[d->at].from)
        c->seed = nika_mix(d->course->turn[d->at++].seed + NIKA_GOLDEN);
    return d->by_seed(c, name, n);
}

static void take_over(void *context, struct nika_chooser *chooser)
{
    struct driver *d = context;
    d->at = 0; /* A run that is examined begins more than once. */
    d->by_seed = chooser->driver;
    chooser->driver = drive;
    chooser->driver_state = d;
}

void nika_course_run(struct nika_runner *runner, const struct nika_course *course,
                     struct nika_run_result *result)
{
    struct driver driver = {.course = course};
    nika_runner_decide_by(runner, course->turns > 0 ? take_over : NULL, &driver);
    nika_runner_run(runner, course->seed, result);
    nika_runner_decide_by(runner, NULL, NULL);
}
