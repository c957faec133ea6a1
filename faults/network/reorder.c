/* faults/network/reorder.c: lets messages on the links of its targets overtake each other. */
#include "faults/support.h"

enum { PARAM_RATE, PARAM_SPREAD_US, PARAM_TYPE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "rate_ppm",
     .doc = "Probability that a message leaves the order of its link.",
     .low = 0,
     .high = FAULT_PPM_MAX,
     .fallback = 300000},
    {.name = "spread_us",
     .doc = "Largest extra delay of such a message.",
     .low = 1,
     .high = 10000000,
     .fallback = 5000},
    FAULT_PARAM_TYPE,
};

static void on_link(struct nika_fault *fault, struct nika_outgoing *out)
{
    if (!fault_link_is_targeted(fault, out)) return;
    if (!fault_type_matches(fault, out, fault->params[PARAM_TYPE])) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    out->unordered = true;
    out->delay_ns += 1000u * fault_draw(fault, out, fault->params[PARAM_SPREAD_US] + 1);
    nika_fault_acted(fault, out->to);
}

const struct nika_fault_ops nika_fault_reorder = {
    .name = "reorder",
    .doc = "Lets messages on the links of its targets overtake each other.",
    .fault_class = NIKA_FAULT_NETWORK,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_link = on_link,
    .blind = true,
};
