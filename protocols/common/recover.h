/* protocols/common/recover.h: what the records of every protocol rebuild (PROTOCOLS.md 1.12). */
#ifndef PROTOCOLS_COMMON_RECOVER_H
#define PROTOCOLS_COMMON_RECOVER_H

#include "protocols/common/core.h"

/* A vote on disk that finds no room in memory is a vote forgotten, as all are when the log is lost: the replica is silent until it
 * has recovered (AMN). */
void common_forget(struct common_core *core);
/* Take a record of a kind that every protocol has: snapshot, amnesia, COMMON_RECORD_STABLE. False: it is the protocol's own. */
bool common_recover(struct common_core *core, uint32_t kind, uint64_t seq, struct nika_span record);
/* The slot for a record about `seq`: h is not known yet, and the newer number wins a slot. NULL: not this one. */
struct common_slot *common_recover_slot(struct common_core *core, uint64_t seq);
/* The order of that slot, and its batch when the record has it and the slot has not. */
void common_recover_batch(struct common_core *core, struct common_slot *slot,
                          const struct nika_digest *digest, struct nika_span body);
/* All records are in: is the own snapshot the stable one? Sets h. */
void common_recover_end(struct common_core *core);
/* At START: has this replica neither a past nor a log? */
bool common_fresh(const struct common_core *core);
/* The end of START: peers hold the votes that a crash lost; a fresh one with no record has nothing to ask for yet. */
void common_status_start(struct common_core *core, bool fresh);
/* At START: votes for durable snapshots go out again; a snapshot older than h means state transfer. */
void common_restart(struct common_core *core);

#endif
