/* protocols/registry.h: the protocols that scenarios and clusters can name. One line a protocol in registry.c. */
#ifndef PROTOCOLS_REGISTRY_H
#define PROTOCOLS_REGISTRY_H

#include "engine/core/replica.h"

struct nika_protocol {
    const char *name; /* "pbft" */
    const char *doc;  /* One sentence. */
    uint32_t id;      /* nika_config.protocol; part of the group id, never reused. */
    const struct nika_replica_ops *replica;
    const struct nika_client_ops *client;
};
extern const struct nika_protocol nika_protocol_list[];
extern const uint32_t nika_protocol_count;
/* NULL when there is no such protocol. */
const struct nika_protocol *nika_protocol_find(const char *name);

#endif
