/* faults/disk/slow_disk.c: makes writes of its targets take longer to become durable. */
#include "faults/support.h"

enum { PARAM_DELAY_MS, PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "delay_ms",
     .doc = "Longest extra time of one write.",
     .low = 1,
     .high = 600000,
     .fallback = 50},
    FAULT_PARAM_RATE,
};

static enum nika_disk_fault on_disk(struct nika_fault *fault, uint32_t replica, uint32_t kind,
                                    uint64_t *delay_ns)
{
    if (!nika_fault_targets(fault, replica)) return NIKA_DISK_OK;
    if (!nika_fault_choice_ppm(fault, replica, (uint16_t)kind, 0, 0, fault->params[PARAM_RATE]))
        return NIKA_DISK_OK;
    uint64_t ms =
        1 + nika_fault_choice(fault, replica, (uint16_t)kind, 0, 1, fault->params[PARAM_DELAY_MS]);
    *delay_ns += ms * FAULT_MS;
    nika_fault_acted(fault, replica);
    return NIKA_DISK_SLOW;
}

const struct nika_fault_ops nika_fault_slow_disk = {
    .name = "slow-disk",
    .doc = "Makes writes of its targets take longer to become durable.",
    .fault_class = NIKA_FAULT_DISK,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_disk = on_disk,
};
