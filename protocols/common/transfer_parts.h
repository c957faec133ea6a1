/* protocols/common/transfer_parts.h: what transfer.c, transfer_restore.c, transfer_install.c and transfer_server.c share (PROTOCOLS.md 1.8). */
#ifndef PROTOCOLS_COMMON_TRANSFER_PARTS_H
#define PROTOCOLS_COMMON_TRANSFER_PARTS_H

#include "protocols/common/transfer.h"

enum { PART_APP = 0, PART_REPLIES = 1 }; /* Parts of a snapshot in FETCH-CHUNK and CHUNK. */

static inline uint32_t common_transfer_chunk_total(const struct common_transfer *t)
{
    return t->meta.chunk_count + t->meta.reply_chunk_count;
}

/* The table of chunk handles lives in the store as little-endian words. */
static inline uint32_t common_transfer_chunk_get(struct common_core *core, uint32_t table,
                                                 uint32_t number)
{
    return (uint32_t)nika_load_le(nika_store_at(core->store, table) + 4u * number, 4);
}
static inline void common_transfer_chunk_set(struct common_core *core, uint32_t table,
                                             uint32_t number, uint32_t handle)
{
    nika_store_le(nika_store_at(core->store, table) + 4u * number, handle, 4);
}

/* Forget all chunks and their table. */
void common_transfer_drop_chunks(struct common_core *core);
/* Nothing is being fetched any more. */
void common_transfer_forget(struct common_core *core);
/* Give up on the source: ask the next signer for whatever comes next. */
void common_transfer_next_source(struct common_core *core);
void common_transfer_arm_timer(struct common_core *core);
/* The app restored the state: make it durable (SNAPSHOT_SAVE); again after a failure. */
void common_transfer_save(struct common_core *core);
/* All chunks are here: give them to the application, a slice per step. */
void common_transfer_restore_begin(struct common_core *core);
void common_transfer_restore_slice(struct common_core *core);

#endif
