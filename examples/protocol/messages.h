/* messages.h: structs, type numbers and descriptors of the messages, derived from messages.def. */
#ifndef MAJORITY_MESSAGES_H
#define MAJORITY_MESSAGES_H

#include "engine/core/codec.h"
#include "engine/core/frame.h"
#include "protocols/common/messages.h"

#define MAJORITY_LOG_MAX                                                                           \
    256u /* Requests that a run can order: the whole log travels in one message. */

#define MESSAGES_FILE "messages.def"
#define MESSAGES_NAME(kind, name) majority_##kind##name
#define MESSAGES_TYPE(name) MAJORITY_TYPE_##name
#include "engine/core/messages_declare.def"

/* REQUEST, REPLY and the above, indexed by frame type. */
extern const struct nika_message_table majority_messages;

#endif
