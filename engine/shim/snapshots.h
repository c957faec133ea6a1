/* engine/shim/snapshots.h: the snapshots of a data directory: written whole or not at all, checked whenever they are read
 * (PROTOCOLS.md 1.12, D6).
 *
 * Owns the files snapshot-N. Keeps NIKA_SNAPSHOTS_KEPT, of which the newest stays whatever is asked: recovery needs one. Never changes
 * an application; it reads one and is read into one. */
#ifndef ENGINE_SHIM_SNAPSHOTS_H
#define ENGINE_SHIM_SNAPSHOTS_H

#include "engine/core/limits.h"
#include "engine/shim/file.h"
#include "engine/shim/journal_format.h"

#define NIKA_SNAPSHOTS_KEPT (NIKA_SNAPSHOTS_MAX + 1u)

struct nika_snapshots {
    struct nika_files files;
    struct nika_journal_identity identity;
    uint64_t seqs[NIKA_SNAPSHOTS_KEPT]; /* Ascending. */
    uint32_t count;
};

/* "snapshot-00000000000000000042" */
void nika_snapshot_name(uint64_t seq, char out[NIKA_FILE_NAME_SIZE]);

/* Find and check all of them; damaged ones are moved into the folder `damaged` and told in `error`, which is else left alone. Errors:
 * NIKA_ERR_IO, NIKA_ERR_VERSION, NIKA_ERR_CONFIG (of another group or replica). */
NIKA_MUST_USE enum nika_err nika_snapshots_open(struct nika_snapshots *snapshots,
                                                const struct nika_files *files,
                                                const struct nika_journal_identity *identity,
                                                struct nika_disk_store_error *error);

/* The bytes of a snapshot file, made from what an application kept for meta->seq. *image is the caller's to free. 0 or an errno: ENOMEM,
 * EFBIG, EINVAL when the application does not have what `meta` says. */
int nika_snapshot_image(const struct nika_journal_identity *identity,
                        const struct nika_app_ops *ops, const struct nika_app *app,
                        uint32_t chunk_size, const struct nika_snapshot_meta *meta,
                        struct nika_span module, uint8_t **image, uint32_t *size);
/* Make it durable; it replaces one of the same number. 0 or an errno: then what was there is still there. */
int nika_snapshots_save(struct nika_snapshots *snapshots, uint64_t seq, struct nika_span image);
/* Forget those before `before`, but for the newest. */
void nika_snapshots_drop(struct nika_snapshots *snapshots, uint64_t before);

/* A snapshot file, taken apart. Spans borrow from its bytes. */
struct nika_snapshot_view {
    struct nika_journal_identity identity;
    struct nika_snapshot_meta meta;
    struct nika_span module;
    struct nika_span chunks; /* CHUNK records. */
};
/* Check every byte: records, order, sizes, and that the chunks lead to the root. NIKA_ERR_MALFORMED (or NIKA_ERR_VERSION) with offset
 * and what is wrong in `error`. */
NIKA_MUST_USE enum nika_err nika_snapshot_check(struct nika_span file,
                                                struct nika_snapshot_view *out,
                                                struct nika_disk_store_error *error);
/* Read and check one. *data is the caller's to free, the view borrows from it. NIKA_ERR_IO, or as above. */
NIKA_MUST_USE enum nika_err nika_snapshot_read(const struct nika_files *files, uint64_t seq,
                                               uint8_t **data, struct nika_snapshot_view *out,
                                               struct nika_disk_store_error *error);
/* Restore an application from a checked snapshot. NIKA_ERR_MALFORMED when it refuses, or computes another root. */
NIKA_MUST_USE enum nika_err nika_snapshot_restore(const struct nika_snapshot_view *view,
                                                  const struct nika_app_ops *ops,
                                                  struct nika_app *app);

#endif
