/* protocols/common/intake.h: request intake and the request timer (PROTOCOLS.md 1.3, R1-R4). */
#ifndef PROTOCOLS_COMMON_INTAKE_H
#define PROTOCOLS_COMMON_INTAKE_H

#include "protocols/common/core.h"

void common_on_request(struct common_core *core, const struct nika_frame *frame);
/* Send the head of pending to the primary once more: the first forward may have been lost. */
void common_forward_head(struct common_core *core);
/* T_req times the head of pending. */
void common_request_timer_update(struct common_core *core);
void common_request_expired(struct common_core *core); /* T_req. */

/* These requests of a BATCH body are ordered already: a primary must not propose them a second time. */
void common_batch_proposed(struct common_core *core, struct nika_span body);

#endif
