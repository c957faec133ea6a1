/* The pure half of an application in another process: what it asks, what it keeps, and that it lets nothing false pass. */
#include "tests/support/test.h"

#include "apps/external.h"
#include "engine/core/bytes.h"
#include "tests/apps/app_fixture.h"

/* A process that appends every operation to its state and answers with its length. */
struct process {
    uint8_t state[256];
    uint32_t size, calls;
    enum nika_external_method last;
    uint8_t body[512];
    uint32_t body_size;
    bool other_form, other_state, talks;
    const char *refused;
    jmp_buf out; /* A refusal does not return. */
};

static uint32_t answer(uint8_t *out, uint32_t capacity, struct nika_span bytes)
{
    struct nika_writer w = nika_writer_of(out, capacity);
    nika_write_bytes(&w, bytes);
    assert_false(w.failed);
    return w.at;
}

static uint32_t call(void *context, enum nika_external_method method, struct nika_span body,
                     uint8_t *out, uint32_t capacity)
{
    struct process *p = context;
    struct nika_reader r = nika_reader_of(body);
    p->last = method;
    p->calls++;
    p->body_size = body.size < sizeof p->body ? body.size : sizeof p->body;
    if (p->body_size > 0) memcpy(p->body, body.data, p->body_size);
    if (p->other_form) {
        memset(out, 0xff, 8);
        return 8;
    }
    if (method == NIKA_EXTERNAL_RESTORE) {
        struct nika_span state = nika_read_bytes(&r, sizeof p->state);
        p->size = state.size;
        memcpy(p->state, state.data, state.size);
        if (p->other_state) p->state[0] ^= 1;
        return p->talks ? answer(out, capacity, state) : 0;
    }
    if (method == NIKA_EXTERNAL_SNAPSHOT)
        return answer(out, capacity, (struct nika_span){p->state, p->size});
    (void)nika_read_u32(&r);
    (void)nika_read_u64(&r);
    if (method == NIKA_EXTERNAL_EXECUTE) (void)nika_read_u64(&r);
    struct nika_span op = nika_read_bytes(&r, sizeof p->state);
    assert_true(nika_reader_done(&r));
    if (method == NIKA_EXTERNAL_EXECUTE && p->size + op.size <= sizeof p->state) {
        memcpy(p->state + p->size, op.data, op.size);
        p->size += op.size;
    }
    uint8_t size = (uint8_t)p->size;
    return answer(out, capacity, (struct nika_span){&size, 1});
}

static void refuse(void *context, enum nika_external_method method, const char *why)
{
    struct process *p = context;
    (void)method;
    p->refused = why;
    longjmp(p->out, 1);
}

struct side {
    struct process process;
    struct nika_external_port port;
    struct app_fixture fixture;
    struct nika_app *app;
};

static void open_side(struct side *s, bool attached)
{
    memset(s, 0, sizeof *s);
    s->port = (struct nika_external_port){&s->process, call, refuse};
    s->fixture = app_open(&nika_app_external, 65536, 4, 0);
    s->app = s->fixture.app;
    if (attached) nika_app_external_attach(s->app, &s->port);
}

static uint32_t execute(struct side *s, const char *text, uint8_t reply[16])
{
    const struct nika_op op = {3, 9, {(const uint8_t *)text, (uint32_t)strlen(text)}};
    return nika_app_external.execute(s->app, &op, 77, reply, 16);
}

static void test_it_asks_what_the_document_says(void **context)
{
    struct side s;
    uint8_t reply[16];
    (void)context;
    static const uint8_t expected[] = {3, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0,   77,
                                       0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'a', 'b'};
    open_side(&s, true);
    assert_int_equal(execute(&s, "ab", reply), 1);
    assert_int_equal(reply[0], 2);
    assert_int_equal(s.process.last, NIKA_EXTERNAL_EXECUTE);
    assert_int_equal(s.process.body_size, sizeof expected);
    assert_memory_equal(s.process.body, expected, sizeof expected);
    const struct nika_op op = {3, 10, {(const uint8_t *)"c", 1}};
    assert_int_equal(nika_app_external.query(s.app, &op, reply, 16), 1);
    assert_int_equal(reply[0], 2);
    assert_int_equal(s.process.last, NIKA_EXTERNAL_QUERY);
    assert_int_equal(s.process.body_size, 4 + 8 + 4 + 1);
    app_close(&s.fixture);
}

/* Both ends, and one without a process, which can still check what it is given. */
static void test_a_state_goes_from_one_process_to_another(void **context)
{
    struct side a, b, offline;
    struct nika_snapshot_meta meta, got;
    uint8_t reply[16], chunk[65536];
    uint32_t size = 0;
    struct nika_merkle_proof proof;
    (void)context;
    open_side(&a, true);
    open_side(&b, true);
    open_side(&offline, false);
    (void)execute(&a, "one state", reply);
    nika_app_external.snapshot_take(a.app, 8, &meta);
    (void)execute(&a, ", changed", reply);
    assert_int_equal(meta.total_size, 9);
    assert_int_equal(nika_app_external.snapshot_chunk(a.app, 8, 0, chunk, &size, &proof), NIKA_OK);
    assert_int_equal(size, 9);
    struct side *to[] = {&b, &offline};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(nika_app_external.restore_begin(to[i]->app, &meta), NIKA_OK);
        assert_int_equal(
            nika_app_external.restore_chunk(to[i]->app, 0, (struct nika_span){chunk, size}),
            NIKA_OK);
        assert_int_equal(nika_app_external.restore_end(to[i]->app, &got), NIKA_OK);
        assert_memory_equal(&got.root, &meta.root, sizeof meta.root);
        assert_int_equal(got.seq, 8);
    }
    assert_int_equal(b.process.size, 9);
    assert_memory_equal(b.process.state, "one state", 9);
    assert_int_equal(offline.process.calls, 0);
    chunk[0] ^= 1; /* Another state than the root says is refused before the process hears of it. */
    uint32_t before = b.process.calls;
    assert_int_equal(nika_app_external.restore_begin(b.app, &meta), NIKA_OK);
    (void)nika_app_external.restore_chunk(b.app, 0, (struct nika_span){chunk, size});
    assert_int_equal(nika_app_external.restore_end(b.app, &got), NIKA_ERR_MALFORMED);
    assert_int_equal(b.process.calls, before);
    app_close(&a.fixture);
    app_close(&b.fixture);
    app_close(&offline.fixture);
}

static const char *restore_into(struct side *s)
{
    struct side from;
    struct nika_snapshot_meta meta, got;
    uint8_t reply[16], chunk[65536];
    uint32_t size = 0;
    struct nika_merkle_proof proof;
    open_side(&from, true);
    (void)execute(&from, "state", reply);
    nika_app_external.snapshot_take(from.app, 8, &meta);
    assert_int_equal(nika_app_external.snapshot_chunk(from.app, 8, 0, chunk, &size, &proof),
                     NIKA_OK);
    app_close(&from.fixture);
    assert_int_equal(nika_app_external.restore_begin(s->app, &meta), NIKA_OK);
    assert_int_equal(nika_app_external.restore_chunk(s->app, 0, (struct nika_span){chunk, size}),
                     NIKA_OK);
    if (setjmp(s->process.out) == 0) (void)nika_app_external.restore_end(s->app, &got);
    return s->process.refused;
}

static void test_what_is_no_answer_is_refused(void **context)
{
    struct side s;
    struct nika_snapshot_meta meta;
    uint8_t reply[16];
    (void)context;
    open_side(&s, true);
    s.process.other_form = true;
    if (setjmp(s.process.out) == 0) (void)execute(&s, "x", reply);
    assert_string_equal(s.process.refused, "is not one byte string within its limit");
    app_close(&s.fixture);
    open_side(&s, true); /* An empty state. */
    if (setjmp(s.process.out) == 0) nika_app_external.snapshot_take(s.app, 8, &meta);
    assert_string_equal(s.process.refused, "is an empty state");
    app_close(&s.fixture);
    open_side(&s, true);
    s.process.other_state = true;
    assert_string_equal(restore_into(&s), "is not the state that was restored");
    app_close(&s.fixture);
    open_side(&s, true);
    s.process.talks = true;
    assert_string_equal(restore_into(&s), "is not empty");
    app_close(&s.fixture);
    open_side(&s, true);
    assert_null(restore_into(&s));
    app_close(&s.fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_asks_what_the_document_says),
        cmocka_unit_test(test_a_state_goes_from_one_process_to_another),
        cmocka_unit_test(test_what_is_no_answer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
