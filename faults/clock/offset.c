/* faults/clock/offset.c: sets the clocks of its targets apart from world time by a constant. */
#include "faults/support.h"

enum { PARAM_OFFSET_MS, PARAM_SIGN, PARAM_RATE, PARAM_COUNT };
static const char *const sign_names[] = {"ahead", "behind", NULL};
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "offset_ms", .doc = "How far apart.", .low = 1, .high = 86400000, .fallback = 1000},
    {.name = "sign",
     .doc = "Ahead of world time, or behind it.",
     .low = 0,
     .high = 1,
     .fallback = 0,
     .names = sign_names},
    FAULT_PARAM_RATE,
};

static void start(struct nika_fault *fault)
{
    int64_t offset_ns = (int64_t)(fault->params[PARAM_OFFSET_MS] * FAULT_MS);
    if (fault->params[PARAM_SIGN] == 1) offset_ns = -offset_ns;
    for (uint32_t i = 0; i < fault->host->config->n; i++) {
        if (!nika_fault_targets(fault, i)) continue;
        if (!fault_rolls_at(fault, i, fault->params[PARAM_RATE])) continue;
        fault->host->clock_set(fault->host->world, i, offset_ns, 0);
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

const struct nika_fault_ops nika_fault_offset = {
    .name = "clock-offset",
    .doc = "Sets the clocks of its targets ahead of or behind world time.",
    .fault_class = NIKA_FAULT_CLOCK,
    .params = params,
    .param_count = PARAM_COUNT,
    .start = start,
    .stop = stop,
};
