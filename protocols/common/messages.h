/* protocols/common/messages.h: structs, descriptors and type numbers of the shared wire messages, derived from messages.def. */
#ifndef PROTOCOLS_COMMON_MESSAGES_H
#define PROTOCOLS_COMMON_MESSAGES_H

#include "engine/core/codec.h"
#include "engine/core/frame.h"
#include "engine/core/replica.h"

#define MESSAGES_FILE "protocols/common/messages.def"
#define MESSAGES_NAME(kind, name) common_##kind##name
#define MESSAGES_TYPE(name) COMMON_TYPE_##name
#include "engine/core/messages_declare.def"

#endif
