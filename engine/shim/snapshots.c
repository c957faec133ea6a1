/* engine/shim/snapshots.c: see snapshots.h. */
#include "engine/shim/snapshots.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/core/assert.h"
#include "engine/core/merkle.h"

/* The module's part: META and the reply cache. */
#define MODULE_SIZE_MAX (2u * NIKA_MESSAGE_SIZE_MAX)

void nika_snapshot_name(uint64_t seq, char out[NIKA_FILE_NAME_SIZE])
{
    (void)snprintf(out, NIKA_FILE_NAME_SIZE, NIKA_SNAPSHOT_PREFIX "%020llu",
                   (unsigned long long)seq);
}

/* ---- writing ---- */
static bool image_size(const struct nika_snapshot_meta *meta, struct nika_span module,
                       uint32_t chunk_size, uint64_t *out)
{
    *out = NIKA_SNAPSHOT_HEAD_SIZE + (uint64_t)module.size + 2u * NIKA_WAL_OVERHEAD +
           (uint64_t)meta->chunk_count * (NIKA_WAL_OVERHEAD + (uint64_t)chunk_size);
    return meta->chunk_count <= NIKA_CHUNKS_MAX && module.size <= MODULE_SIZE_MAX &&
           meta->total_size <= NIKA_FILE_SIZE_MAX / 2 && *out <= NIKA_FILE_SIZE_MAX;
}

static int image_write(struct nika_writer *w, const struct nika_journal_identity *identity,
                       const struct nika_app_ops *ops, const struct nika_app *app,
                       const struct nika_snapshot_meta *meta, struct nika_span module,
                       uint8_t *chunk, uint32_t chunk_size)
{
    struct nika_merkle_proof proof;
    nika_snapshot_head_write(w, identity, meta);
    nika_wal_write(w, NIKA_KIND_MODULE, meta->seq, module);
    for (uint32_t i = 0; i < meta->chunk_count; i++) {
        uint32_t size = 0;
        memset(&proof, 0, sizeof proof);
        if (ops->snapshot_chunk(app, meta->seq, i, chunk, &size, &proof) != NIKA_OK) return EINVAL;
        NIKA_ASSERT(size <= chunk_size);
        nika_wal_write(w, NIKA_KIND_CHUNK, i, (struct nika_span){chunk, size});
    }
    nika_wal_write(w, NIKA_KIND_END, meta->chunk_count, (struct nika_span){NULL, 0});
    NIKA_ASSERT(!w->failed);
    return 0;
}

int nika_snapshot_image(const struct nika_journal_identity *identity,
                        const struct nika_app_ops *ops, const struct nika_app *app,
                        uint32_t chunk_size, const struct nika_snapshot_meta *meta,
                        struct nika_span module, uint8_t **image, uint32_t *size)
{
    uint64_t capacity;
    *image = NULL;
    *size = 0;
    if (!image_size(meta, module, chunk_size, &capacity)) return EFBIG;
    uint8_t *chunk = malloc(chunk_size);
    *image = malloc((size_t)capacity);
    int err = chunk == NULL || *image == NULL ? ENOMEM : 0;
    struct nika_writer w = nika_writer_of(*image, (uint32_t)capacity);
    if (err == 0) err = image_write(&w, identity, ops, app, meta, module, chunk, chunk_size);
    free(chunk);
    if (err == 0) {
        *size = w.at;
        return 0;
    }
    free(*image);
    *image = NULL;
    return err;
}

static void forget_at(struct nika_snapshots *s, uint32_t index)
{
    char name[NIKA_FILE_NAME_SIZE];
    nika_snapshot_name(s->seqs[index], name);
    /* One that could not be removed is found, and dropped, again after the next open. */
    (void)s->files.ops->remove(s->files.context, s->files.dir, name);
    s->count--;
    for (uint32_t i = index; i < s->count; i++) s->seqs[i] = s->seqs[i + 1];
}

static void insert(struct nika_snapshots *s, uint64_t seq)
{
    uint32_t at = 0;
    while (at < s->count && s->seqs[at] < seq) at++;
    if (at < s->count && s->seqs[at] == seq) return;
    if (s->count == NIKA_SNAPSHOTS_KEPT) {
        /* The oldest goes, unless that is the new one: then the next. */
        uint32_t oldest = at == 0 ? 1 : 0;
        forget_at(s, oldest);
        if (at > oldest) at--;
    }
    for (uint32_t i = s->count; i > at; i--) s->seqs[i] = s->seqs[i - 1];
    s->seqs[at] = seq;
    s->count++;
}

int nika_snapshots_save(struct nika_snapshots *s, uint64_t seq, struct nika_span image)
{
    char name[NIKA_FILE_NAME_SIZE];
    nika_snapshot_name(seq, name);
    int err = nika_file_replace(&s->files, name, image);
    if (err == 0) insert(s, seq);
    return err;
}

void nika_snapshots_drop(struct nika_snapshots *s, uint64_t before)
{
    while (s->count > 1 && s->seqs[0] < before) forget_at(s, 0);
}

/* ---- reading ---- */
static enum nika_err bad(struct nika_disk_store_error *error, uint32_t offset, const char *what)
{
    nika_disk_say(error, "offset %u: %s", offset, what);
    return NIKA_ERR_MALFORMED;
}

static enum nika_err check_chunks(struct nika_span file, uint32_t *at,
                                  struct nika_snapshot_view *out, struct nika_digest *leaves,
                                  struct nika_disk_store_error *error)
{
    uint64_t total = 0;
    uint32_t start = *at;
    struct nika_wal_record record;
    for (uint32_t i = 0; i < out->meta.chunk_count; i++) {
        uint32_t from = *at;
        if (nika_wal_next(file, at, &record) != NIKA_OK || record.kind != NIKA_KIND_CHUNK ||
            record.seq != i)
            return bad(error, from, "bad record; expected the next chunk");
        nika_merkle_leaf(i, record.payload, &leaves[i]);
        total += record.payload.size;
    }
    out->chunks = (struct nika_span){file.data + start, *at - start};
    struct nika_digest root;
    nika_merkle_root(leaves, out->meta.chunk_count, leaves, &root);
    if (total != out->meta.total_size || !nika_digest_equal(&root, &out->meta.root))
        return bad(error, start, "the chunks do not lead to the recorded root");
    return NIKA_OK;
}

enum nika_err nika_snapshot_check(struct nika_span file, struct nika_snapshot_view *out,
                                  struct nika_disk_store_error *error)
{
    struct nika_wal_record record;
    memset(out, 0, sizeof *out);
    enum nika_err err = nika_snapshot_head_read(file, &out->identity, &out->meta);
    if (err == NIKA_ERR_VERSION)
        nika_disk_say(error, "offset 0: of another version of the format than %u",
                      NIKA_DIRECTORY_VERSION);
    if (err == NIKA_ERR_MALFORMED) return bad(error, 0, "bad record; expected a snapshot's head");
    if (err != NIKA_OK) return err;
    if (out->meta.chunk_count > NIKA_CHUNKS_MAX)
        return bad(error, 0, "more chunks than any state has");
    uint32_t at = NIKA_SNAPSHOT_HEAD_SIZE, from = at;
    if (nika_wal_next(file, &at, &record) != NIKA_OK || record.kind != NIKA_KIND_MODULE)
        return bad(error, from, "bad record; expected the module's part");
    out->module = record.payload;
    struct nika_digest *leaves = calloc(out->meta.chunk_count + 1u, sizeof *leaves);
    if (leaves == NULL) {
        nika_disk_say(error, "out of memory");
        return NIKA_ERR_IO;
    }
    err = check_chunks(file, &at, out, leaves, error);
    free(leaves);
    if (err != NIKA_OK) return err;
    from = at;
    if (nika_wal_next(file, &at, &record) != NIKA_OK || record.kind != NIKA_KIND_END)
        return bad(error, from, "bad record; expected the end");
    return at == file.size ? NIKA_OK : bad(error, at, "bytes behind the end");
}

enum nika_err nika_snapshot_read(const struct nika_files *files, uint64_t seq, uint8_t **data,
                                 struct nika_snapshot_view *out,
                                 struct nika_disk_store_error *error)
{
    char name[NIKA_FILE_NAME_SIZE];
    struct nika_disk_store_error why = {{0}};
    uint32_t size;
    nika_snapshot_name(seq, name);
    memset(out, 0, sizeof *out);
    int failed = nika_file_read(files, name, NIKA_FILE_SIZE_MAX, data, &size);
    enum nika_err err = failed == EFBIG ? NIKA_ERR_MALFORMED : NIKA_ERR_IO;
    if (failed != 0) nika_disk_say(&why, "%s", strerror(failed));
    if (failed == 0) err = nika_snapshot_check((struct nika_span){*data, size}, out, &why);
    if (err == NIKA_OK && out->meta.seq != seq)
        err = bad(&why, 0, "holds another snapshot than its name says");
    if (err == NIKA_OK) return NIKA_OK;
    nika_disk_say(error, "%s/%s: %.300s", files->path, name, why.text);
    free(*data);
    *data = NULL;
    return err;
}

enum nika_err nika_snapshot_restore(const struct nika_snapshot_view *view,
                                    const struct nika_app_ops *ops, struct nika_app *app)
{
    struct nika_wal_record record;
    struct nika_snapshot_meta got;
    uint32_t at = 0;
    memset(&got, 0, sizeof got);
    if (ops->restore_begin(app, &view->meta) != NIKA_OK) return NIKA_ERR_MALFORMED;
    for (uint32_t i = 0; i < view->meta.chunk_count; i++) {
        if (nika_wal_next(view->chunks, &at, &record) != NIKA_OK) return NIKA_ERR_MALFORMED;
        if (ops->restore_chunk(app, i, record.payload) != NIKA_OK) return NIKA_ERR_MALFORMED;
    }
    if (ops->restore_end(app, &got) != NIKA_OK) return NIKA_ERR_MALFORMED;
    return nika_digest_equal(&got.root, &view->meta.root) ? NIKA_OK : NIKA_ERR_MALFORMED;
}

/* One that is damaged goes aside; one of somebody else is refused. */
static enum nika_err admit(struct nika_snapshots *s, uint64_t seq,
                           struct nika_disk_store_error *error)
{
    struct nika_snapshot_view view;
    struct nika_disk_store_error why = {{0}};
    char name[NIKA_FILE_NAME_SIZE];
    uint8_t *data = NULL;
    nika_snapshot_name(seq, name);
    enum nika_err err = nika_snapshot_read(&s->files, seq, &data, &view, &why);
    bool ours = nika_journal_identity_equal(&view.identity, &s->identity);
    free(data);
    if (err == NIKA_OK && ours) {
        insert(s, seq);
        return NIKA_OK;
    }
    if (err == NIKA_OK) {
        nika_disk_say(error, "%s/%s: belongs to another replica or group (replica %u); remove it",
                      s->files.path, name, view.identity.replica);
        return NIKA_ERR_CONFIG;
    }
    nika_disk_say(error, "%s", why.text);
    if (err != NIKA_ERR_MALFORMED) return err;
    int failed = nika_file_set_aside(&s->files, name);
    if (failed == 0) return NIKA_OK;
    nika_disk_say(error, "%.400s; moving it aside: %s", why.text, strerror(failed));
    return NIKA_ERR_IO;
}

enum nika_err nika_snapshots_open(struct nika_snapshots *s, const struct nika_files *files,
                                  const struct nika_journal_identity *identity,
                                  struct nika_disk_store_error *error)
{
    uint64_t *numbers;
    uint32_t count;
    *s = (struct nika_snapshots){.files = *files, .identity = *identity};
    int failed =
        nika_file_numbers(files, NIKA_SNAPSHOT_PREFIX, NIKA_SNAPSHOT_DIGITS, &numbers, &count);
    if (failed != 0) {
        nika_disk_say(error, "%s: %s", files->path, strerror(failed));
        return NIKA_ERR_IO;
    }
    enum nika_err err = NIKA_OK;
    for (uint32_t i = 0; i < count && err == NIKA_OK; i++) err = admit(s, numbers[i], error);
    free(numbers);
    return err;
}
