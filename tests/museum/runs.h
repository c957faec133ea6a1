/* tests/museum/runs.h: loading a scenario with a bug planted. */
#ifndef TESTS_MUSEUM_RUNS_H
#define TESTS_MUSEUM_RUNS_H

#include "fuzz/museum/museum.h"
#include "tests/support/test.h"

/* Never NULL. `planted` is an id or "none". */
static inline struct nika_scenario *museum_load(const char *path, const char *planted)
{
    static struct nika_diagnoses diagnoses;
    char set[64];
    const char *sets[] = {set};
    snprintf(set, sizeof set, "planted=%s", planted);
    memset(&diagnoses, 0, sizeof diagnoses);
    struct nika_scenario *s = nika_scenario_load(path, sets, 1, &diagnoses);
    if (s == NULL) fail_msg("%s", diagnoses.lines[0]);
    return s;
}

#endif
