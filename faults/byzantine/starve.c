/* faults/byzantine/starve.c: corrupted replicas ignore the requests of some clients while serving the others. */
#include "faults/support.h"

enum { PARAM_CLIENTS, PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "clients",
     .doc = "Clients with an index below this are starved.",
     .low = 1,
     .high = NIKA_CLIENTS_MAX,
     .fallback = 1},
    FAULT_PARAM_RATE,
};

/* The frame's signer is the client even when another replica forwarded it. */
static bool on_receive(struct nika_fault *fault, uint32_t target, const struct nika_frame *frame)
{
    if (frame->type != COMMON_TYPE_request || !nika_is_client(frame->sender)) return true;
    uint32_t client = nika_client_index(frame->sender);
    if (client >= fault->params[PARAM_CLIENTS]) return true;
    if (!nika_fault_choice_ppm(fault, target, frame->type, client, 0, fault->params[PARAM_RATE]))
        return true;
    nika_fault_acted(fault, target);
    return false;
}

const struct nika_fault_ops nika_fault_starve = {
    .name = "starve",
    .doc = "Corrupted replicas ignore the requests of some clients.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_receive = on_receive,
};
