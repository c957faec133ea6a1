/* tests/protocols/pbft/test_request.c: intake and batching (PROTOCOLS.md 1.3, R1-R4, B1-B4, D1). */
#include "tests/protocols/pbft/fixture.h"

static bool request(struct fixture *f, uint32_t signer, uint32_t client, uint64_t timestamp,
                    uint32_t op_size)
{
    static const uint8_t op[8192];
    struct common_request m = {
        .client = client, .timestamp = timestamp, .replier = NIKA_NODE_NONE, .op = {op, op_size}};
    return fixture_send(f, nika_client_node(signer), &common_info_request, &m);
}

static void test_a_backup_keeps_and_forwards_a_request_once(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    assert_true(request(&f, 0, 0, 1, 4));
    assert_true(request(&f, 0, 0, 1, 4));
    assert_int_equal(fixture_replica(&f)->core.pending.count, 1);
    assert_int_equal(f.node->sent[COMMON_TYPE_request], 1);
    assert_true(f.node->timer_armed[COMMON_TIMER_REQUEST]);
    fixture_free(&f);
}

static void test_r1_a_request_that_is_too_big_or_of_another_client_is_refused(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    assert_true(request(&f, 0, 0, 1, f.c->config.op_size_max + 1));
    assert_true(request(&f, 0, 1, 1, 4));
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_R1), 2);
    assert_true(request(&f, 0, 0, 1, f.c->config.op_size_max));
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_R1), 2);
    assert_int_equal(fixture_replica(&f)->core.pending.count, 1);
    fixture_free(&f);
}

static void test_r2_an_unsigned_request_does_not_pass_ingress(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct common_request m = {.client = 0, .timestamp = 1, .replier = NIKA_NODE_NONE};
    struct cluster_bytes frame =
        cluster_frame(f.c, nika_client_node(0), 0, &common_info_request, &m);
    frame.data[frame.size - 1] ^= 1;
    assert_false(cluster_deliver(f.c, 1, frame));
    frame.data[frame.size - 1] ^= 1;
    assert_true(cluster_deliver(f.c, 1, frame));
    free(frame.data);
    fixture_free(&f);
}

static void test_r3_timestamp_zero_is_refused(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    assert_true(request(&f, 0, 0, 0, 4));
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_R3), 1);
    assert_int_equal(fixture_replica(&f)->core.pending.count, 0);
    fixture_free(&f);
}

static void test_r4_a_second_request_of_a_client_does_not_displace_the_first(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    assert_true(request(&f, 0, 0, 1, 4));
    assert_true(request(&f, 0, 0, 2, 4));
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_R4), 1);
    assert_int_equal(common_pending_of(&fixture_replica(&f)->core.pending, 0)->timestamp, 1);
    assert_true(request(&f, 1, 1, 2, 4));
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_R4), 1);
    fixture_free(&f);
}

static void test_b1_only_the_primary_orders(void **state)
{
    (void)state;
    struct fixture backup = fixture_new(1), primary = fixture_new(0);
    assert_true(request(&backup, 0, 0, 1, 4));
    assert_true(request(&primary, 0, 0, 1, 4));
    assert_int_equal(backup.node->sent[PBFT_TYPE_pre_prepare], 0);
    assert_int_equal(primary.node->sent[PBFT_TYPE_pre_prepare], 1);
    assert_int_equal(primary.node->sent[COMMON_TYPE_batch], 1);
    assert_false(
        primary.node->timer_armed[COMMON_TIMER_REQUEST]); /* It must not time itself out. */
    fixture_free(&backup);
    fixture_free(&primary);
}

static void test_b2_the_primary_stops_at_the_end_of_the_window(void **state)
{
    (void)state;
    struct fixture f = fixture_new(0);
    fixture_replica(&f)->core.next_seq[0] = 9; /* L = 8 */
    fixture_replica(&f)->core.last_executed = fixture_replica(&f)->core.last_issued = 8;
    assert_true(request(&f, 0, 0, 1, 4));
    assert_int_equal(f.node->sent[PBFT_TYPE_pre_prepare], 0);
    fixture_replica(&f)->core.next_seq[0] = 8;
    assert_true(request(&f, 1, 1, 1, 4));
    assert_int_equal(f.node->sent[PBFT_TYPE_pre_prepare], 1);
    fixture_free(&f);
}

static void test_b3_the_primary_runs_at_most_pipeline_ahead(void **state)
{
    (void)state;
    struct fixture f = fixture_new(0);
    fixture_replica(&f)->core.next_seq[0] = 4;
    f.c->config.pipeline = 3;
    assert_true(request(&f, 0, 0, 1, 4));
    assert_int_equal(f.node->sent[PBFT_TYPE_pre_prepare], 0);
    fixture_replica(&f)->core.next_seq[0] = 3;
    assert_true(request(&f, 1, 1, 1, 4));
    assert_int_equal(f.node->sent[PBFT_TYPE_pre_prepare], 1);
    fixture_free(&f);
}

static void test_b4_a_request_is_proposed_once(void **state)
{
    (void)state;
    struct fixture f = fixture_new(0);
    for (int i = 0; i < 3; i++) assert_true(request(&f, 0, 0, 1, 4));
    assert_int_equal(f.node->sent[PBFT_TYPE_pre_prepare], 1);
    assert_int_equal(fixture_replica(&f)->core.next_seq[0], 2);
    fixture_free(&f);
}

static void test_d1_the_order_is_sent_after_it_is_durable(void **state)
{
    (void)state;
    struct fixture f = fixture_new(0);
    f.node->hold_disk = true;
    assert_true(request(&f, 0, 0, 1, 4));
    assert_int_equal(f.node->sent[PBFT_TYPE_pre_prepare], 0);
    cluster_disk(f.c, 0);
    assert_int_equal(f.node->sent[PBFT_TYPE_pre_prepare], 1);
    fixture_free(&f);
}

static void test_requests_wait_for_t_batch_and_go_together(void **state)
{
    (void)state;
    struct fixture f = fixture_new(0);
    f.c->config.batch_ns = 1000;
    assert_true(request(&f, 0, 0, 1, 4));
    assert_true(request(&f, 1, 1, 1, 4));
    assert_int_equal(f.node->sent[PBFT_TYPE_pre_prepare], 0);
    assert_true(cluster_fire(f.c, 0, COMMON_TIMER_BATCH));
    assert_int_equal(f.node->sent[PBFT_TYPE_pre_prepare], 1);
    assert_int_equal(fixture_replica(&f)->core.next_seq[0], 2);
    fixture_free(&f);
}

static void test_t_req_of_the_head_starts_a_view_change(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    assert_true(request(&f, 0, 0, 1, 4));
    assert_int_equal(fixture_replica(&f)->core.view, 0);
    assert_true(cluster_fire(f.c, 1, COMMON_TIMER_REQUEST));
    assert_int_equal(fixture_replica(&f)->core.view, 1);
    assert_int_equal(f.node->sent[PBFT_TYPE_view_change], 1);
    fixture_free(&f);
}

static void test_an_executed_request_is_answered_from_the_cache(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    (void)fixture_execute(&f, 1);
    uint32_t replies = 0;
    assert_true(request(&f, 0, 0, 1, 4));
    for (uint32_t i = 0; i < f.c->effects.count; i++) {
        const struct nika_action *a = &f.c->effects.actions[i];
        if (a->kind == NIKA_ACTION_SEND && a->to == nika_client_node(0)) replies++;
    }
    assert_int_equal(replies, 1);
    assert_int_equal(fixture_replica(&f)->core.pending.count, 0);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_backup_keeps_and_forwards_a_request_once),
        cmocka_unit_test(test_r1_a_request_that_is_too_big_or_of_another_client_is_refused),
        cmocka_unit_test(test_r2_an_unsigned_request_does_not_pass_ingress),
        cmocka_unit_test(test_r3_timestamp_zero_is_refused),
        cmocka_unit_test(test_r4_a_second_request_of_a_client_does_not_displace_the_first),
        cmocka_unit_test(test_b1_only_the_primary_orders),
        cmocka_unit_test(test_b2_the_primary_stops_at_the_end_of_the_window),
        cmocka_unit_test(test_b3_the_primary_runs_at_most_pipeline_ahead),
        cmocka_unit_test(test_b4_a_request_is_proposed_once),
        cmocka_unit_test(test_d1_the_order_is_sent_after_it_is_durable),
        cmocka_unit_test(test_requests_wait_for_t_batch_and_go_together),
        cmocka_unit_test(test_t_req_of_the_head_starts_a_view_change),
        cmocka_unit_test(test_an_executed_request_is_answered_from_the_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
