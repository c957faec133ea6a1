/* engine/core/app_run.c: see app_run.h. */
#include "engine/core/app_run.h"

#include "engine/core/assert.h"

void nika_app_run_batch(const struct nika_app_ops *ops, struct nika_app *app, uint32_t reply_max,
                        struct nika_span payload, struct nika_writer *out,
                        struct nika_app_batch *batch)
{
    struct nika_reader r = nika_reader_of(payload);
    batch->seq = nika_read_u64(&r);
    batch->time_ns = nika_read_u64(&r);
    batch->digest = nika_read_digest(&r);
    batch->count = nika_read_u32(&r);
    nika_write_u32(out, batch->count);
    for (uint32_t i = 0; i < batch->count && !r.failed; i++) {
        struct nika_op op = {.client = nika_read_u32(&r), .timestamp = nika_read_u64(&r)};
        (void)nika_read_u32(&r);
        op.bytes = nika_read_bytes(&r, UINT32_MAX);
        NIKA_ASSERT(out->capacity - out->at >= reply_max + 4);
        uint8_t *reply = out->data + out->at + 4;
        uint32_t size = ops->execute(app, &op, batch->time_ns, reply, reply_max);
        NIKA_ASSERT(size <= reply_max);
        nika_store_le(out->data + out->at, size, 4);
        out->at += size + 4;
    }
    NIKA_ASSERT(nika_reader_done(&r));
}

void nika_app_run_query(const struct nika_app_ops *ops, const struct nika_app *app,
                        uint32_t reply_max, struct nika_span payload, struct nika_writer *out)
{
    struct nika_reader r = nika_reader_of(payload);
    struct nika_op op = {.client = nika_read_u32(&r), .timestamp = nika_read_u64(&r)};
    op.bytes = nika_read_bytes(&r, UINT32_MAX);
    NIKA_ASSERT(nika_reader_done(&r));
    NIKA_ASSERT(out->capacity - out->at >= reply_max + 4);
    uint32_t size = ops->query(app, &op, out->data + out->at + 4, reply_max);
    NIKA_ASSERT(size <= reply_max);
    nika_store_le(out->data + out->at, size, 4);
    out->at += size + 4;
}

enum nika_err nika_app_run_chunk(const struct nika_app_ops *ops, const struct nika_app *app,
                                 uint64_t seq, uint32_t index, struct nika_writer *out)
{
    struct nika_merkle_proof proof;
    uint32_t size = 0;
    memset(&proof, 0, sizeof proof);
    enum nika_err err =
        ops->snapshot_chunk(app, seq, index, out->data + out->at + 4, &size, &proof);
    if (err != NIKA_OK) return err;
    nika_write_u32(out, size);
    (void)nika_write_reserve(out, size);
    nika_write_u32(out, proof.count);
    for (uint32_t i = 0; i < proof.count; i++) nika_write_digest(out, &proof.siblings[i]);
    NIKA_ASSERT(!out->failed);
    return NIKA_OK;
}

void nika_app_run_restore_begin(const struct nika_app_ops *ops, struct nika_app *app,
                                struct nika_span bytes)
{
    struct nika_reader r = nika_reader_of(bytes);
    struct nika_snapshot_meta meta;
    memset(&meta, 0, sizeof meta);
    nika_snapshot_meta_read(&r, &meta);
    NIKA_ASSERT(nika_reader_done(&r));
    (void)ops->restore_begin(app, &meta);
}
