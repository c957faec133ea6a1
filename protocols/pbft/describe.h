/* protocols/pbft/describe.h: what replica.c puts into its ops table from describe.c and digest.c. */
#ifndef PROTOCOLS_PBFT_DESCRIBE_H
#define PROTOCOLS_PBFT_DESCRIBE_H

#include "engine/core/replica.h"

/* ops.describe, ops.describe_record and ops.digest; see engine/core/replica.h. */
void pbft_describe(uint8_t type, struct nika_span body, struct nika_summary *out);
void pbft_describe_record(uint32_t kind, struct nika_span record, struct nika_summary *out);
/* needs.c */
bool pbft_needs(const struct nika_replica *r, const struct nika_frame *frame);
void pbft_digest(const struct nika_replica *r, struct nika_digest *out);

#endif
