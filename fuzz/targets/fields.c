/* fuzz/targets/fields.c: see fields.h. A step goes down a random path and writes the message anew on its way back. */
#include "fuzz/targets/fields.h"

#include "engine/core/trusted.h"

#define MEMORY (1024u * 1024u) /* Of one step: each level writes its body once. */
#define ELEMENTS_MAX 256u      /* Of a list that is edited element by element. */
#define POOL_MAX 64u           /* Elements of a donor. */
#define FRAME_EPOCH_AT 10u

struct element {
    enum nika_field_kind kind;
    const struct nika_message_info *info; /* Of a LIST. */
    struct nika_span bytes;
};
struct steps {
    const struct nika_message_table *table;
    struct nika_target_draw *draw;
    struct nika_writer memory;
    struct element pool[POOL_MAX]; /* What a donor has to give. */
    uint32_t pool_count;
};
static uint8_t memory[MEMORY];

static uint32_t draw(struct steps *s, uint32_t n)
{
    return nika_target_draw(s->draw, n);
}

static bool step_body(struct steps *s, const struct nika_message_info *info, struct nika_span body,
                      uint32_t depth, struct nika_span *out);

static bool decode(const struct nika_message_info *info, struct nika_span body,
                   union nika_any_message *value)
{
    NIKA_TARGET_CHECK(info->struct_size <= sizeof *value, "%s does not fit", info->name);
    memset(value, 0, sizeof *value);
    return nika_decode(info, body, value) == NIKA_OK;
}

bool nika_fields_frame(struct nika_span bytes, struct nika_frame *out)
{
    if (bytes.size < NIKA_FRAME_HEAD_SIZE) return false;
    uint32_t epoch = (uint32_t)nika_load_le(bytes.data + FRAME_EPOCH_AT, 4);
    return nika_frame_parse(bytes, epoch, NIKA_MESSAGE_SIZE_MAX, out) == NIKA_OK;
}

static const struct nika_message_info *info_of(const struct nika_message_table *table, uint8_t type)
{
    return type < table->count ? table->messages[type] : NULL;
}

/* ---- Numbers, digests, certificates ---- */
static uint64_t step_number(struct steps *s, uint64_t old, uint32_t bits)
{
    switch (draw(s, 8)) {
    case 0:
    case 1:
        return old + 1;
    case 2:
    case 3:
        return old - 1;
    case 4:
        return draw(s, 12);
    case 5:
        return old ^ UINT64_C(1) << draw(s, bits);
    case 6:
        return UINT64_MAX - draw(s, 2);
    default:
        return UINT64_C(1) << draw(s, bits);
    }
}

static void step_bytes_as_number(struct steps *s, uint8_t *at, uint32_t size)
{
    nika_store_le(at, step_number(s, nika_load_le(at, size), 8 * size), size);
}

static void step_digest(struct steps *s, uint8_t *at)
{
    uint32_t how = draw(s, 4);
    if (how == 0) memset(at, 0, NIKA_DIGEST_SIZE);
    if (how == 1) memset(at, 0xee, NIKA_DIGEST_SIZE);
    if (how >= 2) at[draw(s, NIKA_DIGEST_SIZE)] ^= (uint8_t)(1u << draw(s, 8));
}

/* kind u8 | instance u32 | epoch u64 | counter u32 | value 2 x u64 | previous 2 x u64 | mac (engine/core/trusted.h). */
static void step_certificate(struct steps *s, uint8_t *at)
{
    static const struct {
        uint8_t at, size;
    } fields[] = {{0, 1}, {1, 4}, {5, 8}, {13, 4}, {17, 8}, {25, 8}, {33, 8}, {41, 8}, {49, 8}};
    uint32_t k = draw(s, ARRAY_COUNT(fields));
    if (k == 0)
        at[0] = (uint8_t)(1 + draw(s, 3));
    else
        step_bytes_as_number(s, at + fields[k].at, fields[k].size);
}

/* ---- Frames ---- */
static bool write_frame(struct steps *s, const struct nika_frame *frame, struct nika_span *out)
{
    const struct nika_config config = {.epoch = frame->epoch};
    uint32_t start = s->memory.at;
    nika_frame_write(&config, frame->type, frame->sender, frame->body,
                     (enum nika_auth_alg)frame->auth_alg, frame->auth, &s->memory);
    *out = (struct nika_span){s->memory.data + start, s->memory.at - start};
    return !s->memory.failed;
}

static bool step_frame(struct steps *s, const struct nika_frame *old, uint32_t depth,
                       struct nika_span *out)
{
    struct nika_frame frame = *old;
    const struct nika_message_info *info = info_of(s->table, frame.type);
    uint32_t how = draw(s, 8);
    if (how == 0) {
        frame.sender = (uint32_t)draw(s, 5);
        frame.key_id = frame.sender;
        return write_frame(s, &frame, out);
    }
    if (how == 1) {
        /* A vote of one kind as one of another. */
        frame.type = (uint8_t)draw(s, s->table->count);
        return write_frame(s, &frame, out);
    }
    if (info == NULL || !step_body(s, info, frame.body, depth + 1, &frame.body)) return false;
    return write_frame(s, &frame, out);
}

static bool step_blob(struct steps *s, struct nika_span *span, uint32_t limit, uint32_t depth)
{
    struct nika_frame frame;
    if (nika_fields_frame(*span, &frame) && draw(s, 8) != 0)
        return step_frame(s, &frame, depth, span);
    uint32_t room = span->size + 8u < limit ? span->size + 8u : limit;
    uint8_t *copy = nika_write_reserve(&s->memory, room);
    if (copy == NULL || room == 0) return false;
    memset(copy, 0, room);
    uint32_t size = span->size < room ? span->size : room;
    if (size > 0) memcpy(copy, span->data, size);
    uint32_t how = draw(s, 8);
    if (size == NIKA_TRUSTED_CERTIFICATE_SIZE && how < 6)
        step_certificate(s, copy);
    else if (how == 0)
        size = draw(s, size + 1);
    else if (how == 1 || size == 0)
        size = room;
    else
        copy[draw(s, size)] ^= (uint8_t)(1u << draw(s, 8));
    *span = (struct nika_span){copy, size};
    return true;
}

/* ---- Lists ---- */
/* The elements of a list; 0 also for a list that is too long to edit. */
static uint32_t split_list(const struct nika_field *field, const struct nika_list *list,
                           struct nika_span *elements)
{
    union nika_any_message value;
    struct nika_digest digest;
    uint32_t at = 0, count = 0;
    if (list->count > ELEMENTS_MAX - 2) return 0;
    while (count < list->count) {
        uint32_t from = at;
        bool more = false;
        if (field->kind == NIKA_FIELD_FRAMES) {
            more = nika_frames_next(list, &at, &elements[count]);
        } else {
            more = field->kind == NIKA_FIELD_LIST
                       ? nika_list_next(list, field->element, &at, &value)
                       : nika_digests_next(list, &at, &digest);
            elements[count] = (struct nika_span){list->span.data + from, at - from};
        }
        if (!more) return 0;
        count++;
    }
    return count;
}

static bool join_list(struct steps *s, const struct nika_field *field,
                      const struct nika_span *elements, uint32_t count, struct nika_list *list)
{
    uint32_t start = s->memory.at;
    for (uint32_t i = 0; i < count; i++) {
        if (field->kind == NIKA_FIELD_FRAMES)
            nika_write_bytes(&s->memory, elements[i]);
        else
            nika_write_raw(&s->memory, elements[i].data, elements[i].size);
    }
    *list = (struct nika_list){count, {s->memory.data + start, s->memory.at - start}};
    return !s->memory.failed;
}

static bool step_element(struct steps *s, const struct nika_field *field, struct nika_span *element,
                         uint32_t depth)
{
    struct nika_frame frame;
    if (field->kind == NIKA_FIELD_LIST)
        return step_body(s, field->element, *element, depth + 1, element);
    if (field->kind == NIKA_FIELD_FRAMES)
        return nika_fields_frame(*element, &frame) && step_frame(s, &frame, depth, element);
    uint8_t *copy = nika_write_reserve(&s->memory, NIKA_DIGEST_SIZE);
    if (copy == NULL) return false;
    memcpy(copy, element->data, NIKA_DIGEST_SIZE);
    step_digest(s, copy);
    element->data = copy;
    return true;
}

static bool step_list(struct steps *s, const struct nika_field *field, struct nika_list *list,
                      uint32_t depth)
{
    struct nika_span elements[ELEMENTS_MAX], one;
    uint32_t count = split_list(field, list, elements);
    if (count == 0) return false;
    uint32_t at = draw(s, count), to = draw(s, count), how = draw(s, 10);
    if (how == 0) { /* Drop. */
        memmove(&elements[at], &elements[at + 1], (count - at - 1) * sizeof elements[0]);
        count--;
    } else if (how == 1 && count < field->limit) { /* Double. */
        elements[count++] = elements[at];
    } else if (how == 2) { /* Move. */
        one = elements[at];
        elements[at] = elements[to];
        elements[to] = one;
    } else if (how == 3) { /* Only the first few. */
        count = at;
    } else if (how == 4) { /* One in the place of another. */
        elements[to] = elements[at];
    } else if (!step_element(s, field, &elements[at], depth)) {
        return false;
    }
    return join_list(s, field, elements, count, list);
}

/* ---- Fields and messages ---- */
static bool step_field(struct steps *s, const struct nika_field *field, uint8_t *at, uint32_t depth)
{
    uint32_t small;
    uint64_t large;
    switch (field->kind) {
    case NIKA_FIELD_BOOL:
        *at ^= 1;
        return true;
    case NIKA_FIELD_U8:
        *at = (uint8_t)step_number(s, *at, 8);
        return true;
    case NIKA_FIELD_U32:
    case NIKA_FIELD_REPLICA:
    case NIKA_FIELD_CLIENT:
        memcpy(&small, at, sizeof small);
        small = (uint32_t)step_number(s, small, 32);
        memcpy(at, &small, sizeof small);
        return true;
    case NIKA_FIELD_U64:
    case NIKA_FIELD_VIEW:
    case NIKA_FIELD_SEQ:
    case NIKA_FIELD_TIME:
        memcpy(&large, at, sizeof large);
        large = step_number(s, large, 64);
        memcpy(at, &large, sizeof large);
        return true;
    case NIKA_FIELD_DIGEST:
        step_digest(s, at);
        return true;
    case NIKA_FIELD_BYTES:
        return step_blob(s, (struct nika_span *)(void *)at, field->limit, depth);
    case NIKA_FIELD_LIST:
    case NIKA_FIELD_FRAMES:
    case NIKA_FIELD_DIGESTS:
        return step_list(s, field, (struct nika_list *)(void *)at, depth);
    }
    return false;
}

static bool encode(struct steps *s, const struct nika_message_info *info,
                   const union nika_any_message *value, struct nika_span *out)
{
    uint32_t start = s->memory.at;
    nika_encode(info, value, &s->memory);
    *out = (struct nika_span){s->memory.data + start, s->memory.at - start};
    return !s->memory.failed;
}

static bool step_body(struct steps *s, const struct nika_message_info *info, struct nika_span body,
                      uint32_t depth, struct nika_span *out)
{
    union nika_any_message value;
    if (depth > 2 * NIKA_NESTING_MAX || info->field_count == 0 || !decode(info, body, &value))
        return false;
    /* An empty list cannot change: take the next field then. */
    uint32_t first = draw(s, info->field_count);
    for (uint32_t i = 0; i < info->field_count; i++) {
        const struct nika_field *field = &info->fields[(first + i) % info->field_count];
        uint8_t *at = (uint8_t *)&value + field->offset;
        if (step_field(s, field, at, depth)) return encode(s, info, &value, out);
    }
    return false;
}

static struct steps begin(const struct nika_message_table *table,
                          struct nika_target_draw *draw_from)
{
    return (struct steps){
        .table = table, .draw = draw_from, .memory = nika_writer_of(memory, sizeof memory)};
}

uint32_t nika_fields_mutate(const struct nika_message_table *table,
                            const struct nika_message_info *info, uint8_t *body, uint32_t size,
                            uint32_t capacity, struct nika_target_draw *draw_from)
{
    struct nika_span out;
    struct steps s = begin(table, draw_from);
    if (!step_body(&s, info, (struct nika_span){body, size}, 0, &out)) return 0;
    if (out.size == 0 || out.size > capacity) return 0;
    memcpy(body, out.data, out.size);
    return out.size;
}

uint32_t nika_fields_zero(const struct nika_message_info *info, uint8_t *out, uint32_t capacity)
{
    union nika_any_message value;
    memset(&value, 0, sizeof value);
    struct nika_writer w = nika_writer_of(out, capacity);
    nika_encode(info, &value, &w);
    return w.failed ? 0 : w.at;
}

/* ---- Two messages ---- */
static void gather(struct steps *s, const struct nika_message_info *info, struct nika_span body,
                   uint32_t depth)
{
    union nika_any_message value;
    struct nika_span elements[ELEMENTS_MAX];
    struct nika_frame frame;
    if (depth > NIKA_NESTING_MAX || !decode(info, body, &value)) return;
    for (uint32_t i = 0; i < info->field_count; i++) {
        const struct nika_field *field = &info->fields[i];
        if (field->kind != NIKA_FIELD_LIST && field->kind != NIKA_FIELD_FRAMES &&
            field->kind != NIKA_FIELD_DIGESTS)
            continue;
        const void *list = (const uint8_t *)&value + field->offset;
        uint32_t count = split_list(field, list, elements);
        for (uint32_t k = 0; k < count && s->pool_count < POOL_MAX; k++) {
            s->pool[s->pool_count++] = (struct element){field->kind, field->element, elements[k]};
            if (field->kind == NIKA_FIELD_LIST) gather(s, field->element, elements[k], depth + 1);
            if (field->kind != NIKA_FIELD_FRAMES || !nika_fields_frame(elements[k], &frame))
                continue;
            const struct nika_message_info *inner = info_of(s->table, frame.type);
            if (inner != NULL) gather(s, inner, frame.body, depth + 1);
        }
    }
}

/* An element of the donor's into a list that can hold it, or in the place of one there. */
static bool splice(struct steps *s, const struct nika_field *field, struct nika_list *list)
{
    struct nika_span elements[ELEMENTS_MAX];
    uint32_t first = draw(s, s->pool_count);
    for (uint32_t i = 0; i < s->pool_count; i++) {
        const struct element *one = &s->pool[(first + i) % s->pool_count];
        if (one->kind != field->kind || one->info != field->element) continue;
        uint32_t count = split_list(field, list, elements);
        if (count == 0 && list->count > 0) return false;
        uint32_t at = draw(s, count + 1);
        if (count == field->limit && at == count) return false;
        if (at == count)
            elements[count++] = one->bytes;
        else
            elements[at] = one->bytes;
        return join_list(s, field, elements, count, list);
    }
    return false;
}

static bool is_list(const struct nika_field *field)
{
    return field->kind == NIKA_FIELD_LIST || field->kind == NIKA_FIELD_FRAMES ||
           field->kind == NIKA_FIELD_DIGESTS;
}

uint32_t nika_fields_cross(const struct nika_message_table *table,
                           const struct nika_message_info *info, struct nika_span body,
                           const struct nika_message_info *donor_info, struct nika_span donor,
                           uint8_t *out, uint32_t capacity, struct nika_target_draw *draw_from)
{
    union nika_any_message value, other;
    struct nika_span made;
    struct steps s = begin(table, draw_from);
    if (info->field_count == 0 || !decode(info, body, &value)) return 0;
    gather(&s, donor_info, donor, 0);
    bool same = info == donor_info && decode(info, donor, &other), changed = false;
    uint32_t first = draw(&s, info->field_count);
    for (uint32_t i = 0; i < info->field_count && !changed; i++) {
        const struct nika_field *field = &info->fields[(first + i) % info->field_count];
        uint8_t *at = (uint8_t *)&value + field->offset;
        uint32_t next = (first + i + 1) % info->field_count;
        uint32_t end = next > 0 ? info->fields[next].offset : info->struct_size;
        if (is_list(field) && s.pool_count > 0 && (!same || draw(&s, 2) == 0)) {
            changed = splice(&s, field, (struct nika_list *)(void *)at);
        } else if (same) {
            /* A field with what pads it: structs lie in the order of their fields. */
            memcpy(at, (const uint8_t *)&other + field->offset, end - field->offset);
            changed = true;
        }
    }
    if (!changed || !encode(&s, info, &value, &made)) return 0;
    if (made.size == 0 || made.size > capacity) return 0;
    memcpy(out, made.data, made.size);
    return made.size;
}

/* ---- Words ---- */
static void word(FILE *out, const uint8_t *bytes, uint32_t size)
{
    fputc('"', out);
    for (uint32_t i = 0; i < size; i++) fprintf(out, "\\x%02x", bytes[i]);
    fputs("\"\n", out);
}

void nika_fields_dictionary(const struct nika_message_table *table, FILE *out)
{
    static const uint64_t numbers[] = {0, 1, 2, 8, 64, 1024, UINT32_MAX, UINT64_MAX};
    uint8_t bytes[8];
    for (uint32_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        nika_store_le(bytes, numbers[i], sizeof bytes);
        if (numbers[i] <= UINT32_MAX) word(out, bytes, 4);
        word(out, bytes, sizeof bytes);
    }
    for (uint32_t type = 0; type < table->count; type++) {
        if (table->messages[type] == NULL) continue;
        /* What a nested frame of this type begins with, behind its length. */
        nika_store_le(bytes, NIKA_FRAME_MAGIC, 2);
        bytes[2] = NIKA_FRAME_VERSION;
        bytes[3] = (uint8_t)type;
        word(out, bytes, 4);
    }
}
