/* faults/byzantine/feed_subset.c: a corrupted primary feeds only some replicas and never replies: the trapped-f attack. */
#include "faults/support.h"

enum { PARAM_SPLIT, PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    FAULT_PARAM_SPLIT("Replicas with this index or above get no PRE-PREPARE and no BATCH.", 3),
    FAULT_PARAM_RATE,
};

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    bool order = out->type == PBFT_TYPE_pre_prepare || out->type == COMMON_TYPE_batch;
    bool starved = order && fault_other_side(out->to, fault->params[PARAM_SPLIT]);
    if (!starved && out->type != COMMON_TYPE_reply) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    out->drop = true;
    nika_fault_acted(fault, out->from);
}

const struct nika_fault_ops nika_fault_feed_subset = {
    .name = "feed-subset",
    .doc = "A corrupted primary feeds only some replicas and never replies to clients.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_send = on_send,
};
