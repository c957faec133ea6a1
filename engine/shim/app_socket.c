/* engine/shim/app_socket.c: see app_socket.h. */
#include "engine/shim/app_socket.h"

#include "engine/core/bytes.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MS UINT64_C(1000000)
#define RETRY_NS (50u * MS)

struct nika_app_socket {
    struct nika_external_port port;
    struct nika_log *log;
    const char *path;
    uint32_t timeout_ms;
    uint64_t id, until_ns;
    enum nika_external_method method;
    int fd;
};

static const char *const methods[NIKA_EXTERNAL_METHODS] = {"connect", "hello",    "execute",
                                                           "query",   "snapshot", "restore"};

static _Noreturn void fail(struct nika_app_socket *s, const char *reason)
{
    nika_log(s->log, NIKA_LOG_ERROR, "app_failed", "socket=%s method=%s reason=\"%s\"", s->path,
             methods[s->method], reason);
    /* Nothing in order: no result may leave, and what was promised is on the disk. */
    _Exit(NIKA_APP_EXIT);
}

static void wait_for(struct nika_app_socket *s, short events)
{
    for (;;) {
        uint64_t now = nika_clock_monotonic();
        if (now >= s->until_ns) fail(s, "no answer in time");
        struct pollfd p = {.fd = s->fd, .events = events};
        int ready = poll(&p, 1, (int)((s->until_ns - now) / MS) + 1);
        if (ready > 0) return;
        if (ready < 0 && errno != EINTR) fail(s, strerror(errno));
    }
}

static void put(struct nika_app_socket *s, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(s->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            data += sent;
            size -= (size_t)sent;
        } else if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
            wait_for(s, POLLOUT);
        } else {
            fail(s, sent < 0 ? strerror(errno) : "it ended");
        }
    }
}

static void get(struct nika_app_socket *s, uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t got = recv(s->fd, data, size, MSG_DONTWAIT);
        if (got > 0) {
            data += got;
            size -= (size_t)got;
        } else if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            wait_for(s, POLLIN);
        } else {
            fail(s, got < 0 ? strerror(errno) : "it ended");
        }
    }
}

static uint32_t call(void *context, enum nika_external_method method, struct nika_span body,
                     uint8_t *out, uint32_t capacity)
{
    struct nika_app_socket *s = context;
    uint8_t head[4 + NIKA_EXTERNAL_HEAD_SIZE], byte;
    s->method = method;
    s->id++;
    s->until_ns = nika_clock_monotonic() + s->timeout_ms * MS;
    if (recv(s->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) > 0) fail(s, "it spoke unasked");
    nika_store_le(head, NIKA_EXTERNAL_HEAD_SIZE + body.size, 4);
    nika_store_le(head + 4, s->id, 8);
    head[12] = (uint8_t)method;
    put(s, head, sizeof head);
    put(s, body.data, body.size);
    get(s, head, sizeof head);
    uint64_t size = nika_load_le(head, 4);
    if (size < NIKA_EXTERNAL_HEAD_SIZE || size - NIKA_EXTERNAL_HEAD_SIZE > capacity)
        fail(s, "an answer of a size that cannot be");
    if (nika_load_le(head + 4, 8) != s->id) fail(s, "an answer to another request");
    if (head[12] != 0) fail(s, "it refused");
    get(s, out, size - NIKA_EXTERNAL_HEAD_SIZE);
    return (uint32_t)(size - NIKA_EXTERNAL_HEAD_SIZE);
}

static void refuse(void *context, enum nika_external_method method, const char *why)
{
    struct nika_app_socket *s = context;
    char reason[128];
    s->method = method;
    snprintf(reason, sizeof reason, "its answer %s", why);
    fail(s, reason);
}

/* It may be started after us, and by somebody else. */
static void connect_to(struct nika_app_socket *s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(s->path) >= sizeof address.sun_path) fail(s, "its path is longer than 107 bytes");
    memcpy(address.sun_path, s->path, strlen(s->path));
    for (;;) {
        s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (s->fd < 0) fail(s, strerror(errno));
        if (connect(s->fd, (const struct sockaddr *)&address, sizeof address) == 0) return;
        int error = errno;
        close(s->fd);
        s->fd = -1;
        bool absent = error == ENOENT || error == ECONNREFUSED || error == EAGAIN;
        if (!absent || nika_clock_monotonic() >= s->until_ns) fail(s, strerror(error));
        nika_clock_sleep(RETRY_NS);
    }
}

static void hello(struct nika_app_socket *s, const struct nika_config *config)
{
    uint8_t body[64], answer[64];
    const struct nika_span version = {(const uint8_t *)NIKA_EXTERNAL_VERSION,
                                      sizeof NIKA_EXTERNAL_VERSION - 1};
    struct nika_writer w = nika_writer_of(body, sizeof body);
    nika_write_bytes(&w, version);
    nika_write_u32(&w, config->op_size_max);
    nika_write_u32(&w, config->reply_size_max);
    nika_write_u32(&w, NIKA_EXTERNAL_STATE_MAX);
    uint32_t size =
        call(s, NIKA_EXTERNAL_HELLO, (struct nika_span){w.data, w.at}, answer, sizeof answer);
    struct nika_reader r = nika_reader_of((struct nika_span){answer, size});
    struct nika_span got = nika_read_bytes(&r, sizeof answer);
    if (!nika_reader_done(&r) || got.size != version.size ||
        memcmp(got.data, version.data, got.size) != 0)
        refuse(s, NIKA_EXTERNAL_HELLO, "is not " NIKA_EXTERNAL_VERSION);
}

struct nika_app_socket *nika_app_socket_open(const char *path, uint32_t timeout_ms,
                                             const struct nika_config *config, struct nika_log *log)
{
    struct nika_app_socket *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    *s = (struct nika_app_socket){.port = {.context = s, .call = call, .refuse = refuse},
                                  .log = log,
                                  .path = path,
                                  .timeout_ms = timeout_ms,
                                  .fd = -1,
                                  .until_ns = nika_clock_monotonic() + timeout_ms * MS};
    connect_to(s);
    hello(s, config);
    return s;
}

void nika_app_socket_close(struct nika_app_socket *s)
{
    if (s == NULL) return;
    if (s->fd >= 0) close(s->fd);
    free(s);
}

const struct nika_external_port *nika_app_socket_port(const struct nika_app_socket *s)
{
    return &s->port;
}
