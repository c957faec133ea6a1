/* tests/engine/core/test_messages.h: structs and descriptors of test_messages.def, made the way a
 * protocol makes its own. */
#ifndef TESTS_ENGINE_CORE_TEST_MESSAGES_H
#define TESTS_ENGINE_CORE_TEST_MESSAGES_H

#include "engine/core/codec.h"
#include "engine/core/frame.h"
#include "engine/core/replica.h"

#define MESSAGES_FILE "tests/engine/core/test_messages.def"
#define MESSAGES_NAME(kind, name) test_##kind##name
#define MESSAGES_TYPE(name) TEST_TYPE_##name
#include "engine/core/messages_declare.def"

#define MESSAGES_FILE "tests/engine/core/test_messages.def"
#define MESSAGES_NAME(kind, name) test_##kind##name
#include "engine/core/messages_define.def"

/* Type 4 stays a hole. */
static const struct nika_message_info *const test_infos[] = {
#define MESSAGES_FILE "tests/engine/core/test_messages.def"
#define MESSAGES_NAME(kind, name) test_##kind##name
#include "engine/core/messages_rows.def"
};
static const struct nika_message_table test_messages = {
    .protocol = "test", .count = ARRAY_COUNT(test_infos), .messages = test_infos};

#endif
