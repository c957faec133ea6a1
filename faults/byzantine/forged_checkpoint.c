/* faults/byzantine/forged_checkpoint.c: corrupted replicas vouch for a false state digest, or for a checkpoint far ahead. */
#include "faults/support.h"

enum { PARAM_WHAT, PARAM_RATE, PARAM_COUNT };
static const char *const what_names[] = {"digest", "far-ahead", NULL};
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "what",
     .doc = "Another digest, or a sequence number beyond the window.",
     .low = 0,
     .high = 1,
     .fallback = 0,
     .names = what_names},
    FAULT_PARAM_RATE,
};

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct pbft_checkpoint m = {0};
    if (!fault_decode(fault, out, &pbft_info_checkpoint, &m)) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    fault_other_digest(&m.digest, &m.digest);
    if (fault->params[PARAM_WHAT] == 1) m.seq += 4 * (uint64_t)fault->host->config->window;
    if (fault_rewrite(fault, out, &pbft_info_checkpoint, &m)) nika_fault_acted(fault, out->from);
}

const struct nika_fault_ops nika_fault_forged_checkpoint = {
    .name = "forged-checkpoint",
    .doc = "Corrupted replicas vouch for a false state digest or a checkpoint far ahead.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_send = on_send,
};
