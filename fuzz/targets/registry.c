/* fuzz/targets/registry.c: the targets by name. */
#include "fuzz/targets/target.h"

const struct nika_target *const nika_targets[] = {
#define TARGET(symbol) &nika_target_##symbol,
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
