/* engine/shim/store_worker.c: the queue between the node's loop and the disk, and the thread behind it; see store.h.
 *
 * The worker takes all that waits at once, so whatever arrives during a sync shares the next one. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/core/assert.h"
#include "engine/shim/store_private.h"

/* Without a thread there is no one to lock out. */
void disk_queue_lock(struct nika_disk_store *store)
{
    if (store->threaded) NIKA_ASSERT(pthread_mutex_lock(&store->mutex) == 0);
}

void disk_queue_unlock(struct nika_disk_store *store)
{
    if (store->threaded) NIKA_ASSERT(pthread_mutex_unlock(&store->mutex) == 0);
}

void disk_queue_put(struct nika_disk_store *store, struct disk_item *item)
{
    disk_queue_lock(store);
    if (store->last == NULL)
        store->first = item;
    else
        store->last->next = item;
    store->last = item;
    store->waiting++;
    store->waiting_bytes += item->size;
    disk_queue_unlock(store);
    if (store->threaded) NIKA_ASSERT(pthread_cond_signal(&store->wake) == 0);
}

static struct disk_item *take(struct nika_disk_store *store, uint32_t *count)
{
    struct disk_item *items = store->first;
    *count = 0;
    for (const struct disk_item *i = items; i != NULL; i = i->next) (*count)++;
    store->first = store->last = NULL;
    return items;
}

static void answer(struct nika_disk_store *store, const struct disk_work *work,
                   const struct disk_item *items)
{
    for (uint32_t i = 0; i < work->done_count; i++) {
        NIKA_ASSERT(store->done_count < store->queue_count);
        uint32_t at = (store->done_first + store->done_count++) % store->queue_count;
        store->done[at] = work->done[i];
    }
    for (const struct disk_item *i = items; i != NULL; i = i->next) {
        store->waiting_bytes -= i->size;
        if (!i->wants_answer) store->waiting--;
    }
    struct nika_journal_figures log;
    nika_journal_figures(store->log, &log);
    store->figures.commits = log.commits;
    store->figures.syncs = log.syncs;
    store->figures.log_bytes = log.bytes;
    store->figures.failures += work->failures;
    store->figures.segments = (uint32_t)(log.last - log.first + 1);
    store->figures.snapshots = store->snapshots.count;
}

static void signal_loop(const struct nika_disk_store *store)
{
    uint64_t one = 1;
    if (store->event < 0) return;
    ssize_t written = write(store->event, &one, sizeof one);
    NIKA_ASSERT(written == (ssize_t)sizeof one || errno == EAGAIN); /* Full: it is readable. */
}

/* One round, entered and left with the lock. False when nothing waited. */
static bool round_of_work(struct nika_disk_store *store)
{
    uint32_t count;
    struct disk_item *items = take(store, &count);
    if (items == NULL) return false;
    disk_queue_unlock(store);
    struct disk_work work = {.done = calloc(count, sizeof *work.done), .done_capacity = count};
    NIKA_ASSERT(work.done != NULL && "no memory for the answers of the disk");
    disk_work_do(store, items, &work);
    disk_queue_lock(store);
    answer(store, &work, items);
    if (work.done_count > 0) signal_loop(store);
    free(work.done);
    disk_items_free(items);
    return true;
}

static void *run(void *context)
{
    struct nika_disk_store *store = context;
    disk_queue_lock(store);
    for (;;) {
        if (round_of_work(store)) continue;
        if (store->stopping) break;
        NIKA_ASSERT(pthread_cond_wait(&store->wake, &store->mutex) == 0);
    }
    disk_queue_unlock(store);
    return NULL;
}

int disk_worker_start(struct nika_disk_store *store)
{
    sigset_t all, before;
    int err = pthread_mutex_init(&store->mutex, NULL);
    if (err != 0) return err;
    err = pthread_cond_init(&store->wake, NULL);
    if (err != 0) {
        (void)pthread_mutex_destroy(&store->mutex);
        return err;
    }
    /* Signals are the loop's. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    store->threaded = true;
    err = pthread_create(&store->thread, NULL, run, store);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err == 0) return 0;
    store->threaded = false;
    (void)pthread_cond_destroy(&store->wake);
    (void)pthread_mutex_destroy(&store->mutex);
    return err;
}

void disk_worker_stop(struct nika_disk_store *store)
{
    if (!store->threaded) {
        if (store->log != NULL && store->done != NULL) (void)round_of_work(store);
        return;
    }
    disk_queue_lock(store);
    store->stopping = true;
    disk_queue_unlock(store);
    NIKA_ASSERT(pthread_cond_signal(&store->wake) == 0);
    NIKA_ASSERT(pthread_join(store->thread, NULL) == 0);
    store->threaded = false;
    (void)pthread_cond_destroy(&store->wake);
    (void)pthread_mutex_destroy(&store->mutex);
}

uint32_t nika_disk_store_poll(struct nika_disk_store *store, struct nika_disk_store_done *done,
                              uint32_t capacity)
{
    uint32_t count = 0;
    uint64_t signals;
    if (store->event >= 0) {
        ssize_t got = read(store->event, &signals, sizeof signals);
        NIKA_ASSERT(got == (ssize_t)sizeof signals || errno == EAGAIN || errno == EINTR);
    }
    disk_queue_lock(store);
    if (!store->threaded) (void)round_of_work(store);
    while (count < capacity && store->done_count > 0) {
        done[count++] = store->done[store->done_first];
        store->done_first = (store->done_first + 1) % store->queue_count;
        store->done_count--;
        store->waiting--;
    }
    if (store->done_count > 0)
        signal_loop(store);
    else
        store->done_first = 0; /* Else every page of the ring is touched in time. */
    disk_queue_unlock(store);
    return count;
}
