/* protocols/common/read_only.h: reads answered without ordering (PROTOCOLS.md 1.10, RO1).
 *
 * The answer reflects committed batches only, because nothing else is ever executed. The client needs as many equal answers as make any two
 * such sets share a correct replica, and while this path is open as many for a write (C-c). Where n < 3f+1 that is more than n-f: the cluster stays
 * safe, but a single replica that lies or is silent can keep it from answering.
 */
#ifndef PROTOCOLS_COMMON_READ_ONLY_H
#define PROTOCOLS_COMMON_READ_ONLY_H

#include "protocols/common/core.h"

/* A checked request that its client wants answered on the optimised path. */
void common_on_read_only(struct common_core *core, const struct common_request *request);
/* APP: the application answered the read of this client, asked in that execution generation. */
void common_read_done(struct common_core *core, uint32_t client, uint16_t generation,
                      int32_t status, struct nika_span result);

#endif
