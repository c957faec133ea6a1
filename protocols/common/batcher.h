/* protocols/common/batcher.h: when the primary cuts a batch, and of which requests (PROTOCOLS.md 1.3, B1-B4). */
#ifndef PROTOCOLS_COMMON_BATCHER_H
#define PROTOCOLS_COMMON_BATCHER_H

#include "protocols/common/core.h"

/* Primary: propose while B1-B4 allow; the order itself is made by the protocol's `propose` hook. `timer_fired` = T_batch did. */
void common_batch_try_cut(struct common_core *core, bool timer_fired);

#endif
