/* fuzz/explore/world.c: what the world does for a module within a step: disk, application, snapshots (model.h).
 *
 * All of it answers at once. With crashes the durable records are part of a local state, and a crash may come between any two events of a
 * step; what was being written then has arrived, or has not. A state that is fetched comes from whomever is asked, if anybody has it. */
#include "apps/registry.h"
#include "engine/core/app_run.h"
#include "fuzz/explore/model.h"
#include "protocols/common/checkpoints.h"

#define RECORD_HEAD 12u
#define BODY_MAX 4096u

void explore_push(struct explore_model *m, struct explore_pending pending)
{
    NIKA_ASSERT(m->pending_count < EXPLORE_PENDING_MAX);
    m->pending[(m->pending_first + m->pending_count++) % EXPLORE_PENDING_MAX] = pending;
}

/* ---- disk ---- */

struct record {
    uint32_t kind;
    uint64_t seq;
    struct nika_span bytes;
};

static struct record record_at(const struct explore_model *m, uint32_t id)
{
    size_t size = 0;
    const uint8_t *bytes = explore_set_at(&m->records, id, &size);
    return (struct record){.kind = (uint32_t)nika_load_le(bytes, 4),
                           .seq = nika_load_le(bytes + 4, 8),
                           .bytes = {bytes + RECORD_HEAD, (uint32_t)size - RECORD_HEAD}};
}

static void disk_remove(struct explore_model *m, uint32_t at)
{
    m->disk_count--;
    for (uint32_t i = at; i < m->disk_count; i++) m->disk[i] = m->disk[i + 1];
}

/* Does a newer record make this one worthless? */
static bool replaces(const struct record *newer, const struct record *older)
{
    if (newer->kind != older->kind || (newer->kind & NIKA_RECORD_LATEST) == 0) return false;
    return newer->kind != NIKA_RECORD_SNAPSHOT || newer->seq == older->seq;
}

void explore_disk_write(struct explore_model *m, uint32_t record)
{
    struct record newer = record_at(m, record);
    for (uint32_t i = m->disk_count; i > 0; i--) {
        struct record older = record_at(m, m->disk[i - 1]);
        if (m->disk[i - 1] == record || replaces(&newer, &older)) disk_remove(m, i - 1);
    }
    NIKA_ASSERT(m->disk_count < EXPLORE_LIST_MAX);
    m->disk[m->disk_count++] = (uint16_t)record;
}

/* Slot records up to `upto`, or snapshots before it. */
static void disk_forget(struct explore_model *m, bool snapshots, uint64_t upto)
{
    for (uint32_t i = m->disk_count; i > 0; i--) {
        struct record r = record_at(m, m->disk[i - 1]);
        bool goes = snapshots ? r.kind == NIKA_RECORD_SNAPSHOT && r.seq < upto
                              : (r.kind & NIKA_RECORD_LATEST) == 0 && r.seq <= upto;
        if (goes) disk_remove(m, i - 1);
    }
}

static void persist(struct explore_model *m, const struct nika_action *a, uint32_t kind,
                    struct nika_span bytes)
{
    static uint8_t room[64u * 1024u];
    struct explore_pending pending = {.kind = NIKA_EVENT_STORED, .token = a->token};
    if (m->options.crashes > 0) {
        struct nika_writer w = nika_writer_of(room, sizeof room);
        nika_write_u32(&w, kind);
        nika_write_u64(&w, a->a);
        nika_write_raw(&w, bytes.data, bytes.size);
        NIKA_ASSERT(!w.failed);
        uint32_t record = explore_set_add(&m->records, room, w.at);
        NIKA_ASSERT(record < EXPLORE_MESSAGES_MAX);
        pending.record = record + 1;
    }
    explore_push(m, pending);
}

/* ---- snapshots ---- */

static void add_body(struct nika_writer *all, const struct nika_message_info *info,
                     const void *message)
{
    uint8_t body[BODY_MAX];
    struct nika_writer w = nika_writer_of(body, sizeof body);
    nika_encode(info, message, &w);
    NIKA_ASSERT(!w.failed);
    nika_write_bytes(all, (struct nika_span){body, w.at});
}

static void add_app_chunk(struct explore_place *p, uint64_t seq, uint32_t index,
                          struct nika_writer *all)
{
    uint8_t room[BODY_MAX];
    struct nika_writer w = nika_writer_of(room, sizeof room);
    enum nika_err err = nika_app_run_chunk(&nika_app_null, p->app, seq, index, &w);
    NIKA_ASSERT(err == NIKA_OK && !w.failed);
    struct nika_reader reader = nika_reader_of((struct nika_span){room, w.at});
    struct common_chunk chunk = {.seq = seq, .index = index};
    chunk.data = nika_read_bytes(&reader, BODY_MAX);
    chunk.proof.count = nika_read_u32(&reader);
    chunk.proof.span = (struct nika_span){room + reader.at, w.at - reader.at};
    add_body(all, &common_info_chunk, &chunk);
}

/* Keep META and chunks under the digest that CHECKPOINTs name: whoever fetches that state gets them. */
static void keep_snapshot(struct explore_model *m, struct explore_place *p, uint64_t seq,
                          struct nika_span part)
{
    static uint8_t room[16u * BODY_MAX];
    struct nika_reader reader = nika_reader_of(part);
    struct nika_writer all = nika_writer_of(room, sizeof room);
    struct nika_digest digest;
    struct common_meta meta;
    struct nika_span body = nika_read_bytes(&reader, BODY_MAX);
    struct common_chunk replies = {.seq = seq, .part = 1};
    replies.data = nika_read_bytes(&reader, BODY_MAX);
    enum nika_err err = nika_decode(&common_info_meta, body, &meta);
    NIKA_ASSERT(err == NIKA_OK && !reader.failed && meta.reply_chunk_count == 1);
    common_meta_digest(&meta, &digest);
    uint32_t before = m->snapshots.count;
    if (explore_set_add(&m->snapshots, digest.bytes, NIKA_DIGEST_SIZE) != before) return;
    nika_write_bytes(&all, body);
    for (uint32_t i = 0; i < meta.chunk_count; i++) add_app_chunk(p, seq, i, &all);
    add_body(&all, &common_info_chunk, &replies);
    NIKA_ASSERT(!all.failed);
    uint32_t bodies = explore_set_add(&m->bodies, room, all.at);
    NIKA_ASSERT(bodies == before);
}

/* Body number `index` of a kept state: 0 = META, then the chunks. */
static struct nika_span body_of(const struct explore_model *m, uint32_t snapshot, uint32_t index)
{
    size_t size = 0;
    const uint8_t *bytes = explore_set_at(&m->bodies, snapshot, &size);
    struct nika_reader reader = nika_reader_of((struct nika_span){bytes, (uint32_t)size});
    struct nika_span body = nika_read_bytes(&reader, BODY_MAX);
    for (uint32_t i = 0; i < index; i++) body = nika_read_bytes(&reader, BODY_MAX);
    NIKA_ASSERT(!reader.failed);
    return body;
}

bool explore_state_piece(struct explore_model *m, const struct explore_place *p,
                         struct nika_frame *out)
{
    const struct common_transfer *t =
        &((const struct common_core *)(const void *)p->replica)->transfer;
    const struct nika_message_info *info = t->meta_known ? &common_info_chunk : &common_info_meta;
    uint32_t index = 0;
    if (!t->active || t->restoring || t->saving) return false;
    uint32_t snapshot = explore_set_find(&m->snapshots, t->digest.bytes, NIKA_DIGEST_SIZE);
    if (snapshot == EXPLORE_NONE) return false;
    for (uint32_t i = 0; i < COMMON_CHUNKS_IN_FLIGHT && t->meta_known && index == 0; i++)
        index = t->in_flight[i];
    if (t->meta_known && index == 0) return false;
    struct nika_span frame = explore_frame(m, t->source, info, body_of(m, snapshot, index));
    enum nika_err err = nika_frame_parse(frame, m->config.epoch, NIKA_MESSAGE_SIZE_MAX, out);
    NIKA_ASSERT(err == NIKA_OK);
    return true;
}

/* ---- application ---- */

static struct nika_writer answer_begin(struct explore_model *m)
{
    return nika_writer_of(m->answers + m->answers_used, EXPLORE_ANSWER_BYTES - m->answers_used);
}

static void answer_end(struct explore_model *m, uint64_t token, const struct nika_writer *w)
{
    NIKA_ASSERT(!w->failed);
    explore_push(
        m, (struct explore_pending){
               .kind = NIKA_EVENT_APP, .token = token, .offset = m->answers_used, .size = w->at});
    m->answers_used += w->at;
}

static void execute(struct explore_model *m, struct explore_place *p, uint64_t token,
                    struct nika_span payload)
{
    struct nika_app_batch batch;
    struct nika_writer w = answer_begin(m);
    nika_app_run_batch(&nika_app_null, p->app, m->config.reply_size_max, payload, &w, &batch);
    answer_end(m, token, &w);
}

static void answer_meta(struct explore_model *m, uint64_t token,
                        const struct nika_snapshot_meta *meta)
{
    struct nika_writer w = answer_begin(m);
    nika_snapshot_meta_write(&w, meta);
    answer_end(m, token, &w);
}

static void restore_end(struct explore_model *m, struct explore_place *p, uint64_t token)
{
    struct nika_snapshot_meta meta = {0};
    enum nika_err err = nika_app_null.restore_end(p->app, &meta);
    NIKA_ASSERT(err == NIKA_OK); /* Every chunk was proven. */
    answer_meta(m, token, &meta);
}

void explore_world_apply(struct explore_model *m, struct explore_place *p,
                         const struct nika_action *a, struct nika_span bytes)
{
    struct nika_snapshot_meta meta = {0};
    switch ((enum nika_action_kind)a->kind) {
    case NIKA_ACTION_PERSIST:
        persist(m, a, a->id, bytes);
        return;
    case NIKA_ACTION_LOG_TRIM:
        disk_forget(m, false, a->a);
        return;
    case NIKA_ACTION_EXECUTE:
        execute(m, p, a->token, bytes);
        return;
    case NIKA_ACTION_SNAPSHOT_TAKE:
        nika_app_null.snapshot_take(p->app, a->a, &meta);
        answer_meta(m, a->token, &meta);
        return;
    case NIKA_ACTION_SNAPSHOT_SAVE:
        keep_snapshot(m, p, a->a, bytes);
        persist(m, a, NIKA_RECORD_SNAPSHOT, bytes);
        return;
    case NIKA_ACTION_SNAPSHOT_DROP:
        nika_app_null.snapshot_drop(p->app, a->a);
        disk_forget(m, true, a->a);
        return;
    case NIKA_ACTION_RESTORE_BEGIN:
        nika_app_run_restore_begin(&nika_app_null, p->app, bytes);
        return;
    case NIKA_ACTION_RESTORE_CHUNK:
        (void)nika_app_null.restore_chunk(p->app, a->id, bytes);
        return;
    case NIKA_ACTION_RESTORE_END:
        restore_end(m, p, a->token);
        return;
    case NIKA_ACTION_SEND:
    case NIKA_ACTION_BROADCAST:
    case NIKA_ACTION_TIMER:
    case NIKA_ACTION_NOTE:
    case NIKA_ACTION_CERTIFY:
    case NIKA_ACTION_QUERY:
    case NIKA_ACTION_SNAPSHOT_CHUNK:
    case NIKA_ACTION_COMPLETE:
        break;
    }
    NIKA_ASSERT(false); /* Nobody here reads without ordering or asks for a chunk. */
}

/* ---- crashes ---- */

/* The application's half of a snapshot, from what was kept of it. */
static void restore_snapshot(struct explore_model *m, struct explore_place *p,
                             struct nika_span part)
{
    struct nika_reader reader = nika_reader_of(part);
    struct common_meta meta;
    struct nika_digest digest;
    enum nika_err err = nika_decode(&common_info_meta, nika_read_bytes(&reader, BODY_MAX), &meta);
    NIKA_ASSERT(err == NIKA_OK);
    common_meta_digest(&meta, &digest);
    uint32_t snapshot = explore_set_find(&m->snapshots, digest.bytes, NIKA_DIGEST_SIZE);
    NIKA_ASSERT(snapshot != EXPLORE_NONE);
    struct nika_snapshot_meta app = {.seq = meta.seq,
                                     .chunk_count = meta.chunk_count,
                                     .total_size = meta.total_size,
                                     .root = meta.root};
    err = nika_app_null.restore_begin(p->app, &app);
    NIKA_ASSERT(err == NIKA_OK);
    for (uint32_t i = 0; i < meta.chunk_count; i++) {
        struct common_chunk chunk;
        err = nika_decode(&common_info_chunk, body_of(m, snapshot, i + 1), &chunk);
        NIKA_ASSERT(err == NIKA_OK);
        err = nika_app_null.restore_chunk(p->app, i, chunk.data);
        NIKA_ASSERT(err == NIKA_OK);
    }
    err = nika_app_null.restore_end(p->app, &app);
    NIKA_ASSERT(err == NIKA_OK);
}

void explore_recover(struct explore_model *m, struct explore_place *p)
{
    memset(p->memory, 0, m->ops->used(p->replica));
    memset(p->app_memory, 0, nika_app_null.used(p->app));
    p->replica = m->ops->init(p->memory, &m->config, &p->host);
    p->app = nika_app_null.init(p->app_memory, &m->config, 0);
    /* Snapshots come first; they lie on disk in the order of their numbers. */
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < m->disk_count; i++) {
            struct record r = record_at(m, m->disk[i]);
            if ((r.kind == NIKA_RECORD_SNAPSHOT) != (pass == 0)) continue;
            if (pass == 0) restore_snapshot(m, p, r.bytes);
            m->ops->recover(p->replica, r.kind, r.seq, r.bytes);
        }
    }
}
