/* majority.h: replication by a primary and a majority, for n >= 2f+1 replicas of which f may crash. None may lie. */
#ifndef MAJORITY_H
#define MAJORITY_H

#include "engine/core/replica.h"

extern const struct nika_replica_ops majority;
/* The first version, with the bug that the tutorial finds. */
extern const struct nika_replica_ops majority_first;

#endif
