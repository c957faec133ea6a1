/* apps/flat.c: snapshots of a short byte string; see flat.h. */
#include "apps/flat.h"

#include "engine/core/assert.h"
#include "engine/core/planted.h"

static uint32_t chunks_of(uint64_t size, uint32_t chunk_size)
{
    return (uint32_t)((size + chunk_size - 1) / chunk_size);
}

static size_t round16(size_t size)
{
    return (size + 15u) & ~(size_t)15u;
}

size_t nika_flat_size(uint32_t capacity, const struct nika_config *config)
{
    size_t leaves = (size_t)chunks_of(capacity, config->chunk_size) * sizeof(struct nika_digest);
    return (nika_config_snapshots(config) + 1u) * (round16(capacity) + round16(leaves));
}

void nika_flat_init(struct nika_flat *flat, uint32_t capacity, const struct nika_config *config,
                    void *memory)
{
    uint32_t chunk_size = config->chunk_size;
    NIKA_ASSERT(capacity > 0);
    NIKA_ASSERT(chunk_size > 0);
    size_t leaves = round16((size_t)chunks_of(capacity, chunk_size) * sizeof(struct nika_digest));
    uint8_t *at = memory;
    *flat = (struct nika_flat){
        .capacity = capacity, .chunk_size = chunk_size, .kept_max = nika_config_snapshots(config)};
    NIKA_ASSERT(flat->kept_max <= NIKA_SNAPSHOTS_MAX);
    for (uint32_t i = 0; i < flat->kept_max; i++) {
        flat->kept[i].bytes = at;
        at += round16(capacity);
        flat->kept[i].leaves = (struct nika_digest *)(void *)at;
        at += leaves;
    }
    flat->staging = at;
    at += round16(capacity);
    flat->scratch = (struct nika_digest *)(void *)at;
}

static struct nika_span chunk_at(const struct nika_flat *flat, const uint8_t *bytes, uint64_t total,
                                 uint32_t index)
{
    uint32_t from = index * flat->chunk_size;
    uint32_t left = (uint32_t)total - from;
    return (struct nika_span){bytes + from, left < flat->chunk_size ? left : flat->chunk_size};
}

static void hash_chunks(const struct nika_flat *flat, const uint8_t *bytes,
                        const struct nika_snapshot_meta *meta, struct nika_digest *leaves,
                        struct nika_digest *root)
{
    for (uint32_t i = 0; i < meta->chunk_count; i++) {
        nika_merkle_leaf(i, chunk_at(flat, bytes, meta->total_size, i), &leaves[i]);
    }
    nika_merkle_root(leaves, meta->chunk_count, flat->scratch, root);
}

/* The same number again replaces itself; else the free or oldest place is taken. */
static struct nika_flat_kept *place_for(struct nika_flat *flat, uint64_t seq)
{
    struct nika_flat_kept *place = &flat->kept[0];
    for (uint32_t i = 0; i < flat->kept_max; i++) {
        struct nika_flat_kept *kept = &flat->kept[i];
        if (kept->live && kept->meta.seq == seq) return kept;
        if (!place->live) continue;
        if (!kept->live || kept->meta.seq < place->meta.seq) place = kept;
    }
    return place;
}

void nika_flat_take(struct nika_flat *flat, uint64_t seq, struct nika_span state,
                    struct nika_snapshot_meta *out)
{
    NIKA_ASSERT(state.size > 0);
    NIKA_ASSERT(state.size <= flat->capacity);
    struct nika_flat_kept *kept = place_for(flat, seq);
    memset(&kept->meta, 0, sizeof kept->meta);
    kept->live = true;
    kept->meta.seq = seq;
    kept->meta.total_size = state.size;
    kept->meta.chunk_count = chunks_of(state.size, flat->chunk_size);
    memcpy(kept->bytes, state.data, state.size);
    hash_chunks(flat, kept->bytes, &kept->meta, kept->leaves, &kept->meta.root);
    *out = kept->meta;
}

enum nika_err nika_flat_chunk(const struct nika_flat *flat, uint64_t seq, uint32_t index,
                              uint8_t *out, uint32_t *size, struct nika_merkle_proof *proof)
{
    for (uint32_t i = 0; i < flat->kept_max; i++) {
        const struct nika_flat_kept *kept = &flat->kept[i];
        if (!kept->live || kept->meta.seq != seq) continue;
        if (index >= kept->meta.chunk_count) return NIKA_ERR_NOT_FOUND;
        struct nika_span chunk = chunk_at(flat, kept->bytes, kept->meta.total_size, index);
        memcpy(out, chunk.data, chunk.size);
        *size = chunk.size;
        nika_merkle_prove(kept->leaves, kept->meta.chunk_count, index, flat->scratch, proof);
        return NIKA_OK;
    }
    return NIKA_ERR_NOT_FOUND;
}

void nika_flat_drop(struct nika_flat *flat, uint64_t before_seq)
{
    for (uint32_t i = 0; i < flat->kept_max; i++) {
        if (flat->kept[i].meta.seq < before_seq) flat->kept[i].live = false;
    }
}

enum nika_err nika_flat_restore_begin(struct nika_flat *flat, const struct nika_snapshot_meta *meta)
{
    for (uint32_t i = 0; i < flat->kept_max; i++) {
        if (flat->kept[i].meta.seq >= meta->seq) flat->kept[i].live = false;
    }
    flat->restoring = false;
    /* Both sizes come from a peer's META: bounded before anything is computed from them (ST5). */
    if (meta->total_size == 0 || meta->total_size > flat->capacity) return NIKA_ERR_MALFORMED;
    if (meta->chunk_count != chunks_of(meta->total_size, flat->chunk_size))
        return NIKA_ERR_MALFORMED;
    flat->target = *meta;
    flat->restoring = true;
    memset(flat->staging, 0, (size_t)meta->total_size);
    return NIKA_OK;
}

enum nika_err nika_flat_restore_chunk(struct nika_flat *flat, uint32_t index,
                                      struct nika_span chunk)
{
    if (!flat->restoring) return NIKA_ERR_MALFORMED;
    flat->restoring = false;
    if (index >= flat->target.chunk_count) return NIKA_ERR_MALFORMED;
    struct nika_span place = chunk_at(flat, flat->staging, flat->target.total_size, index);
    if (chunk.size != place.size) return NIKA_ERR_MALFORMED;
    memcpy(flat->staging + (size_t)index * flat->chunk_size, chunk.data, chunk.size);
    flat->restoring = true;
    return NIKA_OK;
}

enum nika_err nika_flat_restore_end(struct nika_flat *flat, struct nika_span *state)
{
    if (!flat->restoring) return NIKA_ERR_MALFORMED;
    flat->restoring = false;
    struct nika_digest root;
    struct nika_flat_kept *place = place_for(flat, flat->target.seq);
    place->live =
        false; /* It lends its leaves, and is taken by the snapshot of what was restored. */
    hash_chunks(flat, flat->staging, &flat->target, place->leaves, &root);
    if (!NIKA_PLANTED(B35) && !nika_digest_equal(&root, &flat->target.root))
        return NIKA_ERR_MALFORMED;
    *state = (struct nika_span){flat->staging, (uint32_t)flat->target.total_size};
    return NIKA_OK;
}
