/* engine/shim/journal.h: the write-ahead log of a data directory (PROTOCOLS.md 1.12): segments, group commit, recovery, truncation.
 *
 * Owns the files identity, mark, forgotten and log-*; the caller owns the directory and keeps other processes out. Appends collect in
 * memory; one commit writes and syncs them all. After a failed commit none of them is in the log, and the log works on when the
 * system does again. One thread at a time. Never deletes what the module did not give up (LOG_TRIM, a newer state record). */
#ifndef ENGINE_SHIM_JOURNAL_H
#define ENGINE_SHIM_JOURNAL_H

#include "engine/shim/journal_survey.h"

#define NIKA_JOURNAL_SEGMENT_BYTES (16u * 1024u * 1024u)
#define NIKA_JOURNAL_SEGMENT_BYTES_MAX (256u * 1024u * 1024u)
/* A NEW-VIEW frame with room for what a module puts around it. */
#define NIKA_JOURNAL_RECORD_MAX (NIKA_MESSAGE_SIZE_MAX + 1024u * 1024u)
/* Appends of one commit, at most; beyond it a commit comes first. */
#define NIKA_JOURNAL_BATCH_BYTES (4u * 1024u * 1024u)

struct nika_journal;

struct nika_journal_options {
    struct nika_files files; /* Borrowed until close. */
    struct nika_journal_identity identity;
    uint32_t
        segment_bytes; /* A segment is closed beyond this size; 0 = NIKA_JOURNAL_SEGMENT_BYTES. */
};

/* Read, judge and make ready to append. A new directory is laid out. A torn tail is cut. Damage: the good prefix is kept, all behind it
 * is moved into the folder `damaged`, and the file `forgotten` is left for later starts; state is NIKA_JOURNAL_DAMAGED then, and on every
 * open until nika_journal_remember(). `error` says where the damage is. Errors as nika_journal_survey(); the caller closes *out. */
NIKA_MUST_USE enum nika_err nika_journal_open(const struct nika_journal_options *options,
                                              struct nika_journal **out,
                                              enum nika_journal_state *state,
                                              struct nika_disk_store_error *error);
/* Visit the live records that were there at open, in the order in which modules wrote them. NIKA_ERR_IO. */
NIKA_MUST_USE enum nika_err nika_journal_recover(const struct nika_journal *log,
                                                 nika_journal_visit *visit, void *context,
                                                 struct nika_disk_store_error *error);

/* Collect a record; bytes are copied. 0 or an errno: ENOMEM, EMSGSIZE (beyond NIKA_JOURNAL_RECORD_MAX). Kinds of the store are ours to
 * assert against. */
int nika_journal_append(struct nika_journal *log, uint8_t kind, uint64_t seq,
                        struct nika_span payload);
/* Collect that slot records up to `seq` are dead. Segments go once this is durable. 0 or an errno. */
int nika_journal_trim(struct nika_journal *log, uint64_t seq);
/* Bytes collected. */
uint32_t nika_journal_pending(const struct nika_journal *log);
/* Make all that was collected durable. 0 or an errno (ENOSPC, EIO ...): then nothing of it is in the log. */
int nika_journal_commit(struct nika_journal *log);
/* The module knows again what it may have said: the marker of the damage goes. 0 or an errno. */
int nika_journal_remember(struct nika_journal *log);

struct nika_journal_figures {
    uint64_t first, last; /* Segments. */
    uint64_t trimmed;
    uint64_t commits, syncs, bytes; /* Since open. */
};
void nika_journal_figures(const struct nika_journal *log, struct nika_journal_figures *out);
/* What was not committed is dropped. NULL is ignored. */
void nika_journal_close(struct nika_journal *log);

#endif
