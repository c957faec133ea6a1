/* engine/core/digest.c: SHA-256 by OpenSSL, XXH3 hashes and the run digest. */
#define OPENSSL_SUPPRESS_DEPRECATED /* The generic interface allocates for each digest; short messages are most. */
#include "engine/core/digest.h"

#include "engine/core/assert.h"
#include "engine/core/bytes.h"
#include "engine/core/msan.h"

#include <openssl/sha.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

void nika_sha256(const struct nika_span *parts, size_t count, struct nika_digest *out)
{
    SHA256_CTX ctx;
    for (size_t i = 0; i < count; i++) nika_msan_read(parts[i].data, parts[i].size);
    nika_msan_enter();
    NIKA_ASSERT(SHA256_Init(&ctx) == 1);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].size == 0) continue;
        NIKA_ASSERT(SHA256_Update(&ctx, parts[i].data, parts[i].size) == 1);
    }
    NIKA_ASSERT(SHA256_Final(out->bytes, &ctx) == 1);
    nika_msan_leave();
    nika_msan_written(out->bytes, sizeof out->bytes);
}

uint64_t nika_hash64(const void *data, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, size, seed);
}

void nika_fingerprint(const void *data, size_t size, struct nika_digest *out)
{
    for (uint32_t i = 0; i < 2; i++) {
        XXH128_hash_t half = XXH3_128bits_withSeed(data, size, i);
        nika_store_le(out->bytes + 16 * i, half.low64, 8);
        nika_store_le(out->bytes + 16 * i + 8, half.high64, 8);
    }
}

struct chain {
    uint64_t low, high;
};

/* H(state | H(block) | size): XXH3 reads its input little-endian, so the value is the same on every
 * architecture. */
static struct chain chain_next(struct chain state, const uint8_t *block, uint32_t size)
{
    uint8_t link[36];
    XXH128_hash_t inner = XXH3_128bits(block, size);
    nika_store_le(link, state.low, 8);
    nika_store_le(link + 8, state.high, 8);
    nika_store_le(link + 16, inner.low64, 8);
    nika_store_le(link + 24, inner.high64, 8);
    nika_store_le(link + 32, size, 4);
    XXH128_hash_t outer = XXH3_128bits(link, sizeof link);
    return (struct chain){.low = outer.low64, .high = outer.high64};
}

void nika_run_digest_init(struct nika_run_digest *d)
{
    memset(d, 0, sizeof *d);
}

void nika_run_digest_add(struct nika_run_digest *d, const void *data, uint32_t size)
{
    const uint8_t *from = data;
    d->bytes_total += size;
    while (size > 0) {
        uint32_t room = (uint32_t)sizeof d->block - d->used;
        uint32_t part = size < room ? size : room;
        memcpy(d->block + d->used, from, part);
        d->used += part;
        from += part;
        size -= part;
        if (d->used < sizeof d->block) continue;
        struct chain next = chain_next((struct chain){d->low, d->high}, d->block, d->used);
        d->low = next.low;
        d->high = next.high;
        d->used = 0;
    }
}

void nika_run_digest_value(const struct nika_run_digest *d, uint8_t out[16])
{
    struct chain last = chain_next((struct chain){d->low, d->high}, d->block, d->used);
    nika_store_le(out, last.low, 8);
    nika_store_le(out + 8, last.high, 8);
}

void nika_run_digest_text(const struct nika_run_digest *d, char out[33])
{
    uint8_t value[16];
    nika_run_digest_value(d, value);
    nika_hex(value, sizeof value, out);
}

void nika_hex(const uint8_t *data, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15u];
    }
    out[2 * size] = '\0';
}
