/* apps/kv_ops.c: the one encoding of key-value operations; see kv.h. */
#include "apps/kv.h"

int nika_kv_compare(struct nika_span a, struct nika_span b)
{
    uint32_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0) return order;
    return (a.size > b.size) - (a.size < b.size);
}

void nika_kv_write(struct nika_writer *w, const struct nika_kv_op *op)
{
    nika_write_u8(w, (uint8_t)op->kind);
    nika_write_bytes(w, op->key);
    switch (op->kind) {
    case NIKA_KV_GET:
    case NIKA_KV_DEL:
        return;
    case NIKA_KV_PUT:
        nika_write_bytes(w, op->value);
        return;
    case NIKA_KV_CAS:
        nika_write_u8(w, op->expect_present ? 1 : 0);
        nika_write_bytes(w, op->expected);
        nika_write_bytes(w, op->value);
        return;
    case NIKA_KV_RANGE:
        nika_write_bytes(w, op->value);
        nika_write_u32(w, op->limit);
        return;
    }
}

static bool read_fields(struct nika_reader *r, struct nika_kv_op *out)
{
    switch (out->kind) {
    case NIKA_KV_GET:
    case NIKA_KV_DEL:
        return true;
    case NIKA_KV_PUT:
        out->value = nika_read_bytes(r, NIKA_KV_VALUE_MAX);
        return true;
    case NIKA_KV_CAS: {
        uint8_t present = nika_read_u8(r);
        out->expect_present = present == 1;
        out->expected = nika_read_bytes(r, NIKA_KV_VALUE_MAX);
        out->value = nika_read_bytes(r, NIKA_KV_VALUE_MAX);
        return present <= 1 && (present == 1 || out->expected.size == 0);
    }
    case NIKA_KV_RANGE:
        out->value = nika_read_bytes(r, NIKA_KV_KEY_MAX);
        out->limit = nika_read_u32(r);
        return out->limit >= 1 && out->limit <= NIKA_KV_RANGE_MAX;
    }
    return false;
}

enum nika_err nika_kv_parse(struct nika_span bytes, struct nika_kv_op *out)
{
    struct nika_reader r = nika_reader_of(bytes);
    memset(out, 0, sizeof *out);
    uint8_t kind = nika_read_u8(&r);
    if (kind < NIKA_KV_PUT || kind > NIKA_KV_RANGE) return NIKA_ERR_MALFORMED;
    out->kind = (enum nika_kv_kind)kind;
    out->key = nika_read_bytes(&r, NIKA_KV_KEY_MAX);
    /* Only RANGE knows the empty key, as "from the start". */
    if (out->key.size == 0 && out->kind != NIKA_KV_RANGE) return NIKA_ERR_MALFORMED;
    if (!read_fields(&r, out) || !nika_reader_done(&r)) return NIKA_ERR_MALFORMED;
    return NIKA_OK;
}
