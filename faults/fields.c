/* faults/fields.c: one field of a message changed, whatever the message; see fields.h. */
#include "faults/fields.h"

static void step_number(const struct fault_steps *steps, uint8_t *at, size_t size)
{
    uint32_t small;
    uint64_t large;
    if (size == sizeof small) {
        memcpy(&small, at, sizeof small);
        small = (uint32_t)steps->number(steps->context, small);
        memcpy(at, &small, sizeof small);
    } else {
        memcpy(&large, at, sizeof large);
        large = steps->number(steps->context, large);
        memcpy(at, &large, sizeof large);
    }
}

/* One element dropped or doubled; a list of nothing cannot change. */
static bool edit_list(const struct fault_steps *steps, const struct nika_field *field,
                      struct nika_list *list, struct nika_writer *w)
{
    if (list->count == 0) return false;
    uint32_t victim = (uint32_t)steps->below(steps->context, list->count);
    bool twice = list->count < field->limit && steps->below(steps->context, 2) == 1;
    struct nika_list edited = {.count = 0, .span = {w->data + w->at, 0}};
    union fault_value element;
    struct nika_digest digest;
    struct nika_span frame;
    uint32_t at = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        uint32_t times = i != victim ? 1 : (twice ? 2 : 0);
        bool more = false;
        if (field->kind == NIKA_FIELD_LIST) {
            more = nika_list_next(list, field->element, &at, &element);
        } else if (field->kind == NIKA_FIELD_FRAMES) {
            more = nika_frames_next(list, &at, &frame);
        } else {
            more = nika_digests_next(list, &at, &digest);
        }
        if (!more) return false;
        for (uint32_t k = 0; k < times; k++) {
            if (field->kind == NIKA_FIELD_LIST) {
                nika_list_append(w, &edited, field->element, &element);
            } else if (field->kind == NIKA_FIELD_FRAMES) {
                nika_frames_append(w, &edited, frame);
            } else {
                nika_digests_append(w, &edited, &digest);
            }
        }
    }
    *list = edited;
    return !w->failed;
}

/* A flipped bit, or the last byte cut off. */
static bool edit_bytes(const struct fault_steps *steps, struct nika_span *span,
                       struct nika_writer *w)
{
    if (span->size == 0) return false;
    uint32_t size = span->size - (steps->below(steps->context, 2) == 1 ? 1 : 0);
    uint8_t *copy = nika_write_reserve(w, span->size);
    if (copy == NULL) return false;
    memcpy(copy, span->data, span->size);
    if (size == span->size) {
        uint64_t bit = steps->below(steps->context, (uint64_t)size * 8);
        copy[bit / 8] = (uint8_t)(copy[bit / 8] ^ (1u << (bit % 8)));
    }
    *span = (struct nika_span){copy, size};
    return true;
}

static bool mutate_field(const struct fault_steps *steps, const struct nika_field *field,
                         void *value, struct nika_writer *w)
{
    uint8_t *at = (uint8_t *)value + field->offset;
    struct nika_digest other;
    switch (field->kind) {
    case NIKA_FIELD_BOOL:
        *at ^= 1;
        return true;
    case NIKA_FIELD_U8:
        *at = (uint8_t)(*at + 1 + steps->below(steps->context, 255));
        return true;
    case NIKA_FIELD_U32:
    case NIKA_FIELD_REPLICA:
    case NIKA_FIELD_CLIENT:
        step_number(steps, at, sizeof(uint32_t));
        return true;
    case NIKA_FIELD_U64:
    case NIKA_FIELD_VIEW:
    case NIKA_FIELD_SEQ:
    case NIKA_FIELD_TIME:
        step_number(steps, at, sizeof(uint64_t));
        return true;
    case NIKA_FIELD_DIGEST:
        fault_other_digest((const struct nika_digest *)(const void *)at, &other);
        memcpy(at, &other, sizeof other);
        return true;
    case NIKA_FIELD_BYTES:
        return edit_bytes(steps, (struct nika_span *)(void *)at, w);
    case NIKA_FIELD_LIST:
    case NIKA_FIELD_FRAMES:
    case NIKA_FIELD_DIGESTS:
        return edit_list(steps, field, (struct nika_list *)(void *)at, w);
    default:
        return false;
    }
}

const struct nika_message_info *fault_decode_any(const struct nika_fault *fault,
                                                 const struct nika_outgoing *out,
                                                 union fault_value *value)
{
    const struct nika_message_table *table = fault->host->messages;
    if (out->type >= table->count || table->messages[out->type] == NULL) return NULL;
    const struct nika_message_info *info = table->messages[out->type];
    memset(value, 0, sizeof *value);
    if (info->struct_size > sizeof *value || info->field_count == 0) return NULL;
    return fault_decode(fault, out, info, value) ? info : NULL;
}

bool fault_mutate(struct nika_fault *fault, struct nika_outgoing *out,
                  const struct nika_message_info *info, union fault_value *value,
                  const struct fault_steps *steps)
{
    uint8_t scratch[FAULT_SCRATCH_SIZE];
    struct nika_writer w = nika_writer_of(scratch, sizeof scratch);
    /* An empty list or string cannot change: take the next field then. */
    uint32_t first = (uint32_t)steps->below(steps->context, info->field_count);
    for (uint32_t i = 0; i < info->field_count; i++) {
        const struct nika_field *field = &info->fields[(first + i) % info->field_count];
        if (mutate_field(steps, field, value, &w)) return fault_rewrite(fault, out, info, value);
    }
    return false;
}
