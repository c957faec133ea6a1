/* engine/shim/store.c: see store.h. The disk's work itself is here, for the worker of store_worker.c and for inline_io alike. */
#include "engine/shim/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/core/assert.h"
#include "engine/shim/store_private.h"

#define QUEUE_BYTES (64u * 1024u * 1024u)
#define QUEUE_COUNT 4096u
#define QUEUE_COUNT_MAX 65536u

/* ---- the disk's work ---- */
static void finish(struct disk_work *work, const struct disk_item *item, int err)
{
    if (!item->wants_answer) return;
    if (err != 0) work->failures++;
    NIKA_ASSERT(work->done_count < work->done_capacity);
    work->done[work->done_count++] =
        (struct nika_disk_store_done){.token = item->token, .status = err};
}

/* One sync for all records since the last. */
static void commit(struct nika_disk_store *store, struct disk_work *work,
                   const struct disk_item **first, const struct disk_item *end)
{
    if (*first == end) return;
    int err = nika_journal_commit(store->log);
    for (; *first != end; *first = (*first)->next) finish(work, *first, err);
}

static int append(struct nika_disk_store *store, const struct disk_item *item)
{
    if (item->err != 0) return item->err;
    return nika_journal_append(store->log, item->kind, item->seq,
                               (struct nika_span){item->bytes, item->size});
}

static int save(struct nika_disk_store *store, const struct disk_item *item)
{
    if (item->err != 0) return item->err;
    return nika_snapshots_save(&store->snapshots, item->seq,
                               (struct nika_span){item->image, item->size});
}

/* `first` is the oldest item that waits for a commit. Trims alone wait for the next record: losing one costs nothing. */
void disk_work_do(struct nika_disk_store *store, const struct disk_item *items,
                  struct disk_work *work)
{
    const struct disk_item *first = items, *item = items;
    for (; item != NULL; item = item->next) {
        int err = 0;
        switch (item->act) {
        case DISK_PERSIST:
            if (nika_journal_pending(store->log) + (uint64_t)item->size > NIKA_JOURNAL_BATCH_BYTES)
                commit(store, work, &first, item);
            err = append(store, item);
            if (err == 0) continue;
            break;
        case DISK_TRIM:
            (void)nika_journal_trim(store->log, item->seq);
            continue;
        case DISK_SAVE:
        case DISK_DROP:
            break;
        }
        commit(store, work, &first, item);
        if (item->act == DISK_SAVE) err = save(store, item);
        if (item->act == DISK_DROP) nika_snapshots_drop(&store->snapshots, item->seq);
        finish(work, item, err);
        first = item->next;
    }
    bool any = false;
    for (const struct disk_item *i = first; i != NULL; i = i->next)
        any = any || i->act == DISK_PERSIST;
    if (any) commit(store, work, &first, NULL);
}

void disk_items_free(struct disk_item *items)
{
    while (items != NULL) {
        struct disk_item *next = items->next;
        free(items->image);
        free(items);
        items = next;
    }
}

/* ---- opening ---- */
static enum nika_err refuse(struct nika_disk_store_error *error, enum nika_err err,
                            const char *path, const char *why)
{
    nika_disk_say(error, "%s: %s", path, why);
    return err;
}

/* A new directory must survive as well as what is in it. */
static int make_directory(const char *path)
{
    char parent[4096];
    if (mkdir(path, 0700) != 0) return errno == EEXIST ? 0 : errno;
    if (strlen(path) >= sizeof parent - 4) return ENAMETOOLONG;
    (void)snprintf(parent, sizeof parent, "%s/..", path);
    int dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = dir < 0 || fsync(dir) != 0 ? errno : 0;
    if (dir >= 0) (void)close(dir);
    return err;
}

static enum nika_err enter(struct nika_disk_store *store, struct nika_disk_store_error *error)
{
    struct stat info = {0};
    const char *path = store->path;
    memset(&info, 0, sizeof info);
    int err = make_directory(path);
    if (err == 0) {
        store->files.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        err = store->files.dir < 0 || fstat(store->files.dir, &info) != 0 ? errno : 0;
    }
    if (err != 0) return refuse(error, NIKA_ERR_IO, path, strerror(err));
    if ((info.st_mode & 077) == 0) return NIKA_OK;
    nika_disk_say(error, "%s: mode %04o lets others in; expected 0700 (chmod 700 %s)", path,
                  (unsigned)(info.st_mode & 07777), path);
    return NIKA_ERR_CONFIG;
}

static enum nika_err lock(struct nika_disk_store *store, struct nika_disk_store_error *error)
{
    char holder[24] = "";
    store->lock =
        openat(store->files.dir, NIKA_LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock >= 0 && flock(store->lock, LOCK_EX | LOCK_NB) == 0) {
        /* Who it is, for whoever comes second. */
        int length = snprintf(holder, sizeof holder, "%ld\n", (long)getpid());
        bool told = ftruncate(store->lock, 0) == 0 &&
                    pwrite(store->lock, holder, (size_t)length, 0) == length;
        (void)told; /* On a full disk the lock holds all the same. */
        return NIKA_OK;
    }
    int err = errno;
    if (err == EWOULDBLOCK && store->lock >= 0) {
        ssize_t size = pread(store->lock, holder, sizeof holder - 1, 0);
        holder[size > 0 ? strcspn(holder, "\n") : 0] = '\0';
    }
    nika_disk_say(error, "%s/" NIKA_LOCK_FILE ": %s%s%s%s", store->path,
                  err == EWOULDBLOCK ? "another process uses this directory" : strerror(err),
                  holder[0] != '\0' ? " (process " : "", holder, holder[0] != '\0' ? ")" : "");
    return NIKA_ERR_IO;
}

/* Before the first log file is made: a process that is killed in between must not pass for one that starts for the first time. */
static int mark_lost(struct nika_disk_store *store)
{
    static const char text[] = "the directory was empty\n";
    uint64_t *numbers = NULL;
    uint32_t count = 0;
    int err = nika_file_numbers(&store->files, NIKA_JOURNAL_PREFIX, NIKA_JOURNAL_DIGITS, &numbers,
                                &count);
    free(numbers);
    if (err != 0 || count > 0 || nika_file_exists(&store->files, NIKA_MARK_FILE)) return err;
    return nika_file_replace(&store->files, NIKA_FORGOTTEN_FILE,
                             (struct nika_span){(const uint8_t *)text, sizeof text - 1});
}

static enum nika_err open_files(struct nika_disk_store *store, uint32_t segment_bytes, bool lost,
                                struct nika_disk_store_error *error)
{
    struct nika_disk_store_error of_log = {{0}}, of_snapshots = {{0}};
    struct nika_journal_options options = {
        .files = store->files, .identity = store->identity, .segment_bytes = segment_bytes};
    enum nika_journal_state state = NIKA_JOURNAL_NEW;
    int failed = nika_file_clean(&store->files);
    if (failed == 0 && lost) failed = mark_lost(store);
    if (failed != 0) return refuse(error, NIKA_ERR_IO, store->path, strerror(failed));
    enum nika_err err = nika_journal_open(&options, &store->log, &state, &of_log);
    if (err == NIKA_OK)
        err =
            nika_snapshots_open(&store->snapshots, &store->files, &store->identity, &of_snapshots);
    bool both = of_log.text[0] != '\0' && of_snapshots.text[0] != '\0';
    nika_disk_say(error, "%.250s%s%.250s", of_log.text, both ? "; " : "", of_snapshots.text);
    store->found = state == NIKA_JOURNAL_NEW    ? NIKA_DISK_STORE_NEW
                   : state == NIKA_JOURNAL_GOOD ? NIKA_DISK_STORE_INTACT
                                                : NIKA_DISK_STORE_CORRUPT;
    return err;
}

static enum nika_err make_queue(struct nika_disk_store *store, bool inline_io,
                                struct nika_disk_store_error *error)
{
    store->done = calloc(store->queue_count, sizeof *store->done);
    if (store->done == NULL) return refuse(error, NIKA_ERR_IO, store->path, strerror(ENOMEM));
    if (inline_io) return NIKA_OK;
    store->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int failed = store->event < 0 ? errno : disk_worker_start(store);
    if (failed == 0) return NIKA_OK;
    return refuse(error, NIKA_ERR_IO, "disk worker", strerror(failed));
}

enum nika_err nika_disk_store_open(const struct nika_disk_store_options *options,
                                   struct nika_disk_store **out, enum nika_disk_store_found *found,
                                   struct nika_disk_store_error *error)
{
    *out = NULL;
    memset(error, 0, sizeof *error);
    if (options->queue_count > QUEUE_COUNT_MAX)
        return refuse(error, NIKA_ERR_CONFIG, "queue_count", "expected at most 65536");
    struct nika_disk_store *store = calloc(1, sizeof *store);
    if (store == NULL) return refuse(error, NIKA_ERR_IO, options->dir, strerror(ENOMEM));
    store->files = (struct nika_files){.ops = &nika_file_system, .dir = -1};
    store->lock = store->event = -1;
    store->path = strdup(options->dir);
    store->files.path = store->path;
    if (options->file_ops != NULL) {
        store->files.ops = options->file_ops;
        store->files.context = options->file_context;
    }
    store->identity = (struct nika_journal_identity){.group_id = options->config->group_id,
                                                     .replica = options->replica,
                                                     .protocol = options->config->protocol};
    store->keep = options->keep;
    store->keep_context = options->keep_context;
    store->chunk_size = options->config->chunk_size;
    store->queue_bytes = options->queue_bytes != 0 ? options->queue_bytes : QUEUE_BYTES;
    store->queue_count = options->queue_count != 0 ? options->queue_count : QUEUE_COUNT;
    enum nika_err err = NIKA_OK;
    if (store->path == NULL) err = refuse(error, NIKA_ERR_IO, options->dir, strerror(ENOMEM));
    if (err == NIKA_OK) err = enter(store, error);
    if (err == NIKA_OK) err = lock(store, error);
    if (err == NIKA_OK) err = open_files(store, options->segment_bytes, options->lost, error);
    if (err == NIKA_OK) err = make_queue(store, options->inline_io, error);
    if (err != NIKA_OK) {
        nika_disk_store_close(store);
        return err;
    }
    *found = store->found;
    *out = store;
    return NIKA_OK;
}

/* ---- recovery ---- */
struct recovery {
    const struct nika_replica_ops *ops;
    struct nika_replica *replica;
    const struct nika_disk_store *store;
};

static void recover_record(void *context, const struct nika_journal_entry *entry)
{
    const struct recovery *r = context;
    if (entry->record.kind >= NIKA_DISK_STORE_KEPT) {
        if (r->store->keep != NULL) r->store->keep(r->store->keep_context, entry->record.payload);
        return;
    }
    r->ops->recover(r->replica, entry->record.kind, entry->record.seq, entry->record.payload);
}

static enum nika_err recover_snapshot(struct nika_disk_store *store, uint64_t seq,
                                      const struct recovery *r, const struct nika_app_ops *app_ops,
                                      struct nika_app *app, struct nika_disk_store_error *error)
{
    struct nika_snapshot_view view;
    uint8_t *data = NULL;
    enum nika_err err = nika_snapshot_read(&store->files, seq, &data, &view, error);
    if (err != NIKA_OK) return err;
    err = nika_snapshot_restore(&view, app_ops, app);
    if (err == NIKA_OK) {
        r->ops->recover(r->replica, NIKA_RECORD_SNAPSHOT, seq, view.module);
    } else {
        char name[NIKA_FILE_NAME_SIZE];
        nika_snapshot_name(seq, name);
        nika_disk_say(error, "%s/%s: the application %s does not restore it to its recorded root",
                      store->path, name, app_ops->name);
    }
    free(data);
    return err;
}

enum nika_err nika_disk_store_recover(struct nika_disk_store *store,
                                      const struct nika_replica_ops *replica_ops,
                                      struct nika_replica *replica,
                                      const struct nika_app_ops *app_ops, struct nika_app *app,
                                      struct nika_disk_store_error *error)
{
    struct recovery r = {replica_ops, replica, store};
    memset(error, 0, sizeof *error);
    NIKA_ASSERT(!store->recovered && !store->submitted);
    store->recovered = true;
    if (store->found == NIKA_DISK_STORE_CORRUPT)
        replica_ops->recover(replica, NIKA_RECORD_AMNESIA, 0, (struct nika_span){NULL, 0});
    for (uint32_t i = 0; i < store->snapshots.count; i++) {
        enum nika_err err =
            recover_snapshot(store, store->snapshots.seqs[i], &r, app_ops, app, error);
        if (err != NIKA_OK) return err;
    }
    return nika_journal_recover(store->log, recover_record, &r, error);
}

enum nika_err nika_disk_store_remember(struct nika_disk_store *store)
{
    return nika_journal_remember(store->log) == 0 ? NIKA_OK : NIKA_ERR_IO;
}

/* ---- submitting ---- */
static struct disk_item *item_new(const struct nika_action *action, struct nika_span bytes)
{
    struct disk_item *item = malloc(sizeof *item + bytes.size);
    if (item == NULL) return NULL;
    memset(item, 0, sizeof *item);
    item->token = action->token;
    item->seq = action->a;
    item->size = bytes.size;
    if (bytes.size > 0) memcpy(item->bytes, bytes.data, bytes.size);
    return item;
}

/* The chunks are copied now: the application goes on. */
static void item_image(const struct nika_disk_store *store, struct disk_item *item,
                       const struct nika_app_ops *ops, const struct nika_app *app,
                       struct nika_span module, const struct nika_snapshot_meta *meta)
{
    item->size = 0;
    item->err = EINVAL;
    if (ops == NULL || app == NULL || meta == NULL || meta->seq != item->seq) return;
    item->err = nika_snapshot_image(&store->identity, ops, app, store->chunk_size, meta, module,
                                    &item->image, &item->size);
}

/* Does it fit? One that is larger than the whole queue may go alone. */
static bool admits(const struct nika_disk_store *store, uint64_t waiting_bytes, uint32_t waiting,
                   uint64_t size)
{
    if (waiting >= store->queue_count) return false;
    return waiting_bytes == 0 || waiting_bytes + size <= store->queue_bytes;
}

enum nika_err nika_disk_store_submit(struct nika_disk_store *store,
                                     const struct nika_action *action, struct nika_span bytes,
                                     const struct nika_app_ops *app_ops, const struct nika_app *app,
                                     const struct nika_snapshot_meta *meta)
{
    bool saves = action->kind == NIKA_ACTION_SNAPSHOT_SAVE;
    uint64_t size = bytes.size + (saves && meta != NULL ? meta->total_size : 0u);
    NIKA_ASSERT(saves || action->kind == NIKA_ACTION_PERSIST ||
                action->kind == NIKA_ACTION_LOG_TRIM || action->kind == NIKA_ACTION_SNAPSHOT_DROP);
    NIKA_ASSERT(action->kind != NIKA_ACTION_PERSIST || action->id < NIKA_KIND_RESERVED);
    store->submitted = true;
    disk_queue_lock(store);
    bool fits = admits(store, store->waiting_bytes, store->waiting, size);
    disk_queue_unlock(store);
    if (!fits) return NIKA_ERR_LIMIT;
    struct disk_item *item = item_new(action, saves ? (struct nika_span){NULL, 0} : bytes);
    if (item == NULL) return NIKA_ERR_LIMIT;
    item->wants_answer = saves || action->kind == NIKA_ACTION_PERSIST;
    item->kind = (uint8_t)action->id;
    item->act = saves                                  ? DISK_SAVE
                : action->kind == NIKA_ACTION_PERSIST  ? DISK_PERSIST
                : action->kind == NIKA_ACTION_LOG_TRIM ? DISK_TRIM
                                                       : DISK_DROP;
    if (saves) item_image(store, item, app_ops, app, bytes, meta);
    disk_queue_put(store, item);
    return NIKA_OK;
}

int nika_disk_store_fd(const struct nika_disk_store *store)
{
    return store->event;
}

void nika_disk_store_figures(struct nika_disk_store *store, struct nika_disk_store_figures *out)
{
    disk_queue_lock(store);
    *out = store->figures;
    out->waiting = store->waiting;
    out->waiting_bytes = store->waiting_bytes;
    disk_queue_unlock(store);
}

void nika_disk_store_close(struct nika_disk_store *store)
{
    if (store == NULL) return;
    disk_worker_stop(store);
    if (store->log != NULL)
        (void)nika_journal_commit(store->log); /* A trim that waited for company. */
    nika_journal_close(store->log);
    disk_items_free(store->first);
    free(store->done);
    if (store->event >= 0) (void)close(store->event);
    if (store->lock >= 0) (void)close(store->lock);
    if (store->files.dir >= 0) (void)close(store->files.dir);
    free(store->path);
    free(store);
}
