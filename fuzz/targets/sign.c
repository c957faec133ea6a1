/* fuzz/targets/sign.c: see sign.h. */
#include "fuzz/targets/sign.h"

#include "engine/core/trusted.h"
#include "fuzz/targets/fields.h"

#define LEVELS_MAX 8u

struct signer {
    struct desk *desk;
    const struct nika_message_table *table;
    uint32_t depth;
};

static struct nika_span sign_body(struct signer *s, const struct nika_message_info *info,
                                  struct nika_span body);

static struct nika_span copy_of(struct signer *s, struct nika_span bytes)
{
    uint8_t *copy = desk_alloc(s->desk, bytes.size + 1);
    if (bytes.size > 0) memcpy(copy, bytes.data, bytes.size);
    return (struct nika_span){copy, bytes.size};
}

static bool can_sign(const struct signer *s, uint32_t sender)
{
    const struct nika_config *c = desk_config(s->desk);
    return nika_is_client(sender) ? nika_client_index(sender) < c->clients : sender < c->n;
}

static struct nika_span sign_frame(struct signer *s, struct nika_span bytes)
{
    struct nika_frame frame;
    if (!nika_fields_frame(bytes, &frame) || !can_sign(s, frame.sender)) return bytes;
    const struct nika_message_info *info =
        frame.type < s->table->count ? s->table->messages[frame.type] : NULL;
    struct nika_span body = info != NULL ? sign_body(s, info, frame.body) : frame.body;
    return desk_raw_frame(s->desk, frame.sender, frame.type, frame.auth_alg, body);
}

/* A hop of a Hybster VIEW-CHANGE: a certificate over the digest beside it. */
static void sign_hop(struct signer *s, const struct nika_message_info *info,
                     union nika_any_message *value)
{
    struct nika_trusted_certificate c;
    if (info->type != 0 || info->field_count != 2 || info->fields[0].kind != NIKA_FIELD_DIGEST ||
        info->fields[1].kind != NIKA_FIELD_BYTES)
        return;
    uint8_t *at = (uint8_t *)value;
    struct nika_span *bytes = (struct nika_span *)(void *)(at + info->fields[1].offset);
    if (nika_trusted_certificate_decode(*bytes, &c) != NIKA_OK) return;
    desk_certify_digest(s->desk, &c,
                        (const struct nika_digest *)(const void *)(at + info->fields[0].offset));
    uint8_t *made = desk_alloc(s->desk, NIKA_TRUSTED_CERTIFICATE_SIZE);
    nika_trusted_certificate_encode(&c, made);
    bytes->data = made;
}

static struct nika_list sign_list(struct signer *s, const struct nika_field *field,
                                  const struct nika_list *list)
{
    uint32_t capacity = list->span.size + list->count * (NIKA_AUTH_SIZE_MAX + 64u), at = 0;
    struct nika_writer w = nika_writer_of(desk_alloc(s->desk, capacity + 1), capacity);
    struct nika_list out = {.count = 0, .span = {w.data, 0}};
    union nika_any_message value;
    struct nika_span one;
    if (field->kind == NIKA_FIELD_FRAMES) {
        while (nika_frames_next(list, &at, &one)) nika_frames_append(&w, &out, sign_frame(s, one));
    } else {
        for (uint32_t from = 0; nika_list_next(list, field->element, &at, &value); from = at) {
            one =
                sign_body(s, field->element, (struct nika_span){list->span.data + from, at - from});
            nika_write_raw(&w, one.data, one.size);
            out.count++;
            out.span.size += one.size;
        }
    }
    return w.failed ? *list : out;
}

static struct nika_span sign_body(struct signer *s, const struct nika_message_info *info,
                                  struct nika_span body)
{
    union nika_any_message value;
    struct nika_frame frame;
    memset(&value, 0, sizeof value);
    if (s->depth == LEVELS_MAX || nika_decode(info, body, &value) != NIKA_OK) return body;
    s->depth++;
    for (uint32_t i = 0; i < info->field_count; i++) {
        const struct nika_field *field = &info->fields[i];
        void *at = (uint8_t *)&value + field->offset;
        struct nika_span *bytes = at;
        struct nika_list *list = at;
        if (field->kind == NIKA_FIELD_BYTES && nika_fields_frame(*bytes, &frame))
            *bytes = sign_frame(s, *bytes);
        if (field->kind == NIKA_FIELD_LIST || field->kind == NIKA_FIELD_FRAMES)
            *list = sign_list(s, field, list);
    }
    bool hybrid = desk_is_hybrid(s->desk);
    if (hybrid) sign_hop(s, info, &value);
    uint32_t size = nika_encoded_size(info, &value);
    struct nika_writer w = nika_writer_of(desk_alloc(s->desk, size + 1), size);
    nika_encode(info, &value, &w);
    if (hybrid && info->type != 0) (void)desk_certify_body(s->desk, info->type, w.data, w.at);
    s->depth--;
    return (struct nika_span){w.data, w.at};
}

struct nika_span sign_message(struct desk *d, const struct nika_message_table *table,
                              uint32_t sender, uint8_t type, struct nika_span body)
{
    struct signer s = {.desk = d, .table = table};
    const struct nika_message_info *info = type < table->count ? table->messages[type] : NULL;
    if (!can_sign(&s, sender)) return (struct nika_span){NULL, 0};
    struct nika_span made = info != NULL ? sign_body(&s, info, body) : copy_of(&s, body);
    return desk_raw_frame(d, sender, type, info != NULL ? info->auth : NIKA_AUTH_SIGNATURE, made);
}
