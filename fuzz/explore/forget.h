/* fuzz/explore/forget.h: what of the part that all protocols share no coming event can tell apart (model.h). Private to fuzz/explore.
 *
 * Between two steps nothing is under way but messages, so that generations of tokens and timers, limits of rate, rounds of STATUS and
 * statistics may be set back. Without that no state would ever come again. */
#ifndef FUZZ_EXPLORE_FORGET_H
#define FUZZ_EXPLORE_FORGET_H

#include "protocols/common/core.h"

static inline void explore_forget_common(struct common_core *core)
{
    for (uint32_t t = 0; t < COMMON_TIMER_COUNT; t++) {
        core->timer_generation[t] = 0;
        /* The others only ask again for what may come at any time anyway. */
        if (t != COMMON_TIMER_REQUEST && t != COMMON_TIMER_VIEW && t != COMMON_TIMER_LAG)
            core->timer_armed[t] = false;
    }
    core->lag_executed = core->last_executed; /* When T_lag fires nothing has moved. */
    core->exec_generation = 0;
    core->backoff = 0;
    core->executed_in_view = false;
    core->request_head_client = 0;
    core->request_head_timestamp = 0;
    core->status_due_ns = 0;
    core->status_sent_ns = 0;
    core->status_nonce = 0;
    core->wait = 0;
    core->wait_detail = 0;
    core->high_known = 0;
    memset(core->fetches, 0, sizeof core->fetches);
    memset(core->queue_peak, 0, sizeof core->queue_peak);
    memset(core->peers, 0, core->n * sizeof core->peers[0]);
    memset(core->evidence, 0, core->n * sizeof core->evidence[0]);
    for (uint32_t c = 0; c < core->config->clients; c++) {
        struct common_pending_entry *entry = common_pending_of(&core->pending, c);
        if (entry != NULL) entry->arrived_ns = 0;
    }
}

#endif
