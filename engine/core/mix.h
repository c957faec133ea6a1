/* engine/core/mix.h: the 64-bit mixing shared by stream.c and choice.c. Pure arithmetic on values,
 * so the results are the same on every architecture. Not for outside use: names of draws are the
 * interface (stream.h, choice.h). */
#ifndef ENGINE_CORE_MIX_H
#define ENGINE_CORE_MIX_H

#include <stdint.h>

__extension__ typedef unsigned __int128 nika_u128;

#define NIKA_GOLDEN UINT64_C(0x9e3779b97f4a7c15)

/* A bijection of 64 bits in which every input bit reaches every output bit (splitmix64's
 * finaliser). */
static inline uint64_t nika_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}
/* Both halves of a product, folded. */
static inline uint64_t nika_fold(uint64_t a, uint64_t b)
{
    nika_u128 product = (nika_u128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}
/* `draw`, uniform in [0, 2^64), reduced to [0, n) by multiply-high; n >= 1. */
static inline uint64_t nika_reduce(uint64_t draw, uint64_t n)
{
    return (uint64_t)(((nika_u128)draw * n) >> 64);
}

#endif
