/* faults/network/delay.c: adds a fixed extra delay to messages on the links of its targets. */
#include "faults/support.h"

enum { PARAM_DELAY_MS, PARAM_RATE, PARAM_TYPE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "delay_ms", .doc = "Extra delay.", .low = 1, .high = 600000, .fallback = 50},
    FAULT_PARAM_RATE,
    FAULT_PARAM_TYPE,
};

static void on_link(struct nika_fault *fault, struct nika_outgoing *out)
{
    if (!fault_link_is_targeted(fault, out)) return;
    if (!fault_type_matches(fault, out, fault->params[PARAM_TYPE])) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    out->delay_ns += fault->params[PARAM_DELAY_MS] * FAULT_MS;
    nika_fault_acted(fault, out->to);
}

const struct nika_fault_ops nika_fault_delay = {
    .name = "delay",
    .doc = "Delays messages on the links of its targets.",
    .fault_class = NIKA_FAULT_NETWORK,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_link = on_link,
    .blind = true,
};
