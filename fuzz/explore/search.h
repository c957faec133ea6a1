/* fuzz/explore/search.h: the search itself, for search.c and trace.c. Private to fuzz/explore. */
#ifndef FUZZ_EXPLORE_SEARCH_H
#define FUZZ_EXPLORE_SEARCH_H

#include "fuzz/explore/model.h"

/* How a state was first reached. */
struct explore_came {
    uint32_t from; /* EXPLORE_NONE: it is the first. */
    uint16_t event, actor;
};
struct explore_option {
    uint32_t next; /* Part of the state that follows; at the head of a block: how many follow. */
    uint16_t event;
};

struct nika_explore {
    struct explore_model model;
    uint32_t requests; /* List. */
    /* A state is one number a replica: a local state, or of the corrupted one the list of what it certified. */
    struct explore_set states;
    struct explore_came *came; /* Same numbers. */
    uint64_t came_capacity;
    struct explore_map joined, full;               /* Lists. */
    struct explore_map local_options, lie_options; /* (part, what exists): block of options. */
    struct explore_map verdicts;                   /* By list. */
    struct explore_option *options;
    uint64_t options_capacity;
    uint32_t options_count;
    uint32_t last;               /* State that was looked at last. */
    uint32_t alarm, alarm_depth; /* The first one in which a correct replica had raised one. */
    struct nika_explore_result result;
};

void explore_state_parts(const struct nika_explore *x, uint32_t state, uint32_t *parts);

#endif
