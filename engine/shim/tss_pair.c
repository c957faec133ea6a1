/* engine/shim/tss_pair.c: see tss_pair.h. */
#include "engine/shim/tss_pair.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/core/assert.h"

enum phase { BEGINS, IDLE, ASKED, STOPS };
struct nika_tss_pair {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake, done; /* For the thread; from it. */
    enum phase phase;
    int file, err;
};

static void *work(void *argument)
{
    struct nika_tss_pair *p = argument;
    NIKA_ASSERT(pthread_mutex_lock(&p->mutex) == 0);
    while (p->phase != STOPS) {
        if (p->phase == ASKED) {
            int file = p->file;
            NIKA_ASSERT(pthread_mutex_unlock(&p->mutex) == 0);
            int err = fdatasync(file) == 0 ? 0 : errno;
            NIKA_ASSERT(pthread_mutex_lock(&p->mutex) == 0);
            p->err = err;
        }
        p->phase = IDLE;
        NIKA_ASSERT(pthread_cond_signal(&p->done) == 0);
        while (p->phase == IDLE) NIKA_ASSERT(pthread_cond_wait(&p->wake, &p->mutex) == 0);
    }
    NIKA_ASSERT(pthread_mutex_unlock(&p->mutex) == 0);
    return NULL;
}

/* With the lock. */
static void wait_for_idle(struct nika_tss_pair *p)
{
    while (p->phase != IDLE) NIKA_ASSERT(pthread_cond_wait(&p->done, &p->mutex) == 0);
}

struct nika_tss_pair *nika_tss_pair_new(void)
{
    sigset_t all, before;
    struct nika_tss_pair *p = calloc(1, sizeof *p);
    if (p == NULL) return NULL;
    NIKA_ASSERT(pthread_mutex_init(&p->mutex, NULL) == 0);
    NIKA_ASSERT(pthread_cond_init(&p->wake, NULL) == 0);
    NIKA_ASSERT(pthread_cond_init(&p->done, NULL) == 0);
    /* Signals are the owner's. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    bool good = pthread_create(&p->thread, NULL, work, p) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!good) {
        free(p);
        return NULL;
    }
    NIKA_ASSERT(pthread_mutex_lock(&p->mutex) == 0);
    wait_for_idle(p);
    NIKA_ASSERT(pthread_mutex_unlock(&p->mutex) == 0);
    return p;
}

void nika_tss_pair_free(struct nika_tss_pair *p)
{
    if (p == NULL) return;
    NIKA_ASSERT(pthread_mutex_lock(&p->mutex) == 0);
    p->phase = STOPS;
    NIKA_ASSERT(pthread_cond_signal(&p->wake) == 0);
    NIKA_ASSERT(pthread_mutex_unlock(&p->mutex) == 0);
    NIKA_ASSERT(pthread_join(p->thread, NULL) == 0);
    (void)pthread_cond_destroy(&p->wake);
    (void)pthread_cond_destroy(&p->done);
    (void)pthread_mutex_destroy(&p->mutex);
    free(p);
}

int nika_tss_pair_sync(struct nika_tss_pair *p, int first, int second)
{
    NIKA_ASSERT(pthread_mutex_lock(&p->mutex) == 0);
    p->file = second;
    p->phase = ASKED;
    NIKA_ASSERT(pthread_cond_signal(&p->wake) == 0);
    NIKA_ASSERT(pthread_mutex_unlock(&p->mutex) == 0);
    int err = fdatasync(first) == 0 ? 0 : errno;
    NIKA_ASSERT(pthread_mutex_lock(&p->mutex) == 0);
    wait_for_idle(p);
    if (err == 0) err = p->err;
    NIKA_ASSERT(pthread_mutex_unlock(&p->mutex) == 0);
    return err;
}
