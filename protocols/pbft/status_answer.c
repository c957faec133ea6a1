/* protocols/pbft/status_answer.c: answering a peer's STATUS with what it lacks (PROTOCOLS.md 1.9, S1-S9, SA1, SA2).
 *
 * Everything sent here is a stored message, as it was or with the same content; nothing new is decided. A budget per peer keeps
 * a peer that asks for everything from using this replica as an amplifier. */
#include "protocols/pbft/state.h"

#define RETX_BYTES (64u * 1024u) /* PROTOCOLS.md 1.9, the figure of libbyz too. */

bool pbft_budget_take(struct nika_replica *r, uint32_t peer, uint32_t size)
{
    struct pbft_peer *p = &r->peers[peer];
    if (r->now_ns - p->budget_window_ns >= r->config->status_ns) {
        p->budget_window_ns = r->now_ns;
        p->budget_used = 0;
    }
    /* One message always fits, or those that are larger than the budget would never arrive. */
    if (p->budget_used != 0 && p->budget_used + size > RETX_BYTES) return false;
    p->budget_used = p->budget_used > UINT32_MAX - size ? UINT32_MAX : p->budget_used + size;
    return true;
}

static void resend(struct nika_replica *r, uint32_t peer, uint32_t handle)
{
    struct nika_span frame = nika_store_span(r->store, handle);
    if (pbft_budget_take(r, peer, frame.size)) pbft_send_frame(r, peer, frame);
}

/* The proof that h is stable, as one message: its CHECKPOINTs sent one by one would meet the first, conflicting CHECKPOINT of an
 * equivocator at the receiver (CK3) and never make a quorum there. */
static void send_stable_proof(struct nika_replica *r, uint32_t peer)
{
    struct nika_span cert = nika_store_span(r->store, r->stable_cert);
    struct nika_reader reader = nika_reader_of(cert);
    struct common_no_snapshot m = {.seq = r->low_mark};
    m.checkpoints.count = nika_read_u32(&reader);
    m.checkpoints.span = (struct nika_span){cert.data + 4, cert.size - 4};
    if (pbft_budget_take(r, peer, cert.size)) pbft_send(r, peer, &common_info_no_snapshot, &m);
}

static void resend_vote(struct nika_replica *r, uint32_t peer, struct pbft_slot *slot,
                        enum pbft_phase phase)
{
    uint8_t
        bytes[NIKA_FRAME_HEAD_SIZE + PBFT_ORDER_SIZE + NIKA_FRAME_TAIL_SIZE + NIKA_AUTH_SIZE_MAX];
    if (!pbft_vote_at(r, slot, phase, r->self)->present) return;
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    pbft_vote_frame(r, slot, phase, r->self, &w);
    NIKA_ASSERT(!w.failed);
    if (pbft_budget_take(r, peer, w.at)) pbft_send_frame(r, peer, (struct nika_span){bytes, w.at});
}

/* S1, S2. */
static void answer_checkpoints(struct nika_replica *r, uint32_t peer, const struct pbft_status *m)
{
    if (r->low_mark > m->low_mark && r->stable_cert != 0) send_stable_proof(r, peer);
    for (uint64_t s = r->low_mark + r->config->checkpoint_interval; pbft_in_window(r, s);
         s += r->config->checkpoint_interval) {
        const struct pbft_checkpoint_vote *own = pbft_checkpoint_at(r, r->self, s);
        if (own->seq == s && s > m->low_mark && !r->amnesiac) resend(r, peer, own->frame);
    }
}

static bool bit_of(struct nika_span bitmap, uint64_t base, uint64_t seq)
{
    if (seq <= base) return true;
    uint64_t bit = seq - base - 1;
    return bit / 8 < bitmap.size && (bitmap.data[bit / 8] >> (bit % 8) & 1) != 0;
}

/* S5. */
static void answer_votes(struct nika_replica *r, uint32_t peer, const struct pbft_status *m)
{
    for (uint64_t s = r->low_mark + 1; s <= r->highest_slot; s++) {
        struct pbft_slot *slot = pbft_slot_find(r, s);
        if (slot == NULL || slot->view != r->view || s <= m->last_executed || s <= m->low_mark)
            continue;
        if (bit_of(m->committed, m->last_executed, s)) continue;
        if (slot->commit_sent) resend_vote(r, peer, slot, PBFT_COMMIT);
        if (bit_of(m->prepared, m->last_executed, s)) continue;
        bool own_order = pbft_primary(r, r->view) == r->self;
        /* D1 holds for retransmissions too. */
        if (slot->pre_prepare != 0 && (!own_order || slot->prepare_sent))
            resend(r, peer, slot->pre_prepare);
        if (slot->prepare_sent && !own_order) resend_vote(r, peer, slot, PBFT_PREPARE);
    }
}

/* S6: lets a replica execute that is alone in a higher view or left out by the primary. */
static void answer_commit_certs(struct nika_replica *r, uint32_t peer, const struct pbft_status *m)
{
    uint64_t from = m->last_executed > r->low_mark ? m->last_executed : r->low_mark;
    for (uint64_t s = from + 1; s <= r->last_executed; s++) {
        struct pbft_slot *slot = pbft_slot_find(r, s);
        if (slot == NULL || !slot->committed) continue;
        if (m->active != 0 && bit_of(m->committed, m->last_executed, s)) continue;
        pbft_commit_cert_keep(r, slot);
        if (slot->commit_cert == 0) continue;
        struct nika_span cert = nika_store_span(r->store, slot->commit_cert);
        struct nika_reader reader = nika_reader_of(cert);
        struct pbft_commit_cert out = {0};
        out.commits.count = nika_read_u32(&reader);
        out.commits.span = (struct nika_span){cert.data + 4, cert.size - 4};
        if (!pbft_budget_take(r, peer, cert.size)) return;
        pbft_send(r, peer, &pbft_info_commit_cert, &out);
    }
}

/* S8, from another start each time, so that a budget too small for all serves all in turn. */
static void answer_batches(struct nika_replica *r, uint32_t peer, const struct pbft_status *m)
{
    uint32_t at = 0, index = 0, start = 0;
    struct nika_digest digest;
    if (m->missing.count == 0) return;
    start = r->peers[peer].batch_rotation++ % m->missing.count;
    for (uint32_t round = 0; round < 2; round++) {
        for (at = 0, index = 0; nika_digests_next(&m->missing, &at, &digest); index++) {
            if ((index >= start) != (round == 0)) continue;
            struct nika_span body = pbft_batch_find(r, &digest);
            if (body.size != 0 && pbft_budget_take(r, peer, body.size))
                pbft_send_batch(r, peer, body);
        }
    }
}

static void send_own_view_change(struct nika_replica *r, uint32_t peer)
{
    if (r->my_view_change != 0 && r->my_view_change_durable) resend(r, peer, r->my_view_change);
}

/* S3, S7: what brings the peer into the view. */
static void answer_view(struct nika_replica *r, uint32_t peer, const struct pbft_status *m)
{
    if (m->view < r->view) {
        if (r->active && r->new_view != 0)
            resend(r, peer, r->new_view);
        else if (!r->active)
            send_own_view_change(r, peer);
        return;
    }
    if (m->view > r->view || m->active != 0) return;
    bool held = r->self / 8 < m->view_changes.size &&
                (m->view_changes.data[r->self / 8] >> (r->self % 8) & 1) != 0;
    if (!held && !r->active) send_own_view_change(r, peer);
    if (r->active && r->new_view != 0 && m->has_new_view == 0) resend(r, peer, r->new_view);
}

/* AMN: the recovery point, beyond which lies nothing that this replica may have voted for and forgotten. Its own h was signed by Q
 * replicas that had executed up to it: apart from itself and f-1 liars, Q-2f+1 of any n-f peers are among them and have an h of at most
 * one window less. So the k-th largest h of n-f peers, k <= Q-2f+1, is at most a window below the forgotten h, and votes reach a window
 * above that; k = f keeps liars from pushing it out of reach where both can be had. */
static void learn_recovery_point(struct nika_replica *r, uint32_t peer, uint64_t low_mark)
{
    uint32_t reported = 0, enough = r->n - (r->f > 0 ? r->f : 1);
    uint32_t rank = r->quorum + 1 - 2 * r->f;
    if (rank > r->f) rank = r->f > 0 ? r->f : 1;
    r->peers[peer].reported = true;
    r->peers[peer].reported_low_mark = low_mark;
    for (uint32_t i = 0; i < r->n; i++) reported += r->peers[i].reported ? 1u : 0u;
    if (reported < enough || r->amnesia_until != UINT64_MAX) return;
    uint64_t best = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        uint32_t at_least = 0;
        if (!r->peers[i].reported) continue;
        for (uint32_t k = 0; k < r->n; k++)
            at_least += r->peers[k].reported &&
                                r->peers[k].reported_low_mark >= r->peers[i].reported_low_mark
                            ? 1u
                            : 0u;
        if (at_least >= rank && r->peers[i].reported_low_mark > best)
            best = r->peers[i].reported_low_mark;
    }
    uint64_t reach = 2 * (uint64_t)r->config->window;
    r->amnesia_until = best < UINT64_MAX - 1 - reach ? best + reach : UINT64_MAX - 1;
    if (r->low_mark >= r->amnesia_until) r->amnesiac = false;
}

void pbft_on_status(struct nika_replica *r, const struct nika_frame *frame)
{
    struct pbft_status m;
    uint32_t peer = frame->sender;
    if (nika_decode(&pbft_info_status, frame->body, &m) != NIKA_OK) {
        pbft_reject(r, NIKA_CHECK_W0, peer);
        return;
    }
    if (peer >= r->n || peer == r->self) {
        pbft_reject(r, NIKA_CHECK_SA1, peer);
        return;
    }
    /* S9: one answer a peer in half of T_retx; jitter on the way may bring two honest ones closer than T_retx. */
    uint64_t last = r->peers[peer].status_sent_ns;
    if (last != 0 && r->now_ns - last < r->config->retransmit_ns / 2) {
        pbft_reject(r, NIKA_CHECK_SA2, peer);
        return;
    }
    r->peers[peer].status_sent_ns = r->now_ns;
    if (r->amnesiac) learn_recovery_point(r, peer, m.low_mark);
    if (r->low_mark > m.low_mark && r->low_mark - m.low_mark > r->config->window) {
        /* So far behind that only state transfer helps. */
        if (r->stable_cert != 0) send_stable_proof(r, peer);
        return;
    }
    /* First: a NEW-VIEW may be larger than the budget and goes only while nothing of it is used; it is sent until the peer has it, so
     * that nothing else waits for ever. */
    answer_view(r, peer, &m);
    answer_checkpoints(r, peer, &m);
    if (m.view == r->view && m.active != 0 && r->active && !r->amnesiac) answer_votes(r, peer, &m);
    answer_commit_certs(r, peer, &m);
    answer_batches(r, peer, &m);
    /* A peer that is ahead will be told so by the own STATUS. */
    if (m.last_executed > r->last_executed || m.view > r->view || m.low_mark > r->low_mark)
        pbft_status_soon(r);
}
