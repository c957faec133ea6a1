/* messages.c: descriptors of the messages, generated from messages.def. */
#include "messages.h"

#include "engine/core/replica.h"

#define MESSAGES_FILE "messages.def"
#define MESSAGES_NAME(kind, name) majority_##kind##name
#include "engine/core/messages_define.def"

static const struct nika_message_info *const table[] = {
    [COMMON_TYPE_request] = &common_info_request,
    [COMMON_TYPE_reply] = &common_info_reply,
#define MESSAGES_FILE "messages.def"
#define MESSAGES_NAME(kind, name) majority_##kind##name
#include "engine/core/messages_rows.def"
};

const struct nika_message_table majority_messages = {
    .protocol = "majority", .count = ARRAY_COUNT(table), .messages = table};
