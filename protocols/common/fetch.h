/* protocols/common/fetch.h: batches that are missing: asking, answering, receiving (PROTOCOLS.md 1.4, FB1-FB2, BA1-BA3). */
#ifndef PROTOCOLS_COMMON_FETCH_H
#define PROTOCOLS_COMMON_FETCH_H

#include "protocols/common/core.h"

void common_on_batch(struct common_core *core, const struct nika_frame *frame);
void common_on_fetch_batch(struct common_core *core, const struct nika_frame *frame);
/* Ask for this batch, `first_peer` first; NIKA_NODE_NONE = it is probably on its way, ask when the timer fires. */
void common_fetch_want(struct common_core *core, const struct nika_digest *digest,
                       uint32_t first_peer);
void common_fetch_timer(struct common_core *core);
/* Want what slots lack (parked orders, committed digests), as far as there is room; forget what nobody lacks. */
void common_fetch_refill(struct common_core *core);
/* The batch body with this digest in any slot, empty span when absent. */
struct nika_span common_batch_find(struct common_core *core, const struct nika_digest *digest);

#endif
