/* tests/apps/app_fixture.h: one application in its own zeroed memory, and copying of a snapshot from one to another. */
#ifndef TESTS_APPS_APP_FIXTURE_H
#define TESTS_APPS_APP_FIXTURE_H

#include "tests/support/test.h"

#include "apps/registry.h"
#include "engine/core/digest.h"

struct app_fixture {
    struct nika_config config;
    const struct nika_app_ops *ops;
    void *memory;
    struct nika_app *app;
};

static inline struct app_fixture app_open(const struct nika_app_ops *ops, uint32_t chunk_size,
                                          uint32_t clients, uint64_t param)
{
    struct app_fixture f = {.ops = ops};
    f.config.checkpoint_interval = 8;
    f.config.window = 32;
    f.config.chunk_size = chunk_size;
    f.config.snapshot_size_max = 16 * chunk_size;
    f.config.reply_size_max = 256;
    f.config.op_size_max = 4096;
    f.config.clients = clients;
    size_t size = (ops->size(&f.config) + 15u) & ~(size_t)15u;
    f.memory = aligned_alloc(16, size);
    assert_non_null(f.memory);
    memset(f.memory, 0, size);
    f.app = ops->init(f.memory, &f.config, param);
    return f;
}
static inline void app_close(struct app_fixture *f)
{
    free(f->memory);
}
static inline uint32_t app_run(struct app_fixture *f, uint32_t client, struct nika_span op,
                               uint8_t reply[256])
{
    struct nika_op run = {.client = client, .timestamp = 1, .bytes = op};
    return f->ops->execute(f->app, &run, 0, reply, 256);
}
/* A repeatable draw for tests. */
static inline uint64_t app_draw(uint64_t *state)
{
    uint64_t at = (*state)++;
    return nika_hash64(&at, sizeof at, 77);
}
/* Run `count` workload operations; returns a hash over all replies. */
static inline uint64_t app_work(struct app_fixture *f, uint64_t seed, uint32_t count,
                                uint64_t param)
{
    uint64_t state = seed << 32, hash = 0;
    for (uint32_t k = 0; k < count; k++) {
        uint8_t op[512], reply[256];
        bool read_only = false;
        uint64_t draw0 = app_draw(&state), draw1 = app_draw(&state);
        uint32_t size = f->ops->workload_op(draw0, draw1, k % f->config.clients, k, 40, 200000,
                                            param, op, sizeof op, &read_only);
        assert_true(size <= sizeof op);
        assert_int_equal(read_only, f->ops->is_read_only((struct nika_span){op, size}));
        uint32_t got = app_run(f, k % f->config.clients, (struct nika_span){op, size}, reply);
        hash = nika_hash64(reply, got, hash);
    }
    return hash;
}
/* Move snapshot `meta` over, checking every proof on the way; order descending when `reverse`. */
static inline enum nika_err app_copy(struct app_fixture *from, struct app_fixture *to,
                                     const struct nika_snapshot_meta *meta, bool reverse,
                                     struct nika_snapshot_meta *out)
{
    uint8_t *chunk = malloc(from->config.chunk_size);
    assert_int_equal(to->ops->restore_begin(to->app, meta), NIKA_OK);
    for (uint32_t k = 0; k < meta->chunk_count; k++) {
        uint32_t index = reverse ? meta->chunk_count - 1 - k : k, size = 0;
        struct nika_merkle_proof proof;
        struct nika_digest leaf;
        assert_int_equal(
            from->ops->snapshot_chunk(from->app, meta->seq, index, chunk, &size, &proof), NIKA_OK);
        assert_true(size <= from->config.chunk_size);
        nika_merkle_leaf(index, (struct nika_span){chunk, size}, &leaf);
        assert_int_equal(nika_merkle_verify(&meta->root, index, meta->chunk_count, &leaf, &proof),
                         NIKA_OK);
        assert_int_equal(to->ops->restore_chunk(to->app, index, (struct nika_span){chunk, size}),
                         NIKA_OK);
    }
    free(chunk);
    return to->ops->restore_end(to->app, out);
}

#endif
