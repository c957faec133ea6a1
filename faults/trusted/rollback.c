/* faults/trusted/rollback.c: the trusted instance of a target is set back to before a certificate (TS3, TS5). Out of model. */
#include "faults/trusted/strike.h"

enum { PARAM_USE = STRIKE_PARAMS, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    STRIKE_PARAM_LIST(1),
    {.name = "use",
     .doc = "1: the value that is free again is bound to another digest at once; 0: it stays free.",
     .low = 0,
     .high = 1,
     .fallback = 1},
};
struct state {
    struct strike strike;
    struct nika_trusted_instance before; /* Of the call that is being done. */
};

static enum nika_err on_trusted(struct nika_fault *fault, uint32_t replica,
                                struct nika_trusted_call *call)
{
    struct state *s = fault->state;
    const struct nika_fault_host *host = fault->host;
    struct nika_trusted_certificate second;
    const struct nika_digest digest = strike_digest();
    if (strike_due(fault, &s->strike, replica, call))
        host->trusted_copy(host->world, fault, replica, &s->before);
    if (!strike_follows(&s->strike, call)) return NIKA_OK;
    host->trusted_put(host->world, fault, replica, &s->before);
    strike_acted(fault, &s->strike, replica);
    if (fault->params[PARAM_USE] == 0) return NIKA_OK;
    return host->trusted_certify(host->world, replica, (enum nika_trusted_kind)call->kind,
                                 call->counter, call->value, &digest, &second);
}

const struct nika_fault_ops nika_fault_trusted_rollback = {
    .name = "trusted-rollback",
    .doc = "Sets the trusted instances of its targets back to before a certificate, whose value is "
           "then bound again.",
    .fault_class = NIKA_FAULT_TRUSTED,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .on_trusted = on_trusted,
};
