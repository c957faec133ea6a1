/* faults/byzantine/gap.c: a corrupted primary skips sequence numbers, the same way for every receiver. */
#include "faults/support.h"

enum { PARAM_SKIP, PARAM_LAST, PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "skip",
     .doc = "Sequence numbers left out; more than the window = far ahead.",
     .low = 1,
     .high = 1000000,
     .fallback = 1},
    {.name = "last",
     .doc = "1: to the last number that there is, whatever `skip` says.",
     .low = 0,
     .high = 1,
     .fallback = 0},
    FAULT_PARAM_RATE,
};
struct state {
    struct fault_once once;
};

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct state *s = fault->state;
    struct pbft_pre_prepare m = {0};
    if (!fault_decode(fault, out, &pbft_info_pre_prepare, &m)) return;
    if (!fault_rolls_once(fault, &s->once, out, fault->params[PARAM_RATE])) return;
    m.seq = fault->params[PARAM_LAST] != 0 ? UINT64_MAX : m.seq + fault->params[PARAM_SKIP];
    if (fault_rewrite(fault, out, &pbft_info_pre_prepare, &m)) nika_fault_acted(fault, out->from);
}

const struct nika_fault_ops nika_fault_gap = {
    .name = "gap",
    .doc = "A corrupted primary skips sequence numbers.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .on_send = on_send,
};
