/* report/orders.c: what messages of a view change say of numbers: the orders that lie in them as whole frames. By the descriptors of
 * their protocol: a frame counts that has a view, a number and a digest. */
#include <inttypes.h>

#include "engine/core/codec.h"
#include "engine/core/digest.h"
#include "engine/core/frame.h"
#include "engine/core/replica.h"
#include "report/report.h"

#define STRUCT_SIZE_MAX 512u
#define EPOCH_AT 10u    /* In a frame (frame.h). */
#define DIGEST_SHOWN 4u /* As in the texts of messages. */

union decoded {
    uint64_t align;
    uint8_t bytes[STRUCT_SIZE_MAX];
};
struct order {
    uint64_t view, seq;
    struct nika_digest digest;
};
struct writer {
    FILE *file;
    const struct nika_message_table *table;
    uint32_t message, epoch;
    const char *field; /* Of the message, in which the orders lie. */
    struct order last; /* Each vote for an order repeats it. */
    bool any, some;    /* In this field; at all. */
};

static bool decode(const struct nika_message_info *info, struct nika_span body, union decoded *out)
{
    return info->struct_size <= sizeof out->bytes && nika_decode(info, body, out->bytes) == NIKA_OK;
}

static bool order_in(const struct nika_message_info *info, const union decoded *m,
                     struct order *out)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < info->field_count; i++) {
        const struct nika_field *field = &info->fields[i];
        const uint8_t *at = m->bytes + field->offset;
        if (field->kind == NIKA_FIELD_VIEW && (found & 1) == 0) {
            memcpy(&out->view, at, sizeof out->view);
            found |= 1;
        } else if (field->kind == NIKA_FIELD_SEQ && (found & 2) == 0) {
            memcpy(&out->seq, at, sizeof out->seq);
            found |= 2;
        } else if (field->kind == NIKA_FIELD_DIGEST && (found & 4) == 0) {
            memcpy(&out->digest, at, sizeof out->digest);
            found |= 4;
        }
    }
    return found == 7;
}

static void put_frame(struct writer *w, struct nika_span bytes)
{
    struct nika_frame frame;
    union decoded m;
    struct order order;
    char hex[2 * DIGEST_SHOWN + 1] = "";
    if (nika_frame_parse(bytes, w->epoch, bytes.size, &frame) != NIKA_OK ||
        frame.type >= w->table->count || w->table->messages[frame.type] == NULL)
        return;
    const struct nika_message_info *info = w->table->messages[frame.type];
    if (!decode(info, frame.body, &m) || !order_in(info, &m, &order)) return;
    if (w->any && order.view == w->last.view && order.seq == w->last.seq &&
        nika_digest_equal(&order.digest, &w->last.digest))
        return;
    if (!nika_digest_is_null(&order.digest)) nika_hex(order.digest.bytes, DIGEST_SHOWN, hex);
    fprintf(w->file, "%s[%" PRIu32 ",\"%s\",%" PRIu64 ",%" PRIu64 ",\"%s\"]", w->some ? ",\n" : "",
            w->message, w->field, order.view & INT64_MAX, order.seq & INT64_MAX, hex);
    w->last = order;
    w->any = w->some = true;
}

/* The frames in a field of a message, or of an element of a list in it. */
static void put_field(struct writer *w, const struct nika_field *field, const uint8_t *at)
{
    struct nika_list list;
    struct nika_span span;
    uint32_t position = 0;
    union decoded element;
    if (field->kind == NIKA_FIELD_BYTES) {
        memcpy(&span, at, sizeof span);
        put_frame(w, span);
    } else if (field->kind == NIKA_FIELD_FRAMES) {
        memcpy(&list, at, sizeof list);
        while (nika_frames_next(&list, &position, &span)) put_frame(w, span);
    } else if (field->kind == NIKA_FIELD_LIST && field->element->struct_size <= STRUCT_SIZE_MAX) {
        memcpy(&list, at, sizeof list);
        while (nika_list_next(&list, field->element, &position, element.bytes)) {
            for (uint32_t i = 0; i < field->element->field_count; i++) {
                const struct nika_field *inner = &field->element->fields[i];
                if (inner->kind != NIKA_FIELD_LIST)
                    put_field(w, inner, element.bytes + inner->offset);
            }
        }
    }
}

void nika_report_orders(const struct nika_report_trace *t, FILE *file)
{
    struct writer w = {.file = file, .table = nika_report_table(t)};
    fputs("\"orders\":[", file);
    for (uint32_t i = 0; i < nika_report_message_count(t); i++) {
        const struct nika_message_info *info = nika_report_info(t, i);
        struct nika_span raw = nika_report_frame(t, i),
                         body = {raw.data + NIKA_FRAME_HEAD_SIZE,
                                 nika_report_message_at(t, i)->body_size};
        union decoded m;
        if (info == NULL || (info->message_class != NIKA_MESSAGE_VIEW_CHANGE &&
                             info->message_class != NIKA_MESSAGE_NEW_VIEW))
            continue;
        if (!decode(info, body, &m)) continue;
        w.message = i;
        w.epoch = (uint32_t)nika_load_le(raw.data + EPOCH_AT, 4);
        for (uint32_t k = 0; k < info->field_count; k++) {
            w.field = info->fields[k].name;
            w.any = false;
            put_field(&w, &info->fields[k], m.bytes + info->fields[k].offset);
        }
    }
    fputs("]", file);
}
