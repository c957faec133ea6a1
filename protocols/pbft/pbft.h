/* protocols/pbft/pbft.h: the public face of PBFT (Castro & Liskov, OSDI '99; PROTOCOLS.md 1), signature variant. */
#ifndef PROTOCOLS_PBFT_PBFT_H
#define PROTOCOLS_PBFT_PBFT_H

#include "engine/core/replica.h"

extern const struct nika_replica_ops nika_replica_pbft;

#endif
