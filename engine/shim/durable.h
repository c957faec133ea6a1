/* engine/shim/durable.h: what a node calls durable: its disk store (store.h), or nothing at all.
 *
 * With NIKA_STORE_MEMORY every record is "durable" at once and lost with the process. That is honest because the next start is told: a mark
 * in the data directory says that a replica has run there, and it then begins as amnesiac (PROTOCOLS.md 1.12). */
#ifndef ENGINE_SHIM_DURABLE_H
#define ENGINE_SHIM_DURABLE_H

#include "engine/shim/cluster.h"
#include "engine/shim/log.h"
#include "engine/shim/store.h"

struct nika_durable_options {
    enum nika_store_kind kind;
    const char *dir;
    const struct nika_config *config; /* Sealed. */
    uint32_t replica;
    const char *file;     /* Of the configuration, for messages. */
    struct nika_log *log; /* May be NULL when first_start. */
    /* An empty directory is a new one. Else it is a lost disk: the replica counts as amnesiac. */
    bool first_start;
    /* As of struct nika_disk_store_options. */
    void (*keep)(void *context, struct nika_span record);
    void *keep_context;
};
struct nika_durable;
/* Takes the directory's lock. NULL with a problem. */
struct nika_durable *nika_durable_open(const struct nika_durable_options *options,
                                       struct nika_problems *problems);
void nika_durable_close(struct nika_durable *durable);
/* Before START: records, snapshots or amnesia into the module. False with a problem. */
bool nika_durable_recover(struct nika_durable *durable, const struct nika_replica_ops *replica_ops,
                          struct nika_replica *replica, const struct nika_app_ops *app_ops,
                          struct nika_app *app, struct nika_problems *problems);
/* As nika_disk_store_submit(). NIKA_ERR_LIMIT: nothing was taken. */
NIKA_MUST_USE enum nika_err
nika_durable_submit(struct nika_durable *durable, const struct nika_action *action,
                    struct nika_span bytes, const struct nika_app_ops *app_ops,
                    const struct nika_app *app, const struct nika_snapshot_meta *meta);
/* Readable while completions wait; -1 when they never come from elsewhere. */
int nika_durable_fd(const struct nika_durable *durable);
uint32_t nika_durable_poll(struct nika_durable *durable, struct nika_disk_store_done *done,
                           uint32_t capacity);
/* Was this replica told that it may have forgotten votes? */
bool nika_durable_is_amnesiac(const struct nika_durable *durable);
/* It has learned again what it may have forgotten. False when the disk refuses to note it; the next start then asks again. */
bool nika_durable_remember(struct nika_durable *durable);
/* All zero without a disk. */
void nika_durable_figures(const struct nika_durable *durable, struct nika_disk_store_figures *out);

#endif
