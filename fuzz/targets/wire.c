/* fuzz/targets/wire.c: the decoder of a protocol's messages: one encoding of each message, nothing beyond its bytes (PROTOCOLS.md 5, W1-W4).
 *
 * Input: frame type u8 | body. What decodes must encode to the same bytes, no prefix or extension of it may
 * decode, and decoding allocates nothing (where a sanitizer counts). */
#include <stdlib.h>

#include "engine/core/digest.h"
#include "fuzz/targets/fields.h"
#include "fuzz/targets/wire.h"
#include "protocols/registry.h"

/* Every prefix of a short body, and of one body in so many (which, its bytes say); a few of the others. */
#define SHORT 64u
#define ALL_OF 64u
#define PREFIXES 16u
#define LONGER_MAX 37u

static void check_prefix(const struct nika_message_info *info, struct nika_span body, uint32_t size,
                         uint8_t *room)
{
    union nika_any_message value;
    uint8_t *prefix = room + (body.size - size); /* A read beyond it is one beyond the block. */
    if (size > 0) memcpy(prefix, body.data, size);
    enum nika_err err = nika_decode(info, (struct nika_span){prefix, size}, &value);
    NIKA_TARGET_CHECK(err != NIKA_OK, "%s of %u bytes decodes from the first %u of them",
                      info->name, body.size, size);
}

static void check_prefixes(const struct nika_message_info *info, struct nika_span body)
{
    if (body.size == 0) return;
    uint8_t *room = malloc(body.size);
    NIKA_TARGET_CHECK(room != NULL, "out of memory");
    if (body.size <= SHORT || nika_hash64(body.data, body.size, 0) % ALL_OF == 0) {
        for (uint32_t size = 0; size < body.size; size++) check_prefix(info, body, size, room);
    } else {
        for (uint32_t i = 0; i < PREFIXES; i++)
            check_prefix(info, body,
                         i % 2 == 0 ? body.size - 1 - i / 2 : body.size / PREFIXES * (i / 2), room);
    }
    free(room);
}

static void check_extensions(const struct nika_message_info *info, struct nika_span body)
{
    static const uint32_t more[] = {1, 4, LONGER_MAX};
    union nika_any_message value;
    uint8_t *longer = malloc(body.size + LONGER_MAX);
    NIKA_TARGET_CHECK(longer != NULL, "out of memory");
    if (body.size > 0) memcpy(longer, body.data, body.size);
    for (uint32_t i = 0; i < 2 * ARRAY_COUNT(more); i++) {
        uint32_t size = more[i / 2];
        memset(longer + body.size, i % 2 == 0 ? 0 : 0xff, size);
        enum nika_err err = nika_decode(info, (struct nika_span){longer, body.size + size}, &value);
        NIKA_TARGET_CHECK(err != NIKA_OK, "%s decodes with %u bytes behind its end", info->name,
                          size);
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
    uint64_t allocated = nika_target_allocated();
    size_t length = nika_message_text(info, body, text, sizeof text);
    NIKA_TARGET_CHECK(length < sizeof text && strlen(text) == length, "%s: text of %zu characters",
                      info->name, length);
    if (info->type != 0) {
        struct nika_summary summary;
        ops->describe(info->type, body, &summary);
    }
    enum nika_err err = nika_decode(info, body, &value);
    NIKA_TARGET_CHECK(nika_target_allocated() == allocated, "decoding %s allocates", info->name);
    if (err != NIKA_OK) return;
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
    check_prefixes(info, body);
    check_extensions(info, body);
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
