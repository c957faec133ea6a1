/* apps/kv_pages.c: buckets in copy-on-write pages; see kv_pages.h. */
#include "apps/kv_pages.h"

#include "apps/kv.h"
#include "engine/core/assert.h"
#include "engine/core/digest.h"
#include "engine/core/planted.h"

/* Live state and the kept snapshots can each hold a page of their own for every bucket, so a page is always free when needed. */
static uint32_t pages_per_bucket(const struct nika_config *config)
{
    return nika_config_snapshots(config) + 1u;
}

static size_t round16(size_t size)
{
    return (size + 15u) & ~(size_t)15u;
}

static uint32_t bucket_count_of(const struct nika_config *config)
{
    uint32_t count = config->snapshot_size_max / config->chunk_size;
    if (count < 1) return 1;
    return count < NIKA_CHUNKS_MAX ? count : NIKA_CHUNKS_MAX - 1; /* One chunk is the head. */
}

static size_t page_stride_of(const struct nika_config *config)
{
    return round16(sizeof(struct kv_page) + config->chunk_size);
}

static size_t prefix_size(uint32_t bucket_count, uint32_t kept_max)
{
    size_t numbers = round16(bucket_count * sizeof(uint32_t));
    size_t leaves = ((size_t)bucket_count + 1) * sizeof(struct nika_digest);
    return round16(sizeof(struct nika_app)) + (kept_max + 1u) * numbers +
           (kept_max + 1u) * round16(leaves);
}

size_t kv_size(const struct nika_config *config)
{
    uint32_t bucket_count = bucket_count_of(config);
    return prefix_size(bucket_count, nika_config_snapshots(config)) +
           (size_t)bucket_count * pages_per_bucket(config) * page_stride_of(config);
}

size_t kv_used(const struct nika_app *app)
{
    return app->prefix + (size_t)app->pages_used * app->page_stride;
}

struct nika_app *kv_init(void *memory, const struct nika_config *config, uint64_t param)
{
    (void)param;
    struct nika_app *app = memory;
    app->bucket_count = bucket_count_of(config);
    app->chunk_size = config->chunk_size;
    app->page_stride = (uint32_t)page_stride_of(config);
    app->kept_max = nika_config_snapshots(config);
    NIKA_ASSERT(app->kept_max <= NIKA_SNAPSHOTS_MAX);
    app->prefix = prefix_size(app->bucket_count, app->kept_max);
    size_t numbers = round16(app->bucket_count * sizeof(uint32_t));
    size_t leaves = round16(((size_t)app->bucket_count + 1) * sizeof(struct nika_digest));
    uint8_t *at = (uint8_t *)memory + round16(sizeof *app);
    app->buckets = (uint32_t *)(void *)at;
    at += numbers;
    for (uint32_t i = 0; i < app->kept_max; i++) {
        app->kept[i].pages = (uint32_t *)(void *)at;
        at += numbers;
        app->kept[i].leaves = (struct nika_digest *)(void *)at;
        at += leaves;
    }
    app->scratch = (struct nika_digest *)(void *)at;
    at += leaves;
    app->pages = at;
    NIKA_ASSERT((size_t)(at - (uint8_t *)memory) == app->prefix);
    return app;
}

struct kv_page *kv_page_at(const struct nika_app *app, uint32_t number)
{
    NIKA_ASSERT(number >= 1);
    NIKA_ASSERT(number <= app->pages_used);
    return (struct kv_page *)(void *)(app->pages + (size_t)(number - 1) * app->page_stride);
}

static uint32_t page_new(struct nika_app *app)
{
    uint32_t number = app->first_free;
    if (number != 0) {
        app->first_free = kv_page_at(app, number)->next_free;
    } else {
        NIKA_ASSERT(app->pages_used < app->bucket_count * (app->kept_max + 1));
        number = ++app->pages_used;
    }
    struct kv_page *page = kv_page_at(app, number);
    memset(page, 0, sizeof *page);
    page->references = 1;
    return number;
}

static void page_release(struct nika_app *app, uint32_t number)
{
    struct kv_page *page = kv_page_at(app, number);
    NIKA_ASSERT(page->references > 0);
    if (--page->references > 0) return;
    page->next_free = app->first_free;
    app->first_free = number;
}

static uint32_t bucket_of(const struct nika_app *app, struct nika_span key)
{
    return (uint32_t)(nika_hash64(key.data, key.size, 0) % app->bucket_count);
}

/* The bucket's page, private to the live state: what a snapshot shares is copied first. */
static struct kv_page *writable(struct nika_app *app, uint32_t bucket)
{
    uint32_t number = app->buckets[bucket];
    if (number == 0) {
        number = page_new(app);
    } else if (kv_page_at(app, number)->references > 1) {
        uint32_t copy = page_new(app);
        const struct kv_page *from = kv_page_at(app, number);
        struct kv_page *to = kv_page_at(app, copy);
        to->size = from->size;
        memcpy(to->bytes, from->bytes, from->size);
        page_release(app, number);
        number = copy;
    }
    app->buckets[bucket] = number;
    struct kv_page *page = kv_page_at(app, number);
    page->leaf_index = 0;
    return page;
}

bool kv_next(const struct kv_page *page, uint32_t *at, struct kv_entry *out)
{
    if (*at >= page->size) return false;
    struct nika_reader r = {.data = page->bytes, .size = page->size, .at = *at};
    out->at = *at;
    out->key = nika_read_bytes(&r, NIKA_KV_KEY_MAX);
    out->value = nika_read_bytes(&r, NIKA_KV_VALUE_MAX);
    NIKA_ASSERT(!r.failed);
    out->size = r.at - *at;
    *at = r.at;
    return true;
}

bool kv_find(const struct nika_app *app, struct nika_span key, struct kv_entry *out)
{
    memset(out, 0, sizeof *out);
    uint32_t number = app->buckets[bucket_of(app, key)];
    if (number == 0) return false;
    const struct kv_page *page = kv_page_at(app, number);
    uint32_t at = 0;
    while (kv_next(page, &at, out)) {
        int order = nika_kv_compare(out->key, key);
        if (order == 0) return true;
        if (order > 0) {
            out->size = 0;
            return false;
        }
    }
    memset(out, 0, sizeof *out);
    out->at = page->size;
    return false;
}

/* Make the bytes [at, at + old) of a page `fresh` long, moving what follows. */
static void resize_gap(struct nika_app *app, struct kv_page *page, uint32_t at, uint32_t old,
                       uint32_t fresh)
{
    NIKA_ASSERT(at + old <= page->size);
    NIKA_ASSERT(page->size - old + fresh <= app->chunk_size);
    memmove(page->bytes + at + fresh, page->bytes + at + old, page->size - at - old);
    page->size = page->size - old + fresh;
    app->bytes = app->bytes - old + fresh;
}

enum nika_err kv_put(struct nika_app *app, struct nika_span key, struct nika_span value)
{
    struct kv_entry entry;
    bool found = kv_find(app, key, &entry);
    uint32_t bucket = bucket_of(app, key);
    uint32_t number = app->buckets[bucket];
    uint32_t fresh = 8u + key.size + value.size;
    uint32_t size = number == 0 ? 0 : kv_page_at(app, number)->size;
    if (size - entry.size + fresh > app->chunk_size) return NIKA_ERR_LIMIT;
    struct kv_page *page = writable(app, bucket);
    resize_gap(app, page, entry.at, entry.size, fresh);
    struct nika_writer w = nika_writer_of(page->bytes + entry.at, fresh);
    nika_write_bytes(&w, key);
    nika_write_bytes(&w, value);
    NIKA_ASSERT(!w.failed);
    if (!found) app->entries++;
    return NIKA_OK;
}

bool kv_delete(struct nika_app *app, struct nika_span key)
{
    struct kv_entry entry;
    if (!kv_find(app, key, &entry)) return false;
    uint32_t bucket = bucket_of(app, key);
    struct kv_page *page = writable(app, bucket);
    resize_gap(app, page, entry.at, entry.size, 0);
    app->entries--;
    if (page->size == 0) { /* An empty bucket is no chunk: contents alone decide the chunking. */
        page_release(app, app->buckets[bucket]);
        app->buckets[bucket] = 0;
    }
    return true;
}

static void kept_release(struct nika_app *app, struct kv_kept *kept)
{
    if (!kept->live) return;
    for (uint32_t i = 0; i + 1 < kept->meta.chunk_count; i++) page_release(app, kept->pages[i]);
    kept->live = false;
}

void kv_clear(struct nika_app *app)
{
    for (uint32_t i = 0; i < app->bucket_count; i++) {
        if (app->buckets[i] != 0) page_release(app, app->buckets[i]);
        app->buckets[i] = 0;
    }
    app->entries = app->bytes = 0;
    app->restoring = false;
}

static struct kv_kept *kept_place(struct nika_app *app, uint64_t seq)
{
    struct kv_kept *place = &app->kept[0];
    for (uint32_t i = 0; i < app->kept_max; i++) {
        struct kv_kept *kept = &app->kept[i];
        if (kept->live && kept->meta.seq == seq) return kept;
        if (!place->live) continue;
        if (!kept->live || kept->meta.seq < place->meta.seq) place = kept;
    }
    return place;
}

void kv_snapshot_take(struct nika_app *app, uint64_t seq, struct nika_snapshot_meta *out)
{
    struct kv_kept *kept = kept_place(app, seq);
    kept_release(app, kept);
    memset(&kept->meta, 0, sizeof kept->meta);
    kept->live = true;
    kept->meta.seq = seq;
    kept->meta.total_size = KV_HEAD_SIZE + app->bytes;
    nika_store_le(kept->head, app->entries, 8);
    nika_store_le(kept->head + 8, app->bytes, 8);
    nika_merkle_leaf(0, (struct nika_span){kept->head, KV_HEAD_SIZE}, &kept->leaves[0]);
    uint32_t count = 1;
    for (uint32_t i = 0; i < app->bucket_count; i++) {
        if (app->buckets[i] == 0) continue;
        struct kv_page *page = kv_page_at(app, app->buckets[i]);
        if (page->leaf_index != count) {
            nika_merkle_leaf(count, (struct nika_span){page->bytes, page->size}, &page->leaf);
            page->leaf_index = count;
        }
        page->references++;
        kept->pages[count - 1] = app->buckets[i];
        kept->leaves[count++] = page->leaf;
    }
    kept->meta.chunk_count = count;
    nika_merkle_root(kept->leaves, count, app->scratch, &kept->meta.root);
    *out = kept->meta;
}

enum nika_err kv_snapshot_chunk(const struct nika_app *app, uint64_t seq, uint32_t index,
                                uint8_t *out, uint32_t *size, struct nika_merkle_proof *proof)
{
    for (uint32_t i = 0; i < app->kept_max; i++) {
        const struct kv_kept *kept = &app->kept[i];
        if (!kept->live || kept->meta.seq != seq) continue;
        if (index >= kept->meta.chunk_count) return NIKA_ERR_NOT_FOUND;
        if (index == 0) {
            *size = KV_HEAD_SIZE;
            memcpy(out, kept->head, KV_HEAD_SIZE);
        } else {
            const struct kv_page *page = kv_page_at(app, kept->pages[index - 1]);
            *size = page->size;
            memcpy(out, page->bytes, page->size);
        }
        nika_merkle_prove(kept->leaves, kept->meta.chunk_count, index, app->scratch, proof);
        return NIKA_OK;
    }
    return NIKA_ERR_NOT_FOUND;
}

void kv_snapshot_drop(struct nika_app *app, uint64_t before_seq)
{
    for (uint32_t i = 0; i < app->kept_max; i++) {
        if (app->kept[i].meta.seq < before_seq) kept_release(app, &app->kept[i]);
    }
}

enum nika_err kv_restore_begin(struct nika_app *app, const struct nika_snapshot_meta *meta)
{
    kv_clear(app);
    for (uint32_t i = 0; i < app->kept_max; i++) {
        if (app->kept[i].meta.seq >= meta->seq) kept_release(app, &app->kept[i]);
    }
    /* Both sizes come from a peer's META: bounded before anything follows from them (ST5). */
    if (meta->chunk_count < 1 || meta->chunk_count > app->bucket_count + 1)
        return NIKA_ERR_MALFORMED;
    if (meta->total_size > KV_HEAD_SIZE + (uint64_t)app->bucket_count * app->chunk_size)
        return NIKA_ERR_MALFORMED;
    app->target = *meta;
    app->restoring = true;
    return NIKA_OK;
}

/* Are these entries in range, in strictly ascending order, and all of one bucket? Counts them. */
static bool check_bucket(const struct nika_app *app, struct nika_span chunk, uint32_t *bucket,
                         uint64_t *count)
{
    struct nika_reader r = nika_reader_of(chunk);
    struct nika_span last = {NULL, 0};
    *count = 0;
    while (nika_reader_left(&r) > 0) {
        struct nika_span key = nika_read_bytes(&r, NIKA_KV_KEY_MAX);
        (void)nika_read_bytes(&r, NIKA_KV_VALUE_MAX);
        if (r.failed || key.size == 0) return false;
        if (*count == 0) *bucket = bucket_of(app, key);
        if (bucket_of(app, key) != *bucket) return false;
        if (*count > 0 && nika_kv_compare(last, key) >= 0) return false;
        last = key;
        (*count)++;
    }
    return nika_reader_done(&r) && *count > 0;
}

static bool restore_bucket(struct nika_app *app, struct nika_span chunk)
{
    uint32_t bucket = 0;
    uint64_t count = 0;
    if (chunk.size > app->chunk_size) return false;
    if (!check_bucket(app, chunk, &bucket, &count)) return false;
    if (app->buckets[bucket] != 0) { /* The same chunk again changes nothing. */
        const struct kv_page *page = kv_page_at(app, app->buckets[bucket]);
        return page->size == chunk.size && memcmp(page->bytes, chunk.data, chunk.size) == 0;
    }
    struct kv_page *page = writable(app, bucket);
    page->size = chunk.size;
    memcpy(page->bytes, chunk.data, chunk.size);
    app->bytes += chunk.size;
    app->entries += count;
    return true;
}

enum nika_err kv_restore_chunk(struct nika_app *app, uint32_t index, struct nika_span chunk)
{
    bool good = app->restoring && index < app->target.chunk_count;
    /* Chunk 0 only repeats what the others imply; the root covers it at the end. */
    if (good) good = index == 0 ? chunk.size == KV_HEAD_SIZE : restore_bucket(app, chunk);
    if (good) return NIKA_OK;
    kv_clear(app);
    return NIKA_ERR_MALFORMED;
}

enum nika_err kv_restore_end(struct nika_app *app, struct nika_snapshot_meta *out)
{
    bool good = app->restoring;
    if (good) {
        app->restoring = false;
        kv_snapshot_take(app, app->target.seq, out);
        good = (NIKA_PLANTED(B35) || nika_digest_equal(&out->root, &app->target.root)) &&
               out->chunk_count == app->target.chunk_count &&
               out->total_size == app->target.total_size;
    }
    if (good) return NIKA_OK;
    for (uint32_t i = 0; i < app->kept_max; i++) {
        if (app->kept[i].meta.seq == app->target.seq) kept_release(app, &app->kept[i]);
    }
    kv_clear(app);
    return NIKA_ERR_MALFORMED;
}
