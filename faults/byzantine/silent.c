/* faults/byzantine/silent.c: corrupted replicas send nothing at all, as if dead, but go on receiving. */
#include "faults/support.h"

enum { PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {FAULT_PARAM_RATE};

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    out->drop = true;
    nika_fault_acted(fault, out->from);
}

const struct nika_fault_ops nika_fault_silent = {
    .name = "silent",
    .doc = "Corrupted replicas send nothing.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_send = on_send,
};
