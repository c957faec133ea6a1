/* faults/node/pause.c: stops its targets for a while, as a garbage collector or a frozen virtual machine does. */
#include "faults/support.h"

enum { PARAM_PAUSE_MS, PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "pause_ms",
     .doc = "Length of the pause; 0 = until the fault stops.",
     .low = 0,
     .high = 3600000,
     .fallback = 0},
    FAULT_PARAM_RATE,
};
struct state {
    bool paused[NIKA_REPLICAS_MAX];
};

static void resume(struct nika_fault *fault, uint32_t node)
{
    struct state *s = fault->state;
    if (!s->paused[node]) return;
    s->paused[node] = false;
    fault->host->pause(fault->host->world, node, false);
}

static void start(struct nika_fault *fault)
{
    struct state *s = fault->state;
    uint64_t pause_ns = fault->params[PARAM_PAUSE_MS] * FAULT_MS;
    for (uint32_t i = 0; i < fault->host->config->n; i++) {
        if (!nika_fault_targets(fault, i)) continue;
        if (!fault_rolls_at(fault, i, fault->params[PARAM_RATE])) continue;
        s->paused[i] = true;
        fault->host->pause(fault->host->world, i, true);
        nika_fault_acted(fault, i);
        if (pause_ns == 0) continue;
        fault->host->wake(fault->host->world, fault,
                          fault->host->now_ns(fault->host->world) + pause_ns, i);
    }
}

static void stop(struct nika_fault *fault)
{
    for (uint32_t i = 0; i < fault->host->config->n; i++) resume(fault, i);
}

static void on_wake(struct nika_fault *fault, uint64_t cookie)
{
    resume(fault, (uint32_t)cookie);
}

const struct nika_fault_ops nika_fault_pause = {
    .name = "pause",
    .doc = "Stops its targets for a while; the network goes on.",
    .fault_class = NIKA_FAULT_NODE,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .start = start,
    .stop = stop,
    .on_wake = on_wake,
};
