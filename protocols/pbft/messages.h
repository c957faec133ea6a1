/* protocols/pbft/messages.h: structs, descriptors and type numbers of PBFT's wire messages, derived from messages.def. */
#ifndef PROTOCOLS_PBFT_MESSAGES_H
#define PROTOCOLS_PBFT_MESSAGES_H

#include "engine/core/codec.h"
#include "engine/core/frame.h"
#include "engine/core/replica.h"
#include "protocols/common/messages.h"

#define MESSAGES_FILE "protocols/pbft/messages.def"
#define MESSAGES_NAME(kind, name) pbft_##kind##name
#define MESSAGES_TYPE(name) PBFT_TYPE_##name
#include "engine/core/messages_declare.def"

/* PBFT's and the shared messages, indexed by frame type. */
extern const struct nika_message_table pbft_messages;

#endif
