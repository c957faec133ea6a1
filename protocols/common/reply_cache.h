/* protocols/common/reply_cache.h: the last reply to each client, INSIDE the replicated state (PROTOCOLS.md 1.2, 1.5, 1.6).
 *
 * It makes execution exactly-once (X2) and retransmission idempotent. Its canonical serialisation, sorted by client, is covered by
 * the state digest and travels in state transfer. */
#ifndef PROTOCOLS_COMMON_REPLY_CACHE_H
#define PROTOCOLS_COMMON_REPLY_CACHE_H

#include "engine/core/bytes.h"
#include "engine/core/config.h"
#include "engine/core/err.h"
#include "engine/core/merkle.h"
#include "engine/core/types.h"

struct common_reply_entry {
    uint64_t last_timestamp;   /* Executed. 0 = never. */
    uint64_t issued_timestamp; /* Given to the application; >= last. Not replicated. */
    uint64_t seq;              /* Where it was executed. */
    uint32_t size;
    struct nika_digest digest; /* H(result). */
};
struct common_reply_cache {
    uint32_t clients, reply_size_max;
    struct common_reply_entry *entries;
    uint8_t *bytes; /* clients x reply_size_max */
};
size_t common_reply_cache_size(const struct nika_config *config);
void common_reply_cache_init(struct common_reply_cache *c, const struct nika_config *config,
                             void *memory);
void common_reply_cache_set(struct common_reply_cache *c, uint32_t client, uint64_t timestamp,
                            uint64_t seq, struct nika_span result);
struct nika_span common_reply_cache_result(const struct common_reply_cache *c, uint32_t client);
/* Serialisation: bytes needed now, write, and replace all (issued = last). Read rejects anything not canonical. */
uint32_t common_reply_cache_encoded_size(const struct common_reply_cache *c);
void common_reply_cache_write(const struct common_reply_cache *c, struct nika_writer *w);
NIKA_MUST_USE enum nika_err common_reply_cache_read(struct common_reply_cache *c,
                                                    struct nika_span bytes);
/* Merkle root of a serialisation cut into chunks of `chunk_size`; leaf `index` and its proof for state transfer. Chunk count is at most
 * NIKA_CHUNKS_MAX. `leaves` is scratch for one digest per chunk. */
uint32_t common_chunk_count(uint32_t size, uint32_t chunk_size);
void common_chunks_root(struct nika_span bytes, uint32_t chunk_size, struct nika_digest *leaves,
                        struct nika_digest *root);

#endif
