/* protocols/pbft/messages.h: structs, descriptors and type numbers of PBFT's wire messages, derived from messages.def. */
#ifndef PROTOCOLS_PBFT_MESSAGES_H
#define PROTOCOLS_PBFT_MESSAGES_H

#include "engine/core/codec.h"
#include "engine/core/frame.h"
#include "engine/core/replica.h"
#include "protocols/common/messages.h"

#define ELEMENT(name, text, doc) struct pbft_##name {
#define MESSAGE(name, type, class, auth, text, doc) struct pbft_##name {
#define FIELD(owner, kind, name, limit, element) NIKA_FIELD_TYPE_##kind name;
#define END(name)                                                                                  \
    }                                                                                              \
    ;
#include "protocols/pbft/messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END

enum pbft_type {
#define ELEMENT(name, text, doc)
#define MESSAGE(name, type, class, auth, text, doc) PBFT_TYPE_##name = type,
#define FIELD(owner, kind, name, limit, element)
#define END(name)
#include "protocols/pbft/messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END
};

#define ELEMENT(name, text, doc) extern const struct nika_message_info pbft_info_##name;
#define MESSAGE(name, type, class, auth, text, doc)                                                \
    extern const struct nika_message_info pbft_info_##name;
#define FIELD(owner, kind, name, limit, element)
#define END(name)
#include "protocols/pbft/messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END

/* PBFT's and the shared messages, indexed by frame type. */
extern const struct nika_message_table pbft_messages;

#endif
