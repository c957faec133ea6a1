/* fuzz/targets/registry.c: the targets by name, and their limits. */
#include "fuzz/targets/target.h"

#include "engine/core/msan.h"

const struct nika_target *const nika_targets[] = {
#define TARGET(symbol, memory, time) &nika_target_##symbol,
#include "fuzz/targets/targets.def"
#undef TARGET
    NULL,
};

const struct nika_target *nika_target_find(const char *name)
{
    for (uint32_t i = 0; nika_targets[i] != NULL; i++) {
        if (strcmp(nika_targets[i]->name, name) == 0) return nika_targets[i];
    }
    return NULL;
}

/* MemorySanitizer has a shadow and an origin of each byte, and an allocation writes both. */
#ifdef NIKA_MSAN
#define COPIES 3u
#else
#define COPIES 1u
#endif

const struct nika_target_limits *nika_target_limits(const struct nika_target *target)
{
    static const struct nika_target_limits limits[] = {
#define TARGET(symbol, memory, time) {.memory_mb = (memory)*COPIES, .seconds = (time)},
#include "fuzz/targets/targets.def"
#undef TARGET
    };
    for (uint32_t i = 0; nika_targets[i] != NULL; i++) {
        if (nika_targets[i] == target) return &limits[i];
    }
    nika_target_fail("%s is not in the registry", target->name);
}
