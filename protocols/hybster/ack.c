/* protocols/hybster/ack.c: NEW-VIEW-ACK, by which a replica that learned a NEW-VIEW too late to take part in its view says that it has
 * validated it all the same (PROTOCOLS.md 2.4, HN5).
 *
 * Without it the leader of a later view could not tell a view that correct replicas entered from one that a faulty leader claims. */
#include "protocols/common/status.h"
#include "protocols/hybster/view.h"

void hybster_ack_forget(struct nika_replica *r, uint32_t sender)
{
    nika_store_free(r->core.store, r->acks[sender].frame);
    memset(&r->acks[sender], 0, sizeof r->acks[sender]);
}

void hybster_ack_send(struct nika_replica *r)
{
    struct hybster_new_view_ack m = {.view = r->core.view,
                                     .base = r->entered,
                                     .low_mark = r->core.low_mark,
                                     .checkpoints = common_stable_frames(&r->core)};
    const struct hybster_ack_entry *own = &r->acks[r->core.self];
    struct nika_list counted = {0};
    if (r->core.active || r->entered == 0 || r->halted || !r->core.my_view_change_durable) return;
    if (own->frame != 0 && own->view == m.view && own->base == m.base) return;
    uint32_t size = hybster_history(r, r->core.low_mark, NULL, &counted);
    uint32_t scratch = nika_store_alloc(r->core.store, size + 1);
    if (scratch == 0) return; /* The STATUS timer tries again. */
    struct nika_writer w = nika_writer_of(nika_store_at(r->core.store, scratch), size);
    (void)hybster_history(r, r->core.low_mark, &w, &m.prepares);
    NIKA_ASSERT(!w.failed);
    uint32_t handle = hybster_certify_frame(r, &hybster_info_new_view_ack, &m, &m.certificate,
                                            NIKA_TRUSTED_MAC, 0, (struct nika_trusted_value){0, 0});
    nika_store_free(r->core.store, scratch);
    if (handle == 0) return;
    hybster_ack_forget(r, r->core.self);
    r->acks[r->core.self] =
        (struct hybster_ack_entry){.view = m.view, .base = m.base, .frame = handle};
    uint32_t leader = common_primary(&r->core, r->core.view);
    if (leader != r->core.self)
        common_send_frame(&r->core, leader, nika_store_span(r->core.store, handle));
}

void hybster_on_ack(struct nika_replica *r, const struct nika_frame *frame)
{
    struct hybster_new_view_ack m;
    if (nika_decode(&hybster_info_new_view_ack, frame->body, &m) != NIKA_OK) {
        common_reject(&r->core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    struct hybster_ack_entry *entry = &r->acks[frame->sender];
    bool mine = !r->core.active && m.view == r->core.view &&
                common_primary(&r->core, m.view) == r->core.self && frame->sender != r->core.self;
    bool newer = entry->frame == 0 || entry->view != m.view || entry->base < m.base;
    if (mine && !newer && entry->base == m.base) return; /* A retransmission. */
    if (!mine || !newer || !hybster_ack_valid(r, frame, &m)) {
        common_reject(&r->core, NIKA_CHECK_HN5, frame->sender);
        return;
    }
    uint32_t handle = nika_store_put(r->core.store, frame->raw);
    if (handle == 0) return;
    hybster_ack_forget(r, frame->sender);
    *entry = (struct hybster_ack_entry){.view = m.view, .base = m.base, .frame = handle};
    REACHED(hybster_ack_taken);
    (void)hybster_reach_low_mark(r, m.low_mark, &m.checkpoints);
    hybster_new_view_try_build(r);
}
