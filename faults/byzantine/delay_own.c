/* faults/byzantine/delay_own.c: corrupted replicas hold their own messages, up to just below the others' time-outs. */
#include "faults/support.h"

enum { PARAM_DELAY_MS, PARAM_TYPE, PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "delay_ms",
     .doc = "How long; 0 = nine tenths of the request time-out.",
     .low = 0,
     .high = 600000,
     .fallback = 0},
    {.name = "type",
     .doc = "Only messages of this type.",
     .low = 0,
     .high = FAULT_TYPE_COUNT - 1,
     .fallback = NIKA_MESSAGE_PROPOSE,
     .names = fault_type_names},
    FAULT_PARAM_RATE,
};

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    if (!fault_type_matches(fault, out, fault->params[PARAM_TYPE])) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    uint64_t delay_ns = fault->params[PARAM_DELAY_MS] * FAULT_MS;
    if (delay_ns == 0) delay_ns = fault->host->config->request_ns / 10 * 9;
    out->delay_ns += delay_ns;
    nika_fault_acted(fault, out->from);
}

const struct nika_fault_ops nika_fault_delay_own = {
    .name = "delay-own",
    .doc = "Corrupted replicas hold their own messages to just below the time-outs.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_send = on_send,
};
