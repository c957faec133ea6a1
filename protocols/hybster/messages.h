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

#define ELEMENT(name, text, doc) struct hybster_##name {
#define MESSAGE(name, type, class, auth, text, doc) struct hybster_##name {
#define FIELD(owner, kind, name, limit, element) NIKA_FIELD_TYPE_##kind name;
#define END(name)                                                                                  \
    }                                                                                              \
    ;
#include "protocols/hybster/messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END

enum hybster_type {
#define ELEMENT(name, text, doc)
#define MESSAGE(name, type, class, auth, text, doc) HYBSTER_TYPE_##name = type,
#define FIELD(owner, kind, name, limit, element)
#define END(name)
#include "protocols/hybster/messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END
};

#define ELEMENT(name, text, doc) extern const struct nika_message_info hybster_info_##name;
#define MESSAGE(name, type, class, auth, text, doc)                                                \
    extern const struct nika_message_info hybster_info_##name;
#define FIELD(owner, kind, name, limit, element)
#define END(name)
#include "protocols/hybster/messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END

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
