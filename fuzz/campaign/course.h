/* fuzz/campaign/course.h: runs that decide by more than one seed (strategy.h). */
#ifndef FUZZ_CAMPAIGN_COURSE_H
#define FUZZ_CAMPAIGN_COURSE_H

#include "fuzz/strategies/strategy.h"
#include "scenarios/runner.h"

/* A whole run on this course, examined as any. The result carries the course's first seed. A scenario with decisions of its own follows those
 * alone. */
void nika_course_run(struct nika_runner *runner, const struct nika_course *course,
                     struct nika_run_result *result);

#endif
