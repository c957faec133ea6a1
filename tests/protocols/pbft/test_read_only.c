/* tests/protocols/pbft/test_read_only.c: reads that are not ordered (PROTOCOLS.md 1.10, RO1). */
#include "tests/protocols/pbft/fixture.h"

static void ask(struct fixture *f, uint64_t timestamp)
{
    static const uint8_t op[4] = {9, 9, 9, 9};
    struct common_request m = {.client = 0,
                               .timestamp = timestamp,
                               .flags = NIKA_OP_READ_ONLY,
                               .replier = NIKA_NODE_NONE,
                               .op = {op, sizeof op}};
    assert_true(fixture_send(f, nika_client_node(0), &common_info_request, &m));
}

static uint32_t actions(const struct fixture *f, enum nika_action_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->c->effects.count; i++)
        count += f->c->effects.actions[i].kind == kind ? 1u : 0u;
    return count;
}

static void complete(struct fixture *f, int32_t status)
{
    static const uint8_t result[7] = {3, 0, 0, 0, 'a', 'b', 'c'};
    struct nika_replica *r = fixture_replica(f);
    struct nika_event event = {.kind = NIKA_EVENT_APP, .now_ns = f->c->now_ns, .status = status};
    event.token = common_token(COMMON_TOKEN_QUERY, r->core.exec_generation, 0);
    event.bytes = (struct nika_span){result, sizeof result};
    nika_effects_clear(&f->c->effects);
    nika_replica_pbft.step(r, &event, &f->c->effects);
}

static void test_a_read_is_answered_with_what_was_committed_and_not_ordered(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    f.c->config.read_only = true;
    (void)fixture_execute(&f, 1);
    ask(&f, 7);
    assert_int_equal(actions(&f, NIKA_ACTION_QUERY), 1);
    assert_int_equal(fixture_replica(&f)->core.pending.count, 0);
    assert_int_equal(fixture_replica(&f)->core.reads[0].seq, 1);
    ask(&f, 8); /* One at a time. */
    assert_int_equal(actions(&f, NIKA_ACTION_QUERY), 0);
    complete(&f, 0);
    assert_int_equal(actions(&f, NIKA_ACTION_SEND), 1);
    assert_int_equal(fixture_replica(&f)->core.replies.entries[0].last_timestamp,
                     1); /* Not replicated state. */
    fixture_free(&f);
}

static void test_ro1_an_operation_with_side_effects_gets_no_answer(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    f.c->config.read_only = true;
    ask(&f, 7);
    complete(&f, 1);
    assert_int_equal(actions(&f, NIKA_ACTION_SEND), 0);
    const struct nika_action *note = &f.c->effects.actions[0];
    assert_int_equal(note->kind, NIKA_ACTION_NOTE);
    assert_int_equal(note->a, NIKA_CHECK_RO1);
    ask(&f, 8); /* And the client may try something else. */
    assert_int_equal(actions(&f, NIKA_ACTION_QUERY), 1);
    fixture_free(&f);
}

static void test_with_the_path_off_a_read_is_ordered(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    ask(&f, 7);
    assert_int_equal(actions(&f, NIKA_ACTION_QUERY), 0);
    assert_int_equal(fixture_replica(&f)->core.pending.count, 1);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_read_is_answered_with_what_was_committed_and_not_ordered),
        cmocka_unit_test(test_ro1_an_operation_with_side_effects_gets_no_answer),
        cmocka_unit_test(test_with_the_path_off_a_read_is_ordered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
