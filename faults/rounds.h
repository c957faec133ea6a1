/* faults/rounds.h: communication rounds as ByzzFuzz counts them (Winter et al., OOPSLA '23): the rank of (view, sequence number,
 * phase) in what a sender says. */
#ifndef FAULTS_ROUNDS_H
#define FAULTS_ROUNDS_H

#include "faults/support.h"

#define FAULT_ROUNDS_MAX 8u
struct fault_rounds {
    struct fault_rounds_node {
        uint64_t view, seq;
        uint32_t phase, round;
    } node[NIKA_REPLICAS_MAX];
};
/* The round of this message, counted from 1; what belongs to no phase is of the round that its sender is in. 0 for clients. */
uint32_t fault_round(struct fault_rounds *rounds, const struct nika_outgoing *out);
/* A round in which a fault acts, and a set of replicas that it concerns. */
struct fault_round_pick {
    uint32_t round; /* In 1..horizon; 0 = left out. */
    uint64_t side;  /* Never empty (but for the fair value 0) and never all of them. */
};
/* Draw `count` of them. */
void fault_round_picks(struct nika_fault *fault, struct fault_round_pick *picks, uint64_t count,
                       uint64_t horizon);
/* Parameters that faults by rounds share. */
#define FAULT_PARAM_ROUNDS(text)                                                                   \
    {                                                                                              \
        .name = "rounds", .doc = (text), .low = 1, .high = FAULT_ROUNDS_MAX, .fallback = 2         \
    }
#define FAULT_PARAM_HORIZON                                                                        \
    {                                                                                              \
        .name = "horizon", .doc = "Rounds of each sender from which they are drawn.", .low = 1,    \
        .high = 1000, .fallback = 8                                                                \
    }

#endif
