/* engine/shim/log.c: see log.h. */
#include "engine/shim/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 1024u
#define SECOND_NS UINT64_C(1000000000)

struct limit {
    const char *event;
    uint64_t second;
    uint32_t lines, left_out;
};
struct nika_log {
    int fd;
    enum nika_log_level level;
    char path[NIKA_PATH_SIZE];
    struct limit limits[NIKA_LOG_EVENTS_MAX];
};

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static uint64_t clock_of(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now); /* tidy: the one clock of live processes */
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

uint64_t nika_clock_monotonic(void)
{
    return clock_of(CLOCK_MONOTONIC);
}

uint64_t nika_clock_thread(void)
{
    return clock_of(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t nika_clock_module_at(uint64_t monotonic_ns)
{
    static uint64_t offset;
    if (offset == 0) offset = clock_of(CLOCK_REALTIME) - nika_clock_monotonic();
    return offset + monotonic_ns;
}

uint64_t nika_clock_module(void)
{
    return nika_clock_module_at(nika_clock_monotonic());
}

void nika_clock_sleep(uint64_t ns)
{
    struct timespec wait = {.tv_sec = (time_t)(ns / SECOND_NS), .tv_nsec = (long)(ns % SECOND_NS)};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
}

static int open_file(const char *path)
{
    if (path[0] == '\0') return STDERR_FILENO;
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

struct nika_log *nika_log_open(const char *path, enum nika_log_level level)
{
    struct nika_log *log = calloc(1, sizeof *log);
    if (log == NULL) return NULL;
    log->level = level;
    snprintf(log->path, sizeof log->path, "%s", path);
    log->fd = open_file(path);
    if (log->fd >= 0) return log;
    free(log);
    return NULL;
}

void nika_log_close(struct nika_log *log)
{
    if (log == NULL) return;
    if (log->fd != STDERR_FILENO) close(log->fd);
    free(log);
}

void nika_log_reopen(struct nika_log *log)
{
    int fd = open_file(log->path);
    if (fd < 0 || fd == log->fd) return;
    close(log->fd);
    log->fd = fd;
}

static void write_line(struct nika_log *log, enum nika_log_level level, const char *event,
                       uint32_t left_out, const char *format, va_list arguments)
{
    char line[LINE_SIZE];
    struct tm parts;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now); /* tidy: the time of a line, for people */
    gmtime_r(&now.tv_sec, &parts);
    size_t used = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &parts);
    used += (size_t)snprintf(line + used, sizeof line - used, ".%06ldZ level=%s event=%s ",
                             now.tv_nsec / 1000, level_names[level], event);
    if (left_out > 0)
        used += (size_t)snprintf(line + used, sizeof line - used, "left_out=%u ", left_out);
    int more = vsnprintf(line + used, sizeof line - used - 1, format, arguments);
    used += more < 0 ? 0 : (size_t)more;
    if (used > sizeof line - 2) used = sizeof line - 2;
    line[used++] = '\n';
    ssize_t written = write(log->fd, line, used);
    (void)written; /* A full disk must not stop a replica. */
}

void nika_log(struct nika_log *log, enum nika_log_level level, const char *event,
              const char *format, ...)
{
    va_list arguments;
    if (level > log->level) return;
    va_start(arguments, format);
    write_line(log, level, event, 0, format, arguments);
    va_end(arguments);
}

static struct limit *limit_of(struct nika_log *log, const char *event)
{
    uint32_t i = 0;
    while (i < NIKA_LOG_EVENTS_MAX - 1 && log->limits[i].event != NULL &&
           strcmp(log->limits[i].event, event) != 0)
        i++;
    log->limits[i].event = event;
    return &log->limits[i];
}

void nika_log_limited(struct nika_log *log, enum nika_log_level level, const char *event,
                      const char *format, ...)
{
    va_list arguments;
    if (level > log->level) return;
    struct limit *limit = limit_of(log, event);
    uint64_t second = nika_clock_monotonic() / SECOND_NS;
    if (second != limit->second) {
        limit->second = second;
        limit->lines = 0;
    }
    if (limit->lines >= NIKA_LOG_PER_SECOND) {
        limit->left_out++;
        return;
    }
    limit->lines++;
    va_start(arguments, format);
    write_line(log, level, event, limit->left_out, format, arguments);
    va_end(arguments);
    limit->left_out = 0;
}
