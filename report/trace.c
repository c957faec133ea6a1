/* report/trace.c: the model of a run: events in the order in which they were seen, each message once (report.h). Owns all it keeps. */
#include <stdlib.h>

#include "engine/core/digest.h"
#include "report/report.h"

/* Sends of one message that are searched for the one that a delivery came from. */
#define SENDS_SEARCHED 64u
/* Events that are searched for the order behind a write. */
#define PERSISTS_SEARCHED 512u

struct nika_report_trace {
    struct nika_world *world; /* NULL once closed. */
    const struct nika_message_table *table;
    uint32_t replicas, clients;
    struct nika_report_event *events;
    uint32_t event_count, event_capacity;
    struct nika_report_message *messages;
    uint32_t message_count, message_capacity;
    uint8_t *bytes;
    uint64_t byte_count, byte_capacity;
    uint32_t *slots; /* Hash table of message indices + 1; a power of two. */
    uint32_t slot_count;
    uint64_t lost;
    /* The input of the handler that runs now. */
    uint32_t trigger, trigger_event, trigger_node;
    const char *timers[2][NIKA_TIMERS_MAX]; /* Of replicas, of clients. Static texts. */
};

/* Room for one more of `size` bytes. False past `limit` or when memory is short. */
static bool grow(void **list, uint32_t count, uint32_t *capacity, size_t size, uint32_t limit)
{
    if (count < *capacity) return true;
    if (count >= limit) return false;
    uint32_t more = *capacity == 0 ? 4096 : *capacity * 2;
    if (more > limit) more = limit;
    void *bigger = realloc(*list, (size_t)more * size);
    if (bigger == NULL) return false;
    *list = bigger;
    *capacity = more;
    return true;
}

static bool grow_bytes(struct nika_report_trace *t, uint32_t size)
{
    if (t->byte_count + size <= t->byte_capacity) return true;
    if (t->byte_count + size > NIKA_REPORT_BYTES_MAX) return false;
    uint64_t more = t->byte_capacity == 0 ? 1 << 20 : t->byte_capacity * 2;
    while (more < t->byte_count + size) more *= 2;
    if (more > NIKA_REPORT_BYTES_MAX) more = NIKA_REPORT_BYTES_MAX;
    uint8_t *bigger = realloc(t->bytes, more);
    if (bigger == NULL) return false;
    t->bytes = bigger;
    t->byte_capacity = more;
    return true;
}

/* The identity of a message leaves out who can check it: a MAC differs for each receiver. */
static uint64_t identity(uint8_t type, uint32_t sender, struct nika_span body)
{
    return nika_hash64(body.data, body.size, (uint64_t)sender << 8 | type);
}

static bool rehash(struct nika_report_trace *t)
{
    if (t->message_count * 2 < t->slot_count) return true;
    uint32_t count = t->slot_count == 0 ? 8192 : t->slot_count * 2;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (slots == NULL) return false;
    for (uint32_t i = 0; i < t->message_count; i++) {
        const struct nika_report_message *m = &t->messages[i];
        struct nika_span body = {t->bytes + m->offset + NIKA_FRAME_HEAD_SIZE, m->body_size};
        uint32_t at = (uint32_t)identity(m->type, m->sender, body) & (count - 1);
        while (slots[at] != 0) at = (at + 1) & (count - 1);
        slots[at] = i + 1;
    }
    free(t->slots);
    t->slots = slots;
    t->slot_count = count;
    return true;
}

static bool is_same(const struct nika_report_trace *t, const struct nika_report_message *m,
                    const struct nika_frame *frame)
{
    return m->type == frame->type && m->sender == frame->sender &&
           m->body_size == frame->body.size &&
           memcmp(t->bytes + m->offset + NIKA_FRAME_HEAD_SIZE, frame->body.data, m->body_size) == 0;
}

/* The index of a message, kept now if it was not before. NIKA_REPORT_NONE: no frame, or no room. */
static uint32_t message_of(struct nika_report_trace *t, const struct nika_tap *tap)
{
    const struct nika_frame *frame = tap->frame;
    if (frame == NULL || frame->raw.data == NULL || frame->body.data == NULL || !rehash(t) ||
        frame->raw.size < nika_frame_size(frame->body.size, 0))
        return NIKA_REPORT_NONE;
    uint32_t at = (uint32_t)identity(frame->type, frame->sender, frame->body) & (t->slot_count - 1);
    for (; t->slots[at] != 0; at = (at + 1) & (t->slot_count - 1)) {
        if (is_same(t, &t->messages[t->slots[at] - 1], frame)) return t->slots[at] - 1;
    }
    if (!grow((void **)&t->messages, t->message_count, &t->message_capacity, sizeof *t->messages,
              NIKA_REPORT_MESSAGES_MAX) ||
        !grow_bytes(t, frame->raw.size))
        return NIKA_REPORT_NONE;
    memcpy(t->bytes + t->byte_count, frame->raw.data, frame->raw.size);
    t->messages[t->message_count] =
        (struct nika_report_message){.view = tap->summary != NULL ? tap->summary->view : 0,
                                     .seq = tap->summary != NULL ? tap->summary->seq : 0,
                                     .offset = t->byte_count,
                                     .size = frame->raw.size,
                                     .body_size = frame->body.size,
                                     .sender = frame->sender,
                                     .last_send = NIKA_REPORT_NONE,
                                     .type = frame->type,
                                     .auth_alg = frame->auth_alg};
    t->byte_count += frame->raw.size;
    t->slots[at] = ++t->message_count;
    return t->message_count - 1;
}

/* The send that reached `to`: the newest to it or to all. A send keeps in `a` the one before it, plus 1. */
static uint32_t send_of(const struct nika_report_trace *t, uint32_t message, uint32_t from,
                        uint32_t to)
{
    if (message == NIKA_REPORT_NONE) return NIKA_REPORT_NONE;
    uint32_t at = t->messages[message].last_send;
    for (uint32_t i = 0; i < SENDS_SEARCHED && at != NIKA_REPORT_NONE; i++) {
        const struct nika_report_event *e = &t->events[at];
        if (e->node == from && (e->peer == to || e->peer == NIKA_NODE_NONE)) return at;
        at = e->a == 0 ? NIKA_REPORT_NONE : (uint32_t)e->a - 1;
    }
    return NIKA_REPORT_NONE;
}

/* Does it say something that a reader of the page would miss? */
static bool told(const struct nika_tap *tap)
{
    return tap->kind != NIKA_TAP_NOTE ||
           (tap->a != NIKA_NOTE_QUEUE && tap->a != NIKA_NOTE_WAIT && tap->a != NIKA_NOTE_EXECUTED);
}

static bool is_input(uint32_t kind)
{
    return kind == NIKA_TAP_DELIVERED || kind == NIKA_TAP_TIMER || kind == NIKA_TAP_STORED ||
           kind == NIKA_TAP_EXECUTED || kind == NIKA_TAP_INVOKED || kind == NIKA_TAP_RESTARTED ||
           kind == NIKA_TAP_RESTORED;
}

static void link_message(struct nika_report_trace *t, struct nika_report_event *e, uint32_t index,
                         const struct nika_tap *tap)
{
    e->message = message_of(t, tap);
    if (tap->kind == NIKA_TAP_DELIVERED) {
        e->node = tap->to;
        e->peer = tap->node;
    }
    if (tap->kind == NIKA_TAP_SENT) {
        e->a = e->b = 0;
        if (e->message == NIKA_REPORT_NONE) return;
        struct nika_report_message *m = &t->messages[e->message];
        e->a = m->last_send == NIKA_REPORT_NONE ? 0 : (uint64_t)m->last_send + 1;
        m->last_send = index;
    } else {
        e->cause = send_of(t, e->message, tap->node, tap->to);
    }
}

/* What was written long ago was asked for by this event. */
static uint32_t persist_of(const struct nika_report_trace *t, const struct nika_report_event *e)
{
    uint32_t count = t->event_count;
    for (uint32_t i = 1; i <= PERSISTS_SEARCHED && i <= count; i++) {
        const struct nika_report_event *old = &t->events[count - i];
        if (old->kind == NIKA_TAP_PERSIST && old->node == e->node && old->b == e->b)
            return count - i;
    }
    return NIKA_REPORT_NONE;
}

static void set_detail(struct nika_report_event *e, const struct nika_tap *tap)
{
    if (tap->kind == NIKA_TAP_NOTE) {
        e->detail = (uint32_t)tap->a;
        e->a = tap->note->a;
        e->b = tap->note->b;
    } else if (tap->kind == NIKA_TAP_PERSIST || tap->kind == NIKA_TAP_STORED) {
        e->detail = (uint32_t)tap->a;
        e->a = tap->b;
        e->b = tap->token;
    } else if (tap->kind == NIKA_TAP_INVOKED || tap->kind == NIKA_TAP_COMPLETED) {
        e->b = tap->kind == NIKA_TAP_INVOKED ? tap->b : tap->a;
        e->a = tap->token;
    } else if (tap->kind == NIKA_TAP_DROPPED || tap->kind == NIKA_TAP_TIMER ||
               tap->kind == NIKA_TAP_FAULT) {
        e->detail = (uint32_t)tap->a;
        e->a = tap->b;
        e->b = 0;
    }
}

static void on_tap(void *context, const struct nika_tap *tap)
{
    struct nika_report_trace *t = context;
    if (t->world == NULL || !told(tap)) return;
    if (!grow((void **)&t->events, t->event_count, &t->event_capacity, sizeof *t->events,
              NIKA_REPORT_EVENTS_MAX)) {
        t->lost++;
        return;
    }
    uint32_t index = t->event_count;
    struct nika_report_event e = {.now_ns = tap->now_ns,
                                  .a = tap->a,
                                  .b = tap->b,
                                  .event = (uint32_t)tap->event_index,
                                  .message = NIKA_REPORT_NONE,
                                  .cause = NIKA_REPORT_NONE,
                                  .node = tap->node,
                                  .peer = tap->to,
                                  .kind = tap->kind};
    bool carries = tap->kind == NIKA_TAP_SENT || tap->kind == NIKA_TAP_DELIVERED ||
                   tap->kind == NIKA_TAP_DROPPED;
    set_detail(&e, tap);
    if (!carries) e.peer = NIKA_NODE_NONE; /* A tap need not say 0xffffffff there. */
    if (carries) link_message(t, &e, index, tap);
    if (e.kind == NIKA_TAP_STORED) e.cause = persist_of(t, &e);
    bool inside =
        t->trigger != NIKA_REPORT_NONE && t->trigger_event == e.event && t->trigger_node == e.node;
    if (e.cause == NIKA_REPORT_NONE && inside) e.cause = t->trigger;
    if (is_input(e.kind) && !inside) {
        t->trigger = index;
        t->trigger_event = e.event;
        t->trigger_node = e.node;
    }
    if (e.node != NIKA_NODE_NONE && nika_is_client(e.node) &&
        nika_client_index(e.node) >= t->clients)
        t->clients = nika_client_index(e.node) + 1;
    t->events[t->event_count++] = e;
}

struct nika_report_trace *nika_report_trace_new(struct nika_world *world,
                                                const struct nika_message_table *table)
{
    struct nika_report_trace *t = calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    const struct nika_config *config = nika_world_config(world);
    t->world = world;
    t->table = table;
    t->replicas = config->n;
    t->trigger = NIKA_REPORT_NONE;
    for (uint32_t i = 0; i < NIKA_TIMERS_MAX; i++) {
        t->timers[0][i] = nika_world_timer_name(world, 0, i);
        t->timers[1][i] = nika_world_timer_name(world, nika_client_node(0), i);
    }
    struct nika_watcher watcher = {
        t, (NIKA_TAP_BIT(NIKA_TAP_COUNT) - 1) & ~NIKA_TAP_BIT(NIKA_TAP_EVENT_END), on_tap};
    nika_world_watch(world, &watcher);
    return t;
}

void nika_report_trace_close(struct nika_report_trace *t)
{
    if (t != NULL) t->world = NULL;
}

void nika_report_trace_free(struct nika_report_trace *t)
{
    if (t == NULL) return;
    free(t->events);
    free(t->messages);
    free(t->bytes);
    free(t->slots);
    free(t);
}

uint32_t nika_report_event_count(const struct nika_report_trace *t)
{
    return t->event_count;
}

const struct nika_report_event *nika_report_event_at(const struct nika_report_trace *t,
                                                     uint32_t index)
{
    return &t->events[index];
}

uint32_t nika_report_message_count(const struct nika_report_trace *t)
{
    return t->message_count;
}

const struct nika_report_message *nika_report_message_at(const struct nika_report_trace *t,
                                                         uint32_t index)
{
    return &t->messages[index];
}

struct nika_span nika_report_frame(const struct nika_report_trace *t, uint32_t message)
{
    return (struct nika_span){t->bytes + t->messages[message].offset, t->messages[message].size};
}

const struct nika_message_table *nika_report_table(const struct nika_report_trace *t)
{
    return t->table;
}

const struct nika_message_info *nika_report_info(const struct nika_report_trace *t,
                                                 uint32_t message)
{
    uint8_t type = t->messages[message].type;
    return type < t->table->count ? t->table->messages[type] : NULL;
}

const char *nika_report_timer(const struct nika_report_trace *t, bool client, uint32_t slot)
{
    return slot < NIKA_TIMERS_MAX ? t->timers[client][slot] : NULL;
}

uint64_t nika_report_lost(const struct nika_report_trace *t)
{
    return t->lost;
}

uint32_t nika_report_replicas(const struct nika_report_trace *t)
{
    return t->replicas;
}

uint32_t nika_report_clients(const struct nika_report_trace *t)
{
    return t->clients;
}

int32_t nika_report_lane(const struct nika_report_trace *t, uint32_t node)
{
    if (node == NIKA_NODE_NONE) return -1;
    if (!nika_is_client(node)) return node < t->replicas ? (int32_t)node : -1;
    uint32_t client = nika_client_index(node);
    return client < t->clients ? (int32_t)(t->replicas + client) : -1;
}

const char *nika_report_kind(uint32_t kind)
{
    static const char *const names[NIKA_TAP_COUNT] = {[NIKA_TAP_SENT] = "send",
                                                      [NIKA_TAP_DELIVERED] = "deliver",
                                                      [NIKA_TAP_DROPPED] = "drop",
                                                      [NIKA_TAP_TIMER] = "timer",
                                                      [NIKA_TAP_PERSIST] = "persist",
                                                      [NIKA_TAP_STORED] = "stored",
                                                      [NIKA_TAP_EXECUTED] = "exec",
                                                      [NIKA_TAP_RESTORED] = "restored",
                                                      [NIKA_TAP_NOTE] = "note",
                                                      [NIKA_TAP_INVOKED] = "invoke",
                                                      [NIKA_TAP_COMPLETED] = "complete",
                                                      [NIKA_TAP_CRASHED] = "crash",
                                                      [NIKA_TAP_RESTARTED] = "restart",
                                                      [NIKA_TAP_FAULT] = "fault",
                                                      [NIKA_TAP_GST] = "gst",
                                                      [NIKA_TAP_TRUSTED] = "trusted",
                                                      [NIKA_TAP_EVENT_END] = "end"};
    return kind < NIKA_TAP_COUNT ? names[kind] : "unknown";
}
