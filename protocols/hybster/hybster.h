/* protocols/hybster/hybster.h: the public face of Hybster (Behl, Distler, Kapitza, EuroSys '17; PROTOCOLS.md 2): 2f+1 replicas, each with
 * a trusted subsystem. */
#ifndef PROTOCOLS_HYBSTER_HYBSTER_H
#define PROTOCOLS_HYBSTER_HYBSTER_H

#include "engine/core/replica.h"

extern const struct nika_replica_ops nika_replica_hybster;

/* Ids of a replica's counters: two a pillar (PROTOCOLS.md 2.6), a PREPARE's or COMMIT's proposer being the instance that certifies. */
enum hybster_counter { HYBSTER_COUNTER_ORDER = 0, HYBSTER_COUNTER_NEW_VIEW = 1 };

#endif
