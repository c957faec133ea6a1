/* faults/trusted/reset.c: the trusted instance of a target starts again from zero within its epoch (TS3). Out of model. */
#include "faults/trusted/strike.h"

static const struct nika_fault_param params[STRIKE_PARAMS] = {STRIKE_PARAM_LIST(1)};
struct state {
    struct strike strike;
    struct nika_trusted_instance fresh;
};

/* What is bound again is the value that was certified last: every other one is free again as well. */
static enum nika_err on_trusted(struct nika_fault *fault, uint32_t replica,
                                struct nika_trusted_call *call)
{
    struct state *s = fault->state;
    const struct nika_fault_host *host = fault->host;
    struct nika_trusted_certificate second;
    const struct nika_digest digest = strike_digest();
    (void)strike_due(fault, &s->strike, replica, call);
    if (!strike_follows(&s->strike, call)) return NIKA_OK;
    host->trusted_copy(host->world, fault, replica, &s->fresh);
    nika_trusted_instance_init(&s->fresh, s->fresh.id, s->fresh.epoch, s->fresh.counters);
    host->trusted_put(host->world, fault, replica, &s->fresh);
    strike_acted(fault, &s->strike, replica);
    return host->trusted_certify(host->world, replica, (enum nika_trusted_kind)call->kind,
                                 call->counter, call->value, &digest, &second);
}

const struct nika_fault_ops nika_fault_trusted_reset = {
    .name = "trusted-reset",
    .doc = "The trusted instances of its targets start again from zero within their epoch.",
    .fault_class = NIKA_FAULT_TRUSTED,
    .params = params,
    .param_count = STRIKE_PARAMS,
    .state_size = sizeof(struct state),
    .on_trusted = on_trusted,
};
