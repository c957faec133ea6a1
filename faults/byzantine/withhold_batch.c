/* faults/byzantine/withhold_batch.c: a corrupted primary orders batches whose contents some replicas never get from it. */
#include "faults/support.h"

enum { PARAM_SPLIT, PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    FAULT_PARAM_SPLIT("Replicas with this index or above get no BATCH.", 2),
    FAULT_PARAM_RATE,
};

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    if (out->type != COMMON_TYPE_batch) return;
    if (!fault_other_side(out->to, fault->params[PARAM_SPLIT])) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    out->drop = true;
    nika_fault_acted(fault, out->from);
}

const struct nika_fault_ops nika_fault_withhold_batch = {
    .name = "withhold-batch",
    .doc = "A corrupted primary does not send BATCH to some replicas.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_send = on_send,
};
