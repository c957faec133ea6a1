/* fuzz/targets/wire.c: the decoder of a protocol's messages: one encoding of each message, nothing beyond its bytes (PROTOCOLS.md 5, W1-W4).
 *
 * Input: frame type u8 | body. What decodes must encode to the same bytes, and no prefix or extension of it may decode. */
#include <stdlib.h>

#include "fuzz/targets/fields.h"
#include "fuzz/targets/wire.h"
#include "protocols/registry.h"

/* Every prefix of a short body, a few of a long one. */
#define PREFIXES 16u

static void check_neighbours(const struct nika_message_info *info, struct nika_span body)
{
    union nika_any_message value;
    uint8_t *longer = malloc(body.size + 1u);
    NIKA_TARGET_CHECK(longer != NULL, "out of memory");
    memcpy(longer, body.data, body.size);
    longer[body.size] = 0;
    enum nika_err err = nika_decode(info, (struct nika_span){longer, body.size + 1}, &value);
    NIKA_TARGET_CHECK(err != NIKA_OK, "%s decodes with a byte behind its end", info->name);
    for (uint32_t i = 1; i <= PREFIXES && i <= body.size; i++) {
        uint32_t size =
            body.size <= PREFIXES || i < 8 ? body.size - i : body.size / PREFIXES * (i - 8);
        /* An exact copy, so that a read beyond it is seen. */
        uint8_t *prefix = malloc(size + 1u);
        NIKA_TARGET_CHECK(prefix != NULL, "out of memory");
        prefix = realloc(prefix, size == 0 ? 1 : size);
        memcpy(prefix, body.data, size);
        err = nika_decode(info, (struct nika_span){prefix, size}, &value);
        NIKA_TARGET_CHECK(err != NIKA_OK, "%s of %u bytes decodes from the first %u of them",
                          info->name, body.size, size);
        free(prefix);
    }
    free(longer);
}

static void check_message(const struct nika_replica_ops *ops, const struct nika_message_info *info,
                          struct nika_span body)
{
    union nika_any_message value;
    char text[512];
    NIKA_TARGET_CHECK(info->struct_size <= sizeof value, "%s does not fit", info->name);
    memset(&value, 0, sizeof value);
    size_t length = nika_message_text(info, body, text, sizeof text);
    NIKA_TARGET_CHECK(length < sizeof text && strlen(text) == length, "%s: text of %zu characters",
                      info->name, length);
    if (info->type != 0) {
        struct nika_summary summary;
        ops->describe(info->type, body, &summary);
    }
    if (nika_decode(info, body, &value) != NIKA_OK) return;
    uint32_t size = nika_encoded_size(info, &value);
    NIKA_TARGET_CHECK(size == body.size, "%s of %u bytes would encode to %u", info->name, body.size,
                      size);
    uint8_t *again = malloc(size + 1u);
    NIKA_TARGET_CHECK(again != NULL, "out of memory");
    struct nika_writer w = nika_writer_of(again, size);
    nika_encode(info, &value, &w);
    NIKA_TARGET_CHECK(!w.failed && w.at == size && memcmp(again, body.data, size) == 0,
                      "%s does not encode to the bytes that it was decoded from", info->name);
    free(again);
    check_neighbours(info, body);
}

void wire_run(const char *protocol, struct nika_span input)
{
    const struct nika_replica_ops *ops = nika_protocol_find(protocol)->replica;
    if (input.size == 0) return;
    struct nika_span body = {input.data + 1, input.size - 1};
    const struct nika_message_table *table = ops->messages;
    const struct nika_message_info *info = table->messages[input.data[0] % table->count];
    if (info == NULL) return;
    check_message(ops, info, body);
}

/* ---- Mutation along the message table (fields.h) ---- */
/* A body that does not decode: one that does, or another byte of it. */
static uint32_t restart(const struct nika_message_table *table, uint8_t *data, uint32_t size,
                        uint32_t capacity, struct nika_target_draw *draw)
{
    if (size < 2 || nika_target_draw(draw, 2) == 0) {
        if (size == 0 || nika_target_draw(draw, 4) == 0)
            data[0] = (uint8_t)nika_target_draw(draw, table->count);
        const struct nika_message_info *info = table->messages[data[0] % table->count];
        return info == NULL ? 1 : 1 + nika_fields_zero(info, data + 1, capacity - 1);
    }
    data[1 + nika_target_draw(draw, size - 1)] = (uint8_t)nika_target_draw(draw, 256);
    return size;
}

uint32_t wire_mutate(const struct nika_message_table *table, uint8_t *data, uint32_t size,
                     uint32_t capacity, uint32_t seed)
{
    struct nika_target_draw draw = {seed};
    if (capacity == 0) return size;
    const struct nika_message_info *info =
        size == 0 ? NULL : table->messages[data[0] % table->count];
    if (info != NULL) {
        uint32_t made = nika_fields_mutate(table, info, data + 1, size - 1, capacity - 1, &draw);
        if (made > 0) return made + 1;
    }
    return restart(table, data, size, capacity, &draw);
}

uint32_t wire_cross(const struct nika_message_table *table, struct nika_span a, struct nika_span b,
                    uint8_t *out, uint32_t capacity, uint32_t seed)
{
    struct nika_target_draw draw = {seed};
    if (a.size < 2 || b.size < 2 || capacity < 2) return 0;
    const struct nika_message_info *first = table->messages[a.data[0] % table->count];
    const struct nika_message_info *second = table->messages[b.data[0] % table->count];
    if (first == NULL || second == NULL) return 0;
    out[0] = a.data[0];
    uint32_t made =
        nika_fields_cross(table, first, (struct nika_span){a.data + 1, a.size - 1}, second,
                          (struct nika_span){b.data + 1, b.size - 1}, out + 1, capacity - 1, &draw);
    return made == 0 ? 0 : made + 1;
}
