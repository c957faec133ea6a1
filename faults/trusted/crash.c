/* faults/trusted/crash.c: the replica dies between the step of its trusted counter and the store of what it certified (TS2). Within the model. */
#include "faults/trusted/strike.h"

enum { PARAM_DOWN_MS = STRIKE_PARAMS, PARAM_AMNESIA, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    STRIKE_PARAM_LIST(1),
    {.name = "down_ms", .doc = "Down for so long.", .low = 1, .high = 3600000, .fallback = 100},
    {.name = "amnesia", .doc = "1: the disk is lost as well.", .low = 0, .high = 1, .fallback = 0},
};
struct state {
    struct strike strike;
    bool down[NIKA_REPLICAS_MAX];
};

static void restart(struct nika_fault *fault, uint32_t replica)
{
    struct state *s = fault->state;
    if (!s->down[replica]) return;
    s->down[replica] = false;
    fault->host->restart(fault->host->world, replica, fault->params[PARAM_AMNESIA] != 0);
}

static enum nika_err on_trusted(struct nika_fault *fault, uint32_t replica,
                                struct nika_trusted_call *call)
{
    struct state *s = fault->state;
    if (strike_follows(&s->strike, call)) {
        call->crash = true;
        s->down[replica] = true;
        strike_acted(fault, &s->strike, replica);
        fault->host->wake(fault->host->world, fault,
                          fault->host->now_ns(fault->host->world) +
                              fault->params[PARAM_DOWN_MS] * FAULT_MS,
                          replica);
    }
    (void)strike_due(fault, &s->strike, replica, call);
    return NIKA_OK;
}

static void on_wake(struct nika_fault *fault, uint64_t cookie)
{
    restart(fault, (uint32_t)cookie);
}

static void stop(struct nika_fault *fault)
{
    for (uint32_t i = 0; i < fault->host->config->n; i++) restart(fault, i);
}

const struct nika_fault_ops nika_fault_trusted_crash = {
    .name = "trusted-crash",
    .doc = "Crashes its targets right after their trusted counter moved, before anything is "
           "stored.",
    .fault_class = NIKA_FAULT_NODE,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .stop = stop,
    .on_wake = on_wake,
    .on_trusted = on_trusted,
};
