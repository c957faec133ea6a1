/* engine/shim/tss_state.h: what a trusted process keeps on disk, as bytes: its counters with their last certificates, and how fresh it is.
 *
 * Pure. A checksum tells a torn image, a MAC under the group's key a foreign or altered one; neither tells an old one: that is what
 * `sequence` and `anchor` are compared for (tss_vault.h). */
#ifndef ENGINE_SHIM_TSS_STATE_H
#define ENGINE_SHIM_TSS_STATE_H

#include "engine/core/limits.h"
#include "engine/core/trusted_instance.h"

#define NIKA_TSS_STATE_MAX 16384u

struct nika_tss_state {
    struct nika_trusted_instance instance;
    uint32_t group;                     /* Instances of the group. */
    uint64_t epochs[NIKA_REPLICAS_MAX]; /* Registered, of instances 0 .. group-1. */
    uint64_t
        sequence; /* Steps of the disk so far: each has one certificate that moved a counter, or several. */
    bool anchored; /* `anchor` is compared with a counter elsewhere. */
    uint64_t anchor;
    /* A log may hold later steps (tss_vault.h): those of this life, and of a counter none beyond its bound. Zero: there are none. */
    uint64_t life;
    struct nika_trusted_value bound[NIKA_TRUSTED_COUNTERS_MAX];
};

/* "NIKATSS2" | size u32 | instance u32 | epoch u64 | counters u32 | group u32 | epochs | sequence u64 | anchored u8 | anchor u64 | life u64 |
 * used u32 | used x (certificate, digest; zeros: never moved; bound 2 x u64) | mac | crc32c u32. Returns the size; 0 when the key cannot
 * authenticate. */
uint32_t nika_tss_state_encode(const struct nika_tss_state *state, struct nika_trusted_key *key,
                               uint8_t out[NIKA_TSS_STATE_MAX]);
/* NIKA_ERR_VERSION: another format. NIKA_ERR_MALFORMED: torn or damaged. NIKA_ERR_AUTH: whole, but written under another key or altered.
 * Bytes behind the image are ignored: the file keeps its size. */
NIKA_MUST_USE enum nika_err nika_tss_state_decode(struct nika_span bytes,
                                                  struct nika_trusted_key *key,
                                                  struct nika_tss_state *out);

/* One step of a counter, as a log holds it: life u64 | certificate | digest. Its certificate authenticates it. */
#define NIKA_TSS_STEP_SIZE (8u + NIKA_TRUSTED_CERTIFICATE_SIZE + NIKA_DIGEST_SIZE)
struct nika_tss_step {
    uint64_t life;
    struct nika_trusted_counter counter;
};
void nika_tss_step_encode(const struct nika_tss_step *step, uint8_t out[NIKA_TSS_STEP_SIZE]);
/* NIKA_ERR_MALFORMED: no step of a counter. */
NIKA_MUST_USE enum nika_err nika_tss_step_decode(struct nika_span bytes, struct nika_tss_step *out);

#endif
