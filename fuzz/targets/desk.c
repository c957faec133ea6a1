/* fuzz/targets/desk.c: see desk.h. */
#include "fuzz/targets/desk_disk.h"
#include "fuzz/targets/desk_judge.h"
#include "fuzz/targets/desk_trusted.h"

#include <stdlib.h>

#include "apps/registry.h"
#include "engine/core/app_run.h"
#include "engine/core/digest.h"
#include "protocols/common/messages.h"

#define EFFECTS_MAX 4096u
#define EFFECT_BYTES (8u * 1024u * 1024u)
#define COMPLETIONS_MAX 4096u
#define ARENA_BYTES (8u * 1024u * 1024u)
#define RESULT_MAX 256u
#define SAID_MAX 512u
#define WORDS_MAX 64u
#define WORDS_BYTES (64u * 1024u)
#define START_NS UINT64_C(10000000000)

struct completion {
    enum nika_event_kind kind;
    uint64_t token;
    int32_t status;
    struct nika_span bytes; /* In `waiting`. */
};
/* What the replica said where it may speak only once. */
struct said {
    uint8_t message_class;
    uint64_t view, seq;
    struct nika_digest digest;
};
/* One of its frames, among all that are kept. */
struct word {
    uint32_t at, size;
};
/* Everything that an input changes besides the module, the application and the arena. */
struct desk_state {
    uint64_t now_ns;
    bool hold;
    uint32_t first, count; /* Of `completions`. */
    uint32_t said_count, word_count, words_used;
    uint64_t left_view; /* Of the highest VIEW-CHANGE sent. */
    uint64_t digest;
    uint32_t waiting_used;
    bool armed[NIKA_TIMERS_MAX];
    uint64_t generation[NIKA_TIMERS_MAX];
    uint64_t timestamp;
    uint32_t completed;
    uint8_t result[RESULT_MAX];
    uint32_t result_size;
    bool lost_disk; /* Ever. */
    struct desk_judge judge;
};
struct desk {
    const struct nika_replica_ops *ops;
    const struct nika_client_ops *client;
    const struct nika_message_table *messages;
    const struct nika_app_ops *app_ops;
    struct nika_config config;
    struct nika_keyring *keyring;
    struct nika_host host;
    struct desk_trusted trusted; /* Of hybrid protocols. */
    struct desk_disk disk;
    struct nika_effects effects;
    desk_listener *listener;
    void *listener_context;
    struct nika_replica *module;
    struct nika_app *app;
    uint8_t *module_memory, *app_memory, *scratch;
    uint8_t *arena;   /* Of whoever plays. */
    uint8_t *waiting; /* Bytes of completions. */
    uint32_t arena_used;
    size_t module_size, app_size;
    struct completion completions[COMPLETIONS_MAX];
    struct said said[SAID_MAX];
    struct word words[WORDS_MAX]; /* Only added to: what the mark has stays. */
    uint8_t words_bytes[WORDS_BYTES];
    struct desk_state state;
    /* The marked state. */
    struct desk_state marked;
    struct said marked_said[SAID_MAX];
    uint8_t *marked_module, *marked_app;
    size_t marked_module_used, marked_app_used;
};

/* ---- The host ---- */
static struct nika_span signed_bytes(struct desk *d, uint8_t type, uint32_t sender,
                                     struct nika_span body)
{
    struct nika_writer w = nika_writer_of(d->scratch, DESK_SCRATCH);
    nika_frame_signed_bytes(&d->config, type, sender, body, &w);
    NIKA_TARGET_CHECK(!w.failed, "a body of %u bytes", body.size);
    return (struct nika_span){d->scratch, w.at};
}

static uint32_t authenticate(void *world, uint32_t self, enum nika_auth_alg alg, uint8_t type,
                             uint32_t to, struct nika_span body, uint8_t *auth)
{
    struct desk *d = world;
    uint32_t size = NIKA_AUTH_SIZE_MAX;
    if (alg == NIKA_AUTH_NONE) return 0;
    struct nika_span message = signed_bytes(d, type, self, body);
    enum nika_err err = alg == NIKA_AUTH_MAC ? nika_mac(d->keyring, self, to, message, auth, &size)
                                             : nika_sign(d->keyring, self, message, auth, &size);
    NIKA_TARGET_CHECK(err == NIKA_OK, "node %u cannot sign", self);
    return size;
}

static bool verify(void *world, uint32_t self, const struct nika_frame *frame)
{
    struct desk *d = world;
    if (frame->auth_alg == NIKA_AUTH_NONE) return true;
    struct nika_span message = signed_bytes(d, frame->type, frame->sender, frame->body);
    if (frame->auth_alg == NIKA_AUTH_MAC)
        return nika_mac_verify(d->keyring, frame->sender, self, message, frame->auth) == NIKA_OK;
    return nika_verify(d->keyring, frame->sender, message, frame->auth) == NIKA_OK;
}

static uint64_t jitter(void *world, uint32_t self, uint32_t timer, uint64_t n)
{
    (void)world, (void)self, (void)timer;
    return n / 2;
}

/* A piece of a region of ARENA_BYTES of which *used are taken. */
static void *take(uint8_t *region, uint32_t *used, uint32_t size)
{
    size = (size + 15u) / 16u * 16u;
    NIKA_TARGET_CHECK(size <= ARENA_BYTES - *used, "the desk's memory is full");
    void *at = region + *used;
    *used += size;
    return at;
}

void *desk_alloc(struct desk *d, uint32_t size)
{
    return take(d->arena, &d->arena_used, size);
}

void desk_forget(struct desk *d)
{
    d->arena_used = 0;
}

/* ---- What the module asked for ---- */
static void complete(struct desk *d, enum nika_event_kind kind, uint64_t token, int32_t status,
                     struct nika_span bytes)
{
    NIKA_TARGET_CHECK(d->state.count < COMPLETIONS_MAX, "more than %u completions wait",
                      COMPLETIONS_MAX);
    uint32_t at = (d->state.first + d->state.count++) % COMPLETIONS_MAX;
    uint8_t *copy = take(d->waiting, &d->state.waiting_used, bytes.size);
    if (bytes.size > 0) memcpy(copy, bytes.data, bytes.size);
    d->completions[at] = (struct completion){kind, token, status, {copy, bytes.size}};
}

static bool speaks_once(uint8_t message_class)
{
    return message_class == NIKA_MESSAGE_PROPOSE || message_class == NIKA_MESSAGE_PREPARE ||
           message_class == NIKA_MESSAGE_COMMIT || message_class == NIKA_MESSAGE_CHECKPOINT;
}

static void hear_client(struct desk *d, const struct nika_frame *frame)
{
    struct common_request request;
    if (nika_decode(&common_info_request, frame->body, &request) != NIKA_OK) return;
    NIKA_TARGET_CHECK(request.timestamp >= d->state.timestamp, "D7: timestamp %llu after %llu",
                      (unsigned long long)request.timestamp,
                      (unsigned long long)d->state.timestamp);
    d->state.timestamp = request.timestamp;
}

static bool is_certified(const struct nika_summary *s)
{
    return speaks_once(s->message_class) || s->message_class == NIKA_MESSAGE_VIEW_CHANGE ||
           s->message_class == NIKA_MESSAGE_NEW_VIEW;
}

/* Words that whoever plays put into the module's mouth. */
static bool is_forged(const struct desk *d, const struct nika_frame *frame)
{
    return !desk_trusted_issued(&d->trusted, d->ops, &d->config, frame) &&
           desk_trusted_good(&d->trusted, d->ops, &d->config, frame);
}

/* The first that there is room for; each once. */
static void keep_word(struct desk *d, struct nika_span frame)
{
    struct desk_state *s = &d->state;
    if (s->word_count == WORDS_MAX || frame.size > WORDS_BYTES - s->words_used) return;
    for (uint32_t i = s->word_count; i-- > 0;) {
        const struct word *w = &d->words[i];
        if (w->size == frame.size && memcmp(d->words_bytes + w->at, frame.data, w->size) == 0)
            return;
    }
    memcpy(d->words_bytes + s->words_used, frame.data, frame.size);
    d->words[s->word_count++] = (struct word){s->words_used, frame.size};
    s->words_used += frame.size;
}

static const struct said *said_before(const struct desk *d, const struct nika_summary *s)
{
    for (uint32_t i = 0; i < d->state.said_count; i++) {
        const struct said *said = &d->said[i];
        if (said->message_class == s->message_class && said->view == s->view && said->seq == s->seq)
            return said;
    }
    return NULL;
}

static void hear(struct desk *d, struct nika_span bytes)
{
    struct nika_frame frame;
    struct nika_summary s;
    enum nika_err err = nika_frame_parse(bytes, d->config.epoch, NIKA_MESSAGE_SIZE_MAX, &frame);
    NIKA_TARGET_CHECK(err == NIKA_OK, "the module sent what is no frame");
    d->state.digest = nika_hash64(bytes.data, bytes.size, d->state.digest);
    if (d->ops == NULL) {
        hear_client(d, &frame);
        return;
    }
    if (frame.sender != d->host.self) return;
    memset(&s, 0, sizeof s);
    d->ops->describe(frame.type, frame.body, &s);
    if (is_certified(&s) && desk_is_hybrid(d) && is_forged(d, &frame)) return;
    if (is_certified(&s)) keep_word(d, bytes);
    if (s.message_class == NIKA_MESSAGE_VIEW_CHANGE) {
        desk_judge_said(&d->state.judge, &s, s.view <= d->state.left_view);
        if (s.view > d->state.left_view) d->state.left_view = s.view;
    }
    NIKA_TARGET_CHECK(!is_certified(&s) || !d->trusted.state.told ||
                          desk_trusted_good(&d->trusted, d->ops, &d->config, &frame),
                      "TSG: a message of class %u that its trusted subsystem did not certify",
                      s.message_class);
    if (!speaks_once(s.message_class)) return;
    const struct said *before = said_before(d, &s);
    bool again = before != NULL && nika_digest_equal(&before->digest, &s.digest);
    /* Who lost its disk learns of its own NEW-VIEW again, and may send of it what it sent already. */
    NIKA_TARGET_CHECK(s.message_class == NIKA_MESSAGE_CHECKPOINT || s.view >= d->state.left_view ||
                          (again && d->state.lost_disk),
                      "INV-VCM: a vote in view %llu after a VIEW-CHANGE for %llu",
                      (unsigned long long)s.view, (unsigned long long)d->state.left_view);
    NIKA_TARGET_CHECK(before == NULL || again,
                      "O6: two messages of class %u for view %llu, sequence number %llu",
                      s.message_class, (unsigned long long)s.view, (unsigned long long)s.seq);
    desk_judge_said(&d->state.judge, &s, again);
    if (before != NULL) return;
    if (d->state.said_count == SAID_MAX) return;
    d->said[d->state.said_count++] = (struct said){s.message_class, s.view, s.seq, s.digest};
}

static void set_timer(struct desk *d, const struct nika_action *a)
{
    NIKA_TARGET_CHECK(a->id < NIKA_TIMERS_MAX, "timer %u", a->id);
    d->state.armed[a->id] = a->a != NIKA_TIMER_CANCEL;
    d->state.generation[a->id] = a->token;
}

static void complete_meta(struct desk *d, uint64_t token, int32_t status,
                          const struct nika_snapshot_meta *meta)
{
    uint8_t bytes[NIKA_SNAPSHOT_META_SIZE];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    nika_snapshot_meta_write(&w, meta);
    complete(d, NIKA_EVENT_APP, token, status, (struct nika_span){bytes, w.at});
}

static void ask_app(struct desk *d, const struct nika_action *a, struct nika_span bytes)
{
    struct nika_writer out = nika_writer_of(d->scratch, DESK_SCRATCH);
    struct nika_app_batch batch;
    struct nika_snapshot_meta meta;
    enum nika_err err;
    memset(&meta, 0, sizeof meta);
    switch (a->kind) {
    case NIKA_ACTION_EXECUTE:
        nika_app_run_batch(d->app_ops, d->app, d->config.reply_size_max, bytes, &out, &batch);
        complete(d, NIKA_EVENT_APP, a->token, 0, (struct nika_span){out.data, out.at});
        return;
    case NIKA_ACTION_QUERY:
        nika_app_run_query(d->app_ops, d->app, d->config.reply_size_max, bytes, &out);
        complete(d, NIKA_EVENT_APP, a->token, 0, (struct nika_span){out.data, out.at});
        return;
    case NIKA_ACTION_SNAPSHOT_TAKE:
        d->app_ops->snapshot_take(d->app, a->a, &meta);
        desk_disk_remember(&d->disk, &meta);
        complete_meta(d, a->token, 0, &meta);
        return;
    case NIKA_ACTION_SNAPSHOT_CHUNK:
        err = nika_app_run_chunk(d->app_ops, d->app, a->a, a->id, &out);
        complete(d, NIKA_EVENT_APP, a->token, err, (struct nika_span){out.data, out.at});
        return;
    case NIKA_ACTION_SNAPSHOT_DROP:
        d->app_ops->snapshot_drop(d->app, a->a);
        desk_disk_drop(&d->disk, a->a);
        return;
    case NIKA_ACTION_RESTORE_BEGIN:
        nika_app_run_restore_begin(d->app_ops, d->app, bytes);
        return;
    case NIKA_ACTION_RESTORE_CHUNK:
        (void)d->app_ops->restore_chunk(d->app, a->id, bytes);
        return;
    case NIKA_ACTION_RESTORE_END:
        err = d->app_ops->restore_end(d->app, &meta);
        if (err == NIKA_OK) desk_disk_remember(&d->disk, &meta);
        complete_meta(d, a->token, err, &meta);
        return;
    default:
        nika_target_fail("an action of kind %u", a->kind);
    }
}

static void apply(struct desk *d, const struct nika_action *a, struct nika_span bytes)
{
    bool saved;
    switch (a->kind) {
    case NIKA_ACTION_SEND:
    case NIKA_ACTION_BROADCAST:
        hear(d, bytes);
        if (d->listener != NULL)
            d->listener(d->listener_context, a->kind == NIKA_ACTION_SEND ? a->to : NIKA_NODE_NONE,
                        bytes);
        return;
    case NIKA_ACTION_TIMER:
        set_timer(d, a);
        return;
    case NIKA_ACTION_PERSIST:
        desk_disk_append(&d->disk, a->id, a->a, bytes);
        complete(d, NIKA_EVENT_STORED, a->token, 0, (struct nika_span){0});
        return;
    case NIKA_ACTION_SNAPSHOT_SAVE:
        saved = desk_disk_save(&d->disk, d->app_ops, d->app, &d->config, a->a, bytes);
        complete(d, NIKA_EVENT_STORED, a->token, saved ? 0 : 1, (struct nika_span){0});
        return;
    case NIKA_ACTION_COMPLETE:
        d->state.completed++;
        NIKA_TARGET_CHECK(bytes.size <= RESULT_MAX, "a result of %u bytes", bytes.size);
        if (bytes.size > 0) memcpy(d->state.result, bytes.data, bytes.size);
        d->state.result_size = bytes.size;
        d->state.digest = nika_hash64(bytes.data, bytes.size, d->state.digest ^ a->token);
        return;
    case NIKA_ACTION_NOTE:
        d->state.digest = nika_hash64(bytes.data, bytes.size, d->state.digest ^ a->id ^ a->a);
        if (d->ops != NULL) desk_judge_note(&d->state.judge, d, a);
        return;
    case NIKA_ACTION_LOG_TRIM:
        desk_disk_trim(&d->disk, a->a);
        return;
    default:
        ask_app(d, a, bytes);
    }
}

/* Where the module says that it stands, and whether it may. */
static struct nika_replica_status stands(struct desk *d)
{
    struct nika_replica_status s;
    memset(&s, 0, sizeof s);
    d->ops->status(d->module, &s);
    desk_judge_stands(&d->state.judge, d, &s);
    NIKA_TARGET_CHECK(!d->trusted.state.told || s.wait == NIKA_WAIT_TRUSTED,
                      "TSG: its trusted subsystem failed, and it goes on");
    return s;
}

static void step(struct desk *d, const struct nika_event *event)
{
    nika_effects_clear(&d->effects);
    if (d->ops != NULL)
        d->ops->step(d->module, event, &d->effects);
    else
        d->client->step(d->module, event, &d->effects);
    NIKA_TARGET_CHECK(!d->effects.overflow, "more effects than %u actions or %u bytes", EFFECTS_MAX,
                      EFFECT_BYTES);
    for (uint32_t i = 0; i < d->effects.count; i++) {
        const struct nika_action *a = &d->effects.actions[i];
        apply(d, a, nika_action_bytes(&d->effects, a));
    }
    if (d->ops != NULL && d->effects.count > 0) (void)stands(d);
    if (!d->state.hold) desk_settle(d);
}

void desk_settle(struct desk *d)
{
    bool held = d->state.hold;
    d->state.hold = true; /* Later completions join the queue, not the stack. */
    while (d->state.count > 0) {
        const struct completion *c = &d->completions[d->state.first];
        struct nika_event event = {.kind = c->kind,
                                   .now_ns = d->state.now_ns,
                                   .token = c->token,
                                   .status = c->status,
                                   .bytes = c->bytes};
        d->state.first = (d->state.first + 1) % COMPLETIONS_MAX;
        d->state.count--;
        if (c->kind == NIKA_EVENT_STORED && c->status == 0) desk_disk_stored(&d->disk);
        step(d, &event);
        if (d->state.count == 0) d->state.waiting_used = 0;
    }
    d->state.hold = held;
}

/* ---- For targets ---- */
void desk_hold(struct desk *d, bool hold)
{
    d->state.hold = hold;
}

void desk_pass(struct desk *d, uint64_t ns)
{
    d->state.now_ns += ns;
}

void desk_fire(struct desk *d, uint32_t timer)
{
    if (timer >= NIKA_TIMERS_MAX || !d->state.armed[timer]) return;
    d->state.armed[timer] = false;
    struct nika_event event = {.kind = NIKA_EVENT_TIMER,
                               .now_ns = d->state.now_ns,
                               .timer = timer,
                               .generation = d->state.generation[timer]};
    step(d, &event);
}

void desk_invoke(struct desk *d, uint64_t token, struct nika_span op, uint32_t flags)
{
    struct nika_event event = {.kind = NIKA_EVENT_INVOKE,
                               .now_ns = d->state.now_ns,
                               .token = token,
                               .status = (int32_t)flags,
                               .bytes = op};
    step(d, &event);
}

struct nika_span desk_raw_frame(struct desk *d, uint32_t sender, uint8_t type, uint8_t alg,
                                struct nika_span body)
{
    uint8_t auth[NIKA_AUTH_SIZE_MAX];
    uint32_t auth_size =
        authenticate(d, sender, (enum nika_auth_alg)alg, type, d->host.self, body, auth);
    uint32_t size = nika_frame_size(body.size, auth_size);
    struct nika_writer w = nika_writer_of(desk_alloc(d, size), size);
    nika_frame_write(&d->config, type, sender, body, (enum nika_auth_alg)alg,
                     (struct nika_span){auth, auth_size}, &w);
    NIKA_TARGET_CHECK(!w.failed, "a frame of %u bytes", size);
    return (struct nika_span){w.data, w.at};
}

struct nika_span desk_frame(struct desk *d, uint32_t sender, const struct nika_message_info *info,
                            const void *message)
{
    uint32_t size = nika_encoded_size(info, message);
    struct nika_writer w = nika_writer_of(desk_alloc(d, size), size);
    nika_encode(info, message, &w);
    NIKA_TARGET_CHECK(!w.failed, "%s cannot be encoded", info->name);
    return desk_raw_frame(d, sender, info->type, info->auth, (struct nika_span){w.data, w.at});
}

bool desk_deliver(struct desk *d, struct nika_span bytes)
{
    struct nika_frame frame;
    if (nika_ingress(&d->config, d->messages, bytes, &frame) != NIKA_OK) return false;
    if (!verify(d, d->host.self, &frame)) return false;
    if (d->ops != NULL) desk_judge_heard(&d->state.judge, d, &frame, verify);
    struct nika_event event = {
        .kind = NIKA_EVENT_MESSAGE, .now_ns = d->state.now_ns, .frame = &frame};
    step(d, &event);
    return true;
}

const struct nika_config *desk_config(const struct desk *d)
{
    return &d->config;
}

uint32_t desk_self(const struct desk *d)
{
    return d->host.self;
}

const struct nika_message_table *desk_messages(const struct desk *d)
{
    return d->messages;
}

bool desk_is_hybrid(const struct desk *d)
{
    return d->trusted.key != NULL;
}

void desk_listen(struct desk *d, desk_listener *listener, void *context)
{
    d->listener = listener;
    d->listener_context = context;
}

bool desk_said(const struct desk *d, uint8_t message_class, uint64_t view, uint64_t seq,
               struct nika_digest *out)
{
    for (uint32_t i = d->state.said_count; i-- > 0;) {
        const struct said *said = &d->said[i];
        if (said->message_class != message_class || said->view != view || said->seq != seq)
            continue;
        *out = said->digest;
        return true;
    }
    return false;
}

struct nika_span desk_echo(const struct desk *d, uint32_t back)
{
    uint32_t count = d->state.word_count;
    if (count == 0) return (struct nika_span){0};
    const struct word *w = &d->words[count - 1 - back % count];
    return (struct nika_span){d->words_bytes + w->at, w->size};
}

void desk_app_root(struct desk *d, struct nika_digest *out)
{
    struct nika_snapshot_meta meta;
    memset(&meta, 0, sizeof meta);
    d->app_ops->snapshot_take(d->app, UINT64_C(1) << 40, &meta);
    *out = meta.root;
}

void desk_status(struct desk *d, struct nika_replica_status *out)
{
    if (d->ops != NULL)
        *out = stands(d);
    else
        memset(out, 0, sizeof *out);
}

uint64_t desk_timestamp(const struct desk *d)
{
    return d->state.timestamp;
}

uint32_t desk_completed(const struct desk *d, struct nika_span *result)
{
    *result = (struct nika_span){d->state.result, d->state.result_size};
    return d->state.completed;
}

uint64_t desk_digest(const struct desk *d)
{
    return d->state.digest;
}

/* ---- Beginning and going back ---- */
static void *must(void *memory)
{
    NIKA_TARGET_CHECK(memory != NULL, "out of memory");
    return memory;
}

static uint8_t *aligned(size_t size)
{
    uint8_t *memory = must(aligned_alloc(64, (size + 63) / 64 * 64));
    memset(memory, 0, (size + 63) / 64 * 64);
    return memory;
}

struct desk_trusted *desk_trusted_of(void *desk)
{
    struct desk *d = desk;
    NIKA_TARGET_CHECK(d->trusted.key != NULL, "a desk without a trusted subsystem");
    return &d->trusted;
}

static void configure(struct desk *d, uint32_t protocol, bool hybrid)
{
    const char *reason = "";
    nika_config_default(&d->config);
    if (hybrid) d->config.n = 3;
    d->config.protocol = protocol;
    d->config.clients = 2;
    d->config.suite = NIKA_SUITE_SIM;
    d->config.checkpoint_interval = 4;
    d->config.window = 8;
    d->config.pipeline = 8;
    d->config.batch_ns = 0;
    d->config.batch_count_max = 4;
    d->config.op_size_max = 256;
    d->config.batch_bytes_max = 4096;
    d->config.pending_max = 8;
    d->config.snapshot_size_max = 16 * 1024;
    d->config.store_bytes = 512 * 1024;
    NIKA_TARGET_CHECK(nika_config_seal(&d->config, &reason) == NIKA_OK, "%s", reason);
}

/* Module and application in memory that is zero. */
static void make(struct desk *d)
{
    d->app = d->app_ops->init(d->app_memory, &d->config, 0);
    d->module = d->ops != NULL ? d->ops->init(d->module_memory, &d->config, &d->host)
                               : d->client->init(d->module_memory, &d->config, &d->host);
}

static void begin(struct desk *d)
{
    struct nika_event start = {.kind = NIKA_EVENT_START, .now_ns = d->state.now_ns};
    step(d, &start);
}

struct desk *desk_new(const struct nika_replica_ops *replica, const struct nika_client_ops *client,
                      const struct nika_message_table *messages, uint32_t protocol, uint32_t self)
{
    struct desk *d = must(calloc(1, sizeof *d));
    nika_auth_install_sim(&nika_auth_sim_table);
    bool hybrid = replica != NULL && replica->hybrid;
    configure(d, protocol, hybrid);
    d->ops = replica;
    d->client = client;
    d->messages = messages;
    d->app_ops = &nika_app_kv;
    d->keyring = must(nika_keyring_new_derived(NIKA_SUITE_SIM, d->config.n, d->config.clients, 7));
    d->host = (struct nika_host){
        .world = d, .self = self, .authenticate = authenticate, .verify = verify, .jitter = jitter};
    if (hybrid) {
        desk_trusted_init(&d->trusted, d->keyring, d->config.n, self);
        d->host.trusted = &desk_trusted_ops;
    }
    d->effects = (struct nika_effects){.capacity = EFFECTS_MAX, .bytes_capacity = EFFECT_BYTES};
    d->effects.actions = must(malloc(EFFECTS_MAX * sizeof *d->effects.actions));
    d->effects.bytes = must(malloc(EFFECT_BYTES));
    d->arena = must(aligned_alloc(64, ARENA_BYTES)); /* Written before it is read. */
    d->waiting = must(aligned_alloc(64, ARENA_BYTES));
    d->scratch = must(aligned_alloc(64, DESK_SCRATCH));
    d->disk.bytes = must(aligned_alloc(64, DESK_DISK_BYTES));
    d->module_size = replica != NULL ? replica->size(&d->config) : client->size(&d->config);
    d->module_memory = aligned(d->module_size);
    d->marked_module = aligned(d->module_size);
    d->app_size = d->app_ops->size(&d->config);
    d->app_memory = aligned(d->app_size);
    d->marked_app = aligned(d->app_size);
    d->state.now_ns = START_NS;
    make(d);
    begin(d);
    desk_mark(d);
    return d;
}

void desk_free(struct desk *d)
{
    if (d == NULL) return;
    nika_keyring_free(d->keyring);
    nika_trusted_key_free(d->trusted.key);
    uint8_t *const memory[] = {d->effects.bytes, d->arena,         d->waiting,
                               d->scratch,       d->module_memory, d->marked_module,
                               d->app_memory,    d->marked_app,    d->disk.bytes};
    for (uint32_t i = 0; i < ARRAY_COUNT(memory); i++) free(memory[i]);
    free(d->effects.actions);
    free(d);
}

static size_t module_used(const struct desk *d)
{
    return d->ops != NULL ? d->ops->used(d->module) : d->module_size;
}

void desk_mark(struct desk *d)
{
    d->marked = d->state;
    d->trusted.marked = d->trusted.instance;
    d->trusted.marked_issued = d->trusted.issued_count;
    d->disk.marked = d->disk.state;
    memcpy(d->marked_said, d->said, sizeof d->said);
    d->marked_module_used = module_used(d);
    d->marked_app_used = d->app_ops->used(d->app);
    memcpy(d->marked_module, d->module_memory, d->marked_module_used);
    memcpy(d->marked_app, d->app_memory, d->marked_app_used);
    NIKA_TARGET_CHECK(d->state.count == 0, "a mark while completions wait");
}

/* What is in use now and was not at the mark must be zero again. */
static void put_back(uint8_t *memory, const uint8_t *marked, size_t marked_used, size_t used)
{
    memcpy(memory, marked, marked_used);
    if (used > marked_used) memset(memory + marked_used, 0, used - marked_used);
}

void desk_reset(struct desk *d)
{
    put_back(d->module_memory, d->marked_module, d->marked_module_used, module_used(d));
    put_back(d->app_memory, d->marked_app, d->marked_app_used, d->app_ops->used(d->app));
    d->state = d->marked;
    d->disk.state = d->disk.marked;
    if (d->trusted.key != NULL)
        put_back((uint8_t *)&d->trusted.instance, (const uint8_t *)&d->trusted.marked,
                 nika_trusted_instance_used(&d->trusted.marked),
                 nika_trusted_instance_used(&d->trusted.instance));
    d->trusted.last.size = 0; /* Of the input before. */
    d->trusted.issued_count = d->trusted.marked_issued;
    memset(&d->trusted.state, 0, sizeof d->trusted.state);
    memcpy(d->said, d->marked_said, d->state.said_count * sizeof d->said[0]);
}

/* What it said of checkpoints came of a history that it may be told otherwise: of more than f liars. Its votes bind it. */
static void forget_checkpoints(struct desk *d)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < d->state.said_count; i++) {
        if (d->said[i].message_class != NIKA_MESSAGE_CHECKPOINT) d->said[kept++] = d->said[i];
    }
    d->state.said_count = kept;
}

static void restart(struct desk *d, uint32_t survive, bool disk_lost)
{
    struct nika_replica_status s;
    NIKA_TARGET_CHECK(d->ops != NULL, "only replicas have a disk to begin again from");
    /* Who died before it might vote again has not remembered since. */
    bool amnesiac = disk_lost || d->state.judge.amnesiac;
    memset(d->module_memory, 0, module_used(d));
    memset(d->app_memory, 0, d->app_ops->used(d->app));
    d->state.first = d->state.count = d->state.waiting_used = 0;
    memset(d->state.armed, 0, sizeof d->state.armed);
    desk_judge_restart(&d->state.judge, amnesiac);
    d->trusted.state.told = d->trusted.state.behind = false;
    make(d);
    if (disk_lost) {
        d->state.lost_disk = true;
        desk_disk_lose(&d->disk);
        desk_judge_forget(&d->state.judge);
        forget_checkpoints(d);
    }
    desk_disk_crash(&d->disk, survive);
    desk_disk_recover(&d->disk, d->ops, d->module, d->app_ops, d->app);
    if (amnesiac) d->ops->recover(d->module, NIKA_RECORD_AMNESIA, 0, (struct nika_span){0});
    bool behind =
        d->trusted.state.set_back &&
        nika_trusted_compare(desk_trusted_order(&d->trusted), desk_disk_used(&d->disk, d->ops)) < 0;
    d->trusted.state.behind = behind;
    begin(d);
    desk_status(d, &s);
    NIKA_TARGET_CHECK(!behind || s.wait == NIKA_WAIT_TRUSTED,
                      "TSR: its counter is behind its log, and it goes on");
}

void desk_restart(struct desk *d, uint32_t survive)
{
    restart(d, survive, false);
}

void desk_restart_without_disk(struct desk *d)
{
    /* Without its counters it could not know what it said. */
    restart(d, 0, !d->trusted.state.set_back);
}

void desk_restart_set_back(struct desk *d, uint32_t survive, bool to_zero)
{
    if (d->trusted.key != NULL && !d->state.lost_disk) desk_trusted_set_back(&d->trusted, to_zero);
    restart(d, survive, false);
}

void desk_trusted_fail(struct desk *d, bool refuses, uint32_t after, bool moves)
{
    struct desk_trusted_state *s = &d->trusted.state;
    if (d->trusted.key == NULL || s->failure != DESK_TRUSTED_WORKS) return;
    s->failure = refuses ? DESK_TRUSTED_REFUSES : DESK_TRUSTED_GONE;
    s->left = after;
    s->moves = moves;
}
