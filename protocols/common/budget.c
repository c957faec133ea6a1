/* protocols/common/budget.c: see budget.h. */
#include "protocols/common/budget.h"

#include "protocols/common/output.h"

#define RETX_BYTES (64u * 1024u) /* PROTOCOLS.md 1.9, the figure of libbyz too. */
/* Snapshot bytes per peer and T_status: room for a few of the largest chunks. */
#define TRANSFER_BYTES_MAX (1024u * 1024u)

bool common_budget_take(struct common_core *core, uint32_t peer, uint32_t size)
{
    struct common_peer *p = &core->peers[peer];
    if (core->now_ns - p->budget_window_ns >= core->config->status_ns) {
        p->budget_window_ns = core->now_ns;
        p->budget_used = 0;
    }
    if (p->budget_used != 0 && p->budget_used + size > RETX_BYTES) return false;
    p->budget_used = p->budget_used > UINT32_MAX - size ? UINT32_MAX : p->budget_used + size;
    return true;
}

bool common_budget_take_transfer(struct common_core *core, uint32_t peer, uint32_t size)
{
    struct common_peer *p = &core->peers[peer];
    if (core->now_ns - p->transfer_window_ns >= core->config->status_ns) {
        p->transfer_window_ns = core->now_ns;
        p->transfer_used = 0;
    }
    if (p->transfer_used + size > TRANSFER_BYTES_MAX) return false;
    p->transfer_used += size;
    return true;
}

void common_resend(struct common_core *core, uint32_t peer, uint32_t handle)
{
    common_resend_frame(core, peer, nika_store_span(core->store, handle));
}

void common_resend_frame(struct common_core *core, uint32_t peer, struct nika_span frame)
{
    if (common_budget_take(core, peer, frame.size)) common_send_frame(core, peer, frame);
}
