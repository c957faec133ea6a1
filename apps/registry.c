/* apps/registry.c: the list of applications; see registry.h. A new application adds its line here. */
#include "apps/registry.h"

const struct nika_app_ops *const nika_app_list[] = {
    &nika_app_null,
    &nika_app_kv,
    &nika_app_ledger,
};
const uint32_t nika_app_count = ARRAY_COUNT(nika_app_list);
