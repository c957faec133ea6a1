/* protocols/pbft/messages.c: descriptors of PBFT's messages, generated from messages.def. */
#include "protocols/pbft/messages.h"

#define MESSAGES_FILE "protocols/pbft/messages.def"
#define MESSAGES_NAME(kind, name) pbft_##kind##name
#include "engine/core/messages_define.def"

static const struct nika_message_info *const messages[] = {
#define MESSAGES_FILE "protocols/common/messages.def"
#define MESSAGES_NAME(kind, name) common_##kind##name
#include "engine/core/messages_rows.def"
#define MESSAGES_FILE "protocols/pbft/messages.def"
#define MESSAGES_NAME(kind, name) pbft_##kind##name
#include "engine/core/messages_rows.def"
};

const struct nika_message_table pbft_messages = {
    .protocol = "pbft", .count = ARRAY_COUNT(messages), .messages = messages};
