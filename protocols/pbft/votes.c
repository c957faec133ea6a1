/* protocols/pbft/votes.c: the votes of the window, as state and as frames (PROTOCOLS.md 1.2, 1.13).
 *
 * A row holds the votes of one slot, a cell one signature. Both come from pools as large as the window can need, so that no vote is
 * ever refused for want of room; what was freed last is used first, and memory is touched only for numbers between the stable
 * checkpoint and the last order, about half of the window. A PREPARE that is in the slot's prepared certificate needs no cell:
 * its signature is there. */
#include "protocols/pbft/state.h"

/* ---- pools ---- */
static uint8_t *entry_at(const struct pbft_pool *pool, uint32_t index)
{
    NIKA_ASSERT(index >= 1 && index <= pool->fresh);
    return pool->entries + (size_t)(index - 1) * pool->size;
}

static uint32_t entry_take(struct pbft_pool *pool)
{
    uint32_t index = pool->free;
    if (index == 0) {
        NIKA_ASSERT(pool->fresh < pool->count);
        return ++pool->fresh;
    }
    memcpy(&pool->free, entry_at(pool, index), sizeof pool->free);
    return index;
}

static void entry_give(struct pbft_pool *pool, uint32_t index)
{
    memcpy(entry_at(pool, index), &pool->free, sizeof pool->free);
    pool->free = index;
}

/* ---- one slot's votes ---- */
struct pbft_vote *pbft_votes_of(const struct nika_replica *r, const struct pbft_slot *slot)
{
    if (slot->votes == 0) return NULL;
    return (struct pbft_vote *)(void *)entry_at(&r->vote_rows, slot->votes);
}

struct pbft_vote *pbft_vote_at(struct nika_replica *r, struct pbft_slot *slot,
                               enum pbft_phase phase, uint32_t sender)
{
    if (slot->votes == 0) {
        slot->votes = entry_take(&r->vote_rows);
        memset(entry_at(&r->vote_rows, slot->votes), 0, r->vote_rows.size);
    }
    return pbft_votes_of(r, slot) + phase * r->core.n + sender;
}

static void auth_drop(struct nika_replica *r, struct pbft_vote *vote)
{
    if (vote->auth != 0) entry_give(&r->vote_auths, vote->auth);
    vote->auth = 0;
}

void pbft_vote_forget(struct nika_replica *r, struct pbft_vote *vote)
{
    auth_drop(r, vote);
    vote->present = false;
}

void pbft_votes_clear(struct nika_replica *r, struct pbft_slot *slot, bool others)
{
    slot->prepare_count = 0;
    slot->commit_count = 0;
    if (slot->votes == 0) return;
    for (uint32_t i = 0; i < r->core.n; i++) {
        if (!others && i != r->core.self) continue;
        pbft_vote_forget(r, pbft_vote_at(r, slot, PBFT_PREPARE, i));
        pbft_vote_forget(r, pbft_vote_at(r, slot, PBFT_COMMIT, i));
    }
}

void pbft_votes_release(struct nika_replica *r, struct pbft_slot *slot)
{
    pbft_votes_clear(r, slot, true);
    if (slot->votes != 0) entry_give(&r->vote_rows, slot->votes);
    slot->votes = 0;
}

bool pbft_vote_record(struct nika_replica *r, struct pbft_slot *slot, enum pbft_phase phase,
                      uint32_t sender, const struct nika_digest *digest, struct nika_span auth)
{
    struct pbft_vote *vote = pbft_vote_at(r, slot, phase, sender);
    NIKA_ASSERT(!vote->present && vote->auth == 0);
    NIKA_ASSERT(auth.size <= nika_suite_signature_size(r->core.config->suite));
    vote->present = true;
    vote->auth_size = (uint16_t)auth.size;
    vote->auth = entry_take(&r->vote_auths);
    vote->digest = *digest;
    memcpy(entry_at(&r->vote_auths, vote->auth), auth.data, auth.size);
    if (slot->base.order == 0 || !pbft_vote_supports(vote, &slot->base.digest)) return false;
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
        if (prepare->present && pbft_vote_supports(prepare, &slot->base.digest))
            slot->prepare_count++;
        if (commit->present && pbft_vote_supports(commit, &slot->base.digest)) slot->commit_count++;
    }
}

/* ---- as frames ---- */
/* The next PREPARE of the slot's prepared certificate, which this replica has built itself. */
static bool next_certified(const struct nika_replica *r, const struct nika_list *prepares,
                           uint32_t *at, struct nika_frame *frame)
{
    struct nika_span raw;
    if (!nika_frames_next(prepares, at, &raw)) return false;
    NIKA_ASSERT(nika_frame_parse(raw, r->core.config->epoch, NIKA_CONTROL_SIZE_MAX, frame) ==
                NIKA_OK);
    return true;
}

static struct nika_list certified(const struct nika_replica *r, const struct pbft_slot *slot)
{
    struct pbft_certificate certificate;
    struct nika_span bytes = nika_store_span(r->core.store, slot->best_certificate);
    NIKA_ASSERT(nika_decode(&pbft_info_certificate, bytes, &certificate) == NIKA_OK);
    return certificate.prepares;
}

void pbft_votes_certified(struct nika_replica *r, struct pbft_slot *slot)
{
    struct nika_list prepares = certified(r, slot);
    struct nika_frame frame;
    uint32_t at = 0;
    if (NIKA_PLANTED(B12)) return; /* Its votes outlive the certificate. */
    while (next_certified(r, &prepares, &at, &frame))
        auth_drop(r, pbft_vote_at(r, slot, PBFT_PREPARE, frame.sender));
}

static struct nika_span certified_auth(const struct nika_replica *r, const struct pbft_slot *slot,
                                       uint32_t sender)
{
    struct nika_list prepares = certified(r, slot);
    struct nika_frame frame;
    uint32_t at = 0;
    while (next_certified(r, &prepares, &at, &frame))
        if (frame.sender == sender) return frame.auth;
    NIKA_ASSERT(false && "a vote without its signature");
    return (struct nika_span){0};
}

static struct nika_span auth_of(const struct nika_replica *r, const struct pbft_slot *slot,
                                const struct pbft_vote *vote, uint32_t sender)
{
    if (vote->auth == 0) return certified_auth(r, slot, sender);
    return (struct nika_span){entry_at(&r->vote_auths, vote->auth), vote->auth_size};
}

/* What a PREPARE or COMMIT of this slot says of `digest`. */
static struct nika_span order_body(const struct pbft_slot *slot, const struct nika_digest *digest,
                                   uint8_t body[PBFT_ORDER_SIZE])
{
    struct nika_writer w = nika_writer_of(body, PBFT_ORDER_SIZE);
    nika_write_u64(&w, slot->base.view);
    nika_write_u64(&w, slot->base.seq);
    nika_write_digest(&w, digest);
    return (struct nika_span){body, w.at};
}

void pbft_vote_frame(struct nika_replica *r, struct pbft_slot *slot, enum pbft_phase phase,
                     uint32_t sender, struct nika_writer *w)
{
    const struct pbft_vote *vote = pbft_vote_at(r, slot, phase, sender);
    uint8_t body[PBFT_ORDER_SIZE],
        type = phase == PBFT_PREPARE ? PBFT_TYPE_prepare : PBFT_TYPE_commit;
    nika_frame_write(r->core.config, type, sender, order_body(slot, &vote->digest, body),
                     NIKA_AUTH_SIGNATURE, auth_of(r, slot, vote, sender), w);
}

static uint32_t sign_order(struct nika_replica *r, const struct pbft_slot *slot,
                           enum pbft_phase phase, uint8_t *auth)
{
    uint8_t body[PBFT_ORDER_SIZE],
        type = phase == PBFT_PREPARE ? PBFT_TYPE_prepare : PBFT_TYPE_commit;
    return r->core.host->authenticate(r->core.host->world, r->core.self, NIKA_AUTH_SIGNATURE, type,
                                      NIKA_NODE_NONE, order_body(slot, &slot->base.digest, body),
                                      auth);
}

void pbft_vote_restore(struct nika_replica *r, struct pbft_slot *slot, enum pbft_phase phase)
{
    uint8_t auth[NIKA_AUTH_SIZE_MAX];
    if (pbft_vote_at(r, slot, phase, r->core.self)->present) return;
    uint32_t size = sign_order(r, slot, phase, auth);
    (void)pbft_vote_record(r, slot, phase, r->core.self, &slot->base.digest,
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
    if (slot->commit_cert != 0 || slot->base.view != slot->base.commit_view) return;
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
