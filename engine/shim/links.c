/* engine/shim/links.c: who is connected: listening, calling, replacing, closing; see links.h. */
#include "engine/shim/links_private.h"

#include "engine/core/assert.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_BACKLOG 256
#define PAUSE_NS UINT64_C(100000000)
#define PEER_TIMEOUT_MS 10000u /* Sent and not acknowledged for so long: the peer is gone. */
#define KEEPALIVE_S 5
#define CLIENT_FRAME_MAX (NIKA_OP_SIZE_MAX + 4096u)

static uint32_t index_of(const struct nika_links *links, uint32_t node)
{
    const struct nika_config *c = &links->options.cluster->config;
    return nika_is_client(node) ? c->n + nika_client_index(node) : node;
}

static struct link *link_to(const struct nika_links *links, uint32_t node)
{
    const struct nika_member *m = nika_cluster_member(links->options.cluster, node);
    if (m == NULL) return NULL;
    struct link *link = links->by_node[index_of(links, node)];
    if (link == NULL && nika_is_client(node)) link = links->by_node[index_of(links, m->carrier)];
    return link;
}

/* ---- session callbacks ---- */
static const struct nika_key *identity_of(void *context, uint32_t node)
{
    struct link *link = context;
    const struct nika_member *m = nika_cluster_member(link->links->options.cluster, node);
    return m == NULL ? NULL : &m->identity;
}

static uint32_t frame_size_max(void *context, uint32_t node)
{
    (void)context;
    return nika_is_client(node) ? CLIENT_FRAME_MAX : NIKA_MESSAGE_SIZE_MAX;
}

static bool on_frame(void *context, struct nika_span frame)
{
    struct link *link = context;
    const struct nika_links_options *o = &link->links->options;
    /* The first record of a session arrives with its first frames in it. */
    if (!link->open) links_on_open(link);
    if (link->doomed) return false;
    return o->on_frame(o->context, link->peer, frame);
}

/* ---- links ---- */
static void set_options(int fd)
{
    int on = 1, idle = KEEPALIVE_S, count = 3;
    unsigned int timeout = PEER_TIMEOUT_MS;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle, sizeof idle);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
}

static void address_text(const struct sockaddr *address, socklen_t size, char out[64])
{
    char host[46], port[8];
    if (getnameinfo(address, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        snprintf(out, 64, "unknown");
    else
        snprintf(out, 64, "%s:%s", host, port);
}

/* Takes the socket. NULL when memory is short. */
static struct link *link_new(struct nika_links *links, int fd, uint32_t calling, bool connecting)
{
    struct link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        close(fd);
        return NULL;
    }
    link->source = (struct nika_source){.fd = fd, .on_ready = link_on_ready};
    link->links = links;
    link->peer = NIKA_NODE_NONE;
    link->calling = calling;
    link->connecting = link->writing = connecting;
    link->born_ns = nika_clock_monotonic();
    struct nika_session_options options = {.initiator = calling != NIKA_NODE_NONE,
                                           .self = links->options.self,
                                           .peer = calling,
                                           .group = links->options.cluster->config.group_id,
                                           .identity = &links->options.keys->identity,
                                           .identity_of = identity_of,
                                           .frame_size_max = frame_size_max,
                                           .on_frame = on_frame,
                                           .context = link};
    nika_random_bytes(&options.ephemeral, sizeof options.ephemeral);
    nika_random_bytes(&options.nonce, sizeof options.nonce);
    link->session = nika_session_new(&options);
    if (links->tls != NULL) link->tls = nika_tls_stream_new(links->tls, fd, calling);
    nika_key_erase(&options.ephemeral, sizeof options.ephemeral);
    if (link->session == NULL || (links->tls != NULL && link->tls == NULL) ||
        nika_loop_add(links->options.loop, &link->source, connecting) != NIKA_OK) {
        nika_session_free(link->session);
        nika_tls_stream_free(link->tls);
        close(fd);
        free(link);
        return NULL;
    }
    set_options(fd);
    link->next = links->first;
    if (link->next != NULL) link->next->previous = link;
    links->first = link;
    links->strangers++;
    return link;
}

/* A session that lived for so long was one. */
#define LASTED_NS (10 * NIKA_LINKS_BACKOFF_MIN_NS)

uint64_t links_wait(uint64_t *backoff_ns, bool lasted, uint64_t *jitter)
{
    if (lasted) *backoff_ns = NIKA_LINKS_BACKOFF_MIN_NS;
    *jitter = *jitter * UINT64_C(6364136223846793005) + 1442695040888963407u;
    uint64_t wait = *backoff_ns + (*jitter >> 33) % (*backoff_ns / 4 + 1);
    *backoff_ns *= 2;
    if (*backoff_ns > NIKA_LINKS_BACKOFF_MAX_NS) *backoff_ns = NIKA_LINKS_BACKOFF_MAX_NS;
    return wait;
}

static void retry_later(struct nika_links *links, struct link *link)
{
    for (uint32_t i = 0; i < links->call_count; i++) {
        struct call *call = &links->calls[i];
        if (call->link != link) continue;
        call->link = NULL;
        /* What lasted was a session. What was accepted and soon closed again, as when two processes have one id, is called ever later. */
        uint64_t now = nika_clock_monotonic();
        bool lasted = link->confirmed && now - link->born_ns >= LASTED_NS;
        call->next_ns = now + links_wait(&call->backoff_ns, lasted, &links->jitter);
    }
}

static void count_up(struct nika_links *links, uint32_t peer, bool up)
{
    uint32_t *count = nika_is_client(peer) ? &links->clients_up : &links->replicas_up;
    *count = up ? *count + 1 : *count - 1;
    if (links->options.on_change != NULL)
        links->options.on_change(links->options.context, peer, up);
}

static void link_free(struct link *link)
{
    struct nika_links *links = link->links;
    nika_loop_remove(links->options.loop, &link->source);
    close(link->source.fd);
    if (links->first == link)
        links->first = link->next;
    else
        link->previous->next = link->next;
    if (link->next != NULL) link->next->previous = link->previous;
    if (link->open) {
        links->stats.closed++;
        struct link **place = &links->by_node[index_of(links, link->peer)];
        if (*place == link) {
            *place = NULL;
            count_up(links, link->peer, false);
        }
    } else {
        links->strangers--;
    }
    links->stats.ends[link->end]++;
    if (link->end != NIKA_SESSION_GOING_ON) links->stats.rejected++;
    if (link->calling != NIKA_NODE_NONE) retry_later(links, link);
    link_drop_queues(link);
    nika_session_free(link->session);
    nika_tls_stream_free(link->tls);
    free(link);
}

/* A replica that calls is one with a higher id: else both would call, and drop each other's call for ever. */
static bool may_call_us(const struct nika_links *links, uint32_t peer)
{
    return nika_is_client(peer) || peer > links->options.self;
}

/* Nobody lends its certificate to another. */
static bool is_tls_peer(const struct link *link, uint32_t peer)
{
    if (link->tls == NULL) return true;
    const struct nika_key *key = nika_tls_peer(link->tls);
    const struct nika_member *m = nika_cluster_member(link->links->options.cluster, peer);
    return key != NULL && m != NULL && memcmp(key, &m->identity, sizeof *key) == 0;
}

void links_on_open(struct link *link)
{
    struct nika_links *links = link->links;
    uint32_t peer = nika_session_peer(link->session);
    link->open = true;
    link->peer = peer;
    links->strangers--;
    links->stats.opened++;
    struct link **place = &links->by_node[index_of(links, peer)];
    struct link *old = *place;
    *place = link;
    if (!is_tls_peer(link, peer)) {
        link_doom(link, NIKA_SESSION_REFUSED, "a session of one member inside TLS of another");
        *place = old;
        return;
    }
    if (link->calling == NIKA_NODE_NONE && !may_call_us(links, peer)) {
        link_doom(link, NIKA_SESSION_REFUSED, "a replica with a lower id does not call");
        *place = old;
        return;
    }
    if (old != NULL) {
        /* The peer started anew before its old connection was known to be dead; or two processes have one id. */
        nika_log_limited(links->options.log, NIKA_LOG_WARN, "peer_replaced",
                         "peer=%08x old=%s new=%s", peer, old->address, link->address);
        link_doom(old, NIKA_SESSION_GOING_ON, "replaced by a newer connection");
    } else {
        count_up(links, peer, true);
    }
    /* An empty record tells a caller that it was accepted. */
    if (link->calling == NIKA_NODE_NONE) {
        uint8_t record[NIKA_SESSION_RECORD_OVERHEAD];
        uint32_t size = nika_session_seal(link->session, record, 0);
        NIKA_ASSERT(link->rest == NULL);
        link->rest = malloc(size);
        if (link->rest == NULL) {
            link_doom(link, NIKA_SESSION_NO_MEMORY, "out of memory");
            return;
        }
        memcpy(link->rest, record, size);
        link->rest_size = link->rest_capacity = size;
        link_touch(link);
    }
    nika_log_limited(links->options.log, NIKA_LOG_INFO, "link_open", "peer=%08x address=%s", peer,
                     link->address);
}

void links_on_confirmed(struct link *link)
{
    link->confirmed = true;
}

/* ---- listening ---- */
static void doom_oldest_stranger(struct nika_links *links)
{
    struct link *oldest = NULL;
    for (struct link *link = links->first; link != NULL; link = link->next) {
        if (!link->open && !link->doomed && link->calling == NIKA_NODE_NONE) oldest = link;
    }
    if (oldest != NULL)
        link_doom(oldest, NIKA_SESSION_TRUNCATED, "too many connections wait for a hand-shake");
}

static void pause_listening(struct nika_links *links)
{
    nika_log_limited(links->options.log, NIKA_LOG_ERROR, "accept_failed", "reason=\"%s\"",
                     strerror(errno));
    links->paused = true;
    links->resume_ns = nika_clock_monotonic() + PAUSE_NS;
    nika_loop_want(links->options.loop, &links->listener, false, false);
}

static void on_listener(struct nika_source *source, bool readable, bool writable)
{
    struct nika_links *links =
        (struct nika_links *)(void *)((uint8_t *)source - offsetof(struct nika_links, listener));
    (void)readable;
    (void)writable;
    /* A few a round, so that a flood of connections does not keep frames waiting. */
    for (uint32_t i = 0; i < 8; i++) {
        struct sockaddr_storage address;
        socklen_t size = sizeof address;
        int fd =
            accept4(source->fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (fd < 0) {
            doom_oldest_stranger(links);
            pause_listening(links);
            return;
        }
        links->stats.accepted++;
        if (links->strangers >= NIKA_LINKS_STRANGERS_MAX) doom_oldest_stranger(links);
        struct link *link = link_new(links, fd, NIKA_NODE_NONE, false);
        if (link == NULL) return;
        address_text((const struct sockaddr *)&address, size, link->address);
    }
}

enum nika_err nika_links_listen(struct nika_links *links, const char *host, uint16_t port,
                                const char *file, struct nika_problems *problems)
{
    char service[8];
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    snprintf(service, sizeof service, "%u", port);
    int error = getaddrinfo(host, service, &hints, &found);
    if (error != 0) {
        nika_problem(problems, file, "listen", "%s: %s", host, gai_strerror(error));
        return NIKA_ERR_IO;
    }
    int on = 1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, LISTEN_BACKLOG) == 0;
    freeaddrinfo(found);
    links->listener = (struct nika_source){.fd = fd, .on_ready = on_listener};
    if (good && nika_loop_add(links->options.loop, &links->listener, false) == NIKA_OK) {
        links->listening = true;
        return NIKA_OK;
    }
    nika_problem(problems, file, "listen", "%s:%u: %s", host, port, strerror(errno));
    if (fd >= 0) close(fd);
    return NIKA_ERR_IO;
}

/* ---- calling ---- */
static void place_call(struct nika_links *links, struct call *call)
{
    char service[8];
    struct addrinfo *found = NULL;
    /* Only numeric names are resolved without waiting; others were resolved once, when the files were read or are looked up here. */
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    snprintf(service, sizeof service, "%u", call->member->port);
    call->next_ns = nika_clock_monotonic() + call->backoff_ns;
    int error = getaddrinfo(call->member->host, service, &hints, &found);
    if (error != 0) {
        nika_log_limited(links->options.log, NIKA_LOG_WARN, "unknown_host",
                         "peer=%08x host=%s reason=\"%s\"", call->node, call->member->host,
                         gai_strerror(error));
        return;
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool called =
        fd >= 0 && (connect(fd, found->ai_addr, found->ai_addrlen) == 0 || errno == EINPROGRESS);
    if (called) call->link = link_new(links, fd, call->node, true);
    if (call->link != NULL) address_text(found->ai_addr, found->ai_addrlen, call->link->address);
    if (!called && fd >= 0) close(fd);
    freeaddrinfo(found);
}

struct nika_links *nika_links_new(const struct nika_links_options *options)
{
    const struct nika_config *c = &options->cluster->config;
    struct nika_links *links = calloc(1, sizeof *links);
    if (links == NULL) return NULL;
    links->options = *options;
    links->by_node = calloc((size_t)c->n + c->clients, sizeof(struct link *));
    links->calls = calloc(c->n, sizeof *links->calls);
    nika_random_bytes(&links->jitter, sizeof links->jitter);
    if (options->cluster->tls)
        links->tls = nika_tls_new(options->cluster, &options->keys->identity);
    if (links->by_node == NULL || links->calls == NULL ||
        (options->cluster->tls && links->tls == NULL)) {
        nika_links_free(links);
        return NULL;
    }
    for (uint32_t i = 0; i < c->n; i++) {
        if (!nika_is_client(options->self) && i >= options->self) break;
        links->calls[links->call_count++] =
            (struct call){.node = i,
                          .backoff_ns = NIKA_LINKS_BACKOFF_MIN_NS,
                          .member = nika_cluster_member(options->cluster, i)};
    }
    return links;
}

void nika_links_stop(struct nika_links *links)
{
    links->stopped = true;
    if (!links->listening) return;
    nika_loop_remove(links->options.loop, &links->listener);
    close(links->listener.fd);
    links->listening = false;
}

void nika_links_free(struct nika_links *links)
{
    if (links == NULL) return;
    nika_links_stop(links);
    links->options.on_change = NULL;
    for (struct link *next, *link = links->first; link != NULL; link = next) {
        next = link->next;
        link_free(link);
    }
    nika_tls_free(links->tls);
    free(links->by_node);
    free(links->calls);
    free(links);
}

/* ---- sending ---- */
static void send_packet(struct nika_links *links, uint32_t to, enum nika_send_class send_class,
                        struct packet *packet)
{
    struct link *link = link_to(links, to);
    if (link == NULL || link->doomed)
        links->stats.dropped_away++;
    else
        link_queue(link, send_class, packet);
}

void nika_links_send(struct nika_links *links, uint32_t to, enum nika_send_class send_class,
                     struct nika_span frame)
{
    struct packet *packet = packet_new(frame);
    if (packet == NULL) {
        links->stats.dropped_full++;
        return;
    }
    send_packet(links, to, send_class, packet);
    packet_release(packet);
}

void nika_links_broadcast(struct nika_links *links, enum nika_send_class send_class,
                          struct nika_span frame)
{
    struct packet *packet = packet_new(frame);
    if (packet == NULL) {
        links->stats.dropped_full++;
        return;
    }
    for (uint32_t i = 0; i < links->options.cluster->config.n; i++) {
        if (i != links->options.self) send_packet(links, i, send_class, packet);
    }
    packet_release(packet);
}

void nika_links_hang_up(struct nika_links *links, uint32_t node, const char *why)
{
    struct link *link = link_to(links, node);
    if (link != NULL) link_doom(link, NIKA_SESSION_REFUSED, why);
}

bool nika_links_flush(struct nika_links *links)
{
    bool done = true;
    while (links->dirty != NULL) {
        struct link *link = links->dirty;
        links->dirty = link->dirty_next;
        /* Stays marked while it is flushed: should that doom it, it is freed here. */
        link_flush(link);
        link->dirty = false;
        if (link->doomed) {
            link_free(link);
            continue;
        }
        done = done && !link->writing;
    }
    return done;
}

void nika_links_tick(struct nika_links *links, uint64_t now_ns)
{
    if (links->stopped) return;
    for (uint32_t i = 0; i < links->call_count; i++) {
        struct call *call = &links->calls[i];
        if (call->link == NULL && call->next_ns <= now_ns) place_call(links, call);
    }
    for (struct link *link = links->first; link != NULL; link = link->next) {
        if (!link->confirmed && !link->doomed && now_ns > link->born_ns + NIKA_LINKS_HANDSHAKE_NS &&
            (!link->open || link->calling != NIKA_NODE_NONE))
            link_doom(link, NIKA_SESSION_TRUNCATED, "no hand-shake in time");
    }
    if (links->paused && links->resume_ns <= now_ns) {
        links->paused = false;
        nika_loop_want(links->options.loop, &links->listener, true, false);
    }
}

uint64_t nika_links_deadline(const struct nika_links *links)
{
    uint64_t deadline = NIKA_LOOP_NEVER;
    if (links->stopped) return deadline;
    for (uint32_t i = 0; i < links->call_count; i++) {
        const struct call *call = &links->calls[i];
        if (call->link == NULL && call->next_ns < deadline) deadline = call->next_ns;
    }
    if (links->paused && links->resume_ns < deadline) deadline = links->resume_ns;
    if (links->strangers > 0) {
        for (const struct link *link = links->first; link != NULL; link = link->next) {
            uint64_t end = link->born_ns + NIKA_LINKS_HANDSHAKE_NS + 1;
            if (!link->open && end < deadline) deadline = end;
        }
    }
    return deadline;
}

bool nika_links_is_up(const struct nika_links *links, uint32_t node)
{
    return link_to(links, node) != NULL;
}

uint32_t nika_links_replicas_up(const struct nika_links *links)
{
    return links->replicas_up;
}

uint32_t nika_links_clients_up(const struct nika_links *links)
{
    return links->clients_up;
}

const struct nika_links_stats *nika_links_stats(const struct nika_links *links)
{
    return &links->stats;
}
