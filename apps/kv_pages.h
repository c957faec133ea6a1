/* apps/kv_pages.h: the key-value store behind apps/kv.c: buckets of sorted entries in copy-on-write pages (PROTOCOLS.md 1.8).
 *
 * A key hashes to a bucket; a bucket's canonical serialisation, sorted by key, is also its live form and fits one snapshot chunk.
 * A bucket without room refuses (a pure function of the contents, so all replicas refuse alike). Pages are shared between the live
 * state and the two kept snapshots and copied when written, so a snapshot costs one hash a changed bucket. Chunk 0 says how many entries
 * and bytes there are; then come the non-empty buckets in order: chunking depends on the contents alone, never on history.
 * Owns only the memory that apps/kv.c gives it. Private to apps. */
#ifndef APPS_KV_PAGES_H
#define APPS_KV_PAGES_H

#include "engine/core/app.h"
#include "engine/core/bytes.h"

#define KV_HEAD_SIZE 16u /* Chunk 0: entries u64 | bytes of all buckets u64. */

/* Entry: key (u32 length) | value (u32 length). A page holds entries in ascending key order and nothing else. */
struct kv_page {
    uint32_t references; /* Live state and snapshots that hold it. */
    uint32_t next_free;
    uint32_t size;
    uint32_t leaf_index; /* `leaf` is the leaf hash at this chunk index; 0 = none yet. */
    struct nika_digest leaf;
    uint8_t bytes[];
};
struct kv_kept {
    struct nika_snapshot_meta meta;
    bool live;
    uint8_t head[KV_HEAD_SIZE];
    uint32_t *pages;            /* By chunk index - 1. */
    struct nika_digest *leaves; /* By chunk index. */
};
struct nika_app {
    uint32_t bucket_count, chunk_size, page_stride;
    uint32_t pages_used; /* Pages ever handed out; page numbers start at 1. */
    uint32_t first_free;
    uint64_t entries, bytes;
    uint32_t *buckets; /* Page of each bucket, 0 = empty. */
    uint32_t kept_max; /* Entries of `kept` in use. */
    struct kv_kept kept[NIKA_SNAPSHOTS_MAX];
    struct nika_digest *scratch;
    uint8_t *pages;
    size_t prefix; /* Bytes before the pages. */
    bool restoring;
    struct nika_snapshot_meta target;
};

/* A position among the entries of one page. */
struct kv_entry {
    struct nika_span key, value;
    uint32_t at, size; /* Of the serialised entry in its page. */
};

/* As nika_app_ops. */
size_t kv_size(const struct nika_config *config);
size_t kv_used(const struct nika_app *app);
struct nika_app *kv_init(void *memory, const struct nika_config *config, uint64_t param);

struct kv_page *kv_page_at(const struct nika_app *app, uint32_t number);
/* The next entry at or after *at, which starts at 0. False at the end. The page must be a checked one. */
bool kv_next(const struct kv_page *page, uint32_t *at, struct kv_entry *out);
/* False when there is no such key; then `out` says where it would go. */
bool kv_find(const struct nika_app *app, struct nika_span key, struct kv_entry *out);
/* Insert or replace. NIKA_ERR_LIMIT when the bucket has no room; nothing is changed then. */
NIKA_MUST_USE enum nika_err kv_put(struct nika_app *app, struct nika_span key,
                                   struct nika_span value);
/* False when there was no such key. */
bool kv_delete(struct nika_app *app, struct nika_span key);
/* Forget all entries. */
void kv_clear(struct nika_app *app);

void kv_snapshot_take(struct nika_app *app, uint64_t seq, struct nika_snapshot_meta *out);
enum nika_err kv_snapshot_chunk(const struct nika_app *app, uint64_t seq, uint32_t index,
                                uint8_t *out, uint32_t *size, struct nika_merkle_proof *proof);
void kv_snapshot_drop(struct nika_app *app, uint64_t before_seq);
enum nika_err kv_restore_begin(struct nika_app *app, const struct nika_snapshot_meta *meta);
enum nika_err kv_restore_chunk(struct nika_app *app, uint32_t index, struct nika_span chunk);
enum nika_err kv_restore_end(struct nika_app *app, struct nika_snapshot_meta *out);

#endif
