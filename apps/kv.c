/* apps/kv.c: the key-value application: PUT, GET, DEL, CAS and RANGE over the pages of kv_pages.h. Results depend only on the contents
 * and the operation. */
#include "apps/kv.h"

#include "apps/kv_pages.h"
#include "apps/registry.h"

#define KV_KEY_SPACE_DEFAULT 16u /* Few keys, so that clients conflict. */
#define KV_TOKEN_VALUES 4u       /* Values that CAS can guess. */

static uint32_t finish(const struct nika_writer *w)
{
    return w->failed ? 0 : w->at;
}

static uint32_t status_reply(enum nika_kv_status status, uint8_t *reply, uint32_t reply_max)
{
    struct nika_writer w = nika_writer_of(reply, reply_max);
    nika_write_u8(&w, (uint8_t)status);
    return finish(&w);
}

static uint32_t get(const struct nika_app *app, const struct nika_kv_op *op, uint8_t *reply,
                    uint32_t reply_max)
{
    struct kv_entry entry;
    if (!kv_find(app, op->key, &entry)) return status_reply(NIKA_KV_NOT_FOUND, reply, reply_max);
    struct nika_writer w = nika_writer_of(reply, reply_max);
    nika_write_u8(&w, NIKA_KV_OK);
    nika_write_bytes(&w, entry.value);
    return w.failed ? status_reply(NIKA_KV_REPLY_LIMIT, reply, reply_max) : w.at;
}

static enum nika_kv_status put(struct nika_app *app, const struct nika_kv_op *op)
{
    return kv_put(app, op->key, op->value) == NIKA_OK ? NIKA_KV_OK : NIKA_KV_FULL;
}

static enum nika_kv_status cas(struct nika_app *app, const struct nika_kv_op *op)
{
    struct kv_entry entry;
    bool found = kv_find(app, op->key, &entry);
    if (!found && op->expect_present) return NIKA_KV_NOT_FOUND;
    if (found && !op->expect_present) return NIKA_KV_MISMATCH;
    if (found && nika_kv_compare(entry.value, op->expected) != 0) return NIKA_KV_MISMATCH;
    return put(app, op);
}

/* The smallest keys of a range, found in one pass over buckets that have no order among them. */
struct kv_range {
    uint32_t count, limit;
    bool more;
    struct kv_entry entries[NIKA_KV_RANGE_MAX];
};

static void range_add(struct kv_range *range, const struct kv_entry *entry)
{
    uint32_t at = range->count;
    while (at > 0 && nika_kv_compare(entry->key, range->entries[at - 1].key) < 0) at--;
    if (range->count == range->limit) range->more = true;
    if (at == range->limit) return;
    uint32_t moved = range->count == range->limit ? range->limit - 1 : range->count;
    for (uint32_t i = moved; i > at; i--) range->entries[i] = range->entries[i - 1];
    range->entries[at] = *entry;
    if (range->count < range->limit) range->count++;
}

static void range_collect(const struct nika_app *app, const struct nika_kv_op *op,
                          struct kv_range *range)
{
    for (uint32_t i = 0; i < app->bucket_count; i++) {
        if (app->buckets[i] == 0) continue;
        const struct kv_page *page = kv_page_at(app, app->buckets[i]);
        struct kv_entry entry;
        uint32_t at = 0;
        while (kv_next(page, &at, &entry)) {
            if (nika_kv_compare(entry.key, op->key) < 0) continue;
            if (op->value.size > 0 && nika_kv_compare(entry.key, op->value) >= 0) continue;
            range_add(range, &entry);
        }
    }
}

static uint32_t range_reply(const struct nika_app *app, const struct nika_kv_op *op, uint8_t *reply,
                            uint32_t reply_max)
{
    struct kv_range range = {.limit = op->limit};
    range_collect(app, op, &range);
    uint32_t count = 0;
    uint32_t size = 6; /* Status, count, more. */
    while (count < range.count && size <= reply_max &&
           range.entries[count].size <= reply_max - size) {
        size += range.entries[count++].size;
    }
    struct nika_writer w = nika_writer_of(reply, reply_max);
    nika_write_u8(&w, NIKA_KV_OK);
    nika_write_u32(&w, count);
    for (uint32_t i = 0; i < count; i++) {
        nika_write_bytes(&w, range.entries[i].key);
        nika_write_bytes(&w, range.entries[i].value);
    }
    nika_write_u8(&w, range.more || count < range.count ? 1 : 0);
    return w.failed ? status_reply(NIKA_KV_REPLY_LIMIT, reply, reply_max) : w.at;
}

static bool kv_is_read_only(struct nika_span bytes)
{
    struct nika_kv_op op;
    if (nika_kv_parse(bytes, &op) != NIKA_OK) return false;
    return op.kind == NIKA_KV_GET || op.kind == NIKA_KV_RANGE;
}

static uint32_t kv_query(const struct nika_app *app, const struct nika_op *op, uint8_t *reply,
                         uint32_t reply_max)
{
    struct nika_kv_op parsed;
    if (nika_kv_parse(op->bytes, &parsed) != NIKA_OK)
        return status_reply(NIKA_KV_BAD, reply, reply_max);
    if (parsed.kind == NIKA_KV_GET) return get(app, &parsed, reply, reply_max);
    if (parsed.kind == NIKA_KV_RANGE) return range_reply(app, &parsed, reply, reply_max);
    return status_reply(NIKA_KV_NOT_READ_ONLY, reply, reply_max);
}

static uint32_t kv_execute(struct nika_app *app, const struct nika_op *op, uint64_t time_ns,
                           uint8_t *reply, uint32_t reply_max)
{
    (void)time_ns;
    struct nika_kv_op parsed;
    enum nika_kv_status status = NIKA_KV_BAD;
    if (nika_kv_parse(op->bytes, &parsed) != NIKA_OK) return status_reply(status, reply, reply_max);
    switch (parsed.kind) {
    case NIKA_KV_GET:
        return get(app, &parsed, reply, reply_max);
    case NIKA_KV_RANGE:
        return range_reply(app, &parsed, reply, reply_max);
    case NIKA_KV_PUT:
        status = put(app, &parsed);
        break;
    case NIKA_KV_CAS:
        status = cas(app, &parsed);
        break;
    case NIKA_KV_DEL:
        status = kv_delete(app, parsed.key) ? NIKA_KV_OK : NIKA_KV_NOT_FOUND;
        break;
    }
    return status_reply(status, reply, reply_max);
}

/* One of a few values, so that a CAS may succeed, or a value that names its writer, so that a lost or swapped write shows. */
static struct nika_span workload_value(uint64_t draw, uint32_t client, uint64_t k, uint32_t size,
                                       uint8_t *out)
{
    bool token = (draw & 3u) == 0;
    memset(out, (int)('a' + (draw >> 2) % KV_TOKEN_VALUES), size);
    struct nika_writer w = nika_writer_of(out, size);
    if (!token) {
        nika_write_u32(&w, client);
        nika_write_u64(&w, k);
    }
    return (struct nika_span){out, size};
}

static uint32_t kv_workload_op(uint64_t draw0, uint64_t draw1, uint32_t client, uint64_t k,
                               uint32_t payload, uint32_t read_ppm, uint64_t param, uint8_t *op,
                               uint32_t capacity, bool *read_only)
{
    uint8_t key[8], value[NIKA_KV_VALUE_MAX], expected[NIKA_KV_VALUE_MAX];
    uint32_t size = payload < NIKA_KV_VALUE_MAX ? payload : NIKA_KV_VALUE_MAX;
    /* CAS carries two values and a little around them. */
    if (capacity < 32u + 2u * size) size = capacity < 32u ? 0 : (capacity - 32u) / 2u;
    struct nika_kv_op built = {.key = {key, sizeof key}};
    nika_store_le(key, 0, sizeof key);
    key[0] = 'k';
    uint64_t number = (draw1 >> 32) % (param == 0 ? KV_KEY_SPACE_DEFAULT : param);
    for (uint32_t i = 0; i < 7; i++)
        key[i + 1] = (uint8_t)(number >> (8 * (6 - i))); /* Byte order = numeric order. */
    *read_only = draw0 % 1000000u < read_ppm;
    uint64_t mix = (draw0 >> 32) % 100u;
    if (*read_only) {
        built.kind = mix < 85 ? NIKA_KV_GET : NIKA_KV_RANGE;
        built.limit = 4;
    } else {
        built.kind = mix < 70 ? NIKA_KV_PUT : mix < 90 ? NIKA_KV_CAS : NIKA_KV_DEL;
        built.value = workload_value(draw1, client, k, size, value);
        built.expect_present = (draw1 & 32u) != 0;
        if (built.expect_present) {
            memset(expected, (int)('a' + (draw1 >> 6) % KV_TOKEN_VALUES), size);
            built.expected = (struct nika_span){expected, size};
        }
    }
    struct nika_writer w = nika_writer_of(op, capacity);
    nika_kv_write(&w, &built);
    return finish(&w);
}

const struct nika_app_ops nika_app_kv = {
    .name = "kv",
    .doc = "Key-value store with compare-and-swap and ranges; the parameter is the workload's key "
           "space (default 16).",
    .size = kv_size,
    .used = kv_used,
    .init = kv_init,
    .execute = kv_execute,
    .query = kv_query,
    .is_read_only = kv_is_read_only,
    .snapshot_take = kv_snapshot_take,
    .snapshot_chunk = kv_snapshot_chunk,
    .snapshot_drop = kv_snapshot_drop,
    .restore_begin = kv_restore_begin,
    .restore_chunk = kv_restore_chunk,
    .restore_end = kv_restore_end,
    .workload_op = kv_workload_op,
};
