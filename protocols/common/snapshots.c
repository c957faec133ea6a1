/* protocols/common/snapshots.c: own snapshots of the state: taken, completed, made durable (PROTOCOLS.md 1.6, D6; 1.12).
 *
 * A snapshot is the application's part and the reply cache at the same number; only when both are known has it a digest. */
#include "protocols/common/checkpoints.h"

#include "protocols/common/output.h"
#include "protocols/common/transfer.h"
#include "protocols/common/window.h"

struct common_snapshot *common_snapshot_find(struct common_core *core, uint64_t seq)
{
    for (uint32_t i = 0; i < NIKA_SNAPSHOTS_MAX && seq != 0; i++) {
        if (core->snapshots[i].seq == seq && !core->snapshots[i].failed) return &core->snapshots[i];
    }
    return NULL;
}

/* The store was full: no vote from us at this number. The entry stays, for the application has the snapshot all the same. */
static void snapshot_fail(struct common_core *core, struct common_snapshot *snapshot)
{
    uint64_t seq = snapshot->seq;
    common_snapshot_forget(core, snapshot);
    snapshot->seq = seq;
    snapshot->failed = true;
}

void common_snapshot_forget(struct common_core *core, struct common_snapshot *snapshot)
{
    nika_store_free(core->store, snapshot->replies);
    memset(snapshot, 0, sizeof *snapshot);
}

struct common_snapshot *common_snapshot_place(struct common_core *core)
{
    struct common_snapshot *oldest = NULL, *room = NULL;
    uint32_t used = 0;
    for (uint32_t i = 0; i < NIKA_SNAPSHOTS_MAX; i++) {
        struct common_snapshot *snapshot = &core->snapshots[i];
        if (snapshot->seq == 0) {
            room = snapshot;
            continue;
        }
        used++;
        if (oldest == NULL || snapshot->seq < oldest->seq) oldest = snapshot;
    }
    return used < nika_config_snapshots(core->config) ? room : oldest;
}

/* A free entry, else that of the oldest snapshot. What may be asked of this replica stays: the stable snapshot and every later one,
 * which it may have voted for. NULL when these fill all entries: then this number gets no snapshot and no vote. */
static struct common_snapshot *snapshot_claim(struct common_core *core, uint64_t seq)
{
    struct common_snapshot *place = common_snapshot_place(core);
    if (place->seq != 0) {
        if (place->seq >= core->low_mark) return NULL;
        struct nika_action *action =
            nika_effects_add(core->effects, NIKA_ACTION_SNAPSHOT_DROP, 0, NULL);
        if (action != NULL) action->a = place->seq + 1;
        common_snapshot_forget(core, place);
    }
    place->seq = seq;
    return place;
}

void common_snapshot_begin(struct common_core *core, uint64_t seq)
{
    if (common_snapshot_find(core, seq) != NULL)
        common_snapshot_forget(core, common_snapshot_find(core, seq));
    struct common_snapshot *snapshot = snapshot_claim(core, seq);
    if (snapshot == NULL) return;
    /* Later batches are issued before the application answers: what belongs to `seq` is taken now. */
    snapshot->meta.seq = seq;
    snapshot->meta.time_ns = core->last_time_ns;
    snapshot->meta.epoch = core->config->epoch;
    struct nika_action *action =
        nika_effects_add(core->effects, NIKA_ACTION_SNAPSHOT_TAKE, 0, NULL);
    if (action == NULL) return;
    action->a = seq;
    action->token = common_token(COMMON_TOKEN_SNAPSHOT, core->exec_generation, seq);
}

#ifdef NIKA_MUSEUM
/* I12: what happens to lie where a structure has no field; here it comes from the address. */
static uint8_t address_byte(const struct common_meta *meta)
{
    return (uint8_t)(((uintptr_t)meta >> 8) * UINT64_C(0x9e3779b97f4a7c15) >> 56);
}
#else
#define address_byte(meta) (0)
#endif

void common_meta_digest(const struct common_meta *meta, struct nika_digest *out)
{
    uint8_t bytes[160];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    nika_write_raw(&w, "CKPT", 4);
    nika_encode(&common_info_meta, meta, &w);
    if (NIKA_PLANTED(I12)) nika_write_u8(&w, address_byte(meta));
    NIKA_ASSERT(!w.failed);
    nika_sha256_one(bytes, w.at, out);
}

void common_snapshot_save(struct common_core *core, struct common_snapshot *snapshot)
{
    uint8_t *bytes = NULL;
    struct nika_span replies = nika_store_span(core->store, snapshot->replies);
    uint32_t meta_size = nika_encoded_size(&common_info_meta, &snapshot->meta);
    uint32_t size = 8 + meta_size + replies.size;
    struct nika_action *action =
        nika_effects_add(core->effects, NIKA_ACTION_SNAPSHOT_SAVE, size, &bytes);
    if (action == NULL) return;
    action->a = snapshot->seq;
    action->token = common_token(COMMON_TOKEN_SNAPSHOT_SAVED, 0, snapshot->seq);
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_write_u32(&w, meta_size);
    nika_encode(&common_info_meta, &snapshot->meta, &w);
    nika_write_bytes(&w, replies);
    NIKA_ASSERT(!w.failed);
}

/* Both halves are there: the application's root and the replies. */
static void snapshot_complete(struct common_core *core, struct common_snapshot *snapshot)
{
    if (!snapshot->meta_known || snapshot->replies == 0) return;
    struct nika_span replies = nika_store_span(core->store, snapshot->replies);
    uint32_t chunks = common_chunk_count(replies.size, core->config->chunk_size);
    uint32_t leaves = nika_store_alloc(core->store, chunks * NIKA_DIGEST_SIZE);
    if (leaves == 0) {
        snapshot_fail(core, snapshot);
        return;
    }
    snapshot->meta.reply_chunk_count = chunks;
    snapshot->meta.reply_size = replies.size;
    common_chunks_root(replies, core->config->chunk_size,
                       (struct nika_digest *)(void *)nika_store_at(core->store, leaves),
                       &snapshot->meta.reply_root);
    nika_store_free(core->store, leaves);
    common_meta_digest(&snapshot->meta, &snapshot->digest);
    struct nika_span digest = {snapshot->digest.bytes, NIKA_DIGEST_SIZE};
    nika_effects_note(core->effects, NIKA_NOTE_CHECKPOINT, snapshot->seq, 0, digest);
    uint64_t seq = snapshot->seq;
    common_transfer_spare(core, seq, &snapshot->digest);
    common_snapshot_save(core, snapshot);
    common_stable_recheck(core);
    struct common_snapshot *still = common_snapshot_find(core, seq);
    if (still != NULL && common_in_window(core, seq))
        common_checkpoint_count(core, seq, &still->digest);
}

void common_snapshot_replies(struct common_core *core, uint64_t seq)
{
    struct common_snapshot *snapshot = common_snapshot_find(core, seq);
    if (snapshot == NULL) return;
    uint32_t size = common_reply_cache_encoded_size(&core->replies);
    uint32_t handle = nika_store_alloc(core->store, size);
    if (handle == 0) {
        snapshot_fail(core, snapshot);
        return;
    }
    struct nika_writer w = nika_writer_of(nika_store_at(core->store, handle), size);
    common_reply_cache_write(&core->replies, &w);
    NIKA_ASSERT(!w.failed && w.at == size);
    snapshot->replies = handle;
    snapshot_complete(core, snapshot);
}

void common_snapshot_meta(struct common_core *core, uint64_t seq, struct nika_span meta)
{
    struct common_snapshot *snapshot = common_snapshot_find(core, seq);
    struct nika_snapshot_meta app;
    struct nika_reader reader = nika_reader_of(meta);
    nika_snapshot_meta_read(&reader, &app);
    if (snapshot == NULL || snapshot->meta_known || !nika_reader_done(&reader) || app.seq != seq)
        return;
    snapshot->meta_known = true;
    snapshot->meta.chunk_count = app.chunk_count;
    snapshot->meta.total_size = app.total_size;
    snapshot->meta.root = app.root;
    snapshot_complete(core, snapshot);
}

void common_snapshot_saved(struct common_core *core, uint64_t seq)
{
    struct common_snapshot *snapshot = common_snapshot_find(core, seq);
    if (snapshot == NULL || snapshot->durable || snapshot->replies == 0 || !snapshot->meta_known)
        return;
    snapshot->durable = true;
    common_log_trim(core);
    common_checkpoint_send(core, snapshot);
}

void common_snapshots_retry(struct common_core *core)
{
    for (uint32_t i = 0; i < NIKA_SNAPSHOTS_MAX; i++) {
        struct common_snapshot *snapshot = &core->snapshots[i];
        if (snapshot->seq == 0 || !snapshot->meta_known || snapshot->replies == 0) continue;
        if (!snapshot->durable)
            common_snapshot_save(core, snapshot);
        else
            common_checkpoint_send(core, snapshot);
    }
    if (core->stable_durable < core->low_mark && core->stable_cert != 0)
        common_stable_persist(core);
}
