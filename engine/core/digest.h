/* engine/core/digest.h: SHA-256 (protocol digests, PROTOCOLS.md 5) and the fast non-cryptographic chain of the run digest.
 *
 * SHA-256 is OpenSSL's, on the stack of the caller: nothing is fetched or allocated. */
#ifndef ENGINE_CORE_DIGEST_H
#define ENGINE_CORE_DIGEST_H

#include "engine/core/types.h"

/* One-shot SHA-256 over the concatenation of `count` spans. Cannot fail. */
void nika_sha256(const struct nika_span *parts, size_t count, struct nika_digest *out);

static inline void nika_sha256_one(const void *data, uint32_t size, struct nika_digest *out)
{
    struct nika_span part = {(const uint8_t *)data, size};
    nika_sha256(&part, 1, out);
}

/* 64-bit XXH3 of bytes: names of draws, payload fingerprints in the run digest. Same on every architecture. */
uint64_t nika_hash64(const void *data, size_t size, uint64_t seed);

/* 32 bytes that tell different bytes apart for whoever watches a run: two XXH3-128. Never for a decision of a module: it is not
 * collision-resistant against an adversary. */
void nika_fingerprint(const void *data, size_t size, struct nika_digest *out);

/* The run digest (DESIGN.md 1): plain data so that a world snapshot copies it. Bytes are collected into a block and
 * chained with XXH3-128: state = H(state | block). */
struct nika_run_digest {
    uint64_t low, high; /* Chain value. */
    uint64_t bytes_total;
    uint32_t used;
    uint8_t block[2048];
};
void nika_run_digest_init(struct nika_run_digest *d);
void nika_run_digest_add(struct nika_run_digest *d, const void *data, uint32_t size);
/* Value so far, as 32 lower-case hex characters and NUL. Does not change the chain. */
void nika_run_digest_text(const struct nika_run_digest *d, char out[33]);
/* The same value as 16 bytes, little-endian. */
void nika_run_digest_value(const struct nika_run_digest *d, uint8_t out[16]);

/* CRC32C (Castagnoli) of bytes, for log records (PROTOCOLS.md 1.12). Start with crc = 0. */
uint32_t nika_crc32c(uint32_t crc, const void *data, size_t size);
/* The same without processor instructions; what nika_crc32c() must equal. */
uint32_t nika_crc32c_portable(uint32_t crc, const void *data, size_t size);

/* Write `size` bytes as lower-case hex plus NUL; out holds 2*size+1. */
void nika_hex(const uint8_t *data, size_t size, char *out);

#endif
