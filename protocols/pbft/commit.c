/* protocols/pbft/commit.c: Q replicas hold a prepared certificate: the order is final (Castro & Liskov, OSDI '99, 4.2; PROTOCOLS.md
 * 1.4, C1-C4, CC1-CC4). COMMIT-CERT brings the same proof to a replica that missed the votes or sits in another view. */
#include "protocols/common/execute.h"
#include "protocols/common/fetch.h"
#include "protocols/common/status.h"
#include "protocols/pbft/state.h"

static enum nika_check commit_check(const struct nika_replica *r, const struct pbft_order *m,
                                    uint32_t sender)
{
    if (sender >= r->core.n || sender == r->core.self) return NIKA_CHECK_C1;
    if (!r->core.active || m->view != r->core.view) return NIKA_CHECK_C2;
    if (!NIKA_PLANTED(B13) && !common_in_window(&r->core, m->seq)) return NIKA_CHECK_C3;
    return NIKA_CHECK_NONE;
}

void pbft_on_commit(struct nika_replica *r, const struct nika_frame *frame)
{
    struct pbft_order m;
    if (!pbft_order_decode(frame->body, &m)) {
        common_reject(&r->core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    enum nika_check check = commit_check(r, &m, frame->sender);
    if (check != NIKA_CHECK_NONE) {
        common_reject(&r->core, check, frame->sender);
        bool ahead = check == NIKA_CHECK_C2 ? m.view >= r->core.view
                                            : check == NIKA_CHECK_C3 && m.seq > r->core.low_mark;
        if (ahead) common_status_soon(&r->core);
        return;
    }
    struct pbft_slot *slot = pbft_slot_current(r, m.seq);
    const struct pbft_vote *vote = pbft_vote_at(r, slot, PBFT_COMMIT, frame->sender);
    if (vote->present) {
        if (NIKA_PLANTED(B08)) {
            slot->commit_count++;
            pbft_check_committed(r, slot);
            return;
        }
        if (nika_digest_equal(&vote->digest, &m.digest)) return; /* A retransmission. */
        pbft_vote_conflict(r, slot, PBFT_COMMIT, frame);
        if (NIKA_PLANTED(W07))
            pbft_vote_forget(r, pbft_vote_at(r, slot, PBFT_COMMIT, frame->sender));
        common_reject(&r->core, NIKA_CHECK_C4, frame->sender);
        return;
    }
    if (r->core.high_known < m.seq) r->core.high_known = m.seq;
    if (pbft_vote_record(r, slot, PBFT_COMMIT, frame->sender, &m.digest, frame->auth))
        pbft_check_committed(r, slot);
}

void pbft_check_committed(struct nika_replica *r, struct pbft_slot *slot)
{
    uint32_t needed = NIKA_PLANTED(B02) ? r->core.quorum - 1 : r->core.quorum;
    if (slot->base.order == 0 || slot->commit_count < needed) return;
    if (slot->base.committed && nika_digest_equal(&slot->base.commit_digest, &slot->base.digest))
        return;
    uint64_t signers[2] = {0, 0};
    for (uint32_t i = 0; i < r->core.n; i++) {
        const struct pbft_vote *vote = pbft_vote_at(r, slot, PBFT_COMMIT, i);
        if (vote->present && pbft_vote_supports(vote, &slot->base.digest))
            common_signer_add(signers, i);
    }
    if (common_slot_commit(&r->core, &slot->base, slot->base.view, &slot->base.digest, signers))
        common_execute_ready(&r->core);
    else
        common_alarm(&r->core, NIKA_CHECK_CC3, slot->base.seq);
}

/* CC2 up to the signatures: exactly Q COMMITs of ascending senders that agree. */
static bool cert_shape(const struct nika_replica *r, const struct nika_list *commits,
                       struct pbft_order *out, uint64_t signers[2])
{
    if (commits->count != r->core.quorum) return false;
    uint32_t at = 0, next_sender = 0, count = 0;
    struct nika_span raw;
    for (; nika_frames_next(commits, &at, &raw); count++) {
        struct nika_frame frame;
        struct pbft_order m;
        if (nika_frame_parse(raw, r->core.config->epoch, NIKA_CONTROL_SIZE_MAX, &frame) != NIKA_OK)
            return false;
        if (frame.type != PBFT_TYPE_commit || !pbft_order_decode(frame.body, &m)) return false;
        if (frame.sender >= r->core.n || frame.sender < next_sender) return false;
        if (!NIKA_PLANTED(PB29) && count > 0 &&
            (m.view != out->view || m.seq != out->seq ||
             !nika_digest_equal(&m.digest, &out->digest)))
            return false;
        *out = m;
        next_sender = frame.sender + 1;
        common_signer_add(signers, frame.sender);
    }
    return count == r->core.quorum;
}

static bool cert_signed(struct nika_replica *r, const struct nika_list *commits)
{
    uint32_t at = 0;
    struct nika_span raw;
    while (nika_frames_next(commits, &at, &raw)) {
        struct nika_frame frame;
        struct pbft_commit commit;
        if (!common_verify_nested(&r->core, raw, &pbft_info_commit, &frame, &commit)) return false;
    }
    return true;
}

static void take_cert(struct nika_replica *r, struct pbft_slot *slot,
                      const struct nika_list *commits, const struct pbft_order *order,
                      const uint64_t signers[2])
{
    if (slot->commit_cert == 0) {
        uint32_t size = 4 + commits->span.size;
        uint32_t handle = nika_store_alloc(r->core.store, size);
        if (handle == 0) return; /* Comes again. */
        struct nika_writer w = nika_writer_of(nika_store_at(r->core.store, handle), size);
        nika_write_u32(&w, commits->count);
        nika_write_raw(&w, commits->span.data, commits->span.size);
        slot->commit_cert = handle;
    }
    REACHED(pbft_commit_cert);
    if (!common_cert_commit(&r->core, &slot->base, order->view, &order->digest, signers))
        common_alarm(&r->core, NIKA_CHECK_CC3, order->seq);
}

void pbft_on_commit_cert(struct nika_replica *r, const struct nika_frame *frame)
{
    struct pbft_commit_cert m;
    struct pbft_order order = {0};
    uint64_t signers[2] = {0, 0};
    if (nika_decode(&pbft_info_commit_cert, frame->body, &m) != NIKA_OK) {
        common_reject(&r->core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    NIKA_ASSERT(!NIKA_PLANTED(I09) || m.commits.count > 0);
    if (!cert_shape(r, &m.commits, &order, signers)) {
        common_reject(&r->core, NIKA_CHECK_CC2, frame->sender);
        return;
    }
    if (!common_in_window(&r->core, order.seq)) {
        common_reject(&r->core, NIKA_CHECK_CC1, frame->sender);
        return;
    }
    if (!common_cert_news(&r->core, order.seq, &order.digest)) return;
    if (!cert_signed(r, &m.commits)) {
        common_reject(&r->core, NIKA_CHECK_CC2, frame->sender);
        if (!NIKA_PLANTED(W05)) return;
    }
    /* The slot is claimed without touching its view: CC4. */
    take_cert(r, pbft_slot_at(r, order.seq), &m.commits, &order, signers);
}
