/* protocols/hybster/messages.h: structs, descriptors and type numbers of Hybster's wire messages, derived from messages.def. */
#ifndef PROTOCOLS_HYBSTER_MESSAGES_H
#define PROTOCOLS_HYBSTER_MESSAGES_H

#include "engine/core/codec.h"
#include "engine/core/frame.h"
#include "engine/core/replica.h"
#include "engine/core/trusted.h"
#include "protocols/common/messages.h"

/* HOP_MAX: VIEW-CHANGEs in a row without an order between them that one VIEW-CHANGE can account for, in each pillar. */
#define HYBSTER_HOPS_MAX 64u
/* Proofs among them that a view can never begin (void.c): a correct leader crashes that often between two views that begin. */
#define HYBSTER_VOIDS_MAX 8u

#define MESSAGES_FILE "protocols/hybster/messages.def"
#define MESSAGES_NAME(kind, name) hybster_##kind##name
#define MESSAGES_TYPE(name) HYBSTER_TYPE_##name
#include "engine/core/messages_declare.def"

/* Ids of a replica's counters: two a pillar (PROTOCOLS.md 2.6), a PREPARE's or COMMIT's proposer being the instance that certifies. A view
 * begins in all pillars at once, so only the first one's NEW_VIEW is used. */
enum hybster_counter {
    HYBSTER_COUNTER_ORDER = 0,
    HYBSTER_COUNTER_NEW_VIEW = 1,
    HYBSTER_COUNTERS_OF_PILLAR
};
_Static_assert(NIKA_PILLARS_MAX *HYBSTER_COUNTERS_OF_PILLAR <= NIKA_TRUSTED_COUNTERS_MAX,
               "a trusted subsystem has counters for every pillar");
static inline uint32_t hybster_order_counter(uint32_t pillar)
{
    return pillar * HYBSTER_COUNTERS_OF_PILLAR + HYBSTER_COUNTER_ORDER;
}

/* Hybster's and the shared messages, indexed by frame type. */
extern const struct nika_message_table hybster_messages;

#endif
