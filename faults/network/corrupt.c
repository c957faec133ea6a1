/* faults/network/corrupt.c: flips random bits of frames on the links of its targets; it signs nothing. */
#include "faults/support.h"

enum { PARAM_RATE, PARAM_BITS, PARAM_TYPE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "rate_ppm",
     .doc = "Probability that a frame is damaged.",
     .low = 0,
     .high = FAULT_PPM_MAX,
     .fallback = 100000},
    {.name = "bits",
     .doc = "Bits flipped in a damaged frame.",
     .low = 1,
     .high = 64,
     .fallback = 1},
    FAULT_PARAM_TYPE,
};

static void on_link(struct nika_fault *fault, struct nika_outgoing *out)
{
    if (out->size == 0 || !fault_link_is_targeted(fault, out)) return;
    if (!fault_type_matches(fault, out, fault->params[PARAM_TYPE])) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    for (uint64_t i = 0; i < fault->params[PARAM_BITS]; i++) {
        uint64_t bit = fault_draw(fault, out, (uint64_t)out->size * 8);
        out->bytes[bit / 8] = (uint8_t)(out->bytes[bit / 8] ^ (1u << (bit % 8)));
    }
    out->changed = true;
    nika_fault_acted(fault, out->to);
}

const struct nika_fault_ops nika_fault_corrupt = {
    .name = "corrupt",
    .doc = "Flips random bits of frames on the links of its targets.",
    .fault_class = NIKA_FAULT_NETWORK,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_link = on_link,
};
