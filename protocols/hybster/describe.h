/* protocols/hybster/describe.h: what replica.c puts into its ops table from describe.c, digest.c and others. */
#ifndef PROTOCOLS_HYBSTER_DESCRIBE_H
#define PROTOCOLS_HYBSTER_DESCRIBE_H

#include "engine/core/replica.h"

/* ops.describe, ops.describe_record and ops.digest; see engine/core/replica.h. */
void hybster_describe(uint8_t type, struct nika_span body, struct nika_summary *out);
void hybster_describe_record(uint32_t kind, struct nika_span record, struct nika_summary *out);
void hybster_digest(const struct nika_replica *r, struct nika_digest *out);
/* nika_replica_ops.certified */
struct nika_span hybster_certificates(const struct nika_config *config, uint8_t type,
                                      struct nika_span body, struct nika_digest *digest);
/* nika_replica_ops.needs */
bool hybster_needs(const struct nika_replica *r, const struct nika_frame *frame);

/* nika_replica_ops.lane */
uint32_t hybster_lane(const struct nika_replica *r, const struct nika_event *event);

#endif
