/* engine/shim/verify.h: the host services of a live module (host.h), and the check of each received frame, in the order of PROTOCOLS.md 4:
 * limit, canonical parse, sender bound to the connection, signature or MAC.
 *
 * Signatures that were found good are remembered by the SHA-256 of what was signed, by whom and how, so that none is verified twice. Keyed
 * hashes in place of signatures (suite hmac, clients' vectors) are not: they cost less than to look them up.
 * Owns that memory and scratch space. */
#ifndef ENGINE_SHIM_VERIFY_H
#define ENGINE_SHIM_VERIFY_H

#include "engine/core/host.h"
#include "engine/core/replica.h"
#include "engine/shim/cluster.h"
#include "engine/shim/recorder.h"

#define NIKA_VERDICTS                                                                              \
    1024u /* Good signatures remembered: the votes and requests of some dozens of sequence numbers. */

struct nika_verify_stats {
    uint64_t signatures, macs, made;
    uint64_t remembered; /* Not verified again. */
    uint64_t ns;         /* Spent in signing and verifying. */
};
struct nika_verifier;
/* All borrowed. NULL when memory is short. */
struct nika_verifier *nika_verifier_new(const struct nika_config *config,
                                        struct nika_keyring *keyring, uint32_t self);
void nika_verifier_free(struct nika_verifier *verifier);
/* Record every answer to the module from here on. NULL = none. Borrowed. */
void nika_verifier_record(struct nika_verifier *verifier, struct nika_recorder *recorder);
/* The trusted subsystem that the module asks through the host services from here on. Borrowed. */
struct nika_trust;
void nika_verifier_trust(struct nika_verifier *verifier, struct nika_trust *trust);
/* Lets go of the room that a large message needed (resident.h). */
void nika_verifier_drop(struct nika_verifier *verifier);
/* For nika_replica_ops.init; lives as long as the verifier. */
const struct nika_host *nika_verifier_host(const struct nika_verifier *verifier);
const struct nika_verify_stats *nika_verifier_stats(const struct nika_verifier *verifier);

enum nika_arrival {
    NIKA_ARRIVAL_GOOD,
    NIKA_ARRIVAL_MALFORMED, /* Ingress refused it. */
    NIKA_ARRIVAL_UNBOUND,   /* The peer may not send for this sender. */
    NIKA_ARRIVAL_FORGED,    /* Signature or MAC wrong. */
    NIKA_ARRIVAL_COUNT
};
/* Judge a frame that `peer` sent. On GOOD `out` is what the module gets. */
enum nika_arrival nika_verifier_judge(struct nika_verifier *verifier,
                                      const struct nika_message_table *messages, uint32_t peer,
                                      struct nika_span bytes, struct nika_frame *out);

/* ---- the same in two parts, for a pool of threads (pool.h) ---- */
/* All but signature and MAC: limit, parse, binding. GOOD, MALFORMED or UNBOUND. */
enum nika_arrival nika_verifier_admit(struct nika_verifier *verifier,
                                      const struct nika_message_table *messages, uint32_t peer,
                                      struct nika_span bytes, struct nika_frame *out);
/* Is the frame authentic? As host->verify, but no answer to the module. */
bool nika_verifier_check(struct nika_verifier *verifier, const struct nika_frame *frame);
/* Is there a signature in this frame, its own or one nested, that is not remembered? A guess: without nested ones exact. */
bool nika_verifier_is_costly(struct nika_verifier *verifier,
                             const struct nika_message_table *messages,
                             const struct nika_frame *frame);
#define NIKA_VERDICTS_AHEAD_MAX                                                                    \
    2048u /* Of one frame; what is beyond is verified when the module asks. */
/* Good signatures by their identities; `good` is the caller's to free. */
struct nika_verdicts {
    struct nika_digest *good;
    uint32_t count, capacity;
};
/* Verify the frame and every signed frame in it. False when its own signature is wrong. */
bool nika_verifier_look_ahead(struct nika_verifier *verifier,
                              const struct nika_message_table *messages,
                              const struct nika_frame *frame, struct nika_verdicts *out);
/* A signature that another verifier of the same node found good. */
void nika_verifier_remember(struct nika_verifier *verifier, const struct nika_digest *identity);

#endif
