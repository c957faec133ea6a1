/* tests/protocols/pbft/test_status.c: what STATUS brings back (PROTOCOLS.md 1.9, S1-S9, SA1, SA2). */
#include "protocols/common/budget.h"
#include "tests/protocols/pbft/fixture.h"

static bool type_is_lost(const struct cluster *c, uint32_t from, uint32_t to,
                         const struct nika_frame *frame)
{
    (void)from, (void)to;
    return (c->drop_param >> frame->type & 1) != 0;
}

/* All messages of one type are lost once; STATUS alone must bring everybody to the end. */
static void recovers_from_loss_of(uint32_t type)
{
    struct cluster *c = cluster_new(4, 1);
    c->drop = type_is_lost;
    c->drop_param = UINT64_C(1) << type;
    cluster_request(c, 0, 1);
    cluster_run(c);
    for (uint32_t i = 1; i < 4; i++) assert_int_equal(cluster_replica(c, i)->core.last_executed, 0);
    c->drop = NULL;
    cluster_status(c, 4);
    for (uint32_t i = 0; i < 4; i++) assert_int_equal(cluster_replica(c, i)->core.last_executed, 1);
    cluster_check_agreement(c);
    cluster_free(c);
}

static void test_s5_lost_commits_come_back(void **state)
{
    (void)state;
    recovers_from_loss_of(PBFT_TYPE_commit);
}

static void test_s5_lost_prepares_come_back(void **state)
{
    (void)state;
    recovers_from_loss_of(PBFT_TYPE_prepare);
}

static void test_s5_lost_orders_come_back(void **state)
{
    (void)state;
    recovers_from_loss_of(PBFT_TYPE_pre_prepare);
}

static void test_s8_lost_batches_come_back(void **state)
{
    (void)state;
    recovers_from_loss_of(COMMON_TYPE_batch);
}

static bool third_is_cut_off(const struct cluster *c, uint32_t from, uint32_t to,
                             const struct nika_frame *frame)
{
    (void)c, (void)frame;
    return from == 3 || to == 3;
}

static void test_s6_a_replica_that_missed_everything_executes_from_commit_certs(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    c->drop = third_is_cut_off;
    fixture_run_requests(c, 1, 3);
    assert_int_equal(cluster_replica(c, 3)->core.last_executed, 0);
    c->drop = NULL;
    cluster_status(c, 4);
    assert_int_equal(cluster_replica(c, 3)->core.last_executed, 3);
    assert_true(c->nodes[0].sent[PBFT_TYPE_commit_cert] > 0);
    cluster_free(c);
}

static void send_status(struct fixture *f, uint32_t sender)
{
    struct pbft_status m = {.active = 1};
    assert_true(fixture_send(f, sender, &pbft_info_status, &m));
}

static void test_sa1_a_replica_does_not_answer_itself(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    send_status(&f, 1);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_SA1), 1);
    send_status(&f, 2);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_SA1), 1);
    fixture_free(&f);
}

static void test_sa2_a_peer_that_asks_again_at_once_gets_nothing(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    (void)fixture_order(&f, 1);
    uint32_t before = f.node->sent[PBFT_TYPE_prepare];
    send_status(&f, 2);
    assert_int_equal(f.node->sent[PBFT_TYPE_prepare], before + 1);
    for (int i = 0; i < 5; i++) send_status(&f, 2);
    assert_int_equal(f.node->sent[PBFT_TYPE_prepare], before + 1);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_SA2), 5);
    f.c->now_ns += f.c->config.retransmit_ns;
    send_status(&f, 2);
    assert_int_equal(f.node->sent[PBFT_TYPE_prepare], before + 2);
    fixture_free(&f);
}

static void test_sa2_retransmission_to_one_peer_is_bounded_in_bytes(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    assert_true(common_budget_take(&fixture_replica(&f)->core, 2,
                                   200 * 1024)); /* One message always fits. */
    assert_false(common_budget_take(&fixture_replica(&f)->core, 2, 1));
    assert_true(common_budget_take(&fixture_replica(&f)->core, 3, 1));
    fixture_replica(&f)->core.now_ns += f.c->config.status_ns;
    assert_true(common_budget_take(&fixture_replica(&f)->core, 2, 1));
    fixture_free(&f);
}

static void test_d1_an_order_that_is_not_durable_is_not_retransmitted(void **state)
{
    (void)state;
    struct fixture f = fixture_new(0);
    f.node->hold_disk = true;
    cluster_request(f.c, 0, 1);
    send_status(&f, 2);
    assert_int_equal(f.node->sent[PBFT_TYPE_pre_prepare], 0);
    cluster_disk(f.c, 0);
    f.c->now_ns += f.c->config.retransmit_ns;
    send_status(&f, 2);
    assert_int_equal(f.node->sent[PBFT_TYPE_pre_prepare], 2);
    fixture_free(&f);
}

static void test_w0_a_status_that_does_not_decode_is_refused(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct pbft_prepare m = {.view = 7};
    /* The body of another type under STATUS's number, correctly authenticated. */
    struct nika_message_info info = pbft_info_prepare;
    info.type = PBFT_TYPE_status;
    info.auth = NIKA_AUTH_MAC;
    assert_true(fixture_send(&f, 2, &info, &m));
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_W0), 1);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_s5_lost_commits_come_back),
        cmocka_unit_test(test_s5_lost_prepares_come_back),
        cmocka_unit_test(test_s5_lost_orders_come_back),
        cmocka_unit_test(test_s8_lost_batches_come_back),
        cmocka_unit_test(test_s6_a_replica_that_missed_everything_executes_from_commit_certs),
        cmocka_unit_test(test_sa1_a_replica_does_not_answer_itself),
        cmocka_unit_test(test_sa2_a_peer_that_asks_again_at_once_gets_nothing),
        cmocka_unit_test(test_sa2_retransmission_to_one_peer_is_bounded_in_bytes),
        cmocka_unit_test(test_d1_an_order_that_is_not_durable_is_not_retransmitted),
        cmocka_unit_test(test_w0_a_status_that_does_not_decode_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
