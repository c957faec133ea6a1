/* engine/shim/loop.h: an epoll loop over file descriptors with one callback each. Owns the epoll descriptor, nothing else. */
#ifndef ENGINE_SHIM_LOOP_H
#define ENGINE_SHIM_LOOP_H

#include "engine/core/err.h"
#include "engine/core/types.h"

#define NIKA_LOOP_NEVER UINT64_MAX

/* Embedded in whatever owns the descriptor. */
struct nika_source {
    int fd;
    /* `readable` also when the other side hung up; the callback may remove this source and others. */
    void (*on_ready)(struct nika_source *source, bool readable, bool writable);
};
struct nika_loop;
/* NULL with errno set. */
struct nika_loop *nika_loop_new(void);
void nika_loop_free(struct nika_loop *loop);
/* NIKA_ERR_IO with errno set. */
NIKA_MUST_USE enum nika_err nika_loop_add(struct nika_loop *loop, struct nika_source *source,
                                          bool writable);
/* Ask for "writable" too, or no longer. */
void nika_loop_want(struct nika_loop *loop, struct nika_source *source, bool readable,
                    bool writable);
/* Before the descriptor is closed. No callback for it follows, not even for what this round already saw. */
void nika_loop_remove(struct nika_loop *loop, struct nika_source *source);
/* Wait until something is ready or the monotonic clock reaches `deadline_ns`, then call back for what is ready. */
void nika_loop_once(struct nika_loop *loop, uint64_t deadline_ns);
/* The monotonic clock when this round's wait ended (before the first: when the loop was made). Whatever a round does happens at this
 * instant: where the kernel must be asked for the time, asking at every step costs more than the step. */
uint64_t nika_loop_now(const struct nika_loop *loop);
/* The descriptor itself, readable when a source is ready: for whoever has a loop of its own. */
int nika_loop_fd(const struct nika_loop *loop);

#endif
