/* main.c: the program `nika` over the protocols of this folder and, for comparison, PBFT. */
#include <nika/testbed.h>

#include "majority.h"
#include "protocols/client/client.h"
#include "protocols/pbft/pbft.h"
#include "protocols/registry.h"

const struct nika_protocol nika_protocol_list[] = {
    {.name = "majority",
     .doc = "A primary and a majority, n >= 2f+1, crashes only",
     .id = 1000,
     .replica = &majority,
     .client = &nika_client_bft},
    {.name = "majority-first",
     .doc = "The same with a bug in the change of primary",
     .id = 1001,
     .replica = &majority_first,
     .client = &nika_client_bft},
    {.name = "pbft",
     .doc = "Practical Byzantine Fault Tolerance, n >= 3f+1",
     .id = 1,
     .replica = &nika_replica_pbft,
     .client = &nika_client_bft},
};
const uint32_t nika_protocol_count = ARRAY_COUNT(nika_protocol_list);

int main(int argc, char **argv)
{
    return nika_main(argc, argv);
}
