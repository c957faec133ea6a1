/* engine/shim/behaviour.c: see behaviour.h. */
#include "engine/shim/behaviour.h"

#include "engine/core/assert.h"
#include "engine/core/bytes.h"

#include <stdlib.h>

#define OUTGOING_BYTES NIKA_MESSAGE_SIZE_MAX

struct held {
    struct held *next; /* By due time, then in the order in which they came. */
    uint64_t due_ns;
    uint32_t to, size;
    enum nika_send_class send_class;
    uint8_t bytes[];
};
struct nika_behaviour {
    struct nika_fault fault;
    struct nika_fault_host host;
    struct nika_chooser chooser;
    const struct nika_config *config;
    const struct nika_replica_ops *replica_ops;
    struct nika_replica *module;
    const struct nika_host *node; /* Signs. */
    struct nika_links *links;
    struct nika_log *log;
    struct held *held;
    uint32_t held_count, wake_count;
    struct {
        uint64_t at_ns, cookie;
    } wakes[NIKA_BEHAVIOUR_WAKES];
    uint8_t *outgoing, *body, *injected; /* OUTGOING_BYTES each. */
};

/* ---- what a behaviour may ask of its world ---- */
static uint64_t host_now(void *world)
{
    (void)world;
    return nika_clock_monotonic();
}

static void host_acted(void *world, struct nika_fault *fault, uint32_t target)
{
    struct nika_behaviour *b = world;
    (void)target;
    fault->acted++;
    nika_log_limited(b->log, NIKA_LOG_INFO, "behaved", "name=%s acts=%llu", fault->ops->name,
                     (unsigned long long)fault->acted);
}

static void host_wake(void *world, struct nika_fault *fault, uint64_t at_ns, uint64_t cookie)
{
    struct nika_behaviour *b = world;
    (void)fault;
    if (b->wake_count == NIKA_BEHAVIOUR_WAKES) return;
    b->wakes[b->wake_count].at_ns = at_ns;
    b->wakes[b->wake_count++].cookie = cookie;
}

static uint32_t write_frame(struct nika_behaviour *b, uint32_t to, uint8_t type,
                            enum nika_auth_alg alg, struct nika_span body, uint8_t *out)
{
    uint8_t auth[NIKA_AUTH_SIZE_MAX];
    struct nika_writer w = nika_writer_of(out, OUTGOING_BYTES);
    uint32_t size = b->node->authenticate(b->node->world, b->node->self, alg, type, to, body, auth);
    if (nika_frame_size(body.size, size) > OUTGOING_BYTES) return 0;
    nika_frame_write(b->config, type, b->node->self, body, alg, (struct nika_span){auth, size}, &w);
    return w.failed ? 0 : w.at;
}

static enum nika_err host_resign(void *world, struct nika_outgoing *out, uint8_t type,
                                 struct nika_span body)
{
    struct nika_behaviour *b = world;
    const struct nika_message_table *table = b->replica_ops->messages;
    NIKA_ASSERT(out->from == b->node->self);
    if (type >= table->count || table->messages[type] == NULL) return NIKA_ERR_MALFORMED;
    if (body.size > OUTGOING_BYTES) return NIKA_ERR_LIMIT;
    /* The body may lie in the frame that is about to be overwritten. */
    if (body.size > 0) memcpy(b->body, body.data, body.size);
    enum nika_auth_alg alg = (enum nika_auth_alg)table->messages[type]->auth;
    uint32_t size =
        write_frame(b, out->to, type, alg, (struct nika_span){b->body, body.size}, out->bytes);
    if (size == 0) return NIKA_ERR_LIMIT;
    out->type = type;
    out->size = size;
    out->changed = true;
    return NIKA_OK;
}

static void host_inject_raw(void *world, uint32_t from, uint32_t to, struct nika_span frame)
{
    struct nika_behaviour *b = world;
    NIKA_ASSERT(from == b->node->self);
    if (to != from) nika_links_send(b->links, to, NIKA_CLASS_CONTROL, frame);
}

static void host_inject(void *world, uint32_t from, uint32_t to, uint8_t type,
                        enum nika_auth_alg alg, struct nika_span body)
{
    struct nika_behaviour *b = world;
    uint32_t size = write_frame(b, to, type, alg, body, b->injected);
    if (size > 0) host_inject_raw(world, from, to, (struct nika_span){b->injected, size});
}

static bool host_is_corrupted(void *world, uint32_t node)
{
    const struct nika_behaviour *b = world;
    return node == b->node->self;
}

/* Of the others it knows nothing. */
static void host_status(void *world, uint32_t replica, struct nika_replica_status *out)
{
    struct nika_behaviour *b = world;
    memset(out, 0, sizeof *out);
    if (replica == b->node->self && b->module != NULL) b->replica_ops->status(b->module, out);
}

/* ---- making ---- */
struct nika_behaviour *nika_behaviour_new(const struct nika_behaviour_options *options,
                                          const struct nika_behaviour_node *node)
{
    struct nika_behaviour *b = calloc(1, sizeof *b);
    uint32_t index = nika_client_index(node->host->self); /* Targets are replicas or clients. */
    if (b == NULL) return NULL;
    NIKA_ASSERT(index < 64u * ARRAY_COUNT(b->fault.targets));
    b->config = node->config;
    b->replica_ops = node->replica_ops;
    b->module = node->module;
    b->node = node->host;
    b->links = node->links;
    b->log = node->log;
    nika_chooser_init_seed(&b->chooser, options->seed);
    b->host = (struct nika_fault_host){.world = b,
                                       .config = node->config,
                                       .messages = node->replica_ops->messages,
                                       .chooser = &b->chooser,
                                       .now_ns = host_now,
                                       .acted = host_acted,
                                       .wake = host_wake,
                                       .resign = host_resign,
                                       .inject = host_inject,
                                       .inject_raw = host_inject_raw,
                                       .is_corrupted = host_is_corrupted,
                                       .status = host_status};
    b->fault = (struct nika_fault){.ops = options->ops,
                                   .host = &b->host,
                                   .active = true,
                                   .to_ns = UINT64_MAX,
                                   .state = calloc(1, options->ops->state_size + 1u)};
    b->fault.targets[index / 64] = UINT64_C(1) << (index % 64);
    memcpy(b->fault.params, options->params, sizeof b->fault.params);
    b->outgoing = malloc(OUTGOING_BYTES);
    b->body = malloc(OUTGOING_BYTES);
    b->injected = malloc(OUTGOING_BYTES);
    if (b->fault.state == NULL || b->outgoing == NULL || b->body == NULL || b->injected == NULL) {
        nika_behaviour_free(b);
        return NULL;
    }
    if (b->fault.ops->start != NULL) b->fault.ops->start(&b->fault);
    return b;
}

void nika_behaviour_free(struct nika_behaviour *b)
{
    if (b == NULL) return;
    while (b->held != NULL) {
        struct held *next = b->held->next;
        free(b->held);
        b->held = next;
    }
    free(b->fault.state);
    free(b->outgoing);
    free(b->body);
    free(b->injected);
    free(b);
}

/* ---- running ---- */
static bool hold(struct nika_behaviour *b, uint32_t to, enum nika_send_class send_class,
                 struct nika_span frame, uint64_t due_ns)
{
    struct held **at = &b->held;
    if (b->held_count == NIKA_BEHAVIOUR_HELD) return false;
    struct held *h = malloc(sizeof *h + frame.size);
    if (h == NULL) return false;
    while (*at != NULL && (*at)->due_ns <= due_ns) at = &(*at)->next;
    *h = (struct held){
        .next = *at, .due_ns = due_ns, .to = to, .size = frame.size, .send_class = send_class};
    memcpy(h->bytes, frame.data, frame.size);
    *at = h;
    b->held_count++;
    return true;
}

void nika_behaviour_send(struct nika_behaviour *b, uint32_t to, enum nika_send_class send_class,
                         struct nika_span bytes)
{
    struct nika_frame frame;
    struct nika_summary summary;
    if (b->fault.ops->on_send == NULL || bytes.size > OUTGOING_BYTES ||
        nika_frame_parse(bytes, b->config->epoch, NIKA_MESSAGE_SIZE_MAX, &frame) != NIKA_OK) {
        nika_links_send(b->links, to, send_class, bytes);
        return;
    }
    memset(&summary, 0, sizeof summary);
    b->replica_ops->describe(frame.type, frame.body, &summary);
    memcpy(b->outgoing, bytes.data, bytes.size);
    struct nika_outgoing out = {.from = b->node->self,
                                .to = to,
                                .type = frame.type,
                                .size = bytes.size,
                                .capacity = OUTGOING_BYTES,
                                .bytes = b->outgoing,
                                .summary = &summary};
    b->fault.ops->on_send(&b->fault, &out);
    uint64_t now = nika_clock_monotonic(), due = now + out.delay_ns;
    if (out.hold_until_ns > due) due = out.hold_until_ns;
    struct nika_span frame_out = {out.bytes, out.size};
    for (uint32_t i = 0; !out.drop && i <= out.copies; i++) {
        if (due > now && hold(b, to, send_class, frame_out, due)) continue;
        nika_links_send(b->links, to, send_class, frame_out);
    }
}

bool nika_behaviour_receive(struct nika_behaviour *b, const struct nika_frame *frame)
{
    return b->fault.ops->on_receive == NULL ||
           b->fault.ops->on_receive(&b->fault, b->node->self, frame);
}

uint64_t nika_behaviour_acts(const struct nika_behaviour *b)
{
    return b->fault.acted;
}

uint64_t nika_behaviour_deadline(const struct nika_behaviour *b)
{
    uint64_t at = b->held != NULL ? b->held->due_ns : UINT64_MAX;
    for (uint32_t i = 0; i < b->wake_count; i++) {
        if (b->wakes[i].at_ns < at) at = b->wakes[i].at_ns;
    }
    return at;
}

void nika_behaviour_run(struct nika_behaviour *b)
{
    uint64_t now = nika_clock_monotonic();
    while (b->held != NULL && b->held->due_ns <= now) {
        struct held *h = b->held;
        b->held = h->next;
        b->held_count--;
        nika_links_send(b->links, h->to, h->send_class, (struct nika_span){h->bytes, h->size});
        free(h);
    }
    /* Those that are there now: one that is asked for by another waits for the next round. */
    for (uint32_t i = 0, left = b->wake_count; left > 0; left--) {
        if (b->wakes[i].at_ns > now) {
            i++;
            continue;
        }
        uint64_t cookie = b->wakes[i].cookie;
        b->wake_count--;
        memmove(&b->wakes[i], &b->wakes[i + 1], (b->wake_count - i) * sizeof b->wakes[0]);
        if (b->fault.ops->on_wake != NULL) b->fault.ops->on_wake(&b->fault, cookie);
    }
}
