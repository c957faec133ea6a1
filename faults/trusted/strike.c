/* faults/trusted/strike.c: see strike.h. */
#include "faults/trusted/strike.h"

bool strike_due(struct nika_fault *fault, struct strike *strike, uint32_t replica,
                const struct nika_trusted_call *call)
{
    if (call->after || call->operation != NIKA_TRUSTED_CERTIFY || call->kind == NIKA_TRUSTED_MAC)
        return false;
    strike->armed = false;
    if (strike->seen[replica]++ < fault->params[STRIKE_SKIP]) return false;
    if (strike->acts[replica] >= fault->params[STRIKE_REPEAT]) return false;
    strike->armed = nika_fault_choice_ppm(fault, replica, call->kind, call->value.view,
                                          call->value.order, fault->params[STRIKE_RATE]);
    return strike->armed;
}

void strike_acted(struct nika_fault *fault, struct strike *strike, uint32_t replica)
{
    strike->acts[replica]++;
    nika_fault_acted(fault, replica);
}

bool strike_follows(struct strike *strike, const struct nika_trusted_call *call)
{
    if (!call->after || call->operation != NIKA_TRUSTED_CERTIFY || call->kind == NIKA_TRUSTED_MAC)
        return false;
    bool follows = strike->armed;
    strike->armed = false;
    return follows;
}

struct nika_digest strike_digest(void)
{
    struct nika_digest digest;
    memset(&digest, 0x5a, sizeof digest);
    return digest;
}
