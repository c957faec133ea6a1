/* faults/twins_space.h: all cases of the strategy `twins`, counted and numbered, one of each class of equal ones.
 *
 * A case says, for each of a few rounds, how many views are skipped before it, which is who leads it, and for each phase of the round how the
 * instances are split. Cases are equal when they differ in the names of interchangeable instances only: the two of one replica, and
 * correct replicas that lead none of the views. Classes are counted by Burnside's lemma and numbered through stabilisers, so that no
 * case is ever built to be thrown away. Plain data; owns nothing. */
#ifndef FAULTS_TWINS_SPACE_H
#define FAULTS_TWINS_SPACE_H

#include "engine/core/err.h"
#include "engine/core/types.h"

#define TWINS_ROUNDS_MAX 4u
#define TWINS_PHASES_MAX 3u /* Orders, PREPAREs, COMMITs. */
#define TWINS_SKIPS_MAX 3u
#define TWINS_BLOCKS_MAX 4u
/* Beyond it instances are split like the one whose number is theirs modulo it. */
#define TWINS_INSTANCES_MAX 10u
/* Of ten instances into two; of fewer instances, as many blocks as keep within it. */
#define TWINS_SPLITS_MAX 512u
/* Four correct replicas in any order, two replicas with twins. */
#define TWINS_GROUP_MAX 96u

struct twins_space {
    uint32_t instances;                    /* Replicas 0..n-1, then the twins in ascending order. */
    uint32_t rounds, phases, skips, steps; /* Steps = splits that a case has. */
    uint32_t n, twins;
    uint8_t twin_of[TWINS_INSTANCES_MAX];
    uint32_t split_count;
    /* Ascending; the block of instance i in the i-th nibble from the top, blocks numbered by first appearance. 0 = not split. */
    uint64_t splits[TWINS_SPLITS_MAX];
    /* Of the group for so many views: its size, what each element makes of each split, and how many splits it leaves alone. */
    uint32_t group_views, group_size;
    uint16_t image[TWINS_GROUP_MAX][TWINS_SPLITS_MAX];
    uint32_t fixed[TWINS_GROUP_MAX];
    uint64_t classes[TWINS_ROUNDS_MAX * (1 + TWINS_SKIPS_MAX) + 1]; /* By views, computed once. */
    uint64_t count; /* Of classes of cases, at most 2^62; what lies beyond is never reached. */
};
struct twins_case {
    uint8_t skips[TWINS_ROUNDS_MAX]; /* Views left out before the round; 0 before the first. */
    uint16_t split[TWINS_ROUNDS_MAX][TWINS_PHASES_MAX]; /* Index in `splits`. */
};

/* Fill in the space for n replicas of which `set` have twins. Limits as above; blocks at least 2. */
void twins_space_init(struct twins_space *space, uint32_t n, const uint64_t set[2], uint32_t rounds,
                      uint32_t phases, uint32_t skips, uint32_t blocks);
/* Case number `index` < count. */
void twins_space_case(struct twins_space *space, uint64_t index, struct twins_case *out);
/* The block of an instance under a split. */
uint32_t twins_block(const struct twins_space *space, uint32_t split, uint32_t instance);

#endif
