/* apps/registry.h: the applications that a scenario can name, one line each in registry.c. Owns nothing, never changes. */
#ifndef APPS_REGISTRY_H
#define APPS_REGISTRY_H

#include "engine/core/app.h"

extern const struct nika_app_ops nika_app_null;
extern const struct nika_app_ops nika_app_kv;
extern const struct nika_app_ops nika_app_ledger;

/* In registry order. */
extern const struct nika_app_ops *const nika_app_list[];
extern const uint32_t nika_app_count;
/* The application called `name`, or NULL. Static storage. */
const struct nika_app_ops *nika_app_find(const char *name);

#endif
