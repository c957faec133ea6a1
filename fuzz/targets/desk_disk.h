/* fuzz/targets/desk_disk.h: the disk of a desk: what its module asked to keep, what of it is durable, and the recovery of a replica that died.
 * Private to the desk. */
#ifndef FUZZ_TARGETS_DESK_DISK_H
#define FUZZ_TARGETS_DESK_DISK_H

#include "engine/core/trusted.h"
#include "fuzz/targets/desk.h"

#define DESK_ENTRIES_MAX 2048u
#define DESK_DISK_BYTES (4u * 1024u * 1024u)
#define DESK_METAS_MAX 8u

/* Part of what an input changes: put back with it. */
struct desk_disk_state {
    uint32_t first; /* What is before it is lost, and stays: it may be of the mark. */
    uint32_t count, durable, used; /* Entries, those of them that a crash cannot take, bytes. */
    uint64_t trimmed, trim_asked;  /* Records of slots up to here are dead. */
    uint32_t trim_barrier;         /* Once these entries are durable, what was asked is done. */
    uint64_t dropped;              /* Snapshots before it are not needed. */
    uint32_t meta_count;
    struct nika_snapshot_meta metas[DESK_METAS_MAX]; /* Of the application's newest snapshots. */
};
/* A record, or a snapshot of the application with the module's part of it. */
struct desk_entry {
    uint32_t kind, at, size;
    uint64_t seq;
};
/* Entries and bytes are only ever added behind what the state counts. */
struct desk_disk {
    struct desk_disk_state state, marked;
    struct desk_entry entries[DESK_ENTRIES_MAX];
    uint8_t *bytes;
};
void desk_disk_append(struct desk_disk *disk, uint32_t kind, uint64_t seq, struct nika_span bytes);
/* The application made or restored this snapshot. */
void desk_disk_remember(struct desk_disk *disk, const struct nika_snapshot_meta *meta);
/* Keep snapshot `seq` of the application with the module's part. False when the application has none. */
bool desk_disk_save(struct desk_disk *disk, const struct nika_app_ops *ops, struct nika_app *app,
                    const struct nika_config *config, uint64_t seq, struct nika_span module_bytes);
void desk_disk_trim(struct desk_disk *disk, uint64_t seq);
void desk_disk_drop(struct desk_disk *disk, uint64_t before);
/* The oldest entry that was not durable is. */
void desk_disk_stored(struct desk_disk *disk);
/* A crash takes a suffix of what is not durable; `survive` says how much is left of it, modulo what there is. */
void desk_disk_crash(struct desk_disk *disk, uint32_t survive);
/* Everything is gone, as if it had never been written. */
void desk_disk_lose(struct desk_disk *disk);
/* The greatest value of a trusted counter that a live record shows as used, for a COMMIT or a VIEW-CHANGE: those were certified before they were
 * written. Zero when none does. */
struct nika_trusted_value desk_disk_used(const struct desk_disk *disk,
                                         const struct nika_replica_ops *replica);
/* To a module and an application that were just made: snapshots, oldest first, then live records in order. */
void desk_disk_recover(struct desk_disk *disk, const struct nika_replica_ops *replica,
                       struct nika_replica *module, const struct nika_app_ops *ops,
                       struct nika_app *app);

#endif
