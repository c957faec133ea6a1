/* protocols/common/quorum.h: quorum arithmetic (PROTOCOLS.md 0). */
#ifndef PROTOCOLS_COMMON_QUORUM_H
#define PROTOCOLS_COMMON_QUORUM_H

#include <stdint.h>

/* Q = ceil((n+f+1)/2): any two such sets share a correct replica. */
static inline uint32_t common_quorum(uint32_t n, uint32_t f)
{
    return (n + f + 2) / 2;
}
/* W = f+1: at least one of them is correct. */
static inline uint32_t common_weak(uint32_t f)
{
    return f + 1;
}
/* Sets of replicas: bit i of two words is replica i. */
static inline void common_signer_add(uint64_t signers[2], uint32_t replica)
{
    signers[replica / 64] |= UINT64_C(1) << (replica % 64);
}

#endif
