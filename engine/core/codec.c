/* engine/core/codec.c: encoder, decoder and list walkers driven by message descriptors (codec.h).
 *
 * One walker validates and decodes; with no output it only validates, which is how list elements
 * are checked. Every loop is bounded by the descriptor's limit and by the bytes present, so hostile
 * counts cost nothing. */
#include "engine/core/codec.h"

#include "engine/core/assert.h"
#include "engine/core/decimal.h"
#include "engine/core/planted.h"

static void walk(const struct nika_message_info *info, struct nika_reader *r, uint8_t *out,
                 uint32_t depth);

static void put_u32(uint8_t *field, uint32_t value)
{
    memcpy(field, &value, sizeof value);
}

static void put_u64(uint8_t *field, uint64_t value)
{
    memcpy(field, &value, sizeof value);
}

/* The count of a list, or a failed reader when it is over the field's limit. */
static uint32_t walk_count(struct nika_reader *r, const struct nika_field *field)
{
    uint32_t count = nika_read_u32(r);
    bool over = count > field->limit;
    if (NIKA_PLANTED(I02) && field->kind == NIKA_FIELD_DIGESTS)
        over = count * NIKA_DIGEST_SIZE > r->size - r->at;
    if (over) r->failed = true;
    return r->failed ? 0 : count;
}

static void walk_list(const struct nika_field *field, struct nika_reader *r, uint8_t *out,
                      uint32_t depth)
{
    uint32_t count = walk_count(r, field), start = r->at;
    if (field->kind == NIKA_FIELD_DIGESTS) {
        /* limit * 32 cannot wrap: limits are far below 2^27. */
        (void)nika_read_raw(r, count * NIKA_DIGEST_SIZE);
    } else if (field->kind == NIKA_FIELD_FRAMES) {
        for (uint32_t i = 0; i < count && !r->failed; i++)
            (void)nika_read_bytes(r, NIKA_MESSAGE_SIZE_MAX);
    } else {
        NIKA_ASSERT(field->element != NULL);
        if (depth >= NIKA_NESTING_MAX) r->failed = true;
        for (uint32_t i = 0; i < count && !r->failed; i++) walk(field->element, r, NULL, depth + 1);
    }
    if (r->failed || out == NULL) return;
    /* A member of the message's struct, and so aligned as one. */
    struct nika_list *list = (void *)out;
    list->count = count;
    list->span.data = r->data + start;
    list->span.size = r->at - start;
}

static void walk_bytes(const struct nika_field *field, struct nika_reader *r, uint8_t *out)
{
    struct nika_span span = nika_read_bytes(r, NIKA_PLANTED(I01) ? UINT32_MAX : field->limit);
    if (out == NULL) return;
    struct nika_span *to = (void *)out;
    to->data = span.data;
    to->size = span.size;
}

static void walk_small(const struct nika_field *field, struct nika_reader *r, uint8_t *out)
{
    uint8_t value = nika_read_u8(r);
    if (field->kind == NIKA_FIELD_BOOL && value > 1) r->failed = true;
    if (out != NULL) *out = value;
}

static void walk(const struct nika_message_info *info, struct nika_reader *r, uint8_t *out,
                 uint32_t depth)
{
    const struct nika_field *field = info->fields;
    const struct nika_field *end = field + info->field_count;
    for (; field < end && !r->failed; field++) {
        uint8_t *to = out == NULL ? NULL : out + field->offset;
        const uint8_t *p;
        switch (field->kind) {
        case NIKA_FIELD_U64:
        case NIKA_FIELD_VIEW:
        case NIKA_FIELD_SEQ:
        case NIKA_FIELD_TIME:
            p = nika_read_raw(r, 8);
            if (p != NULL && to != NULL) put_u64(to, nika_load_le(p, 8));
            break;
        case NIKA_FIELD_U32:
        case NIKA_FIELD_REPLICA:
        case NIKA_FIELD_CLIENT:
            p = nika_read_raw(r, 4);
            if (p != NULL && to != NULL) put_u32(to, (uint32_t)nika_load_le(p, 4));
            break;
        case NIKA_FIELD_DIGEST:
            p = nika_read_raw(r, NIKA_DIGEST_SIZE);
            if (p != NULL && to != NULL) memcpy(to, p, NIKA_DIGEST_SIZE);
            break;
        case NIKA_FIELD_U8:
        case NIKA_FIELD_BOOL:
            walk_small(field, r, to);
            break;
        case NIKA_FIELD_BYTES:
            walk_bytes(field, r, to);
            break;
        case NIKA_FIELD_LIST:
        case NIKA_FIELD_FRAMES:
        case NIKA_FIELD_DIGESTS:
            walk_list(field, r, to, depth);
            break;
        }
    }
}

enum nika_err nika_decode(const struct nika_message_info *info, struct nika_span body, void *out)
{
    memset(out, 0, info->struct_size);
    struct nika_reader r = nika_reader_of(body);
    walk(info, &r, out, 0);
    if (nika_reader_done(&r)) return NIKA_OK;
    /* No half-decoded message leaves this function. */
    memset(out, 0, info->struct_size);
    return NIKA_ERR_MALFORMED;
}

static uint64_t get_int(const struct nika_field *field, const uint8_t *from, uint32_t *size)
{
    uint32_t small;
    uint64_t large;
    switch (field->kind) {
    case NIKA_FIELD_U8:
    case NIKA_FIELD_BOOL:
        *size = 1;
        return *from;
    case NIKA_FIELD_U32:
    case NIKA_FIELD_REPLICA:
    case NIKA_FIELD_CLIENT:
        memcpy(&small, from, sizeof small);
        *size = 4;
        return small;
    case NIKA_FIELD_U64:
    case NIKA_FIELD_VIEW:
    case NIKA_FIELD_SEQ:
    case NIKA_FIELD_TIME:
        memcpy(&large, from, sizeof large);
        *size = 8;
        return large;
    case NIKA_FIELD_DIGEST:
    case NIKA_FIELD_BYTES:
    case NIKA_FIELD_LIST:
    case NIKA_FIELD_FRAMES:
    case NIKA_FIELD_DIGESTS:
        break;
    }
    *size = 0;
    return 0;
}

static void encode_field(const struct nika_field *field, const uint8_t *from, struct nika_writer *w)
{
    if (field->kind == NIKA_FIELD_DIGEST) {
        nika_write_raw(w, from, NIKA_DIGEST_SIZE);
    } else if (field->kind == NIKA_FIELD_BYTES) {
        struct nika_span span;
        memcpy(&span, from, sizeof span);
        nika_write_bytes(w, span);
    } else if (field->kind == NIKA_FIELD_LIST || field->kind == NIKA_FIELD_FRAMES ||
               field->kind == NIKA_FIELD_DIGESTS) {
        struct nika_list list;
        memcpy(&list, from, sizeof list);
        nika_write_u32(w, list.count);
        nika_write_raw(w, list.span.data, list.span.size);
    } else {
        uint32_t size;
        uint64_t value = get_int(field, from, &size);
        uint8_t *p = nika_write_reserve(w, size);
        if (p != NULL) nika_store_le(p, value, size);
    }
}

void nika_encode(const struct nika_message_info *info, const void *in, struct nika_writer *w)
{
    for (uint32_t i = 0; i < info->field_count; i++) {
        const struct nika_field *field = &info->fields[i];
        const uint8_t *from = (const uint8_t *)in + field->offset;
        if (field->kind == NIKA_FIELD_VIEW || field->kind == NIKA_FIELD_SEQ ||
            field->kind == NIKA_FIELD_U64) {
            uint64_t value;
            memcpy(&value, from, sizeof value);
            nika_write_u64(w, value);
        } else {
            encode_field(field, from, w);
        }
    }
}

uint32_t nika_encoded_size(const struct nika_message_info *info, const void *in)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < info->field_count; i++) {
        const struct nika_field *field = &info->fields[i];
        const uint8_t *from = (const uint8_t *)in + field->offset;
        struct nika_span span;
        struct nika_list list;
        uint32_t size = 0;
        if (field->kind == NIKA_FIELD_DIGEST) {
            size = NIKA_DIGEST_SIZE;
        } else if (field->kind == NIKA_FIELD_BYTES) {
            memcpy(&span, from, sizeof span);
            size = 4 + span.size;
        } else if (field->kind == NIKA_FIELD_LIST || field->kind == NIKA_FIELD_FRAMES ||
                   field->kind == NIKA_FIELD_DIGESTS) {
            memcpy(&list, from, sizeof list);
            size = 4 + list.span.size;
        } else {
            (void)get_int(field, from, &size);
        }
        total += size;
    }
    return total;
}

static struct nika_reader list_reader(const struct nika_list *list, uint32_t at)
{
    struct nika_reader r = nika_reader_of(list->span);
    r.at = at;
    r.failed = at > list->span.size;
    return r;
}

bool nika_list_next(const struct nika_list *list, const struct nika_message_info *element,
                    uint32_t *at, void *out)
{
    if (*at >= list->span.size) return false;
    struct nika_reader r = list_reader(list, *at);
    memset(out, 0, element->struct_size);
    walk(element, &r, out, 1);
    /* An element without bytes would never end. */
    if (r.failed || r.at == *at) return false;
    *at = r.at;
    return true;
}

bool nika_frames_next(const struct nika_list *list, uint32_t *at, struct nika_span *frame)
{
    *frame = (struct nika_span){NULL, 0};
    if (*at >= list->span.size) return false;
    struct nika_reader r = list_reader(list, *at);
    struct nika_span span = nika_read_bytes(&r, NIKA_MESSAGE_SIZE_MAX);
    if (r.failed) return false;
    *frame = span;
    *at = r.at;
    return true;
}

bool nika_digests_next(const struct nika_list *list, uint32_t *at, struct nika_digest *digest)
{
    if (*at >= list->span.size) return false;
    struct nika_reader r = list_reader(list, *at);
    *digest = nika_read_digest(&r);
    if (r.failed) return false;
    *at = r.at;
    return true;
}

/* The list grows at the writer's end; anything written in between would become part of it. */
static uint32_t append_begin(const struct nika_writer *w, struct nika_list *list)
{
    if (list->count == 0) list->span = (struct nika_span){.data = w->data + w->at, .size = 0};
    NIKA_ASSERT(w->failed || list->span.data + list->span.size == w->data + w->at);
    return w->at;
}

static void append_end(const struct nika_writer *w, struct nika_list *list, uint32_t start)
{
    if (w->failed) return;
    list->count++;
    list->span.size += w->at - start;
}

void nika_list_append(struct nika_writer *w, struct nika_list *list,
                      const struct nika_message_info *element, const void *value)
{
    uint32_t start = append_begin(w, list);
    nika_encode(element, value, w);
    append_end(w, list, start);
}

void nika_frames_append(struct nika_writer *w, struct nika_list *list, struct nika_span frame)
{
    uint32_t start = append_begin(w, list);
    nika_write_bytes(w, frame);
    append_end(w, list, start);
}

void nika_digests_append(struct nika_writer *w, struct nika_list *list,
                         const struct nika_digest *digest)
{
    uint32_t start = append_begin(w, list);
    nika_write_digest(w, digest);
    append_end(w, list, start);
}

struct text {
    char *out;
    size_t capacity, used;
};

/* What does not fit is cut; a trace line is for people. No printf: a full trace writes some of these for every event. */
static void text_add_bytes(struct text *t, const char *bytes, size_t size)
{
    if (t->used + 1 >= t->capacity) return;
    size_t left = t->capacity - t->used - 1;
    if (size > left) size = left;
    memcpy(t->out + t->used, bytes, size);
    t->used += size;
    t->out[t->used] = '\0';
}

static void text_add(struct text *t, const char *text)
{
    text_add_bytes(t, text, strlen(text));
}

static void text_number(struct text *t, const char *before, uint64_t value, const char *after)
{
    char digits[NIKA_DECIMAL_SIZE];
    text_add(t, before);
    text_add_bytes(t, digits, nika_decimal(digits, value));
    text_add(t, after);
}

static void text_field(struct text *t, const struct nika_field *field, struct nika_reader *r)
{
    struct nika_list list = {0};
    struct nika_span span = {0};
    struct nika_digest digest;
    static const char letters[] = "0123456789abcdef";
    char hex[8];
    text_add(t, field->name);
    switch (field->kind) {
    case NIKA_FIELD_DIGEST:
        digest = nika_read_digest(r);
        for (uint32_t i = 0; i < sizeof hex / 2; i++) {
            hex[2 * i] = letters[digest.bytes[i] >> 4];
            hex[2 * i + 1] = letters[digest.bytes[i] & 15];
        }
        text_add(t, "=");
        text_add_bytes(t, hex, sizeof hex);
        break;
    case NIKA_FIELD_BYTES:
        walk_bytes(field, r, (uint8_t *)&span);
        text_number(t, "=<", span.size, " B>");
        break;
    case NIKA_FIELD_LIST:
    case NIKA_FIELD_FRAMES:
    case NIKA_FIELD_DIGESTS:
        walk_list(field, r, (uint8_t *)&list, 0);
        text_number(t, "=[", list.count, "]");
        break;
    case NIKA_FIELD_U8:
    case NIKA_FIELD_BOOL:
        text_number(t, "=", nika_read_u8(r), "");
        break;
    case NIKA_FIELD_U32:
    case NIKA_FIELD_REPLICA:
    case NIKA_FIELD_CLIENT:
        text_number(t, "=", nika_read_u32(r), "");
        break;
    case NIKA_FIELD_U64:
    case NIKA_FIELD_VIEW:
    case NIKA_FIELD_SEQ:
    case NIKA_FIELD_TIME:
        text_number(t, "=", nika_read_u64(r), "");
        break;
    }
}

size_t nika_message_text(const struct nika_message_info *info, struct nika_span body, char *out,
                         size_t capacity)
{
    struct text t = {.out = out, .capacity = capacity};
    if (capacity == 0) return 0;
    out[0] = '\0';
    struct nika_reader check = nika_reader_of(body);
    walk(info, &check, NULL, 0);
    if (!nika_reader_done(&check)) {
        text_number(&t, "malformed <", body.size, " B>");
        return t.used;
    }
    struct nika_reader r = nika_reader_of(body);
    for (uint32_t i = 0; i < info->field_count; i++) {
        if (i > 0) text_add(&t, " ");
        text_field(&t, &info->fields[i], &r);
    }
    return t.used;
}
