/* tests/protocols/pbft/test_recover.c: a restarted replica keeps its word (PROTOCOLS.md 1.12). */
#include "tests/protocols/pbft/fixture.h"

static void test_a_restarted_cluster_executes_what_was_prepared_everywhere(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    fixture_run_requests(c, 1, 6);
    for (uint32_t i = 0; i < 4; i++) cluster_crash_restart(c, i);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(cluster_replica(c, i)->core.low_mark, 4);
        assert_int_equal(cluster_replica(c, i)->core.last_executed, 4);
    }
    cluster_run(c);
    cluster_status(c, 4);
    for (uint32_t i = 0; i < 4; i++) assert_int_equal(cluster_replica(c, i)->core.last_executed, 6);
    fixture_run_requests(c, 7, 3);
    for (uint32_t i = 0; i < 4; i++) assert_int_equal(cluster_replica(c, i)->core.last_executed, 9);
    cluster_check_agreement(c);
    cluster_free(c);
}

static void test_a_restarted_backup_does_not_vote_for_another_order(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_order(&f, 1), other;
    struct cluster_bytes body = fixture_batch(&f, 1, 5, f.c->now_ns + 1, &other);
    cluster_crash_restart(f.c, 1);
    uint32_t before = f.node->sent[PBFT_TYPE_prepare];
    assert_true(pbft_vote_at(fixture_replica(&f), fixture_slot(&f, 1), PBFT_PREPARE, 1)->present);
    assert_memory_equal(&fixture_slot(&f, 1)->base.digest, &d, sizeof d);
    fixture_pre_prepare(&f, 0, 0, 1, &other);
    fixture_give_batch(&f, 0, body);
    assert_int_equal(f.node->sent[PBFT_TYPE_prepare], before);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_PP6), 1);
    free(body.data);
    fixture_free(&f);
}

static void test_a_restarted_primary_does_not_use_a_number_twice(void **state)
{
    (void)state;
    struct fixture f = fixture_new(0);
    cluster_request(f.c, 0, 1);
    assert_int_equal(fixture_replica(&f)->core.next_seq[0], 2);
    cluster_crash_restart(f.c, 0);
    assert_int_equal(fixture_replica(&f)->core.next_seq[0], 2);
    cluster_request(f.c, 1, 1);
    assert_int_equal(fixture_replica(&f)->core.next_seq[0], 3);
    fixture_free(&f);
}

static void test_a_prepared_certificate_survives_and_its_commit_is_sent_again(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_order(&f, 1);
    fixture_prepare(&f, 2, 0, 1, &d);
    cluster_crash_restart(f.c, 1);
    assert_true(fixture_slot(&f, 1)->prepared);
    assert_true(fixture_slot(&f, 1)->base.carry);
    uint32_t before = f.node->sent[PBFT_TYPE_commit];
    struct pbft_status m = {.active = 1};
    assert_true(fixture_send(&f, 2, &pbft_info_status, &m));
    assert_int_equal(f.node->sent[PBFT_TYPE_commit], before + 1);
    fixture_free(&f);
}

static void test_records_in_any_order_give_the_same_state(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    for (uint64_t s = 1; s <= 6; s++) (void)fixture_execute(&f, s);
    struct nika_digest d = common_snapshot_find(&fixture_replica(&f)->core, 4)->digest, first,
                       second;
    fixture_checkpoint(&f, 0, 4, &d);
    fixture_checkpoint(&f, 2, 4, &d);
    assert_int_equal(fixture_replica(&f)->core.low_mark, 4);
    cluster_crash_restart(f.c, 1);
    nika_replica_pbft.digest(fixture_replica(&f), &first);
    /* State records keep the place where they were written: move the STABLE record to the front. */
    for (uint32_t i = 1; i < f.node->log_count; i++) {
        if (f.node->log[i].kind != COMMON_RECORD_STABLE) continue;
        struct cluster_record moved = f.node->log[i];
        f.node->log[i] = f.node->log[0];
        f.node->log[0] = moved;
    }
    cluster_crash_restart(f.c, 1);
    nika_replica_pbft.digest(fixture_replica(&f), &second);
    assert_memory_equal(&first, &second, sizeof first);
    assert_int_equal(fixture_replica(&f)->core.low_mark, 4);
    assert_int_not_equal(fixture_slot(&f, 6)->base.batch, 0);
    fixture_free(&f);
}

static void test_amn_a_replica_without_its_log_does_not_vote_until_it_has_recovered(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    struct cluster_node *n = &c->nodes[3];
    fixture_run_requests(c, 1, 2);
    /* The log is gone. */
    for (uint32_t i = 0; i < n->log_count; i++) n->log[i].dead = true;
    n->log[n->log_count++] = (struct cluster_record){.kind = NIKA_RECORD_AMNESIA, .durable = true};
    cluster_crash_restart(c, 3);
    cluster_run(c);
    uint32_t prepares = n->sent[PBFT_TYPE_prepare], commits = n->sent[PBFT_TYPE_commit];
    uint32_t checkpoints = n->sent[PBFT_TYPE_checkpoint];
    assert_true(cluster_replica(c, 3)->core.amnesiac);
    cluster_status(c, 3);
    assert_int_equal(cluster_replica(c, 3)->core.amnesia_until, 16); /* h = 0, twice L = 8. */
    fixture_run_requests(c, 3, 5);
    assert_int_equal(cluster_replica(c, 3)->core.last_executed, 7); /* It follows ... */
    assert_int_equal(n->sent[PBFT_TYPE_prepare], prepares);         /* ... and is silent. */
    assert_int_equal(n->sent[PBFT_TYPE_commit], commits);
    assert_int_equal(n->sent[PBFT_TYPE_checkpoint], checkpoints);
    /* Load alone brings it back: an idle cluster leaves it silent, and the client has its answers without it. */
    cluster_status(c, 3);
    assert_true(cluster_replica(c, 3)->core.amnesiac);
    fixture_run_requests(c, 8, 10);
    assert_false(cluster_replica(c, 3)->core.amnesiac);
    assert_true(n->sent[PBFT_TYPE_prepare] > prepares);
    cluster_check_agreement(c);
    cluster_free(c);
}

/* STATUS of five peers with these h to an amnesiac of seven: its recovery point. */
static uint64_t recovery_point(const uint64_t low_marks[5])
{
    struct cluster *c = cluster_new(7, 2);
    struct cluster_node *n = &c->nodes[6];
    for (uint32_t i = 0; i < 6; i++) c->nodes[i].silent = true;
    n->log[n->log_count++] = (struct cluster_record){.kind = NIKA_RECORD_AMNESIA, .durable = true};
    cluster_crash_restart(c, 6);
    for (uint32_t i = 0; i < 5; i++) {
        struct pbft_status m = {
            .active = 1, .low_mark = low_marks[i], .last_executed = low_marks[i]};
        struct cluster_bytes frame = cluster_frame(c, i, 6, &pbft_info_status, &m);
        assert_int_equal(cluster_replica(c, 6)->core.amnesia_until, UINT64_MAX);
        assert_true(cluster_deliver(c, 6, frame));
        free(frame.data);
    }
    uint64_t point = cluster_replica(c, 6)->core.amnesia_until;
    cluster_free(c);
    return point;
}

static void test_amn_neither_one_liar_nor_those_behind_move_the_recovery_point(void **state)
{
    (void)state;
    /* Two that are known to have signed the forgotten h are enough, and one alone is not. */
    const uint64_t behind[5] = {0, 40, 0, 40, 0}, liar[5] = {0, 4000, 0, 8, 0};
    assert_int_equal(recovery_point(behind), 40 + 16);
    assert_int_equal(recovery_point(liar), 8 + 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_restarted_cluster_executes_what_was_prepared_everywhere),
        cmocka_unit_test(test_a_restarted_backup_does_not_vote_for_another_order),
        cmocka_unit_test(test_a_restarted_primary_does_not_use_a_number_twice),
        cmocka_unit_test(test_a_prepared_certificate_survives_and_its_commit_is_sent_again),
        cmocka_unit_test(test_records_in_any_order_give_the_same_state),
        cmocka_unit_test(test_amn_a_replica_without_its_log_does_not_vote_until_it_has_recovered),
        cmocka_unit_test(test_amn_neither_one_liar_nor_those_behind_move_the_recovery_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
