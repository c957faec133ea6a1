/* tests/protocols/pbft/test_checkpoint.c: checkpoints and garbage collection (PROTOCOLS.md 1.6, CK1-CK7, D6). K = 4, L = 8. */
#include "tests/protocols/pbft/fixture.h"

static struct nika_digest execute_to_checkpoint(struct fixture *f)
{
    for (uint64_t s = 1; s <= 4; s++) (void)fixture_execute(f, s);
    struct common_snapshot *own = common_snapshot_find(&fixture_replica(f)->core, 4);
    assert_non_null(own);
    return own->digest;
}

static void test_q_equal_checkpoints_move_h_and_collect_garbage(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = execute_to_checkpoint(&f);
    assert_int_equal(f.node->sent[PBFT_TYPE_checkpoint], 1);
    assert_int_not_equal(fixture_slot(&f, 1)->base.batch, 0);
    fixture_checkpoint(&f, 0, 4, &d);
    assert_int_equal(fixture_replica(&f)->core.low_mark, 0);
    fixture_checkpoint(&f, 2, 4, &d);
    assert_int_equal(fixture_replica(&f)->core.low_mark, 4);
    assert_true(fixture_replica(&f)->core.stable_is_local);
    assert_int_equal(fixture_replica(&f)->core.trimmed, 4);
    for (uint32_t i = 0; i < 8; i++) assert_int_equal(fixture_replica(&f)->slots[i].base.seq, 0);
    fixture_free(&f);
}

static void test_d6_the_checkpoint_is_sent_after_its_snapshot_is_durable(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    for (uint64_t s = 1; s <= 3; s++) (void)fixture_execute(&f, s);
    struct nika_digest d = fixture_order(&f, 4);
    f.node->hold_disk = true;
    for (uint32_t i = 0; i < 4; i++) {
        if (i != 1) fixture_commit(&f, i, 0, 4, &d);
    }
    assert_int_equal(fixture_replica(&f)->core.last_executed, 4);
    assert_int_equal(f.node->sent[PBFT_TYPE_checkpoint], 0);
    cluster_disk(f.c, 1);
    assert_int_equal(f.node->sent[PBFT_TYPE_checkpoint], 1);
    fixture_free(&f);
}

static void test_ck1_nobody_else_checkpoints_for_this_replica(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_digest(1);
    fixture_checkpoint(&f, 1, 4, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_CK1), 1);
    fixture_free(&f);
}

static void test_ck2_only_multiples_of_k_above_h(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_digest(1);
    fixture_checkpoint(&f, 2, 5, &d);
    fixture_checkpoint(&f, 2, 0, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_CK2), 2);
    fixture_checkpoint(&f, 2, 4, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_CK2), 2);
    assert_int_equal(common_checkpoint_at(&fixture_replica(&f)->core, 2, 4)->seq, 4);
    fixture_free(&f);
}

static void test_ck3_a_second_digest_is_evidence_and_has_no_weight(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = execute_to_checkpoint(&f), other = fixture_digest(2);
    fixture_checkpoint(&f, 2, 4, &other);
    fixture_checkpoint(&f, 2, 4, &other);
    assert_int_equal(f.node->evidence, 0);
    fixture_checkpoint(&f, 2, 4, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_CK3), 1);
    assert_int_equal(f.node->evidence, 1);
    fixture_checkpoint(&f, 0, 4, &d);
    assert_int_equal(fixture_replica(&f)->core.low_mark, 0);
    fixture_checkpoint(&f, 3, 4, &d);
    assert_int_equal(fixture_replica(&f)->core.low_mark, 4);
    fixture_free(&f);
}

static void test_ck4_one_checkpoint_beyond_the_window_a_sender_the_highest(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_digest(1);
    fixture_checkpoint(&f, 2, 40, &d);
    fixture_checkpoint(&f, 2, 12, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_CK4), 1);
    fixture_checkpoint(&f, 2, 44, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_CK4), 1);
    assert_int_equal(common_checkpoint_at(&fixture_replica(&f)->core, 2, 44)->seq, 44);
    fixture_free(&f);
}

static void test_ck5_a_diverged_replica_fetches_the_state_and_keeps_h(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest other = fixture_digest(9);
    (void)execute_to_checkpoint(&f);
    for (uint32_t i = 0; i < 4; i++) {
        if (i != 1) fixture_checkpoint(&f, i, 4, &other);
    }
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_CK5), 1);
    assert_int_equal(fixture_replica(&f)->core.low_mark, 0);
    assert_true(fixture_replica(&f)->core.transfer.active);
    fixture_free(&f);
}

/* End to end: the state of one replica is wrong; it finds out, fetches the right one and goes on with the others. */
static void test_ck5_a_diverged_replica_ends_with_the_state_of_the_others(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    struct cluster_node *wrong = &c->nodes[3];
    fixture_run_requests(c, 1, 2);
    wrong->app.state.bytes[0] ^= 1;
    fixture_run_requests(c, 3, 3);
    assert_int_equal(wrong->rejects[NIKA_CHECK_CK5], 1);
    cluster_status(c, 4);
    assert_memory_equal(&wrong->app.state, &c->nodes[0].app.state, NIKA_DIGEST_SIZE);
    assert_int_equal(cluster_replica(c, 3)->core.low_mark, 4);
    fixture_run_requests(c, 6, 8);
    cluster_status(c, 2);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(cluster_replica(c, i)->core.low_mark, 12);
        assert_int_equal(cluster_replica(c, i)->core.last_executed, 13);
        assert_memory_equal(&c->nodes[i].app.state, &c->nodes[0].app.state, NIKA_DIGEST_SIZE);
        assert_int_equal(c->nodes[i].alarms, 0);
    }
    assert_int_equal(wrong->rejects[NIKA_CHECK_CK5], 1);
    cluster_check_agreement(c);
    cluster_free(c);
}

static void test_the_stable_snapshot_and_all_of_the_window_are_kept(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    for (uint64_t s = 1; s <= 4; s++) (void)fixture_execute(&f, s);
    struct nika_digest d = common_snapshot_find(&fixture_replica(&f)->core, 4)->digest;
    fixture_checkpoint(&f, 0, 4, &d);
    fixture_checkpoint(&f, 2, 4, &d);
    assert_int_equal(fixture_replica(&f)->core.low_mark, 4);
    for (uint64_t s = 5; s <= 12; s++) (void)fixture_execute(&f, s);
    for (uint64_t s = 4; s <= 12; s += 4)
        assert_non_null(common_snapshot_find(&fixture_replica(&f)->core, s));
    assert_int_equal(f.node->sent[PBFT_TYPE_checkpoint], 3);
    fixture_free(&f);
}

static void test_ck6_behind_a_stable_checkpoint_it_waits_t_lag_and_then_transfers(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_digest(9);
    for (uint32_t i = 0; i < 4; i++) {
        if (i != 1) fixture_checkpoint(&f, i, 4, &d);
    }
    assert_false(fixture_replica(&f)->core.transfer.active);
    assert_int_equal(fixture_replica(&f)->core.lag_seq, 4);
    assert_true(cluster_fire(f.c, 1, COMMON_TIMER_LAG));
    assert_true(fixture_replica(&f)->core.transfer.active);
    /* And it stays wound up until the checkpoint is reached: the transfer may come to nothing. */
    assert_true(f.node->timer_armed[COMMON_TIMER_LAG]);
    fixture_free(&f);
}

static void test_ck6_execution_that_arrives_in_time_needs_no_transfer(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1), twin = fixture_new(2);
    struct nika_digest d = execute_to_checkpoint(&twin);
    for (uint32_t i = 0; i < 4; i++) {
        if (i != 1) fixture_checkpoint(&f, i, 4, &d);
    }
    assert_int_equal(fixture_replica(&f)->core.lag_seq, 4);
    for (uint64_t s = 1; s <= 4; s++) (void)fixture_execute(&f, s);
    assert_int_equal(fixture_replica(&f)->core.low_mark, 4);
    assert_int_equal(fixture_replica(&f)->core.lag_seq, 0);
    assert_false(f.node->timer_armed[COMMON_TIMER_LAG]);
    fixture_free(&f);
    fixture_free(&twin);
}

static void test_ck7_w_checkpoints_beyond_the_window_start_a_transfer_one_does_not(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_digest(9), other = fixture_digest(8);
    fixture_checkpoint(&f, 2, 12, &d);
    fixture_checkpoint(&f, 0, 12, &other);
    assert_false(fixture_replica(&f)->core.transfer.active);
    fixture_checkpoint(&f, 3, 12, &d);
    assert_true(fixture_replica(&f)->core.transfer.active);
    assert_int_equal(fixture_replica(&f)->core.transfer.seq, 12);
    assert_int_equal(fixture_replica(&f)->core.low_mark, 0);
    fixture_free(&f);
}

static void test_a_long_run_leaves_no_garbage_in_the_store(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    fixture_run_requests(c, 1, 80);
    uint32_t peak = cluster_replica(c, 2)->core.store->peak;
    fixture_run_requests(c, 81, 120);
    assert_int_equal(cluster_replica(c, 2)->core.store->peak, peak);
    assert_int_equal(cluster_replica(c, 2)->core.low_mark, 200);
    cluster_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_q_equal_checkpoints_move_h_and_collect_garbage),
        cmocka_unit_test(test_d6_the_checkpoint_is_sent_after_its_snapshot_is_durable),
        cmocka_unit_test(test_ck1_nobody_else_checkpoints_for_this_replica),
        cmocka_unit_test(test_ck2_only_multiples_of_k_above_h),
        cmocka_unit_test(test_ck3_a_second_digest_is_evidence_and_has_no_weight),
        cmocka_unit_test(test_ck4_one_checkpoint_beyond_the_window_a_sender_the_highest),
        cmocka_unit_test(test_ck5_a_diverged_replica_fetches_the_state_and_keeps_h),
        cmocka_unit_test(test_ck5_a_diverged_replica_ends_with_the_state_of_the_others),
        cmocka_unit_test(test_the_stable_snapshot_and_all_of_the_window_are_kept),
        cmocka_unit_test(test_ck6_behind_a_stable_checkpoint_it_waits_t_lag_and_then_transfers),
        cmocka_unit_test(test_ck6_execution_that_arrives_in_time_needs_no_transfer),
        cmocka_unit_test(test_ck7_w_checkpoints_beyond_the_window_start_a_transfer_one_does_not),
        cmocka_unit_test(test_a_long_run_leaves_no_garbage_in_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
