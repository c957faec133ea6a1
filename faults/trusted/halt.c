/* faults/trusted/halt.c: the trusted instance of a target answers no more (TSG). Within the model: its replica stops voting. */
#include "faults/trusted/strike.h"

static const struct nika_fault_param params[STRIKE_PARAMS] = {STRIKE_PARAM_LIST(1)};
struct state {
    struct strike strike;
    bool halted[NIKA_REPLICAS_MAX];
};

static enum nika_err on_trusted(struct nika_fault *fault, uint32_t replica,
                                struct nika_trusted_call *call)
{
    struct state *s = fault->state;
    if (strike_due(fault, &s->strike, replica, call)) {
        s->halted[replica] = true;
        strike_acted(fault, &s->strike, replica);
    }
    return s->halted[replica] ? NIKA_ERR_IO : NIKA_OK;
}

const struct nika_fault_ops nika_fault_trusted_halt = {
    .name = "trusted-halt",
    .doc = "The trusted instances of its targets answer no more, from a certificate on until the "
           "fault ends.",
    .fault_class = NIKA_FAULT_NODE,
    .params = params,
    .param_count = STRIKE_PARAMS,
    .state_size = sizeof(struct state),
    .on_trusted = on_trusted,
};
