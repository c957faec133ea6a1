/* faults/byzantine/client_flood.c: corrupted clients send extra requests with ever higher timestamps, without waiting. */
#include "faults/support.h"

#define CLIENTS 128u /* As many as a fault can target. */
#define OP_SIZE 256u
enum { PARAM_PERIOD_US, PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "period_us",
     .doc = "Time between extra requests of one client.",
     .low = 10,
     .high = 10000000,
     .fallback = 2000},
    FAULT_PARAM_RATE,
};
struct state {
    uint64_t timestamp[CLIENTS]; /* Highest used or seen. */
    uint32_t op_size;            /* The last operation seen is sent again. */
    uint8_t op[OP_SIZE];
    bool stopped;
};

static void flood(struct nika_fault *fault)
{
    struct state *s = fault->state;
    if (s->stopped) return;
    for (uint32_t i = 0; i < CLIENTS && i < fault->host->config->clients; i++) {
        if (!nika_fault_targets(fault, i)) continue;
        if (!fault_rolls_at(fault, nika_client_node(i), fault->params[PARAM_RATE])) continue;
        struct common_request m = {.client = i,
                                   .timestamp = ++s->timestamp[i],
                                   .replier = NIKA_NODE_NONE,
                                   .op = {s->op, s->op_size}};
        for (uint32_t to = 0; to < fault->host->config->n; to++) {
            fault_inject(fault, nika_client_node(i), to, &common_info_request, &m);
        }
        nika_fault_acted(fault, nika_client_node(i));
    }
    uint64_t now = fault->host->now_ns(fault->host->world);
    fault->host->wake(fault->host->world, fault, now + fault->params[PARAM_PERIOD_US] * 1000u, 0);
}

static void on_wake(struct nika_fault *fault, uint64_t cookie)
{
    (void)cookie;
    flood(fault);
}

static void stop(struct nika_fault *fault)
{
    struct state *s = fault->state;
    s->stopped = true;
}

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct state *s = fault->state;
    struct common_request m = {0};
    uint32_t client = nika_client_index(out->from);
    if (client >= CLIENTS || !fault_decode(fault, out, &common_info_request, &m)) return;
    if (m.timestamp > s->timestamp[client]) s->timestamp[client] = m.timestamp;
    if (m.op.size == 0 || m.op.size > OP_SIZE) return;
    memcpy(s->op, m.op.data, m.op.size);
    s->op_size = m.op.size;
}

const struct nika_fault_ops nika_fault_client_flood = {
    .name = "client-flood",
    .doc = "Corrupted clients send extra requests without waiting for replies.",
    .fault_class = NIKA_FAULT_CLIENT,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .start = flood,
    .stop = stop,
    .on_wake = on_wake,
    .on_send = on_send,
};
