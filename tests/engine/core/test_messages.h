/* tests/engine/core/test_messages.h: structs and descriptors of test_messages.def, made the way a
 * protocol makes its own. */
#ifndef TESTS_ENGINE_CORE_TEST_MESSAGES_H
#define TESTS_ENGINE_CORE_TEST_MESSAGES_H

#include "engine/core/codec.h"
#include "engine/core/frame.h"
#include "engine/core/replica.h"

#define ELEMENT(name, text, doc) struct test_##name {
#define MESSAGE(name, type, class, auth, text, doc) struct test_##name {
#define FIELD(owner, kind, name, limit, element) NIKA_FIELD_TYPE_##kind name;
#define END(name)                                                                                  \
    }                                                                                              \
    ;
#include "tests/engine/core/test_messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END

#define ELEMENT(name, text, doc) static const struct nika_message_info test_info_##name;
#define MESSAGE(name, type, class, auth, text, doc)                                                \
    static const struct nika_message_info test_info_##name;
#define FIELD(owner, kind, name, limit, element)
#define END(name)
#include "tests/engine/core/test_messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END

#define ELEMENT(name, text, doc) static const struct nika_field test_fields_##name[] = {
#define MESSAGE(name, type, class, auth, text, doc)                                                \
    static const struct nika_field test_fields_##name[] = {
#define FIELD(owner, kind_, name_, limit_, element_)                                               \
    {.name = #name_,                                                                               \
     .kind = NIKA_FIELD_##kind_,                                                                   \
     .offset = offsetof(struct test_##owner, name_),                                               \
     .limit = (limit_),                                                                            \
     .element = TEST_ELEMENT_##element_},
#define END(name)                                                                                  \
    }                                                                                              \
    ;
#define TEST_ELEMENT_none NULL
#define TEST_ELEMENT_inner &test_info_inner
#define TEST_ELEMENT_outer &test_info_outer
#include "tests/engine/core/test_messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END

#define ELEMENT(name_, text_, doc_)                                                                \
    static const struct nika_message_info test_info_##name_ = {                                    \
        .name = text_,                                                                             \
        .struct_size = sizeof(struct test_##name_),                                                \
        .field_count = ARRAY_COUNT(test_fields_##name_),                                           \
        .fields = test_fields_##name_,                                                             \
        .doc = doc_};
#define MESSAGE(name_, type_, class_, auth_, text_, doc_)                                          \
    static const struct nika_message_info test_info_##name_ = {                                    \
        .name = text_,                                                                             \
        .type = type_,                                                                             \
        .auth = NIKA_AUTH_##auth_,                                                                 \
        .message_class = NIKA_MESSAGE_##class_,                                                    \
        .struct_size = sizeof(struct test_##name_),                                                \
        .field_count = ARRAY_COUNT(test_fields_##name_),                                           \
        .fields = test_fields_##name_,                                                             \
        .doc = doc_};
#define FIELD(owner, kind, name, limit, element)
#define END(name)
#include "tests/engine/core/test_messages.def"
#undef ELEMENT
#undef MESSAGE

/* Type 4 stays a hole. */
static const struct nika_message_info *const test_infos[] = {
#define ELEMENT(name, text, doc)
#define MESSAGE(name, type, class, auth, text, doc) [type] = &test_info_##name,
#include "tests/engine/core/test_messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END
};
static const struct nika_message_table test_messages = {
    .protocol = "test", .count = ARRAY_COUNT(test_infos), .messages = test_infos};

#endif
