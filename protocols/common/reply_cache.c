/* protocols/common/reply_cache.c: see reply_cache.h.
 *
 * Serialised: count u32, then for each client that ever executed, ascending: client u32 | timestamp u64 | seq u64 | result
 * bytes (u32 length). The result's digest is recomputed on reading, so that two caches never differ in it alone. */
#include "protocols/common/reply_cache.h"

#include "engine/core/assert.h"
#include "engine/core/digest.h"
#include "engine/core/planted.h"

#define ENTRY_HEAD_SIZE 24u

static size_t round16(size_t size)
{
    return (size + 15u) & ~(size_t)15u;
}

size_t common_reply_cache_size(const struct nika_config *config)
{
    return round16(config->clients * sizeof(struct common_reply_entry)) +
           (size_t)config->clients * config->reply_size_max;
}

void common_reply_cache_init(struct common_reply_cache *c, const struct nika_config *config,
                             void *memory)
{
    c->clients = config->clients;
    c->reply_size_max = config->reply_size_max;
    c->entries = memory;
    c->bytes = (uint8_t *)memory + round16(config->clients * sizeof(struct common_reply_entry));
}

void common_reply_cache_set(struct common_reply_cache *c, uint32_t client, uint64_t timestamp,
                            uint64_t seq, struct nika_span result)
{
    NIKA_ASSERT(client < c->clients && result.size <= c->reply_size_max);
    struct common_reply_entry *entry = &c->entries[client];
    entry->last_timestamp = timestamp;
    if (entry->issued_timestamp < timestamp) entry->issued_timestamp = timestamp;
    entry->seq = seq;
    entry->size = result.size;
    if (result.size > 0)
        memcpy(c->bytes + (size_t)client * c->reply_size_max, result.data, result.size);
    nika_sha256_one(result.data, result.size, &entry->digest);
}

struct nika_span common_reply_cache_result(const struct common_reply_cache *c, uint32_t client)
{
    NIKA_ASSERT(client < c->clients);
    return (struct nika_span){c->bytes + (size_t)client * c->reply_size_max,
                              c->entries[client].size};
}

uint32_t common_reply_cache_encoded_size(const struct common_reply_cache *c)
{
    uint32_t size = 4;
    for (uint32_t i = 0; !NIKA_PLANTED(B36) && i < c->clients; i++) {
        if (c->entries[i].last_timestamp != 0) size += ENTRY_HEAD_SIZE + c->entries[i].size;
    }
    return size;
}

void common_reply_cache_write(const struct common_reply_cache *c, struct nika_writer *w)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->clients; i++) count += c->entries[i].last_timestamp != 0 ? 1u : 0u;
    if (NIKA_PLANTED(B36)) count = 0;
    nika_write_u32(w, count);
    for (uint32_t i = 0; i < c->clients; i++) {
        const struct common_reply_entry *entry = &c->entries[i];
        if (entry->last_timestamp == 0 || NIKA_PLANTED(B36)) continue;
        nika_write_u32(w, i);
        nika_write_u64(w, entry->last_timestamp);
        nika_write_u64(w, entry->seq);
        nika_write_bytes(w, common_reply_cache_result(c, i));
    }
}

/* One pass to judge, so that a bad serialisation changes nothing. */
static bool canonical(const struct common_reply_cache *c, struct nika_span bytes)
{
    struct nika_reader r = nika_reader_of(bytes);
    uint32_t count = nika_read_u32(&r);
    uint32_t next_client = 0;
    if (count > c->clients) return false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t client = nika_read_u32(&r);
        uint64_t timestamp = nika_read_u64(&r);
        (void)nika_read_u64(&r);
        (void)nika_read_bytes(&r, c->reply_size_max);
        if (r.failed || client < next_client || client >= c->clients || timestamp == 0)
            return false;
        next_client = client + 1;
    }
    return nika_reader_done(&r);
}

enum nika_err common_reply_cache_read(struct common_reply_cache *c, struct nika_span bytes)
{
    if (!canonical(c, bytes)) return NIKA_ERR_MALFORMED;
    memset(c->entries, 0, c->clients * sizeof c->entries[0]);
    struct nika_reader r = nika_reader_of(bytes);
    uint32_t count = nika_read_u32(&r);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t client = nika_read_u32(&r);
        uint64_t timestamp = nika_read_u64(&r);
        uint64_t seq = nika_read_u64(&r);
        common_reply_cache_set(c, client, timestamp, seq, nika_read_bytes(&r, c->reply_size_max));
    }
    return NIKA_OK;
}

uint32_t common_chunk_count(uint32_t size, uint32_t chunk_size)
{
    return size / chunk_size + (size % chunk_size != 0 ? 1u : 0u);
}

void common_chunks_root(struct nika_span bytes, uint32_t chunk_size, struct nika_digest *leaves,
                        struct nika_digest *root)
{
    uint32_t count = common_chunk_count(bytes.size, chunk_size);
    NIKA_ASSERT(count <= NIKA_CHUNKS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t offset = i * chunk_size;
        uint32_t left = bytes.size - offset;
        struct nika_span chunk = {bytes.data + offset, left < chunk_size ? left : chunk_size};
        nika_merkle_leaf(i, chunk, &leaves[i]);
    }
    nika_merkle_root(leaves, count, leaves, root);
}
