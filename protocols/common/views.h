/* protocols/common/views.h: the VIEW-CHANGEs that a replica holds, at most one a sender, and when T_vc runs (PROTOCOLS.md 1.7, 2.4). What they
 * prove is their protocol's matter. */
#ifndef PROTOCOLS_COMMON_VIEWS_H
#define PROTOCOLS_COMMON_VIEWS_H

#include "protocols/common/core.h"

/* Drop what is held of this sender; of the replica itself: it has said nothing about the view that it is in. */
void common_view_change_forget(struct common_core *core, uint32_t sender);
/* What a VIEW-CHANGE of another replica is to what is held of it. */
enum common_news {
    COMMON_NEWS_NONE, /* Stale (VC3, counted), a retransmission, or for the view that is active here. */
    COMMON_NEWS_FRESH, /* Worth checking. */
    COMMON_NEWS_OTHER, /* Another content for the view of the one that is held (INV-VCU). */
};
enum common_news common_view_change_news(struct common_core *core, const struct nika_frame *frame,
                                         uint64_t view);
/* Hold a checked one; the older one is worthless beside it, and makes room. `from` as in struct common_view_change. False: no room. */
bool common_view_change_store(struct common_core *core, const struct nika_frame *frame,
                              uint64_t view, uint64_t from);
/* Hold one's own, whose frame is `handle`: my_view_change and the entry are one. */
void common_view_change_adopt(struct common_core *core, uint64_t view, uint64_t from,
                              uint32_t handle);
/* The primary left for `view`, and says so. Reason to leave, too, but only one view ahead: a faulty one must not choose its successor. */
bool common_view_abdicated(const struct common_core *core, uint32_t sender, uint64_t view);
/* This replica leaves its view: timers stop, and what was proposed may be proposed again. */
void common_view_leave(struct common_core *core);
/* VIEW-CHANGEs held for the present view. */
uint32_t common_view_changes_held(const struct common_core *core);
/* Whose they are: bit i of `map` (n bits, zeroed by the caller) is replica i. */
void common_view_changes_map(const struct common_core *core, uint8_t *map);
/* The k-th largest view of any VIEW-CHANGE held, 0 when fewer than k replicas sent one. */
uint64_t common_view_kth(const struct common_core *core, uint32_t k);
/* Leader, when T_status fires: a replica that left the view alone (a partition of its own, a crash of all at the wrong moment) votes in none until
 * another begins, and so the cluster tolerates one fault less. After 16 T_req the leader gives up its view, and all follow. An addition to
 * PROTOCOLS.md 1.7. */
void common_view_stranded_check(struct common_core *core);
/* Start T_vc, once a view, when a quorum wants to be at least where this replica is: alone in a high view it must not run further ahead. */
void common_view_timer_check(struct common_core *core);

#endif
