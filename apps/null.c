/* apps/null.c: the benchmark application: it counts operations and answers with `param` bytes.
 *
 * Its cost is as near to nothing as an application can have, so what a run measures is ordering. The reply starts with the count, so
 * that a lost, repeated or reordered operation still shows. */
#include "apps/flat.h"
#include "apps/registry.h"
#include "engine/core/bytes.h"

#define NULL_STATE_SIZE 8u
#define NULL_REPLY_SIZE_DEFAULT 8u

enum { NULL_OP_WRITE = 0, NULL_OP_READ = 1 };

struct nika_app {
    uint64_t count;
    uint32_t reply_size;
    size_t used;
    struct nika_flat flat;
};

static size_t header_size(void)
{
    return (sizeof(struct nika_app) + 15u) & ~(size_t)15u;
}

static size_t null_size(const struct nika_config *config)
{
    return header_size() + nika_flat_size(NULL_STATE_SIZE, config);
}

static size_t null_used(const struct nika_app *app)
{
    return app->used;
}

static struct nika_app *null_init(void *memory, const struct nika_config *config, uint64_t param)
{
    struct nika_app *app = memory;
    app->used = null_size(config);
    app->reply_size = NULL_REPLY_SIZE_DEFAULT;
    if (param > 0)
        app->reply_size = param < config->reply_size_max ? (uint32_t)param : config->reply_size_max;
    nika_flat_init(&app->flat, NULL_STATE_SIZE, config, (uint8_t *)memory + header_size());
    return app;
}

static uint32_t reply_with(const struct nika_app *app, uint8_t *reply, uint32_t reply_max)
{
    uint32_t size = app->reply_size < reply_max ? app->reply_size : reply_max;
    uint32_t head = size < NULL_STATE_SIZE ? size : NULL_STATE_SIZE;
    nika_store_le(reply, app->count, head);
    if (size > head) memset(reply + head, 0, size - head);
    return size;
}

static bool null_is_read_only(struct nika_span op)
{
    return op.size > 0 && op.data[0] == NULL_OP_READ;
}

static uint32_t null_execute(struct nika_app *app, const struct nika_op *op, uint64_t time_ns,
                             uint8_t *reply, uint32_t reply_max)
{
    (void)time_ns;
    app->count += null_is_read_only(op->bytes) ? 0u : 1u;
    return reply_with(app, reply, reply_max);
}

/* An operation that writes has the empty reply here: it is the one answer no counter can give. */
static uint32_t null_query(const struct nika_app *app, const struct nika_op *op, uint8_t *reply,
                           uint32_t reply_max)
{
    return null_is_read_only(op->bytes) ? reply_with(app, reply, reply_max) : 0;
}

static void null_snapshot_take(struct nika_app *app, uint64_t seq, struct nika_snapshot_meta *out)
{
    uint8_t state[NULL_STATE_SIZE];
    nika_store_le(state, app->count, NULL_STATE_SIZE);
    nika_flat_take(&app->flat, seq, (struct nika_span){state, NULL_STATE_SIZE}, out);
}

static enum nika_err null_snapshot_chunk(const struct nika_app *app, uint64_t seq, uint32_t index,
                                         uint8_t *out, uint32_t *size,
                                         struct nika_merkle_proof *proof)
{
    return nika_flat_chunk(&app->flat, seq, index, out, size, proof);
}

static void null_snapshot_drop(struct nika_app *app, uint64_t before_seq)
{
    nika_flat_drop(&app->flat, before_seq);
}

static enum nika_err null_restore_begin(struct nika_app *app, const struct nika_snapshot_meta *meta)
{
    app->count = 0;
    return nika_flat_restore_begin(&app->flat, meta);
}

static enum nika_err null_restore_chunk(struct nika_app *app, uint32_t index,
                                        struct nika_span chunk)
{
    return nika_flat_restore_chunk(&app->flat, index, chunk);
}

static enum nika_err null_restore_end(struct nika_app *app, struct nika_snapshot_meta *out)
{
    struct nika_span state;
    enum nika_err err = nika_flat_restore_end(&app->flat, &state);
    if (err != NIKA_OK) return err;
    if (state.size != NULL_STATE_SIZE) return NIKA_ERR_MALFORMED;
    app->count = nika_load_le(state.data, NULL_STATE_SIZE);
    null_snapshot_take(app, app->flat.target.seq, out);
    return NIKA_OK;
}

static uint32_t null_workload_op(uint64_t draw0, uint64_t draw1, uint32_t client, uint64_t k,
                                 uint32_t payload, uint32_t read_ppm, uint64_t param, uint8_t *op,
                                 uint32_t capacity, bool *read_only)
{
    (void)param;
    uint32_t size = payload < capacity ? payload : capacity;
    *read_only = false;
    if (size == 0) return 0;
    *read_only = draw0 % 1000000u < read_ppm;
    memset(op, 0, size);
    struct nika_writer w = nika_writer_of(op, size);
    nika_write_u8(&w, *read_only ? NULL_OP_READ : NULL_OP_WRITE);
    nika_write_u32(&w, client);
    nika_write_u64(&w, k);
    nika_write_u64(&w, draw1);
    return size;
}

const struct nika_app_ops nika_app_null = {
    .name = "null",
    .doc = "Counts operations; the parameter is the reply size in bytes (default 8).",
    .size = null_size,
    .used = null_used,
    .init = null_init,
    .execute = null_execute,
    .query = null_query,
    .is_read_only = null_is_read_only,
    .snapshot_take = null_snapshot_take,
    .snapshot_chunk = null_snapshot_chunk,
    .snapshot_drop = null_snapshot_drop,
    .restore_begin = null_restore_begin,
    .restore_chunk = null_restore_chunk,
    .restore_end = null_restore_end,
    .workload_op = null_workload_op,
};
