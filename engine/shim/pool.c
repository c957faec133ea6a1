/* engine/shim/pool.c: see pool.h. */
#include "engine/shim/pool.h"

#include "engine/core/assert.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum job_state { JOB_WAITS, JOB_RUNS, JOB_READY };

struct job {
    struct job *next;
    enum job_state state; /* Under the lock. */
    uint32_t peer, size;
    bool forged;
    struct nika_verdicts verdicts;
    uint8_t bytes[];
};
/* What waits of one peer: index n + i for client i. */
struct load_of_peer {
    uint32_t frames, bytes;
};
struct worker {
    struct nika_pool *pool;
    pthread_t thread;
    bool started;
    struct nika_keyring *keyring;
    struct nika_verifier *verifier;
};
struct nika_pool {
    struct nika_pool_options options;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct job *first, *last; /* In order of arrival; taken away by the loop alone. */
    struct job *todo;         /* The first that no thread has looked at. */
    struct job *taken;        /* Lent to the loop. */
    struct load_of_peer *loads;
    struct worker *workers;
    uint64_t ns, signatures;
    bool stopping;
    int event;
};

static void lock(struct nika_pool *pool)
{
    NIKA_ASSERT(pthread_mutex_lock(&pool->mutex) == 0);
}

static void unlock(struct nika_pool *pool)
{
    NIKA_ASSERT(pthread_mutex_unlock(&pool->mutex) == 0);
}

static void tell_loop(const struct nika_pool *pool)
{
    uint64_t one = 1;
    ssize_t written = write(pool->event, &one, sizeof one);
    NIKA_ASSERT(written == (ssize_t)sizeof one || errno == EAGAIN); /* Full: it is readable. */
}

/* ---- the threads ---- */
static void skip_ready(struct nika_pool *pool)
{
    while (pool->todo != NULL && pool->todo->state != JOB_WAITS) pool->todo = pool->todo->next;
}

static void look_at(struct worker *w, struct job *job)
{
    struct nika_frame frame;
    const struct nika_config *config = &w->pool->options.cluster->config;
    struct nika_span bytes = {job->bytes, job->size};
    enum nika_err err = nika_ingress(config, w->pool->options.messages, bytes, &frame);
    NIKA_ASSERT(err == NIKA_OK); /* It was admitted. */
    job->forged =
        !nika_verifier_look_ahead(w->verifier, w->pool->options.messages, &frame, &job->verdicts);
}

static void *work(void *argument)
{
    struct worker *w = argument;
    struct nika_pool *pool = w->pool;
    lock(pool);
    while (!pool->stopping) {
        skip_ready(pool);
        struct job *job = pool->todo;
        if (job == NULL) {
            NIKA_ASSERT(pthread_cond_wait(&pool->wake, &pool->mutex) == 0);
            continue;
        }
        job->state = JOB_RUNS;
        pool->todo = job->next;
        const struct nika_verify_stats *stats = nika_verifier_stats(w->verifier);
        uint64_t ns = stats->ns, signatures = stats->signatures;
        unlock(pool);
        look_at(w, job);
        lock(pool);
        job->state = JOB_READY;
        pool->ns += stats->ns - ns;
        pool->signatures += stats->signatures - signatures;
        /* The loop waits for the first alone; those behind it are found when it is taken. */
        if (pool->first == job) tell_loop(pool);
    }
    unlock(pool);
    return NULL;
}

/* ---- the loop ---- */
static struct load_of_peer *load_of(struct nika_pool *pool, uint32_t peer)
{
    const struct nika_config *c = &pool->options.cluster->config;
    return &pool->loads[nika_is_client(peer) ? c->n + nika_client_index(peer) : peer];
}

bool nika_pool_is_empty(const struct nika_pool *pool)
{
    return pool->first == NULL;
}

int nika_pool_fd(const struct nika_pool *pool)
{
    return pool->event;
}

bool nika_pool_submit(struct nika_pool *pool, uint32_t peer, struct nika_span frame, bool check)
{
    struct load_of_peer *load = load_of(pool, peer);
    if (load->frames > 0 && (load->frames >= NIKA_POOL_FRAMES_MAX ||
                             load->bytes + (uint64_t)frame.size > NIKA_POOL_BYTES_MAX))
        return false;
    struct job *job = malloc(sizeof *job + frame.size);
    if (job == NULL) return false;
    memset(job, 0, sizeof *job);
    job->state = check ? JOB_WAITS : JOB_READY;
    job->peer = peer;
    job->size = frame.size;
    memcpy(job->bytes, frame.data, frame.size);
    load->frames++;
    load->bytes += frame.size;
    lock(pool);
    if (pool->last != NULL)
        pool->last->next = job;
    else
        pool->first = job;
    pool->last = job;
    if (check && pool->todo == NULL) pool->todo = job;
    bool alone = pool->first == job && !check;
    unlock(pool);
    if (check) NIKA_ASSERT(pthread_cond_signal(&pool->wake) == 0);
    if (alone) tell_loop(pool);
    return true;
}

static void job_free(struct job *job)
{
    if (job == NULL) return;
    free(job->verdicts.good);
    free(job);
}

bool nika_pool_take(struct nika_pool *pool, struct nika_pool_ready *out)
{
    uint64_t count;
    job_free(pool->taken);
    pool->taken = NULL;
    lock(pool);
    struct job *job = pool->first;
    bool ready = job != NULL && job->state == JOB_READY;
    if (ready) {
        pool->first = job->next;
        if (pool->todo == job) pool->todo = job->next;
        if (pool->first == NULL) pool->last = NULL;
    }
    unlock(pool);
    if (!ready) {
        /* Nothing until the first is done, which tells: what was told before is read away. One that became ready in between is seen by
         * the caller's next look, for it told after this. */
        ssize_t got = read(pool->event, &count, sizeof count);
        (void)got;
        lock(pool);
        bool again = pool->first != NULL && pool->first->state == JOB_READY;
        unlock(pool);
        return again && nika_pool_take(pool, out);
    }
    struct load_of_peer *load = load_of(pool, job->peer);
    load->frames--;
    load->bytes -= job->size;
    pool->taken = job;
    *out = (struct nika_pool_ready){.peer = job->peer,
                                    .frame = {job->bytes, job->size},
                                    .forged = job->forged,
                                    .good = job->verdicts.good,
                                    .good_count = job->verdicts.count};
    return true;
}

void nika_pool_figures(struct nika_pool *pool, uint64_t *ns, uint64_t *signatures)
{
    lock(pool);
    *ns = pool->ns;
    *signatures = pool->signatures;
    unlock(pool);
}

/* ---- life ---- */
static bool start_worker(struct nika_pool *pool, struct worker *w, struct nika_problems *problems)
{
    const struct nika_pool_options *o = &pool->options;
    w->pool = pool;
    w->keyring = nika_keys_ring(o->keys, o->cluster, o->keys_file, problems);
    if (w->keyring == NULL) return false;
    w->verifier = nika_verifier_new(&o->cluster->config, w->keyring, o->keys->node);
    w->started = w->verifier != NULL && pthread_create(&w->thread, NULL, work, w) == 0;
    if (!w->started)
        nika_problem(problems, o->keys_file, "", "a thread for verification cannot be started");
    return w->started;
}

struct nika_pool *nika_pool_new(const struct nika_pool_options *options,
                                struct nika_problems *problems)
{
    const struct nika_config *c = &options->cluster->config;
    struct nika_pool *pool = calloc(1, sizeof *pool);
    NIKA_ASSERT(options->threads >= 1 && options->threads <= NIKA_POOL_THREADS_MAX);
    if (pool != NULL) {
        pool->options = *options;
        NIKA_ASSERT(pthread_mutex_init(&pool->mutex, NULL) == 0);
        NIKA_ASSERT(pthread_cond_init(&pool->wake, NULL) == 0);
        pool->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        pool->loads = calloc((size_t)c->n + c->clients, sizeof *pool->loads);
        pool->workers = calloc(options->threads, sizeof *pool->workers);
    }
    bool good = pool != NULL && pool->event >= 0 && pool->loads != NULL && pool->workers != NULL;
    if (!good) nika_problem(problems, options->keys_file, "", "memory of the verification pool");
    for (uint32_t i = 0; good && i < options->threads; i++)
        good = start_worker(pool, &pool->workers[i], problems);
    if (good) return pool;
    nika_pool_free(pool);
    return NULL;
}

void nika_pool_free(struct nika_pool *pool)
{
    if (pool == NULL) return;
    lock(pool);
    pool->stopping = true;
    NIKA_ASSERT(pthread_cond_broadcast(&pool->wake) == 0);
    unlock(pool);
    for (uint32_t i = 0; pool->workers != NULL && i < pool->options.threads; i++) {
        struct worker *w = &pool->workers[i];
        if (w->started) NIKA_ASSERT(pthread_join(w->thread, NULL) == 0);
        nika_verifier_free(w->verifier);
        nika_keyring_free(w->keyring);
    }
    while (pool->first != NULL) {
        struct job *next = pool->first->next;
        job_free(pool->first);
        pool->first = next;
    }
    job_free(pool->taken);
    if (pool->event >= 0) close(pool->event);
    (void)pthread_cond_destroy(&pool->wake);
    (void)pthread_mutex_destroy(&pool->mutex);
    free(pool->loads);
    free(pool->workers);
    free(pool);
}
