/* engine/shim/loop.c: see loop.h. */
#include "engine/shim/loop.h"

#include "engine/core/assert.h"
#include "engine/shim/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 128
#define SECOND_NS UINT64_C(1000000000)
#define MS_NS UINT64_C(1000000)

struct nika_loop {
    int fd;
    bool coarse; /* The kernel has no epoll_pwait2: milliseconds it is. */
    int ready;   /* Of the round that runs. */
    uint64_t now_ns;
    struct epoll_event events[EVENTS_MAX];
};

struct nika_loop *nika_loop_new(void)
{
    struct nika_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) return NULL;
    loop->fd = epoll_create1(EPOLL_CLOEXEC);
    loop->now_ns = nika_clock_monotonic();
    if (loop->fd >= 0) return loop;
    free(loop);
    return NULL;
}

void nika_loop_free(struct nika_loop *loop)
{
    if (loop == NULL) return;
    close(loop->fd);
    free(loop);
}

static uint32_t mask_of(bool readable, bool writable)
{
    return (readable ? (uint32_t)EPOLLIN | (uint32_t)EPOLLRDHUP : 0) |
           (writable ? (uint32_t)EPOLLOUT : 0);
}

enum nika_err nika_loop_add(struct nika_loop *loop, struct nika_source *source, bool writable)
{
    struct epoll_event event = {.events = mask_of(true, writable), .data.ptr = source};
    return epoll_ctl(loop->fd, EPOLL_CTL_ADD, source->fd, &event) == 0 ? NIKA_OK : NIKA_ERR_IO;
}

void nika_loop_want(struct nika_loop *loop, struct nika_source *source, bool readable,
                    bool writable)
{
    struct epoll_event event = {.events = mask_of(readable, writable), .data.ptr = source};
    NIKA_ASSERT(epoll_ctl(loop->fd, EPOLL_CTL_MOD, source->fd, &event) == 0);
}

void nika_loop_remove(struct nika_loop *loop, struct nika_source *source)
{
    (void)epoll_ctl(loop->fd, EPOLL_CTL_DEL, source->fd, NULL);
    for (int i = 0; i < loop->ready; i++) {
        if (loop->events[i].data.ptr == source) loop->events[i].data.ptr = NULL;
    }
}

static int wait_for(struct nika_loop *loop, uint64_t deadline_ns)
{
    uint64_t now = deadline_ns == NIKA_LOOP_NEVER ? 0 : nika_clock_monotonic();
    uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
    bool never = deadline_ns == NIKA_LOOP_NEVER;
    if (!loop->coarse) {
        struct timespec wait = {.tv_sec = (time_t)(left / SECOND_NS),
                                .tv_nsec = (long)(left % SECOND_NS)};
        int ready = epoll_pwait2(loop->fd, loop->events, EVENTS_MAX, never ? NULL : &wait, NULL);
        if (ready >= 0 || errno != ENOSYS) return ready;
        loop->coarse = true;
    }
    uint64_t ms = (left + MS_NS - 1) / MS_NS;
    return epoll_wait(loop->fd, loop->events, EVENTS_MAX,
                      never ? -1 : (int)(ms > 60000 ? 60000 : ms));
}

void nika_loop_once(struct nika_loop *loop, uint64_t deadline_ns)
{
    int ready = wait_for(loop, deadline_ns);
    NIKA_ASSERT(ready >= 0 || errno == EINTR);
    loop->now_ns = nika_clock_monotonic();
    loop->ready = ready > 0 ? ready : 0;
    for (int i = 0; i < loop->ready; i++) {
        struct nika_source *source = loop->events[i].data.ptr;
        uint32_t events = loop->events[i].events;
        if (source == NULL) continue;
        bool hung = (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0;
        source->on_ready(source, (events & EPOLLIN) != 0 || hung, (events & EPOLLOUT) != 0 || hung);
    }
    loop->ready = 0;
}

uint64_t nika_loop_now(const struct nika_loop *loop)
{
    return loop->now_ns;
}

int nika_loop_fd(const struct nika_loop *loop)
{
    return loop->fd;
}
