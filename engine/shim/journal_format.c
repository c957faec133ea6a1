/* engine/shim/journal_format.c: see journal_format.h. */
#include "engine/shim/journal_format.h"

static const uint8_t magic[8] = {'N', 'I', 'K', 'A', 'D', 'I', 'R', '\n'};

static void identity_write(struct nika_writer *w, const struct nika_journal_identity *identity)
{
    nika_write_raw(w, magic, sizeof magic);
    nika_write_u32(w, NIKA_DIRECTORY_VERSION);
    nika_write_digest(w, &identity->group_id);
    nika_write_u32(w, identity->replica);
    nika_write_u32(w, identity->protocol);
}

/* The version comes before all that a version may change. */
static enum nika_err identity_read(struct nika_reader *r, struct nika_journal_identity *out)
{
    const uint8_t *first = nika_read_raw(r, sizeof magic);
    if (first == NULL || memcmp(first, magic, sizeof magic) != 0) return NIKA_ERR_MALFORMED;
    uint32_t version = nika_read_u32(r);
    if (r->failed) return NIKA_ERR_MALFORMED;
    if (version != NIKA_DIRECTORY_VERSION) return NIKA_ERR_VERSION;
    out->group_id = nika_read_digest(r);
    out->replica = nika_read_u32(r);
    out->protocol = nika_read_u32(r);
    return NIKA_OK;
}

static bool record_of(struct nika_span bytes, uint8_t kind, struct nika_wal_record *record)
{
    uint32_t at = 0;
    return nika_wal_next(bytes, &at, record) == NIKA_OK && record->kind == kind;
}

void nika_manifest_write(struct nika_writer *w, const struct nika_journal_manifest *manifest)
{
    uint8_t bytes[NIKA_MANIFEST_SIZE - NIKA_WAL_OVERHEAD];
    struct nika_writer payload = nika_writer_of(bytes, sizeof bytes);
    identity_write(&payload, &manifest->identity);
    nika_write_u64(&payload, manifest->first);
    nika_write_u64(&payload, manifest->last);
    nika_wal_write(w, NIKA_KIND_MANIFEST, 0, (struct nika_span){bytes, payload.at});
}

enum nika_err nika_manifest_read(struct nika_span bytes, struct nika_journal_manifest *out)
{
    struct nika_wal_record record;
    memset(out, 0, sizeof *out);
    if (!record_of(bytes, NIKA_KIND_MANIFEST, &record)) return NIKA_ERR_MALFORMED;
    struct nika_reader r = nika_reader_of(record.payload);
    enum nika_err err = identity_read(&r, &out->identity);
    if (err != NIKA_OK) return err;
    out->first = nika_read_u64(&r);
    out->last = nika_read_u64(&r);
    bool sane = out->first > 0 && out->first <= out->last && out->last <= NIKA_JOURNAL_NUMBER_MAX;
    return nika_reader_done(&r) && sane ? NIKA_OK : NIKA_ERR_MALFORMED;
}

void nika_head_write(struct nika_writer *w, const struct nika_journal_head *head)
{
    uint8_t bytes[NIKA_HEAD_SIZE - NIKA_WAL_OVERHEAD];
    struct nika_writer payload = nika_writer_of(bytes, sizeof bytes);
    identity_write(&payload, &head->identity);
    nika_write_u32(&payload, head->previous_end);
    nika_wal_write(w, NIKA_KIND_HEAD, head->number, (struct nika_span){bytes, payload.at});
}

enum nika_err nika_head_read(struct nika_span bytes, struct nika_journal_head *out)
{
    struct nika_wal_record record;
    memset(out, 0, sizeof *out);
    if (!record_of(bytes, NIKA_KIND_HEAD, &record)) return NIKA_ERR_MALFORMED;
    struct nika_reader r = nika_reader_of(record.payload);
    enum nika_err err = identity_read(&r, &out->identity);
    if (err != NIKA_OK) return err;
    out->number = record.seq;
    out->previous_end = nika_read_u32(&r);
    return nika_reader_done(&r) ? NIKA_OK : NIKA_ERR_MALFORMED;
}

void nika_mark_write(struct nika_writer *w, const struct nika_journal_mark *mark)
{
    uint8_t bytes[NIKA_MARK_SIZE - NIKA_WAL_OVERHEAD];
    struct nika_writer payload = nika_writer_of(bytes, sizeof bytes);
    nika_write_u64(&payload, mark->segment);
    nika_write_u32(&payload, mark->offset);
    nika_wal_write(w, NIKA_KIND_MARK, mark->counter, (struct nika_span){bytes, payload.at});
}

enum nika_err nika_mark_read(struct nika_span bytes, struct nika_journal_mark *out)
{
    struct nika_wal_record record;
    memset(out, 0, sizeof *out);
    if (!record_of(bytes, NIKA_KIND_MARK, &record)) return NIKA_ERR_MALFORMED;
    struct nika_reader r = nika_reader_of(record.payload);
    out->counter = record.seq;
    out->segment = nika_read_u64(&r);
    out->offset = nika_read_u32(&r);
    return nika_reader_done(&r) ? NIKA_OK : NIKA_ERR_MALFORMED;
}

void nika_snapshot_head_write(struct nika_writer *w, const struct nika_journal_identity *identity,
                              const struct nika_snapshot_meta *meta)
{
    uint8_t bytes[NIKA_SNAPSHOT_HEAD_SIZE - NIKA_WAL_OVERHEAD];
    struct nika_writer payload = nika_writer_of(bytes, sizeof bytes);
    identity_write(&payload, identity);
    nika_snapshot_meta_write(&payload, meta);
    nika_wal_write(w, NIKA_KIND_SNAPSHOT, meta->seq, (struct nika_span){bytes, payload.at});
}

enum nika_err nika_snapshot_head_read(struct nika_span bytes,
                                      struct nika_journal_identity *identity,
                                      struct nika_snapshot_meta *meta)
{
    struct nika_wal_record record;
    memset(identity, 0, sizeof *identity);
    memset(meta, 0, sizeof *meta);
    if (!record_of(bytes, NIKA_KIND_SNAPSHOT, &record)) return NIKA_ERR_MALFORMED;
    struct nika_reader r = nika_reader_of(record.payload);
    enum nika_err err = identity_read(&r, identity);
    if (err != NIKA_OK) return err;
    nika_snapshot_meta_read(&r, meta);
    return nika_reader_done(&r) && meta->seq == record.seq ? NIKA_OK : NIKA_ERR_MALFORMED;
}

enum nika_err nika_carried_read(struct nika_span payload, struct nika_journal_carried *out)
{
    struct nika_reader r = nika_reader_of(payload);
    memset(out, 0, sizeof *out);
    out->kind = nika_read_u8(&r);
    out->order = nika_read_u64(&r);
    if (r.failed || out->order == 0) return NIKA_ERR_MALFORMED;
    out->payload = (struct nika_span){payload.data + r.at, payload.size - r.at};
    return NIKA_OK;
}

bool nika_journal_identity_equal(const struct nika_journal_identity *a,
                                 const struct nika_journal_identity *b)
{
    return nika_digest_equal(&a->group_id, &b->group_id) && a->replica == b->replica &&
           a->protocol == b->protocol;
}
