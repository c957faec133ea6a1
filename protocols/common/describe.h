/* protocols/common/describe.h: what a shared frame or record says (engine/core/replica.h); a protocol's own describe.c asks here for what is
 * not its own. */
#ifndef PROTOCOLS_COMMON_DESCRIBE_H
#define PROTOCOLS_COMMON_DESCRIBE_H

#include "engine/core/replica.h"

/* The u64 at this place of a body, 0 beyond its end. */
uint64_t common_describe_u64(struct nika_span body, uint32_t offset);
/* A body of `size` bytes that begins with view, number and digest: an order, or a vote for one. Of another size it says nothing. */
void common_describe_order(struct nika_span body, uint32_t size, struct nika_summary *out);
/* CHECKPOINT: number, digest. */
void common_describe_checkpoint(struct nika_span body, struct nika_summary *out);
/* NEW-VIEW: view, and a hash of all of it. */
void common_describe_new_view(struct nika_span body, struct nika_summary *out);
/* VIEW-CHANGE: the same, and h behind the view. */
void common_describe_view_change(struct nika_span body, struct nika_summary *out);
/* A body of a type of protocols/common/messages.def. Others say nothing. `out` is set but for what the type says. */
void common_describe(uint8_t type, struct nika_span body, struct nika_summary *out);
/* A frame kept in a record, if it is one of `type`: as `describe` sees its body. */
void common_describe_frame(struct nika_span raw, uint8_t type,
                           void (*describe)(uint8_t, struct nika_span, struct nika_summary *),
                           struct nika_summary *out);
/* NIKA_RECORD_SNAPSHOT: a checkpoint at its number. */
void common_describe_snapshot(struct nika_span record, struct nika_summary *out);

#endif
