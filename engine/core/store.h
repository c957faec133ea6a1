/* engine/core/store.h: a bounded allocator inside one caller-owned region, for the variable-size bytes of a module
 * (batches, certificates, view changes) and for messages in flight.
 *
 * Free blocks beside each other are one block, and what a request does not need of a block stays free: the room taken follows what is
 * live, not the sizes that were asked for at one time or another. Behaviour is a pure function of the call sequence. Handles are offsets, never
 * addresses. It never grows past its region: a full store returns 0 and the caller applies its drop policy (PROTOCOLS.md 1.13). */
#ifndef ENGINE_CORE_STORE_H
#define ENGINE_CORE_STORE_H

#include "engine/core/types.h"

#define NIKA_STORE_OCTAVES 27u /* Blocks of 32 B .. 4 GiB, */
#define NIKA_STORE_PARTS 8u    /* each octave in eight equal parts. */

struct nika_store {
    uint32_t capacity; /* Bytes after this header. */
    uint32_t top;      /* Bytes up to the end of the last live block: what a snapshot must copy. */
    uint32_t last;     /* Size of that block. */
    uint32_t in_use;   /* Bytes in live blocks, headers with them. */
    uint32_t peak;     /* The most that `in_use` was. */
    uint32_t octaves;  /* Bit k: there is a free block in octave k, */
    uint8_t parts[NIKA_STORE_OCTAVES]; /* bit j: in part j of it. */
    uint32_t free_list[NIKA_STORE_OCTAVES *
                       NIKA_STORE_PARTS]; /* Handle of the first free block, 0 = none. */
    _Alignas(16) uint8_t bytes[];
};

/* Bytes of memory for a store with `capacity` usable bytes. */
size_t nika_store_size(uint32_t capacity);
/* `memory` is zeroed or garbage, of nika_store_size(capacity), 16-aligned. */
struct nika_store *nika_store_init(void *memory, uint32_t capacity);
/* Bytes from the start of the store that are in use, for snapshots. */
size_t nika_store_used(const struct nika_store *s);
/* Handle of a block of at least `size` bytes (contents undefined), or 0 when full. size >= 1. */
NIKA_MUST_USE uint32_t nika_store_alloc(struct nika_store *s, uint32_t size);
/* The same, for what must leave room: 0 also when the block would reach into the last `keep` bytes of the region. */
NIKA_MUST_USE uint32_t nika_store_alloc_keeping(struct nika_store *s, uint32_t size, uint32_t keep);
/* Copy bytes in. Handle, or 0 when full. */
NIKA_MUST_USE uint32_t nika_store_put(struct nika_store *s, struct nika_span bytes);
NIKA_MUST_USE uint32_t nika_store_put_keeping(struct nika_store *s, struct nika_span bytes,
                                              uint32_t keep);
/* The block's bytes. `handle` must be live. Valid until freed. */
uint8_t *nika_store_at(struct nika_store *s, uint32_t handle);
/* The size that was asked for. */
uint32_t nika_store_length(const struct nika_store *s, uint32_t handle);
struct nika_span nika_store_span(const struct nika_store *s, uint32_t handle);
/* Free a live block; handle 0 is ignored. Double free asserts. */
void nika_store_free(struct nika_store *s, uint32_t handle);

#endif
