/* engine/core/store.h: a bounded allocator inside one caller-owned region, for the variable-size bytes of a module
 * (batches, certificates, view changes) and for messages in flight.
 *
 * There are four sizes to each power of two from 64 bytes on; freed blocks go to the list of their size, so behaviour is a
 * pure function of the call sequence. Handles are offsets, never addresses. It never grows past its region: a full store
 * returns 0 and the caller applies its drop policy (PROTOCOLS.md 1.13). */
#ifndef ENGINE_CORE_STORE_H
#define ENGINE_CORE_STORE_H

#include "engine/core/types.h"

#define NIKA_STORE_CLASSES 77u /* 64 B .. 32 MiB. */

struct nika_store {
    uint32_t capacity;   /* Bytes after this header. */
    uint32_t high_water; /* Bytes ever handed out: what a snapshot must copy. */
    uint32_t in_use;     /* Bytes in live blocks, rounded to their class. */
    uint32_t peak;
    uint32_t free_list[NIKA_STORE_CLASSES]; /* Handle of the first free block, 0 = none. */
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
/* The same, for what must leave room: 0 also when fewer than `keep` bytes would stay that no block ever held. */
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
