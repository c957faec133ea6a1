/* messages.h: structs, type numbers and descriptors of the messages, derived from messages.def. */
#ifndef MAJORITY_MESSAGES_H
#define MAJORITY_MESSAGES_H

#include "engine/core/codec.h"
#include "engine/core/frame.h"
#include "protocols/common/messages.h"

#define MAJORITY_LOG_MAX                                                                           \
    256u /* Requests that a run can order: the whole log travels in one message. */

#define ELEMENT(name, text, doc) struct majority_##name {
#define MESSAGE(name, type, class, auth, text, doc) struct majority_##name {
#define FIELD(owner, kind, name, limit, element) NIKA_FIELD_TYPE_##kind name;
#define END(name)                                                                                  \
    }                                                                                              \
    ;
#include "messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END

#define ELEMENT(name, text, doc) extern const struct nika_message_info majority_info_##name;
#define MESSAGE(name, type, class, auth, text, doc)                                                \
    enum { MAJORITY_TYPE_##name = type };                                                          \
    extern const struct nika_message_info majority_info_##name;
#define FIELD(owner, kind, name, limit, element)
#define END(name)
#include "messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END

/* REQUEST, REPLY and the above, indexed by frame type. */
extern const struct nika_message_table majority_messages;

#endif
