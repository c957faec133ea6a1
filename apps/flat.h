/* apps/flat.h: snapshots for applications whose whole state is one short run of bytes (null, ledger).
 *
 * Keeps copies of the newest serialised states, cut into chunks of config chunk_size with a Merkle root over them, and a
 * staging area for a restore. Owns only memory its application gave it; knows nothing of what the bytes mean. */
#ifndef APPS_FLAT_H
#define APPS_FLAT_H

#include "engine/core/app.h"

struct nika_flat_kept {
    struct nika_snapshot_meta meta;
    bool live;
    uint8_t *bytes;
    struct nika_digest *leaves;
};
struct nika_flat {
    uint32_t capacity;   /* Bytes of the largest state. */
    uint32_t chunk_size; /* Every chunk but the last has exactly this size. */
    bool restoring;
    struct nika_snapshot_meta target; /* Of the restore under way. */
    uint32_t kept_max;                /* Entries of `kept` in use. */
    struct nika_flat_kept kept[NIKA_SNAPSHOTS_MAX];
    uint8_t *staging;
    struct nika_digest *scratch;
};

/* Bytes of memory for states of at most `capacity` bytes. A multiple of 16. */
size_t nika_flat_size(uint32_t capacity, const struct nika_config *config);
/* `memory` is 16-aligned, of nika_flat_size() bytes, and is not touched here. capacity is at least 1. */
void nika_flat_init(struct nika_flat *flat, uint32_t capacity, const struct nika_config *config,
                    void *memory);
/* Keep a copy of `state` (1..capacity bytes) as snapshot `seq`, in place of the same or the oldest one. */
void nika_flat_take(struct nika_flat *flat, uint64_t seq, struct nika_span state,
                    struct nika_snapshot_meta *out);
/* As nika_app_ops.snapshot_chunk. NIKA_ERR_NOT_FOUND. */
NIKA_MUST_USE enum nika_err nika_flat_chunk(const struct nika_flat *flat, uint64_t seq,
                                            uint32_t index, uint8_t *out, uint32_t *size,
                                            struct nika_merkle_proof *proof);
void nika_flat_drop(struct nika_flat *flat, uint64_t before_seq);
/* Forget snapshots from meta->seq on and start a restore. NIKA_ERR_MALFORMED when `meta` cannot describe a state of this capacity. */
NIKA_MUST_USE enum nika_err nika_flat_restore_begin(struct nika_flat *flat,
                                                    const struct nika_snapshot_meta *meta);
/* Chunks may come in any order and repeat. NIKA_ERR_MALFORMED when index or size is wrong; the restore is then over. */
NIKA_MUST_USE enum nika_err nika_flat_restore_chunk(struct nika_flat *flat, uint32_t index,
                                                    struct nika_span chunk);
/* The staged state, borrowed until the next restore, when it has the promised root; else NIKA_ERR_MALFORMED. Ends the restore. */
NIKA_MUST_USE enum nika_err nika_flat_restore_end(struct nika_flat *flat, struct nika_span *state);

#endif
