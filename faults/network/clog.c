/* faults/network/clog.c: holds messages on the links of its targets and releases them all when it stops. */
#include "faults/support.h"

enum { PARAM_RATE, PARAM_TYPE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {FAULT_PARAM_RATE, FAULT_PARAM_TYPE};

static void on_link(struct nika_fault *fault, struct nika_outgoing *out)
{
    if (!fault_link_is_targeted(fault, out)) return;
    if (!fault_type_matches(fault, out, fault->params[PARAM_TYPE])) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    if (fault->to_ns > out->hold_until_ns) out->hold_until_ns = fault->to_ns;
    nika_fault_acted(fault, out->to);
}

const struct nika_fault_ops nika_fault_clog = {
    .name = "clog",
    .doc = "Holds messages on the links of its targets until it stops.",
    .fault_class = NIKA_FAULT_NETWORK,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_link = on_link,
    .blind = true,
};
