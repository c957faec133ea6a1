/* engine/sim/recorded.c: see recorded.h. */
#include "engine/sim/recorded.h"

#include "engine/core/app_run.h"
#include "engine/core/assert.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define ACTIONS_MAX 16384u
#define EFFECT_BYTES (64u * 1024u * 1024u)
#define SCRATCH_BYTES (72u * 1024u * 1024u)
#define AREAS 5u

/* What the application answered here, to be compared with what it answered then. */
struct answer {
    struct answer *next;
    uint64_t token;
    int32_t status;
    uint32_t size;
    uint8_t bytes[];
};
struct area {
    void *memory;
    size_t size;
};
struct replay {
    struct nika_span recording;
    uint32_t at;
    struct nika_wal_record record; /* The current one. */
    bool have;                     /* There is one. */
    struct nika_recorded_result *out;
    const struct nika_replica_ops *ops;
    const struct nika_app_ops *app_ops;
    struct nika_host host;
    struct nika_replica *module;
    struct nika_app *app;
    struct nika_effects effects;
    uint8_t *scratch;
    struct area areas[AREAS];
    struct answer *first, *last;
    struct nika_span *chunks; /* Of the snapshot that the next RECOVER tells of. */
    uint32_t chunk_count;
    bool diverged, malformed;
    bool elsewhere; /* The application is not here: what was recorded is what it answered. */
    jmp_buf out_of; /* A broken contract. */
};

static void say(struct replay *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct replay *p, const char *format, ...)
{
    va_list arguments;
    if (p->out->problem[0] != '\0') return;
    va_start(arguments, format);
    vsnprintf(p->out->problem, sizeof p->out->problem, format, arguments);
    va_end(arguments);
}

static void diverge(struct replay *p, const char *what)
{
    p->diverged = true;
    say(p, "event %" PRIu64 " (record %" PRIu64 "): %s", p->out->events, p->out->records, what);
}

static void malformed(struct replay *p, const char *what)
{
    p->malformed = true;
    say(p, "record %" PRIu64 ": %s", p->out->records, what);
}

/* To the next record. A torn one is where the node was killed. */
static void next(struct replay *p)
{
    p->have = nika_wal_next(p->recording, &p->at, &p->record) == NIKA_OK;
    if (!p->have) return;
    if (p->record.seq != p->out->records) {
        malformed(p, "is not the next one");
        p->have = false;
        return;
    }
    p->out->records++;
}

/* ---- host services, answered from the recording ---- */
static bool answer_is(struct replay *p, enum nika_recorded kind, const char *what)
{
    if (p->diverged || p->malformed || !p->have) return false;
    if (p->record.kind == kind) {
        p->out->host_answers++;
        return true;
    }
    diverge(p, what);
    return false;
}

static uint32_t host_authenticate(void *world, uint32_t self, enum nika_auth_alg alg, uint8_t type,
                                  uint32_t to, struct nika_span body, uint8_t *auth)
{
    struct replay *p = world;
    (void)self;
    (void)type;
    (void)to;
    (void)body;
    if (alg == NIKA_AUTH_NONE) return 0;
    if (!answer_is(p, NIKA_RECORDED_AUTH, "it signs what it did not sign then")) return 0;
    uint32_t size = p->record.payload.size;
    if (size > NIKA_AUTH_SIZE_MAX) {
        malformed(p, "a signature is too long");
        return 0;
    }
    memcpy(auth, p->record.payload.data, size);
    next(p);
    return size;
}

static bool host_verify(void *world, uint32_t self, const struct nika_frame *frame)
{
    struct replay *p = world;
    (void)self;
    (void)frame;
    if (!answer_is(p, NIKA_RECORDED_VERIFY, "it verifies what it did not verify then"))
        return false;
    bool good = p->record.payload.size == 1 && p->record.payload.data[0] == 1;
    next(p);
    return good;
}

static uint64_t host_jitter(void *world, uint32_t self, uint32_t timer, uint64_t n)
{
    struct replay *p = world;
    (void)self;
    (void)timer;
    if (!answer_is(p, NIKA_RECORDED_JITTER, "it draws what it did not draw then")) return 0;
    uint64_t value = p->record.payload.size == 8 ? nika_load_le(p->record.payload.data, 8) : 0;
    next(p);
    return n == 0 ? 0 : value % n;
}

/* ---- the trusted subsystem, answered from the recording ---- */
static enum nika_err trusted_answer(struct replay *p, enum nika_recorded_trusted_call call,
                                    struct nika_recorded_trusted *out)
{
    const char *other = "it asks its trusted subsystem for what it did not ask then";
    memset(out, 0, sizeof *out);
    if (!answer_is(p, NIKA_RECORDED_TRUSTED, other)) return NIKA_ERR_IO;
    if (nika_recording_trusted_read(p->record.payload, out) != NIKA_OK) {
        malformed(p, "is no answer of a trusted subsystem");
        return NIKA_ERR_IO;
    }
    if (out->call != call) {
        diverge(p, other);
        return NIKA_ERR_IO;
    }
    next(p);
    return out->err;
}

static enum nika_err trusted_certify(void *world, uint32_t self, enum nika_trusted_kind kind,
                                     uint32_t counter, struct nika_trusted_value value,
                                     const struct nika_digest *digest,
                                     struct nika_trusted_certificate *out)
{
    struct replay *p = world;
    struct nika_recorded_trusted answer;
    (void)digest; /* The certificate's MAC covers it, and only the trusted subsystem has the key. */
    enum nika_err err = trusted_answer(p, NIKA_RECORDED_TRUSTED_CERTIFY, &answer);
    if (err != NIKA_OK) return err;
    struct nika_span made = {answer.certificate, sizeof answer.certificate};
    bool same = nika_trusted_certificate_decode(made, out) == NIKA_OK && out->kind == kind &&
                out->instance == self && out->counter == counter &&
                nika_trusted_compare(out->value, value) == 0;
    if (same) return NIKA_OK;
    diverge(p, "it lets its trusted subsystem certify another value");
    return NIKA_ERR_IO;
}

static bool trusted_verify(void *world, uint32_t self,
                           const struct nika_trusted_certificate *certificate,
                           const struct nika_digest *digest)
{
    struct nika_recorded_trusted answer;
    (void)self;
    (void)certificate;
    (void)digest;
    return trusted_answer(world, NIKA_RECORDED_TRUSTED_VERIFY, &answer) == NIKA_OK;
}

static enum nika_err trusted_read(void *world, uint32_t self, uint32_t counter,
                                  struct nika_trusted_value *value, uint64_t *epoch)
{
    struct nika_recorded_trusted answer;
    (void)self;
    (void)counter;
    enum nika_err err = trusted_answer(world, NIKA_RECORDED_TRUSTED_READ, &answer);
    *value = answer.value;
    *epoch = answer.epoch;
    return err;
}

static enum nika_err trusted_reissue(void *world, uint32_t self, uint32_t counter,
                                     struct nika_trusted_certificate *out,
                                     struct nika_digest *digest)
{
    struct nika_recorded_trusted answer;
    (void)self;
    (void)counter;
    enum nika_err err = trusted_answer(world, NIKA_RECORDED_TRUSTED_REISSUE, &answer);
    struct nika_span made = {answer.certificate, sizeof answer.certificate};
    *digest = answer.digest;
    if (err != NIKA_OK || nika_trusted_certificate_decode(made, out) == NIKA_OK) return err;
    malformed(world, "holds no certificate");
    return NIKA_ERR_IO;
}

static const struct nika_trusted_ops trusted_ops = {.certify = trusted_certify,
                                                    .verify = trusted_verify,
                                                    .read = trusted_read,
                                                    .reissue = trusted_reissue};

/* ---- the application ---- */
static void answered(struct replay *p, uint64_t token, int32_t status, struct nika_span bytes)
{
    struct answer *a = malloc(sizeof *a + bytes.size);
    NIKA_ASSERT(a != NULL);
    *a = (struct answer){.token = token, .status = status, .size = bytes.size};
    if (bytes.size > 0) memcpy(a->bytes, bytes.data, bytes.size);
    if (p->last != NULL)
        p->last->next = a;
    else
        p->first = a;
    p->last = a;
}

static void answered_meta(struct replay *p, uint64_t token, int32_t status,
                          const struct nika_snapshot_meta *meta)
{
    uint8_t bytes[NIKA_SNAPSHOT_META_SIZE];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    nika_snapshot_meta_write(&w, meta);
    answered(p, token, status, (struct nika_span){bytes, w.at});
}

/* Only who asked is known here: the answer will be the recorded one. */
static void ask_elsewhere(struct replay *p, const struct nika_action *action,
                          struct nika_span bytes)
{
    const struct nika_span unknown = {NULL, 0};
    switch (action->kind) {
    case NIKA_ACTION_EXECUTE:
        /* seq, time and digest before the count: app.h. */
        if (bytes.size >= 52) p->out->executed += nika_load_le(bytes.data + 48, 4);
        answered(p, action->token, 0, unknown);
        return;
    case NIKA_ACTION_QUERY:
    case NIKA_ACTION_SNAPSHOT_TAKE:
    case NIKA_ACTION_SNAPSHOT_CHUNK:
    case NIKA_ACTION_RESTORE_END:
        answered(p, action->token, 0, unknown);
        return;
    default:
        return;
    }
}

static void run_app(struct replay *p, const struct nika_action *action, struct nika_span bytes)
{
    struct nika_writer w = nika_writer_of(p->scratch, SCRATCH_BYTES);
    uint32_t reply_max = p->out->head.config.reply_size_max;
    struct nika_snapshot_meta meta;
    struct nika_app_batch batch;
    enum nika_err err;
    memset(&meta, 0, sizeof meta);
    if (p->elsewhere) {
        ask_elsewhere(p, action, bytes);
        return;
    }
    switch (action->kind) {
    case NIKA_ACTION_EXECUTE:
        nika_app_run_batch(p->app_ops, p->app, reply_max, bytes, &w, &batch);
        p->out->executed += batch.count;
        answered(p, action->token, 0, (struct nika_span){w.data, w.at});
        return;
    case NIKA_ACTION_QUERY:
        nika_app_run_query(p->app_ops, p->app, reply_max, bytes, &w);
        answered(p, action->token, 0, (struct nika_span){w.data, w.at});
        return;
    case NIKA_ACTION_SNAPSHOT_TAKE:
        p->app_ops->snapshot_take(p->app, action->a, &meta);
        answered_meta(p, action->token, 0, &meta);
        return;
    case NIKA_ACTION_SNAPSHOT_CHUNK:
        err = nika_app_run_chunk(p->app_ops, p->app, action->a, action->id, &w);
        answered(p, action->token, err, (struct nika_span){w.data, w.at});
        return;
    case NIKA_ACTION_SNAPSHOT_DROP:
        p->app_ops->snapshot_drop(p->app, action->a);
        return;
    case NIKA_ACTION_RESTORE_BEGIN:
        nika_app_run_restore_begin(p->app_ops, p->app, bytes);
        return;
    case NIKA_ACTION_RESTORE_CHUNK:
        (void)p->app_ops->restore_chunk(p->app, action->id, bytes);
        return;
    case NIKA_ACTION_RESTORE_END:
        err = p->app_ops->restore_end(p->app, &meta);
        answered_meta(p, action->token, err, &meta);
        return;
    default:
        return; /* Sends, timers and records went to a world that is no more. */
    }
}

/* Did the application answer here as it did there? */
static void compare_answer(struct replay *p, const struct nika_event *event)
{
    struct answer *a = p->first;
    if (a == NULL) {
        diverge(p, "the application answers what nobody asked here");
        return;
    }
    p->first = a->next;
    if (p->first == NULL) p->last = NULL;
    bool same = a->token == event->token;
    if (!p->elsewhere)
        same = same && a->status == event->status && a->size == event->bytes.size &&
               (a->size == 0 || memcmp(a->bytes, event->bytes.data, a->size) == 0);
    free(a);
    if (!same) diverge(p, "the application answers otherwise");
}

/* ---- records ---- */
static void step(struct replay *p, const struct nika_event *event)
{
    nika_effects_clear(&p->effects);
    p->ops->step(p->module, event, &p->effects);
    if (p->effects.overflow) diverge(p, "the module asks for more than a step may");
    for (uint32_t i = 0; i < p->effects.count && !p->diverged; i++) {
        const struct nika_action *action = &p->effects.actions[i];
        if (action->kind == NIKA_ACTION_NOTE && action->id == NIKA_NOTE_VIEW && action->b == 1)
            p->out->views_entered++;
        run_app(p, action, nika_action_bytes(&p->effects, action));
    }
}

static void on_event(struct replay *p)
{
    struct nika_event event;
    struct nika_frame frame;
    struct nika_span raw;
    if (nika_recording_event_read(p->record.payload, &event, &raw) != NIKA_OK) {
        malformed(p, "is no event");
        return;
    }
    if (event.kind == NIKA_EVENT_MESSAGE) {
        if (nika_ingress(&p->out->head.config, p->ops->messages, raw, &frame) != NIKA_OK) {
            malformed(p, "has a frame that no node lets in");
            return;
        }
        event.frame = &frame;
        p->out->messages++;
    }
    p->out->events++;
    next(p); /* What the host answered comes behind it. */
    if (event.kind == NIKA_EVENT_APP) compare_answer(p, &event);
    if (!p->diverged) step(p, &event);
}

static void on_digest(struct replay *p)
{
    struct nika_digest digest;
    p->ops->digest(p->module, &digest);
    p->out->digests++;
    if (p->record.payload.size != NIKA_DIGEST_SIZE)
        malformed(p, "is no digest");
    else if (memcmp(digest.bytes, p->record.payload.data, NIKA_DIGEST_SIZE) != 0)
        diverge(p, "the state is another one");
    next(p);
}

static void on_chunk(struct replay *p)
{
    struct nika_span *grown = realloc(p->chunks, (p->chunk_count + 1) * sizeof *grown);
    if (grown == NULL || p->chunk_count == NIKA_CHUNKS_MAX ||
        p->record.payload.size > p->out->head.config.chunk_size) {
        free(grown == NULL ? p->chunks : grown);
        p->chunks = NULL;
        malformed(p, "is a chunk too many or too large");
        return;
    }
    p->chunks = grown;
    p->chunks[p->chunk_count++] = p->record.payload;
    next(p);
}

static bool restore(struct replay *p, uint64_t seq)
{
    struct nika_snapshot_meta meta = {.seq = seq, .chunk_count = p->chunk_count}, got;
    struct nika_digest *leaves = calloc((size_t)p->chunk_count + 1, sizeof *leaves);
    if (leaves == NULL) return false;
    for (uint32_t i = 0; i < p->chunk_count; i++) {
        nika_merkle_leaf(i, p->chunks[i], &leaves[i]);
        meta.total_size += p->chunks[i].size;
    }
    nika_merkle_root(leaves, p->chunk_count, leaves, &meta.root);
    free(leaves);
    bool good = p->app_ops->restore_begin(p->app, &meta) == NIKA_OK;
    for (uint32_t i = 0; good && i < p->chunk_count; i++)
        good = p->app_ops->restore_chunk(p->app, i, p->chunks[i]) == NIKA_OK;
    p->chunk_count = 0;
    return good && p->app_ops->restore_end(p->app, &got) == NIKA_OK;
}

static void on_recover(struct replay *p)
{
    struct nika_reader r = nika_reader_of(p->record.payload);
    uint32_t kind = nika_read_u32(&r);
    uint64_t seq = nika_read_u64(&r);
    struct nika_span bytes = nika_read_bytes(&r, NIKA_RECORDING_RECORD_MAX);
    if (!nika_reader_done(&r) || p->out->events > 0) {
        malformed(p, "is nothing that recovery tells");
        return;
    }
    if (kind == NIKA_RECORD_SNAPSHOT && !restore(p, seq)) {
        malformed(p, "has a snapshot that the application refuses");
        return;
    }
    next(p);
    p->ops->recover(p->module, kind, seq, bytes);
}

static void run_records(struct replay *p)
{
    while (p->have && !p->diverged && !p->malformed) {
        switch ((enum nika_recorded)p->record.kind) {
        case NIKA_RECORDED_CHUNK:
            on_chunk(p);
            break;
        case NIKA_RECORDED_RECOVER:
            on_recover(p);
            break;
        case NIKA_RECORDED_EVENT:
            on_event(p);
            break;
        case NIKA_RECORDED_DIGEST:
            on_digest(p);
            break;
        case NIKA_RECORDED_END:
            p->out->ended = true;
            next(p);
            break;
        case NIKA_RECORDED_AUTH:
        case NIKA_RECORDED_VERIFY:
        case NIKA_RECORDED_JITTER:
        case NIKA_RECORDED_TRUSTED:
            diverge(p, "it asks the host for less than it did then");
            break;
        case NIKA_RECORDED_HEAD:
        default:
            malformed(p, "is of no known kind");
            break;
        }
    }
}

/* ---- set-up ---- */
static void *reserve(struct replay *p, uint32_t index, size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    p->areas[index] = (struct area){memory, size};
    return memory;
}

static enum nika_err begin(struct replay *p, const struct nika_recorded_modules *modules)
{
    struct nika_recording_head *head = &p->out->head;
    uint32_t id = 0;
    next(p);
    if (!p->have || p->record.kind != NIKA_RECORDED_HEAD) {
        say(p, "is no recording of a node");
        return NIKA_ERR_MALFORMED;
    }
    enum nika_err err = nika_recording_head_read(p->record.payload, head);
    if (err != NIKA_OK) {
        say(p, "its head is %s", err == NIKA_ERR_VERSION ? "of another version" : "damaged");
        return err;
    }
    p->ops = modules->protocol(head->protocol, &id);
    p->app_ops = modules->app(head->app);
    p->elsewhere = modules->elsewhere != NULL && strcmp(modules->elsewhere, head->app) == 0;
    if (p->ops == NULL || p->app_ops == NULL || id != head->config.protocol ||
        p->ops->check(&head->config) != NULL) {
        say(p, "protocol %s with application %s cannot be run here", head->protocol, head->app);
        return NIKA_ERR_CONFIG;
    }
    p->host = (struct nika_host){.world = p,
                                 .self = head->replica,
                                 .authenticate = host_authenticate,
                                 .verify = host_verify,
                                 .jitter = host_jitter,
                                 .trusted = &trusted_ops,
                                 .trusted_later = p->out->head.trusted_later};
    void *module = reserve(p, 0, p->ops->size(&head->config));
    void *app = reserve(p, 1, p->app_ops->size(&head->config));
    p->scratch = reserve(p, 2, SCRATCH_BYTES);
    p->effects =
        (struct nika_effects){.actions = reserve(p, 3, ACTIONS_MAX * sizeof(struct nika_action)),
                              .capacity = ACTIONS_MAX,
                              .bytes = reserve(p, 4, EFFECT_BYTES),
                              .bytes_capacity = EFFECT_BYTES};
    if (module == NULL || app == NULL || p->scratch == NULL || p->effects.actions == NULL ||
        p->effects.bytes == NULL)
        return NIKA_ERR_LIMIT;
    p->module = p->ops->init(module, &head->config, &p->host);
    p->app = p->app_ops->init(app, &head->config, head->app_param);
    next(p);
    return NIKA_OK;
}

static void finish(struct replay *p)
{
    while (p->first != NULL) {
        struct answer *after = p->first->next;
        free(p->first);
        p->first = after;
    }
    free(p->chunks);
    for (uint32_t i = 0; i < AREAS; i++) {
        if (p->areas[i].memory != NULL) munmap(p->areas[i].memory, p->areas[i].size);
    }
}

/* Events of a recording need not be possible ones: what the module then breaks is told, not died of. */
static void on_broken(void *context, const char *file, int line, const char *expression)
{
    struct replay *p = context;
    const char *base = strrchr(file, '/');
    p->out->broken = true;
    say(p, "event %" PRIu64 ": a contract was broken at %s:%d: %s", p->out->events,
        base != NULL ? base + 1 : file, line, expression);
    longjmp(p->out_of, 1);
}

static enum nika_err run(struct replay *p, const struct nika_recorded_modules *modules)
{
    if (setjmp(p->out_of) != 0) return NIKA_ERR_NOT_FOUND;
    enum nika_err err = begin(p, modules);
    if (err != NIKA_OK) return err;
    run_records(p);
    p->ops->status(p->module, &p->out->status);
    if (p->diverged) return NIKA_ERR_NOT_FOUND;
    return p->malformed ? NIKA_ERR_MALFORMED : NIKA_OK;
}

enum nika_err nika_recorded_run(struct nika_span recording,
                                const struct nika_recorded_modules *modules,
                                struct nika_recorded_result *out)
{
    struct replay p = {.recording = recording, .out = out};
    memset(out, 0, sizeof *out);
    nika_assert_set_handler(on_broken, &p);
    enum nika_err err = run(&p, modules);
    nika_assert_set_handler(NULL, NULL);
    finish(&p);
    return err;
}
