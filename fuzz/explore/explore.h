/* fuzz/explore/explore.h: every reachable state of a small cluster, breadth first (docs/exploring.md).
 *
 * The replicas are the real modules. A state of the whole is one local state a replica and what the corrupted one has certified; a
 * step is one message taken, one timer fired or one thing certified. Messages are never lost for good, may be taken in any order, by
 * anybody, any number of times, or never. Within its bounds the search is complete when no state is left to look at. */
#ifndef FUZZ_EXPLORE_EXPLORE_H
#define FUZZ_EXPLORE_EXPLORE_H

#include <stdio.h>

#include "protocols/registry.h"

#define NIKA_EXPLORE_REPLICAS_MAX 4u /* A state has that many parts. */
#define NIKA_EXPLORE_ORDERS_MAX 3u   /* Each order and each view multiplies the states: */
#define NIKA_EXPLORE_VIEWS_MAX 5u    /* more has no end. */
#define NIKA_EXPLORE_CRASHES_MAX 2u

struct nika_explore_options {
    const struct nika_protocol *protocol;
    uint32_t n, f;
    uint32_t views;      /* Views 0 .. views-1: nobody leaves the last one. */
    uint32_t orders;     /* Requests; and the numbers that a corrupted leader gives. */
    uint32_t corrupted;  /* Replica, or NIKA_NODE_NONE. Hybster only. */
    bool certificates;   /* Proofs that an order is final may be shown to those who missed it. */
    uint32_t checkpoint; /* A checkpoint falls due every so many orders; 0 = none does. */
    uint32_t crashes;    /* Times that each correct replica may crash and start again. */
    bool every;          /* Quiet steps lead to states of their own, too (docs/exploring.md). */
    uint64_t states_max;
    /* Called every `progress_every` states that were looked at; NULL = never. */
    void (*progress)(void *context, uint64_t looked_at, uint64_t found, uint32_t depth);
    void *context;
    uint64_t progress_every;
};

enum nika_explore_end {
    NIKA_EXPLORE_COMPLETE,  /* No state is left, and none violates anything. */
    NIKA_EXPLORE_VIOLATION, /* Two digests are final, or were executed, at one order. */
    NIKA_EXPLORE_ALARM,     /* A correct replica raised an alarm that no fault explains. */
    NIKA_EXPLORE_LIMIT,     /* states_max. */
};

struct nika_explore_result {
    enum nika_explore_end end;
    uint64_t states, looked_at, steps; /* Found; expanded; transitions that led somewhere else. */
    uint32_t depth;                    /* Of the violation, or the deepest level looked at. */
    uint32_t local_states, messages;
    uint64_t replays;            /* Steps that modules really took; the rest were looked up. */
    uint64_t bytes;              /* Memory of states, tables and modules. */
    uint64_t final_seen;         /* States in which some order is final. */
    uint64_t transfers, crashes; /* Steps of modules with which one ended. */
    uint32_t lies[64];    /* By message type: what the corrupted replica said, in whatever state. */
    uint32_t lies_hidden; /* VIEW-CHANGEs of it that nobody would believe: its counter moved. */
    uint32_t view_seen;   /* Highest view that a correct replica entered. */
};

struct nika_explore;
/* NULL with *reason (static text): impossible options or out of memory. Installs the suite `sim`. */
struct nika_explore *nika_explore_new(const struct nika_explore_options *options,
                                      const char **reason);
void nika_explore_run(struct nika_explore *x, struct nika_explore_result *out);
/* The steps to the violation, the alarm, or the last state that was looked at, one a line. */
void nika_explore_trace(struct nika_explore *x, FILE *file);
void nika_explore_free(struct nika_explore *x);

#endif
