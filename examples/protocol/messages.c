/* messages.c: descriptors of the messages, generated from messages.def. */
#include "messages.h"

#include "engine/core/replica.h"

#define ELEMENT(name, text, doc) static const struct nika_field fields_##name[] = {
#define MESSAGE(name, type, class, auth, text, doc)                                                \
    static const struct nika_field fields_##name[] = {
#define FIELD(owner, kind_, name_, limit_, element_)                                               \
    {.name = #name_,                                                                               \
     .kind = NIKA_FIELD_##kind_,                                                                   \
     .offset = offsetof(struct majority_##owner, name_),                                           \
     .limit = (limit_),                                                                            \
     .element = ELEMENT_INFO_##element_},
#define END(name)                                                                                  \
    }                                                                                              \
    ;
#define ELEMENT_INFO_none NULL
#define ELEMENT_INFO_entry &majority_info_entry
#include "messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END

#define ELEMENT(name_, text_, doc_)                                                                \
    const struct nika_message_info majority_info_##name_ = {                                       \
        .name = text_,                                                                             \
        .struct_size = sizeof(struct majority_##name_),                                            \
        .field_count = ARRAY_COUNT(fields_##name_),                                                \
        .fields = fields_##name_,                                                                  \
        .doc = doc_};
#define MESSAGE(name_, type_, class_, auth_, text_, doc_)                                          \
    const struct nika_message_info majority_info_##name_ = {                                       \
        .name = text_,                                                                             \
        .type = type_,                                                                             \
        .auth = NIKA_AUTH_##auth_,                                                                 \
        .message_class = NIKA_MESSAGE_##class_,                                                    \
        .struct_size = sizeof(struct majority_##name_),                                            \
        .field_count = ARRAY_COUNT(fields_##name_),                                                \
        .fields = fields_##name_,                                                                  \
        .doc = doc_};
#define FIELD(owner, kind, name, limit, element)
#define END(name)
#include "messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END

static const struct nika_message_info *const table[] = {
    [COMMON_TYPE_request] = &common_info_request,
    [COMMON_TYPE_reply] = &common_info_reply,
#define ELEMENT(name, text, doc)
#define MESSAGE(name, type, class, auth, text, doc) [type] = &majority_info_##name,
#define FIELD(owner, kind, name, limit, element)
#define END(name)
#include "messages.def"
};

const struct nika_message_table majority_messages = {
    .protocol = "majority", .count = ARRAY_COUNT(table), .messages = table};
