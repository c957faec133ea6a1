/* tests/protocols/pbft/test_commit.c: what makes an order final (PROTOCOLS.md 1.4, C1-C4, CC1-CC4). */
#include "tests/protocols/pbft/fixture.h"

static void send_cert(struct fixture *f, const uint32_t *senders, uint32_t count, uint64_t view,
                      uint64_t seq, const struct nika_digest *d)
{
    struct pbft_commit_cert m = {0};
    struct cluster_bytes frames =
        fixture_commit_frames(f, senders, count, view, seq, d, &m.commits);
    assert_true(fixture_send(f, 2, &pbft_info_commit_cert, &m));
    free(frames.data);
}

static void test_q_commits_execute_even_when_not_prepared_here(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_order(&f, 1);
    fixture_commit(&f, 0, 0, 1, &d);
    fixture_commit(&f, 2, 0, 1, &d);
    assert_int_equal(fixture_replica(&f)->core.last_executed, 0);
    fixture_commit(&f, 3, 0, 1, &d);
    assert_false(fixture_slot(&f, 1)->prepared);
    assert_int_equal(fixture_replica(&f)->core.last_executed, 1);
    fixture_free(&f);
}

static void test_c1_nobody_else_commits_for_this_replica(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_order(&f, 1);
    fixture_commit(&f, 1, 0, 1, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_C1), 1);
    assert_int_equal(fixture_slot(&f, 1)->commit_count, 0);
    fixture_free(&f);
}

static void test_c2_a_commit_of_another_view_is_refused(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_order(&f, 1);
    fixture_commit(&f, 2, 1, 1, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_C2), 1);
    assert_int_equal(fixture_slot(&f, 1)->commit_count, 0);
    fixture_free(&f);
}

static void test_c3_a_commit_outside_the_window_is_refused(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_digest(1);
    fixture_commit(&f, 2, 0, 9, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_C3), 1);
    fixture_commit(&f, 2, 0, 8, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_C3), 1);
    fixture_free(&f);
}

static void test_c4_a_second_commit_has_no_weight_and_another_digest_is_evidence(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_order(&f, 1), other = fixture_digest(4);
    for (int i = 0; i < 4; i++) fixture_commit(&f, 2, 0, 1, &d);
    assert_int_equal(fixture_slot(&f, 1)->commit_count, 1);
    assert_int_equal(f.node->evidence, 0);
    fixture_commit(&f, 2, 0, 1, &other);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_C4), 1);
    assert_int_equal(f.node->evidence, 1);
    fixture_free(&f);
}

static const uint32_t quorum_senders[] = {0, 2, 3};

static void test_a_commit_cert_of_any_view_executes_and_fetches_the_batch(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d;
    struct cluster_bytes body = fixture_batch(&f, 0, 1, f.c->now_ns + 1, &d);
    send_cert(&f, quorum_senders, 3, 5, 1, &d);
    assert_true(fixture_slot(&f, 1)->base.committed);
    assert_int_equal(f.node->sent[COMMON_TYPE_fetch_batch], 1);
    assert_int_equal(fixture_replica(&f)->core.view, 0); /* CC4 */
    assert_true(fixture_replica(&f)->core.active);
    fixture_give_batch(&f, 3, body);
    assert_int_equal(fixture_replica(&f)->core.last_executed, 1);
    free(body.data);
    fixture_free(&f);
}

static void test_a_commit_cert_overrides_what_an_equivocating_primary_said_here(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d;
    (void)fixture_order(&f, 1);
    struct cluster_bytes body = fixture_batch(&f, 1, 9, f.c->now_ns + 1, &d);
    send_cert(&f, quorum_senders, 3, 0, 1, &d);
    fixture_give_batch(&f, 3, body);
    assert_int_equal(fixture_replica(&f)->core.last_executed, 1);
    assert_memory_equal(&f.node->executed[1], &d, sizeof d);
    assert_int_equal(f.node->alarms, 0);
    free(body.data);
    fixture_free(&f);
}

static void test_cc1_a_cert_outside_the_window_is_refused(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_digest(2);
    send_cert(&f, quorum_senders, 3, 0, 9, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_CC1), 1);
    fixture_free(&f);
}

static void test_cc2_a_cert_needs_exactly_q_distinct_signed_commits(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_digest(2);
    const uint32_t repeated[] = {0, 2, 2};
    const uint32_t all[] = {0, 1, 2, 3};
    send_cert(&f, quorum_senders, 2, 0, 1, &d);
    send_cert(&f, repeated, 3, 0, 1, &d);
    send_cert(&f, all, 4, 0, 1, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_CC2), 3);
    assert_null(fixture_slot(&f, 1));
    /* A damaged signature. */
    struct pbft_commit_cert m = {0};
    struct cluster_bytes frames =
        fixture_commit_frames(&f, quorum_senders, 3, 0, 1, &d, &m.commits);
    frames.data[m.commits.span.size - 1] ^= 1;
    assert_true(fixture_send(&f, 2, &pbft_info_commit_cert, &m));
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_CC2), 4);
    frames.data[m.commits.span.size - 1] ^= 1;
    assert_true(fixture_send(&f, 2, &pbft_info_commit_cert, &m));
    assert_true(fixture_slot(&f, 1)->base.committed);
    free(frames.data);
    fixture_free(&f);
}

static void test_cc3_a_cert_against_what_was_executed_is_an_alarm(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest executed = fixture_execute(&f, 1), other = fixture_digest(6);
    send_cert(&f, quorum_senders, 3, 0, 1, &executed);
    assert_int_equal(f.node->alarms, 0);
    send_cert(&f, quorum_senders, 3, 1, 1, &other);
    assert_int_equal(f.node->alarms, 1);
    assert_int_equal(f.node->executed_count[1], 1);
    fixture_free(&f);
}

static void test_cc4_a_cert_reaches_a_replica_that_is_between_views(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d;
    struct cluster_bytes body = fixture_batch(&f, 0, 1, f.c->now_ns + 1, &d);
    fixture_replica(&f)->core.effects = &f.c->effects;
    nika_effects_clear(&f.c->effects);
    pbft_view_change_start(fixture_replica(&f), 2);
    send_cert(&f, quorum_senders, 3, 0, 1, &d);
    fixture_give_batch(&f, 2, body);
    assert_int_equal(fixture_replica(&f)->core.last_executed, 1);
    assert_int_equal(fixture_replica(&f)->core.view, 2);
    assert_false(fixture_replica(&f)->core.active);
    free(body.data);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_q_commits_execute_even_when_not_prepared_here),
        cmocka_unit_test(test_c1_nobody_else_commits_for_this_replica),
        cmocka_unit_test(test_c2_a_commit_of_another_view_is_refused),
        cmocka_unit_test(test_c3_a_commit_outside_the_window_is_refused),
        cmocka_unit_test(test_c4_a_second_commit_has_no_weight_and_another_digest_is_evidence),
        cmocka_unit_test(test_a_commit_cert_of_any_view_executes_and_fetches_the_batch),
        cmocka_unit_test(test_a_commit_cert_overrides_what_an_equivocating_primary_said_here),
        cmocka_unit_test(test_cc1_a_cert_outside_the_window_is_refused),
        cmocka_unit_test(test_cc2_a_cert_needs_exactly_q_distinct_signed_commits),
        cmocka_unit_test(test_cc3_a_cert_against_what_was_executed_is_an_alarm),
        cmocka_unit_test(test_cc4_a_cert_reaches_a_replica_that_is_between_views),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
