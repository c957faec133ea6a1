/* protocols/client/client.c: see client.h. Check ids C-a..C-g and D7 are those of PROTOCOLS.md 1.5 and 1.12. */
#include "protocols/client/client.h"

#include "engine/core/assert.h"
#include "engine/core/check.h"
#include "engine/core/digest.h"
#include "engine/core/planted.h"
#include "engine/core/probe.h"
#include "protocols/common/messages.h"
#include "protocols/common/quorum.h"

#define REPLIER_ALL 0xffffffffu /* Every replica answers in full. */
#define REQUEST_HEAD_SIZE 24u   /* Encoded REQUEST without its operation. */

enum client_phase {
    CLIENT_IDLE,
    CLIENT_RESERVING, /* Waits until a block of timestamps is durable. */
    CLIENT_READING,   /* Sent to all on the read-only path. */
    CLIENT_ORDERING,  /* Sent to be ordered. */
};

/* The newest REPLY of one replica to the outstanding request. */
struct client_vote {
    bool present, full;
    uint32_t result_size;
    uint64_t view, seq;
    struct nika_digest digest;
};
struct client_operation {
    uint64_t token;
    uint32_t flags; /* NIKA_OP_* */
    uint32_t size;
};
struct nika_replica {
    const struct nika_config *config;
    const struct nika_host *host;
    enum client_phase phase;
    uint32_t client;    /* Own index. */
    bool amnesiac;      /* Lost its record: the timestamps used before are unknown. */
    bool fallback;      /* The read-only path failed for the outstanding operation. */
    uint64_t view;      /* Highest that a correct replica is known to have reached. */
    uint64_t timestamp; /* Last used. */
    uint64_t reserved;  /* Last durable; timestamp <= reserved once sent. */
    uint64_t reserving; /* Asked to be made durable; also the STORED token. */
    uint64_t timer_generation, timeout_ns;
    uint32_t queue_head, queue_count; /* The head is the outstanding operation unless idle. */
    struct client_operation queue[NIKA_CLIENT_QUEUE + 1];
    uint8_t *operations; /* (NIKA_CLIENT_QUEUE + 1) x op_size_max, by queue place. */
    uint8_t *results;    /* n x reply_size_max, by replica. */
    uint8_t *body, *frame;
    uint32_t body_capacity, frame_capacity, frame_size;
    struct client_vote votes[]; /* By replica. */
};

static size_t round16(size_t size)
{
    return (size + 15u) & ~(size_t)15u;
}

static size_t client_size(const struct nika_config *config)
{
    uint32_t body = REQUEST_HEAD_SIZE + config->op_size_max;
    return round16(sizeof(struct nika_replica) + config->n * sizeof(struct client_vote)) +
           round16((size_t)(NIKA_CLIENT_QUEUE + 1) * config->op_size_max) +
           round16((size_t)config->n * config->reply_size_max) + round16(body) +
           round16(nika_frame_size(body, NIKA_AUTH_SIZE_MAX));
}

static struct nika_replica *client_init(void *memory, const struct nika_config *config,
                                        const struct nika_host *host)
{
    struct nika_replica *c = memory;
    NIKA_ASSERT(nika_is_client(host->self));
    c->config = config;
    c->host = host;
    c->client = nika_client_index(host->self);
    c->body_capacity = REQUEST_HEAD_SIZE + config->op_size_max;
    c->frame_capacity = nika_frame_size(c->body_capacity, NIKA_AUTH_SIZE_MAX);
    uint8_t *at = (uint8_t *)memory + round16(sizeof *c + config->n * sizeof(struct client_vote));
    c->operations = at;
    at += round16((size_t)(NIKA_CLIENT_QUEUE + 1) * config->op_size_max);
    c->results = at;
    at += round16((size_t)config->n * config->reply_size_max);
    c->body = at;
    at += round16(c->body_capacity);
    c->frame = at;
    return c;
}

static void client_recover(struct nika_replica *c, uint32_t kind, uint64_t seq,
                           struct nika_span record)
{
    (void)seq;
    if (kind == NIKA_RECORD_AMNESIA) c->amnesiac = true;
    if (kind != NIKA_CLIENT_RECORD_TIMESTAMP) return;
    struct nika_reader r = nika_reader_of(record);
    uint64_t reserved = nika_read_u64(&r);
    if (!nika_reader_done(&r) || reserved <= c->reserved) return;
    /* Any timestamp of the block may have been sent, so all of them are spent (C-a). */
    c->reserved = reserved;
    c->timestamp = reserved;
}

static void reject(struct nika_effects *effects, enum nika_check check, uint32_t sender)
{
    nika_effects_note(effects, NIKA_NOTE_REJECT, check, sender, (struct nika_span){NULL, 0});
}

static void arm(struct nika_replica *c, uint64_t delay_ns, struct nika_effects *effects)
{
    nika_effects_timer(effects, NIKA_CLIENT_TIMER, ++c->timer_generation, delay_ns);
}

static struct client_operation *outstanding(struct nika_replica *c)
{
    NIKA_ASSERT(c->queue_count > 0);
    return &c->queue[c->queue_head];
}

/* Is the outstanding operation, as sent now, one that replicas answer without ordering it? */
static bool on_read_path(const struct nika_replica *c, const struct client_operation *op)
{
    return c->config->read_only && (op->flags & NIKA_OP_READ_ONLY) != 0 && !c->fallback;
}

/* D7: the record is durable before any timestamp of its block is sent. */
static void reserve(struct nika_replica *c, struct nika_effects *effects)
{
    uint8_t record[8];
    c->phase = CLIENT_RESERVING;
    c->reserving = c->timestamp + NIKA_CLIENT_TIMESTAMP_BLOCK;
    nika_store_le(record, c->reserving, sizeof record);
    nika_effects_persist(effects, c->reserving, NIKA_CLIENT_RECORD_TIMESTAMP, c->reserving,
                         (struct nika_span){record, sizeof record});
}

/* Sign the outstanding operation under the next timestamp. The frame is kept: a retransmission sends the same bytes (C-d). */
static void build_request(struct nika_replica *c, uint32_t flags)
{
    struct common_request request;
    memset(&request, 0, sizeof request);
    request.client = c->client;
    request.timestamp = ++c->timestamp;
    request.flags = flags;
    request.replier = REPLIER_ALL;
    request.op.data = c->operations + (size_t)c->queue_head * c->config->op_size_max;
    request.op.size = outstanding(c)->size;
    struct nika_writer body = nika_writer_of(c->body, c->body_capacity);
    nika_encode(&common_info_request, &request, &body);
    NIKA_ASSERT(!body.failed);
    uint8_t auth[NIKA_AUTH_SIZE_MAX];
    struct nika_span span = {c->body, body.at};
    uint32_t auth_size = c->host->authenticate(c->host->world, c->host->self, NIKA_AUTH_SIGNATURE,
                                               COMMON_TYPE_request, 0, span, auth);
    NIKA_ASSERT(auth_size <= NIKA_AUTH_SIZE_MAX);
    struct nika_writer frame = nika_writer_of(c->frame, c->frame_capacity);
    nika_frame_write(c->config, COMMON_TYPE_request, c->host->self, span, NIKA_AUTH_SIGNATURE,
                     (struct nika_span){auth, auth_size}, &frame);
    NIKA_ASSERT(!frame.failed);
    c->frame_size = frame.at;
    memset(c->votes, 0, c->config->n * sizeof c->votes[0]);
}

static void send_request(struct nika_replica *c, bool to_all, struct nika_effects *effects)
{
    struct nika_span frame = {c->frame, c->frame_size};
    /* With T_pace the backups must know what they judge their primary by. */
    if (to_all || c->config->pace_ns != 0) {
        nika_effects_broadcast(effects, NIKA_CLASS_BULK, frame);
    } else {
        nika_effects_send(effects, (uint32_t)(c->view % c->config->n), NIKA_CLASS_BULK, frame);
    }
}

static void complete(struct nika_replica *c, uint64_t seq, struct nika_span result,
                     struct nika_effects *effects)
{
    uint8_t *bytes = NULL;
    struct nika_action *action =
        nika_effects_add(effects, NIKA_ACTION_COMPLETE, result.size, &bytes);
    if (action != NULL) {
        action->token = outstanding(c)->token;
        action->a = seq;
        if (result.size > 0) memcpy(bytes, result.data, result.size);
    }
    c->queue_head = (c->queue_head + 1) % (NIKA_CLIENT_QUEUE + 1);
    c->queue_count--;
    c->phase = CLIENT_IDLE;
    c->fallback = false;
}

/* Send the outstanding operation for the first time on its present path. */
static void issue(struct nika_replica *c, struct nika_effects *effects)
{
    struct client_operation *op = outstanding(c);
    bool reading = on_read_path(c, op);
    build_request(c, reading ? op->flags : op->flags & ~NIKA_OP_READ_ONLY);
    send_request(c, reading, effects);
    c->phase = reading ? CLIENT_READING : CLIENT_ORDERING;
    c->timeout_ns = c->config->client_ns;
    if ((op->flags & NIKA_OP_NO_REPLY) == 0) {
        arm(c, c->timeout_ns, effects);
    } else { /* Nobody will answer. */
        complete(c, 0, (struct nika_span){NULL, 0}, effects);
    }
}

/* Start what can be started. Every round ends with one operation outstanding, reserving, or one fewer queued. */
static void advance(struct nika_replica *c, struct nika_effects *effects)
{
    while (c->phase == CLIENT_IDLE && c->queue_count > 0) {
        if (c->timestamp < c->reserved) {
            issue(c, effects);
        } else {
            reserve(c, effects);
        }
    }
}

/* The read-only path gave no answer: order the operation under a new timestamp. */
static void fall_back(struct nika_replica *c, struct nika_effects *effects)
{
    REACHED(client_read_only_fallback);
    arm(c, NIKA_TIMER_CANCEL, effects);
    c->fallback = true;
    c->phase = CLIENT_IDLE;
    advance(c, effects);
}

static void on_invoke(struct nika_replica *c, const struct nika_event *event,
                      struct nika_effects *effects)
{
    bool room = c->queue_count < NIKA_CLIENT_QUEUE + 1;
    if (!room) {
        reject(effects, NIKA_CHECK_R4, c->host->self);
        return;
    }
    if (event->bytes.size > c->config->op_size_max) {
        reject(effects, NIKA_CHECK_R1, c->host->self);
        return;
    }
    uint32_t place = (c->queue_head + c->queue_count) % (NIKA_CLIENT_QUEUE + 1);
    c->queue[place] = (struct client_operation){
        .token = event->token, .flags = (uint32_t)event->status, .size = event->bytes.size};
    if (event->bytes.size > 0) {
        memcpy(c->operations + (size_t)place * c->config->op_size_max, event->bytes.data,
               event->bytes.size);
    }
    c->queue_count++;
    advance(c, effects);
}

static void on_stored(struct nika_replica *c, const struct nika_event *event,
                      struct nika_effects *effects)
{
    if (c->phase != CLIENT_RESERVING || event->token != c->reserving) return;
    if (event->status != 0) {
        arm(c, c->config->client_ns, effects); /* Full disk: ask again later. */
        return;
    }
    c->reserved = c->reserving;
    c->phase = CLIENT_IDLE;
    advance(c, effects);
}

static void on_timer(struct nika_replica *c, const struct nika_event *event,
                     struct nika_effects *effects)
{
    if (event->timer != NIKA_CLIENT_TIMER || event->generation != c->timer_generation) return;
    switch (c->phase) {
    case CLIENT_IDLE:
        return;
    case CLIENT_RESERVING:
        reserve(c, effects);
        return;
    case CLIENT_READING:
        fall_back(c, effects);
        return;
    case CLIENT_ORDERING:
        REACHED(client_retransmitted);
        send_request(c, true, effects);
        if (c->timeout_ns < c->config->client_ns * NIKA_CLIENT_BACKOFF_MAX) c->timeout_ns *= 2;
        arm(c, c->timeout_ns, effects);
        return;
    }
}

/* Was this very result, under this digest, already hashed for another replica? Spares the client most of its hashing. */
static bool known_result(const struct nika_replica *c, const struct common_reply *m)
{
    for (uint32_t i = 0; i < c->config->n; i++) {
        const struct client_vote *vote = &c->votes[i];
        if (!vote->present || !vote->full || vote->result_size != m->result.size) continue;
        if (!nika_digest_equal(&vote->digest, &m->result_digest)) continue;
        const uint8_t *result = c->results + (size_t)i * c->config->reply_size_max;
        return m->result.size == 0 || memcmp(result, m->result.data, m->result.size) == 0;
    }
    return false;
}

/* NIKA_CHECK_NONE when the reply may be counted. */
static enum nika_check reply_check(const struct nika_replica *c, const struct common_reply *m)
{
    if (m->client != c->client) return NIKA_CHECK_CG;
    if (m->timestamp > c->timestamp) return NIKA_CHECK_CG; /* Answers what was never asked. */
    if (m->tentative != 0) return NIKA_CHECK_CG; /* No replica of ours executes tentatively. */
    if (m->full == 0) return m->result.size == 0 ? NIKA_CHECK_NONE : NIKA_CHECK_CG;
    if (m->result.size > c->config->reply_size_max) return NIKA_CHECK_CG;
    return NIKA_CHECK_NONE;
}

/* C-g: one vote a replica; its newest reply stands in place of an earlier one. */
static void record_vote(struct nika_replica *c, uint32_t sender, const struct common_reply *m)
{
    struct client_vote *vote = &c->votes[sender];
    *vote = (struct client_vote){.present = true,
                                 .full = m->full != 0,
                                 .result_size = m->result.size,
                                 .view = m->view,
                                 .seq = m->seq,
                                 .digest = m->result_digest};
    if (m->result.size == 0) return;
    memcpy(c->results + (size_t)sender * c->config->reply_size_max, m->result.data, m->result.size);
}

/* C-c: equal results; for an ordered operation at an equal place too. Reads of one value may be at several. */
static bool votes_match(const struct nika_replica *c, const struct client_vote *a,
                        const struct client_vote *b)
{
    if (!a->present || !b->present || !nika_digest_equal(&a->digest, &b->digest)) return false;
    return c->phase == CLIENT_READING || a->seq == b->seq;
}

/* C-e: the highest view that W of the matching replicas say they have reached; one of them is correct. */
static void learn_view(struct nika_replica *c, const struct client_vote *vote)
{
    for (uint32_t i = 0; i < c->config->n; i++) {
        const struct client_vote *candidate = &c->votes[i];
        if (!votes_match(c, vote, candidate) || candidate->view <= c->view) continue;
        uint32_t reached = 0;
        for (uint32_t j = 0; j < c->config->n; j++) {
            if (votes_match(c, vote, &c->votes[j]) && c->votes[j].view >= candidate->view)
                reached++;
        }
        if (reached >= common_weak(c->config->f)) c->view = candidate->view;
    }
}

static void complete_if_quorum(struct nika_replica *c, const struct client_vote *vote,
                               struct nika_effects *effects)
{
    uint32_t matching = 0, full = c->config->n;
    uint64_t seq = vote->seq;
    for (uint32_t i = 0; i < c->config->n; i++) {
        const struct client_vote *other = &c->votes[i];
        if (!votes_match(c, vote, other)) continue;
        matching++;
        /* For a read the lowest place: a liar may make the answer look older, never newer than it is. */
        if (other->seq < seq) seq = other->seq;
        if (other->full) full = i;
    }
    /* With the read-only path on, Q replies to a write are what makes Q replies to a later read see it (C-c). */
    uint32_t quorum = common_weak(c->config->f);
    if (c->config->read_only) quorum = common_quorum(c->config->n, c->config->f);
    if (NIKA_PLANTED(B39)) quorum = c->config->f;
    if (matching < quorum || full == c->config->n) return;
    learn_view(c, vote);
    arm(c, NIKA_TIMER_CANCEL, effects);
    complete(c, seq,
             (struct nika_span){c->results + (size_t)full * c->config->reply_size_max,
                                c->votes[full].result_size},
             effects);
    advance(c, effects);
}

static bool all_replied(const struct nika_replica *c)
{
    for (uint32_t i = 0; i < c->config->n; i++) {
        if (!c->votes[i].present) return false;
    }
    return true;
}

static void on_message(struct nika_replica *c, const struct nika_frame *frame,
                       struct nika_effects *effects)
{
    struct common_reply m;
    /* Ingress checked the MAC; a frame of another type, or from no replica, has no business here (C-g). */
    if (frame->type != COMMON_TYPE_reply || frame->sender >= c->config->n ||
        frame->auth_alg != NIKA_AUTH_MAC) {
        reject(effects, NIKA_CHECK_CG, frame->sender);
        return;
    }
    if (nika_decode(&common_info_reply, frame->body, &m) != NIKA_OK) {
        reject(effects, NIKA_CHECK_W0, frame->sender);
        return;
    }
    enum nika_check check = reply_check(c, &m);
    if (check != NIKA_CHECK_NONE) {
        reject(effects, check, frame->sender);
        return;
    }
    /* Late replies to what is finished are the rule, not an offence. */
    bool waiting = c->phase == CLIENT_READING || c->phase == CLIENT_ORDERING;
    if (!waiting || m.timestamp != c->timestamp) return;
    if (m.full != 0 && !known_result(c, &m)) {
        struct nika_digest digest;
        nika_sha256_one(m.result.data, m.result.size, &digest);
        if (!nika_digest_equal(&digest, &m.result_digest)) {
            reject(effects, NIKA_CHECK_CG, frame->sender);
            return;
        }
    }
    record_vote(c, frame->sender, &m);
    complete_if_quorum(c, &c->votes[frame->sender], effects);
    if (c->phase == CLIENT_READING && m.timestamp == c->timestamp && all_replied(c))
        fall_back(c, effects);
}

static void on_start(struct nika_replica *c, uint64_t now_ns)
{
    /* Without its record the client cannot know what it has sent. Time is past any timestamp it can have used: it uses far fewer than
     * one a nanosecond. */
    if (c->amnesiac && c->timestamp < now_ns) c->timestamp = c->reserved = now_ns;
}

static void client_step(struct nika_replica *c, const struct nika_event *event,
                        struct nika_effects *effects)
{
    switch (event->kind) {
    case NIKA_EVENT_START:
        on_start(c, event->now_ns);
        return;
    case NIKA_EVENT_MESSAGE:
        on_message(c, event->frame, effects);
        return;
    case NIKA_EVENT_TIMER:
        on_timer(c, event, effects);
        return;
    case NIKA_EVENT_STORED:
        on_stored(c, event, effects);
        return;
    case NIKA_EVENT_INVOKE:
        on_invoke(c, event, effects);
        return;
    case NIKA_EVENT_APP:
    case NIKA_EVENT_CERTIFIED:
        return; /* A client has neither application nor trusted subsystem. */
    }
}

static const char *client_timer_name(uint32_t timer)
{
    return timer == NIKA_CLIENT_TIMER ? "retransmission" : NULL;
}

const struct nika_client_ops nika_client_bft = {
    .name = "bft",
    .size = client_size,
    .init = client_init,
    .recover = client_recover,
    .step = client_step,
    .timer_name = client_timer_name,
};
