/* faults/trusted/key_leak.c: whoever has the group's key states what he likes in the name of a target's instance, here a second digest for a
 * value that it has just certified (TS3). Out of model. */
#include "faults/trusted/strike.h"

static const struct nika_fault_param params[STRIKE_PARAMS] = {STRIKE_PARAM_LIST(1)};
struct state {
    struct strike strike;
    struct nika_trusted_instance instance;
};

static enum nika_err on_trusted(struct nika_fault *fault, uint32_t replica,
                                struct nika_trusted_call *call)
{
    struct state *s = fault->state;
    const struct nika_fault_host *host = fault->host;
    const struct nika_digest digest = strike_digest();
    struct nika_trusted_certificate forged;
    (void)strike_due(fault, &s->strike, replica, call);
    if (!strike_follows(&s->strike, call)) return NIKA_OK;
    host->trusted_copy(host->world, fault, replica, &s->instance);
    forged = s->instance.counter[call->counter].last;
    host->trusted_forge(host->world, fault, &forged, &digest);
    strike_acted(fault, &s->strike, replica);
    return NIKA_OK;
}

const struct nika_fault_ops nika_fault_trusted_key_leak = {
    .name = "trusted-key-leak",
    .doc = "Forges certificates in the name of its targets with the group's key.",
    .fault_class = NIKA_FAULT_TRUSTED,
    .params = params,
    .param_count = STRIKE_PARAMS,
    .state_size = sizeof(struct state),
    .on_trusted = on_trusted,
};
