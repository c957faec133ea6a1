/* protocols/pbft/transfer_restore.c: giving a fetched state to the application (PROTOCOLS.md 1.8, ST6).
 *
 * The chunks go in slices, so that one step never produces more than a bounded amount of effects; from the first one on, results
 * that the application still owes belong to a state that no longer exists. */
#include "protocols/pbft/transfer.h"

#define RESTORE_SLICE_BYTES (256u * 1024u)

void pbft_transfer_restore_slice(struct nika_replica *r)
{
    struct pbft_transfer *t = &r->transfer;
    uint32_t bytes = 0;
    while (t->restore_next < t->meta.chunk_count && bytes < RESTORE_SLICE_BYTES) {
        struct nika_span chunk =
            nika_store_span(r->store, pbft_transfer_chunk_get(r, t->chunks, t->restore_next));
        uint8_t *out = NULL;
        /* A stored chunk carries one byte in front, so that an empty one has a handle, too. */
        struct nika_action *action =
            nika_effects_add(r->effects, NIKA_ACTION_RESTORE_CHUNK, chunk.size - 1, &out);
        if (action == NULL) return;
        action->id = t->restore_next;
        if (chunk.size > 1) memcpy(out, chunk.data + 1, chunk.size - 1);
        bytes += chunk.size;
        t->restore_next++;
    }
    if (t->restore_next < t->meta.chunk_count) {
        pbft_timer_start(r, PBFT_TIMER_TRANSFER, 1);
        return;
    }
    t->restore_next++; /* RESTORE_END is out. */
    pbft_timer_stop(r, PBFT_TIMER_TRANSFER);
    uint8_t *unused = NULL;
    struct nika_action *action = nika_effects_add(r->effects, NIKA_ACTION_RESTORE_END, 0, &unused);
    if (action != NULL)
        action->token = pbft_token(r, PBFT_TOKEN_RESTORE, r->exec_generation, t->seq);
}

/* Join the reply chunks into one serialisation. False when the store is full. */
static bool assemble_replies(struct nika_replica *r)
{
    struct pbft_transfer *t = &r->transfer;
    uint32_t size = (uint32_t)t->meta.reply_size;
    if (t->replies == 0) t->replies = nika_store_alloc(r->store, size == 0 ? 1u : size);
    if (t->replies == 0) return false;
    struct nika_writer w = nika_writer_of(nika_store_at(r->store, t->replies), size);
    for (uint32_t i = 0; i < t->meta.reply_chunk_count; i++) {
        struct nika_span chunk = nika_store_span(
            r->store, pbft_transfer_chunk_get(r, t->chunks, t->meta.chunk_count + i));
        nika_write_raw(&w, chunk.data + 1, chunk.size - 1);
    }
    NIKA_ASSERT(!w.failed && w.at == size);
    return true;
}

void pbft_transfer_restore_begin(struct nika_replica *r)
{
    struct pbft_transfer *t = &r->transfer;
    if (!assemble_replies(r)) {
        pbft_transfer_arm_timer(r);
        return;
    }
    t->restoring = true;
    t->restore_next = 0;
    /* Results that the app still owes belong to the state that is being replaced. */
    r->exec_generation++;
    struct nika_snapshot_meta meta = {.seq = t->seq,
                                      .chunk_count = t->meta.chunk_count,
                                      .total_size = t->meta.total_size,
                                      .root = t->meta.root};
    uint8_t *out = NULL;
    if (nika_effects_add(r->effects, NIKA_ACTION_RESTORE_BEGIN, NIKA_SNAPSHOT_META_SIZE, &out) ==
        NULL)
        return;
    struct nika_writer w = nika_writer_of(out, NIKA_SNAPSHOT_META_SIZE);
    nika_snapshot_meta_write(&w, &meta);
    pbft_transfer_restore_slice(r);
}

void pbft_restored(struct nika_replica *r, uint64_t seq, int32_t status, struct nika_span bytes)
{
    struct pbft_transfer *t = &r->transfer;
    if (!t->active || !t->restoring || t->saving || seq != t->seq) return;
    struct nika_reader reader = nika_reader_of(bytes);
    struct nika_snapshot_meta meta;
    memset(&meta, 0, sizeof meta);
    if (status == 0) nika_snapshot_meta_read(&reader, &meta);
    bool same = status == 0 && !reader.failed && meta.seq == t->seq &&
                meta.chunk_count == t->meta.chunk_count &&
                nika_digest_equal(&meta.root, &t->meta.root);
    if (!same) {
        /* Every chunk was proven, so this is the application's own fault; a fresh copy is the only remedy. */
        pbft_reject(r, NIKA_CHECK_ST6, r->self);
        nika_store_free(r->store, t->replies);
        t->replies = 0;
        t->restoring = false;
        pbft_transfer_drop_chunks(r);
        t->meta_known = false;
        pbft_transfer_next_source(r);
        return;
    }
    pbft_transfer_save(r);
}
