/* apps/find.c: looks an application up by name. Apart from the list, so that a program outside the tree can bring its own. */
#include "apps/registry.h"

const struct nika_app_ops *nika_app_find(const char *name)
{
    for (uint32_t i = 0; i < nika_app_count; i++) {
        if (strcmp(nika_app_list[i]->name, name) == 0) return nika_app_list[i];
    }
    return NULL;
}
