/* fuzz/explore/search.h: the search itself, for search.c and trace.c. Private to fuzz/explore. */
#ifndef FUZZ_EXPLORE_SEARCH_H
#define FUZZ_EXPLORE_SEARCH_H

#include "fuzz/explore/model.h"

#define EXPLORE_STEPS_MAX 200u /* The longest of shortest paths; ten times what was ever met. */

/* How a state is reached on a shortest path. */
struct explore_came {
    uint32_t from;        /* EXPLORE_NONE: it is the first. */
    uint16_t event;       /* The last step of those that lead from there. */
    uint8_t actor, steps; /* Steps from the first state. */
};
/* States that are equally many steps away. */
struct explore_level {
    uint32_t *states;
    uint64_t capacity;
    uint32_t count;
};
/* Quiet steps and the one that shows something; at the head of a block `next` tells how many options follow. */
struct explore_option {
    uint32_t next; /* Part of the state that follows. */
    uint16_t event, steps;
};
/* The local states that quiet steps lead to from one, breadth first. */
struct explore_stop {
    uint32_t local, from; /* Index of the stop before it. */
    uint16_t event, steps;
};
struct explore_walk {
    struct explore_stop *stops;
    uint64_t stops_capacity, seen_capacity;
    uint32_t count, round;
    uint32_t finals; /* Of what exists. */
    uint32_t *seen;  /* By local state: round of its last visit. */
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
    struct explore_map finals;                     /* By list: list. */
    struct explore_option *options;
    uint64_t options_capacity;
    uint32_t options_count;
    struct explore_level level[EXPLORE_STEPS_MAX];
    struct explore_walk walk;
    uint32_t last;               /* State that was looked at last. */
    uint32_t alarm, alarm_depth; /* The first one in which a correct replica had raised one. */
    struct nika_explore_result result;
};

/* Everything that anybody could be shown: a list. */
uint32_t explore_soup_of(struct nika_explore *x, const uint32_t *parts);
/* One COMMIT of each order that the messages which exist prove final: a list. */
uint32_t explore_finals_of(struct nika_explore *x, uint32_t soup);
/* Is this batch among them? */
#define EXPLORE_ANY_VIEW UINT64_MAX
bool explore_is_among(const struct nika_explore *x, uint32_t finals, uint64_t view, uint64_t seq,
                      uint32_t value);
/* ---- options.c: blocks of what may happen to a correct replica, and to the corrupted one ---- */
uint32_t explore_local_options(struct nika_explore *x, uint32_t local, uint32_t soup);
uint32_t explore_lie_options(struct nika_explore *x, uint32_t mine, uint32_t soup);
/* The quiet steps before `event`, which leads to `next`. Returns how many. */
uint32_t explore_quiet_path(struct nika_explore *x, uint32_t local, uint32_t soup, uint16_t event,
                            uint32_t next, uint16_t *path, uint32_t capacity);
void explore_state_parts(const struct nika_explore *x, uint32_t state, uint32_t *parts);

#endif
