/* lib/client.c: see include/nika/client.h. A world for one client module: its sessions, timers and timestamp file. */
#include "include/nika/client.h"

#include "engine/core/assert.h"
#include "engine/shim/file.h"
#include "engine/shim/links.h"
#include "engine/shim/timers.h"
#include "engine/shim/verify.h"
#include "protocols/client/client.h"
#include "protocols/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define ACTIONS_MAX 256u
#define EFFECT_BYTES (1024u * 1024u)
#define OUTBOUND_BYTES (4u * 1024u * 1024u)
#define MS UINT64_C(1000000)
#define GRACE_NS (250u * MS) /* For the last f replicas, which may be gone for good. */

_Static_assert(NIKA_CLIENT_OUTSTANDING_MAX == NIKA_CLIENT_QUEUE + 1,
               "as many as the module keeps at a time");

/* One place for an operation. Told before answered: it timed out, and its place stays taken until the module lets go of it. */
struct operation {
    bool used, answered, told;
    uint64_t token, deadline_ns;
    void (*done)(void *, enum nika_client_result, const void *, size_t);
    void *context;
    uint32_t size;
    uint8_t *result; /* reply_size_max */
};
struct nika_client {
    struct nika_cluster *cluster;
    const struct nika_protocol *protocol;
    struct nika_node_keys keys;
    struct nika_keyring *keyring;
    struct nika_verifier *verifier;
    struct nika_log *log;
    struct nika_loop *loop;
    struct nika_links *links;
    struct nika_timers timers;
    struct nika_effects effects;
    struct nika_replica *module;
    void *memory;
    int lock; /* The key file. */
    struct nika_files files;
    char folder[NIKA_PATH_SIZE], record[NIKA_FILE_NAME_SIZE];
    bool stored;
    uint64_t stored_token, tokens;
    int32_t stored_status;
    struct operation operations[NIKA_CLIENT_OUTSTANDING_MAX];
};

const char *nika_client_result_text(enum nika_client_result result)
{
    switch (result) {
    case NIKA_CLIENT_RESULT_OK:
        return "answered";
    case NIKA_CLIENT_RESULT_TIMEOUT:
        return "no answer in time; the operation may have been executed";
    case NIKA_CLIENT_RESULT_BUSY:
        return "too many operations are outstanding";
    case NIKA_CLIENT_RESULT_TOO_LARGE:
        return "operation or result is too large";
    }
    return "unknown result";
}

/* ---- what the module asks for ---- */
static void persist(struct nika_client *c, const struct nika_action *action, struct nika_span bytes)
{
    NIKA_ASSERT(action->kind == NIKA_ACTION_PERSIST);
    c->stored_status = nika_file_replace(&c->files, c->record, bytes) == 0 ? 0 : -1;
    c->stored = true;
    c->stored_token = action->token;
}

static void answered(struct nika_client *c, uint64_t token, struct nika_span bytes)
{
    for (uint32_t i = 0; i < NIKA_CLIENT_OUTSTANDING_MAX; i++) {
        struct operation *o = &c->operations[i];
        if (!o->used || o->token != token) continue;
        NIKA_ASSERT(bytes.size <= c->cluster->config.reply_size_max);
        o->answered = true;
        o->size = bytes.size;
        if (bytes.size > 0) memcpy(o->result, bytes.data, bytes.size);
        return;
    }
    NIKA_ASSERT(false && "an answer to nothing");
}

static void apply(struct nika_client *c, const struct nika_action *action, struct nika_span bytes)
{
    switch ((enum nika_action_kind)action->kind) {
    case NIKA_ACTION_SEND:
        nika_links_send(c->links, action->to, (enum nika_send_class)action->send_class, bytes);
        return;
    case NIKA_ACTION_BROADCAST:
        nika_links_broadcast(c->links, (enum nika_send_class)action->send_class, bytes);
        return;
    case NIKA_ACTION_TIMER:
        nika_timers_set(&c->timers, action, nika_clock_monotonic());
        return;
    case NIKA_ACTION_PERSIST:
        persist(c, action, bytes);
        return;
    case NIKA_ACTION_COMPLETE:
        answered(c, action->token, bytes);
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

static void step_once(struct nika_client *c, struct nika_event *event)
{
    event->now_ns = nika_clock_module();
    nika_effects_clear(&c->effects);
    c->protocol->client->step(c->module, event, &c->effects);
    NIKA_ASSERT(!c->effects.overflow);
    for (uint32_t i = 0; i < c->effects.count; i++)
        apply(c, &c->effects.actions[i], nika_action_bytes(&c->effects, &c->effects.actions[i]));
}

static void step(struct nika_client *c, struct nika_event *event)
{
    step_once(c, event);
    while (c->stored) {
        struct nika_event stored = {
            .kind = NIKA_EVENT_STORED, .token = c->stored_token, .status = c->stored_status};
        c->stored = false;
        step_once(c, &stored);
    }
}

static bool on_frame(void *context, uint32_t peer, struct nika_span bytes)
{
    struct nika_client *c = context;
    struct nika_frame frame;
    /* A liar's frame is left out; the connection may stay, for what it sends is bounded and never believed alone. */
    if (nika_verifier_judge(c->verifier, c->protocol->replica->messages, peer, bytes, &frame) !=
        NIKA_ARRIVAL_GOOD)
        return true;
    struct nika_event event = {.kind = NIKA_EVENT_MESSAGE, .frame = &frame};
    step(c, &event);
    return true;
}

/* ---- making ---- */
static uint32_t protocol_id(const char *name)
{
    const struct nika_protocol *p = nika_protocol_find(name);
    return p == NULL ? 0 : p->id;
}

static const char *protocol_check(const char *name, const struct nika_config *config)
{
    return nika_protocol_find(name)->replica->check(config);
}

/* Operations are bytes here: a client can talk to an application that it does not know. */
static bool any_app(const char *name)
{
    return name[0] != '\0';
}

static bool read_files(struct nika_client *c, const char *cluster_file, const char *key_file,
                       struct nika_problems *p)
{
    static const struct nika_cluster_names names = {protocol_id, protocol_check, any_app};
    c->cluster = nika_cluster_load(cluster_file, &names, p);
    if (c->cluster == NULL || !nika_keys_load(key_file, 0, NULL, &c->keys, p)) return false;
    uint32_t node = c->keys.node;
    if (!nika_is_client(node)) {
        nika_problem(p, key_file, "", "keys of a replica; expected those of a client");
        return false;
    }
    if (!nika_keys_load(key_file, node, c->cluster, &c->keys, p)) return false;
    c->keyring = nika_keys_ring(&c->keys, c->cluster, key_file, p);
    c->protocol = nika_protocol_find(c->cluster->protocol);
    return c->keyring != NULL;
}

/* Two processes with one identity would each take the other's timestamps for used. */
static bool lock_identity(struct nika_client *c, const char *key_file, struct nika_problems *p)
{
    const char *slash = strrchr(key_file, '/');
    const char *name = slash == NULL ? key_file : slash + 1;
    size_t length = slash == NULL ? 0 : (size_t)(slash - key_file) + 1;
    int used = snprintf(c->record, sizeof c->record, "%s.timestamp", name);
    if (used < 0 || (size_t)used >= sizeof c->record || length + 2 > sizeof c->folder) {
        nika_problem(p, key_file, "", "its name is too long");
        return false;
    }
    if (length > 0) memcpy(c->folder, key_file, length);
    memcpy(c->folder + length, ".", 2);
    c->lock = open(key_file, O_RDONLY | O_CLOEXEC);
    if (c->lock < 0 || flock(c->lock, LOCK_EX | LOCK_NB) != 0) {
        nika_problem(p, key_file, "",
                     errno == EWOULDBLOCK ? "another process uses this client; take another one"
                                          : "cannot be locked");
        return false;
    }
    c->files = (struct nika_files){.ops = &nika_file_system,
                                   .dir = open(c->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                                   .path = c->folder};
    if (c->files.dir >= 0) return true;
    nika_problem(p, c->folder, "", "cannot be opened: %s", strerror(errno));
    return false;
}

/* Without a whole record the module counts as one that forgot, and goes on from the time of day. */
static void recover(struct nika_client *c)
{
    uint8_t *data = NULL;
    uint32_t size = 0;
    bool whole = nika_file_read(&c->files, c->record, 64, &data, &size) == 0 && size == 8;
    struct nika_span record = {data, whole ? size : 0};
    c->protocol->client->recover(
        c->module, whole ? NIKA_CLIENT_RECORD_TIMESTAMP : NIKA_RECORD_AMNESIA, 0, record);
    free(data);
}

static bool make(struct nika_client *c)
{
    const struct nika_config *config = &c->cluster->config;
    c->log = nika_log_open("/dev/null", NIKA_LOG_ERROR);
    c->loop = nika_loop_new();
    c->verifier = nika_verifier_new(config, c->keyring, c->keys.node);
    c->memory = calloc(1, c->protocol->client->size(config));
    c->effects.actions = calloc(ACTIONS_MAX, sizeof *c->effects.actions);
    c->effects.capacity = ACTIONS_MAX;
    c->effects.bytes = malloc(EFFECT_BYTES);
    c->effects.bytes_capacity = EFFECT_BYTES;
    bool good = c->log != NULL && c->loop != NULL && c->verifier != NULL && c->memory != NULL &&
                c->effects.actions != NULL && c->effects.bytes != NULL;
    for (uint32_t i = 0; i < NIKA_CLIENT_OUTSTANDING_MAX; i++) {
        c->operations[i].result = malloc(config->reply_size_max);
        good = good && c->operations[i].result != NULL;
    }
    if (!good) return false;
    const struct nika_links_options links = {.self = c->keys.node,
                                             .cluster = c->cluster,
                                             .keys = &c->keys,
                                             .loop = c->loop,
                                             .log = c->log,
                                             .outbound_bytes = OUTBOUND_BYTES,
                                             .context = c,
                                             .on_frame = on_frame};
    c->links = nika_links_new(&links);
    if (c->links == NULL) return false;
    c->module = c->protocol->client->init(c->memory, config, nika_verifier_host(c->verifier));
    recover(c);
    struct nika_event start = {.kind = NIKA_EVENT_START};
    step(c, &start);
    return true;
}

static void tell(const struct nika_problems *p, char *error, size_t error_size)
{
    size_t used = 0;
    if (error_size > 0) error[0] = '\0';
    for (uint32_t i = 0; i < p->count && i < NIKA_PROBLEMS_MAX && used < error_size; i++) {
        int size =
            snprintf(error + used, error_size - used, "%s%s", i == 0 ? "" : "\n", p->lines[i]);
        if (size > 0) used += (size_t)size;
    }
}

struct nika_client *nika_client_open(const char *cluster_file, const char *key_file, char *error,
                                     size_t error_size)
{
    struct nika_problems *p = calloc(1, sizeof *p);
    struct nika_client *c = calloc(1, sizeof *c);
    bool good = p != NULL && c != NULL;
    if (c != NULL) c->lock = c->files.dir = -1;
    if (good) {
        good = read_files(c, cluster_file, key_file, p) && lock_identity(c, key_file, p);
        if (good && !make(c)) {
            nika_problem(p, cluster_file, "", "out of memory or file descriptors");
            good = false;
        }
        tell(p, error, error_size);
    } else if (error_size > 0) {
        snprintf(error, error_size, "out of memory");
    }
    free(p);
    if (good) return c;
    nika_client_close(c);
    return NULL;
}

void nika_client_close(struct nika_client *c)
{
    if (c == NULL) return;
    nika_links_free(c->links);
    nika_loop_free(c->loop);
    nika_verifier_free(c->verifier);
    nika_keyring_free(c->keyring);
    nika_key_erase(&c->keys, sizeof c->keys);
    nika_cluster_free(c->cluster);
    if (c->log != NULL) nika_log_close(c->log);
    for (uint32_t i = 0; i < NIKA_CLIENT_OUTSTANDING_MAX; i++) free(c->operations[i].result);
    free(c->effects.actions);
    free(c->effects.bytes);
    free(c->memory);
    if (c->files.dir >= 0) close(c->files.dir);
    if (c->lock >= 0) close(c->lock);
    free(c);
}

/* ---- running ---- */
static uint32_t call_back(struct nika_client *c, uint64_t now)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < NIKA_CLIENT_OUTSTANDING_MAX; i++) {
        struct operation *o = &c->operations[i];
        if (!o->used || (!o->answered && (o->told || o->deadline_ns > now))) continue;
        bool told = o->told;
        o->told = true;
        if (!told) {
            o->done(o->context, o->answered ? NIKA_CLIENT_RESULT_OK : NIKA_CLIENT_RESULT_TIMEOUT,
                    o->answered ? o->result : NULL, o->answered ? o->size : 0);
            count++;
        }
        /* A callback may submit, which can answer this one but never use its place: it is free from here on. */
        if (o->answered) o->used = o->answered = o->told = false;
    }
    return count;
}

static uint64_t earliest(const struct nika_client *c, uint64_t until)
{
    uint64_t timer = nika_timers_deadline(&c->timers), links = nika_links_deadline(c->links);
    if (timer < until) until = timer;
    if (links < until) until = links;
    for (uint32_t i = 0; i < NIKA_CLIENT_OUTSTANDING_MAX; i++) {
        const struct operation *o = &c->operations[i];
        if (o->used && !o->told && o->deadline_ns < until) until = o->deadline_ns;
    }
    return until;
}

static uint32_t round_of(struct nika_client *c, uint64_t until)
{
    uint32_t slot;
    uint64_t generation;
    (void)nika_links_flush(c->links);
    nika_loop_once(c->loop, earliest(c, until));
    uint64_t now = nika_clock_monotonic();
    while (nika_timers_take(&c->timers, now, &slot, &generation)) {
        struct nika_event event = {
            .kind = NIKA_EVENT_TIMER, .timer = slot, .generation = generation};
        step(c, &event);
    }
    if (nika_links_deadline(c->links) <= now) nika_links_tick(c->links, now);
    (void)nika_links_flush(c->links);
    return call_back(c, now);
}

uint32_t nika_client_poll(struct nika_client *client, uint32_t timeout_ms)
{
    uint64_t until = nika_clock_monotonic() + timeout_ms * MS;
    uint32_t count = 0;
    do count = round_of(client, until);
    while (count == 0 && nika_clock_monotonic() < until);
    return count;
}

bool nika_client_connect(struct nika_client *client, uint32_t timeout_ms)
{
    const struct nika_config *config = &client->cluster->config;
    uint64_t began = nika_clock_monotonic(), until = began + timeout_ms * MS, now = began;
    /* Two quorums share a correct replica, ceil((n + f + 1) / 2); where none can say two things, any replica. */
    uint32_t faulty = client->protocol->replica->hybrid ? 0 : config->f;
    uint32_t quorum = (config->n + faulty) / 2 + 1;
    for (;;) {
        uint32_t up = nika_links_replicas_up(client->links);
        if (up == config->n || (up >= quorum && now >= began + GRACE_NS)) return true;
        if (now >= until) return false;
        uint64_t next = now < began + GRACE_NS ? began + GRACE_NS : until;
        (void)round_of(client, next < until ? next : until);
        now = nika_clock_monotonic();
    }
}

uint32_t nika_client_unreachable(const struct nika_client *client, uint32_t *out, uint32_t max)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < client->cluster->config.n; i++) {
        if (nika_links_is_up(client->links, i)) continue;
        if (count < max) out[count] = i;
        count++;
    }
    return count;
}

uint32_t nika_client_pending(const struct nika_client *client)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < NIKA_CLIENT_OUTSTANDING_MAX; i++)
        count += client->operations[i].used && !client->operations[i].told;
    return count;
}

enum nika_client_result nika_client_submit(struct nika_client *client, const void *operation,
                                           size_t size, bool read_only, uint32_t timeout_ms,
                                           void (*done)(void *context,
                                                        enum nika_client_result result,
                                                        const void *bytes, size_t bytes_size),
                                           void *context)
{
    struct operation *o = client->operations;
    if (size > client->cluster->config.op_size_max) return NIKA_CLIENT_RESULT_TOO_LARGE;
    while (o < client->operations + NIKA_CLIENT_OUTSTANDING_MAX && o->used) o++;
    if (o == client->operations + NIKA_CLIENT_OUTSTANDING_MAX) return NIKA_CLIENT_RESULT_BUSY;
    o->used = true;
    o->token = ++client->tokens;
    o->deadline_ns = nika_clock_monotonic() + timeout_ms * MS;
    o->done = done;
    o->context = context;
    struct nika_event event = {.kind = NIKA_EVENT_INVOKE,
                               .token = o->token,
                               .status = read_only ? (int32_t)NIKA_OP_READ_ONLY : 0,
                               .bytes = {operation, (uint32_t)size}};
    step(client, &event);
    return NIKA_CLIENT_RESULT_OK;
}

struct waiting {
    bool over;
    enum nika_client_result result;
    void *reply;
    size_t capacity, size;
};

static void take(void *context, enum nika_client_result result, const void *bytes, size_t size)
{
    struct waiting *w = context;
    w->over = true;
    w->result = size > w->capacity ? NIKA_CLIENT_RESULT_TOO_LARGE : result;
    w->size = size;
    if (size > 0 && size <= w->capacity) memcpy(w->reply, bytes, size);
}

enum nika_client_result nika_client_call(struct nika_client *client, const void *operation,
                                         size_t size, bool read_only, uint32_t timeout_ms,
                                         void *reply, size_t capacity, size_t *reply_size)
{
    struct waiting w = {.reply = reply, .capacity = capacity};
    enum nika_client_result begun =
        nika_client_submit(client, operation, size, read_only, timeout_ms, take, &w);
    *reply_size = 0;
    if (begun != NIKA_CLIENT_RESULT_OK) return begun;
    while (!w.over) (void)nika_client_poll(client, timeout_ms);
    *reply_size = w.size;
    return w.result;
}
