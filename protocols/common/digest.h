/* protocols/common/digest.h: the canonical hash of what every replica has (PROTOCOLS.md 4), and the parts that a protocol adds its own with.
 * Fields go in one by one, little-endian; bytes behind store handles by content, so that where the store put them does not count. */
#ifndef PROTOCOLS_COMMON_DIGEST_H
#define PROTOCOLS_COMMON_DIGEST_H

#include "protocols/common/core.h"

void common_digest_u64(struct nika_run_digest *d, uint64_t value);
void common_digest_u64s(struct nika_run_digest *d, const uint64_t *values, uint32_t count);
void common_digest_digest(struct nika_run_digest *d, const struct nika_digest *digest);
void common_digest_span(struct nika_run_digest *d, struct nika_span span);
void common_digest_handle(struct nika_run_digest *d, const struct common_core *core,
                          uint32_t handle);
void common_digest_handles(struct nika_run_digest *d, const struct common_core *core,
                           const uint32_t *handles, uint32_t count);
/* Flags as bits, the first lowest; at most 64. */
uint64_t common_digest_bits(const bool *flags, uint32_t count);
/* All of the core but the slots. */
void common_digest_core(struct nika_run_digest *d, const struct common_core *core);

#endif
