/* engine/core/planted.c: which planted bug is active (planted.h). Part of the museum build only. */
#include "engine/core/planted.h"

#include "engine/core/assert.h"

enum nika_planted nika_planted_active = NIKA_PLANTED_NONE;

const char *nika_planted_name(uint32_t index)
{
    static const char *const names[] = {
        "none",
#define X(id) #id,
#include "engine/core/planted.def"
#undef X
    };
    return index < NIKA_PLANTED_COUNT ? names[index] : NULL;
}

void nika_planted_select(uint32_t index)
{
    NIKA_ASSERT(index < NIKA_PLANTED_COUNT);
    nika_planted_active = (enum nika_planted)index;
}
