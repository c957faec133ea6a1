/* protocols/hybster/status_answer.c: answering a peer's STATUS with what it lacks (PROTOCOLS.md 1.9, 2.4).
 *
 * Everything sent here is a stored message as it was; nothing is certified again. A budget per peer keeps a peer that asks for
 * everything from using this replica as an amplifier. */
#include "protocols/common/budget.h"
#include "protocols/common/status.h"
#include "protocols/hybster/state.h"

/* S5. */
static void answer_votes(struct nika_replica *r, uint32_t peer, const struct hybster_status *m)
{
    for (uint64_t s = r->core.low_mark + 1; s <= r->core.highest_slot; s++) {
        struct hybster_slot *slot = hybster_slot_find(r, s);
        if (slot == NULL || slot->base.view != r->entered || s <= m->last_executed ||
            s <= m->low_mark)
            continue;
        if (common_status_has(m->committed, m->last_executed, s)) continue;
        if (slot->base.order != 0 && !common_status_has(m->prepared, m->last_executed, s))
            common_resend(&r->core, peer, slot->base.order);
        if (slot->commit != 0) common_resend(&r->core, peer, slot->commit);
    }
}

/* S6: lets a replica execute that is alone in a higher view or left out by the leader. */
static void answer_commit_certs(struct nika_replica *r, uint32_t peer,
                                const struct hybster_status *m)
{
    uint64_t from = m->last_executed > r->core.low_mark ? m->last_executed : r->core.low_mark;
    for (uint64_t s = from + 1; s <= r->core.last_executed; s++) {
        struct hybster_slot *slot = hybster_slot_find(r, s);
        struct hybster_commit_cert out;
        if (slot == NULL || !slot->base.committed) continue;
        if (m->active != 0 && common_status_has(m->committed, m->last_executed, s)) continue;
        hybster_commit_cert_keep(r, slot);
        if (slot->commit_cert == 0) continue;
        struct nika_span cert = nika_store_span(r->core.store, slot->commit_cert);
        if (nika_decode(&hybster_info_commit_cert, cert, &out) != NIKA_OK) continue;
        if (!common_budget_take(&r->core, peer, cert.size)) return;
        common_send(&r->core, peer, &hybster_info_commit_cert, &out);
    }
}

/* S3, S7: what brings the peer into the view, or lets it build one. A peer on its way to a later view needs the NEW-VIEW of an earlier
 * one, too, so that it can acknowledge it. */
static void answer_view(struct nika_replica *r, uint32_t peer, const struct hybster_status *m)
{
    if (r->new_view != 0 && m->new_view < r->entered && (m->active == 0 || m->view < r->entered))
        common_resend(&r->core, peer, r->new_view);
    if (r->core.active || m->view > r->core.view) return;
    bool same = m->view == r->core.view;
    if (same && m->active != 0) return;
    if (!(same && common_status_names(m->view_changes, r->core.self)) &&
        r->core.my_view_change_durable)
        common_resend(&r->core, peer, r->core.my_view_change);
    const struct hybster_ack_entry *ack = &r->acks[r->core.self];
    if (same && ack->frame != 0 && ack->view == r->core.view &&
        !common_status_names(m->acks, r->core.self) &&
        common_primary(&r->core, r->core.view) == peer)
        common_resend(&r->core, peer, ack->frame);
}

void hybster_on_status(struct nika_replica *r, const struct nika_frame *frame)
{
    struct hybster_status m;
    uint32_t peer = frame->sender;
    if (nika_decode(&hybster_info_status, frame->body, &m) != NIKA_OK) {
        common_reject(&r->core, NIKA_CHECK_W0, peer);
        return;
    }
    if (!common_status_admit(&r->core, peer)) return;
    if (common_status_hopeless(&r->core, peer, m.low_mark)) return;
    answer_view(r, peer, &m);
    common_answer_checkpoints(&r->core, peer, m.low_mark);
    if (m.view == r->core.view && m.active != 0 && r->core.active) answer_votes(r, peer, &m);
    answer_commit_certs(r, peer, &m);
    common_answer_batches(&r->core, peer, &m.missing);
    common_status_return(&r->core, m.view, m.last_executed, m.low_mark);
}
