/* engine/shim/tss_client.c: see tss_client.h. */
#include "engine/shim/tss_client.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/core/assert.h"
#include "engine/shim/log.h"
#include "engine/shim/tss_frame.h"

#define DEFAULT_TIMEOUT_MS 2000u
#define MS_NS UINT64_C(1000000)

struct nika_tss_client {
    int fd;
    uint32_t instance;
    uint64_t epoch; /* 0: not known yet. */
    uint32_t timeout_ms;
    uint64_t tag;
    bool gone;
    uint64_t waits_since_ns;
    int served_fd;
    void (*serve)(void *context);
    void *serve_context;
    struct nika_disk_store_error why;
    char socket[108];
};

static enum nika_err lose(struct nika_tss_client *c, const char *text)
{
    if (!c->gone)
        nika_disk_say(&c->why, "trusted process of replica %" PRIu32 " at %s: %s", c->instance,
                      c->socket, text);
    c->gone = true;
    /* A late reply must find nobody. */
    if (c->fd >= 0) (void)close(c->fd);
    c->fd = -1;
    return NIKA_ERR_IO;
}

#define SERVE_MS 20
static enum nika_err wait_for(struct nika_tss_client *c, short events, uint64_t deadline_ns)
{
    char text[64];
    for (;;) {
        struct pollfd ready[2] = {{.fd = c->fd, .events = events},
                                  {.fd = c->served_fd, .events = POLLIN}};
        uint64_t now = nika_clock_monotonic();
        int left = now >= deadline_ns ? 0 : (int)((deadline_ns - now + MS_NS - 1) / MS_NS);
        bool serves = c->serve != NULL;
        int count = poll(ready, ARRAY_COUNT(ready), serves && left > SERVE_MS ? SERVE_MS : left);
        /* What is served may have something to do that no descriptor tells of. */
        if (serves && (count == 0 || ready[1].revents != 0)) (c->serve)(c->serve_context);
        if (count > 0 && ready[0].revents != 0) return NIKA_OK;
        if (count >= 0 && now < deadline_ns) continue;
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return lose(c, strerror(errno));
        (void)snprintf(text, sizeof text, "does not answer within %" PRIu32 " ms", c->timeout_ms);
        return lose(c, text);
    }
}

/* Move all of it in one direction before the deadline. */
static enum nika_err transfer(struct nika_tss_client *c, uint8_t *data, uint32_t size, bool out,
                              uint64_t deadline_ns)
{
    for (uint32_t done = 0; done < size;) {
        ssize_t part = out ? send(c->fd, data + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT)
                           : recv(c->fd, data + done, size - done, MSG_DONTWAIT);
        if (part > 0) {
            done += (uint32_t)part;
            continue;
        }
        if (part == 0) return lose(c, "has closed the connection");
        if (errno == EINTR) continue;
        if (errno == EPIPE || errno == ECONNRESET) return lose(c, "has closed the connection");
        if (errno != EAGAIN) return lose(c, strerror(errno));
        enum nika_err err = wait_for(c, out ? POLLOUT : POLLIN, deadline_ns);
        if (err != NIKA_OK) return err;
    }
    return NIKA_OK;
}

/* Is it the answer to this request, from the instance that was asked? */
static enum nika_err judge(struct nika_tss_client *c, const struct nika_tss_request *request,
                           const struct nika_tss_reply *reply)
{
    const struct nika_trusted_certificate *made = &reply->certificate;
    if (reply->tag != request->tag || reply->operation != request->operation)
        return lose(c, "gave the answer to another request");
    if (reply->instance != c->instance || (c->epoch != 0 && reply->epoch != c->epoch))
        return lose(c, "answers for another instance or epoch");
    if (made->kind != 0 && (made->instance != c->instance || made->epoch != reply->epoch ||
                            made->counter != request->counter))
        return lose(c, "gave a certificate of another instance or counter");
    if (request->operation == NIKA_TSS_CERTIFY && reply->status == NIKA_TSS_OK &&
        (made->kind != request->kind || nika_trusted_compare(made->value, request->value) != 0))
        return lose(c, "gave a certificate of another kind or value");
    if (reply->status == NIKA_TSS_GONE) return lose(c, "can promise nothing any more");
    return NIKA_OK;
}

static enum nika_err take_reply(struct nika_tss_client *c, const struct nika_tss_request *request,
                                struct nika_tss_reply *reply, uint64_t deadline_ns)
{
    uint8_t in[NIKA_TSS_REPLY_SIZE];
    enum nika_err err = transfer(c, in, sizeof in, false, deadline_ns);
    if (err != NIKA_OK) return err;
    if (nika_tss_reply_decode((struct nika_span){in, sizeof in}, reply) != NIKA_OK)
        return lose(c, "gave a malformed answer");
    err = judge(c, request, reply);
    if (err != NIKA_OK) return err;
    switch ((enum nika_tss_status)reply->status) {
    case NIKA_TSS_OK:
        return NIKA_OK;
    case NIKA_TSS_REFUSED:
        return NIKA_ERR_CONFIG;
    case NIKA_TSS_NOT_FOUND:
        return NIKA_ERR_NOT_FOUND;
    case NIKA_TSS_INVALID:
        return NIKA_ERR_AUTH;
    case NIKA_TSS_GONE:
    case NIKA_TSS_STATUSES:
    default:
        return lose(c, "can promise nothing any more");
    }
}

static enum nika_err call(struct nika_tss_client *c, struct nika_tss_request *request,
                          struct nika_tss_reply *reply)
{
    uint8_t out[NIKA_TSS_REQUEST_SIZE];
    if (c->gone) return NIKA_ERR_IO;
    uint64_t deadline_ns = nika_clock_monotonic() + c->timeout_ms * MS_NS;
    request->tag = ++c->tag;
    nika_tss_request_encode(request, out);
    c->waits_since_ns = deadline_ns - c->timeout_ms * MS_NS;
    enum nika_err err = transfer(c, out, sizeof out, true, deadline_ns);
    if (err == NIKA_OK) err = take_reply(c, request, reply, deadline_ns);
    c->waits_since_ns = 0;
    return err;
}

void nika_tss_client_certify_all(struct nika_tss_client *c, struct nika_tss_wish *wishes,
                                 uint32_t count)
{
    struct nika_tss_request request[NIKA_TSS_WISHES_MAX];
    uint8_t out[NIKA_TSS_WISHES_MAX * NIKA_TSS_REQUEST_SIZE];
    NIKA_ASSERT(count >= 1 && count <= NIKA_TSS_WISHES_MAX);
    uint64_t deadline_ns = nika_clock_monotonic() + c->timeout_ms * MS_NS;
    for (uint32_t i = 0; i < count; i++) {
        request[i] = (struct nika_tss_request){.operation = NIKA_TSS_CERTIFY,
                                               .kind = (uint8_t)wishes[i].kind,
                                               .counter = wishes[i].counter,
                                               .tag = ++c->tag,
                                               .value = wishes[i].value,
                                               .digest = wishes[i].digest};
        nika_tss_request_encode(&request[i], out + i * NIKA_TSS_REQUEST_SIZE);
        wishes[i].err = NIKA_ERR_IO;
    }
    if (c->gone || transfer(c, out, count * NIKA_TSS_REQUEST_SIZE, true, deadline_ns) != NIKA_OK)
        return;
    for (uint32_t i = 0; i < count && !c->gone; i++) {
        struct nika_tss_reply reply;
        wishes[i].err = take_reply(c, &request[i], &reply, deadline_ns);
        if (wishes[i].err == NIKA_OK) wishes[i].certificate = reply.certificate;
    }
}

enum nika_err nika_tss_client_ping(struct nika_tss_client *c)
{
    struct nika_tss_reply reply;
    struct nika_tss_request request = {.operation = NIKA_TSS_HELLO};
    return call(c, &request, &reply);
}

/* ---- the calls ---- */
static enum nika_err certify(void *world, uint32_t self, enum nika_trusted_kind kind,
                             uint32_t counter, struct nika_trusted_value value,
                             const struct nika_digest *digest, struct nika_trusted_certificate *out)
{
    struct nika_tss_client *c = world;
    struct nika_tss_reply reply;
    struct nika_tss_request request = {.operation = NIKA_TSS_CERTIFY,
                                       .kind = (uint8_t)kind,
                                       .counter = counter,
                                       .value = value,
                                       .digest = *digest};
    if (self != c->instance || kind < NIKA_TRUSTED_INDEPENDENT || kind > NIKA_TRUSTED_MAC)
        return NIKA_ERR_CONFIG;
    enum nika_err err = call(c, &request, &reply);
    if (err == NIKA_OK) *out = reply.certificate;
    return err;
}

static bool verify(void *world, uint32_t self, const struct nika_trusted_certificate *certificate,
                   const struct nika_digest *digest)
{
    struct nika_tss_client *c = world;
    struct nika_tss_reply reply;
    struct nika_tss_request request = {
        .operation = NIKA_TSS_VERIFY, .digest = *digest, .certificate = *certificate};
    uint8_t bytes[NIKA_TRUSTED_CERTIFICATE_SIZE];
    struct nika_trusted_certificate possible;
    if (self != c->instance) return false;
    /* What no instance could have issued would be a malformed request, and that ends the connection. */
    nika_trusted_certificate_encode(certificate, bytes);
    if (nika_trusted_certificate_decode((struct nika_span){bytes, sizeof bytes}, &possible) !=
        NIKA_OK)
        return false;
    return call(c, &request, &reply) == NIKA_OK;
}

static enum nika_err read_counter(void *world, uint32_t self, uint32_t counter,
                                  struct nika_trusted_value *value, uint64_t *epoch)
{
    struct nika_tss_client *c = world;
    struct nika_tss_reply reply;
    struct nika_tss_request request = {.operation = NIKA_TSS_READ, .counter = counter};
    if (self != c->instance) return NIKA_ERR_CONFIG;
    enum nika_err err = call(c, &request, &reply);
    if (err != NIKA_OK) return err;
    *value = reply.value;
    *epoch = reply.epoch;
    return NIKA_OK;
}

static enum nika_err reissue(void *world, uint32_t self, uint32_t counter,
                             struct nika_trusted_certificate *out, struct nika_digest *digest)
{
    struct nika_tss_client *c = world;
    struct nika_tss_reply reply;
    struct nika_tss_request request = {.operation = NIKA_TSS_REISSUE, .counter = counter};
    if (self != c->instance) return NIKA_ERR_CONFIG;
    enum nika_err err = call(c, &request, &reply);
    if (err != NIKA_OK) return err;
    *out = reply.certificate;
    *digest = reply.digest;
    return NIKA_OK;
}

const struct nika_trusted_ops nika_tss_client_ops = {
    .certify = certify, .verify = verify, .read = read_counter, .reissue = reissue};

/* ---- life ---- */
static enum nika_err connect_to(struct nika_tss_client *c, uint32_t server_uid,
                                uint64_t deadline_ns)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof peer;
    memcpy(address.sun_path, c->socket, strlen(c->socket));
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0) return lose(c, strerror(errno));
    while (connect(c->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return lose(c, strerror(errno));
        /* Its queue of connections is full. */
        if (nika_clock_monotonic() >= deadline_ns) return lose(c, "accepts no connection");
        nika_clock_sleep(MS_NS);
    }
    if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return lose(c, strerror(errno));
    if (server_uid == NIKA_TSS_ANY_USER || peer.uid == server_uid) return NIKA_OK;
    (void)lose(c, "runs under another user than expected");
    return NIKA_ERR_CONFIG;
}

static enum nika_err hello(struct nika_tss_client *c)
{
    struct nika_tss_reply reply;
    struct nika_tss_request request = {.operation = NIKA_TSS_HELLO};
    uint64_t epoch = c->epoch;
    uint32_t instance = c->instance;
    memset(&reply, 0, sizeof reply);
    enum nika_err err = call(c, &request, &reply);
    if (err == NIKA_OK) {
        c->epoch = reply.epoch;
        return NIKA_OK;
    }
    if (reply.operation != NIKA_TSS_HELLO ||
        (reply.instance == instance && (epoch == 0 || reply.epoch == epoch)))
        return err;
    nika_disk_say(&c->why,
                  "%s: is the trusted process of instance %" PRIu32 ", epoch %" PRIu64
                  "; expected instance %" PRIu32 ", epoch %" PRIu64,
                  c->socket, reply.instance, reply.epoch, instance, epoch);
    return NIKA_ERR_CONFIG;
}

enum nika_err nika_tss_client_open(const struct nika_tss_client_options *options,
                                   struct nika_tss_client **out,
                                   struct nika_disk_store_error *error)
{
    struct nika_tss_client *c = calloc(1, sizeof *c);
    if (c == NULL || strlen(options->socket) >= sizeof c->socket) {
        nika_disk_say(error, "%.200s: %s", options->socket,
                      c == NULL ? "out of memory" : "the name of a socket has at most 107 bytes");
        free(c);
        return c == NULL ? NIKA_ERR_IO : NIKA_ERR_CONFIG;
    }
    c->served_fd = -1;
    c->instance = options->instance;
    c->epoch = options->epoch;
    c->timeout_ms = options->timeout_ms != 0 ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
    memcpy(c->socket, options->socket, strlen(options->socket));
    enum nika_err err =
        connect_to(c, options->server_uid, nika_clock_monotonic() + c->timeout_ms * MS_NS);
    if (err == NIKA_OK) err = hello(c);
    if (err == NIKA_OK) {
        *out = c;
        return NIKA_OK;
    }
    if (error != NULL) *error = c->why;
    nika_tss_client_close(c);
    return err;
}

void nika_tss_client_close(struct nika_tss_client *c)
{
    if (c == NULL) return;
    if (c->fd >= 0) (void)close(c->fd);
    free(c);
}

void nika_tss_client_serve(struct nika_tss_client *c, int fd, void (*serve)(void *context),
                           void *context)
{
    c->served_fd = fd;
    c->serve = serve;
    c->serve_context = context;
}

uint64_t nika_tss_client_waits_since(const struct nika_tss_client *c)
{
    return c->waits_since_ns;
}

const char *nika_tss_client_gone(const struct nika_tss_client *c)
{
    return c->gone ? c->why.text : NULL;
}
