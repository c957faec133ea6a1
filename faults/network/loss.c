/* faults/network/loss.c: loses messages on the links of its targets. */
#include "faults/support.h"

enum { PARAM_RATE, PARAM_TYPE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "rate_ppm",
     .doc = "Probability that a message is lost.",
     .low = 0,
     .high = FAULT_PPM_MAX,
     .fallback = 300000},
    FAULT_PARAM_TYPE,
};

static void on_link(struct nika_fault *fault, struct nika_outgoing *out)
{
    if (!fault_link_is_targeted(fault, out)) return;
    if (!fault_type_matches(fault, out, fault->params[PARAM_TYPE])) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    out->drop = true;
    nika_fault_acted(fault, out->to);
}

const struct nika_fault_ops nika_fault_loss = {
    .name = "loss",
    .doc = "Loses messages on the links of its targets.",
    .fault_class = NIKA_FAULT_NETWORK,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_link = on_link,
    .blind = true,
};
