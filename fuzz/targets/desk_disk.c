/* fuzz/targets/desk_disk.c: see desk_disk.h. */
#include "fuzz/targets/desk_disk.h"

/* A writer at the end of the disk. */
static struct nika_writer behind(struct desk_disk *disk)
{
    return nika_writer_of(disk->bytes + disk->state.used, DESK_DISK_BYTES - disk->state.used);
}

static void add(struct desk_disk *disk, uint32_t kind, uint64_t seq, const struct nika_writer *w)
{
    struct desk_disk_state *s = &disk->state;
    NIKA_TARGET_CHECK(!w->failed && s->count < DESK_ENTRIES_MAX, "the desk's disk is full");
    disk->entries[s->count++] = (struct desk_entry){kind, s->used, w->at, seq};
    s->used += w->at;
}

void desk_disk_append(struct desk_disk *disk, uint32_t kind, uint64_t seq, struct nika_span bytes)
{
    struct nika_writer w = behind(disk);
    nika_write_raw(&w, bytes.data, bytes.size);
    add(disk, kind, seq, &w);
}

void desk_disk_remember(struct desk_disk *disk, const struct nika_snapshot_meta *meta)
{
    struct desk_disk_state *s = &disk->state;
    if (s->meta_count == DESK_METAS_MAX)
        memmove(s->metas, s->metas + 1, --s->meta_count * sizeof s->metas[0]);
    s->metas[s->meta_count++] = *meta;
}

static const struct nika_snapshot_meta *meta_of(const struct desk_disk *disk, uint64_t seq)
{
    for (uint32_t i = disk->state.meta_count; i-- > 0;) {
        if (disk->state.metas[i].seq == seq) return &disk->state.metas[i];
    }
    return NULL;
}

/* meta | module bytes (u32 length) | chunks (u32 length each), as the simulated disk keeps them. */
bool desk_disk_save(struct desk_disk *disk, const struct nika_app_ops *ops, struct nika_app *app,
                    const struct nika_config *config, uint64_t seq, struct nika_span module_bytes)
{
    const struct nika_snapshot_meta *meta = meta_of(disk, seq);
    struct nika_writer w = behind(disk);
    struct nika_merkle_proof proof;
    if (meta == NULL) return false;
    nika_snapshot_meta_write(&w, meta);
    nika_write_bytes(&w, module_bytes);
    for (uint32_t i = 0; i < meta->chunk_count; i++) {
        uint32_t size = 0;
        nika_write_u32(&w, 0);
        NIKA_TARGET_CHECK(!w.failed && w.capacity - w.at >= config->chunk_size,
                          "the desk's disk is full");
        if (ops->snapshot_chunk(app, seq, i, w.data + w.at, &size, &proof) != NIKA_OK) return false;
        nika_store_le(w.data + w.at - 4, size, 4);
        w.at += size;
    }
    add(disk, NIKA_RECORD_SNAPSHOT, seq, &w);
    return true;
}

void desk_disk_trim(struct desk_disk *disk, uint64_t seq)
{
    if (seq <= disk->state.trim_asked) return;
    disk->state.trim_asked = seq;
    disk->state.trim_barrier = disk->state.count;
    if (disk->state.durable == disk->state.count) disk->state.trimmed = seq;
}

void desk_disk_drop(struct desk_disk *disk, uint64_t before)
{
    if (before > disk->state.dropped) disk->state.dropped = before;
}

void desk_disk_stored(struct desk_disk *disk)
{
    struct desk_disk_state *s = &disk->state;
    NIKA_TARGET_CHECK(s->durable < s->count, "more is durable than was written");
    if (++s->durable >= s->trim_barrier) s->trimmed = s->trim_asked;
}

void desk_disk_crash(struct desk_disk *disk, uint32_t survive)
{
    struct desk_disk_state *s = &disk->state;
    s->count = s->durable + survive % (s->count - s->durable + 1);
    s->durable = s->count;
    s->trim_asked = s->trimmed;
    s->trim_barrier = 0;
    s->meta_count = 0;
    s->used = 0;
    if (s->count > 0) s->used = disk->entries[s->count - 1].at + disk->entries[s->count - 1].size;
}

void desk_disk_lose(struct desk_disk *disk)
{
    struct desk_disk_state *s = &disk->state;
    *s = (struct desk_disk_state){
        .first = s->count, .count = s->count, .durable = s->count, .used = s->used};
}

static struct nika_span bytes_of(const struct desk_disk *disk, const struct desk_entry *entry)
{
    return (struct nika_span){disk->bytes + entry->at, entry->size};
}

static void restore(struct desk_disk *disk, const struct desk_entry *entry,
                    const struct nika_replica_ops *replica, struct nika_replica *module,
                    const struct nika_app_ops *ops, struct nika_app *app)
{
    struct nika_reader r = nika_reader_of(bytes_of(disk, entry));
    struct nika_snapshot_meta meta, got;
    memset(&meta, 0, sizeof meta);
    memset(&got, 0, sizeof got);
    nika_snapshot_meta_read(&r, &meta);
    struct nika_span module_bytes = nika_read_bytes(&r, UINT32_MAX);
    bool good = !r.failed && ops->restore_begin(app, &meta) == NIKA_OK;
    for (uint32_t i = 0; good && i < meta.chunk_count; i++)
        good = ops->restore_chunk(app, i, nika_read_bytes(&r, UINT32_MAX)) == NIKA_OK && !r.failed;
    good = good && ops->restore_end(app, &got) == NIKA_OK;
    NIKA_TARGET_CHECK(good, "snapshot %llu cannot be restored", (unsigned long long)entry->seq);
    desk_disk_remember(disk, &got);
    replica->recover(module, NIKA_RECORD_SNAPSHOT, entry->seq, module_bytes);
}

/* What recovery is given of a log: of kinds of which the latest counts only that. */
struct newest {
    uint32_t place[256]; /* 1 + index, by kind. */
};

static struct newest newest_of(const struct desk_disk *disk)
{
    struct newest n = {{0}};
    for (uint32_t i = disk->state.first; i < disk->state.count; i++)
        n.place[disk->entries[i].kind % 256] = i + 1;
    return n;
}

static bool is_live(const struct desk_disk *disk, const struct newest *newest, uint32_t i)
{
    const struct desk_entry *e = &disk->entries[i];
    bool latest = (e->kind & NIKA_RECORD_LATEST) != 0;
    if (e->kind == NIKA_RECORD_SNAPSHOT) return false;
    return latest ? newest->place[e->kind % 256] == i + 1 : e->seq > disk->state.trimmed;
}

struct nika_trusted_value desk_disk_used(const struct desk_disk *disk,
                                         const struct nika_replica_ops *replica)
{
    struct newest newest = newest_of(disk);
    struct nika_trusted_value used = {0, 0};
    struct nika_summary s;
    for (uint32_t i = disk->state.first; i < disk->state.count; i++) {
        const struct desk_entry *e = &disk->entries[i];
        if (!is_live(disk, &newest, i)) continue;
        memset(&s, 0, sizeof s);
        replica->describe_record(e->kind, bytes_of(disk, e), &s);
        struct nika_trusted_value value = {s.view, s.seq};
        if (s.message_class == NIKA_MESSAGE_VIEW_CHANGE) value.order = 0;
        if (s.message_class != NIKA_MESSAGE_VIEW_CHANGE && s.message_class != NIKA_MESSAGE_COMMIT)
            continue;
        if (nika_trusted_compare(value, used) > 0) used = value;
    }
    return used;
}

void desk_disk_recover(struct desk_disk *disk, const struct nika_replica_ops *replica,
                       struct nika_replica *module, const struct nika_app_ops *ops,
                       struct nika_app *app)
{
    const struct desk_disk_state *s = &disk->state;
    struct newest newest = newest_of(disk);
    uint64_t restored = 0;
    for (uint32_t i = s->first; i < s->count; i++) {
        const struct desk_entry *e = &disk->entries[i];
        bool needed = e->seq >= s->dropped || newest.place[NIKA_RECORD_SNAPSHOT] == i + 1;
        if (e->kind != NIKA_RECORD_SNAPSHOT || !needed || e->seq <= restored) continue;
        restore(disk, e, replica, module, ops, app);
        restored = e->seq;
    }
    for (uint32_t i = s->first; i < s->count; i++) {
        const struct desk_entry *e = &disk->entries[i];
        if (is_live(disk, &newest, i)) replica->recover(module, e->kind, e->seq, bytes_of(disk, e));
    }
}
