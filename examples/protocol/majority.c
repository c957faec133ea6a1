/* majority.c: one replica of the protocol as a module: state machine, no clock, no sockets, no allocation.
 *
 * The primary of view v is replica v mod n. It puts each request at the next place of its log and sends it (ORDER); a backup that
 * holds the log up to there says so (HELD); what f+1 replicas hold is committed (COMMITTED), executed in order and answered. A backup
 * whose client waits too long leaves the view; the next primary goes on from a log that has all that was committed (LOG, NEW-VIEW).
 * A replica that crashed stays silent: its log is in memory alone. */
#include "majority.h"

#include "engine/core/app.h"
#include "engine/core/assert.h"
#include "engine/core/check.h"
#include "engine/core/digest.h"
#include "engine/core/store.h"
#include "messages.h"
#include "protocols/common/batch.h"

#define RECORD_BORN (NIKA_RECORD_LATEST | 1u) /* Says that this replica has lived before. */
#define RESEND_MAX 16u                        /* ORDERs for one backup at a time. */
enum { TIMER_REQUEST, TIMER_VIEW, TIMER_STATUS, TIMER_COUNT };

struct entry {
    uint64_t time_ns;
    struct nika_digest digest;
    uint32_t request; /* Store handle of the REQUEST frame. */
};
struct client {
    uint64_t waiting;  /* Highest timestamp that it asked for, */
    uint64_t ordered;  /* that is in the log, */
    uint64_t executed; /* and whose result is below. */
    uint64_t seq;
    uint32_t result_size;
    uint32_t request; /* Store handle of the REQUEST that waits, for the next primary; 0 = none. */
};
struct nika_replica {
    const struct nika_config *config;
    const struct nika_host *host;
    struct nika_effects *effects; /* During a step. */
    struct nika_store *store;
    struct client *clients;
    uint8_t *results; /* config->clients x reply_size_max */
    uint64_t now_ns;
    uint32_t self, n;
    uint32_t logs_needed; /* LOGs from which a new primary goes on, its own among them. */
    bool born, gone, active;
    uint32_t backoff;
    uint64_t view;
    uint64_t normal_view; /* The last view that was active here; the log is of it. */
    uint64_t count, committed, executed;
    bool timer_armed[TIMER_COUNT];
    uint64_t timer_generation[TIMER_COUNT];
    struct { /* What the application is executing; seq 0 = nothing. */
        uint64_t seq, timestamp;
        uint32_t client;
        bool runs, reply;
    } issued;
    bool logs[NIKA_REPLICAS_MAX];           /* Whose LOG of this view came. */
    bool joined[NIKA_REPLICAS_MAX];         /* Who is active in this view, as the primary knows, */
    uint64_t held[NIKA_REPLICAS_MAX];       /* and how much of the log it holds. */
    struct entry log[MAJORITY_LOG_MAX + 1]; /* From 1 on. */
};

static uint32_t primary_of(const struct nika_replica *r, uint64_t view)
{
    return (uint32_t)(view % r->n);
}
static bool leading(const struct nika_replica *r)
{
    return r->active && primary_of(r, r->view) == r->self;
}

/* ---- speaking ---- */

static void timer_start(struct nika_replica *r, uint32_t timer, uint64_t delay_ns)
{
    r->timer_armed[timer] = true;
    nika_effects_timer(r->effects, timer, ++r->timer_generation[timer], delay_ns);
}

static void timer_stop(struct nika_replica *r, uint32_t timer)
{
    if (r->timer_armed[timer]) timer_start(r, timer, NIKA_TIMER_CANCEL);
    r->timer_armed[timer] = false;
}

static void note(struct nika_replica *r, enum nika_note what, uint64_t a, uint64_t b)
{
    nika_effects_note(r->effects, what, a, b, (struct nika_span){NULL, 0});
}

static void note_digest(struct nika_replica *r, enum nika_note what, uint64_t seq, uint64_t view)
{
    struct nika_span digest = {r->log[seq].digest.bytes, NIKA_DIGEST_SIZE};
    nika_effects_note(r->effects, what, seq, view, digest);
}

/* One message with a MAC for `to`. A store too full to write it in is a lost message. */
static void send(struct nika_replica *r, uint32_t to, const struct nika_message_info *info,
                 const void *message)
{
    uint32_t size = nika_encoded_size(info, message);
    uint32_t draft = nika_store_alloc(r->store, size);
    if (draft == 0) return;
    struct nika_writer body = nika_writer_of(nika_store_at(r->store, draft), size);
    nika_encode(info, message, &body);
    NIKA_ASSERT(!body.failed);
    struct nika_span span = {body.data, body.at};
    uint8_t auth[NIKA_AUTH_SIZE_MAX], *bytes = NULL;
    uint32_t auth_size =
        r->host->authenticate(r->host->world, r->self, NIKA_AUTH_MAC, info->type, to, span, auth);
    uint32_t frame_size = nika_frame_size(size, auth_size);
    struct nika_action *action = nika_effects_add(r->effects, NIKA_ACTION_SEND, frame_size, &bytes);
    if (action != NULL) {
        struct nika_writer w = nika_writer_of(bytes, frame_size);
        action->to = to;
        action->send_class = NIKA_CLASS_CONTROL;
        nika_frame_write(r->config, info->type, r->self, span, NIKA_AUTH_MAC,
                         (struct nika_span){auth, auth_size}, &w);
    }
    nika_store_free(r->store, draft);
}

static void send_all(struct nika_replica *r, const struct nika_message_info *info,
                     const void *message)
{
    for (uint32_t i = 0; i < r->n; i++) {
        if (i != r->self) send(r, i, info, message);
    }
}

static void send_order(struct nika_replica *r, uint32_t to, uint64_t seq)
{
    struct majority_order m = {.view = r->view,
                               .seq = seq,
                               .committed = r->committed,
                               .time_ns = r->log[seq].time_ns,
                               .request = nika_store_span(r->store, r->log[seq].request)};
    send(r, to, &majority_info_order, &m);
}

static void send_held(struct nika_replica *r)
{
    struct majority_held m = {.view = r->view, .seq = r->count};
    send(r, primary_of(r, r->view), &majority_info_held, &m);
}

static void send_reply(struct nika_replica *r, uint32_t client)
{
    const struct client *c = &r->clients[client];
    struct common_reply m = {
        .view = r->view,
        .client = client,
        .timestamp = c->executed,
        .seq = c->seq,
        .full = 1,
        .result = {r->results + (size_t)client * r->config->reply_size_max, c->result_size}};
    nika_sha256_one(m.result.data, m.result.size, &m.result_digest);
    send(r, nika_client_node(client), &common_info_reply, &m);
}

/* ---- the log ---- */

/* False when there is no place for it. */
static bool append(struct nika_replica *r, uint64_t time_ns, struct nika_span raw)
{
    struct nika_frame frame;
    struct common_request request;
    if (r->count == MAJORITY_LOG_MAX) return false;
    if (common_request_parse(r->config, raw, &frame, &request) != NIKA_OK) return false;
    struct entry *entry = &r->log[r->count + 1];
    entry->request = nika_store_put(r->store, raw);
    if (entry->request == 0) return false;
    entry->time_ns = time_ns;
    uint8_t time[8];
    nika_store_le(time, time_ns, sizeof time);
    struct nika_span parts[] = {{time, sizeof time}, raw};
    nika_sha256(parts, ARRAY_COUNT(parts), &entry->digest);
    struct client *c = &r->clients[request.client];
    if (request.timestamp > c->ordered) c->ordered = request.timestamp;
    r->count++;
    return true;
}

/* Take another's log in place of the own one. */
static void adopt(struct nika_replica *r, const struct nika_list *entries, uint64_t committed)
{
    struct majority_entry e;
    while (r->count > 0) nika_store_free(r->store, r->log[r->count--].request);
    for (uint32_t i = 0; i < r->config->clients; i++) r->clients[i].ordered = 0;
    for (uint32_t at = 0; nika_list_next(entries, &majority_info_entry, &at, &e);) {
        if (!append(r, e.time_ns, e.request)) break;
    }
    if (committed > r->committed) r->committed = committed;
    if (r->committed > r->count) r->committed = r->count;
}

/* The whole log as a list in the store; the caller frees the handle. 0 = full. */
static uint32_t pack(struct nika_replica *r, struct nika_list *list)
{
    uint32_t size = 1;
    *list = (struct nika_list){0};
    for (uint64_t s = 1; s <= r->count; s++)
        size += 12 + nika_store_length(r->store, r->log[s].request);
    uint32_t draft = nika_store_alloc(r->store, size);
    if (draft == 0) return 0;
    struct nika_writer w = nika_writer_of(nika_store_at(r->store, draft), size);
    for (uint64_t s = 1; s <= r->count; s++) {
        struct majority_entry e = {.time_ns = r->log[s].time_ns,
                                   .request = nika_store_span(r->store, r->log[s].request)};
        nika_list_append(&w, list, &majority_info_entry, &e);
    }
    NIKA_ASSERT(!w.failed);
    return draft;
}

/* ---- executing ---- */

static bool somebody_waits(const struct nika_replica *r)
{
    for (uint32_t i = 0; i < r->config->clients; i++) {
        if (r->clients[i].waiting > r->clients[i].executed) return true;
    }
    return false;
}

/* A backup gives the primary this long to serve whoever waits. */
static void watch_primary(struct nika_replica *r, bool again)
{
    if (!r->active || leading(r) || !somebody_waits(r)) {
        timer_stop(r, TIMER_REQUEST);
    } else if (again || !r->timer_armed[TIMER_REQUEST]) {
        timer_start(r, TIMER_REQUEST, r->config->request_ns << r->backoff);
    }
}

/* Hand the next committed request to the application. One that was executed already keeps its place and does nothing. */
static void execute_next(struct nika_replica *r)
{
    struct nika_frame frame;
    struct common_request request;
    uint64_t seq = r->executed + 1;
    if (r->issued.seq != 0 || seq > r->committed) return;
    struct nika_span raw = nika_store_span(r->store, r->log[seq].request);
    enum nika_err err = common_request_parse(r->config, raw, &frame, &request);
    NIKA_ASSERT(err == NIKA_OK); /* append() let it in. */
    bool runs = request.timestamp > r->clients[request.client].executed;
    note_digest(r, NIKA_NOTE_COMMITTED, seq, r->view);
    uint8_t *bytes = NULL;
    uint32_t size = 8 + 8 + NIKA_DIGEST_SIZE + 4 + (runs ? 4 + 8 + 4 + 4 + request.op.size : 0);
    struct nika_action *action = nika_effects_add(r->effects, NIKA_ACTION_EXECUTE, size, &bytes);
    if (action == NULL) return;
    action->a = seq;
    action->token = seq;
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_write_u64(&w, seq);
    nika_write_u64(&w, r->log[seq].time_ns);
    nika_write_digest(&w, &r->log[seq].digest);
    nika_write_u32(&w, runs ? 1 : 0);
    if (runs) {
        nika_write_u32(&w, request.client);
        nika_write_u64(&w, request.timestamp);
        nika_write_u32(&w, request.flags);
        nika_write_bytes(&w, request.op);
    }
    NIKA_ASSERT(!w.failed);
    r->issued.seq = seq;
    r->issued.timestamp = request.timestamp;
    r->issued.client = request.client;
    r->issued.runs = runs;
    r->issued.reply = (request.flags & NIKA_OP_NO_REPLY) == 0;
}

static void on_executed(struct nika_replica *r, struct nika_span results)
{
    struct nika_reader reader = nika_reader_of(results);
    struct client *c = &r->clients[r->issued.client];
    NIKA_ASSERT(r->issued.seq == r->executed + 1);
    if (nika_read_u32(&reader) == 1 && r->issued.runs) {
        struct nika_span result = nika_read_bytes(&reader, r->config->reply_size_max);
        NIKA_ASSERT(!reader.failed); /* The application is ours. */
        c->executed = r->issued.timestamp;
        c->seq = r->issued.seq;
        c->result_size = result.size;
        if (c->waiting <= c->executed) {
            nika_store_free(r->store, c->request);
            c->request = 0;
        }
        if (result.size > 0)
            memcpy(r->results + (size_t)r->issued.client * r->config->reply_size_max, result.data,
                   result.size);
        if (r->issued.reply) send_reply(r, r->issued.client);
    }
    note_digest(r, NIKA_NOTE_EXECUTED, r->issued.seq, 0);
    r->executed = r->issued.seq;
    r->issued.seq = 0;
    r->backoff = 0;
    watch_primary(r, true);
    execute_next(r);
}

static void commit_to(struct nika_replica *r, uint64_t seq)
{
    if (seq > r->count) seq = r->count;
    if (seq > r->committed) r->committed = seq;
    execute_next(r);
}

/* ---- the normal case ---- */

/* The primary: what f+1 replicas hold can be lost no more. */
static void commit_held(struct nika_replica *r)
{
    uint64_t seq = r->committed;
    for (uint32_t holders = r->n; seq <= r->count && holders > r->config->f;) {
        seq++;
        holders = 0;
        for (uint32_t i = 0; i < r->n; i++) holders += r->joined[i] && r->held[i] >= seq ? 1u : 0u;
    }
    if (seq <= r->committed + 1) return;
    struct majority_committed m = {.view = r->view, .seq = seq - 1};
    send_all(r, &majority_info_committed, &m);
    commit_to(r, seq - 1);
}

static void order(struct nika_replica *r, struct nika_span raw)
{
    /* Agreed time never goes back, whichever clock the last primary had. */
    uint64_t last_ns = r->count > 0 ? r->log[r->count].time_ns : 0;
    if (!append(r, r->now_ns > last_ns ? r->now_ns : last_ns, raw)) {
        note(r, NIKA_NOTE_REJECT, NIKA_CHECK_R4, r->self);
        return;
    }
    r->held[r->self] = r->count;
    for (uint32_t i = 0; i < r->n; i++) {
        if (i != r->self) send_order(r, i, r->count);
    }
    commit_held(r);
}

static void on_request(struct nika_replica *r, const struct nika_frame *frame)
{
    struct nika_frame parsed;
    struct common_request request;
    if (common_request_parse(r->config, frame->raw, &parsed, &request) != NIKA_OK) {
        note(r, NIKA_NOTE_REJECT, NIKA_CHECK_R1, frame->sender);
        return;
    }
    struct client *c = &r->clients[request.client];
    if (request.timestamp <= c->executed) {
        if (request.timestamp == c->executed) send_reply(r, request.client);
        return;
    }
    bool repeated = request.timestamp <= c->waiting;
    if (!repeated) {
        nika_store_free(r->store, c->request);
        c->waiting = request.timestamp;
        c->request = nika_store_put(r->store, frame->raw);
    }
    if (leading(r)) {
        if (request.timestamp > c->ordered) order(r, frame->raw);
    } else if (r->active && !repeated) {
        nika_effects_send(r->effects, primary_of(r, r->view), NIKA_CLASS_BULK, frame->raw);
    }
    watch_primary(r, false);
}

static void on_order(struct nika_replica *r, uint32_t sender, const struct majority_order *m)
{
    if (m->view != r->view || !r->active || sender != primary_of(r, m->view)) return;
    /* What is beyond a gap comes again. */
    if (m->seq == r->count + 1 && !append(r, m->time_ns, m->request)) return;
    commit_to(r, m->committed);
    send_held(r);
}

static void on_held(struct nika_replica *r, uint32_t sender, const struct majority_held *m)
{
    if (m->view != r->view || !leading(r)) return;
    r->joined[sender] = true;
    if (m->seq > r->held[sender]) r->held[sender] = m->seq;
    commit_held(r);
}

static void on_committed(struct nika_replica *r, uint32_t sender,
                         const struct majority_committed *m)
{
    if (m->view == r->view && r->active && sender == primary_of(r, m->view)) commit_to(r, m->seq);
}

/* ---- the change of primary ---- */

static void send_log(struct nika_replica *r)
{
    struct majority_log m = {
        .view = r->view, .normal_view = r->normal_view, .committed = r->committed};
    uint32_t draft = pack(r, &m.entries);
    if (draft == 0) return;
    send_all(r, &majority_info_log, &m);
    nika_store_free(r->store, draft);
}

static void send_new_view(struct nika_replica *r)
{
    struct majority_new_view m = {.view = r->view, .committed = r->committed};
    uint32_t draft = pack(r, &m.entries);
    if (draft == 0) return;
    for (uint32_t i = 0; i < r->n; i++) {
        if (i != r->self && !r->joined[i]) send(r, i, &majority_info_new_view, &m);
    }
    nika_store_free(r->store, draft);
}

static void activate(struct nika_replica *r)
{
    r->active = true;
    r->normal_view = r->view;
    timer_stop(r, TIMER_VIEW);
    note(r, NIKA_NOTE_VIEW, r->view, 1);
}

/* The new primary may never have heard of a request, and its client asks ever less often. */
static void serve_waiting(struct nika_replica *r)
{
    for (uint32_t i = 0; i < r->config->clients; i++) {
        const struct client *c = &r->clients[i];
        if (c->request == 0 || c->waiting <= c->executed) continue;
        struct nika_span raw = nika_store_span(r->store, c->request);
        if (!leading(r)) {
            nika_effects_send(r->effects, primary_of(r, r->view), NIKA_CLASS_BULK, raw);
        } else if (c->waiting > c->ordered) {
            order(r, raw);
        }
    }
}

static void take_over(struct nika_replica *r)
{
    uint32_t logs = 0;
    for (uint32_t i = 0; i < r->n; i++) logs += r->logs[i] ? 1u : 0u;
    if (r->active || logs < r->logs_needed) return;
    activate(r);
    memset(r->joined, 0, sizeof r->joined);
    memset(r->held, 0, sizeof r->held);
    r->joined[r->self] = true;
    r->held[r->self] = r->count;
    send_new_view(r);
    commit_held(r);
    serve_waiting(r);
}

static void leave_for(struct nika_replica *r, uint64_t view)
{
    r->view = view;
    r->active = false;
    memset(r->logs, 0, sizeof r->logs);
    note(r, NIKA_NOTE_VIEW, view, 0);
    timer_stop(r, TIMER_REQUEST);
    timer_start(r, TIMER_VIEW, r->config->request_ns << r->backoff);
    if (primary_of(r, view) == r->self) {
        r->logs[r->self] = true;
        take_over(r);
    } else {
        send_log(r);
    }
}

static void on_log(struct nika_replica *r, uint32_t sender, const struct majority_log *m)
{
    if (m->view > r->view) leave_for(r, m->view); /* Nobody lies: one is enough to follow. */
    if (m->view != r->view || r->active || primary_of(r, m->view) != r->self) return;
    /* Of one view the longer log has all of the shorter one; of a later view it has all that was committed before. */
    if (m->normal_view > r->normal_view ||
        (m->normal_view == r->normal_view && m->entries.count > r->count)) {
        adopt(r, &m->entries, m->committed);
        r->normal_view = m->normal_view;
    }
    r->logs[sender] = true;
    take_over(r);
}

static void on_new_view(struct nika_replica *r, uint32_t sender, const struct majority_new_view *m)
{
    if (m->view < r->view || sender != primary_of(r, m->view)) return;
    if (m->view > r->view || !r->active) {
        r->view = m->view;
        adopt(r, &m->entries, m->committed);
        activate(r);
        watch_primary(r, true);
        execute_next(r);
        serve_waiting(r);
    }
    send_held(r);
}

static void suspect(struct nika_replica *r)
{
    if (r->backoff < r->config->backoff_max) r->backoff++;
    leave_for(r, r->view + 1);
}

/* ---- the module ---- */

static void status_round(struct nika_replica *r)
{
    uint64_t period = r->config->status_ns;
    uint64_t jitter = r->host->jitter(r->host->world, r->self, TIMER_STATUS, period / 4 + 1);
    timer_start(r, TIMER_STATUS, period + jitter);
    if (!leading(r)) {
        if (!r->active && primary_of(r, r->view) != r->self) send_log(r);
        return;
    }
    struct majority_committed m = {.view = r->view, .seq = r->committed};
    send_new_view(r);
    for (uint32_t i = 0; i < r->n; i++) {
        if (i == r->self || !r->joined[i]) continue;
        send(r, i, &majority_info_committed, &m);
        for (uint64_t s = r->held[i] + 1; s <= r->count && s <= r->held[i] + RESEND_MAX; s++)
            send_order(r, i, s);
    }
}

static void on_message(struct nika_replica *r, const struct nika_frame *frame)
{
    union {
        struct majority_order order;
        struct majority_held held;
        struct majority_committed committed;
        struct majority_log log;
        struct majority_new_view new_view;
    } m;
    if (frame->type == COMMON_TYPE_request) {
        on_request(r, frame);
        return;
    }
    const struct nika_message_info *info =
        frame->type < majority_messages.count ? majority_messages.messages[frame->type] : NULL;
    if (info == NULL || info == &common_info_reply || frame->sender >= r->n ||
        frame->auth_alg != info->auth || nika_decode(info, frame->body, &m) != NIKA_OK) {
        note(r, NIKA_NOTE_REJECT, NIKA_CHECK_W0, frame->sender);
        return;
    }
    if (info == &majority_info_order) on_order(r, frame->sender, &m.order);
    if (info == &majority_info_held) on_held(r, frame->sender, &m.held);
    if (info == &majority_info_committed) on_committed(r, frame->sender, &m.committed);
    if (info == &majority_info_log) on_log(r, frame->sender, &m.log);
    if (info == &majority_info_new_view) on_new_view(r, frame->sender, &m.new_view);
}

static void on_timer(struct nika_replica *r, uint32_t timer, uint64_t generation)
{
    if (timer >= TIMER_COUNT || !r->timer_armed[timer]) return;
    if (generation != r->timer_generation[timer]) return; /* Stopped or started again since. */
    r->timer_armed[timer] = false;
    if (timer == TIMER_STATUS) {
        status_round(r);
    } else {
        suspect(r);
    }
}

static void step(struct nika_replica *r, const struct nika_event *event,
                 struct nika_effects *effects)
{
    static const uint8_t mark[1] = {1};
    if (r->gone) return;
    r->effects = effects;
    r->now_ns = event->now_ns;
    if (event->kind == NIKA_EVENT_START) {
        /* Nothing is said before it is durable that this replica has lived. */
        nika_effects_persist(effects, 1, RECORD_BORN, 1, (struct nika_span){mark, sizeof mark});
    } else if (event->kind == NIKA_EVENT_STORED) {
        r->gone = event->status != 0;
        r->born = !r->gone;
        if (r->born) status_round(r);
    } else if (r->born && event->kind == NIKA_EVENT_MESSAGE) {
        on_message(r, event->frame);
    } else if (r->born && event->kind == NIKA_EVENT_TIMER) {
        on_timer(r, event->timer, event->generation);
    } else if (r->born && event->kind == NIKA_EVENT_APP && event->token == r->issued.seq) {
        on_executed(r, event->bytes);
    }
    r->effects = NULL;
}

static const char *check(const struct nika_config *config)
{
    uint64_t need = UINT64_C(8) * MAJORITY_LOG_MAX * (config->op_size_max + 512u);
    if (config->n < 2 * config->f + 1) return "majority needs n >= 2f+1 replicas";
    if (config->read_only) return "majority has no read-only path";
    return config->store_bytes >= need
               ? NULL
               : "majority needs 2 KiB of store for each byte of op_size_max + 512";
}

static size_t round16(size_t size)
{
    return (size + 15u) & ~(size_t)15u;
}

static size_t size(const struct nika_config *config)
{
    return round16(sizeof(struct nika_replica)) + round16(config->clients * sizeof(struct client)) +
           round16((size_t)config->clients * config->reply_size_max) +
           nika_store_size(config->store_bytes);
}

static size_t used(const struct nika_replica *r)
{
    return (size_t)((const uint8_t *)r->store - (const uint8_t *)r) + nika_store_used(r->store);
}

static struct nika_replica *init(void *memory, const struct nika_config *config,
                                 const struct nika_host *host)
{
    struct nika_replica *r = memory;
    uint8_t *at = (uint8_t *)memory + round16(sizeof *r);
    r->config = config;
    r->host = host;
    r->self = host->self;
    r->n = config->n;
    r->logs_needed = config->f + 1;
    r->active = true;
    memset(r->joined, 1, sizeof r->joined);
    r->clients = (struct client *)(void *)at;
    at += round16(config->clients * sizeof(struct client));
    r->results = at;
    at += round16((size_t)config->clients * config->reply_size_max);
    r->store = nika_store_init(at, config->store_bytes);
    return r;
}

/* Whatever is found on disk, even that it was lost: this replica crashed, and may have forgotten what others count on. */
static void recover(struct nika_replica *r, uint32_t kind, uint64_t seq, struct nika_span record)
{
    (void)kind;
    (void)seq;
    (void)record;
    r->gone = true;
}

static void status(const struct nika_replica *r, struct nika_replica_status *out)
{
    *out = (struct nika_replica_status){.view = r->view,
                                        .active = r->active && !r->gone,
                                        .amnesiac = r->gone,
                                        .last_executed = r->executed,
                                        .last_committed = r->committed,
                                        .backoff = r->backoff};
    for (uint32_t i = 0; i < r->config->clients; i++)
        out->pending += r->clients[i].waiting > r->clients[i].executed ? 1u : 0u;
    for (uint32_t i = 0; i < r->n; i++) out->view_changes_held += r->logs[i] ? 1u : 0u;
    if (!r->active) {
        bool next = primary_of(r, r->view) == r->self;
        out->wait = next ? NIKA_WAIT_VIEW_CHANGES : NIKA_WAIT_NEW_VIEW;
        out->wait_detail = r->view;
    } else if (out->pending > 0) {
        out->wait = r->count > r->committed ? NIKA_WAIT_PREPARES : NIKA_WAIT_PRE_PREPARE;
        out->wait_detail = r->committed + 1;
    }
}

static void digest(const struct nika_replica *r, struct nika_digest *out)
{
    uint8_t bytes[8 * 8];
    const uint64_t fields[] = {r->view,     r->normal_view, r->count,   r->committed,
                               r->executed, r->issued.seq,  r->backoff, r->active ? 1u : 0u};
    for (uint32_t i = 0; i < ARRAY_COUNT(fields); i++)
        nika_store_le(bytes + (size_t)8 * i, fields[i], 8);
    nika_sha256_one(bytes, sizeof bytes, out);
    for (uint64_t s = 1; s <= r->count; s++) {
        struct nika_span parts[] = {{out->bytes, NIKA_DIGEST_SIZE},
                                    {r->log[s].digest.bytes, NIKA_DIGEST_SIZE}};
        nika_sha256(parts, ARRAY_COUNT(parts), out);
    }
}

/* What a frame says, for traces, oracles and faults. */
static void describe(uint8_t type, struct nika_span body, struct nika_summary *out)
{
    struct nika_reader reader = nika_reader_of(body);
    bool known = type < majority_messages.count && majority_messages.messages[type] != NULL;
    *out = (struct nika_summary){0};
    if (!known) return;
    out->message_class = majority_messages.messages[type]->message_class;
    if (type < MAJORITY_TYPE_order) {
        struct common_request request;
        struct common_reply reply;
        if (type == COMMON_TYPE_request && nika_decode(&common_info_request, body, &request) == 0) {
            out->seq = request.timestamp;
            out->view = request.client;
        } else if (nika_decode(&common_info_reply, body, &reply) == 0) {
            out->seq = reply.timestamp;
            out->view = reply.client;
        }
        return;
    }
    out->view = nika_read_u64(&reader);
    if (type < MAJORITY_TYPE_log) out->seq = nika_read_u64(&reader);
}

static void describe_record(uint32_t kind, struct nika_span record, struct nika_summary *out)
{
    (void)kind;
    (void)record;
    *out = (struct nika_summary){0};
}

const struct nika_replica_ops majority = {
    .name = "majority",
    .doc = "A primary and a majority, crashes only",
    .messages = &majority_messages,
    .check = check,
    .size = size,
    .used = used,
    .init = init,
    .recover = recover,
    .step = step,
    .status = status,
    .digest = digest,
    .describe = describe,
    .describe_record = describe_record,
};

/* The first version: a new primary goes on from its own log, which has all that it ever acknowledged. */
static struct nika_replica *first_init(void *memory, const struct nika_config *config,
                                       const struct nika_host *host)
{
    struct nika_replica *r = init(memory, config, host);
    r->logs_needed = 1;
    return r;
}

const struct nika_replica_ops majority_first = {
    .name = "majority-first",
    .doc = "The first version of majority",
    .messages = &majority_messages,
    .check = check,
    .size = size,
    .used = used,
    .init = first_init,
    .recover = recover,
    .step = step,
    .status = status,
    .digest = digest,
    .describe = describe,
    .describe_record = describe_record,
};
