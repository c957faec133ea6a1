/* engine/shim/store.h: the durable half of a node: one data directory with a write-ahead log and snapshots (PROTOCOLS.md 1.12).
 *
 * Owns the directory, its lock and the disk worker. Submissions come from one thread, the node's loop; completions come back in order
 * of submission and wake the loop through one file descriptor. Never interprets a record and never completes what is not durable. */
#ifndef ENGINE_SHIM_STORE_H
#define ENGINE_SHIM_STORE_H

#include "engine/core/app.h"
#include "engine/core/err.h"
#include "engine/core/replica.h"
#include "engine/shim/file.h"

struct nika_disk_store;

/* State records of whoever runs the module, not of the module: this kind and the seven after it. */
#define NIKA_DISK_STORE_KEPT (NIKA_RECORD_LATEST | 0x50u)

struct nika_disk_store_options {
    const char *dir; /* Created with mode 0700 when it does not exist. */
    const struct nika_config
        *config; /* Sealed; its group id marks every file. Borrowed until close. */
    uint32_t
        replica; /* Whose directory it is. A directory of another replica or group is refused. */
    uint32_t segment_bytes; /* A log segment is closed beyond this size; 0 = 16 MiB. */
    uint32_t queue_bytes;   /* Bytes submitted and not yet completed, at most; 0 = 64 MiB. */
    uint32_t queue_count;   /* Submissions not yet completed, at most; 0 = 4096. */
    /* An empty directory is a lost disk, not a first start: found CORRUPT, and so at every open until nika_disk_store_remember(). */
    bool lost;
    /* Gets the records of kinds from NIKA_DISK_STORE_KEPT on at recovery, which the module does not; may be NULL. */
    void (*keep)(void *context, struct nika_span record);
    void *keep_context;
    bool inline_io; /* No worker thread: nika_disk_store_poll() does the work. For tests. */
    const struct nika_file_ops *file_ops; /* NULL = the real system; for tests. */
    void *file_context;
};

/* How the directory was found. */
enum nika_disk_store_found {
    NIKA_DISK_STORE_NEW, /* Empty: a first start, or a lost disk. The caller knows which. */
    NIKA_DISK_STORE_INTACT, /* Every record whose completion was reported is there; a torn tail was cut. */
    NIKA_DISK_STORE_CORRUPT, /* Damage before the end of the log. The replica may have forgotten votes. So
                              * at every open until nika_disk_store_remember(). */
};

/* Take the lock, check identity and version, and scan log and snapshots. On NIKA_OK the caller owns *out and closes it. Errors, with
 * `error` filled: NIKA_ERR_IO (the system refused, or another process has the lock), NIKA_ERR_VERSION (format), NIKA_ERR_CONFIG
 * (directory of another replica or group, a mode that lets others in, an option out of range). Corruption is not an error of open: it is
 * `found`, and `error` says where; what lies behind the damage is in the folder `damaged`. With INTACT, `error` is empty or tells of a
 * torn tail or of a damaged snapshot, which was moved there too. */
NIKA_MUST_USE enum nika_err nika_disk_store_open(const struct nika_disk_store_options *options,
                                                 struct nika_disk_store **out,
                                                 enum nika_disk_store_found *found,
                                                 struct nika_disk_store_error *error);

/* Replay into a module and its application, before START, in the order of replica.h: intact snapshots, oldest first, then live records.
 * A corrupt log gives the module one NIKA_RECORD_AMNESIA first and no record behind the damage. NIKA_ERR_MALFORMED when a
 * snapshot that should be intact does not lead to its recorded root. Once, right after open. */
NIKA_MUST_USE enum nika_err
nika_disk_store_recover(struct nika_disk_store *store, const struct nika_replica_ops *replica_ops,
                        struct nika_replica *replica, const struct nika_app_ops *app_ops,
                        struct nika_app *app, struct nika_disk_store_error *error);

/* The module has learned again what it may have forgotten (it is no longer amnesiac): later opens find INTACT. NIKA_ERR_IO. */
NIKA_MUST_USE enum nika_err nika_disk_store_remember(struct nika_disk_store *store);

/* Submit one action of kind PERSIST, LOG_TRIM, SNAPSHOT_SAVE or SNAPSHOT_DROP; `bytes` are copied. For SNAPSHOT_SAVE, `app` (else NULL)
 * is read before the call returns and `meta` is what it answered to SNAPSHOT_TAKE. NIKA_ERR_LIMIT when the queue is full: nothing
 * was taken; give the module STORED(token) with a failed status, which it retries. */
NIKA_MUST_USE enum nika_err
nika_disk_store_submit(struct nika_disk_store *store, const struct nika_action *action,
                       struct nika_span bytes, const struct nika_app_ops *app_ops,
                       const struct nika_app *app, const struct nika_snapshot_meta *meta);

/* Readable (eventfd) while completions wait. -1 with inline_io. Owned by the store. */
int nika_disk_store_fd(const struct nika_disk_store *store);

/* A finished PERSIST or SNAPSHOT_SAVE: becomes NIKA_EVENT_STORED. Trims and drops have none. */
struct nika_disk_store_done {
    uint64_t token;
    int32_t status; /* 0 = durable; else the errno, for example ENOSPC. */
};
/* Move at most `capacity` completions into `done` and return how many. Never waits, except for the disk with inline_io. */
uint32_t nika_disk_store_poll(struct nika_disk_store *store, struct nika_disk_store_done *done,
                              uint32_t capacity);

/* For metrics: what waits, and what was done since open. */
struct nika_disk_store_figures {
    uint32_t waiting; /* Submitted, not yet completed or not yet polled. */
    uint64_t waiting_bytes;
    uint64_t commits, syncs, log_bytes; /* Group commits, syncs of the log, bytes written to it. */
    uint64_t failures;                  /* Completions with a status. */
    uint32_t segments, snapshots;       /* Files. */
};
void nika_disk_store_figures(struct nika_disk_store *store, struct nika_disk_store_figures *out);

/* Finish what was submitted, stop the worker, release the lock and free. Completions not polled are lost. NULL is ignored. */
void nika_disk_store_close(struct nika_disk_store *store);

#endif
