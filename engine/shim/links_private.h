/* engine/shim/links_private.h: what links.c and link_io.c share. Not for outside use. */
#ifndef ENGINE_SHIM_LINKS_PRIVATE_H
#define ENGINE_SHIM_LINKS_PRIVATE_H

#include "engine/shim/link_tls.h"
#include "engine/shim/links.h"

#define LINKS_READ_SIZE 65536u
#define LINKS_CLASSES 2u

/* One frame, shared by the queues of all its receivers. */
struct packet {
    uint32_t refs, size;
    uint8_t bytes[];
};
struct queued {
    struct queued *next;
    struct packet *packet;
};
struct queue {
    struct queued *first, *last;
};
struct link {
    struct nika_source source; /* First: the loop gives it back. */
    struct nika_links *links;
    struct link *next, *previous; /* Of all links of the node. */
    struct nika_session *session;
    struct nika_tls_stream *tls; /* NULL: the session's bytes are on the wire as they are. */
    uint32_t peer;               /* Authenticated; else NIKA_NODE_NONE. */
    uint32_t calling;            /* Whom it calls; NIKA_NODE_NONE when accepted. */
    bool connecting, open, confirmed, doomed, dirty, writing;
    enum nika_session_end end;
    uint64_t born_ns;
    struct link *dirty_next;
    struct queue queues[LINKS_CLASSES];
    uint32_t waiting;       /* Bytes in queues. */
    struct packet *current; /* Partly in a record. */
    uint32_t current_at;
    uint8_t *rest; /* Of a write that the socket did not take whole. */
    uint32_t rest_at, rest_size, rest_capacity;
    char address[64];
};
struct call {
    uint32_t node;
    struct link *link;
    uint64_t next_ns, backoff_ns;
    struct nika_member const *member;
};
struct nika_links {
    struct nika_links_options options;
    struct nika_source listener;
    bool listening, stopped, paused;
    uint64_t resume_ns;
    struct link *first; /* Newest first. */
    struct link *dirty;
    uint32_t strangers, replicas_up, clients_up;
    struct link **by_node; /* Replicas, then clients. */
    struct call *calls;
    uint32_t call_count;
    struct nika_links_stats stats;
    uint64_t jitter;
    struct nika_tls *tls; /* NULL without TLS. */
    uint8_t read_buffer[LINKS_READ_SIZE];
    uint8_t record[NIKA_SESSION_RECORD_MAX + NIKA_SESSION_RECORD_OVERHEAD];
};

/* link_io.c */
void link_on_ready(struct nika_source *source, bool readable, bool writable);
void link_queue(struct link *link, enum nika_send_class send_class, struct packet *packet);
void link_drop_queues(struct link *link);
/* Write what can be written. */
void link_flush(struct link *link);
/* To be flushed this round. */
void link_touch(struct link *link);
/* Close at the end of this round. */
void link_doom(struct link *link, enum nika_session_end end, const char *why);
struct packet *packet_new(struct nika_span frame);
void packet_release(struct packet *packet);

/* links.c: how long a call that ended waits for the next one: twice as long each time, up to a limit, and from the start after a session that
 * lasted; up to a quarter more by chance, for a cluster that lost one node must not call it in step. */
uint64_t links_wait(uint64_t *backoff_ns, bool lasted, uint64_t *jitter);
/* links.c: a session became open. */
void links_on_open(struct link *link);
void links_on_confirmed(struct link *link);

#endif
