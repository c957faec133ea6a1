/* fuzz/targets/edges.h: which edges a run went through, in builds that count them (preset fuzz): so that a replay can compare coverage. */
#ifndef FUZZ_TARGETS_EDGES_H
#define FUZZ_TARGETS_EDGES_H

#include "engine/core/types.h"

/* How many edges are counted; 0 in an ordinary build. */
uint32_t nika_edges_count(void);
/* A hash of how often each was gone through since the last call. Begins again from nothing. */
uint64_t nika_edges_take(void);

#endif
