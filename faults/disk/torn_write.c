/* faults/disk/torn_write.c: lets a crash of a target keep a drawn part of the bytes that were not yet durable. */
#include "faults/support.h"

enum { PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {FAULT_PARAM_RATE};

static bool on_tear(struct nika_fault *fault, uint32_t replica, uint32_t unsynced, uint32_t *kept)
{
    /* One byte cannot be torn: it is there or not, which the world itself decides. */
    if (unsynced < 2 || !nika_fault_targets(fault, replica)) return false;
    if (!fault_rolls_at(fault, replica, fault->params[PARAM_RATE])) return false;
    *kept = 1 + (uint32_t)nika_fault_choice(fault, replica, 0, 0, 1, unsynced - 1);
    nika_fault_acted(fault, replica);
    return true;
}

const struct nika_fault_ops nika_fault_torn_write = {
    .name = "torn-write",
    .doc = "Lets a crash of a target keep a part of the bytes that were not yet durable.",
    .fault_class = NIKA_FAULT_DISK,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_tear = on_tear,
};
