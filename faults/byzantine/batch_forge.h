/* faults/byzantine/batch_forge.h: consistent lies about batches: which receivers get another BATCH, and the votes for it.
 *
 * A batch is bound by its digest, so a lie about it needs a second real BATCH and matching PRE-PREPAREs, the same for
 * all receivers that are lied to. The table is shared by all corrupted replicas of one fault: they tell one story.
 * PRE-PREPARE and BATCH may leave in either order; a PRE-PREPARE whose batch was not seen yet waits for it. */
#ifndef FAULTS_BYZANTINE_BATCH_FORGE_H
#define FAULTS_BYZANTINE_BATCH_FORGE_H

#include "faults/support.h"

#define FORGE_ENTRIES_MAX                                                                          \
    64u /* More than the pipeline of a primary; the oldest lie is forgotten. */

struct forge_entry {
    struct nika_digest honest, other;
    uint64_t view, seq;     /* Of the last PRE-PREPARE. */
    uint64_t waiting[2];    /* Bit i: replica i waits for the lying PRE-PREPARE. */
    uint64_t helped[2];     /* Bit i: the accomplices' votes went to replica i. */
    bool used, lies, known; /* known: `other` is set. */
};
struct forge {
    uint32_t next;
    struct forge_entry entries[FORGE_ENTRIES_MAX];
};

/* Make `lie` from the honest batch; lists may be built in `scratch`. False when there is no such lie. */
typedef bool forge_batch(struct nika_fault *fault, const struct nika_outgoing *out,
                         const struct common_batch *honest, struct nika_writer *scratch,
                         struct common_batch *lie);
struct forge_options {
    forge_batch *make;
    uint64_t split;    /* Replicas with this index or above are lied to. */
    uint64_t rate_ppm; /* Of batches. */
    bool burst;        /* Corrupted replicas vote at once for what each receiver was told. */
};
/* Apply to one message of a corrupted replica. Any type is allowed; those that do not concern a batch are left alone. */
void forge_on_send(struct nika_fault *fault, struct forge *forge,
                   const struct forge_options *options, struct nika_outgoing *out);

#endif
