/* engine/shim/journal_survey.c: see journal_survey.h. */
#include "engine/shim/journal_survey.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/core/digest.h"

void nika_journal_name(uint64_t number, char out[NIKA_FILE_NAME_SIZE])
{
    (void)snprintf(out, NIKA_FILE_NAME_SIZE, NIKA_JOURNAL_PREFIX "%010llu",
                   (unsigned long long)number);
}

void nika_journal_survey_free(struct nika_journal_survey *survey)
{
    free(survey->segments);
    survey->segments = NULL;
    survey->count = 0;
}

/* The first damage is the one that is told; nothing behind the lowest is used. */
static void damage(struct nika_journal_survey *s, uint64_t segment, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void damage(struct nika_journal_survey *s, uint64_t segment, const char *format, ...)
{
    va_list list;
    if (segment < s->damage_segment) s->damage_segment = segment;
    if (s->state == NIKA_JOURNAL_DAMAGED) return;
    s->state = NIKA_JOURNAL_DAMAGED;
    va_start(list, format);
    (void)vsnprintf(s->problem, sizeof s->problem, format, list);
    va_end(list);
}

/* ---- what records amount to ---- */
static uint64_t order_of(uint64_t segment, uint32_t offset)
{
    return segment << 32 | offset;
}

void nika_journal_account(struct nika_journal_index *index, struct nika_journal_segment *segment,
                          uint32_t offset, const struct nika_wal_record *record)
{
    uint8_t kind = record->kind;
    struct nika_journal_place place = {.order = order_of(segment->number, offset),
                                       .segment = segment->number,
                                       .offset = offset,
                                       .size = record->payload.size + NIKA_WAL_OVERHEAD};
    if (kind == NIKA_KIND_CARRIED) {
        struct nika_journal_carried carried;
        if (nika_carried_read(record->payload, &carried) != NIKA_OK) return;
        kind = carried.kind;
        place.order = carried.order;
    }
    if (kind == NIKA_KIND_TRIM && record->seq > index->trimmed) index->trimmed = record->seq;
    if (kind < NIKA_KIND_RESERVED) segment->records++;
    if ((kind & NIKA_RECORD_LATEST) == 0) {
        if (record->seq > segment->slot_seq_max) segment->slot_seq_max = record->seq;
        return;
    }
    if (kind >= NIKA_KIND_RESERVED && kind != NIKA_KIND_TRIM) return;
    struct nika_journal_place *newest = &index->newest[kind & ~NIKA_RECORD_LATEST];
    if (place.order >= newest->order) *newest = place; /* Equal: it was carried, and this is it. */
}

/* ---- identity file and mark ---- */
static enum nika_err check_identity(const struct nika_files *files, const char *name,
                                    const struct nika_journal_identity *expected,
                                    const struct nika_journal_identity *found,
                                    struct nika_disk_store_error *error)
{
    char wanted[17], got[17];
    if (expected == NULL || nika_journal_identity_equal(expected, found)) return NIKA_OK;
    nika_hex(expected->group_id.bytes, 8, wanted);
    nika_hex(found->group_id.bytes, 8, got);
    nika_disk_say(error,
                  "%s/%s: belongs to replica %u of group %s.. (protocol %u), not to replica %u of "
                  "group %s.. (protocol %u); give this replica a directory of its own",
                  files->path, name, found->replica, got, found->protocol, expected->replica,
                  wanted, expected->protocol);
    return NIKA_ERR_CONFIG;
}

static enum nika_err say_io(const struct nika_files *files, const char *name, int err,
                            struct nika_disk_store_error *error)
{
    nika_disk_say(error, "%s/%s: %s", files->path, name, strerror(err));
    return NIKA_ERR_IO;
}

static enum nika_err say_version(const struct nika_files *files, const char *name,
                                 struct nika_disk_store_error *error)
{
    nika_disk_say(error,
                  "%s/%s: written by another version of the directory format than %u; use the "
                  "program that wrote it",
                  files->path, name, NIKA_DIRECTORY_VERSION);
    return NIKA_ERR_VERSION;
}

static enum nika_err read_manifest(const struct nika_files *files,
                                   const struct nika_journal_identity *expected,
                                   struct nika_journal_survey *s, bool *absent,
                                   struct nika_disk_store_error *error)
{
    uint8_t *data;
    uint32_t size;
    int err = nika_file_read(files, NIKA_IDENTITY_FILE, 4096, &data, &size);
    *absent = err == ENOENT;
    if (*absent) return NIKA_OK;
    if (err != 0 && err != EFBIG) return say_io(files, NIKA_IDENTITY_FILE, err, error);
    enum nika_err read = NIKA_ERR_MALFORMED;
    if (err == 0) read = nika_manifest_read((struct nika_span){data, size}, &s->manifest);
    free(data);
    if (read == NIKA_ERR_VERSION) return say_version(files, NIKA_IDENTITY_FILE, error);
    s->has_manifest = read == NIKA_OK;
    if (!s->has_manifest) return NIKA_OK;
    return check_identity(files, NIKA_IDENTITY_FILE, expected, &s->manifest.identity, error);
}

static enum nika_err read_mark(const struct nika_files *files, struct nika_journal_survey *s,
                               struct nika_disk_store_error *error)
{
    uint8_t *data;
    uint32_t size;
    int err = nika_file_read(files, NIKA_MARK_FILE, 65536, &data, &size);
    if (err == ENOENT || err == EFBIG) return NIKA_OK;
    if (err != 0) return say_io(files, NIKA_MARK_FILE, err, error);
    for (uint32_t at = 0; at < 2 * NIKA_MARK_SECTOR && at < size; at += NIKA_MARK_SECTOR) {
        struct nika_journal_mark mark;
        if (nika_mark_read((struct nika_span){data + at, size - at}, &mark) != NIKA_OK) continue;
        if (s->has_mark && mark.counter <= s->mark.counter) continue;
        s->mark = mark;
        s->has_mark = true;
    }
    free(data);
    return NIKA_OK;
}

/* ---- segments ---- */
struct reading {
    const struct nika_files *files;
    const struct nika_journal_identity *expected;
    struct nika_journal_survey *s;
    struct nika_disk_store_error *error;
    uint64_t number;
    char name[NIKA_FILE_NAME_SIZE];
    uint8_t *data;
    uint32_t size;
    struct nika_journal_head head;
};

/* Load segment `number` and check its HEAD. *there = false after damage. */
static enum nika_err segment_load(struct reading *g, uint64_t number, bool *there)
{
    *there = false;
    g->number = number;
    nika_journal_name(number, g->name);
    int err = nika_file_read(g->files, g->name, NIKA_FILE_SIZE_MAX, &g->data, &g->size);
    if (err == ENOENT || err == EFBIG) {
        damage(g->s, number, "%s/%s: %s, of segments %llu to %llu", g->files->path, g->name,
               err == ENOENT ? "is missing" : "is larger than any segment",
               (unsigned long long)g->s->manifest.first, (unsigned long long)g->s->manifest.last);
        return NIKA_OK;
    }
    if (err != 0) return say_io(g->files, g->name, err, g->error);
    enum nika_err read = nika_head_read((struct nika_span){g->data, g->size}, &g->head);
    if (read == NIKA_ERR_VERSION) return say_version(g->files, g->name, g->error);
    if (read != NIKA_OK || g->head.number != number) {
        damage(g->s, number, "%s/%s: offset 0: expected the head of segment %llu", g->files->path,
               g->name, (unsigned long long)number);
        return NIKA_OK;
    }
    if (!g->s->has_manifest && g->s->count == 0) g->s->manifest.identity = g->head.identity;
    *there = true;
    return check_identity(g->files, g->name, g->expected, &g->head.identity, g->error);
}

/* Bytes of segment `number` that count, as its successor says; UINT32_MAX when there is none to ask. */
static enum nika_err expected_end(struct reading *g, uint32_t *end)
{
    char name[NIKA_FILE_NAME_SIZE];
    uint8_t data[NIKA_HEAD_SIZE];
    uint32_t size;
    struct nika_journal_head head;
    *end = UINT32_MAX;
    if (g->number >= g->s->manifest.last) return NIKA_OK;
    nika_journal_name(g->number + 1, name);
    int err = nika_file_read_part(g->files, name, 0, data, sizeof data, &size);
    if (err == ENOMEM || err == EIO || err == EMFILE) return say_io(g->files, name, err, g->error);
    if (err != 0) return NIKA_OK; /* Found to be damaged when its turn comes. */
    bool good = nika_head_read((struct nika_span){data, size}, &head) == NIKA_OK;
    if (good && head.number == g->number + 1) *end = head.previous_end;
    return NIKA_OK;
}

/* Does an intact SYNCED record behind `bad` say that what lies at `bad` was durable? It stands at the offset that it names, so bytes
 * of an operation cannot well pass for one. */
static bool synced_behind(struct nika_span log, uint32_t bad, uint32_t *where)
{
    for (uint32_t i = bad + 1; i < log.size && log.size - i >= NIKA_WAL_OVERHEAD; i++) {
        const uint8_t *p = log.data + i;
        uint32_t at = i;
        struct nika_wal_record record;
        if (p[4] != NIKA_KIND_SYNCED || nika_load_le(p, 4) != 0) continue;
        if (nika_wal_next(log, &at, &record) != NIKA_OK || record.seq != i) continue;
        *where = i;
        return true;
    }
    return false;
}

static void judge_last(struct reading *g, uint32_t at)
{
    struct nika_journal_survey *s = g->s;
    struct nika_span log = {g->data, g->size};
    uint32_t where = 0;
    if (!s->has_mark) {
        damage(s, g->number, "%s/%s: no intact mark of how much of the log was durable",
               g->files->path, NIKA_MARK_FILE);
    } else if (s->mark.segment > g->number) {
        damage(s, g->number + 1, "%s/%s: names segment %llu, but the last is %llu", g->files->path,
               NIKA_MARK_FILE, (unsigned long long)s->mark.segment, (unsigned long long)g->number);
    } else if (s->mark.segment == g->number && at < s->mark.offset) {
        damage(s, g->number, "%s/%s: offset %u: %s; it was durable up to offset %u", g->files->path,
               g->name, at, at == g->size ? "the log ends here" : "bad record", s->mark.offset);
    } else if (at < g->size && synced_behind(log, at, &where)) {
        damage(s, g->number,
               "%s/%s: offset %u: bad record; the one at offset %u is intact and newer",
               g->files->path, g->name, at, where);
    } else if (at < g->size) {
        (void)snprintf(s->problem, sizeof s->problem,
                       "%s/%s: offset %u: torn tail of %u bytes that was never acknowledged",
                       g->files->path, g->name, at, g->size - at);
    }
}

static enum nika_err segment_scan(struct reading *g)
{
    struct nika_journal_survey *s = g->s;
    uint32_t expected = UINT32_MAX;
    enum nika_err err = expected_end(g, &expected);
    if (err != NIKA_OK) return err;
    struct nika_journal_segment *segment = &s->segments[s->count];
    memset(segment, 0, sizeof *segment);
    segment->number = g->number;
    segment->size = g->size;
    struct nika_span log = {g->data, expected < g->size ? expected : g->size};
    struct nika_wal_record record;
    uint32_t at = 0;
    for (uint32_t from = 0; nika_wal_next(log, &at, &record) == NIKA_OK; from = at)
        nika_journal_account(&s->index, segment, from, &record);
    segment->end = at;
    s->count++;
    if (g->number < s->manifest.last) {
        if (expected != UINT32_MAX && at != expected)
            damage(s, g->number, "%s/%s: offset %u: %s; segment %llu says that it ends at %u",
                   g->files->path, g->name, at, at == g->size ? "the log ends here" : "bad record",
                   (unsigned long long)g->number + 1, expected);
        return NIKA_OK;
    }
    judge_last(g, at);
    return NIKA_OK;
}

static enum nika_err read_segments(const struct nika_files *files,
                                   const struct nika_journal_identity *expected,
                                   struct nika_journal_survey *s,
                                   struct nika_disk_store_error *error)
{
    struct reading g = {.files = files, .expected = expected, .s = s, .error = error};
    enum nika_err err = NIKA_OK;
    uint64_t span = s->manifest.last - s->manifest.first + 1;
    s->segments = calloc(span <= 65536 ? (size_t)span : 65536, sizeof *s->segments);
    if (s->segments == NULL) return say_io(files, "log", ENOMEM, error);
    bool go_on = true;
    for (uint64_t i = 0; i < span && i < 65536 && go_on && err == NIKA_OK; i++) {
        bool there;
        err = segment_load(&g, s->manifest.first + i, &there);
        if (err == NIKA_OK && there) err = segment_scan(&g);
        free(g.data);
        g.data = NULL;
        go_on = there && s->damage_segment > g.number;
    }
    return err;
}

/* A directory whose making was cut short: the identity file comes last, so without one nothing was ever acknowledged, unless there is
 * more than what making it leaves. */
static bool only_begun(const struct nika_files *files, const uint64_t *numbers, uint32_t count,
                       bool *error_free)
{
    uint8_t *data;
    uint32_t size;
    uint64_t *snapshots;
    uint32_t snapshot_count;
    int err = nika_file_numbers(files, NIKA_SNAPSHOT_PREFIX, NIKA_SNAPSHOT_DIGITS, &snapshots,
                                &snapshot_count);
    *error_free = err == 0;
    if (err != 0) return false;
    free(snapshots);
    if (snapshot_count > 0 || count > 1 || nika_file_exists(files, NIKA_FORGOTTEN_FILE))
        return false;
    if (count == 0) return true;
    if (numbers[0] != 1) return false;
    char name[NIKA_FILE_NAME_SIZE];
    nika_journal_name(1, name);
    err = nika_file_read(files, name, NIKA_HEAD_SIZE, &data, &size);
    free(data);
    return err == 0;
}

static enum nika_err without_manifest(const struct nika_files *files, struct nika_journal_survey *s,
                                      bool absent, struct nika_disk_store_error *error)
{
    uint64_t *numbers;
    uint32_t count;
    bool readable = true;
    int err = nika_file_numbers(files, NIKA_JOURNAL_PREFIX, NIKA_JOURNAL_DIGITS, &numbers, &count);
    if (err != 0) return say_io(files, ".", err, error);
    if (absent && only_begun(files, numbers, count, &readable)) {
        s->state = NIKA_JOURNAL_NEW;
        free(numbers);
        return NIKA_OK;
    }
    s->manifest.first = count > 0 ? numbers[0] : 1;
    s->manifest.last = count > 0 ? numbers[count - 1] : 1;
    free(numbers);
    if (!readable) return say_io(files, ".", EIO, error);
    damage(s, s->manifest.last + 1, "%s/%s: %s, and the log may be cut", files->path,
           NIKA_IDENTITY_FILE, absent ? "is missing" : "is damaged");
    return NIKA_OK;
}

enum nika_err nika_journal_survey(const struct nika_files *files,
                                  const struct nika_journal_identity *expected,
                                  struct nika_journal_survey *out,
                                  struct nika_disk_store_error *error)
{
    bool absent = false;
    memset(out, 0, sizeof *out);
    out->state = NIKA_JOURNAL_GOOD;
    out->damage_segment = UINT64_MAX;
    out->forgotten = nika_file_exists(files, NIKA_FORGOTTEN_FILE);
    enum nika_err err = read_manifest(files, expected, out, &absent, error);
    if (err == NIKA_OK) err = read_mark(files, out, error);
    if (err == NIKA_OK && !out->has_manifest) err = without_manifest(files, out, absent, error);
    if (err != NIKA_OK || out->state == NIKA_JOURNAL_NEW) return err;
    return read_segments(files, expected, out, error);
}
