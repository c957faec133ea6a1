/* engine/shim/histogram.c: see histogram.h. */
#include "engine/shim/histogram.h"

#define LOW_BITS 7u /* Values below 128 have a bucket each. */
_Static_assert(NIKA_HISTOGRAM_SUB == 1u << LOW_BITS, "one power of two fills its buckets");

static uint32_t bucket_of(uint64_t value)
{
    if (value < NIKA_HISTOGRAM_SUB) return (uint32_t)value;
    uint32_t top = 63u - (uint32_t)__builtin_clzll(value);
    uint32_t shift = top - LOW_BITS;
    return (shift + 1) * NIKA_HISTOGRAM_SUB + (uint32_t)(value >> shift) - NIKA_HISTOGRAM_SUB;
}

static uint64_t highest_in(uint32_t bucket)
{
    uint32_t power = bucket / NIKA_HISTOGRAM_SUB, sub = bucket % NIKA_HISTOGRAM_SUB;
    if (power == 0) return sub;
    return ((uint64_t)(NIKA_HISTOGRAM_SUB + sub + 1) << (power - 1)) - 1;
}

void nika_histogram_add(struct nika_histogram *h, uint64_t value)
{
    uint64_t limit = (UINT64_C(1) << NIKA_HISTOGRAM_MAX_BITS) - 1;
    if (value > limit) value = limit;
    h->count++;
    h->sum += value;
    if (value > h->max) h->max = value;
    h->buckets[bucket_of(value)]++;
}

uint64_t nika_histogram_at(const struct nika_histogram *h, uint32_t ppm)
{
    uint64_t need = (h->count * ppm + 999999u) / 1000000u, seen = 0;
    if (h->count == 0) return 0;
    if (need == 0) need = 1;
    for (uint32_t i = 0; i < NIKA_HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= need) return highest_in(i) < h->max ? highest_in(i) : h->max;
    }
    return h->max;
}
