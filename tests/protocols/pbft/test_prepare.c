/* tests/protocols/pbft/test_prepare.c: PREPAREs count once a voter and never from the primary (PROTOCOLS.md 1.4, P1-P5, D3). */
#include "protocols/pbft/pbft.h"
#include "tests/protocols/pbft/fixture.h"

static void test_one_other_backup_makes_it_prepared_and_the_commit_follows_the_disk(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_order(&f, 1);
    assert_false(fixture_slot(&f, 1)->prepared);
    f.node->hold_disk = true;
    fixture_prepare(&f, 2, 0, 1, &d);
    assert_true(fixture_slot(&f, 1)->prepared);
    assert_true(fixture_slot(&f, 1)->base.carry);
    assert_int_equal(f.node->sent[PBFT_TYPE_commit], 0); /* D3 */
    cluster_disk(f.c, 1);
    assert_int_equal(f.node->sent[PBFT_TYPE_commit], 1);
    fixture_free(&f);
}

static void test_votes_that_come_before_the_order_are_counted_with_it(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d, other = fixture_digest(3);
    struct cluster_bytes body = fixture_batch(&f, 0, 1, f.c->now_ns + 1, &d);
    fixture_prepare(&f, 2, 0, 1, &d);
    fixture_prepare(&f, 3, 0, 1, &other);
    fixture_pre_prepare(&f, 0, 0, 1, &d);
    fixture_give_batch(&f, 0, body);
    assert_int_equal(fixture_slot(&f, 1)->prepare_count, 2); /* Own and 2. */
    assert_true(fixture_slot(&f, 1)->prepared);
    free(body.data);
    fixture_free(&f);
}

static void test_p1_nobody_else_prepares_for_this_replica(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_order(&f, 1);
    fixture_prepare(&f, 1, 0, 1, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_P1), 1);
    assert_int_equal(fixture_slot(&f, 1)->prepare_count, 1);
    fixture_free(&f);
}

static void test_p2_the_primarys_prepare_has_no_weight(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_order(&f, 1);
    fixture_prepare(&f, 0, 0, 1, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_P2), 1);
    assert_false(fixture_slot(&f, 1)->prepared);
    fixture_prepare(&f, 2, 0, 1, &d);
    assert_true(fixture_slot(&f, 1)->prepared);
    fixture_free(&f);
}

static void test_p3_a_vote_of_another_view_is_refused(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_order(&f, 1);
    fixture_prepare(&f, 2, 4, 1, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_P3), 1);
    assert_false(fixture_slot(&f, 1)->prepared);
    fixture_free(&f);
}

static void test_p4_a_vote_outside_the_window_is_refused(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_digest(1);
    fixture_prepare(&f, 2, 0, 9, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_P4), 1);
    fixture_prepare(&f, 2, 0, 8, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_P4), 1);
    fixture_free(&f);
}

static void test_p5_duplicate_prepare_adds_no_weight_and_another_digest_is_evidence(void **state)
{
    (void)state;
    struct fixture f = fixture_new(0); /* The primary: Q - 1 = 2 backups are needed. */
    cluster_request(f.c, 0, 1);
    assert_int_not_equal(fixture_slot(&f, 1)->base.order, 0);
    struct nika_digest d = fixture_slot(&f, 1)->base.digest, other = fixture_digest(5);
    for (int i = 0; i < 3; i++) fixture_prepare(&f, 2, 0, 1, &d);
    assert_false(fixture_slot(&f, 1)->prepared);
    assert_int_equal(f.node->evidence, 0);
    fixture_prepare(&f, 2, 0, 1, &other);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_P5), 1);
    assert_int_equal(f.node->evidence, 1);
    fixture_prepare(&f, 3, 0, 1, &d);
    assert_true(fixture_slot(&f, 1)->prepared);
    fixture_free(&f);
}

static void test_prepares_for_another_digest_never_add_up(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_order(&f, 1), other = fixture_digest(5);
    fixture_prepare(&f, 2, 0, 1, &other);
    fixture_prepare(&f, 3, 0, 1, &other);
    assert_false(fixture_slot(&f, 1)->prepared);
    assert_int_equal(fixture_slot(&f, 1)->prepare_count, 1);
    (void)d;
    fixture_free(&f);
}

static void test_vcm_a_vote_whose_view_was_left_while_it_was_written_is_not_sent(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_order(&f, 1);
    f.node->hold_disk = true;
    fixture_prepare(&f, 2, 0, 1, &d);
    assert_true(fixture_slot(&f, 1)->prepared);
    fixture_replica(&f)->core.effects = &f.c->effects;
    nika_effects_clear(&f.c->effects);
    pbft_view_change_start(fixture_replica(&f), 1);
    cluster_disk(f.c, 1);
    assert_int_equal(f.node->sent[PBFT_TYPE_commit], 0);
    fixture_free(&f);
}

static void test_the_status_says_how_many_votes_are_held(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_replica_status status;
    struct nika_digest d = fixture_order(&f, 1);
    nika_replica_pbft.status(f.node->replica, &status);
    assert_int_equal(status.wait, NIKA_WAIT_PREPARES);
    assert_int_equal(status.wait_detail, 1); /* Its own. */
    fixture_prepare(&f, 2, 0, 1, &d);
    nika_replica_pbft.status(f.node->replica, &status);
    assert_int_equal(status.wait, NIKA_WAIT_COMMITS);
    fixture_commit(&f, 0, 0, 1, &d);
    nika_replica_pbft.status(f.node->replica, &status);
    assert_int_equal(status.wait_detail, 2); /* Its own and that of 0. */
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_other_backup_makes_it_prepared_and_the_commit_follows_the_disk),
        cmocka_unit_test(test_votes_that_come_before_the_order_are_counted_with_it),
        cmocka_unit_test(test_p1_nobody_else_prepares_for_this_replica),
        cmocka_unit_test(test_p2_the_primarys_prepare_has_no_weight),
        cmocka_unit_test(test_p3_a_vote_of_another_view_is_refused),
        cmocka_unit_test(test_p4_a_vote_outside_the_window_is_refused),
        cmocka_unit_test(test_p5_duplicate_prepare_adds_no_weight_and_another_digest_is_evidence),
        cmocka_unit_test(test_prepares_for_another_digest_never_add_up),
        cmocka_unit_test(test_the_status_says_how_many_votes_are_held),
        cmocka_unit_test(test_vcm_a_vote_whose_view_was_left_while_it_was_written_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
