/* faults/network/duplicate.c: delivers messages on the links of its targets more than once. */
#include "faults/support.h"

enum { PARAM_RATE, PARAM_COPIES, PARAM_TYPE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "rate_ppm",
     .doc = "Probability that a message is duplicated.",
     .low = 0,
     .high = FAULT_PPM_MAX,
     .fallback = 300000},
    {.name = "copies",
     .doc = "Most extra deliveries of one message.",
     .low = 1,
     .high = 16,
     .fallback = 2},
    FAULT_PARAM_TYPE,
};

static void on_link(struct nika_fault *fault, struct nika_outgoing *out)
{
    if (!fault_link_is_targeted(fault, out)) return;
    if (!fault_type_matches(fault, out, fault->params[PARAM_TYPE])) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    out->copies += 1 + (uint32_t)fault_draw(fault, out, fault->params[PARAM_COPIES]);
    nika_fault_acted(fault, out->to);
}

const struct nika_fault_ops nika_fault_duplicate = {
    .name = "duplicate",
    .doc = "Delivers messages on the links of its targets more than once.",
    .fault_class = NIKA_FAULT_NETWORK,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_link = on_link,
    .blind = true,
};
