/* faults/clock/drift.c: makes the clocks of its targets run too fast or too slow. */
#include "faults/support.h"

enum { PARAM_DRIFT_PPM, PARAM_SIGN, PARAM_RATE, PARAM_COUNT };
static const char *const sign_names[] = {"fast", "slow", NULL};
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "drift_ppm", .doc = "Error of the rate.", .low = 1, .high = 500000, .fallback = 10000},
    {.name = "sign",
     .doc = "Too fast or too slow.",
     .low = 0,
     .high = 1,
     .fallback = 0,
     .names = sign_names},
    FAULT_PARAM_RATE,
};

static void start(struct nika_fault *fault)
{
    int64_t drift_ppm = (int64_t)fault->params[PARAM_DRIFT_PPM];
    if (fault->params[PARAM_SIGN] == 1) drift_ppm = -drift_ppm;
    for (uint32_t i = 0; i < fault->host->config->n; i++) {
        if (!nika_fault_targets(fault, i)) continue;
        if (!fault_rolls_at(fault, i, fault->params[PARAM_RATE])) continue;
        fault->host->clock_set(fault->host->world, i, 0, drift_ppm);
        nika_fault_acted(fault, i);
    }
}

static void stop(struct nika_fault *fault)
{
    if (fault->acted == 0) return;
    for (uint32_t i = 0; i < fault->host->config->n; i++) {
        if (nika_fault_targets(fault, i)) fault->host->clock_set(fault->host->world, i, 0, 0);
    }
}

const struct nika_fault_ops nika_fault_drift = {
    .name = "clock-drift",
    .doc = "Makes the clocks of its targets run too fast or too slow.",
    .fault_class = NIKA_FAULT_CLOCK,
    .params = params,
    .param_count = PARAM_COUNT,
    .start = start,
    .stop = stop,
};
