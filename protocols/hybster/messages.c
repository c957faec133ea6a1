/* protocols/hybster/messages.c: descriptors of Hybster's messages, generated from messages.def. */
#include "protocols/hybster/messages.h"

#define MESSAGES_FILE "protocols/hybster/messages.def"
#define MESSAGES_NAME(kind, name) hybster_##kind##name
#include "engine/core/messages_define.def"

static const struct nika_message_info *const messages[] = {
#define MESSAGES_FILE "protocols/common/messages.def"
#define MESSAGES_NAME(kind, name) common_##kind##name
#include "engine/core/messages_rows.def"
#define MESSAGES_FILE "protocols/hybster/messages.def"
#define MESSAGES_NAME(kind, name) hybster_##kind##name
#include "engine/core/messages_rows.def"
};

const struct nika_message_table hybster_messages = {
    .protocol = "hybster", .count = ARRAY_COUNT(messages), .messages = messages};
