/* engine/shim/journal_walk.c: visits the records of a surveyed log, for recovery and for whoever looks (journal_survey.h). */
#include <errno.h>
#include <stdlib.h>

#include "engine/shim/journal_survey.h"

struct walk {
    const struct nika_files *files;
    const struct nika_journal_index *index;
    nika_journal_visit *visit;
    void *context;
    struct nika_disk_store_error *error;
};

static enum nika_err load(const struct walk *w, uint64_t number, uint32_t needed, uint8_t **data)
{
    char name[NIKA_FILE_NAME_SIZE];
    uint32_t size;
    nika_journal_name(number, name);
    int err = nika_file_read(w->files, name, NIKA_FILE_SIZE_MAX, data, &size);
    if (err == 0 && size >= needed) return NIKA_OK;
    nika_disk_say(w->error, "%s/%s: %s", w->files->path, name,
                  err != 0 ? strerror(err) : "has become shorter while it was read");
    free(*data);
    *data = NULL;
    return NIKA_ERR_IO;
}

/* Unwrap and judge the record at `offset`. */
static void entry_of(const struct walk *w, uint64_t segment, uint32_t offset, uint32_t end,
                     const struct nika_wal_record *record, struct nika_journal_entry *out)
{
    struct nika_journal_carried carried;
    *out = (struct nika_journal_entry){.segment = segment,
                                       .order = segment << 32 | offset,
                                       .offset = offset,
                                       .size = end - offset,
                                       .record = *record};
    if (record->kind == NIKA_KIND_CARRIED &&
        nika_carried_read(record->payload, &carried) == NIKA_OK) {
        out->carried = true;
        out->order = carried.order;
        out->record.kind = carried.kind;
        out->record.payload = carried.payload;
    }
    uint8_t kind = out->record.kind;
    if (kind >= NIKA_KIND_RESERVED) return;
    if ((kind & NIKA_RECORD_LATEST) == 0) {
        out->live = record->seq > w->index->trimmed;
        return;
    }
    const struct nika_journal_place *newest = &w->index->newest[kind & ~NIKA_RECORD_LATEST];
    out->live = newest->segment == segment && newest->offset == offset;
}

static enum nika_err walk_segment(const struct walk *w, const struct nika_journal_segment *segment)
{
    uint8_t *data;
    struct nika_wal_record record;
    struct nika_journal_entry entry;
    enum nika_err err = load(w, segment->number, segment->end, &data);
    if (err != NIKA_OK) return err;
    uint32_t at = 0;
    struct nika_span log = {data, segment->end};
    for (uint32_t from = 0; nika_wal_next(log, &at, &record) == NIKA_OK; from = at) {
        entry_of(w, segment->number, from, at, &record, &entry);
        w->visit(w->context, &entry);
    }
    free(data);
    if (at == segment->end) return NIKA_OK;
    char name[NIKA_FILE_NAME_SIZE];
    nika_journal_name(segment->number, name);
    nika_disk_say(w->error, "%s/%s: offset %u: has changed while it was read", w->files->path, name,
                  at);
    return NIKA_ERR_IO;
}

enum nika_err nika_journal_walk(const struct nika_files *files,
                                const struct nika_journal_segment *segments, uint32_t count,
                                const struct nika_journal_index *index, nika_journal_visit *visit,
                                void *context, struct nika_disk_store_error *error)
{
    struct walk w = {files, index, visit, context, error};
    enum nika_err err = NIKA_OK;
    for (uint32_t i = 0; i < count && err == NIKA_OK; i++) err = walk_segment(&w, &segments[i]);
    return err;
}

/* The carried record at `place`: older than all that was not carried, for its segment is gone. */
static enum nika_err visit_carried(const struct walk *w, const struct nika_journal_place *place)
{
    char name[NIKA_FILE_NAME_SIZE];
    struct nika_wal_record record;
    struct nika_journal_entry entry;
    uint32_t got = 0, at = 0;
    uint8_t *data = malloc(place->size);
    nika_journal_name(place->segment, name);
    int err = data == NULL
                  ? ENOMEM
                  : nika_file_read_part(w->files, name, place->offset, data, place->size, &got);
    bool good = err == 0 && nika_wal_next((struct nika_span){data, got}, &at, &record) == NIKA_OK;
    if (good) {
        entry_of(w, place->segment, place->offset, place->offset + at, &record, &entry);
        w->visit(w->context, &entry);
    } else {
        nika_disk_say(w->error, "%s/%s: offset %u: %s", w->files->path, name, place->offset,
                      err != 0 ? strerror(err) : "has changed while it was read");
    }
    free(data);
    return good ? NIKA_OK : NIKA_ERR_IO;
}

static bool is_carried(const struct nika_journal_place *place)
{
    return place->order != 0 && place->order != (place->segment << 32 | place->offset);
}

struct only_live {
    nika_journal_visit *visit;
    void *context;
};

static void visit_live(void *context, const struct nika_journal_entry *entry)
{
    struct only_live *only = context;
    if (entry->live && !entry->carried) only->visit(only->context, entry);
}

enum nika_err nika_journal_walk_live(const struct nika_files *files,
                                     const struct nika_journal_segment *segments, uint32_t count,
                                     const struct nika_journal_index *index,
                                     nika_journal_visit *visit, void *context,
                                     struct nika_disk_store_error *error)
{
    struct walk w = {files, index, visit, context, error};
    uint64_t after = 0;
    for (;;) {
        const struct nika_journal_place *next = NULL;
        for (uint32_t kind = 0; kind < NIKA_JOURNAL_KINDS; kind++) {
            const struct nika_journal_place *place = &index->newest[kind];
            if ((kind | NIKA_RECORD_LATEST) >= NIKA_KIND_RESERVED) break;
            if (!is_carried(place) || place->order <= after) continue;
            if (next == NULL || place->order < next->order) next = place;
        }
        if (next == NULL) break;
        enum nika_err err = visit_carried(&w, next);
        if (err != NIKA_OK) return err;
        after = next->order;
    }
    struct only_live only = {visit, context};
    return nika_journal_walk(files, segments, count, index, visit_live, &only, error);
}
