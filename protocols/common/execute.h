/* protocols/common/execute.h: committed batches go to the application in order, results to the clients (PROTOCOLS.md 1.4, X1-X6). */
#ifndef PROTOCOLS_COMMON_EXECUTE_H
#define PROTOCOLS_COMMON_EXECUTE_H

#include "protocols/common/core.h"

/* Issue what is committed and next, as far as the pipeline allows. Call it whenever a slot became committed. */
void common_execute_ready(struct common_core *core);
/* Results of `seq` (COMMON_TOKEN_EXECUTE): replies, reply cache, snapshot, and what may go on now. */
void common_executed(struct common_core *core, uint64_t seq, struct nika_span results);
/* From the reply cache, with the current view. */
void common_send_reply(struct common_core *core, uint32_t client);

#endif
