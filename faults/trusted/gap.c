/* faults/trusted/gap.c: a corrupted replica jumps its trusted counter ahead, so that what its module wants to certify next is used up (TS1).
 * Within the model: a gap hurts only its owner. */
#include "faults/trusted/strike.h"

enum { PARAM_GAP = STRIKE_PARAMS, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    STRIKE_PARAM_LIST(1),
    {.name = "gap",
     .doc = "Orders beyond the one that the module is about to use.",
     .low = 0,
     .high = 1000000,
     .fallback = 10},
};
struct state {
    struct strike strike;
};

static enum nika_err on_trusted(struct nika_fault *fault, uint32_t replica,
                                struct nika_trusted_call *call)
{
    struct state *s = fault->state;
    struct nika_trusted_certificate unused;
    const struct nika_digest digest = strike_digest();
    struct nika_trusted_value value = call->value;
    if (!strike_due(fault, &s->strike, replica, call)) return NIKA_OK;
    s->strike.armed = false;
    uint64_t gap = fault->params[PARAM_GAP];
    value.order = value.order > UINT64_MAX - gap ? UINT64_MAX : value.order + gap;
    if (fault->host->trusted_certify(fault->host->world, replica, NIKA_TRUSTED_INDEPENDENT,
                                     call->counter, value, &digest, &unused) == NIKA_OK)
        strike_acted(fault, &s->strike, replica);
    return NIKA_OK;
}

const struct nika_fault_ops nika_fault_trusted_gap = {
    .name = "trusted-gap",
    .doc = "Corrupted replicas jump their trusted counter beyond what they are about to certify.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .on_trusted = on_trusted,
};
