/* apps/external.c: an application in another process; see external.h. */
#include "apps/external.h"

#include "apps/flat.h"
#include "engine/core/assert.h"
#include "engine/core/bytes.h"

#define BODY_SIZE (NIKA_EXTERNAL_STATE_MAX + 64u)

_Static_assert(NIKA_OP_SIZE_MAX <= NIKA_EXTERNAL_STATE_MAX, "an operation fits where a state does");
_Static_assert(NIKA_REPLY_SIZE_MAX <= NIKA_EXTERNAL_STATE_MAX, "and so does a reply");

struct nika_app {
    const struct nika_external_port *port;
    size_t used;
    uint8_t *request, *answer; /* BODY_SIZE each. */
    struct nika_flat flat;
};

static size_t header_size(void)
{
    return (sizeof(struct nika_app) + 15u) & ~(size_t)15u;
}

static size_t external_size(const struct nika_config *config)
{
    return header_size() + 2u * (size_t)BODY_SIZE + nika_flat_size(NIKA_EXTERNAL_STATE_MAX, config);
}

static size_t external_used(const struct nika_app *app)
{
    return app->used;
}

static struct nika_app *external_init(void *memory, const struct nika_config *config,
                                      uint64_t param)
{
    struct nika_app *app = memory;
    (void)param;
    app->used = external_size(config);
    app->request = (uint8_t *)memory + header_size();
    app->answer = app->request + BODY_SIZE;
    nika_flat_init(&app->flat, NIKA_EXTERNAL_STATE_MAX, config, app->answer + BODY_SIZE);
    return app;
}

void nika_app_external_attach(struct nika_app *app, const struct nika_external_port *port)
{
    NIKA_ASSERT(port != NULL);
    app->port = port;
}

/* The one byte string that an answer consists of. */
static struct nika_span ask(const struct nika_app *app, enum nika_external_method method,
                            struct nika_span body, uint32_t max)
{
    NIKA_ASSERT(app->port != NULL);
    uint32_t size = app->port->call(app->port->context, method, body, app->answer, BODY_SIZE);
    struct nika_reader r = nika_reader_of((struct nika_span){app->answer, size});
    struct nika_span bytes = nika_read_bytes(&r, max);
    if (!nika_reader_done(&r))
        app->port->refuse(app->port->context, method, "is not one byte string within its limit");
    return bytes;
}

static uint32_t run(const struct nika_app *app, enum nika_external_method method,
                    const struct nika_op *op, const uint64_t *time_ns, uint8_t *reply,
                    uint32_t reply_max)
{
    struct nika_writer w = nika_writer_of(app->request, BODY_SIZE);
    nika_write_u32(&w, op->client);
    nika_write_u64(&w, op->timestamp);
    if (time_ns != NULL) nika_write_u64(&w, *time_ns);
    nika_write_bytes(&w, op->bytes);
    NIKA_ASSERT(!w.failed);
    struct nika_span result = ask(app, method, (struct nika_span){w.data, w.at}, reply_max);
    if (result.size > 0) memcpy(reply, result.data, result.size);
    return result.size;
}

static uint32_t external_execute(struct nika_app *app, const struct nika_op *op, uint64_t time_ns,
                                 uint8_t *reply, uint32_t reply_max)
{
    return run(app, NIKA_EXTERNAL_EXECUTE, op, &time_ns, reply, reply_max);
}

static uint32_t external_query(const struct nika_app *app, const struct nika_op *op, uint8_t *reply,
                               uint32_t reply_max)
{
    return run(app, NIKA_EXTERNAL_QUERY, op, NULL, reply, reply_max);
}

/* Only the process knows; nothing of ours may rely on it. */
static bool external_is_read_only(struct nika_span op)
{
    (void)op;
    return false;
}

static void external_snapshot_take(struct nika_app *app, uint64_t seq,
                                   struct nika_snapshot_meta *out)
{
    const struct nika_span nothing = {NULL, 0};
    struct nika_span state = ask(app, NIKA_EXTERNAL_SNAPSHOT, nothing, NIKA_EXTERNAL_STATE_MAX);
    if (state.size == 0)
        app->port->refuse(app->port->context, NIKA_EXTERNAL_SNAPSHOT, "is an empty state");
    nika_flat_take(&app->flat, seq, state, out);
}

static enum nika_err external_snapshot_chunk(const struct nika_app *app, uint64_t seq,
                                             uint32_t index, uint8_t *out, uint32_t *size,
                                             struct nika_merkle_proof *proof)
{
    return nika_flat_chunk(&app->flat, seq, index, out, size, proof);
}

static void external_snapshot_drop(struct nika_app *app, uint64_t before_seq)
{
    nika_flat_drop(&app->flat, before_seq);
}

static enum nika_err external_restore_begin(struct nika_app *app,
                                            const struct nika_snapshot_meta *meta)
{
    return nika_flat_restore_begin(&app->flat, meta);
}

static enum nika_err external_restore_chunk(struct nika_app *app, uint32_t index,
                                            struct nika_span chunk)
{
    return nika_flat_restore_chunk(&app->flat, index, chunk);
}

/* The chunks lead to a root that a quorum vouched for: what does not accept them, or gives back another state, is not this application. */
static enum nika_err external_restore_end(struct nika_app *app, struct nika_snapshot_meta *out)
{
    struct nika_span state;
    uint64_t seq = app->flat.target.seq;
    struct nika_digest root = app->flat.target.root;
    enum nika_err err = nika_flat_restore_end(&app->flat, &state);
    if (err != NIKA_OK) return err;
    if (app->port == NULL) {
        nika_flat_take(&app->flat, seq, state, out);
        return NIKA_OK;
    }
    struct nika_writer w = nika_writer_of(app->request, BODY_SIZE);
    nika_write_bytes(&w, state);
    NIKA_ASSERT(!w.failed);
    if (app->port->call(app->port->context, NIKA_EXTERNAL_RESTORE, (struct nika_span){w.data, w.at},
                        app->answer, BODY_SIZE) != 0)
        app->port->refuse(app->port->context, NIKA_EXTERNAL_RESTORE, "is not empty");
    external_snapshot_take(app, seq, out);
    if (memcmp(&out->root, &root, sizeof root) != 0)
        app->port->refuse(app->port->context, NIKA_EXTERNAL_SNAPSHOT,
                          "is not the state that was restored");
    return NIKA_OK;
}

/* Bytes of the wanted size: what they mean is between clients and the process. */
static uint32_t external_workload_op(uint64_t draw0, uint64_t draw1, uint32_t client, uint64_t k,
                                     uint32_t payload, uint32_t read_ppm, uint64_t param,
                                     uint8_t *op, uint32_t capacity, bool *read_only)
{
    (void)draw0;
    (void)read_ppm;
    (void)param;
    uint32_t size = payload < capacity ? payload : capacity;
    *read_only = false;
    if (size == 0) return 0;
    memset(op, 0, size);
    struct nika_writer w = nika_writer_of(op, size);
    nika_write_u32(&w, client);
    nika_write_u64(&w, k);
    nika_write_u64(&w, draw1);
    return size;
}

const struct nika_app_ops nika_app_external = {
    .name = "external",
    .doc = "Another process over a Unix socket; in live clusters only (docs/external.md).",
    .size = external_size,
    .used = external_used,
    .init = external_init,
    .execute = external_execute,
    .query = external_query,
    .is_read_only = external_is_read_only,
    .snapshot_take = external_snapshot_take,
    .snapshot_chunk = external_snapshot_chunk,
    .snapshot_drop = external_snapshot_drop,
    .restore_begin = external_restore_begin,
    .restore_chunk = external_restore_chunk,
    .restore_end = external_restore_end,
    .workload_op = external_workload_op,
};
