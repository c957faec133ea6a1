/* fuzz/targets/wire.c: the decoder of a protocol's messages: one encoding of each message, nothing beyond its bytes (PROTOCOLS.md 5, W1-W4).
 *
 * Input: frame type u8 | body. What decodes must encode to the same bytes, and no prefix or extension of it may decode. */
#include <stdlib.h>

#include "engine/core/codec.h"
#include "fuzz/targets/harvest.h"
#include "fuzz/targets/target.h"
#include "protocols/pbft/messages.h"
#include "protocols/registry.h"

#define SIZE_MAX_INPUT (64u * 1024u)
/* Every prefix of a short body, a few of a long one. */
#define PREFIXES 16u

union any_message {
    uint64_t words[64];
    struct nika_list lists[8];
};

static void check_neighbours(const struct nika_message_info *info, struct nika_span body)
{
    union any_message value;
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
    union any_message value;
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

static void run(const struct nika_replica_ops *ops, struct nika_span input)
{
    if (input.size == 0) return;
    struct nika_span body = {input.data + 1, input.size - 1};
    const struct nika_message_table *table = ops->messages;
    const struct nika_message_info *info = table->messages[input.data[0] % table->count];
    if (info == NULL) return;
    check_message(ops, info, body);
}

/* ---- Mutation along the message table ---- */
struct walk {
    struct nika_reader r;
    uint32_t at[NIKA_FIELDS_MAX + 1];
};

static void skip_field(struct nika_reader *r, const struct nika_field *field);

static void skip_message(struct nika_reader *r, const struct nika_message_info *info)
{
    for (uint32_t i = 0; i < info->field_count; i++) skip_field(r, &info->fields[i]);
}

static void skip_field(struct nika_reader *r, const struct nika_field *field)
{
    uint32_t count;
    switch (field->kind) {
    case NIKA_FIELD_U8:
    case NIKA_FIELD_BOOL:
        (void)nika_read_u8(r);
        return;
    case NIKA_FIELD_U32:
    case NIKA_FIELD_REPLICA:
    case NIKA_FIELD_CLIENT:
        (void)nika_read_u32(r);
        return;
    case NIKA_FIELD_U64:
    case NIKA_FIELD_VIEW:
    case NIKA_FIELD_SEQ:
    case NIKA_FIELD_TIME:
        (void)nika_read_u64(r);
        return;
    case NIKA_FIELD_DIGEST:
        (void)nika_read_digest(r);
        return;
    case NIKA_FIELD_BYTES:
        (void)nika_read_bytes(r, UINT32_MAX);
        return;
    case NIKA_FIELD_LIST:
    case NIKA_FIELD_FRAMES:
    case NIKA_FIELD_DIGESTS:
        count = nika_read_u32(r);
        for (uint32_t i = 0; i < count && !r->failed; i++) {
            if (field->kind == NIKA_FIELD_LIST) skip_message(r, field->element);
            if (field->kind == NIKA_FIELD_FRAMES) (void)nika_read_bytes(r, UINT32_MAX);
            if (field->kind == NIKA_FIELD_DIGESTS) (void)nika_read_digest(r);
        }
        return;
    }
}

/* Numbers move by a small step or to an end of their range; a count or a length does, too, and then lies. */
static void alter_number(uint8_t *at, uint32_t size, struct nika_target_draw *draw)
{
    static const uint64_t ends[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, UINT64_MAX};
    uint64_t value = nika_load_le(at, size);
    uint32_t how = nika_target_draw(draw, 4);
    if (how == 0) value++;
    if (how == 1) value--;
    if (how == 2) value = ends[nika_target_draw(draw, ARRAY_COUNT(ends))];
    if (how == 3) value ^= UINT64_C(1) << nika_target_draw(draw, 8 * size);
    nika_store_le(at, value, size);
}

static uint32_t mutate(const struct nika_message_table *table, uint8_t *data, uint32_t size,
                       uint32_t capacity, uint32_t seed)
{
    struct nika_target_draw draw = {seed};
    if (size == 0) {
        data[0] = (uint8_t)nika_target_draw(&draw, table->count);
        return 1;
    }
    const struct nika_message_info *info = table->messages[data[0] % table->count];
    if (info == NULL || info->field_count == 0 || nika_target_draw(&draw, 16) == 0) {
        data[0] = (uint8_t)nika_target_draw(&draw, table->count);
        return size;
    }
    struct nika_reader r = nika_reader_of((struct nika_span){data + 1, size - 1});
    uint32_t field = nika_target_draw(&draw, info->field_count);
    for (uint32_t i = 0; i < field; i++) skip_field(&r, &info->fields[i]);
    uint32_t from = r.at + 1;
    skip_field(&r, &info->fields[field]);
    uint32_t to = r.failed ? size : r.at + 1;
    if (from >= to) {
        /* The body is too short for this field: zeroes are a beginning. */
        uint32_t more = 1 + nika_target_draw(&draw, 40);
        if (more > capacity - size) more = capacity - size;
        memset(data + size, 0, more);
        return size + more;
    }
    enum nika_field_kind kind = info->fields[field].kind;
    bool counted = kind == NIKA_FIELD_BYTES || kind == NIKA_FIELD_LIST ||
                   kind == NIKA_FIELD_FRAMES || kind == NIKA_FIELD_DIGESTS;
    uint32_t span = to - from;
    if (counted && span > 4 && nika_target_draw(&draw, 2) == 0) {
        uint32_t at = from + 4 + nika_target_draw(&draw, span - 4);
        data[at] = (uint8_t)nika_target_draw(&draw, 256);
    } else {
        alter_number(data + from, counted && span >= 4 ? 4 : span > 8 ? 8 : span, &draw);
    }
    return size;
}

/* ---- PBFT ---- */
static void run_pbft(struct nika_span input)
{
    run(nika_protocol_find("pbft")->replica, input);
}

static uint32_t mutate_pbft(uint8_t *data, uint32_t size, uint32_t capacity, uint32_t seed)
{
    return mutate(&pbft_messages, data, size, capacity, seed);
}

static void seeds_pbft(nika_target_seed *seed, void *context)
{
    nika_harvest_bodies("pbft", seed, context);
}

const struct nika_target nika_target_wire_pbft = {
    .name = "wire-pbft",
    .doc = "The decoder of PBFT's messages: round trip, canonical, every prefix and extension "
           "rejected.",
    .size_max = SIZE_MAX_INPUT,
    .run = run_pbft,
    .mutate = mutate_pbft,
    .seeds = seeds_pbft,
};
