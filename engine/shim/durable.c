/* engine/shim/durable.c: see durable.h. */
#include "engine/shim/durable.h"

#include "engine/core/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DONE_MAX 16384u /* As many actions as one step may have. */
#define MARK "started"

struct nika_durable {
    struct nika_durable_options options;
    struct nika_disk_store *store; /* Disk. */
    enum nika_disk_store_found found;
    int mark; /* Memory: the lock and the sign of an earlier life. */
    bool amnesiac;
    uint32_t first, count;
    uint64_t *done;
};

/* The mark is durable before the first vote, or a second life could pass for the first. */
static bool sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    return good;
}

static bool open_memory(struct nika_durable *d, struct nika_problems *p)
{
    char path[NIKA_PATH_SIZE + 16];
    const char *dir = d->options.dir;
    struct stat info;
    snprintf(path, sizeof path, "%s/" MARK, dir);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        nika_problem(p, d->options.file, "data", "%s: %s", dir, strerror(errno));
        return false;
    }
    d->amnesiac = stat(path, &info) == 0;
    d->mark = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->mark >= 0 && flock(d->mark, LOCK_EX | LOCK_NB) != 0) {
        nika_problem(p, d->options.file, "data", "%s: another process uses this directory", dir);
        return false;
    }
    if (d->mark < 0 || fsync(d->mark) != 0 || !sync_folder(dir)) {
        nika_problem(p, d->options.file, "data", "%s: %s", path, strerror(errno));
        return false;
    }
    d->done = calloc(DONE_MAX, sizeof *d->done);
    return d->done != NULL;
}

static bool open_disk(struct nika_durable *d, struct nika_problems *p)
{
    struct nika_disk_store_error error = {""};
    const struct nika_disk_store_options options = {.dir = d->options.dir,
                                                    .config = d->options.config,
                                                    .replica = d->options.replica,
                                                    .keep = d->options.keep,
                                                    .keep_context = d->options.keep_context,
                                                    .lost = !d->options.first_start};
    if (nika_disk_store_open(&options, &d->store, &d->found, &error) != NIKA_OK) {
        nika_problem(p, d->options.file, "data", "%s", error.text);
        return false;
    }
    if (d->found != NIKA_DISK_STORE_CORRUPT) return true;
    d->amnesiac = true;
    nika_log(d->options.log, NIKA_LOG_ERROR, "log_corrupt", "reason=\"%s\"", error.text);
    return true;
}

struct nika_durable *nika_durable_open(const struct nika_durable_options *options,
                                       struct nika_problems *problems)
{
    struct nika_durable *d = calloc(1, sizeof *d);
    if (d == NULL) return NULL;
    d->options = *options;
    d->mark = -1;
    bool good =
        options->kind == NIKA_STORE_DISK ? open_disk(d, problems) : open_memory(d, problems);
    if (good) return d;
    nika_durable_close(d);
    return NULL;
}

void nika_durable_close(struct nika_durable *d)
{
    if (d == NULL) return;
    nika_disk_store_close(d->store);
    if (d->mark >= 0) close(d->mark);
    free(d->done);
    free(d);
}

bool nika_durable_recover(struct nika_durable *d, const struct nika_replica_ops *replica_ops,
                          struct nika_replica *replica, const struct nika_app_ops *app_ops,
                          struct nika_app *app, struct nika_problems *problems)
{
    if (d->store != NULL) {
        struct nika_disk_store_error error = {""};
        if (nika_disk_store_recover(d->store, replica_ops, replica, app_ops, app, &error) ==
            NIKA_OK)
            return true;
        nika_problem(problems, d->options.file, "data", "%s", error.text);
        return false;
    }
    if (d->amnesiac)
        replica_ops->recover(replica, NIKA_RECORD_AMNESIA, 0, (struct nika_span){NULL, 0});
    return true;
}

enum nika_err nika_durable_submit(struct nika_durable *d, const struct nika_action *action,
                                  struct nika_span bytes, const struct nika_app_ops *app_ops,
                                  const struct nika_app *app, const struct nika_snapshot_meta *meta)
{
    if (d->store != NULL)
        return nika_disk_store_submit(d->store, action, bytes, app_ops, app, meta);
    bool completes =
        action->kind == NIKA_ACTION_PERSIST || action->kind == NIKA_ACTION_SNAPSHOT_SAVE;
    if (!completes) return NIKA_OK;
    if (d->count == DONE_MAX) return NIKA_ERR_LIMIT;
    d->done[(d->first + d->count++) % DONE_MAX] = action->token;
    return NIKA_OK;
}

int nika_durable_fd(const struct nika_durable *d)
{
    if (d->store != NULL) return nika_disk_store_fd(d->store);
    (void)d;
    return -1;
}

uint32_t nika_durable_poll(struct nika_durable *d, struct nika_disk_store_done *done,
                           uint32_t capacity)
{
    if (d->store != NULL) return nika_disk_store_poll(d->store, done, capacity);
    uint32_t taken = 0;
    while (taken < capacity && d->count > 0) {
        done[taken++] = (struct nika_disk_store_done){.token = d->done[d->first], .status = 0};
        d->first = (d->first + 1) % DONE_MAX;
        d->count--;
    }
    if (d->count == 0) d->first = 0; /* Else every page of the ring is touched in time. */
    return taken;
}

bool nika_durable_is_amnesiac(const struct nika_durable *d)
{
    return d->amnesiac;
}

bool nika_durable_remember(struct nika_durable *d)
{
    d->amnesiac = false;
    return d->store == NULL || nika_disk_store_remember(d->store) == NIKA_OK;
}

void nika_durable_figures(const struct nika_durable *d, struct nika_disk_store_figures *out)
{
    memset(out, 0, sizeof *out);
    if (d->store != NULL) nika_disk_store_figures(d->store, out);
}
