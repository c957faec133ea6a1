/* engine/shim/histogram.h: counts of durations with a relative error below 1 %, in fixed memory, by integers only (HDR style). */
#ifndef ENGINE_SHIM_HISTOGRAM_H
#define ENGINE_SHIM_HISTOGRAM_H

#include "engine/core/types.h"

#define NIKA_HISTOGRAM_SUB 128u /* Buckets in each power of two. */
#define NIKA_HISTOGRAM_MAX_BITS                                                                    \
    44u /* Longer durations (4.8 hours in nanoseconds) count as the longest. */
#define NIKA_HISTOGRAM_BUCKETS ((NIKA_HISTOGRAM_MAX_BITS - 6u) * NIKA_HISTOGRAM_SUB)

/* Plain data; all zero is empty. */
struct nika_histogram {
    uint64_t count, sum, max;
    uint64_t buckets[NIKA_HISTOGRAM_BUCKETS];
};
void nika_histogram_add(struct nika_histogram *h, uint64_t value);
/* The smallest value that at least `ppm` millionths of all do not exceed, rounded up to its bucket; 0 when empty. */
uint64_t nika_histogram_at(const struct nika_histogram *h, uint32_t ppm);

#endif
