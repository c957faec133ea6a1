/* engine/core/merkle.c: Merkle trees over snapshot chunks (merkle.h, PROTOCOLS.md 1.8).
 *
 * Leaves bind index and length, so a chunk proves its place, and leaf and node tags keep a node
 * from passing as a leaf. */
#include "engine/core/merkle.h"

#include "engine/core/assert.h"
#include "engine/core/bytes.h"
#include "engine/core/digest.h"

#define TAG_LEAF 0u
#define TAG_NODE 1u

void nika_merkle_leaf(uint32_t index, struct nika_span data, struct nika_digest *out)
{
    uint8_t head[9] = {TAG_LEAF};
    nika_store_le(head + 1, index, 4);
    nika_store_le(head + 5, data.size, 4);
    const struct nika_span parts[] = {{head, sizeof head}, data};
    nika_sha256(parts, ARRAY_COUNT(parts), out);
}

void nika_merkle_node(const struct nika_digest *left, const struct nika_digest *right,
                      struct nika_digest *out)
{
    uint8_t bytes[1 + 2 * NIKA_DIGEST_SIZE] = {TAG_NODE};
    memcpy(bytes + 1, left->bytes, NIKA_DIGEST_SIZE);
    memcpy(bytes + 1 + NIKA_DIGEST_SIZE, right->bytes, NIKA_DIGEST_SIZE);
    nika_sha256_one(bytes, sizeof bytes, out);
}

/* Parents of `count` nodes, in place (node i is written after nodes 2i and 2i+1 were read). An odd
 * last is promoted. */
static uint32_t level_up(struct nika_digest *nodes, uint32_t count)
{
    for (uint32_t i = 0; i < count / 2; i++) {
        struct nika_digest parent;
        nika_merkle_node(&nodes[2 * i], &nodes[2 * i + 1], &parent);
        nodes[i] = parent;
    }
    if (count % 2 != 0) nodes[count / 2] = nodes[count - 1];
    return count / 2 + count % 2;
}

static void copy_leaves(const struct nika_digest *leaves, uint32_t count,
                        struct nika_digest *scratch)
{
    if (count > 0 && scratch != leaves) memcpy(scratch, leaves, count * sizeof *leaves);
}

void nika_merkle_root(const struct nika_digest *leaves, uint32_t count, struct nika_digest *scratch,
                      struct nika_digest *out)
{
    if (count == 0) {
        const uint8_t tag = TAG_LEAF;
        nika_sha256_one(&tag, 1, out);
        return;
    }
    copy_leaves(leaves, count, scratch);
    while (count > 1) count = level_up(scratch, count);
    *out = scratch[0];
}

void nika_merkle_prove(const struct nika_digest *leaves, uint32_t count, uint32_t index,
                       struct nika_digest *scratch, struct nika_merkle_proof *out)
{
    NIKA_ASSERT(index < count);
    NIKA_ASSERT(count <= NIKA_CHUNKS_MAX);
    memset(out, 0, sizeof *out);
    copy_leaves(leaves, count, scratch);
    while (count > 1) {
        uint32_t sibling = index ^ 1u;
        if (sibling < count) {
            NIKA_ASSERT(out->count < NIKA_MERKLE_DEPTH_MAX);
            out->siblings[out->count++] = scratch[sibling];
        }
        count = level_up(scratch, count);
        index /= 2;
    }
}

enum nika_err nika_merkle_verify(const struct nika_digest *root, uint32_t index, uint32_t count,
                                 const struct nika_digest *leaf,
                                 const struct nika_merkle_proof *proof)
{
    if (index >= count || count > NIKA_CHUNKS_MAX || proof->count > NIKA_MERKLE_DEPTH_MAX)
        return NIKA_ERR_MALFORMED;
    struct nika_digest node = *leaf;
    uint32_t used = 0;
    while (count > 1) {
        if ((index ^ 1u) < count) {
            if (used >= proof->count) return NIKA_ERR_MALFORMED;
            const struct nika_digest *sibling = &proof->siblings[used++];
            struct nika_digest parent;
            nika_merkle_node(index % 2 == 0 ? &node : sibling, index % 2 == 0 ? sibling : &node,
                             &parent);
            node = parent;
        }
        count = count / 2 + count % 2;
        index /= 2;
    }
    if (used != proof->count || !nika_digest_equal(&node, root)) return NIKA_ERR_MALFORMED;
    return NIKA_OK;
}
