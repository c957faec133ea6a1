/* tests/protocols/pbft/test_fetch.c: missing batches (PROTOCOLS.md 1.4, FB1-FB2, BA1-BA3). */
#include "tests/protocols/pbft/fixture.h"

static void fetch(struct fixture *f, uint32_t sender, const struct nika_digest *d)
{
    struct common_fetch_batch m = {.digest = *d};
    assert_true(fixture_send(f, sender, &common_info_fetch_batch, &m));
}

static void test_fb1_a_replica_does_not_ask_itself(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_order(&f, 1);
    fetch(&f, 1, &d);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_FB1), 1);
    assert_int_equal(f.node->sent[COMMON_TYPE_batch], 0);
    fetch(&f, 2, &d);
    assert_int_equal(f.node->sent[COMMON_TYPE_batch], 1);
    fixture_free(&f);
}

static void test_fb2_what_is_not_held_or_not_within_the_budget_is_not_sent(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_order(&f, 1), unknown = fixture_digest(1);
    fetch(&f, 2, &unknown);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_FB2), 1);
    for (int i = 0; i < 2000; i++) fetch(&f, 2, &d);
    assert_true(f.node->sent[COMMON_TYPE_batch] > 1);
    assert_true(f.node->sent[COMMON_TYPE_batch] < 2000);
    assert_true(fixture_rejects(&f, NIKA_CHECK_FB2) > 1);
    uint32_t before = f.node->sent[COMMON_TYPE_batch];
    fetch(&f, 3, &d); /* Another peer has its own budget. */
    assert_int_equal(f.node->sent[COMMON_TYPE_batch], before + 1);
    fixture_free(&f);
}

static void test_ba1_a_batch_beyond_the_limits_is_not_parsed(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    uint32_t max = common_batch_size_max(&f.c->config);
    struct cluster_bytes big = {calloc(1, max + 1), max + 1};
    fixture_give_batch(&f, 0, big);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_BA1), 1);
    big.size = max;
    fixture_give_batch(&f, 0, big);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_BA1), 1);
    free(big.data);
    fixture_free(&f);
}

static void test_ba2_a_batch_that_nobody_awaits_is_dropped(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d;
    struct cluster_bytes body = fixture_batch(&f, 0, 1, f.c->now_ns + 1, &d);
    fixture_give_batch(&f, 2, body);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_BA2), 1);
    fixture_pre_prepare(&f, 0, 0, 1, &d);
    fixture_give_batch(&f, 2, body);
    assert_int_equal(fixture_rejects(&f, NIKA_CHECK_BA2), 1);
    assert_true(fixture_slot(&f, 1)->base.batch_ok);
    free(body.data);
    fixture_free(&f);
}

static void test_ba3_a_committed_batch_that_no_correct_replica_prepares_is_an_alarm(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    static const uint32_t senders[] = {0, 2, 3};
    uint8_t bytes[12] = {1}; /* Holds no request. */
    struct cluster_bytes body = {bytes, sizeof bytes};
    struct nika_digest d;
    struct pbft_commit_cert m = {0};
    common_batch_body_digest(cluster_span(body), &d);
    struct cluster_bytes frames = fixture_commit_frames(&f, senders, 3, 0, 1, &d, &m.commits);
    assert_true(fixture_send(&f, 2, &pbft_info_commit_cert, &m));
    fixture_give_batch(&f, 2, body);
    assert_int_equal(f.node->alarms, 1);
    assert_int_equal(fixture_replica(&f)->core.last_executed, 0);
    free(frames.data);
    fixture_free(&f);
}

static void test_a_fetch_goes_from_peer_to_peer(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_digest(3);
    fixture_pre_prepare(&f, 0, 0, 1, &d);
    uint32_t asked = 0;
    for (int i = 0; i < 3; i++) {
        assert_true(cluster_fire(f.c, 1, COMMON_TIMER_FETCH));
        for (uint32_t k = 0; k < f.c->effects.count; k++) {
            if (f.c->effects.actions[k].kind == NIKA_ACTION_SEND)
                asked |= 1u << f.c->effects.actions[k].to;
        }
    }
    assert_int_equal(asked, 0xd); /* 0, 2 and 3. */
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fb1_a_replica_does_not_ask_itself),
        cmocka_unit_test(test_fb2_what_is_not_held_or_not_within_the_budget_is_not_sent),
        cmocka_unit_test(test_ba1_a_batch_beyond_the_limits_is_not_parsed),
        cmocka_unit_test(test_ba2_a_batch_that_nobody_awaits_is_dropped),
        cmocka_unit_test(test_ba3_a_committed_batch_that_no_correct_replica_prepares_is_an_alarm),
        cmocka_unit_test(test_a_fetch_goes_from_peer_to_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
