/* protocols/common/messages.c: descriptors of the shared messages, generated from messages.def. */
#include "protocols/common/messages.h"

#define ELEMENT(name, text, doc) static const struct nika_field common_fields_##name[] = {
#define MESSAGE(name, type, class, auth, text, doc)                                                \
    static const struct nika_field common_fields_##name[] = {
#define FIELD(owner, kind_, name_, limit_, element_)                                               \
    {.name = #name_,                                                                               \
     .kind = NIKA_FIELD_##kind_,                                                                   \
     .offset = offsetof(struct common_##owner, name_),                                             \
     .limit = (limit_),                                                                            \
     .element = ELEMENT_INFO(element_)},
#define END(name)                                                                                  \
    }                                                                                              \
    ;
#define ELEMENT_INFO(name) ELEMENT_INFO_##name
#define ELEMENT_INFO_none NULL
#include "protocols/common/messages.def"
#undef ELEMENT
#undef MESSAGE
#undef FIELD
#undef END

#define ELEMENT(name, text, doc)
#define MESSAGE(name_, type_, class_, auth_, text_, doc_)                                          \
    const struct nika_message_info common_info_##name_ = {                                         \
        .name = text_,                                                                             \
        .type = type_,                                                                             \
        .auth = NIKA_AUTH_##auth_,                                                                 \
        .message_class = NIKA_MESSAGE_##class_,                                                    \
        .struct_size = sizeof(struct common_##name_),                                              \
        .field_count = ARRAY_COUNT(common_fields_##name_),                                         \
        .fields = common_fields_##name_,                                                           \
        .doc = doc_};
#define FIELD(owner, kind, name, limit, element)
#define END(name)
#include "protocols/common/messages.def"
