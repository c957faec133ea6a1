/* protocols/pbft/transfer_server.c: serving snapshots to replicas that fell behind (PROTOCOLS.md 1.8).
 *
 * Whoever asks is authenticated but not trusted: each peer has a byte budget per T_status and a few chunks in progress, so that no
 * peer can keep this replica busy. Nothing here changes the protocol state. */
#include "protocols/pbft/transfer.h"

/* Snapshot bytes per peer and T_status: room for a few of the largest chunks. */
#define TRANSFER_BYTES_MAX (1024u * 1024u)

static bool within_budget(struct nika_replica *r, uint32_t peer, uint32_t size)
{
    struct pbft_peer *p = &r->peers[peer];
    if (r->now_ns - p->transfer_window_ns >= r->config->status_ns) {
        p->transfer_window_ns = r->now_ns;
        p->transfer_used = 0;
    }
    if (p->transfer_used + size > TRANSFER_BYTES_MAX) return false;
    p->transfer_used += size;
    return true;
}

/* A snapshot whose digest this replica knows and whose reply cache it holds. */
static struct pbft_snapshot *servable(struct nika_replica *r, uint64_t seq)
{
    struct pbft_snapshot *snapshot = pbft_snapshot_find(r, seq);
    bool ready =
        snapshot != NULL && snapshot->seq != 0 && snapshot->meta_known && snapshot->replies != 0;
    return ready ? snapshot : NULL;
}

static void send_no_snapshot(struct nika_replica *r, uint32_t peer)
{
    struct common_no_snapshot m = {0};
    if (r->stable_cert != 0) {
        struct nika_span cert = nika_store_span(r->store, r->stable_cert);
        struct nika_reader reader = nika_reader_of(cert);
        m.seq = r->low_mark;
        m.checkpoints.count = nika_read_u32(&reader);
        m.checkpoints.span = (struct nika_span){cert.data + reader.at, cert.size - reader.at};
    }
    if (!within_budget(r, peer, 64 + m.checkpoints.span.size)) {
        pbft_reject(r, NIKA_CHECK_SA2, peer);
        return;
    }
    pbft_send(r, peer, &common_info_no_snapshot, &m);
}

void pbft_on_fetch_meta(struct nika_replica *r, const struct nika_frame *frame)
{
    struct common_fetch_meta m;
    if (nika_decode(&common_info_fetch_meta, frame->body, &m) != NIKA_OK || frame->sender >= r->n) {
        pbft_reject(r, NIKA_CHECK_W0, frame->sender);
        return;
    }
    const struct pbft_snapshot *snapshot = servable(r, m.seq);
    if (snapshot == NULL || !nika_digest_equal(&snapshot->digest, &m.digest)) {
        send_no_snapshot(r, frame->sender);
        return;
    }
    if (!within_budget(r, frame->sender, 256)) {
        pbft_reject(r, NIKA_CHECK_SA2, frame->sender);
        return;
    }
    pbft_send(r, frame->sender, &common_info_meta, &snapshot->meta);
}

/* A chunk of the reply cache, cut and proven here: the serialisation is ours, not the application's. */
static void send_reply_chunk(struct nika_replica *r, uint32_t peer, struct pbft_snapshot *snapshot,
                             uint32_t index)
{
    uint32_t count = snapshot->meta.reply_chunk_count, chunk_size = r->config->chunk_size;
    uint32_t scratch =
        nika_store_alloc(r->store, 2u * count * (uint32_t)sizeof(struct nika_digest));
    if (scratch == 0) return; /* The peer asks again. */
    struct nika_digest *leaves = (struct nika_digest *)(void *)nika_store_at(r->store, scratch);
    const uint8_t *bytes = nika_store_at(r->store, snapshot->replies);
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
    pbft_send(r, peer, &common_info_chunk, &m);
    nika_store_free(r->store, scratch);
}

/* Ask the application for a chunk; the answer comes as APP (pbft_chunk_ready). */
static void ask_app(struct nika_replica *r, uint32_t peer, uint64_t seq, uint32_t index)
{
    uint32_t busy = 0, free_entry = PBFT_SERVING_MAX;
    for (uint32_t i = 0; i < PBFT_SERVING_MAX; i++) {
        const struct pbft_serving *entry = &r->serving[i];
        if (!entry->active && free_entry == PBFT_SERVING_MAX) free_entry = i;
        if (entry->active && entry->peer == peer) busy++;
    }
    if (free_entry == PBFT_SERVING_MAX || busy >= PBFT_CHUNKS_IN_FLIGHT) {
        pbft_reject(r, NIKA_CHECK_SA2, peer);
        return;
    }
    uint8_t *unused = NULL;
    struct nika_action *action =
        nika_effects_add(r->effects, NIKA_ACTION_SNAPSHOT_CHUNK, 0, &unused);
    if (action == NULL) return;
    action->a = seq;
    action->id = index;
    action->token = pbft_token(r, PBFT_TOKEN_CHUNK, r->exec_generation, free_entry);
    r->serving[free_entry] =
        (struct pbft_serving){.active = true, .peer = peer, .index = index, .seq = seq};
}

void pbft_on_fetch_chunk(struct nika_replica *r, const struct nika_frame *frame)
{
    struct common_fetch_chunk m;
    if (nika_decode(&common_info_fetch_chunk, frame->body, &m) != NIKA_OK ||
        frame->sender >= r->n) {
        pbft_reject(r, NIKA_CHECK_W0, frame->sender);
        return;
    }
    struct pbft_snapshot *snapshot = servable(r, m.seq);
    if (snapshot == NULL) {
        send_no_snapshot(r, frame->sender);
        return;
    }
    uint32_t count =
        m.part == PART_APP ? snapshot->meta.chunk_count : snapshot->meta.reply_chunk_count;
    if (m.part > PART_REPLIES || m.index >= count) {
        pbft_reject(r, NIKA_CHECK_ST2, frame->sender);
        return;
    }
    if (!within_budget(r, frame->sender, r->config->chunk_size)) {
        pbft_reject(r, NIKA_CHECK_SA2, frame->sender);
        return;
    }
    if (m.part == PART_APP) {
        ask_app(r, frame->sender, m.seq, m.index);
    } else {
        send_reply_chunk(r, frame->sender, snapshot, m.index);
    }
}

void pbft_chunk_ready(struct nika_replica *r, uint32_t serving, int32_t status,
                      struct nika_span bytes)
{
    if (serving >= PBFT_SERVING_MAX || !r->serving[serving].active) return;
    struct pbft_serving entry = r->serving[serving];
    memset(&r->serving[serving], 0, sizeof r->serving[serving]);
    struct nika_reader reader = nika_reader_of(bytes);
    struct nika_span data = nika_read_bytes(&reader, r->config->chunk_size);
    uint32_t count = nika_read_u32(&reader);
    if (status != 0 || reader.failed || count > NIKA_MERKLE_DEPTH_MAX) {
        send_no_snapshot(r, entry.peer); /* Dropped in between. */
        return;
    }
    const uint8_t *siblings = nika_read_raw(&reader, count * NIKA_DIGEST_SIZE);
    if (!nika_reader_done(&reader)) return;
    struct common_chunk m = {
        .seq = entry.seq, .part = PART_APP, .index = entry.index, .data = data};
    m.proof.count = count;
    m.proof.span = (struct nika_span){siblings, count * NIKA_DIGEST_SIZE};
    pbft_send(r, entry.peer, &common_info_chunk, &m);
}
