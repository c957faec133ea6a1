/* engine/core/permute.h: the numbers below n in another order, one at a time and in no memory: sampling without replacement. */
#ifndef ENGINE_CORE_PERMUTE_H
#define ENGINE_CORE_PERMUTE_H

#include <stdint.h>

/* Place `index` of the order that `key` names: for index = 0 .. n-1 each of 0 .. n-1 exactly once. index < n. */
uint64_t nika_permute(uint64_t index, uint64_t n, uint64_t key);

#endif
