/* protocols/registry.c: the list of protocols. */
#include "protocols/registry.h"

#include "protocols/client/client.h"
#include "protocols/hybster/hybster.h"
#include "protocols/pbft/pbft.h"

const struct nika_protocol nika_protocol_list[] = {
    {.name = "pbft",
     .doc = "Practical Byzantine Fault Tolerance, signature variant, n >= 3f+1",
     .id = 1,
     .replica = &nika_replica_pbft,
     .client = &nika_client_bft},
    {.name = "hybster",
     .doc = "Hybster, each replica with a trusted subsystem, n >= 2f+1",
     .id = 2,
     .replica = &nika_replica_hybster,
     .client = &nika_client_bft},
};
const uint32_t nika_protocol_count = ARRAY_COUNT(nika_protocol_list);
