/* engine/oracle/bounds.h: how much of each thing a correct replica holds at most (O9). */
#ifndef ENGINE_ORACLE_BOUNDS_H
#define ENGINE_ORACLE_BOUNDS_H

#include "engine/core/types.h"

struct nika_config;
/* The bound of a queue (enum nika_queue) under a configuration, and its name in *name (static text). UINT64_MAX for a queue that is none. */
uint64_t nika_bound_of(const struct nika_config *config, uint64_t queue, const char **name);

#endif
