/* faults/byzantine/big_time.c: a corrupted primary proposes an agreed time that is far ahead of every clock. */
#include "faults/byzantine/batch_forge.h"

enum { PARAM_AHEAD_MS, PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "ahead_ms",
     .doc = "How far ahead of the honest proposal.",
     .low = 1,
     .high = 86400000,
     .fallback = 3600000},
    FAULT_PARAM_RATE,
};

static bool make(struct nika_fault *fault, const struct nika_outgoing *out,
                 const struct common_batch *honest, struct nika_writer *scratch,
                 struct common_batch *lie)
{
    (void)out;
    (void)scratch;
    lie->time_ns = honest->time_ns + fault->params[PARAM_AHEAD_MS] * FAULT_MS;
    return true;
}

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct forge_options options = {.make = make, .rate_ppm = fault->params[PARAM_RATE]};
    forge_on_send(fault, fault->state, &options, out);
}

const struct nika_fault_ops nika_fault_big_time = {
    .name = "big-time",
    .doc = "A corrupted primary proposes an agreed time far ahead of every clock.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct forge),
    .on_send = on_send,
};
