/* engine/shim/link_io.c: one connection: bytes from its socket into its session, frames from its queues into records (links.h). */
#include "engine/shim/links_private.h"

#include "engine/core/assert.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct packet *packet_new(struct nika_span frame)
{
    struct packet *packet = malloc(sizeof *packet + frame.size);
    if (packet == NULL) return NULL;
    packet->refs = 1;
    packet->size = frame.size;
    memcpy(packet->bytes, frame.data, frame.size);
    return packet;
}

void packet_release(struct packet *packet)
{
    if (packet != NULL && --packet->refs == 0) free(packet);
}

void link_doom(struct link *link, enum nika_session_end end, const char *why)
{
    if (link->doomed) return;
    link->doomed = true;
    link->end = end;
    link_touch(link); /* The end of the round looks only at these. */
    bool fault = end != NIKA_SESSION_GOING_ON || !link->open;
    if (link->links->stopped) return;
    nika_log_limited(link->links->options.log, fault ? NIKA_LOG_WARN : NIKA_LOG_INFO, "link_closed",
                     "peer=%08x address=%s reason=\"%s\"",
                     link->peer != NIKA_NODE_NONE ? link->peer : link->calling, link->address, why);
}

void link_touch(struct link *link)
{
    if (link->dirty) return;
    link->dirty = true;
    link->dirty_next = link->links->dirty;
    link->links->dirty = link;
}

/* ---- queues ---- */
static void queue_pop(struct link *link, struct queue *queue)
{
    struct queued *head = queue->first;
    queue->first = head->next;
    if (queue->first == NULL) queue->last = NULL;
    link->waiting -= head->packet->size;
    packet_release(head->packet);
    free(head);
}

void link_drop_queues(struct link *link)
{
    for (uint32_t i = 0; i < LINKS_CLASSES; i++) {
        while (link->queues[i].first != NULL) queue_pop(link, &link->queues[i]);
    }
    packet_release(link->current);
    link->current = NULL;
    free(link->rest);
    link->rest = NULL;
    link->rest_at = link->rest_size = link->rest_capacity = 0;
}

/* The oldest goes first, bulk before control: votes must get through, and STATUS asks again for what was lost. */
static void make_room(struct link *link, uint32_t size)
{
    uint32_t limit = link->links->options.outbound_bytes;
    for (uint32_t i = LINKS_CLASSES; i-- > 0;) {
        struct queue *queue = &link->queues[i];
        while (queue->first != NULL && (uint64_t)link->waiting + size > limit) {
            queue_pop(link, queue);
            link->links->stats.dropped_full++;
        }
    }
}

void link_queue(struct link *link, enum nika_send_class send_class, struct packet *packet)
{
    struct queue *queue = &link->queues[send_class == NIKA_CLASS_CONTROL ? 0 : 1];
    make_room(link, packet->size);
    struct queued *entry = malloc(sizeof *entry);
    if (entry == NULL) {
        link->links->stats.dropped_full++;
        return;
    }
    *entry = (struct queued){.packet = packet};
    packet->refs++;
    if (queue->last != NULL) {
        queue->last->next = entry;
    } else {
        queue->first = entry;
    }
    queue->last = entry;
    link->waiting += packet->size;
    link_touch(link);
}

/* ---- writing ---- */
static void keep_rest(struct link *link, const uint8_t *bytes, uint32_t size)
{
    NIKA_ASSERT(link->rest_size == 0);
    if (link->rest_capacity < size) {
        uint8_t *grown = realloc(link->rest, size);
        if (grown == NULL) {
            link_doom(link, NIKA_SESSION_NO_MEMORY, "out of memory");
            return;
        }
        link->rest = grown;
        link->rest_capacity = size;
    }
    NIKA_ASSERT(link->rest != NULL);
    memcpy(link->rest, bytes, size);
    link->rest_at = 0;
    link->rest_size = size;
}

static ssize_t send_some(struct link *link, const uint8_t *bytes, size_t size)
{
    if (link->tls != NULL) return nika_tls_send(link->tls, bytes, size);
    return send(link->source.fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t receive_some(struct link *link, uint8_t *bytes, size_t size)
{
    if (link->tls != NULL) return nika_tls_receive(link->tls, bytes, size);
    return recv(link->source.fd, bytes, size, MSG_DONTWAIT);
}

/* The socket or TLS broke: why, as errno says at this moment. */
static void broken(struct link *link)
{
    if (errno == EPROTO && link->tls != NULL)
        link_doom(link, NIKA_SESSION_REFUSED, nika_tls_reason(link->tls));
    else
        link_doom(link, NIKA_SESSION_GOING_ON, strerror(errno));
}

/* Bytes that the socket took; a broken connection takes none and is doomed. */
static uint32_t put(struct link *link, const uint8_t *bytes, uint32_t size)
{
    uint32_t at = 0;
    while (at < size) {
        ssize_t sent = send_some(link, bytes + at, size - at);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) broken(link);
        link->links->stats.writes++;
        if (sent <= 0) break;
        at += (uint32_t)sent;
    }
    link->links->stats.bytes_out += at;
    return at;
}

/* Bytes for one record: what is left of the frame that was begun, then whole frames, control before bulk. */
static uint32_t fill_record(struct link *link, uint8_t *out)
{
    uint32_t size = 0;
    while (size < NIKA_SESSION_RECORD_MAX) {
        if (link->current == NULL) {
            struct queue *queue =
                link->queues[0].first != NULL ? &link->queues[0] : &link->queues[1];
            if (queue->first == NULL) break;
            struct packet *next = queue->first->packet;
            /* A frame that fits a record is not cut in two: the receiver then takes it as it stands. */
            if (size > 0 && next->size > NIKA_SESSION_RECORD_MAX - size &&
                next->size <= NIKA_SESSION_RECORD_MAX)
                break;
            next->refs++;
            queue_pop(link, queue);      /* Gives up the queue's hold; ours stays. */
            NIKA_ASSERT(next->refs > 0); /* NOLINT(clang-analyzer-unix.Malloc): counted */
            link->current = next;
            link->current_at = 0;
            link->links->stats.frames_out++;
        }
        uint32_t left = link->current->size - link->current_at,
                 room = NIKA_SESSION_RECORD_MAX - size;
        uint32_t take = left < room ? left : room;
        memcpy(out + size, link->current->bytes + link->current_at, take);
        size += take;
        link->current_at += take;
        if (take < left) break;
        packet_release(link->current);
        link->current = NULL;
    }
    return size;
}

static bool flush_rest(struct link *link)
{
    if (link->rest_size == 0) return true;
    uint32_t left = link->rest_size - link->rest_at;
    link->rest_at += put(link, link->rest + link->rest_at, left);
    if (link->rest_at < link->rest_size) return false;
    free(link->rest);
    link->rest = NULL;
    link->rest_at = link->rest_size = link->rest_capacity = 0;
    return true;
}

static bool flush_handshake(struct link *link)
{
    struct nika_span out = nika_session_output(link->session);
    if (out.size == 0) return true;
    uint32_t sent = put(link, out.data, out.size);
    nika_session_sent(link->session, sent);
    return sent == out.size;
}

static bool flush_records(struct link *link)
{
    uint8_t *record = link->links->record;
    while (!link->doomed) {
        uint32_t plain = fill_record(link, record + NIKA_SESSION_RECORD_HEAD);
        if (plain == 0) return true;
        uint32_t size = nika_session_seal(link->session, record, plain);
        if (size == 0) {
            link_doom(link, NIKA_SESSION_WORN_OUT, nika_session_end_text(NIKA_SESSION_WORN_OUT));
            return true;
        }
        link->links->stats.records_out++;
        uint32_t sent = put(link, record, size);
        if (sent < size && !link->doomed) keep_rest(link, record + sent, size - sent);
        if (sent < size) return false;
    }
    return true;
}

void link_flush(struct link *link)
{
    if (link->doomed || link->connecting) return;
    bool done = flush_rest(link) && flush_handshake(link) && (!link->open || flush_records(link));
    /* A hand-shake of TLS that waits for the peer goes on when bytes come, not when there is room for more. */
    bool waits = link->tls != NULL && nika_tls_waits_for_peer(link->tls);
    bool wanted = !done && !waits && !link->doomed;
    if (wanted == link->writing || link->doomed) return;
    link->writing = wanted;
    nika_loop_want(link->links->options.loop, &link->source, true, wanted);
}

/* ---- reading ---- */
static void on_received(struct link *link, uint8_t *bytes, uint32_t size)
{
    enum nika_session_end end = nika_session_receive(link->session, bytes, size);
    if (link->doomed) return;
    if (end != NIKA_SESSION_GOING_ON) {
        link_doom(link, end, nika_session_end_text(end));
        return;
    }
    if (nika_session_output(link->session).size > 0) link_touch(link);
    /* Whoever called is up when the other side has accepted it: before, an answer to what it sends would go nowhere. */
    bool accepted = link->calling == NIKA_NODE_NONE || nika_session_is_confirmed(link->session);
    if (!link->open && accepted && nika_session_is_open(link->session)) links_on_open(link);
    if (!link->doomed && !link->confirmed && nika_session_is_confirmed(link->session))
        links_on_confirmed(link);
}

static void on_readable(struct link *link)
{
    uint8_t *buffer = link->links->read_buffer;
    ssize_t got = receive_some(link, buffer, LINKS_READ_SIZE);
    /* What TLS itself has to say, or a write that waited for the peer. */
    if (link->tls != NULL) link_touch(link);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (got < 0) {
        broken(link);
        return;
    }
    if (got == 0) {
        enum nika_session_end end = nika_session_finish(link->session);
        link_doom(link, end,
                  end == NIKA_SESSION_GOING_ON ? "closed by the peer" : nika_session_end_text(end));
        return;
    }
    link->links->stats.bytes_in += (uint64_t)got;
    on_received(link, buffer, (uint32_t)got);
}

void link_on_ready(struct nika_source *source, bool readable, bool writable)
{
    struct link *link = (struct link *)(void *)source;
    if (link->doomed) return;
    if (link->connecting && (readable || writable)) {
        int error = 0;
        socklen_t size = sizeof error;
        (void)getsockopt(source->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) {
            link_doom(link, NIKA_SESSION_GOING_ON, strerror(error));
            return;
        }
        link->connecting = false;
        link->writing = true; /* As it was registered. */
        link_touch(link);
    }
    if (writable) link_touch(link);
    if (readable) on_readable(link);
}
