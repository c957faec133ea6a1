/* protocols/pbft/status_answer.c: answering a peer's STATUS with what it lacks (PROTOCOLS.md 1.9, S1-S9, SA1, SA2).
 *
 * Everything sent here is a stored message, as it was or with the same content; nothing new is decided. A budget per peer keeps
 * a peer that asks for everything from using this replica as an amplifier. */
#include "protocols/common/budget.h"
#include "protocols/common/order.h"
#include "protocols/common/status.h"
#include "protocols/pbft/state.h"

static void resend_vote(struct nika_replica *r, uint32_t peer, struct pbft_slot *slot,
                        enum pbft_phase phase)
{
    uint8_t
        bytes[NIKA_FRAME_HEAD_SIZE + PBFT_ORDER_SIZE + NIKA_FRAME_TAIL_SIZE + NIKA_AUTH_SIZE_MAX];
    if (!pbft_vote_at(r, slot, phase, r->core.self)->present) return;
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    pbft_vote_frame(r, slot, phase, r->core.self, &w);
    NIKA_ASSERT(!w.failed);
    if (common_budget_take(&r->core, peer, w.at))
        common_send_frame(&r->core, peer, (struct nika_span){bytes, w.at});
}

/* S5. */
static void answer_votes(struct nika_replica *r, uint32_t peer, const struct pbft_status *m)
{
    for (uint64_t s = r->core.low_mark + 1; s <= r->core.highest_slot; s++) {
        struct pbft_slot *slot = pbft_slot_find(r, s);
        if (slot == NULL || slot->base.view != r->core.view || s <= m->last_executed ||
            s <= m->low_mark)
            continue;
        if (common_status_has(m->committed, m->last_executed, s)) continue;
        if (slot->commit_sent) resend_vote(r, peer, slot, PBFT_COMMIT);
        if (common_status_has(m->prepared, m->last_executed, s)) continue;
        bool own_order = common_primary(&r->core, r->core.view) == r->core.self;
        /* D1 holds for retransmissions too. */
        if (NIKA_PLANTED(B31) && !own_order) continue;
        if (slot->base.order != 0 && (!own_order || slot->prepare_sent))
            common_resend_frame(&r->core, peer, common_order_frame(&r->core, &slot->base));
        if (slot->prepare_sent && !own_order) resend_vote(r, peer, slot, PBFT_PREPARE);
    }
}

/* S6: lets a replica execute that is alone in a higher view or left out by the primary. */
static void answer_commit_certs(struct nika_replica *r, uint32_t peer, const struct pbft_status *m)
{
    uint64_t from = m->last_executed > r->core.low_mark ? m->last_executed : r->core.low_mark;
    for (uint64_t s = from + 1; s <= r->core.last_executed; s++) {
        struct pbft_slot *slot = pbft_slot_find(r, s);
        if (slot == NULL || !slot->base.committed) continue;
        if (m->active != 0 && common_status_has(m->committed, m->last_executed, s)) continue;
        pbft_commit_cert_keep(r, slot);
        if (slot->commit_cert == 0) continue;
        struct nika_span cert = nika_store_span(r->core.store, slot->commit_cert);
        struct nika_reader reader = nika_reader_of(cert);
        struct pbft_commit_cert out = {0};
        out.commits.count = nika_read_u32(&reader);
        out.commits.span = (struct nika_span){cert.data + 4, cert.size - 4};
        if (!common_budget_take(&r->core, peer, cert.size)) return;
        common_send(&r->core, peer, &pbft_info_commit_cert, &out);
    }
}

static void send_own_view_change(struct nika_replica *r, uint32_t peer)
{
    if (r->core.my_view_change != 0 && r->core.my_view_change_durable)
        common_resend(&r->core, peer, r->core.my_view_change);
}

/* S3, S7: what brings the peer into the view. */
static void answer_view(struct nika_replica *r, uint32_t peer, const struct pbft_status *m)
{
    if (m->view < r->core.view) {
        if (r->core.active && r->new_view != 0 && !NIKA_PLANTED(B28))
            common_resend(&r->core, peer, r->new_view);
        else if (!r->core.active)
            send_own_view_change(r, peer);
        return;
    }
    if (m->view > r->core.view || m->active != 0) return;
    bool held = common_status_names(m->view_changes, r->core.self);
    if (!held && !r->core.active) send_own_view_change(r, peer);
    if (r->core.active && r->new_view != 0 && m->has_new_view == 0 && !NIKA_PLANTED(B28))
        common_resend(&r->core, peer, r->new_view);
}

/* AMN: the recovery point, beyond which lies nothing that this replica may have voted for and forgotten. Its own h was signed by Q
 * replicas that had executed up to it: apart from itself and f-1 liars, Q-2f+1 of any n-f peers are among them and have an h of at most
 * one window less. So the k-th largest h of n-f peers, k <= Q-2f+1, is at most a window below the forgotten h, and votes reach a window
 * above that; k = f keeps liars from pushing it out of reach where both can be had. */
static void learn_recovery_point(struct nika_replica *r, uint32_t peer, uint64_t low_mark)
{
    uint32_t reported = 0, enough = r->core.n - (r->core.f > 0 ? r->core.f : 1);
    uint32_t rank = r->core.quorum + 1 - 2 * r->core.f;
    if (rank > r->core.f) rank = r->core.f > 0 ? r->core.f : 1;
    r->core.peers[peer].reported = true;
    r->core.peers[peer].reported_low_mark = low_mark;
    for (uint32_t i = 0; i < r->core.n; i++) reported += r->core.peers[i].reported ? 1u : 0u;
    if (reported < enough || r->core.amnesia_until != UINT64_MAX) return;
    uint64_t best = 0;
    for (uint32_t i = 0; i < r->core.n; i++) {
        uint32_t at_least = 0;
        if (!r->core.peers[i].reported) continue;
        for (uint32_t k = 0; k < r->core.n; k++)
            at_least += r->core.peers[k].reported && r->core.peers[k].reported_low_mark >=
                                                         r->core.peers[i].reported_low_mark
                            ? 1u
                            : 0u;
        if (at_least >= rank && r->core.peers[i].reported_low_mark > best)
            best = r->core.peers[i].reported_low_mark;
    }
    uint64_t reach = 2 * (uint64_t)r->core.config->window;
    r->core.amnesia_until = best < UINT64_MAX - 1 - reach ? best + reach : UINT64_MAX - 1;
    if (r->core.low_mark >= r->core.amnesia_until) r->core.amnesiac = false;
}

void pbft_on_status(struct nika_replica *r, const struct nika_frame *frame)
{
    struct pbft_status m;
    uint32_t peer = frame->sender;
    if (nika_decode(&pbft_info_status, frame->body, &m) != NIKA_OK) {
        common_reject(&r->core, NIKA_CHECK_W0, peer);
        return;
    }
    if (!common_status_admit(&r->core, peer)) return;
    if (NIKA_PLANTED(PB28) && r->core.transfer.active && m.view > r->core.view) {
        pbft_view_leave(r);
        r->core.view = m.view;
        r->core.active = m.active != 0;
        nika_effects_note(r->core.effects, NIKA_NOTE_VIEW, m.view, m.active, (struct nika_span){0});
    }
    if (r->core.amnesiac) learn_recovery_point(r, peer, m.low_mark);
    if (common_status_hopeless(&r->core, peer, m.low_mark)) return;
    /* First: a NEW-VIEW may be larger than the budget and goes only while nothing of it is used; it is sent until the peer has it, so
     * that nothing else waits for ever. */
    answer_view(r, peer, &m);
    common_answer_checkpoints(&r->core, peer, m.low_mark);
    if (m.view == r->core.view && m.active != 0 && r->core.active && !r->core.amnesiac)
        answer_votes(r, peer, &m);
    if (!NIKA_PLANTED(B31)) {
        answer_commit_certs(r, peer, &m);
        common_answer_batches(&r->core, peer, &m.missing);
    }
    common_status_return(&r->core, m.view, m.last_executed, m.low_mark);
}
