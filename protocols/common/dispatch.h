/* protocols/common/dispatch.h: what each event of a replica is, up to where a protocol has to decide: layout of its memory, dispatch, status
 * (PROTOCOLS.md 4).
 *
 * Stale timers, and stale completions of an execution that was left, are dropped here, so no handler has to think of them. */
#ifndef PROTOCOLS_COMMON_DISPATCH_H
#define PROTOCOLS_COMMON_DISPATCH_H

#include "protocols/common/core.h"

/* Where each common part of a replica's memory begins. The store is last, so that what is in use is a prefix. */
struct common_layout {
    size_t slots, checkpoints, view_changes, evidence, peers, reads, pending, replies, store, total;
    uint32_t checkpoint_rows;
};

/* Reserve `size` bytes at *at and move it on, as every type's alignment wants. Returns where they begin. */
size_t common_take(size_t *at, size_t size);
/* The common parts, behind the `own` bytes that a protocol has taken: its struct nika_replica first, then its own tables. */
void common_layout(const struct nika_config *config, size_t own, uint32_t slot_size,
                   struct common_layout *out);
/* Point a zeroed core into the memory at `base`. What the protocol alone knows stays zero: quorum, stable_need, and how much of the store
 * (`reserve`, bytes) requests must leave to its view changes. */
void common_init(struct common_core *core, const struct common_hooks *hooks,
                 const struct nika_config *config, const struct nika_host *host, void *base,
                 const struct common_layout *layout, uint32_t slot_size, uint64_t reserve);
/* nika_replica_ops.used; this and what follows is the same for every protocol, as its replica begins with a struct common_core. */
size_t common_used(const struct nika_replica *r);
/* nika_replica_ops.step: one event. */
void common_step(struct nika_replica *r, const struct nika_event *event,
                 struct nika_effects *effects);
/* The number that a completion token stands for: common_token_number() near what the kind is about. */
uint64_t common_token_seq(const struct common_core *core, uint64_t token);
/* nika_replica_ops.status */
void common_status(const struct nika_replica *r, struct nika_replica_status *out);

#endif
