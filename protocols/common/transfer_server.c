/* protocols/common/transfer_server.c: serving snapshots to replicas that fell behind (PROTOCOLS.md 1.8).
 *
 * Whoever asks is authenticated but not trusted: each peer has a byte budget per T_status and a few chunks in progress, so that no
 * peer can keep this replica busy. Nothing here changes the protocol state. */
#include "protocols/common/transfer_parts.h"

#include "protocols/common/budget.h"
#include "protocols/common/checkpoints.h"
#include "protocols/common/output.h"

/* A snapshot whose digest this replica knows and whose reply cache it holds. */
static struct common_snapshot *servable(struct common_core *core, uint64_t seq)
{
    struct common_snapshot *snapshot = common_snapshot_find(core, seq);
    bool ready =
        snapshot != NULL && snapshot->seq != 0 && snapshot->meta_known && snapshot->replies != 0;
    return ready ? snapshot : NULL;
}

static void send_no_snapshot(struct common_core *core, uint32_t peer)
{
    struct common_no_snapshot m = {0};
    if (core->stable_cert != 0) {
        struct nika_span cert = nika_store_span(core->store, core->stable_cert);
        struct nika_reader reader = nika_reader_of(cert);
        m.seq = core->low_mark;
        m.checkpoints.count = nika_read_u32(&reader);
        m.checkpoints.span = (struct nika_span){cert.data + reader.at, cert.size - reader.at};
    }
    if (!common_budget_take_transfer(core, peer, 64 + m.checkpoints.span.size)) {
        common_reject(core, NIKA_CHECK_SA2, peer);
        return;
    }
    common_send(core, peer, &common_info_no_snapshot, &m);
}

void common_on_fetch_meta(struct common_core *core, const struct nika_frame *frame)
{
    struct common_fetch_meta m;
    if (nika_decode(&common_info_fetch_meta, frame->body, &m) != NIKA_OK ||
        frame->sender >= core->n) {
        common_reject(core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    const struct common_snapshot *snapshot = servable(core, m.seq);
    if (snapshot == NULL || !nika_digest_equal(&snapshot->digest, &m.digest)) {
        send_no_snapshot(core, frame->sender);
        return;
    }
    if (!common_budget_take_transfer(core, frame->sender, 256)) {
        common_reject(core, NIKA_CHECK_SA2, frame->sender);
        return;
    }
    common_send(core, frame->sender, &common_info_meta, &snapshot->meta);
}

/* A chunk of the reply cache, cut and proven here: the serialisation is ours, not the application's. */
static void send_reply_chunk(struct common_core *core, uint32_t peer,
                             struct common_snapshot *snapshot, uint32_t index)
{
    uint32_t count = snapshot->meta.reply_chunk_count, chunk_size = core->config->chunk_size;
    uint32_t scratch =
        nika_store_alloc(core->store, 2u * count * (uint32_t)sizeof(struct nika_digest));
    if (scratch == 0) return; /* The peer asks again. */
    struct nika_digest *leaves = (struct nika_digest *)(void *)nika_store_at(core->store, scratch);
    const uint8_t *bytes = nika_store_at(core->store, snapshot->replies);
    uint32_t size = (uint32_t)snapshot->meta.reply_size;
    struct nika_span chunk = {NULL, 0};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t left = size - i * chunk_size;
        struct nika_span data = {bytes + i * chunk_size, left < chunk_size ? left : chunk_size};
        nika_merkle_leaf(i, data, &leaves[i]);
        if (i == index) chunk = data;
    }
    struct nika_merkle_proof proof;
    memset(&proof, 0, sizeof proof);
    nika_merkle_prove(leaves, count, index, leaves + count, &proof);
    struct common_chunk m = {
        .seq = snapshot->seq, .part = PART_REPLIES, .index = index, .data = chunk};
    m.proof.count = proof.count;
    m.proof.span = (struct nika_span){proof.siblings[0].bytes, proof.count * NIKA_DIGEST_SIZE};
    common_send(core, peer, &common_info_chunk, &m);
    nika_store_free(core->store, scratch);
}

/* Ask the application for a chunk; the answer comes as APP (common_chunk_ready). */
static void ask_app(struct common_core *core, uint32_t peer, uint64_t seq, uint32_t index)
{
    uint32_t busy = 0, free_entry = COMMON_SERVING_MAX;
    for (uint32_t i = 0; i < COMMON_SERVING_MAX; i++) {
        const struct common_serving *entry = &core->serving[i];
        if (!entry->active && free_entry == COMMON_SERVING_MAX) free_entry = i;
        if (entry->active && entry->peer == peer) busy++;
    }
    if (free_entry == COMMON_SERVING_MAX || busy >= COMMON_CHUNKS_IN_FLIGHT) {
        common_reject(core, NIKA_CHECK_SA2, peer);
        return;
    }
    uint8_t *unused = NULL;
    struct nika_action *action =
        nika_effects_add(core->effects, NIKA_ACTION_SNAPSHOT_CHUNK, 0, &unused);
    if (action == NULL) return;
    action->a = seq;
    action->id = index;
    action->token = common_token(COMMON_TOKEN_CHUNK, core->exec_generation, free_entry);
    core->serving[free_entry] =
        (struct common_serving){.active = true, .peer = peer, .index = index, .seq = seq};
}

void common_on_fetch_chunk(struct common_core *core, const struct nika_frame *frame)
{
    struct common_fetch_chunk m;
    if (nika_decode(&common_info_fetch_chunk, frame->body, &m) != NIKA_OK ||
        frame->sender >= core->n) {
        common_reject(core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    struct common_snapshot *snapshot = servable(core, m.seq);
    if (snapshot == NULL) {
        send_no_snapshot(core, frame->sender);
        return;
    }
    uint32_t count =
        m.part == PART_APP ? snapshot->meta.chunk_count : snapshot->meta.reply_chunk_count;
    if (m.part > PART_REPLIES || m.index >= count) {
        common_reject(core, NIKA_CHECK_ST2, frame->sender);
        return;
    }
    if (!common_budget_take_transfer(core, frame->sender, core->config->chunk_size)) {
        common_reject(core, NIKA_CHECK_SA2, frame->sender);
        return;
    }
    if (m.part == PART_APP) {
        ask_app(core, frame->sender, m.seq, m.index);
    } else {
        send_reply_chunk(core, frame->sender, snapshot, m.index);
    }
}

void common_chunk_ready(struct common_core *core, uint32_t serving, int32_t status,
                        struct nika_span bytes)
{
    if (serving >= COMMON_SERVING_MAX || !core->serving[serving].active) return;
    struct common_serving entry = core->serving[serving];
    memset(&core->serving[serving], 0, sizeof core->serving[serving]);
    struct nika_reader reader = nika_reader_of(bytes);
    struct nika_span data = nika_read_bytes(&reader, core->config->chunk_size);
    uint32_t count = nika_read_u32(&reader);
    if (status != 0 || reader.failed || count > NIKA_MERKLE_DEPTH_MAX) {
        send_no_snapshot(core, entry.peer); /* Dropped in between. */
        return;
    }
    const uint8_t *siblings = nika_read_raw(&reader, count * NIKA_DIGEST_SIZE);
    if (!nika_reader_done(&reader)) return;
    struct common_chunk m = {
        .seq = entry.seq, .part = PART_APP, .index = entry.index, .data = data};
    m.proof.count = count;
    m.proof.span = (struct nika_span){siblings, count * NIKA_DIGEST_SIZE};
    common_send(core, entry.peer, &common_info_chunk, &m);
}
