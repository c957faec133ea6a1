/* tests/protocols/pbft/test_execute.c: committed batches execute once, in order, everywhere (PROTOCOLS.md 1.4, X1-X6). */
#include "tests/protocols/pbft/fixture.h"

static void test_a_cluster_executes_every_request_once_and_agrees(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    fixture_run_requests(c, 1, 40);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(cluster_replica(c, i)->core.last_executed, 40);
        assert_int_equal(cluster_replica(c, i)->core.low_mark, 40);
        assert_int_equal(cluster_replica(c, i)->core.pending.count, 0);
        assert_int_equal(cluster_replica(c, i)->core.replies.entries[0].last_timestamp, 40);
        assert_int_equal(c->nodes[i].alarms, 0);
        for (uint32_t s = 1; s <= 40; s++) assert_int_equal(c->nodes[i].executed_count[s], 1);
        assert_memory_equal(&c->nodes[i].app.state, &c->nodes[0].app.state,
                            sizeof c->nodes[0].app.state);
    }
    cluster_check_agreement(c);
    cluster_free(c);
}

static void test_the_smallest_cluster_is_one_replica(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(1, 0);
    fixture_run_requests(c, 1, 10);
    assert_int_equal(cluster_replica(c, 0)->core.last_executed, 10);
    cluster_free(c);
}

static void test_seven_replicas_go_on_with_two_silent(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(7, 2);
    c->nodes[5].silent = c->nodes[6].silent = true;
    fixture_run_requests(c, 1, 20);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(cluster_replica(c, i)->core.last_executed, 20);
    assert_int_equal(cluster_replica(c, 6)->core.last_executed, 0);
    cluster_free(c);
}

static void test_x1_a_gap_holds_back_what_is_committed_behind_it(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest second = fixture_order(&f, 2);
    for (uint32_t i = 2; i < 4; i++) fixture_prepare(&f, i, 0, 2, &second);
    fixture_commit(&f, 0, 0, 2, &second);
    fixture_commit(&f, 2, 0, 2, &second);
    assert_true(fixture_slot(&f, 2)->base.committed);
    assert_int_equal(fixture_replica(&f)->core.last_executed, 0);
    (void)fixture_order(&f, 1);
    struct nika_digest first = fixture_slot(&f, 1)->base.digest;
    for (uint32_t i = 2; i < 4; i++) fixture_prepare(&f, i, 0, 1, &first);
    fixture_commit(&f, 0, 0, 1, &first);
    fixture_commit(&f, 2, 0, 1, &first);
    assert_int_equal(fixture_replica(&f)->core.last_executed, 2);
    fixture_free(&f);
}

static void test_x2_an_old_timestamp_is_skipped_and_the_batch_still_counts(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    (void)fixture_execute(&f, 1);
    struct nika_digest app = f.node->app.state, digest;
    /* The same request again, under number 2: agreed on, but it must not run. */
    struct cluster_bytes body = fixture_batch(&f, 0, 1, f.c->now_ns + 2, &digest);
    fixture_pre_prepare(&f, 0, 0, 2, &digest);
    fixture_give_batch(&f, 0, body);
    for (uint32_t i = 2; i < 4; i++) fixture_prepare(&f, i, 0, 2, &digest);
    fixture_commit(&f, 0, 0, 2, &digest);
    fixture_commit(&f, 2, 0, 2, &digest);
    assert_int_equal(fixture_replica(&f)->core.last_executed, 2);
    assert_memory_equal(&app, &f.node->app.state, sizeof app);
    (void)fixture_execute(&f, 3); /* A newer one does run. */
    assert_memory_not_equal(&app, &f.node->app.state, sizeof app);
    free(body.data);
    fixture_free(&f);
}

static void test_execution_in_a_view_ends_the_back_off(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    fixture_replica(&f)->core.backoff = 3;
    (void)fixture_order(&f, 1);
    assert_int_equal(fixture_replica(&f)->core.backoff, 3);
    (void)fixture_execute(&f, 1);
    assert_int_equal(fixture_replica(&f)->core.backoff, 0);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cluster_executes_every_request_once_and_agrees),
        cmocka_unit_test(test_the_smallest_cluster_is_one_replica),
        cmocka_unit_test(test_seven_replicas_go_on_with_two_silent),
        cmocka_unit_test(test_x1_a_gap_holds_back_what_is_committed_behind_it),
        cmocka_unit_test(test_x2_an_old_timestamp_is_skipped_and_the_batch_still_counts),
        cmocka_unit_test(test_execution_in_a_view_ends_the_back_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
