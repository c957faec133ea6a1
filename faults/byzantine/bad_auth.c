/* faults/byzantine/bad_auth.c: corrupted replicas send authenticators that only some receivers accept. */
#include "faults/support.h"

enum { PARAM_SPLIT, PARAM_TYPE, PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    FAULT_PARAM_SPLIT("Receivers with this index or above get a wrong authenticator.", 2),
    FAULT_PARAM_TYPE,
    FAULT_PARAM_RATE,
};

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    if (!fault_other_side(out->to, fault->params[PARAM_SPLIT])) return;
    if (!fault_type_matches(fault, out, fault->params[PARAM_TYPE])) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    if (!fault_break_auth(fault, out)) return;
    nika_fault_acted(fault, out->from);
}

const struct nika_fault_ops nika_fault_bad_auth = {
    .name = "bad-auth",
    .doc = "Corrupted replicas authenticate wrongly towards some receivers.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_send = on_send,
};
