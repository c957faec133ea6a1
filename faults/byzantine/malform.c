/* faults/byzantine/malform.c: corrupted replicas sign bytes that are no message of their type: cut short, too long, or garbage. */
#include "faults/support.h"

enum { PARAM_WHAT, PARAM_RATE, PARAM_TYPE, PARAM_COUNT };
enum { WHAT_CUT, WHAT_LONG, WHAT_GARBAGE, WHAT_COUNT };
#define GARBAGE_SIZE 64u
static const char *const what_names[] = {"cut", "long", "garbage", NULL};
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "what",
     .doc = "The end is missing, a byte is added, or every byte is drawn.",
     .low = 0,
     .high = WHAT_COUNT - 1,
     .fallback = WHAT_CUT,
     .names = what_names},
    {.name = "rate_ppm",
     .doc = "Probability that a message is malformed.",
     .low = 0,
     .high = FAULT_PPM_MAX,
     .fallback = 100000},
    FAULT_PARAM_TYPE,
};

/* The body as it should not be, in `scratch`. */
static struct nika_span malform(struct nika_fault *fault, const struct nika_outgoing *out,
                                struct nika_span body, uint8_t *scratch)
{
    uint32_t size = body.size;
    memcpy(scratch, body.data, body.size);
    switch (fault->params[PARAM_WHAT]) {
    case WHAT_CUT:
        size -= 1 + (uint32_t)fault_draw(fault, out, size);
        break;
    case WHAT_LONG:
        scratch[size++] = 0;
        break;
    default:
        size = 1 + (uint32_t)fault_draw(fault, out, GARBAGE_SIZE);
        for (uint32_t i = 0; i < size; i++) scratch[i] = (uint8_t)fault_draw(fault, out, 256);
    }
    return (struct nika_span){scratch, size};
}

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    uint8_t scratch[FAULT_SCRATCH_SIZE];
    struct nika_frame frame;
    if (!fault_type_matches(fault, out, fault->params[PARAM_TYPE])) return;
    if (!fault_open(fault, out, &frame) || frame.auth_alg == NIKA_AUTH_NONE) return;
    if (frame.body.size == 0 || frame.body.size >= sizeof scratch) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    struct nika_span body = malform(fault, out, frame.body, scratch);
    if (fault->host->resign(fault->host->world, out, frame.type, body) != NIKA_OK) return;
    out->changed = true;
    nika_fault_acted(fault, out->from);
}

const struct nika_fault_ops nika_fault_malform = {
    .name = "malform",
    .doc = "Corrupted replicas sign bytes that are no message of their type.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_send = on_send,
};
