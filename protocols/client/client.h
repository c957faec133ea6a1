/* protocols/client/client.h: the client of a BFT cluster as a module under the replica contract (PROTOCOLS.md 1.5, C-a..C-g).
 *
 * Runs one operation at a time, keeps at most NIKA_CLIENT_QUEUE more, and reports each result once with COMPLETE (token of the INVOKE,
 * a = sequence number). It trusts no single replica: a result counts when W = f+1 replicas agree on it (Q on the read-only path, and for
 * every write while that path is enabled). Timestamps are durable before they are sent (D7), reserved in blocks: record
 * NIKA_CLIENT_RECORD_TIMESTAMP holds one u64, the highest reserved timestamp, which is also the record's seq. */
#ifndef PROTOCOLS_CLIENT_CLIENT_H
#define PROTOCOLS_CLIENT_CLIENT_H

#include "engine/core/replica.h"

#define NIKA_CLIENT_QUEUE                                                                          \
    4u /* Operations waiting behind the outstanding one; more are refused with a REJECT note (R4). */
#define NIKA_CLIENT_TIMESTAMP_BLOCK                                                                \
    64u /* Timestamps reserved by one record: one disk write in 64 operations. */
#define NIKA_CLIENT_BACKOFF_MAX 16u /* T_client doubles up to this factor (PROTOCOLS.md 0). */
#define NIKA_CLIENT_RECORD_TIMESTAMP (NIKA_RECORD_LATEST | 1u)
#define NIKA_CLIENT_TIMER 0u /* The module's only timer slot. */

extern const struct nika_client_ops nika_client_bft;

#endif
