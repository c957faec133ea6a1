/* protocols/common/messages.h: structs, descriptors and type numbers of the shared wire messages, derived from messages.def. */
#ifndef PROTOCOLS_COMMON_MESSAGES_H
#define PROTOCOLS_COMMON_MESSAGES_H

#include "engine/core/codec.h"
#include "engine/core/frame.h"
#include "engine/core/replica.h"

#define ELEMENT(name, text, doc) struct common_##name {
#define MESSAGE(name, type, class, auth, text, doc) struct common_##name {
#define FIELD(owner, kind, name, limit, element) NIKA_FIELD_TYPE_##kind name;
#define END(name)                                                                                  \
    }                                                                                              \
    ;
#include "protocols/common/messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END

enum common_type {
#define ELEMENT(name, text, doc)
#define MESSAGE(name, type, class, auth, text, doc) COMMON_TYPE_##name = type,
#define FIELD(owner, kind, name, limit, element)
#define END(name)
#include "protocols/common/messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END
};

#define ELEMENT(name, text, doc) extern const struct nika_message_info common_info_##name;
#define MESSAGE(name, type, class, auth, text, doc)                                                \
    extern const struct nika_message_info common_info_##name;
#define FIELD(owner, kind, name, limit, element)
#define END(name)
#include "protocols/common/messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END

#endif
