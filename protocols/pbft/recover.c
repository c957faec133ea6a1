/* protocols/pbft/recover.c: rebuilding a replica from its disk, and its first event (PROTOCOLS.md 1.12).
 *
 * Records come in log order, but state records keep the place where they were written, so none relies on another having come
 * before; START sorts out what the whole says. A recovered replica votes only as its log says it did. */
#include "protocols/pbft/state.h"

/* Recovery does not know h yet: the newer number wins a slot. */
static struct pbft_slot *slot_for(struct nika_replica *r, uint64_t seq)
{
    const struct pbft_slot *slot = &r->slots[seq % r->config->window];
    if (seq == 0 || slot->seq > seq) return NULL;
    return pbft_slot_at(r, seq);
}

static bool parse_order(struct nika_replica *r, struct nika_span raw, struct pbft_order *order)
{
    struct nika_frame frame;
    if (nika_frame_parse(raw, r->config->epoch, NIKA_CONTROL_SIZE_MAX, &frame) != NIKA_OK)
        return false;
    return frame.type == PBFT_TYPE_pre_prepare && pbft_order_decode(frame.body, order);
}

/* A vote on disk that finds no room in memory is a vote forgotten: the replica is silent until it has recovered (AMN). */
static void forget(struct nika_replica *r)
{
    r->amnesiac = true;
    r->amnesia_until = UINT64_MAX;
}

static void recover_proposal(struct nika_replica *r, struct nika_span record)
{
    struct nika_reader reader = nika_reader_of(record);
    struct nika_span raw = nika_read_bytes(&reader, NIKA_CONTROL_SIZE_MAX);
    struct nika_span body = nika_read_bytes(&reader, NIKA_MESSAGE_SIZE_MAX);
    struct pbft_order order;
    struct common_batch batch;
    if (!nika_reader_done(&reader) || !parse_order(r, raw, &order)) return;
    struct pbft_slot *slot = slot_for(r, order.seq);
    if (slot == NULL || (slot->pre_prepare != 0 && slot->view > order.view)) return;
    pbft_slot_reset_view(r, slot);
    slot->view = order.view;
    pbft_slot_set_digest(r, slot, &order.digest);
    if (body.size != 0 && slot->batch == 0) slot->batch = nika_store_put(r->store, body);
    if (body.size != 0 && nika_decode(&common_info_batch, body, &batch) == NIKA_OK)
        slot->nondet_ns = batch.time_ns;
    slot->batch_ok = slot->batch != 0 || nika_digest_is_null(&order.digest);
    slot->pre_prepare = nika_store_put(r->store, raw);
    if (slot->pre_prepare == 0 || !slot->batch_ok) forget(r);
    slot->proposal_durable = true;
    slot->prepare_sent = true; /* Perhaps; it must not say anything else. */
}

static void recover_prepared(struct nika_replica *r, struct nika_span record)
{
    struct pbft_certificate certificate;
    struct pbft_order order;
    if (nika_decode(&pbft_info_certificate, record, &certificate) != NIKA_OK) return;
    if (!parse_order(r, certificate.pre_prepare, &order)) return;
    struct pbft_slot *slot = slot_for(r, order.seq);
    if (slot == NULL || (slot->has_best && slot->best_view > order.view)) return;
    uint32_t handle = nika_store_put(r->store, record);
    if (handle == 0) {
        forget(r);
        return;
    }
    nika_store_free(r->store, slot->best_certificate);
    slot->best_certificate = handle;
    slot->has_best = true;
    slot->best_view = order.view;
    slot->best_digest = order.digest;
    bool current = slot->pre_prepare != 0 && slot->view == order.view &&
                   nika_digest_equal(&slot->digest, &order.digest);
    if (!current) return;
    slot->prepared = true;
    slot->prepared_durable = true;
    slot->commit_sent = true;
}

static void recover_stable(struct nika_replica *r, uint64_t seq, struct nika_span record)
{
    struct nika_reader reader = nika_reader_of(record);
    uint32_t count = nika_read_u32(&reader);
    struct nika_span raw = nika_read_bytes(&reader, NIKA_CONTROL_SIZE_MAX);
    struct nika_frame frame;
    struct pbft_checkpoint m;
    if (reader.failed || count == 0 || seq <= r->low_mark) return;
    if (nika_frame_parse(raw, r->config->epoch, NIKA_CONTROL_SIZE_MAX, &frame) != NIKA_OK) return;
    if (nika_decode(&pbft_info_checkpoint, frame.body, &m) != NIKA_OK || m.seq != seq) return;
    uint32_t handle = nika_store_put(r->store, record);
    if (handle == 0) return;
    nika_store_free(r->store, r->stable_cert);
    r->stable_cert = handle;
    r->stable_digest = m.digest;
    r->stable_durable = seq;
    r->low_mark = seq;
}

static void recover_snapshot(struct nika_replica *r, struct nika_span record)
{
    struct nika_reader reader = nika_reader_of(record);
    struct nika_span raw = nika_read_bytes(&reader, NIKA_CONTROL_SIZE_MAX);
    struct nika_span replies = nika_read_bytes(&reader, NIKA_MESSAGE_SIZE_MAX);
    struct common_meta meta;
    struct pbft_snapshot *snapshot = pbft_snapshot_place(r);
    if (!nika_reader_done(&reader) || nika_decode(&common_info_meta, raw, &meta) != NIKA_OK) return;
    if (common_reply_cache_read(&r->replies, replies) != NIKA_OK) return;
    r->last_executed = meta.seq;
    r->last_issued = meta.seq;
    r->last_time_ns = meta.time_ns;
    pbft_snapshot_forget(r, snapshot);
    uint32_t handle = nika_store_put(r->store, replies);
    if (handle == 0) {
        /* The state is there all the same; it is only not served or voted for. */
        *snapshot = (struct pbft_snapshot){.seq = meta.seq, .failed = true};
        return;
    }
    *snapshot = (struct pbft_snapshot){
        .seq = meta.seq, .replies = handle, .meta_known = true, .durable = true, .meta = meta};
    pbft_meta_digest(&meta, &snapshot->digest);
}

void pbft_recover(struct nika_replica *r, uint32_t kind, uint64_t seq, struct nika_span record)
{
    /* Queue notes need effects; recovery has none, and none of it is news to an observer. */
    struct nika_effects silent = {0};
    r->effects = &silent;
    switch (kind) {
    case NIKA_RECORD_SNAPSHOT:
        recover_snapshot(r, record);
        break;
    case NIKA_RECORD_AMNESIA:
        forget(r);
        break;
    case PBFT_RECORD_PROPOSAL:
        recover_proposal(r, record);
        break;
    case PBFT_RECORD_PREPARED:
        recover_prepared(r, record);
        break;
    case PBFT_RECORD_VIEW_CHANGE:
        pbft_recover_view_change(r, seq, record);
        break;
    case PBFT_RECORD_NEW_VIEW:
        pbft_recover_new_view(r, seq, record);
        break;
    case PBFT_RECORD_STABLE:
        recover_stable(r, seq, record);
        break;
    default:
        break; /* A record of a newer version says nothing to this one. */
    }
    r->effects = NULL;
}

/* Votes of the view that the log ends in; those of earlier views are history. */
static void restore_slot(struct nika_replica *r, struct pbft_slot *slot)
{
    if (!r->active || slot->view != r->view || slot->pre_prepare == 0) {
        pbft_slot_reset_view(r, slot);
        return;
    }
    slot->from_new_view = slot->seq <= r->low_bound;
    if (r->amnesiac) {
        slot->withheld = true; /* What was voted for beside this record is unknown. */
        return;
    }
    REACHED(pbft_recovered_votes);
    if (pbft_primary(r, r->view) != r->self) pbft_vote_restore(r, slot, PBFT_PREPARE);
    if (slot->commit_sent) pbft_vote_restore(r, slot, PBFT_COMMIT);
    pbft_votes_recount(r, slot);
}

static void restore(struct nika_replica *r)
{
    struct pbft_snapshot *own = pbft_snapshot_find(r, r->low_mark);
    r->stable_is_local = own != NULL && nika_digest_equal(&own->digest, &r->stable_digest);
    pbft_low_mark_set(r, r->low_mark);
    if (r->next_seq <= r->last_executed) r->next_seq = r->last_executed + 1;
    for (uint32_t i = 0; i < r->config->window; i++) {
        struct pbft_slot *slot = &r->slots[i];
        if (slot->seq == 0) continue;
        if (slot->seq > r->high_known) r->high_known = slot->seq;
        restore_slot(r, slot);
        if (slot->pre_prepare != 0 && slot->seq >= r->next_seq) r->next_seq = slot->seq + 1;
    }
    if (r->high_known < r->last_executed) r->high_known = r->last_executed;
}

void pbft_start(struct nika_replica *r)
{
    bool fresh = r->low_mark == 0 && r->last_executed == 0 && r->view == 0 && !r->amnesiac;
    restore(r);
    pbft_view_start(r);
    for (uint32_t i = 0; i < NIKA_SNAPSHOTS_MAX; i++) {
        if (r->snapshots[i].durable) pbft_checkpoint_send(r, &r->snapshots[i]);
    }
    if (r->stable_cert != 0 && r->last_executed < r->low_mark) {
        /* The snapshot on disk is older than h: the log between them is gone everywhere. */
        uint64_t signers[2];
        uint64_t seq = 0;
        struct nika_digest digest;
        struct nika_span cert = nika_store_span(r->store, r->stable_cert);
        struct nika_list frames = {(uint32_t)nika_load_le(cert.data, 4),
                                   {cert.data + 4, cert.size - 4}};
        if (pbft_checkpoint_cert_verify(r, &frames, r->quorum, &seq, &digest, signers))
            pbft_transfer_start(r, seq, &digest, signers, cert);
    }
    /* Peers hold the votes that a crash lost; without any record there is nothing to ask for yet. */
    if (!fresh || r->high_known > 0) {
        pbft_status_soon(r);
        return;
    }
    r->status_due_ns = r->now_ns + r->config->status_ns;
    pbft_timer_start(r, PBFT_TIMER_STATUS, r->config->status_ns);
}
