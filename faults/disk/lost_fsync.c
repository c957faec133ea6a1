/* faults/disk/lost_fsync.c: reports writes of its targets as durable that a crash will lose. */
#include "faults/support.h"

enum { PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {FAULT_PARAM_RATE};

static enum nika_disk_fault on_disk(struct nika_fault *fault, uint32_t replica, uint32_t kind,
                                    uint64_t *delay_ns)
{
    (void)delay_ns;
    if (!nika_fault_targets(fault, replica)) return NIKA_DISK_OK;
    if (!nika_fault_choice_ppm(fault, replica, (uint16_t)kind, 0, 0, fault->params[PARAM_RATE]))
        return NIKA_DISK_OK;
    nika_fault_acted(fault, replica);
    return NIKA_DISK_LOST_FSYNC;
}

const struct nika_fault_ops nika_fault_lost_fsync = {
    .name = "lost-fsync",
    .doc = "Reports writes of its targets as durable that are not.",
    .fault_class = NIKA_FAULT_DISK,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_disk = on_disk,
};
