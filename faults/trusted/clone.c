/* faults/trusted/clone.c: a second instance with the identity and the counters of a target certifies what the first one certifies, over another
 * digest (TS3). Out of model. */
#include "faults/trusted/strike.h"

static const struct nika_fault_param params[STRIKE_PARAMS] = {STRIKE_PARAM_LIST(1000000)};
struct state {
    struct strike strike;
    struct nika_trusted_instance
        clone; /* As the instance was before the call that is being done. */
};

static enum nika_err on_trusted(struct nika_fault *fault, uint32_t replica,
                                struct nika_trusted_call *call)
{
    struct state *s = fault->state;
    const struct nika_fault_host *host = fault->host;
    struct nika_trusted_certificate second;
    const struct nika_digest digest = strike_digest();
    if (strike_due(fault, &s->strike, replica, call))
        host->trusted_copy(host->world, fault, replica, &s->clone);
    if (!strike_follows(&s->strike, call)) return NIKA_OK;
    enum nika_err err =
        host->trusted_clone(host->world, fault, &s->clone, (enum nika_trusted_kind)call->kind,
                            call->counter, call->value, &digest, &second);
    if (err == NIKA_OK) strike_acted(fault, &s->strike, replica);
    return NIKA_OK;
}

const struct nika_fault_ops nika_fault_trusted_clone = {
    .name = "trusted-clone",
    .doc = "A clone of a target's trusted instance certifies the same values over another digest.",
    .fault_class = NIKA_FAULT_TRUSTED,
    .params = params,
    .param_count = STRIKE_PARAMS,
    .state_size = sizeof(struct state),
    .on_trusted = on_trusted,
};
