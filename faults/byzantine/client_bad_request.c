/* faults/byzantine/client_bad_request.c: corrupted clients sign requests that no correct client sends. */
#include "faults/support.h"

enum { PARAM_WHAT, PARAM_RATE, PARAM_COUNT };
enum { WHAT_TIMESTAMP, WHAT_CLIENT, WHAT_SIZE, WHAT_COUNT };
static const char *const what_names[] = {"timestamp-zero", "other-client", "too-large", NULL};
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "what",
     .doc = "Timestamp 0, the name of another client, or an operation above the limit.",
     .low = 0,
     .high = WHAT_COUNT - 1,
     .fallback = WHAT_TIMESTAMP,
     .names = what_names},
    FAULT_PARAM_RATE,
};

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    const struct nika_config *config = fault->host->config;
    uint8_t op[NIKA_OP_SIZE_MAX] = {0};
    struct common_request m = {0};
    if (!fault_decode(fault, out, &common_info_request, &m)) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    switch (fault->params[PARAM_WHAT]) {
    case WHAT_TIMESTAMP:
        m.timestamp = 0;
        break;
    case WHAT_CLIENT:
        m.client = (m.client + 1) % config->clients;
        break;
    default:
        if (config->op_size_max >= sizeof op) return; /* Nothing larger can be encoded. */
        m.op = (struct nika_span){op, config->op_size_max + 1};
    }
    if (fault_rewrite(fault, out, &common_info_request, &m)) nika_fault_acted(fault, out->from);
}

const struct nika_fault_ops nika_fault_client_bad_request = {
    .name = "client-bad-request",
    .doc = "Corrupted clients sign requests that no correct client sends.",
    .fault_class = NIKA_FAULT_CLIENT,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_send = on_send,
};
