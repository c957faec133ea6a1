/* faults/registry.c: the list of faults; see registry.h. */
#include "faults/registry.h"

/* FAULT(identifier) of each fault file, by folder. */
#define FAULTS(FAULT)                                                                              \
    FAULT(clog)                                                                                    \
    FAULT(corrupt)                                                                                 \
    FAULT(delay)                                                                                   \
    FAULT(duplicate)                                                                               \
    FAULT(isolate)                                                                                 \
    FAULT(loss)                                                                                    \
    FAULT(partition)                                                                               \
    FAULT(priorities)                                                                              \
    FAULT(reorder)                                                                                 \
    FAULT(round_partition)                                                                         \
    FAULT(crash)                                                                                   \
    FAULT(pause)                                                                                   \
    FAULT(restart_each)                                                                            \
    FAULT(slow_cpu)                                                                                \
    FAULT(bit_rot)                                                                                 \
    FAULT(full_disk)                                                                               \
    FAULT(lost_fsync)                                                                              \
    FAULT(slow_disk)                                                                               \
    FAULT(torn_write)                                                                              \
    FAULT(drift)                                                                                   \
    FAULT(jump)                                                                                    \
    FAULT(offset)                                                                                  \
    FAULT(bad_auth)                                                                                \
    FAULT(big_time)                                                                                \
    FAULT(byzzfuzz)                                                                                \
    FAULT(client_bad_auth)                                                                         \
    FAULT(client_bad_request)                                                                      \
    FAULT(client_equivocate)                                                                       \
    FAULT(client_flood)                                                                            \
    FAULT(client_reuse_timestamp)                                                                  \
    FAULT(corrupt_reply)                                                                           \
    FAULT(delay_own)                                                                               \
    FAULT(equivocate)                                                                              \
    FAULT(feed_subset)                                                                             \
    FAULT(flood)                                                                                   \
    FAULT(forged_checkpoint)                                                                       \
    FAULT(gap)                                                                                     \
    FAULT(grammar)                                                                                 \
    FAULT(invent_request)                                                                          \
    FAULT(lying_new_view)                                                                          \
    FAULT(lying_state)                                                                             \
    FAULT(lying_view_change)                                                                       \
    FAULT(malform)                                                                                 \
    FAULT(mutate)                                                                                  \
    FAULT(omit)                                                                                    \
    FAULT(replay)                                                                                  \
    FAULT(silent)                                                                                  \
    FAULT(starve)                                                                                  \
    FAULT(twins)                                                                                   \
    FAULT(withhold_batch)                                                                          \
    FAULT(certified_lies)                                                                          \
    FAULT(two_faced)                                                                               \
    FAULT(trusted_crash)                                                                           \
    FAULT(trusted_halt)                                                                            \
    FAULT(trusted_gap)                                                                             \
    FAULT(trusted_rollback)                                                                        \
    FAULT(trusted_clone)                                                                           \
    FAULT(trusted_reset)                                                                           \
    FAULT(trusted_equivocate)                                                                      \
    FAULT(trusted_key_leak)

#define DECLARE(name) extern const struct nika_fault_ops nika_fault_##name;
FAULTS(DECLARE)

#define ENTRY(name) &nika_fault_##name,
const struct nika_fault_ops *const nika_fault_list[] = {FAULTS(ENTRY)};
const uint32_t nika_fault_count = (uint32_t)ARRAY_COUNT(nika_fault_list);

const struct nika_fault_ops *nika_fault_find(const char *name)
{
    for (uint32_t i = 0; i < nika_fault_count; i++) {
        if (strcmp(nika_fault_list[i]->name, name) == 0) return nika_fault_list[i];
    }
    return NULL;
}
