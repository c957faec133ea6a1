/* protocols/hybster/messages.c: descriptors of Hybster's messages, generated from messages.def. */
#include "protocols/hybster/messages.h"

#define ELEMENT(name, text, doc) static const struct nika_field hybster_fields_##name[] = {
#define MESSAGE(name, type, class, auth, text, doc)                                                \
    static const struct nika_field hybster_fields_##name[] = {
#define FIELD(owner, kind_, name_, limit_, element_)                                               \
    {.name = #name_,                                                                               \
     .kind = NIKA_FIELD_##kind_,                                                                   \
     .offset = offsetof(struct hybster_##owner, name_),                                            \
     .limit = (limit_),                                                                            \
     .element = ELEMENT_INFO(element_)},
#define END(name)                                                                                  \
    }                                                                                              \
    ;
#define ELEMENT_INFO(name) ELEMENT_INFO_##name
#define ELEMENT_INFO_none NULL
#define ELEMENT_INFO_hop &hybster_info_hop
#include "protocols/hybster/messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END

#define ELEMENT(name_, text_, doc_)                                                                \
    const struct nika_message_info hybster_info_##name_ = {                                        \
        .name = text_,                                                                             \
        .struct_size = sizeof(struct hybster_##name_),                                             \
        .field_count = ARRAY_COUNT(hybster_fields_##name_),                                        \
        .fields = hybster_fields_##name_,                                                          \
        .doc = doc_};
#define MESSAGE(name_, type_, class_, auth_, text_, doc_)                                          \
    const struct nika_message_info hybster_info_##name_ = {                                        \
        .name = text_,                                                                             \
        .type = type_,                                                                             \
        .auth = NIKA_AUTH_##auth_,                                                                 \
        .message_class = NIKA_MESSAGE_##class_,                                                    \
        .struct_size = sizeof(struct hybster_##name_),                                             \
        .field_count = ARRAY_COUNT(hybster_fields_##name_),                                        \
        .fields = hybster_fields_##name_,                                                          \
        .doc = doc_};
#define FIELD(owner, kind, name, limit, element)
#define END(name)
#include "protocols/hybster/messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END

static const struct nika_message_info *const messages[] = {
#define ELEMENT(name, text, doc)
#define FIELD(owner, kind, name, limit, element)
#define END(name)
#define MESSAGE(name, type, class, auth, text, doc) [type] = &common_info_##name,
#include "protocols/common/messages.def"
#undef MESSAGE
#define MESSAGE(name, type, class, auth, text, doc) [type] = &hybster_info_##name,
#include "protocols/hybster/messages.def"
};

const struct nika_message_table hybster_messages = {
    .protocol = "hybster", .count = ARRAY_COUNT(messages), .messages = messages};
