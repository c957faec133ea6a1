/* protocols/hybster/commit.c: following the leader's order, and when it is final (PROTOCOLS.md 2.3, HC1-HC3, HP6; CC1-CC4).
 *
 * PREPARE and COMMITs of qh distinct replicas make an order final. COMMIT-CERT brings the same proof to a replica that missed the
 * votes or sits in another view. */
#include "protocols/common/batcher.h"
#include "protocols/common/execute.h"
#include "protocols/common/fetch.h"
#include "protocols/common/order.h"
#include "protocols/common/status.h"
#include "protocols/hybster/state.h"

/* ---- using the counter --------------------------------------------------------------------------------------------------- */

static void vote_record(struct nika_replica *r, struct hybster_slot *slot, uint32_t sender,
                        const struct hybster_order *m)
{
    struct hybster_vote *vote = hybster_vote_at(r, slot, sender);
    NIKA_ASSERT(!vote->present && m->certificate.size == sizeof vote->certificate);
    vote->present = true;
    vote->digest = m->digest;
    memcpy(vote->certificate, m->certificate.data, sizeof vote->certificate);
    if (slot->base.order != 0 && nika_digest_equal(&m->digest, &slot->base.digest))
        slot->commit_count++;
}

/* Take the handle of a COMMIT that is certified: it counts, is kept and sent. */
static void commit_issued(struct nika_replica *r, struct hybster_slot *slot, uint32_t handle)
{
    struct nika_span raw = nika_store_span(r->core.store, handle);
    struct hybster_order order;
    struct nika_span body = {raw.data + NIKA_FRAME_HEAD_SIZE, HYBSTER_ORDER_SIZE};
    bool ok = hybster_order_decode(body, &order);
    NIKA_ASSERT(ok);
    slot->commit = handle;
    if (!hybster_vote_at(r, slot, r->core.self)->present)
        vote_record(r, slot, r->core.self, &order);
    nika_effects_persist(r->core.effects,
                         common_token(HYBSTER_TOKEN_COMMIT, r->view_generation, order.seq),
                         HYBSTER_RECORD_COMMIT, order.seq, raw);
    common_broadcast_frame(&r->core, raw);
}

static bool commit_certify(struct nika_replica *r, struct hybster_slot *slot)
{
    struct hybster_commit m = {
        .view = r->entered, .seq = slot->base.seq, .digest = slot->base.digest};
    struct nika_trusted_value value = {m.view, m.seq};
    uint32_t counter = hybster_order_counter(common_pillar_of(&r->core, m.seq));
    if (r->core.host->trusted_later) return hybster_ask(r, slot, HYBSTER_TYPE_commit);
    uint32_t handle = hybster_certify_frame(r, &hybster_info_commit, &m, &m.certificate,
                                            NIKA_TRUSTED_INDEPENDENT, counter, value);
    if (handle == 0) return false;
    commit_issued(r, slot, handle);
    return true;
}

static bool prepare_certify(struct nika_replica *r, struct hybster_slot *slot)
{
    struct hybster_prepare m = {
        .view = r->entered, .seq = slot->base.seq, .digest = slot->base.digest};
    struct nika_trusted_value value = {m.view, m.seq};
    uint32_t counter = hybster_order_counter(common_pillar_of(&r->core, m.seq));
    if (r->core.host->trusted_later) return hybster_ask(r, slot, HYBSTER_TYPE_prepare);
    uint32_t handle = hybster_certify_frame(r, &hybster_info_prepare, &m, &m.certificate,
                                            NIKA_TRUSTED_INDEPENDENT, counter, value);
    if (handle == 0) return false;
    hybster_prepare_issued(r, slot, handle);
    return true;
}

/* Is on the disk what must be there before the counter is used? A host that answers later sees to it itself, unless the disk refused. */
static bool logged(const struct nika_replica *r, const struct hybster_slot *slot, bool durable)
{
    return durable || (r->core.host->trusted_later && !slot->base.persist_failed);
}

/* May the leader use the counter of a pillar once more? At most the last certificate can be lost in a crash and had again. */
static bool may_lead(const struct nika_replica *r, const struct hybster_pillar *pillar)
{
    if (!r->core.host->trusted_later) return pillar->certifying == 0;
    if (pillar->awaited != 0) return false;
    const struct hybster_slot *last =
        pillar->certifying == 0 ? NULL : hybster_slot_find(r, pillar->certifying);
    return last == NULL || !last->base.persist_failed;
}

/* With certificates that come later an order that is drafted before the last is certified only waits: requests that arrive meanwhile are
 * better in the same batch, for a step of the disk and one of the counter are what an order costs. */
bool hybster_may_propose(const struct nika_replica *r, uint32_t p)
{
    const struct hybster_pillar *pillar = &r->pillars[p];
    if (!r->core.host->trusted_later) return true;
    const struct hybster_slot *next =
        hybster_slot_find(r, common_pillar_next(&r->core, p, pillar->voted));
    return pillar->awaited == 0 && (next == NULL || next->base.view != r->entered || !next->intent);
}

static void advance(struct nika_replica *r, uint32_t p)
{
    struct hybster_pillar *pillar = &r->pillars[p];
    while (r->core.active && !r->halted && !r->core.amnesiac) {
        if (pillar->voted < r->core.low_mark) pillar->voted = r->core.low_mark;
        uint64_t next = common_pillar_next(&r->core, p, pillar->voted);
        if (!common_leading(&r->core)) (void)hybster_prepare_from_cert(r, next);
        struct hybster_slot *slot = hybster_slot_find(r, next);
        if (NIKA_PLANTED(T15) && !common_leading(&r->core) &&
            (slot == NULL || slot->base.order == 0)) {
            slot = hybster_slot_find(r, next + r->core.pillars);
            if (slot != NULL && slot->base.order != 0) pillar->voted = next;
            if (slot != NULL && slot->base.order != 0) next += r->core.pillars;
        }
        if (slot == NULL || slot->base.view != r->entered || slot->asked != 0) return;
        if (common_leading(&r->core)) {
            if (!slot->intent || !logged(r, slot, slot->intent_durable) || !may_lead(r, pillar))
                return;
            if (!prepare_certify(r, slot)) return;
            pillar->voted = next;
            continue;
        }
        /* HP6: whatever was withheld holds up all that follow in its pillar, unless others made it final. */
        if (slot->base.order == 0 || !logged(r, slot, slot->prepare_durable)) return;
        if (slot->base.withheld && !slot->base.committed) return;
        if (!commit_certify(r, slot)) return;
        pillar->voted = next;
        hybster_check_committed(r, slot);
    }
}

void hybster_advance(struct nika_replica *r)
{
    for (uint32_t p = 0; p < r->core.pillars; p++) advance(r, p);
}

/* What was certified for a view that was left is sent to nobody. A leader's order is part of its history all the same: the counter was used
 * for it, and the next VIEW-CHANGE, which waited for this, must show it. */
static void certified_late(struct nika_replica *r, struct hybster_slot *slot, uint32_t handle)
{
    bool led = common_primary(&r->core, slot->base.view) == r->core.self;
    if (led && slot->base.view == r->entered && slot->base.order == 0)
        hybster_prepare_keep(r, slot, handle);
    else
        nika_store_free(r->core.store, handle);
}

void hybster_certified(struct common_core *core, uint16_t generation, uint64_t seq,
                       enum nika_err status, struct nika_span certificate)
{
    struct nika_replica *r = hybster_replica(core);
    struct hybster_pillar *pillar = hybster_pillar_of(r, seq);
    struct hybster_slot *slot = hybster_slot_find(r, seq);
    struct nika_trusted_certificate c;
    bool current = generation == r->view_generation;
    if (pillar->awaited == 0 || r->halted) return;
    pillar->awaited--;
    bool good = status == NIKA_OK && nika_trusted_certificate_decode(certificate, &c) == NIKA_OK;
    if (!good && status != NIKA_ERR_LIMIT) {
        hybster_halt(r, NIKA_CHECK_TSG, seq);
        return;
    }
    uint32_t handle = good ? hybster_take_asked(r, slot, certificate) : 0;
    if (good && nika_trusted_compare(c.value, pillar->counter) > 0) pillar->counter = c.value;
    if (!good && slot != NULL) {
        nika_store_free(r->core.store, slot->asked);
        slot->asked = 0;
    }
    if (!current || !r->core.active) {
        if (handle != 0) certified_late(r, slot, handle);
        hybster_view_retry(r);
        return;
    }
    if (!good) {
        /* Once the disk takes the record, this and what follows are asked for again. */
        uint64_t before = seq > r->core.pillars ? seq - r->core.pillars : 0;
        if (pillar->voted > before) pillar->voted = before;
        return;
    }
    if (handle != 0 && common_leading(&r->core)) {
        hybster_prepare_issued(r, slot, handle);
    } else if (handle != 0) {
        commit_issued(r, slot, handle);
        hybster_check_committed(r, slot);
    }
    hybster_advance(r);
    common_batch_try_cut(&r->core, false);
}

/* ---- others' votes ----------------------------------------------------------------------------------------------------------- */

static enum nika_check commit_check(const struct nika_replica *r, const struct hybster_order *m,
                                    uint32_t sender)
{
    if (sender >= r->core.n || sender == r->core.self ||
        sender == common_primary(&r->core, m->view))
        return NIKA_CHECK_HC1;
    if (!r->core.active || m->view != r->core.view) return NIKA_CHECK_HC2;
    if (!common_in_window(&r->core, m->seq)) return NIKA_CHECK_HC2;
    return NIKA_CHECK_NONE;
}

/* HC3. True when there is nothing to record. */
static bool already_voted(struct nika_replica *r, struct hybster_slot *slot,
                          const struct hybster_order *m, const struct nika_frame *frame)
{
    const struct hybster_vote *vote = hybster_vote_at(r, slot, frame->sender);
    if (!vote->present) return false;
    if (nika_digest_equal(&vote->digest, &m->digest)) return true; /* A retransmission. */
    common_reject(&r->core, NIKA_CHECK_HC3, frame->sender);
    if (!hybster_order_certified(r, frame, m)) return true;
    uint8_t first[HYBSTER_ORDER_FRAME_SIZE];
    struct nika_writer w = nika_writer_of(first, sizeof first);
    hybster_vote_frame(r, slot, frame->sender, &w);
    common_evidence(&r->core, frame->type, frame->sender, (struct nika_span){first, w.at},
                    frame->raw);
    hybster_alarm(r, NIKA_CHECK_HP7, m->seq);
    return true;
}

void hybster_on_commit(struct nika_replica *r, const struct nika_frame *frame)
{
    struct hybster_order m;
    if (!hybster_order_decode(frame->body, &m)) {
        common_reject(&r->core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    enum nika_check check = commit_check(r, &m, frame->sender);
    if (check == NIKA_CHECK_NONE) {
        struct hybster_slot *slot = hybster_slot_current(r, m.seq);
        if (already_voted(r, slot, &m, frame)) return;
        bool other = slot->base.order != 0 && !nika_digest_equal(&slot->base.digest, &m.digest);
        if (!hybster_order_certified(r, frame, &m)) {
            check = NIKA_CHECK_HC2;
        } else if (other) {
            check = NIKA_CHECK_HC3;
        } else {
            if (r->core.high_known < m.seq) r->core.high_known = m.seq;
            vote_record(r, slot, frame->sender, &m);
            hybster_check_committed(r, slot);
            return;
        }
    }
    common_reject(&r->core, check, frame->sender);
    if (check == NIKA_CHECK_HC2 && common_order_ahead(&r->core, m.view, m.seq))
        common_status_soon(&r->core);
}

/* ---- final ----------------------------------------------------------------------------------------------------------------------- */

void hybster_check_committed(struct nika_replica *r, struct hybster_slot *slot)
{
    uint32_t leader = common_primary(&r->core, slot->base.view);
    if (slot->base.order == 0 || slot->base.view != r->entered) return;
    if (slot->commit_count + 1u < r->core.quorum) return;
    if (slot->base.committed && nika_digest_equal(&slot->base.commit_digest, &slot->base.digest))
        return;
    uint64_t signers[2] = {0, 0};
    common_signer_add(signers, leader);
    for (uint32_t i = 0; i < r->core.n; i++) {
        const struct hybster_vote *vote = hybster_vote_at(r, slot, i);
        if (vote->present && nika_digest_equal(&vote->digest, &slot->base.digest))
            common_signer_add(signers, i);
    }
    if (common_slot_commit(&r->core, &slot->base, slot->base.view, &slot->base.digest, signers))
        common_execute_ready(&r->core);
    else
        hybster_alarm(r, NIKA_CHECK_CC3, slot->base.seq);
}

/* ---- COMMIT-CERT ------------------------------------------------------------------------------------------------------------------- */

static bool open_order(struct nika_replica *r, struct nika_span raw, uint8_t type,
                       struct nika_frame *frame, struct hybster_order *order)
{
    if (nika_frame_parse(raw, r->core.config->epoch, NIKA_CONTROL_SIZE_MAX, frame) != NIKA_OK)
        return false;
    return frame->type == type && frame->auth_alg == NIKA_AUTH_NONE && frame->sender < r->core.n &&
           hybster_order_decode(frame->body, order);
}

/* CC2: the leader's PREPARE and qh-1 COMMITs of ascending others that agree. */
static bool cert_valid(struct nika_replica *r, const struct hybster_commit_cert *m, bool verify,
                       struct hybster_order *out, uint64_t signers[2])
{
    struct nika_frame frame;
    struct hybster_order vote;
    struct nika_span raw;
    uint32_t at = 0, next_sender = 0;
    if (m->commits.count != r->core.quorum - 1) return false;
    if (!open_order(r, m->prepare, HYBSTER_TYPE_prepare, &frame, out)) return false;
    uint32_t leader = common_primary(&r->core, out->view);
    if (frame.sender != leader) return false;
    if (verify && !hybster_order_certified(r, &frame, out)) return false;
    common_signer_add(signers, leader);
    while (nika_frames_next(&m->commits, &at, &raw)) {
        if (!open_order(r, raw, HYBSTER_TYPE_commit, &frame, &vote)) return false;
        if (frame.sender < next_sender || frame.sender == leader) return false;
        if (vote.view != out->view || vote.seq != out->seq ||
            !nika_digest_equal(&vote.digest, &out->digest))
            return false;
        if (verify && !hybster_order_certified(r, &frame, &vote)) return false;
        next_sender = frame.sender + 1;
        common_signer_add(signers, frame.sender);
    }
    return true;
}

bool hybster_prepare_from_cert(struct nika_replica *r, uint64_t seq)
{
    const struct hybster_slot *slot = hybster_slot_find(r, seq);
    struct hybster_commit_cert m;
    struct hybster_order order;
    struct nika_frame frame;
    if (slot == NULL || slot->commit_cert == 0 ||
        (slot->base.view == r->entered && slot->base.order != 0) ||
        nika_decode(&hybster_info_commit_cert, nika_store_span(r->core.store, slot->commit_cert),
                    &m) != NIKA_OK ||
        !open_order(r, m.prepare, HYBSTER_TYPE_prepare, &frame, &order) ||
        order.view != r->entered || !r->core.active)
        return false;
    REACHED(hybster_prepare_from_cert);
    hybster_on_prepare(r, &frame);
    return slot->base.view == r->entered && slot->base.order != 0;
}

void hybster_on_commit_cert(struct nika_replica *r, const struct nika_frame *frame)
{
    struct hybster_commit_cert m;
    struct hybster_order order = {0};
    uint64_t signers[2] = {0, 0};
    if (nika_decode(&hybster_info_commit_cert, frame->body, &m) != NIKA_OK) {
        common_reject(&r->core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    if (!cert_valid(r, &m, false, &order, signers)) {
        common_reject(&r->core, NIKA_CHECK_CC2, frame->sender);
        return;
    }
    if (!common_in_window(&r->core, order.seq)) {
        common_reject(&r->core, NIKA_CHECK_CC1, frame->sender);
        return;
    }
    if (!common_cert_news(&r->core, order.seq, &order.digest)) return;
    if (!cert_valid(r, &m, true, &order, signers)) {
        common_reject(&r->core, NIKA_CHECK_CC2, frame->sender);
        return;
    }
    /* The slot is claimed without touching its view: CC4. */
    struct hybster_slot *slot = hybster_slot_at(r, order.seq);
    if (slot->commit_cert == 0) slot->commit_cert = nika_store_put(r->core.store, frame->body);
    if (slot->commit_cert == 0) return; /* Comes again. */
    REACHED(hybster_commit_cert);
    if (common_cert_commit(&r->core, &slot->base, order.view, &order.digest, signers))
        hybster_advance(r);
    else
        hybster_alarm(r, NIKA_CHECK_CC3, order.seq);
}
