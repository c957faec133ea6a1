/* protocols/pbft/transfer.h: what state_transfer.c, transfer_restore.c, transfer_install.c and transfer_server.c share (PROTOCOLS.md 1.8). */
#ifndef PROTOCOLS_PBFT_TRANSFER_H
#define PROTOCOLS_PBFT_TRANSFER_H

#include "protocols/pbft/state.h"

enum { PART_APP = 0, PART_REPLIES = 1 }; /* Parts of a snapshot in FETCH-CHUNK and CHUNK. */

static inline uint32_t pbft_transfer_chunk_total(const struct pbft_transfer *t)
{
    return t->meta.chunk_count + t->meta.reply_chunk_count;
}

/* The table of chunk handles lives in the store as little-endian words. */
static inline uint32_t pbft_transfer_chunk_get(struct nika_replica *r, uint32_t table,
                                               uint32_t number)
{
    return (uint32_t)nika_load_le(nika_store_at(r->store, table) + 4u * number, 4);
}
static inline void pbft_transfer_chunk_set(struct nika_replica *r, uint32_t table, uint32_t number,
                                           uint32_t handle)
{
    nika_store_le(nika_store_at(r->store, table) + 4u * number, handle, 4);
}

/* Forget all chunks and their table. */
void pbft_transfer_drop_chunks(struct nika_replica *r);
/* Nothing is being fetched any more. */
void pbft_transfer_forget(struct nika_replica *r);
/* Give up on the source: ask the next signer for whatever comes next. */
void pbft_transfer_next_source(struct nika_replica *r);
void pbft_transfer_arm_timer(struct nika_replica *r);
/* All chunks are here: give them to the application, a slice per step. */
void pbft_transfer_restore_begin(struct nika_replica *r);
void pbft_transfer_restore_slice(struct nika_replica *r);

#endif
