/* protocols/common/recover.h: what the records of every protocol rebuild (PROTOCOLS.md 1.12). */
#ifndef PROTOCOLS_COMMON_RECOVER_H
#define PROTOCOLS_COMMON_RECOVER_H

#include "protocols/common/core.h"

/* A vote on disk that finds no room in memory is a vote forgotten, as all are when the log is lost: the replica is silent until it
 * has recovered (AMN). */
void common_forget(struct common_core *core);
/* A COMMON_RECORD_STABLE. */
void common_recover_stable(struct common_core *core, uint64_t seq, struct nika_span record);
/* A NIKA_RECORD_SNAPSHOT: META (u32 length + bytes) | reply cache (u32 length + bytes). */
void common_recover_snapshot(struct common_core *core, struct nika_span record);
/* All records are in: is the own snapshot the stable one? Sets h. */
void common_recover_end(struct common_core *core);
/* At START: votes for durable snapshots go out again; a snapshot older than h means state transfer. */
void common_restart(struct common_core *core);

#endif
