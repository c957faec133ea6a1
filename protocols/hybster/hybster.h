/* protocols/hybster/hybster.h: the public face of Hybster (Behl, Distler, Kapitza, EuroSys '17; PROTOCOLS.md 2): 2f+1 replicas, each with
 * a trusted subsystem. */
#ifndef PROTOCOLS_HYBSTER_HYBSTER_H
#define PROTOCOLS_HYBSTER_HYBSTER_H

#include "engine/core/replica.h"

extern const struct nika_replica_ops nika_replica_hybster;

#endif
