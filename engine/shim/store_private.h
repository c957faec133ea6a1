/* engine/shim/store_private.h: the state of an open store, shared by store.c (what is done) and store_worker.c (who does it). */
#ifndef ENGINE_SHIM_STORE_PRIVATE_H
#define ENGINE_SHIM_STORE_PRIVATE_H

#include <pthread.h>

#include "engine/shim/journal.h"
#include "engine/shim/snapshots.h"
#include "engine/shim/store.h"

enum disk_act { DISK_PERSIST, DISK_TRIM, DISK_SAVE, DISK_DROP };

/* One submission. */
struct disk_item {
    struct disk_item *next;
    enum disk_act act;
    bool wants_answer;
    uint8_t kind;
    int err; /* It has failed already, and answers in its turn. */
    uint32_t size;
    uint64_t token, seq;
    uint8_t *image;  /* SAVE: the file. Owned. */
    uint8_t bytes[]; /* PERSIST: the record. */
};

/* Answers of one round of work, in order of submission. */
struct disk_work {
    struct nika_disk_store_done *done;
    uint32_t done_count, done_capacity;
    uint64_t failures;
};

struct nika_disk_store {
    char *path;
    struct nika_files files;
    int lock, event;
    struct nika_journal_identity identity;
    uint32_t chunk_size, queue_bytes, queue_count;
    enum nika_disk_store_found found;
    void (*keep)(void *context, struct nika_span record);
    void *keep_context;
    bool recovered, submitted;
    /* Of the worker while it runs. */
    struct nika_journal *log;
    struct nika_snapshots snapshots;
    /* Under `mutex`. */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    pthread_t thread;
    bool threaded, stopping;
    struct disk_item *first, *last;
    uint32_t waiting;                  /* Items in the queue, in work, and answers not polled. */
    uint64_t waiting_bytes;            /* Of items in the queue and in work. */
    struct nika_disk_store_done *done; /* Ring of queue_count. */
    uint32_t done_first, done_count;
    struct nika_disk_store_figures figures;
};

/* Do all items, of which the caller keeps ownership. `work` has room for an answer to each. */
void disk_work_do(struct nika_disk_store *store, const struct disk_item *items,
                  struct disk_work *work);
void disk_items_free(struct disk_item *items);

/* 0 or an errno. */
int disk_worker_start(struct nika_disk_store *store);
/* Finishes what is queued, with or without a thread. */
void disk_worker_stop(struct nika_disk_store *store);
void disk_queue_put(struct nika_disk_store *store, struct disk_item *item);
void disk_queue_lock(struct nika_disk_store *store);
void disk_queue_unlock(struct nika_disk_store *store);

#endif
