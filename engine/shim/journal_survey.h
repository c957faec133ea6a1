/* engine/shim/journal_survey.h: reads a log as it lies on the disk and judges it, changing nothing: for opening it, and for whoever only
 * looks (`nika inspect`).
 *
 * What tells a torn tail from damage: every byte before the mark was acknowledged, and so was every byte before an intact SYNCED
 * record, and all of a segment that has a successor. A bad record there is damage; behind, it was never acknowledged and is cut. */
#ifndef ENGINE_SHIM_JOURNAL_SURVEY_H
#define ENGINE_SHIM_JOURNAL_SURVEY_H

#include "engine/core/replica.h"
#include "engine/shim/file.h"
#include "engine/shim/journal_format.h"

enum nika_journal_state {
    NIKA_JOURNAL_NEW,  /* Nothing was ever acknowledged here. */
    NIKA_JOURNAL_GOOD, /* Every acknowledged record is there; behind the last a torn tail may lie. */
    NIKA_JOURNAL_DAMAGED,
};

struct nika_journal_segment {
    uint64_t number;
    uint32_t size;    /* Of the file. */
    uint32_t end;     /* Bytes that count: HEAD and good records. */
    uint32_t records; /* Of modules. */
    uint64_t slot_seq_max;
};

/* Where a record lies. order 0 = nowhere. */
struct nika_journal_place {
    uint64_t order; /* By which records are delivered. */
    uint64_t segment;
    uint32_t offset, size; /* Of the whole record. */
};
#define NIKA_JOURNAL_KINDS 128u /* State kinds: NIKA_RECORD_LATEST | 0..127 */

/* What the records of a log amount to, kept current by whoever appends. */
struct nika_journal_index {
    uint64_t trimmed;
    struct nika_journal_place newest[NIKA_JOURNAL_KINDS];
};

struct nika_journal_survey {
    enum nika_journal_state state;
    bool has_manifest; /* Intact. Else `manifest.identity` is that of a segment. */
    bool has_mark;
    bool forgotten; /* The marker of an earlier damage is there. */
    struct nika_journal_manifest manifest;
    struct nika_journal_mark mark;
    struct nika_journal_segment
        *segments; /* The good prefix, ascending. Owned: nika_journal_survey_free(). */
    uint32_t count;
    struct nika_journal_index index;
    uint64_t
        damage_segment; /* The first that is not in `segments` whole; UINT64_MAX without damage. */
    char problem[320];  /* DAMAGED: file, offset, what was expected. A cut tail is described too. */
};

/* "log-0000000012" */
void nika_journal_name(uint64_t number, char out[NIKA_FILE_NAME_SIZE]);

/* Read everything. `expected` NULL takes whatever identity is there. Errors, with `error` filled: NIKA_ERR_IO, NIKA_ERR_VERSION,
 * NIKA_ERR_CONFIG (another identity than expected). Damage is no error. The caller frees `out` in every case. */
NIKA_MUST_USE enum nika_err nika_journal_survey(const struct nika_files *files,
                                                const struct nika_journal_identity *expected,
                                                struct nika_journal_survey *out,
                                                struct nika_disk_store_error *error);
void nika_journal_survey_free(struct nika_journal_survey *survey);

/* Account for one intact record at (segment, offset): the newest of its kind, the trim point. A CARRIED record counts as what it
 * carries. */
void nika_journal_account(struct nika_journal_index *index, struct nika_journal_segment *segment,
                          uint32_t offset, const struct nika_wal_record *record);

/* One record, unwrapped when it was carried. */
struct nika_journal_entry {
    uint64_t segment, order;
    uint32_t offset, size;
    bool carried, live; /* live: recovery delivers it. The store's own records never are. */
    struct nika_wal_record record;
};
typedef void nika_journal_visit(void *context, const struct nika_journal_entry *entry);
/* Visit every record of `count` segments, in file order. NIKA_ERR_IO with `error` when a segment cannot be read, or is not what it was. */
NIKA_MUST_USE enum nika_err
nika_journal_walk(const struct nika_files *files, const struct nika_journal_segment *segments,
                  uint32_t count, const struct nika_journal_index *index, nika_journal_visit *visit,
                  void *context, struct nika_disk_store_error *error);
/* Visit the live records of modules in the order in which they were first written. Errors as above. */
NIKA_MUST_USE enum nika_err nika_journal_walk_live(const struct nika_files *files,
                                                   const struct nika_journal_segment *segments,
                                                   uint32_t count,
                                                   const struct nika_journal_index *index,
                                                   nika_journal_visit *visit, void *context,
                                                   struct nika_disk_store_error *error);

#endif
