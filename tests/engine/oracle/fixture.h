/* tests/engine/oracle/fixture.h: a set of oracles fed with synthetic taps, and a toy application as the sequential model. */
#ifndef TESTS_ENGINE_ORACLE_FIXTURE_H
#define TESTS_ENGINE_ORACLE_FIXTURE_H

#include "tests/support/test.h"

#include "engine/core/bytes.h"
#include "engine/oracle/oracle_private.h"

#define MS 1000000ull

/* A counter: op "a" + u8 adds, result = the value; op "r" reads it. */
struct nika_app {
    uint64_t value;
};
static size_t toy_size(const struct nika_config *c)
{
    (void)c;
    return sizeof(struct nika_app);
}
static size_t toy_used(const struct nika_app *a)
{
    (void)a;
    return sizeof *a;
}
static struct nika_app *toy_init(void *memory, const struct nika_config *c, uint64_t param)
{
    (void)c;
    (void)param;
    return memory;
}
static uint32_t toy_query(const struct nika_app *a, const struct nika_op *op, uint8_t *reply,
                          uint32_t max)
{
    (void)op;
    assert_true(max >= 8);
    nika_store_le(reply, a->value, 8);
    return 8;
}
static uint32_t toy_execute(struct nika_app *a, const struct nika_op *op, uint64_t time_ns,
                            uint8_t *reply, uint32_t max)
{
    (void)time_ns;
    if (op->bytes.size == 2 && op->bytes.data[0] == 'a') a->value += op->bytes.data[1];
    return toy_query(a, op, reply, max);
}
static const char *toy_invariant(const struct nika_app *a)
{
    return a->value > 1000 ? "the counter is above 1000" : NULL;
}
static const struct nika_app_ops toy_ops = {.name = "toy",
                                            .size = toy_size,
                                            .used = toy_used,
                                            .init = toy_init,
                                            .execute = toy_execute,
                                            .query = toy_query,
                                            .invariant = toy_invariant};

struct fixture {
    struct nika_config config;
    struct nika_oracle_setup setup;
    struct nika_oracles *oracles;
    struct nika_watcher watcher;
    void *memory;
    size_t size;
    uint64_t now_ns;
    bool down[128];
    struct nika_replica_status status[128];
    struct nika_app live;
};
static void fixture_status(const void *world, uint32_t replica, struct nika_replica_status *out)
{
    *out = ((const struct fixture *)world)->status[replica];
}
static bool fixture_is_up(const void *world, uint32_t replica)
{
    return !((const struct fixture *)world)->down[replica];
}
static const struct nika_app *fixture_app(const void *world, uint32_t replica)
{
    (void)replica;
    return &((const struct fixture *)world)->live;
}

/* Everything but the memory, so that a test may change it before fixture_start. */
static void fixture_prepare(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    struct nika_config *c = &f->config;
    c->n = 4;
    c->f = 1;
    c->clients = 3;
    c->checkpoint_interval = 8;
    c->window = 32;
    c->pending_max = 16;
    c->op_size_max = 64;
    c->reply_size_max = 64;
    c->store_bytes = 1 << 20;
    c->backoff_max = 10;
    c->request_ns = 500 * MS;
    c->status_ns = 160 * MS;
    c->fetch_ns = 100 * MS;
    c->lag_ns = 300 * MS;
    c->client_ns = 800 * MS;
    c->batch_ns = 5 * MS;
    c->retransmit_ns = 100 * MS;
    f->setup = (struct nika_oracle_setup){.config = c,
                                          .app_ops = &toy_ops,
                                          .gst_ns = UINT64_MAX,
                                          .delay_bound_ns = 10 * MS,
                                          .fsync_bound_ns = 2 * MS,
                                          .app_bound_ns = 1 * MS,
                                          .enabled = UINT64_MAX,
                                          .world = f,
                                          .status = fixture_status,
                                          .is_up = fixture_is_up,
                                          .app = fixture_app};
}
static void fixture_start(struct fixture *f)
{
    f->size = nika_oracles_size(&f->setup);
    f->memory = calloc(1, f->size);
    assert_non_null(f->memory);
    f->oracles = nika_oracles_init(f->memory, &f->setup);
    f->watcher = nika_oracles_watcher(f->oracles);
}
static void fixture_end(struct fixture *f)
{
    /* Beyond the used prefix nothing was written: a reset clears only that. */
    const uint8_t *bytes = f->memory;
    for (size_t i = nika_oracles_used(f->memory); i < f->size; i++) assert_int_equal(bytes[i], 0);
    free(f->memory);
}
static void feed(struct fixture *f, struct nika_tap tap)
{
    tap.now_ns = f->now_ns;
    if ((f->watcher.mask & NIKA_TAP_BIT(tap.kind)) != 0)
        f->watcher.on_tap(f->watcher.context, &tap);
}
static struct nika_digest digest_of(uint8_t value)
{
    struct nika_digest d;
    memset(&d, 0, sizeof d);
    for (uint32_t i = 0; i < 8; i++) d.bytes[i] = value;
    return d;
}
static uint32_t violations(const struct fixture *f)
{
    const struct nika_violation *v;
    return nika_oracles_violations(f->oracles, &v);
}
/* Exactly one violation: by this oracle, node and seq. */
static void assert_only(const struct fixture *f, const char *id, uint32_t node, uint64_t seq)
{
    const struct nika_violation *v;
    uint32_t count = nika_oracles_violations(f->oracles, &v);
    if (count != 1) {
        for (uint32_t i = 0; i < count; i++)
            print_message("%s: %s\n", nika_oracle_list[v[i].oracle]->id, v[i].sentence);
    }
    assert_int_equal(count, 1);
    assert_string_equal(nika_oracle_list[v[0].oracle]->id, id);
    assert_int_equal(v[0].node, node);
    assert_int_equal(v[0].seq, seq);
    assert_true(strlen(v[0].sentence) > 20);
}
static bool fired(const struct fixture *f, const char *id)
{
    const struct nika_violation *v;
    uint32_t count = nika_oracles_violations(f->oracles, &v);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(nika_oracle_list[v[i].oracle]->id, id) == 0) return true;
    }
    return false;
}

static struct nika_summary summary_of(uint32_t message_class, uint64_t view, uint64_t seq,
                                      uint8_t digest)
{
    return (struct nika_summary){.message_class = (uint8_t)message_class,
                                 .has_digest = true,
                                 .view = view,
                                 .seq = seq,
                                 .digest = digest_of(digest)};
}
static void sent(struct fixture *f, uint32_t node, uint32_t message_class, uint64_t view,
                 uint64_t seq, uint8_t digest)
{
    struct nika_summary s = summary_of(message_class, view, seq, digest);
    feed(f, (struct nika_tap){
                .kind = NIKA_TAP_SENT, .node = node, .to = NIKA_NODE_NONE, .summary = &s});
}
static void stored(struct fixture *f, uint32_t node, uint32_t message_class, uint64_t view,
                   uint64_t seq, uint8_t digest)
{
    struct nika_summary s = summary_of(message_class, view, seq, digest);
    feed(f, (struct nika_tap){.kind = NIKA_TAP_STORED, .node = node, .b = seq, .summary = &s});
}
/* Stored, then sent: what a correct replica does. A COMMIT needs its prepared certificate. */
static void vote(struct fixture *f, uint32_t node, uint32_t message_class, uint64_t view,
                 uint64_t seq, uint8_t digest)
{
    uint32_t record = message_class == NIKA_MESSAGE_COMMIT    ? NIKA_MESSAGE_PREPARE
                      : message_class == NIKA_MESSAGE_PREPARE ? NIKA_MESSAGE_PROPOSE
                                                              : message_class;
    stored(f, node, record, view, seq, digest);
    sent(f, node, message_class, view, seq, digest);
}
static void note(struct fixture *f, uint32_t node, uint32_t kind, uint64_t a, uint64_t b,
                 const void *bytes, uint32_t size)
{
    struct nika_action action = {
        .kind = NIKA_ACTION_NOTE, .id = kind, .a = a, .b = b, .size = size};
    feed(f, (struct nika_tap){.kind = NIKA_TAP_NOTE,
                              .node = node,
                              .a = kind,
                              .note = &action,
                              .bytes = {bytes, size}});
}
static void note_digest(struct fixture *f, uint32_t node, uint32_t kind, uint64_t a, uint64_t b,
                        uint8_t digest, uint8_t signers)
{
    uint8_t bytes[33];
    struct nika_digest d = digest_of(digest);
    memcpy(bytes, d.bytes, 32);
    bytes[32] = signers;
    note(f, node, kind, a, b, bytes, 33);
}
static void simple(struct fixture *f, enum nika_tap_kind kind, uint32_t node, uint64_t a)
{
    struct nika_digest d = digest_of(9);
    feed(f, (struct nika_tap){.kind = kind, .node = node, .a = a, .digest = &d});
}
/* A client reserves the timestamp, then sends "a" + amount. */
static void request(struct fixture *f, uint32_t client, uint64_t timestamp, uint8_t amount)
{
    uint8_t body[64];
    struct nika_writer w = nika_writer_of(body, sizeof body);
    nika_write_u32(&w, client);
    nika_write_u64(&w, timestamp);
    nika_write_u32(&w, 0);
    nika_write_u32(&w, 0);
    nika_write_bytes(&w, (struct nika_span){(const uint8_t[]){'a', amount}, 2});
    struct nika_frame frame = {.type = 1, .sender = nika_client_node(client), .body = {body, w.at}};
    struct nika_summary s = summary_of(NIKA_MESSAGE_REQUEST, client, timestamp, 0);
    stored(f, nika_client_node(client), NIKA_MESSAGE_REQUEST, client, timestamp, 0);
    feed(f, (struct nika_tap){.kind = NIKA_TAP_SENT,
                              .node = nika_client_node(client),
                              .frame = &frame,
                              .summary = &s});
}
/* One request (client, timestamp, "a" amount) executed by `node` at `seq`, with `result`. */
static void executed(struct fixture *f, uint32_t node, uint64_t seq, uint8_t digest,
                     uint32_t client, uint64_t timestamp, uint8_t amount, uint64_t result)
{
    uint8_t payload[128], results[32], value[8];
    struct nika_digest d = digest_of(digest);
    struct nika_writer w = nika_writer_of(payload, sizeof payload);
    nika_write_u64(&w, seq);
    nika_write_u64(&w, 7);
    nika_write_digest(&w, &d);
    nika_write_u32(&w, 1);
    nika_write_u32(&w, client);
    nika_write_u64(&w, timestamp);
    nika_write_u32(&w, 0);
    nika_write_bytes(&w, (struct nika_span){(const uint8_t[]){'a', amount}, 2});
    struct nika_writer v = nika_writer_of(results, sizeof results);
    nika_store_le(value, result, 8);
    nika_write_u32(&v, 1);
    nika_write_bytes(&v, (struct nika_span){value, 8});
    feed(f, (struct nika_tap){.kind = NIKA_TAP_EXECUTED,
                              .node = node,
                              .a = seq,
                              .digest = &d,
                              .bytes = {payload, w.at},
                              .results = {results, v.at}});
}
static void invoked(struct fixture *f, uint32_t client, uint64_t token, const void *op,
                    uint32_t size, uint64_t flags)
{
    feed(f, (struct nika_tap){.kind = NIKA_TAP_INVOKED,
                              .node = nika_client_node(client),
                              .token = token,
                              .b = flags,
                              .bytes = {op, size}});
}
static void completed(struct fixture *f, uint32_t client, uint64_t token, uint64_t seq,
                      uint64_t result)
{
    uint8_t value[8];
    nika_store_le(value, result, 8);
    feed(f, (struct nika_tap){.kind = NIKA_TAP_COMPLETED,
                              .node = nika_client_node(client),
                              .token = token,
                              .a = seq,
                              .bytes = {value, 8}});
}

static int fixture_setup(void **state)
{
    struct fixture *f = malloc(sizeof *f);
    assert_non_null(f);
    fixture_prepare(f);
    fixture_start(f);
    *state = f;
    return 0;
}
static int fixture_teardown(void **state)
{
    fixture_end(*state);
    free(*state);
    return 0;
}
#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

/* Each test file uses a part of this. */
static inline void fixture_unused(void)
{
    (void)fixture_setup;
    (void)fixture_teardown;
    (void)invoked;
    (void)completed;
    (void)executed;
    (void)request;
    (void)simple;
    (void)note_digest;
    (void)vote;
    (void)fired;
    (void)assert_only;
    (void)violations;
}
#endif
