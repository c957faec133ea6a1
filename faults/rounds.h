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
/* Draw a round in 1..horizon for the `which`-th fault; 0 = that fault is left out. */
uint32_t fault_round_draw(struct nika_fault *fault, uint32_t which, uint64_t horizon);
/* Draw a set of replicas, never empty (but for the fair value 0) and never all of them. */
uint64_t fault_round_side(struct nika_fault *fault, uint32_t which);

#endif
