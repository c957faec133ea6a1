/* engine/shim/log.h: structured log lines: time, level, event, then key=value pairs; and the clocks of a live process.
 *
 * What a hostile peer can cause is logged through nika_log_limited(), so that it can fill neither the disk nor a screen. */
#ifndef ENGINE_SHIM_LOG_H
#define ENGINE_SHIM_LOG_H

#include "engine/shim/cluster.h"

#define NIKA_LOG_EVENTS_MAX 32u /* Kinds of limited events; more share the last place. */
#define NIKA_LOG_PER_SECOND 5u  /* Lines of one limited event in a second. */

struct nika_log;
/* Lines of `level` and graver go to `path` (appended), or to standard error when it is "". NULL with errno set. */
struct nika_log *nika_log_open(const char *path, enum nika_log_level level);
void nika_log_close(struct nika_log *log);
/* Open the file again, after a rotation. Stays with the old one when that fails. */
void nika_log_reopen(struct nika_log *log);
/* "2026-01-31T12:00:00.123456Z level=info event=listening port=7000". `event` is one word; `format` gives the pairs. */
void nika_log(struct nika_log *log, enum nika_log_level level, const char *event,
              const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The same, at most NIKA_LOG_PER_SECOND lines a second for each event; how many were left out is said on the next one. `event` must be
 * in static storage. */
void nika_log_limited(struct nika_log *log, enum nika_log_level level, const char *event,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Nanoseconds of the monotonic clock: for timers. */
uint64_t nika_clock_monotonic(void);
/* Processor time of the calling thread. */
uint64_t nika_clock_thread(void);
/* Nanoseconds since 1970 as at start plus monotonic time since: what modules see. Setting the clock of the host does not move it. */
uint64_t nika_clock_module(void);
/* The same for an instant of the monotonic clock that was read before. */
uint64_t nika_clock_module_at(uint64_t monotonic_ns);
/* Sleep. For command lines that wait for a process. */
void nika_clock_sleep(uint64_t ns);

#endif
