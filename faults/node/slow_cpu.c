/* faults/node/slow_cpu.c: makes the CPUs of its targets slower by a factor. */
#include "faults/support.h"

enum { PARAM_FACTOR, PARAM_RATE, PARAM_COUNT };
#define FACTOR_NORMAL_PERMILLE 1000u
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "factor", .doc = "How many times slower.", .low = 2, .high = 10000, .fallback = 20},
    FAULT_PARAM_RATE,
};

static void start(struct nika_fault *fault)
{
    uint32_t permille = (uint32_t)fault->params[PARAM_FACTOR] * FACTOR_NORMAL_PERMILLE;
    for (uint32_t i = 0; i < fault->host->config->n; i++) {
        if (!nika_fault_targets(fault, i)) continue;
        if (!fault_rolls_at(fault, i, fault->params[PARAM_RATE])) continue;
        fault->host->cpu_slow(fault->host->world, i, permille);
        nika_fault_acted(fault, i);
    }
}

static void stop(struct nika_fault *fault)
{
    for (uint32_t i = 0; i < fault->host->config->n; i++) {
        if (!nika_fault_targets(fault, i)) continue;
        fault->host->cpu_slow(fault->host->world, i, FACTOR_NORMAL_PERMILLE);
    }
}

const struct nika_fault_ops nika_fault_slow_cpu = {
    .name = "slow-cpu",
    .doc = "Makes the CPUs of its targets slower by a factor.",
    .fault_class = NIKA_FAULT_NODE,
    .params = params,
    .param_count = PARAM_COUNT,
    .start = start,
    .stop = stop,
};
