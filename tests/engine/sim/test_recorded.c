/* tests/engine/sim/test_recorded.c: a recording leads to the recorded states, and whatever does not is named as a divergence. */
#include "engine/sim/recorded.h"

#include "apps/registry.h"
#include "engine/core/assert.h"
#include "protocols/registry.h"
#include "tests/support/test.h"

#define CAPACITY 65536u

static const struct nika_replica_ops *protocol(const char *name, uint32_t *id)
{
    const struct nika_protocol *p = nika_protocol_find(name);
    if (p == NULL) return NULL;
    *id = p->id;
    return p->replica;
}
static const struct nika_recorded_modules modules = {protocol, nika_app_find, NULL};

/* A recording in the making: a replica that only starts, beside a host that writes down what it answers. */
struct fixture {
    struct nika_recording_head head;
    uint8_t bytes[CAPACITY];
    struct nika_writer w;
    uint64_t records;
    struct nika_recorded_result result;
};

static void put(struct fixture *f, enum nika_recorded kind, struct nika_span payload)
{
    nika_wal_write(&f->w, (uint8_t)kind, f->records++, payload);
    assert_false(f->w.failed);
}

static uint32_t authenticate(void *world, uint32_t self, enum nika_auth_alg alg, uint8_t type,
                             uint32_t to, struct nika_span body, uint8_t *auth)
{
    (void)self;
    (void)type;
    (void)to;
    (void)body;
    if (alg == NIKA_AUTH_NONE) return 0;
    memset(auth, 0x5a, 32);
    put(world, NIKA_RECORDED_AUTH, (struct nika_span){auth, 32});
    return 32;
}
static bool verify(void *world, uint32_t self, const struct nika_frame *frame)
{
    const uint8_t yes = 1;
    (void)self;
    (void)frame;
    put(world, NIKA_RECORDED_VERIFY, (struct nika_span){&yes, 1});
    return true;
}
static uint64_t jitter(void *world, uint32_t self, uint32_t timer, uint64_t n)
{
    uint8_t bytes[8];
    (void)self;
    (void)timer;
    nika_store_le(bytes, n / 2, sizeof bytes);
    put(world, NIKA_RECORDED_JITTER, (struct nika_span){bytes, sizeof bytes});
    return n / 2;
}

static struct fixture *begin(void)
{
    const char *reason;
    uint8_t bytes[1024];
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->w = nika_writer_of(f->bytes, CAPACITY);
    nika_config_default(&f->head.config);
    f->head.config.protocol = nika_protocol_find("pbft")->id;
    f->head.config.suite = NIKA_SUITE_HMAC;
    f->head.replica = 1;
    snprintf(f->head.protocol, sizeof f->head.protocol, "pbft");
    snprintf(f->head.app, sizeof f->head.app, "kv");
    assert_int_equal(nika_config_seal(&f->head.config, &reason), NIKA_OK);
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    nika_recording_head_write(&w, &f->head);
    put(f, NIKA_RECORDED_HEAD, (struct nika_span){bytes, w.at});
    return f;
}

/* START and then timers that nobody set; after each event the digest of the state. `spoil` changes the last digest. */
static void record(struct fixture *f, uint32_t events, bool spoil)
{
    const struct nika_replica_ops *ops = nika_protocol_find("pbft")->replica;
    const struct nika_host host = {
        .world = f, .self = 1, .authenticate = authenticate, .verify = verify, .jitter = jitter};
    void *memory = aligned_alloc(16, (ops->size(&f->head.config) + 15) & ~(size_t)15);
    assert_non_null(memory);
    memset(memory, 0, ops->size(&f->head.config));
    struct nika_replica *module = ops->init(memory, &f->head.config, &host);
    static struct nika_action actions[1024];
    static uint8_t area[1u << 20];
    for (uint32_t i = 0; i < events; i++) {
        struct nika_effects effects = {.actions = actions,
                                       .capacity = ARRAY_COUNT(actions),
                                       .bytes = area,
                                       .bytes_capacity = sizeof area};
        struct nika_event event = {.kind = i == 0 ? NIKA_EVENT_START : NIKA_EVENT_TIMER,
                                   .now_ns = 1000000 * (uint64_t)i,
                                   .timer = 3,
                                   .generation = i};
        uint8_t bytes[128];
        struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
        struct nika_digest digest;
        nika_recording_event_write(&w, &event);
        assert_int_equal(w.at, nika_recording_event_size(&event));
        put(f, NIKA_RECORDED_EVENT, (struct nika_span){bytes, w.at});
        ops->step(module, &event, &effects);
        ops->digest(module, &digest);
        if (spoil && i + 1 == events) digest.bytes[0] ^= 1;
        put(f, NIKA_RECORDED_DIGEST, (struct nika_span){digest.bytes, sizeof digest.bytes});
    }
    free(memory);
}

static enum nika_err replay(struct fixture *f, uint32_t size)
{
    return nika_recorded_run((struct nika_span){f->bytes, size}, &modules, &f->result);
}

static void test_the_recorded_states_are_reached(void **state)
{
    struct fixture *f = begin();
    (void)state;
    record(f, 4, false);
    put(f, NIKA_RECORDED_END, (struct nika_span){NULL, 0});
    assert_int_equal(replay(f, f->w.at), NIKA_OK);
    assert_string_equal(f->result.problem, "");
    assert_int_equal(f->result.digests, 4);
    assert_int_equal(f->result.events, 4);
    assert_true(f->result.host_answers > 0);
    assert_true(f->result.ended);
    assert_memory_equal(&f->result.head.config, &f->head.config, sizeof f->head.config);
    free(f);
}

static void test_another_state_is_a_divergence_that_names_the_event(void **state)
{
    struct fixture *f = begin();
    (void)state;
    record(f, 3, true);
    assert_int_equal(replay(f, f->w.at), NIKA_ERR_NOT_FOUND);
    assert_non_null(strstr(f->result.problem, "event 3"));
    assert_non_null(strstr(f->result.problem, "state is another one"));
    free(f);
}

static void step_of_a_module_that_breaks(struct nika_replica *replica,
                                         const struct nika_event *event,
                                         struct nika_effects *effects)
{
    NIKA_ASSERT(event->kind != NIKA_EVENT_TIMER);
    nika_protocol_find("pbft")->replica->step(replica, event, effects);
}
static const struct nika_replica_ops *broken_protocol(const char *name, uint32_t *id)
{
    static struct nika_replica_ops ops;
    const struct nika_replica_ops *whole = protocol(name, id);
    ops = *whole;
    ops.step = step_of_a_module_that_breaks;
    return &ops;
}

/* Events of a forged recording need not be possible ones, and those of a node that broke a contract break it again. */
static void test_a_broken_contract_is_told_and_survived(void **state)
{
    static const struct nika_recorded_modules broken = {broken_protocol, nika_app_find, NULL};
    struct fixture *f = begin();
    (void)state;
    record(f, 2, false);
    assert_int_equal(nika_recorded_run((struct nika_span){f->bytes, f->w.at}, &broken, &f->result),
                     NIKA_ERR_NOT_FOUND);
    assert_true(f->result.broken);
    assert_non_null(
        strstr(f->result.problem, "event 2: a contract was broken at test_recorded.c:"));
    assert_int_equal(replay(f, f->w.at), NIKA_OK);
    assert_false(f->result.broken);
    free(f);
}

static void test_answers_that_nobody_asks_for_are_a_divergence(void **state)
{
    struct fixture *f = begin();
    const uint8_t yes = 1;
    (void)state;
    record(f, 2, false);
    put(f, NIKA_RECORDED_VERIFY, (struct nika_span){&yes, 1});
    assert_int_equal(replay(f, f->w.at), NIKA_ERR_NOT_FOUND);
    assert_non_null(strstr(f->result.problem, "less than it did then"));
    free(f);
}

static void test_an_answer_of_an_application_that_was_not_asked_is_a_divergence(void **state)
{
    struct fixture *f = begin();
    uint8_t bytes[128];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    const struct nika_event event = {.kind = NIKA_EVENT_APP, .token = 9};
    (void)state;
    record(f, 1, false);
    nika_recording_event_write(&w, &event);
    put(f, NIKA_RECORDED_EVENT, (struct nika_span){bytes, w.at});
    assert_int_equal(replay(f, f->w.at), NIKA_ERR_NOT_FOUND);
    assert_non_null(strstr(f->result.problem, "the application answers"));
    /* Of an application in another process the answers are taken as recorded, but not who was asked. */
    const struct nika_recorded_modules elsewhere = {protocol, nika_app_find, f->head.app};
    assert_int_equal(
        nika_recorded_run((struct nika_span){f->bytes, f->w.at}, &elsewhere, &f->result),
        NIKA_ERR_NOT_FOUND);
    assert_non_null(strstr(f->result.problem, "the application answers what nobody asked"));
    free(f);
}

/* A node that is killed leaves a torn last record; no cut of a recording crashes a replay. */
static void test_every_cut_is_a_shorter_recording(void **state)
{
    struct fixture *f = begin();
    uint32_t head;
    (void)state;
    head = f->w.at;
    record(f, 3, false);
    for (uint32_t size = 0; size < f->w.at; size++) {
        enum nika_err err = replay(f, size);
        /* A cut between an event and the answers to it is where the module asks and nobody answers. */
        assert_true(err == (size < head ? NIKA_ERR_MALFORMED : NIKA_OK));
        assert_false(f->result.ended);
    }
    free(f);
}

static void test_what_is_no_recording_is_refused(void **state)
{
    struct fixture *f = begin();
    (void)state;
    f->bytes[20] ^= 1; /* Under the checksum of the head. */
    assert_int_equal(replay(f, f->w.at), NIKA_ERR_MALFORMED);
    f->w.at = 0;
    f->records = 0;
    snprintf(f->head.protocol, sizeof f->head.protocol, "none");
    uint8_t bytes[1024];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    nika_recording_head_write(&w, &f->head);
    put(f, NIKA_RECORDED_HEAD, (struct nika_span){bytes, w.at});
    assert_int_equal(replay(f, f->w.at), NIKA_ERR_CONFIG);
    assert_non_null(strstr(f->result.problem, "none"));
    bytes[0] = 99; /* Version. */
    f->w.at = 0;
    f->records = 0;
    put(f, NIKA_RECORDED_HEAD, (struct nika_span){bytes, w.at});
    assert_int_equal(replay(f, f->w.at), NIKA_ERR_VERSION);
    free(f);
}

/* Answers of a trusted subsystem come back as they were; whatever is cut, longer or of no known call is refused. */
static void test_trusted_answers(void **state)
{
    (void)state;
    struct nika_recorded_trusted out, in = {.value = {3, 4}, .epoch = 5};
    uint8_t bytes[NIKA_RECORDING_TRUSTED_MAX + 1];
    memset(in.certificate, 6, sizeof in.certificate);
    memset(&in.digest, 7, sizeof in.digest);
    for (uint8_t call = NIKA_RECORDED_TRUSTED_CERTIFY; call <= NIKA_RECORDED_TRUSTED_REISSUE;
         call++) {
        in.call = call;
        struct nika_writer w = nika_writer_of(bytes, NIKA_RECORDING_TRUSTED_MAX);
        nika_recording_trusted_write(&w, &in);
        assert_false(w.failed);
        assert_int_equal(nika_recording_trusted_read((struct nika_span){bytes, w.at}, &out),
                         NIKA_OK);
        assert_int_equal(out.call, call);
        bool reads = call == NIKA_RECORDED_TRUSTED_READ;
        bool made = call == NIKA_RECORDED_TRUSTED_CERTIFY || call == NIKA_RECORDED_TRUSTED_REISSUE;
        assert_int_equal(out.epoch, reads ? 5 : 0);
        assert_int_equal(out.value.order, reads ? 4 : 0);
        assert_int_equal(out.certificate[0], made ? 6 : 0);
        assert_int_equal(out.digest.bytes[0], call == NIKA_RECORDED_TRUSTED_REISSUE ? 7 : 0);
        assert_int_equal(nika_recording_trusted_read((struct nika_span){bytes, w.at - 1}, &out),
                         NIKA_ERR_MALFORMED);
        assert_int_equal(nika_recording_trusted_read((struct nika_span){bytes, w.at + 1}, &out),
                         NIKA_ERR_MALFORMED);
        bytes[0] = NIKA_RECORDED_TRUSTED_REISSUE + 1;
        assert_int_equal(nika_recording_trusted_read((struct nika_span){bytes, w.at}, &out),
                         NIKA_ERR_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_recorded_states_are_reached),
        cmocka_unit_test(test_another_state_is_a_divergence_that_names_the_event),
        cmocka_unit_test(test_a_broken_contract_is_told_and_survived),
        cmocka_unit_test(test_answers_that_nobody_asks_for_are_a_divergence),
        cmocka_unit_test(test_an_answer_of_an_application_that_was_not_asked_is_a_divergence),
        cmocka_unit_test(test_every_cut_is_a_shorter_recording),
        cmocka_unit_test(test_what_is_no_recording_is_refused),
        cmocka_unit_test(test_trusted_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
