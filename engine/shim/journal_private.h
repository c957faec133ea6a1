/* engine/shim/journal_private.h: the state of an open log, shared by journal.c (appending) and journal_open.c (making ready). */
#ifndef ENGINE_SHIM_JOURNAL_PRIVATE_H
#define ENGINE_SHIM_JOURNAL_PRIVATE_H

#include "engine/shim/journal.h"

struct nika_journal {
    struct nika_files files;
    struct nika_journal_identity identity;
    uint32_t segment_bytes;
    struct nika_journal_segment *segments; /* first..last; the last is written to. */
    uint32_t count, capacity;
    struct nika_journal_index index;
    int file;         /* The last segment. */
    uint32_t durable; /* Its bytes that count. */
    /* A write failed: there may be more bytes in the file than count, which must go before the next write. */
    bool tail_unsure;
    /* A sync failed, or a new segment could not be finished: what the device holds of the last segment behind `durable` is unknown for
     * ever, so the next write goes to a new segment, whose head says where this one ends. */
    bool must_rotate;
    int mark_file;
    struct nika_journal_mark mark;
    uint8_t *batch; /* Room for SYNCED, then records. */
    uint32_t batch_size, batch_capacity;
    bool batch_open;
    struct nika_journal_figures figures;
};

/* Create segment `number` behind one that ends at `previous_end`, make it durable and name it as the last. On success it is the file
 * that is written to. 0 or an errno: then nothing has changed that a later call does not overwrite. */
int nika_journal_segment_new(struct nika_journal *log, uint64_t number, uint32_t previous_end);
/* Write the identity file: segments `first` to `last`. 0 or an errno. */
int nika_journal_manifest_put(struct nika_journal *log, uint64_t first, uint64_t last);
/* Note how much is durable, without waiting for the device. Failure only weakens what a later open can tell. */
void nika_journal_mark_put(struct nika_journal *log, uint64_t segment, uint32_t offset);

#endif
