/* engine/shim/journal.c: appending to the log: batches, commits, new segments, truncation; see journal.h. */
#include "engine/shim/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/core/assert.h"
#include "engine/shim/journal_private.h"

_Static_assert(NIKA_JOURNAL_SEGMENT_BYTES_MAX + NIKA_JOURNAL_BATCH_BYTES + NIKA_JOURNAL_RECORD_MAX +
                       4096u <
                   NIKA_FILE_SIZE_MAX,
               "every segment can be read back");

#define SEGMENTS_MAX 4096u /* 64 GiB of log at the default size: a module that never trims. */

static int sync_file(struct nika_journal *log, int file)
{
    log->figures.syncs++;
    return -log->files.ops->sync(log->files.context, file);
}

/* ---- the small files ---- */
int nika_journal_manifest_put(struct nika_journal *log, uint64_t first, uint64_t last)
{
    uint8_t bytes[NIKA_MANIFEST_SIZE];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    struct nika_journal_manifest manifest = {
        .identity = log->identity, .first = first, .last = last};
    nika_manifest_write(&w, &manifest);
    NIKA_ASSERT(!w.failed);
    return nika_file_replace(&log->files, NIKA_IDENTITY_FILE, (struct nika_span){bytes, w.at});
}

void nika_journal_mark_put(struct nika_journal *log, uint64_t segment, uint32_t offset)
{
    uint8_t bytes[NIKA_MARK_SIZE];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    log->mark.counter++;
    log->mark.segment = segment;
    log->mark.offset = offset;
    nika_mark_write(&w, &log->mark);
    NIKA_ASSERT(!w.failed);
    uint64_t at = log->mark.counter % 2 * NIKA_MARK_SECTOR;
    (void)nika_file_write_all(&log->files, log->mark_file, (struct nika_span){bytes, w.at}, at);
}

/* ---- segments ---- */
static bool segments_reserve(struct nika_journal *log)
{
    if (log->count < log->capacity) return true;
    uint32_t capacity = log->capacity == 0 ? 8 : 2 * log->capacity;
    struct nika_journal_segment *more = realloc(log->segments, capacity * sizeof *more);
    if (more == NULL) return false;
    log->segments = more;
    log->capacity = capacity;
    return true;
}

int nika_journal_segment_new(struct nika_journal *log, uint64_t number, uint32_t previous_end)
{
    const struct nika_file_ops *ops = log->files.ops;
    uint8_t bytes[NIKA_HEAD_SIZE];
    char name[NIKA_FILE_NAME_SIZE];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    struct nika_journal_head head = {
        .identity = log->identity, .number = number, .previous_end = previous_end};
    if (log->count >= SEGMENTS_MAX || number > NIKA_JOURNAL_NUMBER_MAX) return EFBIG;
    if (!segments_reserve(log)) return ENOMEM;
    nika_head_write(&w, &head);
    NIKA_ASSERT(!w.failed && w.at == NIKA_HEAD_SIZE);
    nika_journal_name(number, name);
    int file = ops->open(log->files.context, log->files.dir, name, true);
    if (file < 0) return -file;
    int err = nika_file_write_all(&log->files, file, (struct nika_span){bytes, w.at}, 0);
    if (err == 0) err = sync_file(log, file);
    if (err == 0) err = -ops->sync_dir(log->files.context, log->files.dir);
    uint64_t first = log->count > 0 ? log->segments[0].number : number;
    if (err == 0) err = nika_journal_manifest_put(log, first, number);
    if (err != 0) {
        (void)close(file);
        return err;
    }
    if (log->file >= 0) (void)close(log->file);
    log->file = file;
    log->segments[log->count++] =
        (struct nika_journal_segment){.number = number, .size = w.at, .end = w.at};
    log->durable = w.at;
    log->tail_unsure = log->must_rotate = false;
    nika_journal_mark_put(log, number, log->durable);
    return 0;
}

/* Ready to write `size` bytes at `durable`. */
static int make_room(struct nika_journal *log, uint32_t size)
{
    bool full = log->durable > NIKA_HEAD_SIZE && log->durable > log->segment_bytes - size;
    if (size > log->segment_bytes) full = log->durable > NIKA_HEAD_SIZE;
    if (log->must_rotate || full) {
        /* Once begun it must be finished: the new segment may already be named, and what it says of the end of this one must stay
         * true. */
        log->must_rotate = true;
        uint64_t number = log->segments[log->count - 1].number + 1;
        return nika_journal_segment_new(log, number, log->durable);
    }
    if (!log->tail_unsure) return 0;
    int err = -log->files.ops->truncate(log->files.context, log->file, log->durable);
    if (err == 0) log->tail_unsure = false;
    return err;
}

/* ---- batches ---- */
static bool batch_reserve(struct nika_journal *log, uint32_t size)
{
    if (size <= log->batch_capacity - log->batch_size) return true;
    uint32_t capacity = log->batch_capacity == 0 ? 64u * 1024u : log->batch_capacity;
    while (capacity - log->batch_size < size) capacity *= 2;
    uint8_t *more = realloc(log->batch, capacity);
    if (more == NULL) return false;
    log->batch = more;
    log->batch_capacity = capacity;
    return true;
}

/* A batch starts with SYNCED, which is filled in when it is known where the batch goes. */
static int batch_add(struct nika_journal *log, uint8_t kind, uint64_t seq, struct nika_span payload)
{
    uint32_t size = payload.size + NIKA_WAL_OVERHEAD;
    uint32_t head = log->batch_size == 0 ? NIKA_WAL_OVERHEAD : 0;
    if (payload.size > NIKA_JOURNAL_RECORD_MAX + NIKA_CARRIED_OVERHEAD) return EMSGSIZE;
    if (!batch_reserve(log, head + size)) return ENOMEM;
    if (head > 0) memset(log->batch, 0, head);
    struct nika_writer w = nika_writer_of(log->batch, log->batch_capacity);
    w.at = log->batch_size + head;
    nika_wal_write(&w, kind, seq, payload);
    NIKA_ASSERT(!w.failed);
    log->batch_size = w.at;
    return 0;
}

int nika_journal_append(struct nika_journal *log, uint8_t kind, uint64_t seq,
                        struct nika_span payload)
{
    NIKA_ASSERT(kind < NIKA_KIND_RESERVED);
    if (payload.size > NIKA_JOURNAL_RECORD_MAX) return EMSGSIZE;
    return batch_add(log, kind, seq, payload);
}

int nika_journal_trim(struct nika_journal *log, uint64_t seq)
{
    if (seq <= log->index.trimmed) return 0;
    return batch_add(log, NIKA_KIND_TRIM, seq, (struct nika_span){NULL, 0});
}

uint32_t nika_journal_pending(const struct nika_journal *log)
{
    return log->batch_size;
}

static void batch_clear(struct nika_journal *log)
{
    log->batch_size = 0;
    if (log->batch_capacity <= 2 * NIKA_JOURNAL_BATCH_BYTES) return;
    free(log->batch); /* One large record must not stay resident. */
    log->batch = NULL;
    log->batch_capacity = 0;
}

static void batch_account(struct nika_journal *log)
{
    struct nika_journal_segment *segment = &log->segments[log->count - 1];
    struct nika_span batch = {log->batch, log->batch_size};
    struct nika_wal_record record;
    uint32_t at = 0;
    for (uint32_t from = 0; nika_wal_next(batch, &at, &record) == NIKA_OK; from = at)
        nika_journal_account(&log->index, segment, log->durable + from, &record);
    NIKA_ASSERT(at == log->batch_size);
    log->durable += log->batch_size;
    segment->end = segment->size = log->durable;
}

static int batch_write(struct nika_journal *log)
{
    int err = make_room(log, log->batch_size);
    if (err != 0) return err;
    struct nika_writer w = nika_writer_of(log->batch, NIKA_WAL_OVERHEAD);
    nika_wal_write(&w, NIKA_KIND_SYNCED, log->durable, (struct nika_span){NULL, 0});
    NIKA_ASSERT(!w.failed);
    struct nika_span batch = {log->batch, log->batch_size};
    err = nika_file_write_all(&log->files, log->file, batch, log->durable);
    if (err != 0) {
        /* Cut at once, so that a crash finds nothing of it, and a full disk gets the room back. */
        bool cut = log->files.ops->truncate(log->files.context, log->file, log->durable) == 0;
        log->tail_unsure = !cut;
        return err;
    }
    err = sync_file(log, log->file);
    if (err != 0) {
        log->must_rotate = true;
        return err;
    }
    batch_account(log);
    nika_journal_mark_put(log, log->segments[log->count - 1].number, log->durable);
    log->figures.commits++;
    log->figures.bytes += log->batch_size;
    return 0;
}

/* ---- truncation ---- */
/* Write the state records that only the first segment still holds once more. */
static int carry_states(struct nika_journal *log)
{
    const struct nika_journal_segment *first = &log->segments[0];
    char name[NIKA_FILE_NAME_SIZE];
    uint8_t *data = NULL;
    uint32_t size = 0;
    int err = 0;
    nika_journal_name(first->number, name);
    for (uint32_t kind = 0; kind < NIKA_JOURNAL_KINDS && err == 0; kind++) {
        const struct nika_journal_place *place = &log->index.newest[kind];
        struct nika_wal_record record;
        struct nika_journal_carried carried;
        if (place->order == 0 || place->segment != first->number) continue;
        if (data == NULL) err = nika_file_read(&log->files, name, NIKA_FILE_SIZE_MAX, &data, &size);
        if (err != 0) break;
        uint32_t at = place->offset;
        if (nika_wal_next((struct nika_span){data, size}, &at, &record) != NIKA_OK) {
            err =
                EIO; /* Rotten since it was written: the segment stays, as evidence for the next open. */
            break;
        }
        bool again = record.kind == NIKA_KIND_CARRIED &&
                     nika_carried_read(record.payload, &carried) == NIKA_OK;
        struct nika_span payload = again ? carried.payload : record.payload;
        uint8_t *wrapped = malloc(payload.size + NIKA_CARRIED_OVERHEAD);
        if (wrapped == NULL) {
            err = ENOMEM;
            break;
        }
        struct nika_writer w = nika_writer_of(wrapped, payload.size + NIKA_CARRIED_OVERHEAD);
        nika_write_u8(&w, (uint8_t)(kind | NIKA_RECORD_LATEST));
        nika_write_u64(&w, place->order);
        nika_write_raw(&w, payload.data, payload.size);
        err = batch_add(log, NIKA_KIND_CARRIED, record.seq, (struct nika_span){wrapped, w.at});
        free(wrapped);
    }
    free(data);
    return err;
}

static bool first_is_dead(const struct nika_journal *log)
{
    return log->count > 1 && log->segments[0].slot_seq_max <= log->index.trimmed;
}

/* Give dead segments back. The identity file stops naming a segment before it goes, so a crash in between leaves only a file too many,
 * which the next open removes. */
static int reclaim(struct nika_journal *log)
{
    char name[NIKA_FILE_NAME_SIZE];
    while (first_is_dead(log)) {
        NIKA_ASSERT(log->batch_size == 0);
        int err = carry_states(log);
        if (err == 0 && log->batch_size > 0) err = batch_write(log);
        batch_clear(log);
        if (err == 0)
            err = nika_journal_manifest_put(log, log->segments[1].number,
                                            log->segments[log->count - 1].number);
        if (err != 0) return err;
        nika_journal_name(log->segments[0].number, name);
        (void)log->files.ops->remove(log->files.context, log->files.dir, name);
        log->count--;
        memmove(log->segments, log->segments + 1, log->count * sizeof *log->segments);
    }
    return 0;
}

int nika_journal_commit(struct nika_journal *log)
{
    if (log->batch_size == 0) return 0;
    int err = batch_write(log);
    batch_clear(log);
    if (err == ENOSPC || err == EDQUOT || err == 0)
        (void)reclaim(log); /* Else with the next commit. */
    return err;
}

void nika_journal_figures(const struct nika_journal *log, struct nika_journal_figures *out)
{
    *out = log->figures;
    out->first = log->segments[0].number;
    out->last = log->segments[log->count - 1].number;
    out->trimmed = log->index.trimmed;
}

int nika_journal_remember(struct nika_journal *log)
{
    return nika_file_remove(&log->files, NIKA_FORGOTTEN_FILE);
}

void nika_journal_close(struct nika_journal *log)
{
    if (log == NULL) return;
    if (log->file >= 0) (void)close(log->file);
    if (log->mark_file >= 0) (void)close(log->mark_file);
    free(log->segments);
    free(log->batch);
    free(log);
}
