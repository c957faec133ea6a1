/* engine/core/stream.h: randomness by name. A draw is a pure function of (seed, name, index), so a draw in one place
 * never shifts another (DESIGN.md 4). For set-up and workloads; decisions of the world go through choice.h. */
#ifndef ENGINE_CORE_STREAM_H
#define ENGINE_CORE_STREAM_H

#include "engine/core/types.h"

/* Seed of the stream `name` under `seed`. */
uint64_t nika_stream(uint64_t seed, const char *name, uint64_t k);
/* The index-th 64-bit value of a stream. */
uint64_t nika_stream_draw(uint64_t stream, uint64_t index);
/* The same reduced to [0, n), n >= 1, without float (multiply-shift). */
uint64_t nika_stream_below(uint64_t stream, uint64_t index, uint64_t n);

#endif
