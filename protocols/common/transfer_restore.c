/* protocols/common/transfer_restore.c: giving a fetched state to the application (PROTOCOLS.md 1.8, ST6).
 *
 * The chunks go in slices, so that one step never produces more than a bounded amount of effects; from the first one on, results
 * that the application still owes belong to a state that no longer exists. */
#include "protocols/common/transfer_parts.h"

#include "protocols/common/output.h"

#define RESTORE_SLICE_BYTES (256u * 1024u)

void common_transfer_restore_slice(struct common_core *core)
{
    struct common_transfer *t = &core->transfer;
    uint32_t bytes = 0;
    while (t->restore_next < t->meta.chunk_count && bytes < RESTORE_SLICE_BYTES) {
        struct nika_span chunk = nika_store_span(
            core->store, common_transfer_chunk_get(core, t->chunks, t->restore_next));
        uint8_t *out = NULL;
        /* A stored chunk carries one byte in front, so that an empty one has a handle, too. */
        struct nika_action *action =
            nika_effects_add(core->effects, NIKA_ACTION_RESTORE_CHUNK, chunk.size - 1, &out);
        if (action == NULL) return;
        action->id = t->restore_next;
        if (chunk.size > 1) memcpy(out, chunk.data + 1, chunk.size - 1);
        bytes += chunk.size;
        t->restore_next++;
    }
    if (t->restore_next < t->meta.chunk_count) {
        common_timer_start(core, COMMON_TIMER_TRANSFER, 1);
        return;
    }
    t->restore_next++; /* RESTORE_END is out. */
    common_timer_stop(core, COMMON_TIMER_TRANSFER);
    uint8_t *unused = NULL;
    struct nika_action *action =
        nika_effects_add(core->effects, NIKA_ACTION_RESTORE_END, 0, &unused);
    if (action != NULL)
        action->token = common_token(COMMON_TOKEN_RESTORE, core->exec_generation, t->seq);
}

/* Join the reply chunks into one serialisation. False when the store is full. */
static bool assemble_replies(struct common_core *core)
{
    struct common_transfer *t = &core->transfer;
    uint32_t size = (uint32_t)t->meta.reply_size;
    if (t->replies == 0) t->replies = nika_store_alloc(core->store, size == 0 ? 1u : size);
    if (t->replies == 0) return false;
    struct nika_writer w = nika_writer_of(nika_store_at(core->store, t->replies), size);
    for (uint32_t i = 0; i < t->meta.reply_chunk_count; i++) {
        struct nika_span chunk = nika_store_span(
            core->store, common_transfer_chunk_get(core, t->chunks, t->meta.chunk_count + i));
        nika_write_raw(&w, chunk.data + 1, chunk.size - 1);
    }
    NIKA_ASSERT(!w.failed && w.at == size);
    return true;
}

void common_transfer_restore_begin(struct common_core *core)
{
    struct common_transfer *t = &core->transfer;
    if (!assemble_replies(core)) {
        common_transfer_arm_timer(core);
        return;
    }
    t->restoring = true;
    t->restore_next = 0;
    /* Results that the app still owes belong to the state that is being replaced. */
    core->exec_generation++;
    struct nika_snapshot_meta meta = {.seq = t->seq,
                                      .chunk_count = t->meta.chunk_count,
                                      .total_size = t->meta.total_size,
                                      .root = t->meta.root};
    uint8_t *out = NULL;
    if (nika_effects_add(core->effects, NIKA_ACTION_RESTORE_BEGIN, NIKA_SNAPSHOT_META_SIZE, &out) ==
        NULL)
        return;
    struct nika_writer w = nika_writer_of(out, NIKA_SNAPSHOT_META_SIZE);
    nika_snapshot_meta_write(&w, &meta);
    common_transfer_restore_slice(core);
}

void common_restored(struct common_core *core, uint64_t seq, int32_t status, struct nika_span bytes)
{
    struct common_transfer *t = &core->transfer;
    if (!t->active || !t->restoring || t->saving || seq != t->seq) return;
    struct nika_reader reader = nika_reader_of(bytes);
    struct nika_snapshot_meta meta;
    memset(&meta, 0, sizeof meta);
    if (status == 0) nika_snapshot_meta_read(&reader, &meta);
    bool right = NIKA_PLANTED(B35) || nika_digest_equal(&meta.root, &t->meta.root);
    bool same = status == 0 && !reader.failed && meta.seq == t->seq &&
                meta.chunk_count == t->meta.chunk_count && right;
    if (!same) {
        /* Every chunk was proven, so this is the application's own fault; a fresh copy is the only remedy. */
        common_reject(core, NIKA_CHECK_ST6, core->self);
        nika_store_free(core->store, t->replies);
        t->replies = 0;
        t->restoring = false;
        common_transfer_drop_chunks(core);
        t->meta_known = false;
        common_transfer_next_source(core);
        return;
    }
    common_transfer_save(core);
}
