/* engine/shim/asks.c: see asks.h. */
#include "engine/shim/asks.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/core/assert.h"
#include "engine/shim/log.h"

struct ring {
    uint32_t first, count;
    struct nika_ask *asks;
};
struct lane {
    struct nika_asks *all;
    struct nika_tss_client *client; /* Of the thread alone once it runs. */
    pthread_t thread;
    pthread_cond_t wake;
    bool started, made; /* The thread; the condition. */
    bool ping;          /* Asked for a sign of life. */
    uint64_t since_ns;  /* A call is under way since; 0 = none. */
    struct ring queued;
};
struct nika_asks {
    struct nika_asks_options options;
    pthread_mutex_t mutex; /* For all that follows but these two, which are the loop's. */
    struct ring waiting;
    uint32_t outstanding;
    struct lane lane[NIKA_PILLARS_MAX];
    struct nika_asked *done;
    uint32_t done_first, done_count;
    bool stopping, gone;
    struct nika_disk_store_error why; /* Written once, before `gone`. */
    uint64_t ns, exchanges, certified;
    int event;
};

static void lock(struct nika_asks *a)
{
    NIKA_ASSERT(pthread_mutex_lock(&a->mutex) == 0);
}

static void unlock(struct nika_asks *a)
{
    NIKA_ASSERT(pthread_mutex_unlock(&a->mutex) == 0);
}

static void ring_put(const struct nika_asks *a, struct ring *ring, const struct nika_ask *ask)
{
    NIKA_ASSERT(ring->count < a->options.capacity);
    ring->asks[(ring->first + ring->count++) % a->options.capacity] = *ask;
}

static struct nika_ask ring_take(const struct nika_asks *a, struct ring *ring)
{
    struct nika_ask ask = ring->asks[ring->first];
    ring->first = (ring->first + 1) % a->options.capacity;
    ring->count--;
    return ask;
}

/* With the lock. */
static void answer(struct nika_asks *a, const struct nika_ask *ask, enum nika_err err,
                   const struct nika_trusted_certificate *certificate)
{
    NIKA_ASSERT(a->done_count < a->options.capacity);
    struct nika_asked *done = &a->done[(a->done_first + a->done_count++) % a->options.capacity];
    *done = (struct nika_asked){
        .token = ask->token, .counter = ask->counter, .value = ask->value, .err = err};
    if (err == NIKA_OK) done->certificate = *certificate;
}

static void tell_loop(const struct nika_asks *a)
{
    uint64_t one = 1;
    ssize_t written = write(a->event, &one, sizeof one);
    NIKA_ASSERT(written == (ssize_t)sizeof one || errno == EAGAIN); /* Full: it is readable. */
}

/* ---- the lanes ---- */
static uint32_t take_together(struct lane *lane, struct nika_ask *asks,
                              struct nika_tss_wish *wishes)
{
    uint32_t count = 0;
    while (lane->queued.count > 0 && count < NIKA_TSS_WISHES_MAX) {
        asks[count] = ring_take(lane->all, &lane->queued);
        wishes[count] = (struct nika_tss_wish){.kind = NIKA_TRUSTED_INDEPENDENT,
                                               .counter = asks[count].counter,
                                               .value = asks[count].value,
                                               .digest = asks[count].digest};
        count++;
    }
    return count;
}

/* One exchange, entered and left with the lock. */
static void exchange(struct lane *lane)
{
    struct nika_asks *a = lane->all;
    struct nika_ask asks[NIKA_TSS_WISHES_MAX];
    struct nika_tss_wish wishes[NIKA_TSS_WISHES_MAX];
    uint32_t count = take_together(lane, asks, wishes);
    lane->ping = false;
    uint64_t from = lane->since_ns = nika_clock_monotonic();
    unlock(a);
    bool silent = false;
    if (count > 0)
        nika_tss_client_certify_all(lane->client, wishes, count);
    else
        silent = nika_tss_client_ping(lane->client) != NIKA_OK;
    uint64_t ns = nika_clock_monotonic() - from;
    const char *gone = nika_tss_client_gone(lane->client);
    lock(a);
    lane->since_ns = 0;
    a->ns += ns;
    a->exchanges++;
    if ((silent || gone != NULL) && !a->gone) {
        nika_disk_say(&a->why, "%s", gone != NULL ? gone : "refuses to say who it is");
        a->gone = true;
    }
    for (uint32_t i = 0; i < count; i++) {
        a->certified += wishes[i].err == NIKA_OK ? 1 : 0;
        answer(a, &asks[i], wishes[i].err, &wishes[i].certificate);
    }
    tell_loop(a);
}

static void *work(void *argument)
{
    struct lane *lane = argument;
    struct nika_asks *a = lane->all;
    lock(a);
    while (!a->stopping) {
        if (lane->queued.count > 0 || lane->ping)
            exchange(lane);
        else
            NIKA_ASSERT(pthread_cond_wait(&lane->wake, &a->mutex) == 0);
    }
    unlock(a);
    return NULL;
}

/* ---- the loop ---- */
int nika_asks_fd(const struct nika_asks *a)
{
    return a->event;
}

bool nika_asks_put(struct nika_asks *a, const struct nika_ask *ask)
{
    if (a->outstanding == a->options.capacity) return false;
    a->outstanding++;
    ring_put(a, &a->waiting, ask);
    return true;
}

void nika_asks_durable(struct nika_asks *a, uint64_t records)
{
    bool woken[NIKA_PILLARS_MAX] = {false};
    if (a->waiting.count == 0 || a->waiting.asks[a->waiting.first].behind > records) return;
    lock(a);
    while (a->waiting.count > 0 && a->waiting.asks[a->waiting.first].behind <= records) {
        struct nika_ask ask = ring_take(a, &a->waiting);
        uint32_t number = ask.counter / 2 % a->options.lanes;
        ring_put(a, &a->lane[number].queued, &ask);
        woken[number] = true;
    }
    unlock(a);
    for (uint32_t i = 0; i < a->options.lanes; i++)
        if (woken[i]) NIKA_ASSERT(pthread_cond_signal(&a->lane[i].wake) == 0);
}

void nika_asks_refuse(struct nika_asks *a)
{
    if (a->waiting.count == 0) return;
    lock(a);
    while (a->waiting.count > 0) {
        struct nika_ask ask = ring_take(a, &a->waiting);
        answer(a, &ask, NIKA_ERR_LIMIT, NULL);
    }
    tell_loop(a);
    unlock(a);
}

bool nika_asks_take(struct nika_asks *a, struct nika_asked *out)
{
    lock(a);
    bool any = a->done_count > 0;
    if (any) {
        *out = a->done[a->done_first];
        a->done_first = (a->done_first + 1) % a->options.capacity;
        a->done_count--;
        a->outstanding--;
    } else {
        uint64_t signals;
        ssize_t got = read(a->event, &signals, sizeof signals);
        NIKA_ASSERT(got == (ssize_t)sizeof signals || errno == EAGAIN || errno == EINTR);
    }
    unlock(a);
    return any;
}

void nika_asks_watch(struct nika_asks *a)
{
    struct lane *lane = &a->lane[0];
    lock(a);
    /* A call that is under way has a time-out of its own. */
    bool asks = lane->since_ns == 0 && lane->queued.count == 0;
    if (asks) lane->ping = true;
    unlock(a);
    if (asks) NIKA_ASSERT(pthread_cond_signal(&lane->wake) == 0);
}

uint64_t nika_asks_waits_since(struct nika_asks *a)
{
    uint64_t since = 0;
    lock(a);
    for (uint32_t i = 0; i < a->options.lanes; i++) {
        uint64_t of_lane = a->lane[i].since_ns;
        if (of_lane != 0 && (since == 0 || of_lane < since)) since = of_lane;
    }
    unlock(a);
    return since;
}

const char *nika_asks_gone(struct nika_asks *a)
{
    lock(a);
    bool gone = a->gone;
    unlock(a);
    return gone ? a->why.text : NULL;
}

void nika_asks_figures(struct nika_asks *a, uint64_t *ns, uint64_t *exchanges, uint64_t *certified)
{
    lock(a);
    *ns = a->ns;
    *exchanges = a->exchanges;
    *certified = a->certified;
    unlock(a);
}

/* ---- life ---- */
static enum nika_err start_lane(struct nika_asks *a, struct lane *lane,
                                struct nika_disk_store_error *error)
{
    lane->all = a;
    lane->queued.asks = calloc(a->options.capacity, sizeof *lane->queued.asks);
    if (lane->queued.asks == NULL) {
        nika_disk_say(error, "out of memory");
        return NIKA_ERR_IO;
    }
    enum nika_err err = nika_tss_client_open(&a->options.client, &lane->client, error);
    if (err != NIKA_OK) return err;
    lane->made = pthread_cond_init(&lane->wake, NULL) == 0;
    lane->started = lane->made && pthread_create(&lane->thread, NULL, work, lane) == 0;
    if (!lane->started) nika_disk_say(error, "a thread for certificates cannot be started");
    return lane->started ? NIKA_OK : NIKA_ERR_IO;
}

enum nika_err nika_asks_new(const struct nika_asks_options *options, struct nika_asks **out,
                            struct nika_disk_store_error *error)
{
    struct nika_asks *a = calloc(1, sizeof *a);
    NIKA_ASSERT(options->lanes >= 1 && options->lanes <= NIKA_PILLARS_MAX);
    if (a == NULL) {
        nika_disk_say(error, "out of memory");
        return NIKA_ERR_IO;
    }
    a->options = *options;
    NIKA_ASSERT(pthread_mutex_init(&a->mutex, NULL) == 0);
    a->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    a->done = calloc(options->capacity, sizeof *a->done);
    a->waiting.asks = calloc(options->capacity, sizeof *a->waiting.asks);
    enum nika_err err = NIKA_OK;
    if (a->event < 0 || a->done == NULL || a->waiting.asks == NULL) {
        nika_disk_say(error, "out of memory");
        err = NIKA_ERR_IO;
    }
    for (uint32_t i = 0; err == NIKA_OK && i < options->lanes; i++)
        err = start_lane(a, &a->lane[i], error);
    if (err == NIKA_OK)
        *out = a;
    else
        nika_asks_free(a);
    return err;
}

void nika_asks_free(struct nika_asks *a)
{
    if (a == NULL) return;
    lock(a);
    a->stopping = true;
    unlock(a);
    for (uint32_t i = 0; i < a->options.lanes; i++) {
        struct lane *lane = &a->lane[i];
        if (lane->made) NIKA_ASSERT(pthread_cond_signal(&lane->wake) == 0);
        if (lane->started) NIKA_ASSERT(pthread_join(lane->thread, NULL) == 0);
        if (lane->made) (void)pthread_cond_destroy(&lane->wake);
        nika_tss_client_close(lane->client);
        free(lane->queued.asks);
    }
    if (a->event >= 0) close(a->event);
    (void)pthread_mutex_destroy(&a->mutex);
    free(a->waiting.asks);
    free(a->done);
    free(a);
}
