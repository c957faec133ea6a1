/* engine/core/merkle.h: Merkle trees over snapshot chunks (PROTOCOLS.md 1.8, ST3).
 *
 * Leaf hash = SHA-256(0x00 | index u32 | length u32 | data); inner hash = SHA-256(0x01 | left | right). An odd node is
 * promoted unchanged. The root of zero leaves is SHA-256(0x00). */
#ifndef ENGINE_CORE_MERKLE_H
#define ENGINE_CORE_MERKLE_H

#include "engine/core/err.h"
#include "engine/core/limits.h"
#include "engine/core/types.h"

struct nika_merkle_proof {
    uint32_t count;
    /* Bottom up; promoted levels contribute none. */
    struct nika_digest siblings[NIKA_MERKLE_DEPTH_MAX];
};

void nika_merkle_leaf(uint32_t index, struct nika_span data, struct nika_digest *out);
void nika_merkle_node(const struct nika_digest *left, const struct nika_digest *right,
                      struct nika_digest *out);
/* Root over `count` leaf hashes. `scratch` holds at least `count` digests (may be `leaves` itself, which is then overwritten). */
void nika_merkle_root(const struct nika_digest *leaves, uint32_t count, struct nika_digest *scratch,
                      struct nika_digest *out);
/* Proof for leaf `index` < count. `scratch` holds `count` digests. */
void nika_merkle_prove(const struct nika_digest *leaves, uint32_t count, uint32_t index,
                       struct nika_digest *scratch, struct nika_merkle_proof *out);
/* NIKA_OK, or NIKA_ERR_MALFORMED when the proof has the wrong length for (index, count) or does not lead to `root`. */
NIKA_MUST_USE enum nika_err nika_merkle_verify(const struct nika_digest *root, uint32_t index,
                                               uint32_t count, const struct nika_digest *leaf,
                                               const struct nika_merkle_proof *proof);

#endif
