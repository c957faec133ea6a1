/* engine/core/trusted.h: certificates of a trusted subsystem and the calls that a replica makes to its own one (PROTOCOLS.md 2.1, 2.8).
 *
 * A trusted instance owns counters that only move forward and the group's secret key. It certifies a fixed 32-byte digest, never a message
 * that a caller chose. A module reaches its instance only through struct nika_host; it can neither read the key nor set a counter back. */
#ifndef ENGINE_CORE_TRUSTED_H
#define ENGINE_CORE_TRUSTED_H

#include "engine/core/bytes.h"
#include "engine/core/err.h"
#include "engine/core/types.h"

#define NIKA_TRUSTED_COUNTERS_MAX                                                                  \
    64u /* Per instance: a pair per pillar and one spare (PROTOCOLS.md 2.6). */
#define NIKA_TRUSTED_MAC_SIZE 32u /* HMAC-SHA256; keyed XXH3-128 twice in suite `sim`. */

/* The part of the certified bytes that keeps one kind from passing for another ("OUR RULE", PROTOCOLS.md 2.1). */
enum nika_trusted_kind {
    NIKA_TRUSTED_INDEPENDENT = 1, /* "bound this digest to `value` of this counter, once" */
    NIKA_TRUSTED_CONTINUING =
        2, /* "... and `previous` was the last value used: nothing lies strictly between" */
    NIKA_TRUSTED_MAC = 3, /* "said this digest"; no counter, value and previous are zero. */
};

/* A counter's value, compared lexicographically. */
struct nika_trusted_value {
    uint64_t view, order;
};
struct nika_trusted_certificate {
    uint8_t kind;      /* enum nika_trusted_kind */
    uint32_t instance; /* Which trusted instance: the replica it belongs to. */
    uint64_t epoch;    /* Of the instance; a new one needs a new group configuration. */
    uint32_t counter;  /* Identifies (pillar, purpose); 0 for NIKA_TRUSTED_MAC. */
    struct nika_trusted_value value, previous; /* previous is zero unless continuing. */
    uint8_t mac[NIKA_TRUSTED_MAC_SIZE];
};
/* Encoded: kind u8 | instance u32 | epoch u64 | counter u32 | value 2 x u64 | previous 2 x u64 | mac, little-endian. */
#define NIKA_TRUSTED_CERTIFICATE_SIZE (1u + 4u + 8u + 4u + 16u + 16u + NIKA_TRUSTED_MAC_SIZE)
/* What an instance authenticates: "TSS1" | kind | instance | epoch | counter | value | previous | digest. */
#define NIKA_TRUSTED_STATEMENT_SIZE (4u + 1u + 4u + 8u + 4u + 16u + 16u + 32u)

static inline int nika_trusted_compare(struct nika_trusted_value a, struct nika_trusted_value b)
{
    if (a.view != b.view) return a.view < b.view ? -1 : 1;
    if (a.order != b.order) return a.order < b.order ? -1 : 1;
    return 0;
}

void nika_trusted_certificate_encode(const struct nika_trusted_certificate *certificate,
                                     uint8_t out[NIKA_TRUSTED_CERTIFICATE_SIZE]);
/* NIKA_ERR_MALFORMED: another size, an unknown kind, a counter out of range, or values where the kind has none. */
NIKA_MUST_USE enum nika_err nika_trusted_certificate_decode(struct nika_span bytes,
                                                            struct nika_trusted_certificate *out);
void nika_trusted_statement(const struct nika_trusted_certificate *certificate,
                            const struct nika_digest *digest,
                            uint8_t out[NIKA_TRUSTED_STATEMENT_SIZE]);

/* The calls of a replica to its own instance. Synchronous; the world charges their cost to the node. Every backend answers alike:
 * in-process, a process of its own, the simulator's (which can be slow, fail, or be attacked by a fault). */
struct nika_trusted_ops {
    /* Certify `digest`. NIKA_ERR_CONFIG: the value does not move the counter as the kind demands (independent: greater; continuing: not
     * smaller), or no such counter. NIKA_ERR_IO: the instance is gone; the replica must stop voting and say why. The counter moves before
     * the certificate is out: a crash between loses it, which is what reissue() is for. */
    enum nika_err (*certify)(void *world, uint32_t self, enum nika_trusted_kind kind,
                             uint32_t counter, struct nika_trusted_value value,
                             const struct nika_digest *digest,
                             struct nika_trusted_certificate *out);
    /* Is this a certificate of a registered instance and epoch of the group, over `digest`? Any instance's, not only one's own. */
    bool (*verify)(void *world, uint32_t self, const struct nika_trusted_certificate *certificate,
                   const struct nika_digest *digest);
    /* The counter's present value. NIKA_ERR_CONFIG, NIKA_ERR_IO as above. */
    enum nika_err (*read)(void *world, uint32_t self, uint32_t counter,
                          struct nika_trusted_value *value, uint64_t *epoch);
    /* The last certificate of this counter once more, with the digest it is over: the same statement, so it tells nobody anything new.
     * NIKA_ERR_NOT_FOUND when the counter has never moved. */
    enum nika_err (*reissue)(void *world, uint32_t self, uint32_t counter,
                             struct nika_trusted_certificate *out, struct nika_digest *digest);
};

#endif
