/* engine/shim/journal_format.h: what the files of a data directory say besides the module's records. All of it is records of
 * engine/core/wal.h, of kinds that no module may use; so one scanner and one CRC serve everything.
 *
 *   identity            MANIFEST: whose directory it is, and the first and last log segment. Replaced as a whole.
 *   log-NNNNNNNNNN      HEAD, then batches: SYNCED, then the records of one group commit.
 *   mark                MARK, twice, in two sectors written in turn: how far the log is known to be durable. Never waited for.
 *   forgotten           text: the log was damaged once, and the replica has not learned again what it may have said.
 *   snapshot-N          SNAPSHOT, MODULE, one CHUNK for each chunk, END.
 *
 * Pure: bytes in, values out. */
#ifndef ENGINE_SHIM_JOURNAL_FORMAT_H
#define ENGINE_SHIM_JOURNAL_FORMAT_H

#include "engine/core/app.h"
#include "engine/core/wal.h"

#define NIKA_DIRECTORY_VERSION 1u

#define NIKA_IDENTITY_FILE "identity"
#define NIKA_MARK_FILE "mark"
#define NIKA_FORGOTTEN_FILE "forgotten"
#define NIKA_LOCK_FILE "lock"
#define NIKA_JOURNAL_PREFIX "log-"
#define NIKA_JOURNAL_DIGITS 10u
#define NIKA_JOURNAL_NUMBER_MAX UINT64_C(9999999999)
#define NIKA_SNAPSHOT_PREFIX "snapshot-"
#define NIKA_SNAPSHOT_DIGITS 20u
#define NIKA_MARK_SECTOR 512u /* What a device writes whole or not at all. */

/* Kinds from here on are the store's; NIKA_RECORD_AMNESIA and NIKA_RECORD_SNAPSHOT are never written. */
#define NIKA_KIND_RESERVED 0xe0u
enum nika_store_kind {
    NIKA_KIND_MANIFEST = 0xe0,
    NIKA_KIND_MARK,
    NIKA_KIND_HEAD, /* First in a segment. seq = its number. */
    NIKA_KIND_SYNCED, /* First in a batch. seq = its own offset: all before it was durable when it was written. */
    NIKA_KIND_CARRIED, /* A state record that outlived its segment, with its place in the order. */
    NIKA_KIND_TRIM,    /* Slot records with at most this seq are dead. */
    NIKA_KIND_SNAPSHOT,
    NIKA_KIND_MODULE,
    NIKA_KIND_CHUNK,
    NIKA_KIND_END,
};

/* Who writes a directory. */
struct nika_journal_identity {
    struct nika_digest group_id;
    uint32_t replica;
    uint32_t protocol; /* nika_config.protocol: so that a reader knows what the records mean. */
};

struct nika_journal_manifest {
    struct nika_journal_identity identity;
    uint64_t first, last; /* Segments that there must be. */
};
struct nika_journal_head {
    struct nika_journal_identity identity;
    uint64_t number;
    uint32_t
        previous_end; /* Bytes of the segment before that count; what is behind was never acknowledged. */
};
struct nika_journal_mark {
    uint64_t counter; /* The higher of the two valid ones counts. */
    uint64_t segment;
    uint32_t offset;
};
struct nika_journal_carried {
    uint8_t kind;
    uint64_t order; /* Segment number and offset where it was first written. */
    struct nika_span payload;
};

/* Whole records. */
#define NIKA_IDENTITY_SIZE (8u + 4u + 32u + 4u + 4u)
#define NIKA_MANIFEST_SIZE (NIKA_WAL_OVERHEAD + NIKA_IDENTITY_SIZE + 16u)
#define NIKA_HEAD_SIZE (NIKA_WAL_OVERHEAD + NIKA_IDENTITY_SIZE + 4u)
#define NIKA_MARK_SIZE (NIKA_WAL_OVERHEAD + 12u)
#define NIKA_CARRIED_OVERHEAD 9u
#define NIKA_SNAPSHOT_HEAD_SIZE (NIKA_WAL_OVERHEAD + NIKA_IDENTITY_SIZE + NIKA_SNAPSHOT_META_SIZE)

/* Each fills exactly the size above. */
void nika_manifest_write(struct nika_writer *w, const struct nika_journal_manifest *manifest);
void nika_head_write(struct nika_writer *w, const struct nika_journal_head *head);
void nika_mark_write(struct nika_writer *w, const struct nika_journal_mark *mark);
void nika_snapshot_head_write(struct nika_writer *w, const struct nika_journal_identity *identity,
                              const struct nika_snapshot_meta *meta);

/* Each reads one record at the start of `bytes`. NIKA_ERR_MALFORMED when it is none of its kind, NIKA_ERR_VERSION when it is intact
 * and of another format version. */
NIKA_MUST_USE enum nika_err nika_manifest_read(struct nika_span bytes,
                                               struct nika_journal_manifest *out);
NIKA_MUST_USE enum nika_err nika_head_read(struct nika_span bytes, struct nika_journal_head *out);
NIKA_MUST_USE enum nika_err nika_mark_read(struct nika_span bytes, struct nika_journal_mark *out);
NIKA_MUST_USE enum nika_err nika_snapshot_head_read(struct nika_span bytes,
                                                    struct nika_journal_identity *identity,
                                                    struct nika_snapshot_meta *meta);
/* From the payload of a CARRIED record. */
NIKA_MUST_USE enum nika_err nika_carried_read(struct nika_span payload,
                                              struct nika_journal_carried *out);

bool nika_journal_identity_equal(const struct nika_journal_identity *a,
                                 const struct nika_journal_identity *b);

#endif
