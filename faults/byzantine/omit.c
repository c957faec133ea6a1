/* faults/byzantine/omit.c: corrupted replicas omit messages of one type to some receivers and are correct otherwise. */
#include "faults/support.h"

enum { PARAM_TYPE, PARAM_SPLIT, PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    FAULT_PARAM_TYPE,
    FAULT_PARAM_SPLIT("Receivers with this index or above do not get them.", 2),
    FAULT_PARAM_RATE,
};

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    if (!fault_other_side(out->to, fault->params[PARAM_SPLIT])) return;
    if (!fault_type_matches(fault, out, fault->params[PARAM_TYPE])) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    out->drop = true;
    nika_fault_acted(fault, out->from);
}

const struct nika_fault_ops nika_fault_omit = {
    .name = "omit",
    .doc = "Corrupted replicas omit messages of one type to some receivers.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_send = on_send,
};
