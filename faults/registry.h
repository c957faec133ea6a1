/* faults/registry.h: every fault and Byzantine behaviour that a scenario can name. One line a fault in registry.c.
 *
 * Owns the list, decides nothing. */
#ifndef FAULTS_REGISTRY_H
#define FAULTS_REGISTRY_H

#include "engine/core/fault.h"

/* By class, then by name within the class. Static storage. */
extern const struct nika_fault_ops *const nika_fault_list[];
extern const uint32_t nika_fault_count;
/* The fault of this name, or NULL. */
const struct nika_fault_ops *nika_fault_find(const char *name);

#endif
