/* fuzz/campaign/verdicts.c: which of two verdicts weighs more. */
#include "fuzz/campaign/campaign.h"

static const int order[] = {NIKA_EXIT_HELD,     NIKA_EXIT_INCONCLUSIVE,     NIKA_EXIT_EXPECTATION,
                            NIKA_EXIT_LIVENESS, NIKA_EXIT_NONDETERMINISTIC, NIKA_EXIT_CONTRACT,
                            NIKA_EXIT_SAFETY};

static uint32_t rank(int exit_class)
{
    for (uint32_t i = 0; i < ARRAY_COUNT(order); i++) {
        if (order[i] == exit_class) return i;
    }
    return ARRAY_COUNT(order);
}

int nika_exit_worse(int a, int b)
{
    return rank(a) >= rank(b) ? a : b;
}
