/* engine/core/permute.c: a Feistel network over the least even number of bits that holds n; what falls outside walks on along its
 * cycle until it is inside again, which keeps the map a bijection of [0, n). */
#include "engine/core/permute.h"

#include "engine/core/assert.h"
#include "engine/core/mix.h"

#define ROUNDS 4u /* Enough to look random (Luby and Rackoff, 1988); nobody attacks it. */

static uint64_t shuffle(uint64_t x, uint32_t half, uint64_t key)
{
    uint64_t mask = (UINT64_C(1) << half) - 1, left = x >> half, right = x & mask;
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        uint64_t next = left ^ (nika_mix(nika_mix(key + i * NIKA_GOLDEN) ^ right) & mask);
        left = right;
        right = next;
    }
    return left << half | right;
}

uint64_t nika_permute(uint64_t index, uint64_t n, uint64_t key)
{
    uint32_t half = 1;
    NIKA_ASSERT(index < n);
    while (half < 32 && (n - 1) >> (2 * half) != 0) half++;
    /* The domain is less than four times n: four steps on average at most. */
    do index = shuffle(index, half, key);
    while (index >= n);
    return index;
}
