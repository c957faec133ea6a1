/* protocols/common/messages.c: descriptors of the shared messages, generated from messages.def. */
#include "protocols/common/messages.h"

#define MESSAGES_FILE "protocols/common/messages.def"
#define MESSAGES_NAME(kind, name) common_##kind##name
#include "engine/core/messages_define.def"
