/* engine/oracle/oracle_private.h: what the property files share: fingerprints, quorum arithmetic restated, bounded rings.
 *
 * Private to engine/oracle. A ring entry belongs to one sequence number and is taken over by a newer one, so cost per tap does
 * not depend on history; what was evicted is not judged again, which can miss a violation but never invents one. */
#ifndef ENGINE_ORACLE_ORACLE_PRIVATE_H
#define ENGINE_ORACLE_ORACLE_PRIVATE_H

#include <inttypes.h>

#include "engine/core/digest.h"
#include "engine/oracle/oracle.h"

/* Q and W of PROTOCOLS.md 0, restated on purpose: a checker that shared the protocol's own arithmetic would share its bugs. */
static inline uint32_t oracle_quorum(uint32_t n, uint32_t f)
{
    return n - (n - f - 1) / 2;
}
static inline uint32_t oracle_weak(uint32_t f)
{
    return f + 1;
}

/* First 8 bytes of a digest, big-endian, so that the upper half prints as the digest's first 8 hex characters. */
static inline uint64_t oracle_fingerprint(const struct nika_digest *d)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < 8; i++) value = (value << 8) | d->bytes[i];
    return value;
}
static inline uint32_t oracle_hex8(uint64_t fingerprint)
{
    return (uint32_t)(fingerprint >> 32);
}
/* A digest at the front of a note's bytes; false when they are too short. */
static inline bool oracle_span_digest(struct nika_span bytes, struct nika_digest *out)
{
    if (bytes.size < NIKA_DIGEST_SIZE) return false;
    memcpy(out->bytes, bytes.data, NIKA_DIGEST_SIZE);
    return true;
}

static inline size_t oracle_align(size_t size)
{
    return (size + 15) & ~(size_t)15;
}
/* Least power of two >= value; value <= 2^30. */
static inline uint32_t oracle_power_of_two(uint32_t value)
{
    uint32_t power = 1;
    while (power < value) power *= 2;
    return power;
}
/* Sequence numbers that a ring remembers: the live window, the one before, and slack for replicas that lag. */
static inline uint32_t oracle_ring_count(const struct nika_config *config)
{
    return oracle_power_of_two(4 * config->window);
}

/* Did `node` itself sign what it sends? Replicas also relay frames of others, which say nothing about the relay. */
static inline bool oracle_own_frame(const struct nika_tap *tap)
{
    return tap->frame == NULL || tap->frame->sender == tap->node;
}

/* The bytes of a NOTE tap. */
static inline struct nika_span oracle_note_bytes(const struct nika_tap *tap)
{
    return tap->bytes;
}

/* An EXECUTE payload (app.h), walked in place. */
struct oracle_execute {
    uint64_t seq, time_ns;
    struct nika_digest digest;
    uint32_t count;
    /* Of everything behind the digest: clients, timestamps, flags, operations. */
    uint64_t effects_hash;
    struct nika_span effects;
};
struct oracle_effect {
    uint32_t client, flags;
    uint64_t timestamp;
    struct nika_span op;
};
/* False when the payload is not what app.h says. */
bool oracle_execute_parse(struct nika_span payload, struct oracle_execute *out);
/* *at starts at 0; false at the end. */
bool oracle_execute_next(const struct oracle_execute *e, uint32_t *at, struct oracle_effect *out);

/* What the first correct replica said about a sequence number. `seq` 0 = free. */
struct oracle_claim {
    uint64_t seq;
    uint64_t value;
    uint32_t node;
};
enum oracle_claim_verdict {
    ORACLE_CLAIM_FIRST,
    ORACLE_CLAIM_SAME,
    ORACLE_CLAIM_OTHER,
    ORACLE_CLAIM_OLD
};
/* Compare with the entry of `seq` (index = slot & (count - 1)), taking over an older one. */
enum oracle_claim_verdict oracle_claim(struct oracle_claim *ring, uint32_t count, uint64_t slot,
                                       uint64_t seq, uint64_t value, uint32_t node,
                                       struct oracle_claim **entry);

extern const struct nika_oracle_ops oracle_agreement;
extern const struct nika_oracle_ops oracle_validity;
extern const struct nika_oracle_ops oracle_exactly_once;
extern const struct nika_oracle_ops oracle_checkpoint;
extern const struct nika_oracle_ops oracle_linearizability;
extern const struct nika_oracle_ops oracle_self_equivocation;
extern const struct nika_oracle_ops oracle_monotone;
extern const struct nika_oracle_ops oracle_durable;
extern const struct nika_oracle_ops oracle_bounds;
extern const struct nika_oracle_ops oracle_liveness;
extern const struct nika_oracle_ops oracle_alarm;
extern const struct nika_oracle_ops oracle_app_invariant;
extern const struct nika_oracle_ops oracle_trusted;

#endif
