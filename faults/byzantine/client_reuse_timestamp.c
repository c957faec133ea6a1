/* faults/byzantine/client_reuse_timestamp.c: corrupted clients send new operations under the first timestamp they ever used. */
#include "faults/support.h"

#define CLIENTS 128u /* As many as a fault can target. */
enum { PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {FAULT_PARAM_RATE};
struct state {
    uint64_t first[CLIENTS]; /* 0 = none yet; timestamps are positive. */
};

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct state *s = fault->state;
    struct common_request m = {0};
    uint32_t client = nika_client_index(out->from);
    if (client >= CLIENTS || !fault_decode(fault, out, &common_info_request, &m)) return;
    if (s->first[client] == 0) s->first[client] = m.timestamp;
    if (m.timestamp == s->first[client]) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    m.timestamp = s->first[client];
    if (fault_rewrite(fault, out, &common_info_request, &m)) nika_fault_acted(fault, out->from);
}

const struct nika_fault_ops nika_fault_client_reuse_timestamp = {
    .name = "client-reuse-timestamp",
    .doc = "Corrupted clients send new operations under an old timestamp.",
    .fault_class = NIKA_FAULT_CLIENT,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .on_send = on_send,
};
