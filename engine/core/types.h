/* engine/core/types.h: the few plain types that every layer shares.
 *
 * Nothing here owns memory. A span is borrowed; a digest is a value. */
#ifndef ENGINE_CORE_TYPES_H
#define ENGINE_CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NIKA_DIGEST_SIZE 32u
#define NIKA_MUST_USE __attribute__((warn_unused_result))
#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* SHA-256 output. All zero is NULLD, the digest of the null batch (PROTOCOLS.md 0). */
struct nika_digest {
    uint8_t bytes[NIKA_DIGEST_SIZE];
};

/* Borrowed bytes: valid as long as the call or object that handed them out says. */
struct nika_span {
    const uint8_t *data;
    uint32_t size;
};

/* Node ids: replicas are 0..n-1; clients carry the top bit. */
#define NIKA_CLIENT_BIT 0x80000000u
#define NIKA_NODE_NONE 0xffffffffu

static inline bool nika_is_client(uint32_t node)
{
    return (node & NIKA_CLIENT_BIT) != 0;
}
static inline uint32_t nika_client_node(uint32_t client)
{
    return client | NIKA_CLIENT_BIT;
}
static inline uint32_t nika_client_index(uint32_t node)
{
    return node & ~NIKA_CLIENT_BIT;
}
/* Is `index` in a set of replicas or clients, a bit each? Nothing from 128 on is. */
static inline bool nika_set_has(const uint64_t set[2], uint32_t index)
{
    return index < 128 && (set[index / 64] >> (index % 64) & 1u) != 0;
}
static inline bool nika_digest_equal(const struct nika_digest *a, const struct nika_digest *b)
{
    return memcmp(a->bytes, b->bytes, NIKA_DIGEST_SIZE) == 0;
}
static inline bool nika_digest_is_null(const struct nika_digest *a)
{
    static const struct nika_digest null_digest;
    return nika_digest_equal(a, &null_digest);
}

#endif
