/* faults/byzantine/client_equivocate.c: corrupted clients send different operations under one timestamp to different replicas. */
#include "faults/support.h"

enum { PARAM_SPLIT, PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    FAULT_PARAM_SPLIT("Replicas with this index or above get the other operation.", 2),
    FAULT_PARAM_RATE,
};

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct common_request m = {0};
    uint8_t op[NIKA_OP_SIZE_MAX];
    if (!fault_other_side(out->to, fault->params[PARAM_SPLIT])) return;
    if (!fault_decode(fault, out, &common_info_request, &m)) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    uint32_t size = m.op.size == 0 ? 1 : m.op.size;
    op[0] = 0;
    if (m.op.size > 0) memcpy(op, m.op.data, m.op.size);
    op[size - 1] ^= 1;
    m.op = (struct nika_span){op, size};
    if (fault_rewrite(fault, out, &common_info_request, &m)) nika_fault_acted(fault, out->from);
}

const struct nika_fault_ops nika_fault_client_equivocate = {
    .name = "client-equivocate",
    .doc = "Corrupted clients send different operations under one timestamp.",
    .fault_class = NIKA_FAULT_CLIENT,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_send = on_send,
};
