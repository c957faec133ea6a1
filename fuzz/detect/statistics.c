/* fuzz/detect/statistics.c: exact intervals for shares and medians; see detect.h. */
#include <math.h>

#include "engine/core/assert.h"
#include "fuzz/detect/detect.h"

#define TAIL 0.025
#define HALVINGS 60 /* Below a part in 10^18. */

/* Probability of at most `hits` of n, each with probability p. Summed from the largest term outwards it needs no more care: terms are
 * of one sign. */
static double at_most(uint64_t hits, uint64_t n, double p)
{
    double sum = 0;
    if (p <= 0) return 1;
    if (p >= 1) return hits >= n ? 1 : 0;
    for (uint64_t i = 0; i <= hits; i++) {
        double a = (double)n, b = (double)i;
        sum += exp(lgamma(a + 1) - lgamma(b + 1) - lgamma(a - b + 1) + b * log(p) +
                   (a - b) * log1p(-p));
    }
    return sum < 1 ? sum : 1;
}

void nika_detect_interval(uint64_t hits, uint64_t n, uint32_t *low_ppm, uint32_t *high_ppm)
{
    double low = 0, high = 1;
    NIKA_ASSERT(n >= 1 && hits <= n);
    /* The highest p under which so few are not surprising. */
    for (int i = 0; hits < n && i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (at_most(hits, n, middle) > TAIL)
            low = middle;
        else
            high = middle;
    }
    *high_ppm = (uint32_t)ceil(high * 1e6);
    low = 0;
    high = hits == 0 ? 0 : 1;
    /* The lowest under which so many are not. */
    for (int i = 0; hits > 0 && i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (1 - at_most(hits - 1, n, middle) > TAIL)
            high = middle;
        else
            low = middle;
    }
    *low_ppm = (uint32_t)floor(low * 1e6);
}

uint64_t nika_detect_outpaced_after(uint32_t factor, uint64_t hits, uint64_t runs)
{
    NIKA_ASSERT(hits >= 1 && hits <= runs);
    /* (1 - p)^n <= 0.05 for n >= 3 / p: the rule of three. */
    return (3 * (uint64_t)factor * runs + hits - 1) / hits;
}

void nika_detect_median_ranks(uint32_t n, uint32_t *low, uint32_t *high)
{
    *low = 0;
    while (*low < n / 2 && at_most(*low, n, 0.5) <= TAIL) (*low)++;
    *high = n + 1 - *low;
}
