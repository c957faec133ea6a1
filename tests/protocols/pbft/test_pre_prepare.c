/* tests/protocols/pbft/test_pre_prepare.c: what a backup accepts as the primary's order (PROTOCOLS.md 1.4, PP1-PP9, D2). */
#include "tests/protocols/pbft/fixture.h"

static uint32_t prepares_sent(const struct fixture *f)
{
    return f->node->sent[PBFT_TYPE_prepare];
}

static void test_an_order_with_its_batch_is_prepared_once_durable(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    f.node->hold_disk = true;
    (void)fixture_order(&f, 1);
    assert_int_not_equal(fixture_slot(&f, 1)->base.order, 0);
    assert_int_equal(prepares_sent(&f), 0); /* D2 */
    cluster_disk(f.c, 1);
    assert_int_equal(prepares_sent(&f), 1);
    fixture_free(&f);
}

static void test_d2_a_full_disk_withholds_the_prepare_until_it_has_room(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    f.node->fail_disk = true;
    (void)fixture_order(&f, 1);
    assert_int_equal(prepares_sent(&f), 0);
    f.node->fail_disk = false;
    assert_true(cluster_fire(f.c, 1, COMMON_TIMER_STATUS));
    assert_int_equal(prepares_sent(&f), 1);
    fixture_free(&f);
}

static void test_pp1_only_the_primary_of_the_view_orders(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_digest(7);
    fixture_pre_prepare(&f, 2, 0, 1, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_PP1), 1);
    assert_null(fixture_slot(&f, 1));
    fixture_pre_prepare(&f, 0, 0, 1, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_PP1), 1);
    assert_int_not_equal(fixture_slot(&f, 1)->base.parked, 0);
    fixture_free(&f);
}

static void test_pp2_an_order_of_another_view_is_refused(void **state)
{
    (void)state;
    struct fixture f = fixture_new(3);
    struct nika_digest d = fixture_digest(7);
    fixture_pre_prepare(&f, 1, 1, 1, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_PP2), 1);
    assert_null(fixture_slot(&f, 1));
    fixture_free(&f);
}

static void test_pp3_an_order_outside_the_window_is_refused(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_digest(7);
    fixture_pre_prepare(&f, 0, 0, 9, &d); /* L = 8 */
    fixture_pre_prepare(&f, 0, 0, 0, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_PP3), 2);
    fixture_pre_prepare(&f, 0, 0, 8, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_PP3), 2);
    fixture_free(&f);
}

static void test_pp4_orders_of_new_view_do_not_come_alone(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_digest(7);
    fixture_replica(&f)->low_bound = 2;
    fixture_pre_prepare(&f, 0, 0, 2, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_PP4), 1);
    fixture_pre_prepare(&f, 0, 0, 3, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_PP4), 1);
    fixture_free(&f);
}

static void test_pp5_a_null_order_is_refused(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest null = {{0}};
    fixture_pre_prepare(&f, 0, 0, 1, &null);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_PP5), 1);
    assert_int_equal(prepares_sent(&f), 0);
    fixture_free(&f);
}

static void test_pp6_second_pre_prepare_is_evidence_and_ends_the_view(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest first = fixture_order(&f, 1), other = fixture_digest(9);
    fixture_pre_prepare(&f, 0, 0, 1, &first); /* A retransmission proves nothing. */
    assert_int_equal(f.node->evidence, 0);
    fixture_pre_prepare(&f, 0, 0, 1, &other);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_PP6), 1);
    assert_int_equal(f.node->evidence, 1);
    assert_int_equal(prepares_sent(&f), 1);
    assert_int_equal(fixture_replica(&f)->core.view, 1);
    fixture_free(&f);
}

static void test_pp6_holds_for_a_parked_order_too(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest first = fixture_digest(8), other = fixture_digest(9);
    fixture_pre_prepare(&f, 0, 0, 1, &first);
    fixture_pre_prepare(&f, 0, 0, 1, &other);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_PP6), 1);
    assert_int_equal(f.node->evidence, 1);
    fixture_free(&f);
}

static void test_pp7_without_its_batch_an_order_is_parked_and_the_batch_fetched(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d;
    struct cluster_bytes body = fixture_batch(&f, 0, 1, f.c->now_ns + 1, &d);
    fixture_pre_prepare(&f, 0, 0, 1, &d);
    assert_int_equal(prepares_sent(&f), 0);
    assert_int_equal(f.node->sent[COMMON_TYPE_fetch_batch], 0); /* Probably on its way. */
    assert_true(cluster_fire(f.c, 1, COMMON_TIMER_FETCH));
    assert_int_equal(f.node->sent[COMMON_TYPE_fetch_batch], 1);
    fixture_give_batch(&f, 2, body);
    assert_int_equal(prepares_sent(&f), 1);
    free(body.data);
    fixture_free(&f);
}

static void test_pp7_an_empty_batch_is_refused(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    uint8_t bytes[12] = {1};
    struct cluster_bytes body = {bytes, sizeof bytes};
    struct nika_digest d;
    common_batch_body_digest(cluster_span(body), &d);
    fixture_pre_prepare(&f, 0, 0, 1, &d);
    fixture_give_batch(&f, 0, body);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_PP7), 1);
    assert_int_equal(prepares_sent(&f), 0);
    fixture_free(&f);
}

static void test_pp8_a_request_without_its_clients_signature_is_refused(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d;
    struct cluster_bytes body = fixture_batch(&f, 0, 1, f.c->now_ns + 1, &d);
    body.data[body.size - 1] ^= 1; /* Last byte of the signature. */
    common_batch_body_digest(cluster_span(body), &d);
    fixture_pre_prepare(&f, 0, 0, 1, &d);
    fixture_give_batch(&f, 0, body);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_PP8), 1);
    assert_int_equal(prepares_sent(&f), 0);
    /* And it is not even fetched again. */
    assert_null(common_slot_awaits(&fixture_replica(&f)->core, &fixture_slot(&f, 1)->base));
    free(body.data);
    fixture_free(&f);
}

static void test_pp8_a_request_twice_in_a_batch_is_refused(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d;
    struct cluster_bytes one = fixture_batch(&f, 0, 1, f.c->now_ns + 1, &d);
    uint32_t request = one.size - 12;
    struct cluster_bytes two = {malloc(12 + 2 * request), 12 + 2 * request};
    memcpy(two.data, one.data, one.size);
    memcpy(two.data + one.size, one.data + 12, request);
    nika_store_le(two.data + 8, 2, 4);
    common_batch_body_digest(cluster_span(two), &d);
    fixture_pre_prepare(&f, 0, 0, 1, &d);
    fixture_give_batch(&f, 0, two);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_PP8), 1);
    assert_int_equal(prepares_sent(&f), 0);
    free(one.data);
    free(two.data);
    fixture_free(&f);
}

static uint32_t prepared_at_time(uint64_t offset, uint32_t *rejects)
{
    struct fixture f = fixture_new(1);
    struct nika_digest d;
    struct cluster_bytes body = fixture_batch(&f, 0, 1, f.c->now_ns + offset, &d);
    fixture_pre_prepare(&f, 0, 0, 1, &d);
    fixture_give_batch(&f, 0, body);
    uint32_t sent = prepares_sent(&f);
    *rejects = fixture_rejects(&f, NIKA_CHECK_PP9);
    /* Withheld or not, the order counts: the others' votes commit it. */
    fixture_prepare(&f, 2, 0, 1, &d);
    fixture_prepare(&f, 3, 0, 1, &d);
    assert_true(fixture_slot(&f, 1)->prepared);
    free(body.data);
    fixture_free(&f);
    return sent;
}

static void test_pp9_agreed_time_ahead_of_the_clock_only_withholds_the_prepare(void **state)
{
    (void)state;
    struct nika_config config;
    uint32_t rejects = 0;
    nika_config_default(&config);
    assert_int_equal(prepared_at_time(config.time_skew_ns, &rejects), 1);
    assert_int_equal(rejects, 0);
    assert_int_equal(prepared_at_time(config.time_skew_ns + 1, &rejects), 0);
    assert_int_equal(rejects, 1);
}

static void test_pp9_a_withheld_prepare_is_sent_when_the_clock_gets_there(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d;
    uint64_t early = f.c->config.time_skew_ns + 1000000;
    struct cluster_bytes body = fixture_batch(&f, 0, 1, f.c->now_ns + early, &d);
    fixture_pre_prepare(&f, 0, 0, 1, &d);
    fixture_give_batch(&f, 0, body);
    assert_true(cluster_fire(f.c, 1, COMMON_TIMER_STATUS));
    assert_int_equal(prepares_sent(&f), 0);
    f.c->now_ns += 1000000;
    assert_true(cluster_fire(f.c, 1, COMMON_TIMER_STATUS));
    assert_int_equal(prepares_sent(&f), 1);
    free(body.data);
    fixture_free(&f);
}

/* An order at 1 that the others committed although its time is far ahead; then one at 2 that moves time by `step`. */
static uint32_t prepared_after_far_time(uint64_t step)
{
    struct fixture f = fixture_new(1);
    struct nika_digest d;
    uint64_t far = f.c->now_ns + 100 * f.c->config.time_skew_ns;
    struct cluster_bytes body = fixture_batch(&f, 0, 1, far, &d);
    fixture_pre_prepare(&f, 0, 0, 1, &d);
    fixture_give_batch(&f, 0, body);
    for (uint32_t i = 0; i < 4; i++) {
        if (i != 1) fixture_commit(&f, i, 0, 1, &d);
    }
    assert_int_equal(fixture_replica(&f)->core.last_executed, 1);
    assert_int_equal(prepares_sent(&f), 0);
    free(body.data);
    body = fixture_batch(&f, 0, 2, far + step, &d);
    fixture_pre_prepare(&f, 0, 0, 2, &d);
    fixture_give_batch(&f, 0, body);
    uint32_t sent = prepares_sent(&f);
    free(body.data);
    fixture_free(&f);
    return sent;
}

static void test_pp9_agreed_time_ahead_of_the_clocks_moves_by_the_least_step_only(void **state)
{
    (void)state;
    assert_int_equal(prepared_after_far_time(0), 0);
    assert_int_equal(prepared_after_far_time(1), 1);
    assert_int_equal(prepared_after_far_time(2), 0);
}

static void test_pp9_an_untimely_order_does_not_vouch_for_the_next(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d;
    uint64_t far = f.c->now_ns + 100 * f.c->config.time_skew_ns;
    for (uint64_t s = 1; s <= 2; s++) {
        struct cluster_bytes body = fixture_batch(&f, 0, s, far + s, &d);
        fixture_pre_prepare(&f, 0, 0, s, &d);
        fixture_give_batch(&f, 0, body);
        free(body.data);
    }
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_PP9), 2);
    assert_true(cluster_fire(f.c, 1, COMMON_TIMER_STATUS));
    assert_int_equal(prepares_sent(&f), 0);
    fixture_free(&f);
}

static void test_parked_orders_and_evidence_are_reported_to_the_bounds(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_digest(7), other = fixture_digest(8);
    assert_int_equal(fixture_replica(&f)->core.queue_peak[NIKA_QUEUE_PARKED], 0);
    for (uint64_t s = 1; s <= 3; s++) fixture_pre_prepare(&f, 0, 0, s, &d);
    assert_int_equal(fixture_replica(&f)->core.queue_peak[NIKA_QUEUE_PARKED], 3);
    assert_int_equal(fixture_replica(&f)->core.queue_peak[NIKA_QUEUE_EVIDENCE], 0);
    fixture_pre_prepare(&f, 0, 0, 3, &other);
    assert_int_equal(fixture_replica(&f)->core.queue_peak[NIKA_QUEUE_EVIDENCE], 1);
    /* The evidence ended the view, and with it what was parked. */
    assert_int_equal(fixture_replica(&f)->core.parked_count, 0);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_order_with_its_batch_is_prepared_once_durable),
        cmocka_unit_test(test_d2_a_full_disk_withholds_the_prepare_until_it_has_room),
        cmocka_unit_test(test_pp1_only_the_primary_of_the_view_orders),
        cmocka_unit_test(test_pp2_an_order_of_another_view_is_refused),
        cmocka_unit_test(test_pp3_an_order_outside_the_window_is_refused),
        cmocka_unit_test(test_pp4_orders_of_new_view_do_not_come_alone),
        cmocka_unit_test(test_pp5_a_null_order_is_refused),
        cmocka_unit_test(test_pp6_second_pre_prepare_is_evidence_and_ends_the_view),
        cmocka_unit_test(test_pp6_holds_for_a_parked_order_too),
        cmocka_unit_test(test_pp7_without_its_batch_an_order_is_parked_and_the_batch_fetched),
        cmocka_unit_test(test_pp7_an_empty_batch_is_refused),
        cmocka_unit_test(test_pp8_a_request_without_its_clients_signature_is_refused),
        cmocka_unit_test(test_pp8_a_request_twice_in_a_batch_is_refused),
        cmocka_unit_test(test_pp9_agreed_time_ahead_of_the_clock_only_withholds_the_prepare),
        cmocka_unit_test(test_pp9_a_withheld_prepare_is_sent_when_the_clock_gets_there),
        cmocka_unit_test(test_pp9_agreed_time_ahead_of_the_clocks_moves_by_the_least_step_only),
        cmocka_unit_test(test_pp9_an_untimely_order_does_not_vouch_for_the_next),
        cmocka_unit_test(test_parked_orders_and_evidence_are_reported_to_the_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
