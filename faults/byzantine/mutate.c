/* faults/byzantine/mutate.c: corrupted nodes change one field of a message by a small, structure-aware step and sign it again. */
#include "faults/fields.h"

enum { PARAM_RATE, PARAM_TYPE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "rate_ppm",
     .doc = "Probability that a message is mutated.",
     .low = 0,
     .high = FAULT_PPM_MAX,
     .fallback = 100000},
    FAULT_PARAM_TYPE,
};

struct draws {
    struct nika_fault *fault;
    const struct nika_outgoing *out;
};

static uint64_t below(void *context, uint64_t n)
{
    const struct draws *d = context;
    return fault_draw(d->fault, d->out, n);
}

static uint64_t number(void *context, uint64_t old)
{
    static const int64_t steps[] = {1, -1, 2, 1000};
    return old + (uint64_t)steps[below(context, ARRAY_COUNT(steps))];
}

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    union fault_value value;
    struct draws draws = {fault, out};
    const struct fault_steps steps = {&draws, below, number};
    if (!fault_type_matches(fault, out, fault->params[PARAM_TYPE])) return;
    const struct nika_message_info *info = fault_decode_any(fault, out, &value);
    if (info == NULL || !fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    if (fault_mutate(fault, out, info, &value, &steps)) nika_fault_acted(fault, out->from);
}

const struct nika_fault_ops nika_fault_mutate = {
    .name = "mutate",
    .doc = "Corrupted replicas change one field of a message and sign it again.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_send = on_send,
};
