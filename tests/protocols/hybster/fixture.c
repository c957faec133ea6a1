/* tests/protocols/hybster/fixture.c: see fixture.h. */
#include "tests/protocols/hybster/fixture.h"

#define EFFECT_BYTES (16u * 1024u * 1024u)
#define EFFECT_COUNT 4096u

static struct fixture_bytes copy(struct nika_span span)
{
    struct fixture_bytes out = {malloc(span.size + 1u), span.size};
    assert_non_null(out.data);
    if (span.size > 0) memcpy(out.data, span.data, span.size);
    return out;
}

/* ---- the host ---- */
static uint32_t authenticate(void *world, uint32_t self, enum nika_auth_alg alg, uint8_t type,
                             uint32_t to, struct nika_span body, uint8_t *auth)
{
    struct fixture *f = world;
    if (alg == NIKA_AUTH_NONE) return 0;
    uint32_t size = NIKA_SIGNED_HEAD_SIZE + body.size + 8, auth_size = NIKA_AUTH_SIZE_MAX;
    uint8_t *bytes = malloc(size);
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_frame_signed_bytes(&f->config, type, self, body, &w);
    struct nika_span content = {bytes, w.at};
    enum nika_err err = alg == NIKA_AUTH_MAC
                            ? nika_mac(f->keyring, self, to, content, auth, &auth_size)
                            : nika_sign(f->keyring, self, content, auth, &auth_size);
    free(bytes);
    assert_int_equal(err, NIKA_OK);
    return auth_size;
}

static bool verify(void *world, uint32_t self, const struct nika_frame *frame)
{
    struct fixture *f = world;
    if (frame->auth_alg == NIKA_AUTH_NONE) return true;
    uint32_t size = NIKA_SIGNED_HEAD_SIZE + frame->body.size + 8;
    uint8_t *bytes = malloc(size);
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_frame_signed_bytes(&f->config, frame->type, frame->sender, frame->body, &w);
    struct nika_span content = {bytes, w.at};
    enum nika_err err = frame->auth_alg == NIKA_AUTH_MAC
                            ? nika_mac_verify(f->keyring, frame->sender, self, content, frame->auth)
                            : nika_verify(f->keyring, frame->sender, content, frame->auth);
    free(bytes);
    return err == NIKA_OK;
}

static uint64_t jitter(void *world, uint32_t self, uint32_t timer, uint64_t n)
{
    (void)world, (void)self, (void)timer;
    return n / 2;
}

static enum nika_err trusted_certify(void *world, uint32_t self, enum nika_trusted_kind kind,
                                     uint32_t counter, struct nika_trusted_value value,
                                     const struct nika_digest *digest,
                                     struct nika_trusted_certificate *out)
{
    struct fixture *f = world;
    assert_int_equal(self, f->self);
    if (f->trusted_gone) return NIKA_ERR_IO;
    return nika_trusted_certify(&f->instance, f->key, kind, counter, value, digest, out);
}

static bool trusted_verify(void *world, uint32_t self,
                           const struct nika_trusted_certificate *certificate,
                           const struct nika_digest *digest)
{
    struct fixture *f = world;
    (void)self;
    return !f->trusted_gone &&
           nika_trusted_verify(f->key, f->epochs, FIXTURE_REPLICAS, certificate, digest);
}

static enum nika_err trusted_read(void *world, uint32_t self, uint32_t counter,
                                  struct nika_trusted_value *value, uint64_t *epoch)
{
    struct fixture *f = world;
    (void)self;
    if (f->trusted_gone) return NIKA_ERR_IO;
    return nika_trusted_read(&f->instance, counter, value, epoch);
}

static enum nika_err trusted_reissue(void *world, uint32_t self, uint32_t counter,
                                     struct nika_trusted_certificate *out,
                                     struct nika_digest *digest)
{
    struct fixture *f = world;
    (void)self;
    if (f->trusted_gone) return NIKA_ERR_IO;
    return nika_trusted_reissue(&f->instance, counter, out, digest);
}

static const struct nika_trusted_ops trusted_ops = {.certify = trusted_certify,
                                                    .verify = trusted_verify,
                                                    .read = trusted_read,
                                                    .reissue = trusted_reissue};

/* ---- effects ---- */
static void complete(struct fixture *f, enum nika_event_kind kind, uint64_t token,
                     struct nika_span bytes)
{
    uint32_t at = (f->completion_first + f->completion_count++) % FIXTURE_COMPLETIONS_MAX;
    assert_true(f->completion_count <= FIXTURE_COMPLETIONS_MAX);
    f->completions[at] =
        (struct fixture_completion){.kind = kind, .token = token, .bytes = copy(bytes)};
}

static void record(struct fixture *f, uint32_t kind, uint64_t seq, uint64_t token,
                   struct nika_span bytes)
{
    assert_true(f->log_count < FIXTURE_LOG_MAX);
    f->log[f->log_count++] =
        (struct fixture_record){.kind = kind, .seq = seq, .bytes = copy(bytes)};
    complete(f, NIKA_EVENT_STORED, token, (struct nika_span){0});
}

static void certify_later(struct fixture *f, const struct nika_action *a, struct nika_span digest)
{
    assert_true(f->later);
    complete(f, NIKA_EVENT_CERTIFIED, a->token, digest);
    struct fixture_completion *c =
        &f->completions[(f->completion_first + f->completion_count - 1) % FIXTURE_COMPLETIONS_MAX];
    c->counter = a->id;
    c->value = (struct nika_trusted_value){a->a, a->b};
}

static void execute(struct fixture *f, uint64_t token, struct nika_span bytes)
{
    struct nika_reader r = nika_reader_of(bytes);
    (void)nika_read_u64(&r);
    (void)nika_read_u64(&r);
    struct nika_digest digest = nika_read_digest(&r);
    uint32_t count = nika_read_u32(&r);
    struct nika_span parts[2] = {{f->app_state.bytes, NIKA_DIGEST_SIZE},
                                 {digest.bytes, NIKA_DIGEST_SIZE}};
    if (count > 0) nika_sha256(parts, 2, &f->app_state);
    uint8_t results[256];
    struct nika_writer w = nika_writer_of(results, sizeof results);
    nika_write_u32(&w, count);
    for (uint32_t i = 0; i < count; i++)
        nika_write_bytes(&w, (struct nika_span){f->app_state.bytes, 8});
    assert_false(w.failed);
    complete(f, NIKA_EVENT_APP, token, (struct nika_span){results, w.at});
}

static void snapshot(struct fixture *f, uint64_t token, uint64_t seq)
{
    uint8_t bytes[NIKA_SNAPSHOT_META_SIZE];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    struct nika_snapshot_meta meta = {.seq = seq, .chunk_count = 1, .total_size = NIKA_DIGEST_SIZE};
    struct nika_digest leaf;
    nika_merkle_leaf(0, (struct nika_span){f->app_state.bytes, NIKA_DIGEST_SIZE}, &leaf);
    nika_merkle_root(&leaf, 1, &leaf, &meta.root);
    nika_snapshot_meta_write(&w, &meta);
    complete(f, NIKA_EVENT_APP, token, (struct nika_span){bytes, w.at});
}

static void watch_sent(struct fixture *f, struct nika_span bytes)
{
    struct nika_frame frame;
    assert_int_equal(nika_frame_parse(bytes, f->config.epoch, NIKA_MESSAGE_SIZE_MAX, &frame),
                     NIKA_OK);
    assert_true(frame.type < FIXTURE_TYPES);
    f->sent[frame.type]++;
    if (frame.type == HYBSTER_TYPE_commit && frame.sender == f->self && f->sent_seq_count < 64)
        f->sent_seq[f->sent_seq_count++] = nika_load_le(frame.body.data + 8, 8);
}

static void apply(struct fixture *f, const struct nika_action *a, struct nika_span bytes)
{
    if (a->kind == NIKA_ACTION_BROADCAST || (a->kind == NIKA_ACTION_SEND && !nika_is_client(a->to)))
        watch_sent(f, bytes);
    if (a->kind == NIKA_ACTION_PERSIST) record(f, a->id, a->a, a->token, bytes);
    if (a->kind == NIKA_ACTION_SNAPSHOT_SAVE)
        record(f, NIKA_RECORD_SNAPSHOT, a->a, a->token, bytes);
    if (a->kind == NIKA_ACTION_CERTIFY) certify_later(f, a, bytes);
    if (a->kind == NIKA_ACTION_EXECUTE) execute(f, a->token, bytes);
    if (a->kind == NIKA_ACTION_SNAPSHOT_TAKE) snapshot(f, a->token, a->a);
    if (a->kind != NIKA_ACTION_NOTE) return;
    if (a->id == NIKA_NOTE_REJECT && a->a < NIKA_CHECK_COUNT) f->rejects[a->a]++;
    if (a->id == NIKA_NOTE_ALARM) f->alarms++;
    if (a->id == NIKA_NOTE_EVIDENCE) f->evidence++;
}

static void step_once(struct fixture *f, const struct nika_event *event)
{
    nika_effects_clear(&f->effects);
    nika_replica_hybster.step(f->replica, event, &f->effects);
    assert_false(f->effects.overflow);
    for (uint32_t i = 0; i < f->effects.count; i++) {
        const struct nika_action *action = &f->effects.actions[i];
        apply(f, action, nika_action_bytes(&f->effects, action));
    }
}

static void forget_answer(struct fixture *f)
{
    free(f->completions[f->completion_first].bytes.data);
    f->completion_first = (f->completion_first + 1) % FIXTURE_COMPLETIONS_MAX;
    f->completion_count--;
}

/* The counter moves when the answer is made. */
static void answer_certified(struct fixture *f, struct fixture_completion *c)
{
    struct nika_digest digest;
    struct nika_trusted_certificate made;
    uint8_t bytes[NIKA_TRUSTED_CERTIFICATE_SIZE];
    assert_int_equal(c->bytes.size, sizeof digest);
    memcpy(&digest, c->bytes.data, sizeof digest);
    free(c->bytes.data);
    if (c->status == 0)
        c->status = trusted_certify(f, f->self, NIKA_TRUSTED_INDEPENDENT, c->counter, c->value,
                                    &digest, &made);
    c->bytes = (struct fixture_bytes){0};
    if (c->status != 0) return;
    nika_trusted_certificate_encode(&made, bytes);
    c->bytes = copy((struct nika_span){bytes, sizeof bytes});
}

void fixture_answer(struct fixture *f, uint32_t count)
{
    for (uint32_t i = 0; i < count && f->completion_count > 0; i++) {
        struct fixture_completion c = f->completions[f->completion_first];
        c.bytes = copy(fixture_span(c.bytes));
        forget_answer(f);
        if (c.kind == NIKA_EVENT_CERTIFIED) answer_certified(f, &c);
        struct nika_event next = {.kind = c.kind,
                                  .now_ns = f->now_ns,
                                  .token = c.token,
                                  .status = c.status,
                                  .bytes = fixture_span(c.bytes)};
        step_once(f, &next);
        free(c.bytes.data);
    }
}

static void step(struct fixture *f, const struct nika_event *event)
{
    step_once(f, event);
    while (!f->held && f->completion_count > 0) fixture_answer(f, 1);
}

static void boot(struct fixture *f)
{
    size_t size = nika_replica_hybster.size(&f->config);
    free(f->memory);
    f->memory = aligned_alloc(64, (size + 63) / 64 * 64);
    assert_non_null(f->memory);
    memset(f->memory, 0, size);
    f->host = (struct nika_host){.world = f,
                                 .self = f->self,
                                 .authenticate = authenticate,
                                 .verify = verify,
                                 .jitter = jitter,
                                 .trusted = &trusted_ops,
                                 .trusted_later = f->later};
    f->replica = nika_replica_hybster.init(f->memory, &f->config, &f->host);
}

static void start(struct fixture *f)
{
    struct nika_event event = {.kind = NIKA_EVENT_START, .now_ns = f->now_ns};
    step(f, &event);
}

static struct fixture *make(uint32_t self, uint32_t pillars, bool later)
{
    const char *reason = NULL;
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    nika_auth_install_sim(&nika_auth_sim_table);
    nika_config_default(&f->config);
    f->config.n = FIXTURE_REPLICAS;
    f->config.f = 1;
    f->config.clients = 2;
    f->config.suite = NIKA_SUITE_SIM;
    f->config.checkpoint_interval = 4;
    f->config.window = 8;
    f->config.pipeline = 8;
    f->config.batch_ns = 0;
    f->config.pillars = pillars;
    assert_int_equal(nika_config_seal(&f->config, &reason), NIKA_OK);
    f->self = self;
    f->later = later;
    f->keyring = nika_keyring_new_derived(NIKA_SUITE_SIM, f->config.n, f->config.clients, 7);
    f->key = nika_trusted_key_of(f->keyring);
    assert_non_null(f->key);
    for (uint32_t i = 0; i < FIXTURE_REPLICAS; i++) f->epochs[i] = NIKA_TRUSTED_EPOCH;
    nika_trusted_instance_init(&f->instance, self, NIKA_TRUSTED_EPOCH, NIKA_TRUSTED_COUNTERS_MAX);
    f->effects = (struct nika_effects){.capacity = EFFECT_COUNT, .bytes_capacity = EFFECT_BYTES};
    f->effects.actions = malloc(EFFECT_COUNT * sizeof *f->effects.actions);
    f->effects.bytes = malloc(EFFECT_BYTES);
    f->now_ns = 1000000000u;
    boot(f);
    start(f);
    return f;
}

struct fixture *fixture_new(uint32_t self)
{
    return make(self, 1, false);
}

struct fixture *fixture_new_pillars(uint32_t self, uint32_t pillars)
{
    return make(self, pillars, false);
}

struct fixture *fixture_new_later(uint32_t self)
{
    return make(self, 1, true);
}

void fixture_free(struct fixture *f)
{
    for (uint32_t i = 0; i < f->log_count; i++) free(f->log[i].bytes.data);
    while (f->completion_count > 0) forget_answer(f);
    free(f->effects.actions);
    free(f->effects.bytes);
    free(f->memory);
    nika_trusted_key_free(f->key);
    nika_keyring_free(f->keyring);
    free(f);
}

void fixture_restart(struct fixture *f)
{
    while (f->completion_count > 0) forget_answer(f);
    boot(f);
    memset(&f->app_state, 0, sizeof f->app_state);
    for (uint32_t i = 0; i < f->log_count; i++) {
        bool replaced = false;
        for (uint32_t k = i + 1; k < f->log_count && f->log[i].kind >= NIKA_RECORD_LATEST; k++)
            replaced = replaced || f->log[k].kind == f->log[i].kind;
        if (!replaced)
            nika_replica_hybster.recover(f->replica, f->log[i].kind, f->log[i].seq,
                                         fixture_span(f->log[i].bytes));
    }
    start(f);
}

bool fixture_give(struct fixture *f, struct fixture_bytes bytes)
{
    struct nika_frame frame;
    bool good = nika_ingress(&f->config, nika_replica_hybster.messages, fixture_span(bytes),
                             &frame) == NIKA_OK &&
                verify(f, f->self, &frame);
    struct nika_event event = {.kind = NIKA_EVENT_MESSAGE, .now_ns = f->now_ns, .frame = &frame};
    if (good) step(f, &event);
    free(bytes.data);
    return good;
}

bool fixture_fire(struct fixture *f, uint32_t timer)
{
    if (!f->replica->core.timer_armed[timer]) return false;
    struct nika_event event = {.kind = NIKA_EVENT_TIMER,
                               .now_ns = f->now_ns,
                               .timer = timer,
                               .generation = f->replica->core.timer_generation[timer]};
    step(f, &event);
    return true;
}

uint32_t fixture_records(const struct fixture *f, uint32_t kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->log_count; i++) count += f->log[i].kind == kind ? 1u : 0u;
    return count;
}

void fixture_lose(struct fixture *f, uint32_t kind)
{
    for (uint32_t i = 0; i < f->log_count; i++)
        if (f->log[i].kind == kind) f->log[i].kind = 0;
}

struct fixture_bytes fixture_frame(struct fixture *f, uint32_t sender,
                                   const struct nika_message_info *info, struct nika_span body)
{
    uint8_t auth[NIKA_AUTH_SIZE_MAX];
    uint32_t auth_size = authenticate(f, sender, info->auth, info->type, f->self, body, auth);
    uint32_t size = nika_frame_size(body.size, auth_size);
    struct fixture_bytes out = {malloc(size), size};
    struct nika_writer w = nika_writer_of(out.data, out.size);
    nika_frame_write(&f->config, info->type, sender, body, info->auth,
                     (struct nika_span){auth, auth_size}, &w);
    assert_false(w.failed);
    return out;
}
