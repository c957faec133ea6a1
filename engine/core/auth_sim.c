/* engine/core/auth_sim.c: suite `sim`, a keyed XXH3-128 (auth.h, PROTOCOLS.md 5).
 *
 * Unforgeable inside the simulator only because no adversary there can call it with a key that it
 * does not hold. It resists nobody who computes, so it is a library of its own that the shim never
 * links. */
#include "engine/core/auth.h"
#include "engine/core/mix.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static void tag(uint64_t key_seed, uint32_t from, uint32_t to, struct nika_span message,
                uint8_t out[16])
{
    uint64_t pair = (uint64_t)from << 32 | to;
    uint64_t key = nika_mix(key_seed ^ nika_mix(pair + NIKA_GOLDEN));
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_withSeed(message.data, message.size, key));
    memcpy(out, canonical.digest, 16);
}

const struct nika_auth_sim nika_auth_sim_table = {.tag = tag};
