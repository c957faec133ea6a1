/* fuzz/targets/recording.c: the recording of a live replica (engine/core/recording.h), read and run again (engine/sim/recorded.h).
 *
 * Input: head u8 | parts, each kind u8 | size u16 | bytes. The parts become the records of a recording, numbered and with their checksums; a
 * kind of 128 and more leaves out a number. With the top bit of the head the bytes behind it are the file itself. Whatever it holds: the
 * same run, a first divergence, a contract that it makes the module break, or why it is no recording, in words, each time the same. */
#include "engine/sim/recorded.h"

#include <stdlib.h>

#include "apps/registry.h"
#include "engine/core/app_run.h"
#include "engine/core/digest.h"
#include "fuzz/targets/harvest.h"
#include "fuzz/targets/target.h"
#include "protocols/registry.h"

#define SIZE_MAX_INPUT (32u * 1024u)
#define SEED_MAX 4096u /* What fuzzers are told to make at most. */
#define HEAD_FILE 0x80u
#define PART_HEAD 3u
#define SEED_SPARE 1400u /* For the answers to one more event. */
/* More than this a replica of the seeds' configuration does not need; larger ones are refused before memory is touched. */
#define MODULE_MAX (64u * 1024u * 1024u)

static uint64_t last_digest;

static const struct nika_replica_ops *protocol(const char *name, uint32_t *id)
{
    const struct nika_protocol *p = nika_protocol_find(name);
    if (p == NULL) return NULL;
    *id = p->id;
    return p->replica;
}

static struct nika_span assemble(struct nika_span input, uint8_t *out, uint32_t capacity)
{
    struct nika_writer w = nika_writer_of(out, capacity);
    struct nika_reader r = nika_reader_of((struct nika_span){input.data + 1, input.size - 1});
    uint64_t number = 0;
    while (nika_reader_left(&r) >= PART_HEAD) {
        uint8_t kind = nika_read_u8(&r);
        uint32_t size = nika_read_u16(&r);
        if (size > nika_reader_left(&r)) size = nika_reader_left(&r);
        if (kind >= 0x80) number++;
        nika_wal_write(&w, kind & 0x7f, number++,
                       (struct nika_span){nika_read_raw(&r, size), size});
    }
    return (struct nika_span){out, w.at};
}

/* What decodes encodes to the same bytes. */
static void check_records(struct nika_span recording)
{
    struct nika_wal_record record;
    struct nika_recording_head head;
    struct nika_recorded_trusted answer;
    struct nika_event event;
    struct nika_frame frame;
    struct nika_span raw;
    static uint8_t again[2 * SIZE_MAX_INPUT];
    uint32_t at = 0;
    while (nika_wal_next(recording, &at, &record) == NIKA_OK) {
        struct nika_writer w = nika_writer_of(again, sizeof again);
        if (record.kind == NIKA_RECORDED_HEAD &&
            nika_recording_head_read(record.payload, &head) == NIKA_OK) {
            nika_recording_head_write(&w, &head);
        } else if (record.kind == NIKA_RECORDED_EVENT &&
                   nika_recording_event_read(record.payload, &event, &raw) == NIKA_OK) {
            memset(&frame, 0, sizeof frame);
            frame.raw = raw;
            event.frame = raw.size > 0 ? &frame : NULL;
            nika_recording_event_write(&w, &event);
        } else if (record.kind == NIKA_RECORDED_TRUSTED &&
                   nika_recording_trusted_read(record.payload, &answer) == NIKA_OK) {
            nika_recording_trusted_write(&w, &answer);
        } else {
            continue;
        }
        NIKA_TARGET_CHECK(!w.failed && w.at == record.payload.size &&
                              memcmp(again, record.payload.data, w.at) == 0,
                          "a record of kind %u has two encodings", record.kind);
    }
}

/* Is it a replica of a size that the fuzzer's limit on memory allows? */
static bool affordable(struct nika_span recording)
{
    struct nika_wal_record record;
    struct nika_recording_head head;
    uint32_t at = 0, id = 0;
    if (nika_wal_next(recording, &at, &record) != NIKA_OK || record.kind != NIKA_RECORDED_HEAD ||
        nika_recording_head_read(record.payload, &head) != NIKA_OK)
        return true;
    const struct nika_replica_ops *ops = protocol(head.protocol, &id);
    const struct nika_app_ops *app = nika_app_find(head.app);
    if (ops == NULL || app == NULL || ops->check(&head.config) != NULL) return true;
    return ops->size(&head.config) <= MODULE_MAX && app->size(&head.config) <= MODULE_MAX;
}

static void run(struct nika_span input)
{
    static const struct nika_recorded_modules modules = {protocol, nika_app_find, NULL};
    static struct nika_recorded_result result;
    static uint8_t bytes[16 * SIZE_MAX_INPUT];
    last_digest = 0;
    if (input.size == 0) return;
    struct nika_span recording = {input.data + 1, input.size - 1};
    if ((input.data[0] & HEAD_FILE) == 0) recording = assemble(input, bytes, sizeof bytes);
    check_records(recording);
    if (!affordable(recording)) return;
    enum nika_err err = nika_recorded_run(recording, &modules, &result);
    NIKA_TARGET_CHECK((err == NIKA_OK) == (result.problem[0] == '\0'), "error %d with \"%s\"", err,
                      result.problem);
    NIKA_TARGET_CHECK(!result.broken || err == NIKA_ERR_NOT_FOUND, "broken with error %d", err);
    last_digest = nika_hash64(result.problem, strlen(result.problem), (uint64_t)(int64_t)err) ^
                  result.events << 40 ^ result.host_answers << 20 ^ result.digests;
}

static uint64_t digest(void)
{
    return last_digest;
}

/* ---- Seeds: a replica that is told what replicas of the library say, beside a host that writes down what it answers ---- */
struct maker {
    uint8_t bytes[SEED_MAX];
    struct nika_writer w;
    const struct nika_replica_ops *ops;
    const struct nika_app_ops *app_ops;
    struct nika_replica *module;
    struct nika_app *app;
    struct nika_recording_head head;
    struct nika_effects effects;
    uint64_t now_ns;
    uint8_t scratch[64 * 1024];
};

static void part(struct maker *m, enum nika_recorded kind, struct nika_span payload)
{
    nika_write_u8(&m->w, (uint8_t)kind);
    nika_write_u16(&m->w, (uint16_t)payload.size);
    nika_write_raw(&m->w, payload.data, payload.size);
}

static uint32_t authenticate(void *world, uint32_t self, enum nika_auth_alg alg, uint8_t type,
                             uint32_t to, struct nika_span body, uint8_t *auth)
{
    (void)self, (void)type, (void)to, (void)body;
    if (alg == NIKA_AUTH_NONE) return 0;
    memset(auth, 0x5a, 16);
    part(world, NIKA_RECORDED_AUTH, (struct nika_span){auth, 16});
    return 16;
}

static bool verify(void *world, uint32_t self, const struct nika_frame *frame)
{
    static const uint8_t yes[] = {1};
    (void)self, (void)frame;
    part(world, NIKA_RECORDED_VERIFY, (struct nika_span){yes, sizeof yes});
    return true;
}

static uint64_t jitter(void *world, uint32_t self, uint32_t timer, uint64_t n)
{
    uint8_t bytes[8];
    (void)self, (void)timer;
    nika_store_le(bytes, n / 2, sizeof bytes);
    part(world, NIKA_RECORDED_JITTER, (struct nika_span){bytes, sizeof bytes});
    return n / 2;
}

static void tell(struct maker *m, const struct nika_event *event, uint32_t depth);

/* The disk and the application answer at once. */
static void answer(struct maker *m, const struct nika_action *a, struct nika_span bytes,
                   uint32_t depth)
{
    static uint8_t results[64 * 1024];
    struct nika_app_batch batch;
    struct nika_event event = {.now_ns = m->now_ns, .token = a->token, .kind = NIKA_EVENT_STORED};
    if (a->kind == NIKA_ACTION_EXECUTE) {
        struct nika_writer w = nika_writer_of(results, sizeof results);
        nika_app_run_batch(m->app_ops, m->app, m->head.config.reply_size_max, bytes, &w, &batch);
        event.kind = NIKA_EVENT_APP;
        event.bytes = (struct nika_span){results, w.at};
    } else if (a->kind != NIKA_ACTION_PERSIST) {
        return;
    }
    tell(m, &event, depth + 1);
}

static void tell(struct maker *m, const struct nika_event *event, uint32_t depth)
{
    struct nika_writer w = nika_writer_of(m->scratch, sizeof m->scratch);
    if (depth > 8 || m->w.at + nika_recording_event_size(event) + SEED_SPARE > sizeof m->bytes)
        return;
    nika_recording_event_write(&w, event);
    part(m, NIKA_RECORDED_EVENT, (struct nika_span){m->scratch, w.at});
    nika_effects_clear(&m->effects);
    m->ops->step(m->module, event, &m->effects);
    struct nika_effects mine =
        m->effects; /* Those of answers go into the same memory: keep a copy. */
    struct nika_action actions[16];
    static uint8_t kept[9][16 * 1024];
    uint32_t count = mine.count < ARRAY_COUNT(actions) ? mine.count : ARRAY_COUNT(actions), at = 0;
    memcpy(actions, mine.actions, count * sizeof actions[0]);
    for (uint32_t i = 0; i < count; i++) {
        struct nika_span bytes = nika_action_bytes(&mine, &actions[i]);
        if (bytes.size > sizeof kept[0] - at) continue;
        if (bytes.size > 0) memcpy(kept[depth] + at, bytes.data, bytes.size);
        at += bytes.size;
    }
    at = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = nika_action_bytes(&mine, &actions[i]).size;
        if (size > sizeof kept[0] - at) continue;
        answer(m, &actions[i], (struct nika_span){kept[depth] + at, size}, depth);
        at += size;
    }
}

static void hear(void *context, const char *name, struct nika_span bytes)
{
    struct maker *m = context;
    struct nika_frame frame;
    struct nika_digest digest;
    (void)name;
    if (nika_ingress(&m->head.config, m->ops->messages, bytes, &frame) != NIKA_OK) return;
    m->now_ns += 1000000;
    struct nika_event event = {.kind = NIKA_EVENT_MESSAGE, .now_ns = m->now_ns, .frame = &frame};
    tell(m, &event, 0);
    m->ops->digest(m->module, &digest);
    part(m, NIKA_RECORDED_DIGEST, (struct nika_span){digest.bytes, sizeof digest.bytes});
}

static void *zeroed(size_t size)
{
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);
    NIKA_TARGET_CHECK(memory != NULL, "out of memory");
    return memset(memory, 0, (size + 63) / 64 * 64);
}

static void begin(struct maker *m, const struct nika_host *host)
{
    const char *reason = NULL;
    nika_config_default(&m->head.config);
    m->head.config.protocol = nika_protocol_find("pbft")->id;
    m->head.config.suite = NIKA_SUITE_SIM;
    m->head.config.clients = 4;
    m->head.config.store_bytes = 512 * 1024;
    m->head.config.snapshot_size_max = 16 * 1024;
    m->head.replica = host->self;
    snprintf(m->head.protocol, sizeof m->head.protocol, "pbft");
    snprintf(m->head.app, sizeof m->head.app, "kv");
    NIKA_TARGET_CHECK(nika_config_seal(&m->head.config, &reason) == NIKA_OK, "%s", reason);
    m->ops = nika_protocol_find("pbft")->replica;
    m->app_ops = nika_app_find("kv");
    m->module = m->ops->init(zeroed(m->ops->size(&m->head.config)), &m->head.config, host);
    m->app = m->app_ops->init(zeroed(m->app_ops->size(&m->head.config)), &m->head.config, 0);
    struct nika_writer w = nika_writer_of(m->scratch, sizeof m->scratch);
    nika_recording_head_write(&w, &m->head);
    nika_write_u8(&m->w, 0);
    part(m, NIKA_RECORDED_HEAD, (struct nika_span){m->scratch, w.at});
}

static void seeds(nika_target_seed *seed, void *context)
{
    static struct nika_action actions[4096];
    static uint8_t area[1u << 20];
    for (uint32_t self = 0; self < 2; self++) {
        struct maker *m = calloc(1, sizeof *m);
        const struct nika_host host = {.world = m,
                                       .self = self,
                                       .authenticate = authenticate,
                                       .verify = verify,
                                       .jitter = jitter};
        NIKA_TARGET_CHECK(m != NULL, "out of memory");
        m->w = nika_writer_of(m->bytes, sizeof m->bytes);
        m->effects = (struct nika_effects){.actions = actions,
                                           .capacity = ARRAY_COUNT(actions),
                                           .bytes = area,
                                           .bytes_capacity = sizeof area};
        begin(m, &host);
        struct nika_event start = {.kind = NIKA_EVENT_START, .now_ns = m->now_ns};
        tell(m, &start, 0);
        nika_harvest_frames("pbft", hear, m);
        part(m, NIKA_RECORDED_END, (struct nika_span){NULL, 0});
        NIKA_TARGET_CHECK(!m->w.failed, "a recording too long");
        seed(context, self == 0 ? "replica-0" : "replica-1", (struct nika_span){m->bytes, m->w.at});
        free(m->module);
        free(m->app);
        free(m);
    }
}

const struct nika_target nika_target_recording = {
    .name = "recording",
    .doc = "The recording of a replica run again: the same states, the first divergence, or why it "
           "is none.",
    .size_max = SIZE_MAX_INPUT,
    .run = run,
    .seeds = seeds,
    .digest = digest,
};
