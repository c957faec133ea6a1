/* protocols/common/budget.h: how many bytes a peer may make this replica send again (PROTOCOLS.md 1.8, 1.9, SA2).
 *
 * Whoever asks is authenticated but not trusted: without a budget, asking would amplify. */
#ifndef PROTOCOLS_COMMON_BUDGET_H
#define PROTOCOLS_COMMON_BUDGET_H

#include "protocols/common/core.h"

/* Retransmissions: takes `size` from what `peer` may still get in this T_status; false when it does not fit. One message always fits,
 * or those that are larger than the budget would never arrive. */
bool common_budget_take(struct common_core *core, uint32_t peer, uint32_t size);
/* The same for state transfer, which has a budget of its own. */
bool common_budget_take_transfer(struct common_core *core, uint32_t peer, uint32_t size);
/* Send a stored frame within the budget. */
void common_resend(struct common_core *core, uint32_t peer, uint32_t handle);
void common_resend_frame(struct common_core *core, uint32_t peer, struct nika_span frame);

#endif
