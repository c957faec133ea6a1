/* protocols/pbft/slots.c: the log window: one slot per sequence number, its votes and its batches (PROTOCOLS.md 1.2, 1.13).
 *
 * Owns slot memory. A slot holds at most three batches: that of its present digest, that of its best prepared certificate and
 * that of what it committed; each is kept as long as some peer may have to fetch it. It decides nothing about agreement. */
#include "protocols/pbft/state.h"

struct pbft_slot *pbft_slot_current(struct nika_replica *r, uint64_t seq)
{
    struct pbft_slot *slot = pbft_slot_at(r, seq);
    if (slot->view != r->core.view) {
        pbft_slot_reset_view(r, slot);
        slot->view = r->core.view;
    }
    return slot;
}

struct pbft_vote *pbft_vote_at(struct nika_replica *r, struct pbft_slot *slot,
                               enum pbft_phase phase, uint32_t sender)
{
    size_t row = (size_t)(slot - r->slots) * PBFT_PHASES + phase;
    return (struct pbft_vote *)(void *)(r->votes + (row * r->core.n + sender) * r->vote_stride);
}

static void votes_clear(struct nika_replica *r, struct pbft_slot *slot, bool others)
{
    for (uint32_t i = 0; i < r->core.n; i++) {
        if (!others && i != r->core.self) continue;
        pbft_vote_at(r, slot, PBFT_PREPARE, i)->present = false;
        pbft_vote_at(r, slot, PBFT_COMMIT, i)->present = false;
    }
    slot->prepare_count = 0;
    slot->commit_count = 0;
}

static void drop(struct nika_replica *r, uint32_t *handle)
{
    nika_store_free(r->core.store, *handle);
    *handle = 0;
}

static void unpark(struct nika_replica *r, struct pbft_slot *slot)
{
    if (slot->parked != 0) r->parked_count--;
    drop(r, &slot->parked);
}

void pbft_slot_reset_view(struct nika_replica *r, struct pbft_slot *slot)
{
    /* The votes are about to go; what they prove about a committed number must outlive the view (S6). */
    if (slot->base.committed) pbft_commit_cert_keep(r, slot);
    drop(r, &slot->pre_prepare);
    unpark(r, slot);
    votes_clear(r, slot, !NIKA_PLANTED(B12));
    slot->withheld = false;
    slot->untimely = false;
    slot->from_new_view = false;
    slot->proposal_durable = false;
    slot->prepare_sent = false;
    slot->commit_sent = false;
    slot->prepared = false;
    slot->prepared_durable = false;
    slot->persist_failed = false;
}

void pbft_slot_release(struct nika_replica *r, struct pbft_slot *slot)
{
    if (slot->base.seq == 0) return;
    drop(r, &slot->pre_prepare);
    unpark(r, slot);
    drop(r, &slot->batch);
    drop(r, &slot->best_batch);
    drop(r, &slot->base.commit_batch);
    drop(r, &slot->best_certificate);
    drop(r, &slot->commit_cert);
    votes_clear(r, slot, true);
    memset(slot, 0, sizeof *slot);
    slot->view = r->core.view;
}

/* Peers that prepared such a batch have it, should it be ordered again. */
bool pbft_spare_batches(struct nika_replica *r)
{
    bool any = false;
    for (uint64_t s = r->core.low_mark + 1; s <= r->core.highest_slot; s++) {
        struct pbft_slot *slot = pbft_slot_find(r, s);
        if (slot == NULL || slot->batch == 0 || slot->pre_prepare != 0 || slot->parked != 0)
            continue;
        if (slot->has_best && nika_digest_equal(&slot->best_digest, &slot->digest)) continue;
        if (slot->base.committed && nika_digest_equal(&slot->base.commit_digest, &slot->digest))
            continue;
        drop(r, &slot->batch);
        slot->batch_ok = false;
        any = true;
    }
    return any;
}

uint32_t pbft_slot_batch(const struct pbft_slot *slot, const struct nika_digest *digest)
{
    if (slot->batch != 0 && slot->batch_ok && nika_digest_equal(&slot->digest, digest))
        return slot->batch;
    if (slot->best_batch != 0 && nika_digest_equal(&slot->best_digest, digest))
        return slot->best_batch;
    if (slot->base.commit_batch != 0 && nika_digest_equal(&slot->base.commit_digest, digest))
        return slot->base.commit_batch;
    return 0;
}

void pbft_slot_set_digest(struct nika_replica *r, struct pbft_slot *slot,
                          const struct nika_digest *digest)
{
    if (nika_digest_equal(&slot->digest, digest) &&
        (slot->batch != 0 || nika_digest_is_null(digest)))
        return;
    uint32_t old = slot->batch;
    slot->batch = 0;
    if (old != 0 && slot->has_best && slot->best_batch == 0 &&
        nika_digest_equal(&slot->best_digest, &slot->digest)) {
        slot->best_batch = old;
    } else if (old != 0 && slot->base.committed && slot->base.commit_batch == 0 &&
               nika_digest_equal(&slot->base.commit_digest, &slot->digest)) {
        slot->base.commit_batch = old;
    } else {
        nika_store_free(r->core.store, old);
    }
    slot->digest = *digest;
    slot->batch_ok = false;
    if (slot->best_batch != 0 && nika_digest_equal(&slot->best_digest, digest)) {
        slot->batch = slot->best_batch;
        slot->best_batch = 0;
        slot->batch_ok = true;
    } else if (slot->base.commit_batch != 0 &&
               nika_digest_equal(&slot->base.commit_digest, digest)) {
        slot->batch = slot->base.commit_batch;
        slot->base.commit_batch = 0;
        slot->batch_ok = true;
    }
}

bool pbft_order_decode(struct nika_span body, struct pbft_order *out)
{
    if (body.size != PBFT_ORDER_SIZE) return false;
    out->view = nika_load_le(body.data, 8);
    out->seq = nika_load_le(body.data + 8, 8);
    memcpy(out->digest.bytes, body.data + 16, NIKA_DIGEST_SIZE);
    return true;
}

bool pbft_vote_record(struct nika_replica *r, struct pbft_slot *slot, enum pbft_phase phase,
                      uint32_t sender, const struct nika_digest *digest, struct nika_span auth)
{
    struct pbft_vote *vote = pbft_vote_at(r, slot, phase, sender);
    NIKA_ASSERT(!vote->present && auth.size <= nika_suite_signature_size(r->core.config->suite));
    vote->present = true;
    vote->auth_size = (uint16_t)auth.size;
    vote->digest = *digest;
    memcpy(vote->auth, auth.data, auth.size);
    if (slot->pre_prepare == 0 || !pbft_vote_supports(vote, &slot->digest)) return false;
    if (phase == PBFT_PREPARE) slot->prepare_count++;
    if (phase == PBFT_COMMIT) slot->commit_count++;
    return true;
}

void pbft_votes_recount(struct nika_replica *r, struct pbft_slot *slot)
{
    slot->prepare_count = 0;
    slot->commit_count = 0;
    for (uint32_t i = 0; i < r->core.n; i++) {
        const struct pbft_vote *prepare = pbft_vote_at(r, slot, PBFT_PREPARE, i);
        const struct pbft_vote *commit = pbft_vote_at(r, slot, PBFT_COMMIT, i);
        if (prepare->present && pbft_vote_supports(prepare, &slot->digest)) slot->prepare_count++;
        if (commit->present && pbft_vote_supports(commit, &slot->digest)) slot->commit_count++;
    }
}

static uint32_t sign_order(struct nika_replica *r, const struct pbft_slot *slot,
                           enum pbft_phase phase, uint8_t *auth)
{
    uint8_t body[PBFT_ORDER_SIZE];
    struct nika_writer w = nika_writer_of(body, sizeof body);
    nika_write_u64(&w, slot->view);
    nika_write_u64(&w, slot->base.seq);
    nika_write_digest(&w, &slot->digest);
    uint8_t type = phase == PBFT_PREPARE ? PBFT_TYPE_prepare : PBFT_TYPE_commit;
    return r->core.host->authenticate(r->core.host->world, r->core.self, NIKA_AUTH_SIGNATURE, type,
                                      NIKA_NODE_NONE, (struct nika_span){body, w.at}, auth);
}

void pbft_vote_restore(struct nika_replica *r, struct pbft_slot *slot, enum pbft_phase phase)
{
    uint8_t auth[NIKA_AUTH_SIZE_MAX];
    if (pbft_vote_at(r, slot, phase, r->core.self)->present) return;
    uint32_t size = sign_order(r, slot, phase, auth);
    (void)pbft_vote_record(r, slot, phase, r->core.self, &slot->digest,
                           (struct nika_span){auth, size});
}

void pbft_vote_cast(struct nika_replica *r, struct pbft_slot *slot, enum pbft_phase phase)
{
    pbft_vote_restore(r, slot, phase);
    const struct pbft_vote *vote = pbft_vote_at(r, slot, phase, r->core.self);
    uint8_t *bytes = NULL;
    uint32_t size = nika_frame_size(PBFT_ORDER_SIZE, vote->auth_size);
    if (nika_effects_add(r->core.effects, NIKA_ACTION_BROADCAST, size, &bytes) == NULL) return;
    struct nika_writer w = nika_writer_of(bytes, size);
    pbft_vote_frame(r, slot, phase, r->core.self, &w);
}

void pbft_vote_frame(struct nika_replica *r, const struct pbft_slot *slot, enum pbft_phase phase,
                     uint32_t sender, struct nika_writer *w)
{
    size_t row = (size_t)(slot - r->slots) * PBFT_PHASES + phase;
    const struct pbft_vote *vote =
        (const struct pbft_vote *)(const void *)(r->votes +
                                                 (row * r->core.n + sender) * r->vote_stride);
    uint8_t body[PBFT_ORDER_SIZE];
    struct nika_writer b = nika_writer_of(body, sizeof body);
    nika_write_u64(&b, slot->view);
    nika_write_u64(&b, slot->base.seq);
    nika_write_digest(&b, &vote->digest);
    uint8_t type = phase == PBFT_PREPARE ? PBFT_TYPE_prepare : PBFT_TYPE_commit;
    nika_frame_write(r->core.config, type, sender, (struct nika_span){body, b.at},
                     NIKA_AUTH_SIGNATURE, (struct nika_span){vote->auth, vote->auth_size}, w);
}

void pbft_vote_conflict(struct nika_replica *r, struct pbft_slot *slot, enum pbft_phase phase,
                        const struct nika_frame *frame)
{
    uint8_t
        first[NIKA_FRAME_HEAD_SIZE + PBFT_ORDER_SIZE + NIKA_FRAME_TAIL_SIZE + NIKA_AUTH_SIZE_MAX];
    struct nika_writer w = nika_writer_of(first, sizeof first);
    pbft_vote_frame(r, slot, phase, frame->sender, &w);
    common_evidence(&r->core, frame->type, frame->sender, (struct nika_span){first, w.at},
                    frame->raw);
}

void pbft_commit_cert_keep(struct nika_replica *r, struct pbft_slot *slot)
{
    if (slot->commit_cert != 0 || slot->view != slot->base.commit_view) return;
    uint32_t chosen[NIKA_REPLICAS_MAX];
    uint32_t count = 0, size = 4;
    for (uint32_t i = 0; i < r->core.n && count < r->core.quorum; i++) {
        const struct pbft_vote *vote = pbft_vote_at(r, slot, PBFT_COMMIT, i);
        if (!vote->present || !nika_digest_equal(&vote->digest, &slot->base.commit_digest))
            continue;
        chosen[count++] = i;
        size += 4 + nika_frame_size(PBFT_ORDER_SIZE, vote->auth_size);
    }
    if (count < r->core.quorum) return;
    uint32_t handle = nika_store_alloc(r->core.store, size);
    if (handle == 0) return; /* Others hold one too. */
    struct nika_writer w = nika_writer_of(nika_store_at(r->core.store, handle), size);
    nika_write_u32(&w, count);
    for (uint32_t k = 0; k < count; k++) {
        const struct pbft_vote *vote = pbft_vote_at(r, slot, PBFT_COMMIT, chosen[k]);
        nika_write_u32(&w, nika_frame_size(PBFT_ORDER_SIZE, vote->auth_size));
        pbft_vote_frame(r, slot, PBFT_COMMIT, chosen[k], &w);
    }
    NIKA_ASSERT(!w.failed && w.at == size);
    slot->commit_cert = handle;
}
