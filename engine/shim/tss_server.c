/* engine/shim/tss_server.c: see tss_server.h. What it takes from itself is in tss_confine.c. */
#include "engine/shim/tss_server.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct connection {
    int fd; /* -1: free. */
    uint32_t in_size, out_size, out_at;
    uint8_t in[NIKA_TSS_REQUEST_SIZE], out[NIKA_TSS_REPLY_SIZE];
};
struct server {
    struct nika_tss_vault *vault;
    struct nika_log *log;
    uint32_t client_uid;
    struct connection connection[NIKA_TSS_CONNECTIONS_MAX];
};

/* ---- the socket ---- */
/* Is somebody behind this name? A socket file outlives its process. */
static bool is_served(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return false;
    int err = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
    (void)close(fd);
    return err == 0 || err == EAGAIN;
}

static int bind_to(int fd, const struct sockaddr_un *address, uint32_t client_uid)
{
    struct stat info;
    const char *path = address->sun_path;
    if (lstat(path, &info) == 0) {
        if (!S_ISSOCK(info.st_mode)) return EEXIST;
        if (is_served(address)) return EADDRINUSE;
        if (unlink(path) != 0) return errno;
    }
    mode_t before = umask(0177);
    int err = bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
    (void)umask(before);
    if (err != 0 || client_uid == (uint32_t)geteuid()) return err;
    /* Another user connects: by ownership where we may give it away, else by mode; SO_PEERCRED decides in both cases. */
    if (geteuid() == 0) return chown(path, client_uid, (gid_t)-1) == 0 ? 0 : errno;
    return chmod(path, 0666) == 0 ? 0 : errno;
}

int nika_tss_listen(const char *path, uint32_t client_uid, struct nika_disk_store_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        nika_disk_say(error, "%.200s: the name of a socket has at most %zu bytes", path,
                      sizeof address.sun_path - 1);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int err = fd < 0 ? errno : bind_to(fd, &address, client_uid);
    if (err == 0 && listen(fd, (int)NIKA_TSS_CONNECTIONS_MAX) != 0) err = errno;
    if (err == 0) return fd;
    nika_disk_say(error, "%.200s: %s", path,
                  err == EADDRINUSE ? "another process serves this socket"
                  : err == EEXIST   ? "exists and is no socket"
                                    : strerror(err));
    if (fd >= 0) (void)close(fd);
    return -1;
}

/* ---- answers ---- */
static enum nika_tss_status status_of(enum nika_err err)
{
    switch (err) {
    case NIKA_OK:
        return NIKA_TSS_OK;
    case NIKA_ERR_CONFIG:
        return NIKA_TSS_REFUSED;
    case NIKA_ERR_NOT_FOUND:
        return NIKA_TSS_NOT_FOUND;
    case NIKA_ERR_LIMIT:
    case NIKA_ERR_MALFORMED:
    case NIKA_ERR_AUTH:
    case NIKA_ERR_IO:
    case NIKA_ERR_VERSION:
    default:
        return NIKA_TSS_GONE;
    }
}

void nika_tss_answer(struct nika_tss_vault *vault, const struct nika_tss_request *request,
                     struct nika_tss_reply *reply)
{
    const struct nika_tss_state *state = nika_tss_vault_state(vault);
    enum nika_err err = NIKA_OK;
    uint64_t epoch;
    memset(reply, 0, sizeof *reply);
    switch (request->operation) {
    case NIKA_TSS_CERTIFY:
        err = nika_tss_vault_certify(vault, (enum nika_trusted_kind)request->kind, request->counter,
                                     request->value, &request->digest, &reply->certificate);
        break;
    case NIKA_TSS_READ:
        err = nika_tss_vault_read(vault, request->counter, &reply->value, &epoch);
        break;
    case NIKA_TSS_REISSUE:
        err = nika_tss_vault_reissue(vault, request->counter, &reply->certificate, &reply->digest);
        break;
    default: /* HELLO and VERIFY change nothing; the decoder lets no other through. */
        break;
    }
    reply->status = (uint8_t)status_of(err);
    if (err != NIKA_OK) memset(&reply->certificate, 0, sizeof reply->certificate);
    if (nika_tss_vault_broken(vault) != NULL) {
        reply->status = NIKA_TSS_GONE;
    } else if (request->operation == NIKA_TSS_VERIFY) {
        bool valid = nika_tss_vault_verify(vault, &request->certificate, &request->digest);
        reply->status = valid ? NIKA_TSS_OK : NIKA_TSS_INVALID;
    } else if (request->operation == NIKA_TSS_HELLO) {
        reply->counters = state->instance.counters;
        reply->group = state->group;
    }
    reply->operation = request->operation;
    reply->tag = request->tag;
    reply->instance = state->instance.id;
    reply->epoch = state->instance.epoch;
}

/* ---- connections ---- */
static void hang_up(struct connection *c)
{
    (void)close(c->fd);
    *c = (struct connection){.fd = -1};
}

static void welcome(struct server *s, int listener)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof peer;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != s->client_uid) {
        nika_log_limited(s->log, NIKA_LOG_WARN, "tss_refused", "uid=%u expected=%" PRIu32,
                         (unsigned)peer.uid, s->client_uid);
        (void)close(fd);
        return;
    }
    for (uint32_t i = 0; i < NIKA_TSS_CONNECTIONS_MAX; i++) {
        struct connection *c = &s->connection[i];
        if (c->fd >= 0) continue;
        *c = (struct connection){.fd = fd};
        return;
    }
    nika_log_limited(s->log, NIKA_LOG_WARN, "tss_full", "connections=%u", NIKA_TSS_CONNECTIONS_MAX);
    (void)close(fd);
}

static bool would_wait(ssize_t done)
{
    return done < 0 && (errno == EAGAIN || errno == EINTR);
}

static void send_some(struct connection *c)
{
    ssize_t sent =
        send(c->fd, c->out + c->out_at, c->out_size - c->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (would_wait(sent)) return;
    if (sent <= 0) {
        hang_up(c);
        return;
    }
    c->out_at += (uint32_t)sent;
    if (c->out_at == c->out_size) c->out_at = c->out_size = 0;
}

static void answer(struct server *s, struct connection *c)
{
    struct nika_tss_request request;
    struct nika_tss_reply reply;
    if (nika_tss_request_decode((struct nika_span){c->in, c->in_size}, &request) != NIKA_OK) {
        nika_log_limited(s->log, NIKA_LOG_WARN, "tss_malformed", "operation=%u",
                         (unsigned)c->in[4]);
        hang_up(c);
        return;
    }
    c->in_size = 0;
    nika_tss_answer(s->vault, &request, &reply);
    nika_tss_reply_encode(&reply, c->out);
    c->out_size = sizeof c->out;
    send_some(c);
}

static void receive_some(struct server *s, struct connection *c)
{
    ssize_t got = recv(c->fd, c->in + c->in_size, sizeof c->in - c->in_size, MSG_DONTWAIT);
    if (would_wait(got)) return;
    if (got <= 0) {
        hang_up(c);
        return;
    }
    c->in_size += (uint32_t)got;
    if (c->in_size == sizeof c->in) answer(s, c);
}

static void serve_ready(struct server *s, const struct pollfd *ready)
{
    for (uint32_t i = 0; i < NIKA_TSS_CONNECTIONS_MAX; i++) {
        struct connection *c = &s->connection[i];
        if (c->fd < 0 || ready[i].revents == 0) continue;
        if (c->out_size > 0)
            send_some(c);
        else
            receive_some(s, c);
    }
}

enum nika_err nika_tss_serve(struct nika_tss_vault *vault, int listener, int stop,
                             uint32_t client_uid, struct nika_log *log)
{
    struct server s = {.vault = vault, .log = log, .client_uid = client_uid};
    struct pollfd ready[NIKA_TSS_CONNECTIONS_MAX + 2];
    for (uint32_t i = 0; i < NIKA_TSS_CONNECTIONS_MAX; i++) s.connection[i].fd = -1;
    enum nika_err err = NIKA_OK;
    for (bool stopped = false; !stopped && err == NIKA_OK;) {
        for (uint32_t i = 0; i < NIKA_TSS_CONNECTIONS_MAX; i++) {
            const struct connection *c = &s.connection[i];
            /* poll() passes over a descriptor of -1. */
            ready[i] = (struct pollfd){.fd = c->fd, .events = c->out_size > 0 ? POLLOUT : POLLIN};
        }
        ready[NIKA_TSS_CONNECTIONS_MAX] = (struct pollfd){.fd = listener, .events = POLLIN};
        ready[NIKA_TSS_CONNECTIONS_MAX + 1] = (struct pollfd){.fd = stop, .events = POLLIN};
        if (poll(ready, NIKA_TSS_CONNECTIONS_MAX + 2, -1) < 0) {
            if (errno != EINTR) err = NIKA_ERR_IO;
            continue;
        }
        stopped = ready[NIKA_TSS_CONNECTIONS_MAX + 1].revents != 0;
        serve_ready(&s, ready);
        if (ready[NIKA_TSS_CONNECTIONS_MAX].revents != 0) welcome(&s, listener);
        const char *why = nika_tss_vault_broken(vault);
        if (why == NULL) continue;
        nika_log(log, NIKA_LOG_ERROR, "tss_broken", "reason=\"%s\"", why);
        err = NIKA_ERR_IO;
    }
    for (uint32_t i = 0; i < NIKA_TSS_CONNECTIONS_MAX; i++) {
        if (s.connection[i].fd >= 0) hang_up(&s.connection[i]);
    }
    return err;
}
