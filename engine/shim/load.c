/* engine/shim/load.c: see load.h. */
#include "engine/shim/load.h"

#include "engine/core/assert.h"
#include "engine/core/stream.h"
#include "engine/shim/links.h"
#include "engine/shim/timers.h"
#include "engine/shim/verify.h"

#include <stdio.h>
#include <stdlib.h>

#define ACTIONS_MAX 256u
#define EFFECT_BYTES (4u * 1024u * 1024u)
#define OUTBOUND_BYTES (4u * 1024u * 1024u)
#define SCAN_NS UINT64_C(2000000) /* Timers of clients are of the order of a second. */

struct load_client {
    struct nika_load *load;
    uint32_t index;
    bool touched, busy, stored, to_flush;
    struct load_client *next_touched, *next_flush;
    uint64_t stored_token, issued,
        due_ns;     /* due: when the next operation is, or was, to be issued. */
    uint64_t floor; /* Highest number that was answered before the outstanding operation began. */
    struct nika_node_keys keys;
    struct nika_keyring *keyring;
    struct nika_verifier *verifier;
    struct nika_links *links;    /* NULL: its carrier's are used. */
    struct load_client *carrier; /* Itself, or whose sessions carry its frames. */
    struct nika_timers timers;
    bool lies;
#ifdef NIKA_BEHAVIOURS
    struct nika_behaviour *behaviour; /* Of a liar. */
#endif
    struct nika_replica *module;
    void *memory;
};
struct nika_load {
    struct nika_load_options options;
    struct nika_loop *loop;
    struct nika_effects effects;
    struct load_client *clients;
    struct load_client *touched;
    struct nika_histogram *durations;
    uint64_t completed, outstanding, scan_ns;
    bool issuing;
    struct nika_counter_history history;
    uint8_t op[NIKA_OP_SIZE_MAX];
};

static void touch(struct load_client *c)
{
    if (c->touched) return;
    c->touched = true;
    c->next_touched = c->load->touched;
    c->load->touched = c;
}

static void completed(struct load_client *c, struct nika_span result)
{
    struct nika_load *load = c->load;
    uint64_t now = nika_loop_now(load->loop);
    NIKA_ASSERT(c->busy);
    if (c->lies) {
        c->busy = false;
        return;
    }
    uint64_t number = result.size >= 8 ? nika_load_le(result.data, 8) : 0;
    if (load->options.counter) nika_counter_answer(&load->history, c->index, c->floor, number);
    if (load->durations != NULL) nika_histogram_add(load->durations, now - c->due_ns);
    load->completed++;
    load->outstanding--;
    c->busy = false;
    c->due_ns = now;
    if (load->options.think_ns > 0)
        c->due_ns += nika_stream_below(nika_stream(load->options.seed, "think", c->index),
                                       c->issued, load->options.think_ns + 1);
}

static void send_to(struct load_client *c, uint32_t to, enum nika_send_class send_class,
                    struct nika_span frame)
{
#ifdef NIKA_BEHAVIOURS
    if (c->behaviour != NULL) {
        nika_behaviour_send(c->behaviour, to, send_class, frame);
        return;
    }
#endif
    nika_links_send(c->carrier->links, to, send_class, frame);
}

static void broadcast(struct load_client *c, enum nika_send_class send_class,
                      struct nika_span frame)
{
    if (!c->lies) {
        nika_links_broadcast(c->carrier->links, send_class, frame);
        return;
    }
    for (uint32_t i = 0; i < c->load->options.cluster->config.n; i++)
        send_to(c, i, send_class, frame);
}

static void apply(struct load_client *c, const struct nika_action *action, struct nika_span bytes)
{
    switch ((enum nika_action_kind)action->kind) {
    case NIKA_ACTION_SEND:
        send_to(c, action->to, (enum nika_send_class)action->send_class, bytes);
        return;
    case NIKA_ACTION_BROADCAST:
        broadcast(c, (enum nika_send_class)action->send_class, bytes);
        return;
    case NIKA_ACTION_TIMER:
        nika_timers_set(&c->timers, action, nika_loop_now(c->load->loop));
        return;
    case NIKA_ACTION_PERSIST:
        c->stored = true;
        c->stored_token = action->token;
        return;
    case NIKA_ACTION_COMPLETE:
        completed(c, bytes);
        return;
    case NIKA_ACTION_NOTE:
        return;
    case NIKA_ACTION_LOG_TRIM:
    case NIKA_ACTION_SNAPSHOT_DROP:
    case NIKA_ACTION_SNAPSHOT_SAVE:
    case NIKA_ACTION_EXECUTE:
    case NIKA_ACTION_CERTIFY:
    case NIKA_ACTION_QUERY:
    case NIKA_ACTION_SNAPSHOT_TAKE:
    case NIKA_ACTION_SNAPSHOT_CHUNK:
    case NIKA_ACTION_RESTORE_BEGIN:
    case NIKA_ACTION_RESTORE_CHUNK:
    case NIKA_ACTION_RESTORE_END:
        break;
    }
    NIKA_ASSERT(false && "not an action of a client");
}

static void step(struct load_client *c, struct nika_event *event)
{
    struct nika_effects *effects = &c->load->effects;
    event->now_ns = nika_clock_module_at(nika_loop_now(c->load->loop));
    nika_effects_clear(effects);
    c->load->options.client_ops->step(c->module, event, effects);
    NIKA_ASSERT(!effects->overflow);
    for (uint32_t i = 0; i < effects->count; i++)
        apply(c, &effects->actions[i], nika_action_bytes(effects, &effects->actions[i]));
    touch(c);
}

/* For whom a frame in a session of `c` is: with one client a session for that one, else for whom it names. NULL: for nobody here. */
static struct load_client *receiver_of(struct load_client *c, const struct nika_frame *frame)
{
    const struct nika_load_options *o = &c->load->options;
    uint32_t node = o->receiver == NULL ? nika_client_node(c->index) : o->receiver(frame);
    uint32_t index = nika_client_index(node);
    if (!nika_is_client(node) || index >= o->clients) return NULL;
    struct load_client *to = &c->load->clients[index];
    return to->carrier == c ? to : NULL;
}

static bool on_frame(void *context, uint32_t peer, struct nika_span bytes)
{
    struct load_client *session = context;
    struct nika_frame frame;
    if (nika_verifier_admit(session->verifier, session->load->options.messages, peer, bytes,
                            &frame) != NIKA_ARRIVAL_GOOD)
        return true;
    struct load_client *c = receiver_of(session, &frame);
    if (c == NULL || !nika_verifier_check(c->verifier, &frame)) return true;
    struct nika_event event = {.kind = NIKA_EVENT_MESSAGE, .frame = &frame};
    step(c, &event);
    return true;
}

static void issue(struct load_client *c)
{
    const struct nika_load_options *o = &c->load->options;
    uint64_t stream = nika_stream(o->seed, "load", c->index);
    bool read_only = false;
    uint32_t size = o->app_ops->workload_op(
        nika_stream_draw(stream, 2 * c->issued), nika_stream_draw(stream, 2 * c->issued + 1),
        c->index, c->issued, o->payload, o->read_ppm, o->cluster->app_param, c->load->op,
        o->cluster->config.op_size_max, &read_only);
    struct nika_event event = {.kind = NIKA_EVENT_INVOKE,
                               .token = ++c->issued,
                               .status = read_only ? (int32_t)NIKA_OP_READ_ONLY : 0,
                               .bytes = {c->load->op, size}};
    c->busy = true;
    if (c->load->options.counter) c->floor = nika_counter_begin(&c->load->history);
    if (!c->lies) c->load->outstanding++;
    step(c, &event);
}

static bool may_issue(const struct load_client *c)
{
    const struct nika_load *load = c->load;
    bool more = load->options.requests == 0 || c->issued < load->options.requests;
    bool due = load->options.think_ns == 0 || c->due_ns <= nika_loop_now(load->loop);
    return !c->busy && load->issuing && more && due;
}

/* What this client can do without waiting: records "on the disk", then the next operation. */
static void advance(struct load_client *c)
{
    while (c->stored) {
        struct nika_event event = {.kind = NIKA_EVENT_STORED, .token = c->stored_token};
        c->stored = false;
        step(c, &event);
    }
    while (may_issue(c)) {
        issue(c);
        if (c->stored) advance(c);
    }
}

static void run_touched(struct nika_load *load)
{
    struct load_client *flushes = NULL;
    while (load->touched != NULL) {
        struct load_client *c = load->touched, *session = c->carrier;
        load->touched = c->next_touched;
        advance(c);
        c->touched = false;
        if (session->to_flush) continue;
        session->to_flush = true;
        session->next_flush = flushes;
        flushes = session;
    }
    /* After everyone had a turn, so that what goes to one replica in one session goes in one write. */
    for (; flushes != NULL; flushes = flushes->next_flush) {
        flushes->to_flush = false;
        (void)nika_links_flush(flushes->links);
    }
}

static void scan(struct nika_load *load, uint64_t now)
{
    for (uint32_t i = 0; i < load->options.clients; i++) {
        struct load_client *c = &load->clients[i];
        uint32_t slot;
        uint64_t generation;
        while (nika_timers_take(&c->timers, now, &slot, &generation)) {
            struct nika_event event = {
                .kind = NIKA_EVENT_TIMER, .timer = slot, .generation = generation};
            step(c, &event);
        }
#ifdef NIKA_BEHAVIOURS
        if (c->behaviour != NULL) nika_behaviour_run(c->behaviour);
#endif
        if (c->links != NULL && nika_links_deadline(c->links) <= now)
            nika_links_tick(c->links, now);
        /* Links that a socket made ready have bytes to write, too. */
        touch(c);
    }
    load->scan_ns = now + SCAN_NS;
}

static void round_of(struct nika_load *load, uint64_t until)
{
    nika_loop_once(load->loop, until < load->scan_ns ? until : load->scan_ns);
    run_touched(load);
    uint64_t now = nika_loop_now(load->loop);
    if (load->scan_ns > now) return;
    scan(load, now);
    run_touched(load);
}

/* ---- making ---- */
/* Its own index when its carrier takes no part in this load. */
static uint32_t carrier_of(const struct nika_load_options *o, uint32_t index)
{
    const struct nika_member *m = nika_cluster_member(o->cluster, nika_client_node(index));
    uint32_t carrier = nika_client_index(m->carrier);
    /* A liar shares no session with the honest. */
    return carrier < o->clients - o->liars && index < o->clients - o->liars ? carrier : index;
}

static bool make_client(struct nika_load *load, uint32_t index, struct nika_problems *p)
{
    const struct nika_load_options *o = &load->options;
    struct load_client *c = &load->clients[index];
    char path[NIKA_PATH_SIZE];
    uint32_t node = nika_client_node(index);
    c->load = load;
    c->index = index;
    snprintf(path, sizeof path, "%.480s/client-%u.key", o->keys, index);
    if (!nika_keys_load(path, node, o->cluster, &c->keys, p)) return false;
    c->keyring = nika_keys_ring(&c->keys, o->cluster, path, p);
    if (c->keyring == NULL) return false;
    c->verifier = nika_verifier_new(&o->cluster->config, c->keyring, node);
    c->memory = calloc(1, o->client_ops->size(&o->cluster->config));
    const struct nika_links_options links = {.self = node,
                                             .cluster = o->cluster,
                                             .keys = &c->keys,
                                             .loop = load->loop,
                                             .log = o->log,
                                             .outbound_bytes = OUTBOUND_BYTES,
                                             .context = c,
                                             .on_frame = on_frame};
    bool alone = carrier_of(o, index) == index;
    c->carrier = &load->clients[carrier_of(o, index)];
    if (alone) c->links = nika_links_new(&links);
    if (c->verifier == NULL || c->memory == NULL || (alone && c->links == NULL)) {
        nika_problem(p, path, "", "out of memory");
        return false;
    }
    c->module =
        o->client_ops->init(c->memory, &o->cluster->config, nika_verifier_host(c->verifier));
    c->lies = index >= o->clients - o->liars;
#ifdef NIKA_BEHAVIOURS
    const struct nika_behaviour_node liar = {.config = &o->cluster->config,
                                             .replica_ops = o->replica_ops,
                                             .host = nika_verifier_host(c->verifier),
                                             .links = c->links,
                                             .log = o->log};
    if (c->lies) c->behaviour = nika_behaviour_new(o->behaviour, &liar);
    if (c->lies && c->behaviour == NULL) {
        nika_problem(p, path, "", "out of memory");
        return false;
    }
#endif
    struct nika_event start = {.kind = NIKA_EVENT_START};
    step(c, &start);
    return true;
}

struct nika_load *nika_load_new(const struct nika_load_options *options,
                                struct nika_problems *problems)
{
    struct nika_load *load = calloc(1, sizeof *load);
    bool good = load != NULL;
    NIKA_ASSERT(options->liars < options->clients);
    if (good) {
        load->options = *options;
        load->loop = nika_loop_new();
        load->clients = calloc(options->clients, sizeof *load->clients);
        load->effects.actions = calloc(ACTIONS_MAX, sizeof *load->effects.actions);
        load->effects.capacity = ACTIONS_MAX;
        load->effects.bytes = malloc(EFFECT_BYTES);
        load->effects.bytes_capacity = EFFECT_BYTES;
        good = (!options->counter || nika_counter_init(&load->history)) && load->loop != NULL &&
               load->clients != NULL && load->effects.actions != NULL &&
               load->effects.bytes != NULL;
    }
    if (!good) nika_problem(problems, options->keys, "", "out of memory");
    /* First who has sessions: the others' first frames may need them. */
    for (uint32_t i = 0; good && i < options->clients; i++)
        good = carrier_of(options, i) != i || make_client(load, i, problems);
    for (uint32_t i = 0; good && i < options->clients; i++)
        good = carrier_of(options, i) == i || make_client(load, i, problems);
    if (good) return load;
    nika_load_free(load);
    return NULL;
}

void nika_load_free(struct nika_load *load)
{
    if (load == NULL) return;
    for (uint32_t i = 0; load->clients != NULL && i < load->options.clients; i++) {
        struct load_client *c = &load->clients[i];
#ifdef NIKA_BEHAVIOURS
        nika_behaviour_free(c->behaviour);
#endif
        nika_links_free(c->links);
        nika_verifier_free(c->verifier);
        nika_keyring_free(c->keyring);
        nika_key_erase(&c->keys, sizeof c->keys);
        free(c->memory);
    }
    nika_loop_free(load->loop);
    nika_counter_fini(&load->history);
    free(load->effects.actions);
    free(load->effects.bytes);
    free(load->clients);
    free(load);
}

/* ---- running ---- */
static bool all_connected(const struct nika_load *load)
{
    for (uint32_t i = 0; i < load->options.clients; i++) {
        const struct nika_links *links = load->clients[i].links;
        if (links != NULL && nika_links_replicas_up(links) < load->options.cluster->config.n)
            return false;
    }
    return true;
}

bool nika_load_connect(struct nika_load *load, uint64_t timeout_ns)
{
    uint64_t until = nika_clock_monotonic() + timeout_ns;
    while (!all_connected(load)) {
        if (nika_clock_monotonic() >= until) return false;
        round_of(load, until);
    }
    return true;
}

uint64_t nika_load_run(struct nika_load *load, uint64_t duration_ns,
                       struct nika_histogram *durations)
{
    uint64_t now = nika_clock_monotonic(), until = now + duration_ns, before = load->completed;
    for (uint32_t i = 0; i < load->options.clients; i++) {
        struct load_client *c = &load->clients[i];
        if (!c->busy && c->due_ns < now) c->due_ns = now;
        touch(&load->clients[i]);
    }
    load->durations = durations;
    load->issuing = true;
    run_touched(load);
    while (nika_loop_now(load->loop) < until) round_of(load, until);
    load->issuing = false;
    load->durations = NULL;
    return load->completed - before;
}

bool nika_load_is_done(const struct nika_load *load)
{
    uint64_t wanted = load->options.requests * (load->options.clients - load->options.liars);
    return load->options.requests > 0 && load->completed >= wanted;
}

bool nika_load_settle(struct nika_load *load, uint64_t timeout_ns)
{
    uint64_t until = nika_clock_monotonic() + timeout_ns;
    while (load->outstanding > 0) {
        if (nika_clock_monotonic() >= until) return false;
        round_of(load, until);
    }
    return true;
}

uint64_t nika_load_acts(const struct nika_load *load)
{
    uint64_t sum = 0;
#ifdef NIKA_BEHAVIOURS
    for (uint32_t i = 0; i < load->options.clients; i++) {
        if (load->clients[i].lies) sum += nika_behaviour_acts(load->clients[i].behaviour);
    }
#else
    (void)load;
#endif
    return sum;
}

const struct nika_counter_history *nika_load_history(const struct nika_load *load)
{
    return &load->history;
}
