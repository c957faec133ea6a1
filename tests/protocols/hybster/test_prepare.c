/* HP1-HP7: what a follower demands of a PREPARE (PROTOCOLS.md 2.3). */
#include "tests/protocols/hybster/build.h"

#define SELF 2u

static bool parked(const struct fixture *f, uint64_t seq)
{
    const struct hybster_slot *slot = hybster_slot_find(f->replica, seq);
    return slot != NULL && slot->base.parked != 0;
}

static void give(struct fixture *f, struct build_order spec)
{
    assert_true(fixture_give(f, build_order(f, &spec)));
}

static void test_hp1_only_the_leader_orders(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    give(f, (struct build_order){.sender = 1, .seq = 1, .digest = build_digest(1)});
    assert_int_equal(f->rejects[NIKA_CHECK_HP1], 1);
    assert_false(parked(f, 1));
    give(f, (struct build_order){.sender = 0, .seq = 1, .digest = build_digest(1)});
    assert_int_equal(f->rejects[NIKA_CHECK_HP1], 1);
    assert_true(parked(f, 1));
    fixture_free(f);
}

static void test_hp2_only_in_the_active_view(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    give(f, (struct build_order){.sender = 0, .view = 3, .seq = 1, .digest = build_digest(1)});
    assert_int_equal(f->rejects[NIKA_CHECK_HP2], 1);
    give(f, (struct build_order){.sender = 0, .seq = 1, .digest = build_digest(1)});
    assert_true(parked(f, 1));
    /* Join: both others have left view 0, so it is no longer active here. */
    for (uint32_t i = 0; i < 2; i++) {
        struct build_view_change change = {.sender = i, .view = 1};
        assert_true(fixture_give(f, build_view_change(f, &change)));
    }
    assert_false(f->replica->core.active);
    give(f, (struct build_order){.sender = 0, .seq = 2, .digest = build_digest(1)});
    assert_int_equal(f->rejects[NIKA_CHECK_HP2], 2);
    fixture_free(f);
}

static void test_hp3_only_in_the_window(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    give(f, (struct build_order){.sender = 0, .seq = 0, .digest = build_digest(1)});
    give(f, (struct build_order){.sender = 0, .seq = 9, .digest = build_digest(1)});
    assert_int_equal(f->rejects[NIKA_CHECK_HP3], 2);
    give(f, (struct build_order){.sender = 0, .seq = 8, .digest = build_digest(1)});
    assert_int_equal(f->rejects[NIKA_CHECK_HP3], 2);
    assert_true(parked(f, 8));
    fixture_free(f);
}

static void test_hp4_needs_the_independent_certificate_of_its_value(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    for (uint32_t flaw = FLAW_NONE + 1; flaw < FLAW_COUNT; flaw++) {
        give(f,
             (struct build_order){
                 .sender = 0, .seq = 1, .digest = build_digest(1), .flaw = (enum build_flaw)flaw});
        assert_int_equal(f->rejects[NIKA_CHECK_HP4], flaw);
        assert_false(parked(f, 1));
    }
    give(f, (struct build_order){.sender = 0, .seq = 1, .digest = build_digest(1)});
    assert_int_equal(f->rejects[NIKA_CHECK_HP4], FLAW_COUNT - 1);
    assert_true(parked(f, 1));
    fixture_free(f);
}

static void test_hp5_null_order_comes_only_with_a_new_view(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    give(f, (struct build_order){.sender = 0, .seq = 1, .digest = build_digest(0)});
    assert_int_equal(f->rejects[NIKA_CHECK_HP5], 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_commit], 0);
    fixture_free(f);
}

static void test_hp5_batch_must_be_present_valid_and_timely(void **state)
{
    (void)state;
    const struct {
        bool forged;
        uint64_t ahead_ns;
        uint32_t rejects;
    } cases[] = {{true, 1, 1}, {false, UINT64_C(1) << 50, 1}, {false, 1, 0}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture *f = fixture_new(SELF);
        struct build_order spec = {.sender = 0, .seq = 1};
        struct fixture_bytes body =
            build_batch(f, 1, f->now_ns + cases[i].ahead_ns, cases[i].forged, &spec.digest);
        give(f, spec);
        assert_int_equal(f->sent[HYBSTER_TYPE_commit], 0); /* Not present. */
        build_give_batch(f, 0, body);
        assert_int_equal(f->rejects[NIKA_CHECK_HP5], cases[i].rejects);
        assert_int_equal(f->sent[HYBSTER_TYPE_commit], 1 - cases[i].rejects);
        assert_int_equal(fixture_counter(f, 0).order, 1 - cases[i].rejects);
        fixture_free(f);
    }
}

static void test_hp6_acts_in_order_without_a_gap(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    (void)build_ordered(f, 3);
    (void)build_ordered(f, 2);
    assert_int_equal(f->sent_seq_count, 0);
    (void)build_ordered(f, 1);
    assert_int_equal(f->sent_seq_count, 3);
    for (uint32_t i = 0; i < 3; i++) assert_int_equal(f->sent_seq[i], i + 1);
    fixture_free(f);
}

static void test_hp7_two_digests_for_one_value_raise_the_alarm(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    struct build_order spec = {.sender = 0, .seq = 1, .digest = build_digest(1)};
    give(f, spec);
    give(f, spec); /* A retransmission says nothing new. */
    assert_int_equal(f->alarms, 0);
    spec.digest = build_digest(2);
    spec.flaw = FLAW_MAC;
    give(f, spec); /* Anybody can write this. */
    assert_int_equal(f->rejects[NIKA_CHECK_HP4], 1);
    assert_int_equal(f->alarms, 0);
    spec.flaw = FLAW_NONE;
    give(f, spec);
    assert_int_equal(f->rejects[NIKA_CHECK_HP7], 1);
    assert_int_equal(f->alarms, 1);
    assert_int_equal(f->evidence, 1);
    const struct hybster_slot *slot = hybster_slot_find(f->replica, 1);
    struct nika_digest first = build_digest(1);
    assert_true(nika_digest_equal(&slot->base.parked_digest, &first));
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hp1_only_the_leader_orders),
        cmocka_unit_test(test_hp2_only_in_the_active_view),
        cmocka_unit_test(test_hp3_only_in_the_window),
        cmocka_unit_test(test_hp4_needs_the_independent_certificate_of_its_value),
        cmocka_unit_test(test_hp5_null_order_comes_only_with_a_new_view),
        cmocka_unit_test(test_hp5_batch_must_be_present_valid_and_timely),
        cmocka_unit_test(test_hp6_acts_in_order_without_a_gap),
        cmocka_unit_test(test_hp7_two_digests_for_one_value_raise_the_alarm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
