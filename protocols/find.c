/* protocols/find.c: looks a protocol up by name. Apart from the list, so that a program outside the tree that brings a list of its own
 * (include/nika/testbed.h) links this and not registry.c. */
#include "protocols/registry.h"

const struct nika_protocol *nika_protocol_find(const char *name)
{
    for (uint32_t i = 0; i < nika_protocol_count; i++) {
        if (strcmp(nika_protocol_list[i].name, name) == 0) return &nika_protocol_list[i];
    }
    return NULL;
}
