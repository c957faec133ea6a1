/* engine/shim/tss_server.c: see tss_server.h. What it takes from itself is in tss_confine.c. */
#include "engine/shim/tss_server.h"

#include "engine/core/assert.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define TOGETHER_MAX (NIKA_TSS_CONNECTIONS_MAX * NIKA_TSS_REQUESTS_MAX)

struct connection {
    int fd; /* -1: free. */
    uint32_t in_size, out_size, out_at;
    uint8_t in[NIKA_TSS_REQUESTS_MAX * NIKA_TSS_REQUEST_SIZE];
    uint8_t out[NIKA_TSS_REQUESTS_MAX * NIKA_TSS_REPLY_SIZE];
};
struct server {
    struct nika_tss_vault *vault;
    struct nika_log *log;
    uint32_t client_uid;
    struct connection connection[NIKA_TSS_CONNECTIONS_MAX];
    /* What came together, and from whom. */
    uint32_t count;
    struct connection *from[TOGETHER_MAX];
    struct nika_tss_request request[TOGETHER_MAX];
    struct nika_tss_reply reply[TOGETHER_MAX];
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

/* All but the certificate. */
static void answer_one(struct nika_tss_vault *vault, const struct nika_tss_request *request,
                       struct nika_tss_reply *reply)
{
    enum nika_err err = NIKA_OK;
    uint64_t epoch;
    switch (request->operation) {
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
}

static void finish_reply(struct nika_tss_vault *vault, const struct nika_tss_request *request,
                         struct nika_tss_reply *reply)
{
    const struct nika_tss_state *state = nika_tss_vault_state(vault);
    if (nika_tss_vault_broken(vault) != NULL) {
        memset(reply, 0, sizeof *reply);
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

/* The certificates among them, in one step. */
static void certify_together(struct nika_tss_vault *vault, const struct nika_tss_request *requests,
                             struct nika_tss_reply *replies, uint32_t count)
{
    struct nika_tss_wish wishes[TOGETHER_MAX];
    uint32_t place[TOGETHER_MAX], wished = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct nika_tss_request *q = &requests[i];
        if (q->operation != NIKA_TSS_CERTIFY) continue;
        wishes[wished] = (struct nika_tss_wish){.kind = (enum nika_trusted_kind)q->kind,
                                                .counter = q->counter,
                                                .value = q->value,
                                                .digest = q->digest};
        place[wished++] = i;
    }
    if (wished > 0) nika_tss_vault_certify_all(vault, wishes, wished);
    for (uint32_t i = 0; i < wished; i++) {
        struct nika_tss_reply *reply = &replies[place[i]];
        reply->status = (uint8_t)status_of(wishes[i].err);
        if (wishes[i].err == NIKA_OK) reply->certificate = wishes[i].certificate;
    }
}

void nika_tss_answer_all(struct nika_tss_vault *vault, const struct nika_tss_request *requests,
                         struct nika_tss_reply *replies, uint32_t count)
{
    NIKA_ASSERT(count <= TOGETHER_MAX);
    memset(replies, 0, count * sizeof *replies);
    certify_together(vault, requests, replies, count);
    for (uint32_t i = 0; i < count; i++) {
        if (requests[i].operation != NIKA_TSS_CERTIFY) answer_one(vault, &requests[i], &replies[i]);
        finish_reply(vault, &requests[i], &replies[i]);
    }
}

void nika_tss_answer(struct nika_tss_vault *vault, const struct nika_tss_request *request,
                     struct nika_tss_reply *reply)
{
    nika_tss_answer_all(vault, request, reply, 1);
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

/* The whole requests that have arrived of one connection are taken; a part of one stays. */
static void take_requests(struct server *s, struct connection *c)
{
    uint32_t before = s->count, at = 0;
    for (; c->in_size - at >= NIKA_TSS_REQUEST_SIZE; at += NIKA_TSS_REQUEST_SIZE) {
        struct nika_span bytes = {c->in + at, NIKA_TSS_REQUEST_SIZE};
        if (nika_tss_request_decode(bytes, &s->request[s->count]) != NIKA_OK) {
            nika_log_limited(s->log, NIKA_LOG_WARN, "tss_malformed", "operation=%u",
                             (unsigned)bytes.data[4]);
            s->count = before;
            hang_up(c);
            return;
        }
        s->from[s->count++] = c;
    }
    memmove(c->in, c->in + at, c->in_size - at);
    c->in_size -= at;
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
    take_requests(s, c);
}

static void serve_ready(struct server *s, const struct pollfd *ready)
{
    s->count = 0;
    for (uint32_t i = 0; i < NIKA_TSS_CONNECTIONS_MAX; i++) {
        struct connection *c = &s->connection[i];
        if (c->fd < 0 || ready[i].revents == 0) continue;
        if (c->out_size > 0)
            send_some(c);
        else
            receive_some(s, c);
    }
    if (s->count == 0) return;
    nika_tss_answer_all(s->vault, s->request, s->reply, s->count);
    for (uint32_t i = 0; i < s->count; i++) {
        struct connection *c = s->from[i];
        nika_tss_reply_encode(&s->reply[i], c->out + c->out_size);
        c->out_size += NIKA_TSS_REPLY_SIZE;
        bool last = i + 1 == s->count || s->from[i + 1] != c;
        if (last) send_some(c);
    }
}

enum nika_err nika_tss_serve(struct nika_tss_vault *vault, int listener, int stop,
                             uint32_t client_uid, struct nika_log *log)
{
    struct pollfd ready[NIKA_TSS_CONNECTIONS_MAX + 2];
    struct server *s = calloc(1, sizeof *s);
    if (s == NULL) return NIKA_ERR_IO;
    s->vault = vault;
    s->log = log;
    s->client_uid = client_uid;
    for (uint32_t i = 0; i < NIKA_TSS_CONNECTIONS_MAX; i++) s->connection[i].fd = -1;
    enum nika_err err = NIKA_OK;
    for (bool stopped = false; !stopped && err == NIKA_OK;) {
        for (uint32_t i = 0; i < NIKA_TSS_CONNECTIONS_MAX; i++) {
            const struct connection *c = &s->connection[i];
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
        serve_ready(s, ready);
        if (ready[NIKA_TSS_CONNECTIONS_MAX].revents != 0) welcome(s, listener);
        const char *why = nika_tss_vault_broken(vault);
        if (why == NULL) continue;
        nika_log(log, NIKA_LOG_ERROR, "tss_broken", "reason=\"%s\"", why);
        err = NIKA_ERR_IO;
    }
    for (uint32_t i = 0; i < NIKA_TSS_CONNECTIONS_MAX; i++) {
        if (s->connection[i].fd >= 0) hang_up(&s->connection[i]);
    }
    free(s);
    return err;
}
