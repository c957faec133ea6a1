/* cli/fidelity_relay.c: delay and loss without netem: a switch in user space takes the place of the bridge. A process in the hub's namespace
 * reads every frame from one cable and writes it to another, later or not at all; a kernel needs packet sockets for it and nothing else.
 *
 * It ends with the process that started it: its end of the control socket then reads end of file. */
#include "cli/fidelity.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/core/stream.h"
#include "engine/shim/log.h"

#define PORTS_MAX (NIKA_REPLICAS_MAX + 1u)
/* Segments that a socket handed over as one travel as one: their headers, 64 KiB, and what tells the kernel how to cut them. */
#define FRAME_SIZE_MAX (sizeof(struct virtio_net_hdr) + ETH_HLEN + 65536u)
#define ADDRESS_SIZE ((size_t)ETH_ALEN)
#define HELD_BYTES_MAX (64u * 1024u * 1024u) /* On all cables; what comes on top is lost. */
#define SOCKET_BYTES (4 * 1024 * 1024)
#define NEVER_NS UINT64_MAX

struct order {
    bool cuts; /* Else it shapes. */
    bool cut;
    uint32_t port;
    uint64_t delay_us, jitter_us, loss_ppm;
};
struct held {
    struct held *next;
    uint64_t due_ns;
    uint32_t size;
    uint8_t bytes[];
};
struct port {
    int fd;
    bool known, cut; /* `address` is; on the other side of the partition. */
    uint8_t address[ETH_ALEN];
    struct held *first, *last; /* By due time: a cable keeps the order of its frames. */
};
struct relay {
    struct port ports[PORTS_MAX];
    uint32_t count;
    struct order shape;
    uint64_t stream, draws;
    uint64_t held_bytes;
    uint8_t frame[FRAME_SIZE_MAX];
};

/* ---- sockets ---- */
static int open_port(const char *interface)
{
    int on = 1, bytes = SOCKET_BYTES;
    struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                  .sll_protocol = htobe16(ETH_P_ALL),
                                  .sll_ifindex = (int)if_nametoindex(interface)};
    /* Protocol 0 until it is bound: nothing of another interface. */
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && address.sll_ifindex != 0 &&
        setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) == 0 &&
        bind(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
        return fd;
    }
    if (fd >= 0) close(fd);
    return -1;
}

bool cli_relay_possible(void)
{
    int fd = open_port("lo");
    if (fd >= 0) close(fd);
    return fd >= 0;
}

/* ---- frames ---- */
static bool is_for(const struct relay *r, const uint8_t *to, const struct port *port)
{
    if ((to[0] & 1) != 0) return true; /* To all. */
    if (port->known) return memcmp(port->address, to, ADDRESS_SIZE) == 0;
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->ports[i].known && memcmp(r->ports[i].address, to, ADDRESS_SIZE) == 0) return false;
    }
    return true;
}

static void deliver(struct relay *r, const struct port *from, const struct held *frame)
{
    const uint8_t *to = frame->bytes + sizeof(struct virtio_net_hdr);
    for (uint32_t i = 0; i < r->count; i++) {
        struct port *port = &r->ports[i];
        if (port == from || port->cut != from->cut || !is_for(r, to, port)) continue;
        /* What the socket does not take is lost, as on a cable. */
        ssize_t sent = send(port->fd, frame->bytes, frame->size, MSG_DONTWAIT);
        (void)sent;
    }
}

static uint64_t draw(struct relay *r, uint64_t below)
{
    return nika_stream_below(r->stream, r->draws++, below);
}

static void hold(struct relay *r, struct port *port, uint32_t size, uint64_t now_ns)
{
    const struct order *shape = &r->shape;
    if (shape->loss_ppm > 0 && draw(r, 1000000) < shape->loss_ppm) return;
    if (r->held_bytes + size > HELD_BYTES_MAX) return;
    struct held *frame = malloc(sizeof *frame + size);
    if (frame == NULL) return;
    uint64_t least_us =
        shape->delay_us - (shape->jitter_us < shape->delay_us ? shape->jitter_us : shape->delay_us);
    uint64_t due_ns = now_ns + (least_us + draw(r, 2 * shape->jitter_us + 1)) * 1000u;
    if (port->last != NULL && due_ns < port->last->due_ns) due_ns = port->last->due_ns;
    *frame = (struct held){.due_ns = due_ns, .size = size};
    memcpy(frame->bytes, r->frame, size);
    if (port->last != NULL)
        port->last->next = frame;
    else
        port->first = frame;
    port->last = frame;
    r->held_bytes += size;
}

static void receive(struct relay *r, struct port *port, uint64_t now_ns)
{
    const uint8_t *from = r->frame + sizeof(struct virtio_net_hdr) + ETH_ALEN;
    struct sockaddr_ll address = {0};
    /* A few a round, so that one cable does not keep the others waiting. */
    for (uint32_t i = 0; i < 64; i++) {
        socklen_t address_size = sizeof address;
        ssize_t size = recvfrom(port->fd, r->frame, sizeof r->frame, MSG_DONTWAIT,
                                (struct sockaddr *)&address, &address_size);
        if (size < (ssize_t)sizeof(struct virtio_net_hdr) + ETH_HLEN) return;
        if (address.sll_pkttype == PACKET_OUTGOING) continue; /* Our own. */
        port->known = true;
        memcpy(port->address, from, ADDRESS_SIZE);
        hold(r, port, (uint32_t)size, now_ns);
    }
}

/* Send what is due; when the next is. */
static uint64_t send_due(struct relay *r, uint64_t now_ns)
{
    uint64_t next_ns = NEVER_NS;
    for (uint32_t i = 0; i < r->count; i++) {
        struct port *port = &r->ports[i];
        while (port->first != NULL && port->first->due_ns <= now_ns) {
            struct held *frame = port->first;
            port->first = frame->next;
            if (port->first == NULL) port->last = NULL;
            r->held_bytes -= frame->size;
            deliver(r, port, frame);
            free(frame);
        }
        if (port->first != NULL && port->first->due_ns < next_ns) next_ns = port->first->due_ns;
    }
    return next_ns;
}

/* ---- the process ---- */
/* False when nobody is left who could give one. */
static bool obey(struct relay *r, int control)
{
    struct order order;
    ssize_t got = recv(control, &order, sizeof order, 0);
    if (got != (ssize_t)sizeof order) return got < 0 && errno == EINTR;
    if (!order.cuts)
        r->shape = order;
    else if (order.port < r->count)
        r->ports[order.port].cut = order.cut;
    return send(control, "", 1, MSG_NOSIGNAL) == 1;
}

static void relay_run(struct relay *r, int control)
{
    struct pollfd polled[PORTS_MAX + 1];
    uint64_t next_ns = NEVER_NS;
    for (uint32_t i = 0; i < r->count; i++)
        polled[i] = (struct pollfd){.fd = r->ports[i].fd, .events = POLLIN};
    polled[r->count] = (struct pollfd){.fd = control, .events = POLLIN};
    for (;;) {
        uint64_t now_ns = nika_clock_monotonic();
        uint64_t left_ns = next_ns > now_ns ? next_ns - now_ns : 0;
        const struct timespec wait = {.tv_sec = (time_t)(left_ns / 1000000000u),
                                      .tv_nsec = (long)(left_ns % 1000000000u)};
        if (ppoll(polled, r->count + 1, next_ns == NEVER_NS ? NULL : &wait, NULL) < 0 &&
            errno != EINTR)
            return;
        if (polled[r->count].revents != 0 && !obey(r, control)) return;
        now_ns = nika_clock_monotonic();
        for (uint32_t i = 0; i < r->count; i++) {
            if (polled[i].revents != 0) receive(r, &r->ports[i], now_ns);
        }
        next_ns = send_due(r, nika_clock_monotonic());
    }
}

static void become_relay(int hub, uint32_t count, uint64_t seed, int control)
{
    struct relay *r = calloc(1, sizeof *r);
    char name[16];
    if (r == NULL || setns(hub, CLONE_NEWNET) != 0) _exit(1);
    r->count = count;
    r->stream = nika_stream(seed, "relay", 0);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "p%u", i);
        r->ports[i].fd = open_port(name);
        if (r->ports[i].fd < 0) _exit(1);
    }
    if (send(control, "", 1, MSG_NOSIGNAL) == 1) relay_run(r, control);
    _exit(0);
}

/* Every order is answered: what was asked for holds from then on. */
static bool answered(const struct cli_relay *relay)
{
    char byte;
    ssize_t got;
    while ((got = recv(relay->control, &byte, 1, 0)) < 0 && errno == EINTR) continue;
    if (got != 1) fprintf(stderr, "nika: fidelity: the relay of the network has ended\n");
    return got == 1;
}

static bool give(const struct cli_relay *relay, const struct order *order)
{
    return send(relay->control, order, sizeof *order, MSG_NOSIGNAL) == (ssize_t)sizeof *order &&
           answered(relay);
}

bool cli_relay_start(struct cli_relay *relay, int hub, uint32_t count, uint64_t seed)
{
    int ends[2];
    relay->control = -1;
    relay->pid = 0;
    if (count > PORTS_MAX || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    relay->pid = fork();
    if (relay->pid == 0) {
        close(ends[0]);
        become_relay(hub, count, seed, ends[1]);
    }
    close(ends[1]);
    relay->control = ends[0];
    return relay->pid > 0 && answered(relay);
}

void cli_relay_stop(struct cli_relay *relay)
{
    if (relay->control >= 0) close(relay->control);
    relay->control = -1;
    while (relay->pid > 0 && waitpid(relay->pid, NULL, 0) < 0 && errno == EINTR) continue;
    relay->pid = 0;
}

bool cli_relay_shape(const struct cli_relay *relay, uint64_t delay_us, uint64_t jitter_us,
                     uint64_t loss_ppm)
{
    const struct order order = {.delay_us = delay_us, .jitter_us = jitter_us, .loss_ppm = loss_ppm};
    return give(relay, &order);
}

bool cli_relay_cut(const struct cli_relay *relay, uint32_t port, bool cut)
{
    const struct order order = {.cuts = true, .cut = cut, .port = port};
    return give(relay, &order);
}
