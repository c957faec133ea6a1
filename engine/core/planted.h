/* engine/core/planted.h: the switch of the museum: bugs planted on purpose into the real modules, one active at a time (docs/museum.md).
 *
 * Only the museum build knows them: everywhere else NIKA_PLANTED() is the constant false, and no object holds a trace of it. Which bug is
 * active is set once before a run and never changes during it, so a run stays a pure function of (scenario, seed, bug). */
#ifndef ENGINE_CORE_PLANTED_H
#define ENGINE_CORE_PLANTED_H

#include <stddef.h>
#include <stdint.h>

#ifdef NIKA_MUSEUM

enum nika_planted {
    NIKA_PLANTED_NONE = 0,
#define X(id) NIKA_PLANTED_##id,
#include "engine/core/planted.def"
#undef X
    NIKA_PLANTED_COUNT
};
/* The active one; read by modules, set by nika_planted_select() before a world is built. */
extern enum nika_planted nika_planted_active;
#define NIKA_PLANTED(id) (nika_planted_active == NIKA_PLANTED_##id)

/* "none", then the ids in the order of planted.def; NULL past the end. */
const char *nika_planted_name(uint32_t index);
/* Make the bug of this index (of nika_planted_name()) the active one; 0 = none. Between runs only. */
void nika_planted_select(uint32_t index);

#else

#define NIKA_PLANTED(id) (0)

static inline const char *nika_planted_name(uint32_t index)
{
    return index == 0 ? "none" : NULL;
}

static inline void nika_planted_select(uint32_t index)
{
    (void)index;
}

#endif
#endif
