/* engine/shim/node_step.c: events into the module, its actions into the world (node.h). The module is never entered twice at once:
 * whatever an action causes comes back as an event. */
#include "engine/shim/node_private.h"

#include "engine/core/assert.h"

#ifdef NIKA_BEHAVIOURS
#include "engine/shim/behaviour.h"
#endif

#include <errno.h>
#include <stdlib.h>

#define DONE_BATCH 64u
#define TRUST_WATCH_NS UINT64_C(1000000000)
#define TOKEN_KEPT UINT64_MAX /* Of no module: records of the trusted subsystem. */

static const char *trust_text(const struct nika_node *node)
{
    const char *gone = node->trust == NULL ? NULL : nika_trust_gone(node->trust);
    return gone != NULL ? gone : "its counter is not what the log says";
}

/* A hybrid protocol's module says it of itself: it votes for nothing until it is started again. */
static void stop_voting(struct nika_node *node, enum nika_check check)
{
    if (node->stopped_voting != NIKA_CHECK_NONE) return;
    node->stopped_voting = check;
    nika_log(node->options.log, NIKA_LOG_ERROR, "stopped_voting", "check=%s reason=\"%s\"",
             nika_check_name(check), trust_text(node));
}

void node_watch_trust(struct nika_node *node, uint64_t now_ns)
{
    if (now_ns >= node->trust_watch_ns) {
        node->trust_watch_ns = now_ns + TRUST_WATCH_NS;
        nika_trust_watch(node->trust);
    }
    if (node->trust_told || nika_trust_gone(node->trust) == NULL) return;
    node->trust_told = true;
    nika_log(node->options.log, NIKA_LOG_ERROR, "trusted_gone", "reason=\"%s\"",
             nika_trust_gone(node->trust));
}

static void note(struct nika_node *node, const struct nika_action *action)
{
    struct nika_log *log = node->options.log;
    struct node_counts *counts = &node->counts;
    switch ((enum nika_note)action->id) {
    case NIKA_NOTE_REJECT:
        if (action->a < NIKA_CHECK_COUNT) counts->rejects[action->a]++;
        if (action->a == NIKA_CHECK_TSG || action->a == NIKA_CHECK_TSR)
            stop_voting(node, (enum nika_check)action->a);
        nika_log_limited(log, NIKA_LOG_DEBUG, "reject", "check=%s sender=%08x",
                         nika_check_name((enum nika_check)action->a), (uint32_t)action->b);
        return;
    case NIKA_NOTE_EVIDENCE:
        counts->evidence++;
        nika_log_limited(log, NIKA_LOG_WARN, "evidence", "message=%u accused=%08x",
                         (uint32_t)action->a, (uint32_t)action->b);
        return;
    case NIKA_NOTE_ALARM:
        counts->alarms++;
        nika_log(log, NIKA_LOG_ERROR, "safety_alarm", "check=%s seq=%llu",
                 nika_check_name((enum nika_check)action->a), (unsigned long long)action->b);
        return;
    case NIKA_NOTE_VIEW:
        counts->views++;
        nika_log(log, NIKA_LOG_INFO, "view", "view=%llu active=%llu", (unsigned long long)action->a,
                 (unsigned long long)action->b);
        return;
    case NIKA_NOTE_TRANSFER:
        counts->transfers += action->b == 1 ? 1 : 0;
        nika_log(log, NIKA_LOG_INFO, "state_transfer", "seq=%llu state=%s",
                 (unsigned long long)action->a,
                 action->b == 0   ? "started"
                 : action->b == 1 ? "finished"
                                  : "abandoned");
        return;
    case NIKA_NOTE_COMMITTED:
    case NIKA_NOTE_EXECUTED:
    case NIKA_NOTE_STABLE:
    case NIKA_NOTE_CHECKPOINT:
    case NIKA_NOTE_QUEUE:
    case NIKA_NOTE_WAIT:
        return;
    }
}

static void persist(struct nika_node *node, const struct nika_action *action,
                    struct nika_span bytes)
{
    const struct nika_snapshot_meta *meta = NULL;
    const struct nika_app *app = NULL;
    if (action->kind == NIKA_ACTION_SNAPSHOT_SAVE) {
        meta = node_app_meta(node, action->a);
        app = node->app;
        NIKA_ASSERT(meta != NULL && "a snapshot is saved that was never taken");
    }
    node->counts.persisted++;
    bool answers = action->kind == NIKA_ACTION_PERSIST || action->kind == NIKA_ACTION_SNAPSHOT_SAVE;
    if (nika_durable_submit(node->durable, action, bytes, node->options.app_ops, app, meta) ==
        NIKA_OK) {
        node->log_asked += answers ? 1 : 0;
        return;
    }
    node->counts.persist_refused++;
    nika_log_limited(node->options.log, NIKA_LOG_WARN, "disk_busy", "kind=%u", action->kind);
    node->log_failing += answers ? 1 : 0;
    if (answers)
        node_complete(node, NIKA_EVENT_STORED, action->token, EAGAIN, (struct nika_span){NULL, 0});
}

/* What the trusted subsystem of this process wants in the log. */
static bool keep(struct nika_node *node, const struct nika_ask *ask, struct nika_span record)
{
    const struct nika_action action = {.kind = NIKA_ACTION_PERSIST,
                                       .id = NIKA_DISK_STORE_KEPT + ask->counter / 2,
                                       .a = ask->value.order,
                                       .token = TOKEN_KEPT};
    if (nika_durable_submit(node->durable, &action, record, NULL, NULL, NULL) != NIKA_OK)
        return false;
    node->log_asked++;
    return true;
}

static bool ask_trust(struct nika_node *node, const struct nika_ask *ask)
{
    struct nika_span record;
    if (node->log_failing != 0 || !nika_trust_ask(node->trust, ask, &record)) return false;
    if (record.size == 0 || keep(node, ask, record)) return true;
    nika_trust_unask(node->trust);
    return false;
}

static void certify(struct nika_node *node, const struct nika_action *action,
                    struct nika_span bytes)
{
    struct nika_ask ask = {.token = action->token,
                           .behind = node->log_asked,
                           .counter = action->id,
                           .value = {action->a, action->b}};
    NIKA_ASSERT(node->trust != NULL && nika_trust_is_later(node->trust) &&
                bytes.size == NIKA_DIGEST_SIZE);
    memcpy(ask.digest.bytes, bytes.data, NIKA_DIGEST_SIZE);
    if (ask_trust(node, &ask)) {
        nika_trust_durable(node->trust, node->log_done);
        return;
    }
    node_complete(node, NIKA_EVENT_CERTIFIED, action->token, NIKA_ERR_LIMIT,
                  (struct nika_span){NULL, 0});
}

/* True when a behaviour has taken it over. */
static bool misbehave(struct nika_node *node, const struct nika_action *action,
                      struct nika_span bytes)
{
#ifdef NIKA_BEHAVIOURS
    enum nika_send_class send_class = (enum nika_send_class)action->send_class;
    bool broadcast = action->kind == NIKA_ACTION_BROADCAST;
    if (node->behaviour == NULL) return false;
    if (!broadcast) nika_behaviour_send(node->behaviour, action->to, send_class, bytes);
    for (uint32_t i = 0; broadcast && i < node->config->n; i++) {
        if (i != node->options.config->replica)
            nika_behaviour_send(node->behaviour, i, send_class, bytes);
    }
    return true;
#else
    (void)node;
    (void)action;
    (void)bytes;
    return false;
#endif
}

static void apply(struct nika_node *node, const struct nika_action *action, struct nika_span bytes)
{
    switch ((enum nika_action_kind)action->kind) {
    case NIKA_ACTION_SEND:
        if (misbehave(node, action, bytes)) return;
        nika_links_send(node->links, action->to, (enum nika_send_class)action->send_class, bytes);
        return;
    case NIKA_ACTION_BROADCAST:
        if (misbehave(node, action, bytes)) return;
        nika_links_broadcast(node->links, (enum nika_send_class)action->send_class, bytes);
        return;
    case NIKA_ACTION_TIMER:
        nika_timers_set(&node->timers, action, nika_loop_now(node->loop));
        return;
    case NIKA_ACTION_SNAPSHOT_DROP:
        node_app_action(node, action, bytes);
        persist(node, action, bytes);
        return;
    case NIKA_ACTION_PERSIST:
    case NIKA_ACTION_LOG_TRIM:
    case NIKA_ACTION_SNAPSHOT_SAVE:
        persist(node, action, bytes);
        return;
    case NIKA_ACTION_EXECUTE:
    case NIKA_ACTION_QUERY:
    case NIKA_ACTION_SNAPSHOT_TAKE:
    case NIKA_ACTION_SNAPSHOT_CHUNK:
    case NIKA_ACTION_RESTORE_BEGIN:
    case NIKA_ACTION_RESTORE_CHUNK:
    case NIKA_ACTION_RESTORE_END:
        node_app_action(node, action, bytes);
        return;
    case NIKA_ACTION_NOTE:
        note(node, action);
        return;
    case NIKA_ACTION_CERTIFY:
        certify(node, action, bytes);
        return;
    case NIKA_ACTION_COMPLETE:
        break;
    }
    NIKA_ASSERT(false && "not an action of a replica");
}

/* Is what it may have forgotten behind it? Then the next start need not ask again. */
static void look_back(struct nika_node *node)
{
    struct nika_replica_status status;
    node->options.replica_ops->status(node->module, &status);
    if (status.amnesiac) return;
    node->forgetful = false;
    bool noted = nika_durable_remember(node->durable);
    nika_log(node->options.log, noted ? NIKA_LOG_INFO : NIKA_LOG_ERROR, "learned_again",
             "seq=%llu noted=%s", (unsigned long long)status.last_executed, noted ? "yes" : "no");
}

void node_step(struct nika_node *node, struct nika_event *event)
{
    NIKA_ASSERT(!node->stepping);
    /* A step that waits for the trusted subsystem may be asked how the replica is. */
    if (node->trust != NULL) node_replica_status(node, &node->before);
    node->stepping = true;
    event->now_ns = nika_clock_module_at(nika_loop_now(node->loop));
    nika_effects_clear(&node->effects);
    if (node->recorder != NULL) nika_recorder_event(node->recorder, event);
    node->options.replica_ops->step(node->module, event, &node->effects);
    if (node->recorder != NULL) nika_recorder_state(node->recorder, node->module, false);
    NIKA_ASSERT(!node->effects.overflow && "a module asked for more actions than a step may have");
    node->counts.steps++;
    for (uint32_t i = 0; i < node->effects.count; i++) {
        const struct nika_action *action = &node->effects.actions[i];
        apply(node, action, nika_action_bytes(&node->effects, action));
    }
    node->stepping = false;
    if (node->forgetful) look_back(node);
}

static const char *const arrival_texts[NIKA_ARRIVAL_COUNT] = {
    [NIKA_ARRIVAL_GOOD] = "good",
    [NIKA_ARRIVAL_MALFORMED] = "malformed",
    [NIKA_ARRIVAL_UNBOUND] = "for another sender",
    [NIKA_ARRIVAL_FORGED] = "forged"};

/* Count and tell of a frame that was refused. False: whoever sent it is to be hung up on. */
static bool refused(struct nika_node *node, uint32_t peer, enum nika_arrival arrival)
{
    node->counts.arrivals[arrival]++;
    nika_log_limited(node->options.log, NIKA_LOG_WARN, "bad_frame", "peer=%08x reason=\"%s\"", peer,
                     arrival_texts[arrival]);
    /* A client that sends what cannot be right has nothing to lose; a replica may pass on what another forged. */
    return !nika_is_client(peer);
}

static bool is_needed(struct nika_node *node, const struct nika_frame *frame)
{
    const struct nika_replica_ops *ops = node->options.replica_ops;
    if (ops->needs == NULL || ops->needs(node->module, frame)) return true;
    node->counts.unneeded++;
    return false;
}

/* An admitted frame whose turn it is. */
static bool judge(struct nika_node *node, uint32_t peer, const struct nika_frame *frame)
{
    if (!is_needed(node, frame)) return true;
    if (!nika_verifier_check(node->verifier, frame))
        return refused(node, peer, NIKA_ARRIVAL_FORGED);
#ifdef NIKA_BEHAVIOURS
    if (node->behaviour != NULL && !nika_behaviour_receive(node->behaviour, frame)) return true;
#endif
    struct nika_event event = {.kind = NIKA_EVENT_MESSAGE, .frame = frame};
    node->counts.arrivals[NIKA_ARRIVAL_GOOD]++;
    node->counts.messages++;
    node_step(node, &event);
    return true;
}

bool node_on_frame(void *context, uint32_t peer, struct nika_span bytes)
{
    struct nika_node *node = context;
    struct nika_frame frame;
    const struct nika_message_table *messages = node->options.replica_ops->messages;
    enum nika_arrival arrival = nika_verifier_admit(node->verifier, messages, peer, bytes, &frame);
    /* Whose own frame it is, its signature or MAC says; so there must be one. */
    if (arrival == NIKA_ARRIVAL_UNBOUND && frame.auth_alg != NIKA_AUTH_NONE &&
        nika_cluster_carries(node->options.cluster, peer, frame.sender)) {
        peer = frame.sender;
        arrival = NIKA_ARRIVAL_GOOD;
    }
    if (arrival != NIKA_ARRIVAL_GOOD) return refused(node, peer, arrival);
    if (node->pool == NULL) return judge(node, peer, &frame);
    if (!is_needed(node, &frame)) return true;
    bool costly = nika_verifier_is_costly(node->verifier, messages, &frame);
    if (!costly && nika_pool_is_empty(node->pool)) return judge(node, peer, &frame);
    if (nika_pool_submit(node->pool, peer, bytes, costly)) return true;
    node->counts.pool_dropped++;
    nika_log_limited(node->options.log, NIKA_LOG_WARN, "frame_dropped",
                     "peer=%08x reason=\"too many wait for verification\"", peer);
    return true;
}

/* Admitted once, so it passes again; then what the threads found is remembered. */
static bool judge_ready(struct nika_node *node, const struct nika_pool_ready *ready)
{
    struct nika_frame frame;
    for (uint32_t i = 0; i < ready->good_count; i++)
        nika_verifier_remember(node->verifier, &ready->good[i]);
    if (ready->forged) return refused(node, ready->peer, NIKA_ARRIVAL_FORGED);
    enum nika_arrival arrival = nika_verifier_admit(
        node->verifier, node->options.replica_ops->messages, ready->peer, ready->frame, &frame);
    NIKA_ASSERT(arrival == NIKA_ARRIVAL_GOOD);
    return judge(node, ready->peer, &frame);
}

void node_run_pool(struct nika_node *node)
{
    struct nika_pool_ready ready;
    while (node->pool != NULL && nika_pool_take(node->pool, &ready)) {
        if (!judge_ready(node, &ready))
            nika_links_hang_up(node->links, ready.peer, "sent what cannot be right");
        node_run_completions(node);
    }
}

void node_run_timers(struct nika_node *node)
{
    uint32_t slot;
    uint64_t generation, now = nika_loop_now(node->loop);
    /* Those that are due now: one that is set again by its own firing waits for the next round. */
    for (uint32_t i = 0; i < NIKA_TIMERS_MAX; i++) {
        if (!nika_timers_take(&node->timers, now, &slot, &generation)) return;
        struct nika_event event = {
            .kind = NIKA_EVENT_TIMER, .timer = slot, .generation = generation};
        node->counts.timers++;
        node_step(node, &event);
    }
}

static bool run_stored(struct nika_node *node)
{
    struct nika_disk_store_done done[DONE_BATCH];
    uint32_t count = nika_durable_poll(node->durable, done, DONE_BATCH);
    for (uint32_t i = 0; i < count; i++) {
        node->log_done++;
        if (node->trust != NULL && done[i].status != 0)
            nika_trust_refuse(node->trust);
        else if (node->trust != NULL)
            nika_trust_durable(node->trust, node->log_done);
        if (done[i].token == TOKEN_KEPT) continue;
        struct nika_event event = {
            .kind = NIKA_EVENT_STORED, .token = done[i].token, .status = done[i].status};
        if (done[i].status != 0)
            nika_log_limited(node->options.log, NIKA_LOG_ERROR, "disk_failed", "reason=\"%s\"",
                             strerror(done[i].status));
        node->counts.stored++;
        node_step(node, &event);
    }
    return count > 0;
}

static bool run_certified(struct nika_node *node)
{
    struct nika_asked asked;
    uint8_t bytes[NIKA_TRUSTED_CERTIFICATE_SIZE];
    if (node->trust == NULL || !nika_trust_take(node->trust, &asked)) return false;
    struct nika_event event = {
        .kind = NIKA_EVENT_CERTIFIED, .token = asked.token, .status = (int32_t)asked.err};
    if (asked.err == NIKA_OK) {
        nika_trusted_certificate_encode(&asked.certificate, bytes);
        event.bytes = (struct nika_span){bytes, sizeof bytes};
    }
    node->counts.completions++;
    node_step(node, &event);
    return true;
}

static bool run_completion(struct nika_node *node)
{
    struct completion *c = node->first;
    if (c == NULL) return false;
    node->first = c->next;
    if (node->first == NULL) node->last = NULL;
    node->completion_count--;
    struct nika_event event = {
        .kind = c->kind, .token = c->token, .status = c->status, .bytes = {c->bytes, c->size}};
    node->counts.completions++;
    node->log_failing -= c->kind == NIKA_EVENT_STORED ? 1 : 0;
    node_step(node, &event);
    free(c);
    return true;
}

void node_run_completions(struct nika_node *node)
{
    bool more = true;
    while (more) {
        more = run_completion(node);
        while (more && run_completion(node)) continue;
        more = run_stored(node) || more;
        more = run_certified(node) || more;
    }
}
