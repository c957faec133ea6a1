/* D1 of the leader: one durable record before its counter moves, and at most the last certificate to lose (PROTOCOLS.md 2.3, 2.5). */
#include "tests/protocols/hybster/build.h"

#define SELF 0u

/* The leader of view 0 with a request of each of `clients` clients, whose disk has not answered yet. */
static struct fixture *asked(uint32_t clients)
{
    struct fixture *f = fixture_new(SELF);
    f->held = true;
    for (uint32_t i = 0; i < clients; i++) assert_true(fixture_give(f, build_request(f, i, 1)));
    return f;
}

static void test_one_write_before_the_prepare_leaves(void **state)
{
    (void)state;
    struct fixture *f = asked(1);
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_INTENT), 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_prepare], 0);
    assert_int_equal(fixture_counter(f, 0).order, 0);
    fixture_answer(f, 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_prepare], 1);
    assert_int_equal(f->sent[COMMON_TYPE_batch], 1);
    assert_int_equal(fixture_counter(f, 0).order, 1);
    fixture_free(f);
}

static void test_counter_waits_for_the_last_certificate(void **state)
{
    (void)state;
    struct fixture *f = asked(2);
    /* Both drafts are on the disk, the first certificate is not. */
    fixture_answer(f, 2);
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_PREPARE), 1);
    assert_int_equal(fixture_counter(f, 0).order, 1);
    fixture_answer(f, 1);
    assert_int_equal(fixture_counter(f, 0).order, 2);
    assert_int_equal(f->sent[HYBSTER_TYPE_prepare], 2);
    fixture_free(f);
}

/* The crash comes when the PREPARE is out and its certificate nowhere: the draft and the trusted subsystem give it back. */
static void test_lost_certificate_is_reissued_for_the_draft(void **state)
{
    (void)state;
    struct fixture *f = asked(1);
    fixture_answer(f, 1);
    struct nika_span sent =
        nika_store_span(f->replica->core.store, hybster_slot_find(f->replica, 1)->base.order);
    uint8_t before[HYBSTER_ORDER_FRAME_SIZE];
    assert_int_equal(sent.size, sizeof before);
    memcpy(before, sent.data, sizeof before);
    fixture_lose(f, HYBSTER_RECORD_PREPARE);
    fixture_restart(f);
    assert_false(f->replica->halted);
    assert_int_equal(fixture_counter(f, 0).order, 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_prepare], 2);
    struct nika_span again =
        nika_store_span(f->replica->core.store, hybster_slot_find(f->replica, 1)->base.order);
    assert_memory_equal(again.data, before, sizeof before);
    fixture_free(f);
}

/* A draft whose counter never moved is certified after the restart, and once. */
static void test_draft_without_certificate_goes_on(void **state)
{
    (void)state;
    struct fixture *f = asked(1);
    fixture_restart(f);
    assert_int_equal(fixture_counter(f, 0).order, 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_prepare], 1);
    fixture_free(f);
}

/* With the VIEW-CHANGE's certificate the order's could not be had again: it must be durable first. */
static void test_view_change_waits_for_the_certificate(void **state)
{
    (void)state;
    struct fixture *f = asked(1);
    fixture_answer(f, 1);
    build_leave(f, 1);
    assert_false(f->replica->core.active);
    assert_int_equal(fixture_counter(f, 0).view, 0);
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_VIEW_CHANGE), 0);
    fixture_answer(f, 1);
    assert_int_equal(fixture_counter(f, 0).view, 1);
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_VIEW_CHANGE), 1);
    fixture_answer(f, 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_view_change], 1);
    fixture_free(f);
}

/* qh = n - f: when one correct follower has left the view and f say nothing, nobody but the leader itself can end it. */
static void test_leader_times_its_own_requests(void **state)
{
    (void)state;
    struct fixture *f = asked(1);
    fixture_answer(f, 2);
    assert_true(f->replica->core.active);
    assert_true(fixture_fire(f, COMMON_TIMER_REQUEST));
    assert_int_equal(f->replica->core.view, 1);
    /* With nothing asked there is nothing to time. */
    struct fixture *idle = fixture_new(SELF);
    assert_false(fixture_fire(idle, COMMON_TIMER_REQUEST));
    fixture_free(idle);
    fixture_free(f);
}

/* A follower that left the view alone could certify nothing in it any more: the leader gives the view up for it, in time. */
static void test_leader_helps_a_replica_that_left_alone(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    struct build_view_change spec = {.sender = 2, .view = 1};
    assert_true(fixture_give(f, build_view_change(f, &spec)));
    assert_true(fixture_fire(f, COMMON_TIMER_STATUS));
    f->now_ns += 15 * f->config.request_ns;
    assert_true(fixture_fire(f, COMMON_TIMER_STATUS));
    assert_int_equal(f->replica->core.view, 0);
    f->now_ns += f->config.request_ns;
    assert_true(fixture_fire(f, COMMON_TIMER_STATUS));
    assert_int_equal(f->replica->core.view, 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_view_change], 1);
    fixture_free(f);
}

static void give_changes(struct fixture *f, uint64_t view, const struct nika_digest *digest)
{
    struct build_view_change spec = {.view = view, .previous = {view - 1, view == 1 ? 1 : 0}};
    spec.prepares[0] = (struct build_order){.seq = 1, .digest = *digest};
    spec.prepare_count = 1;
    if (view == 2)
        spec.hops[spec.hop_count++] = (struct build_hop){.previous = {0, 1}, .value = {1, 0}};
    for (spec.sender = 0; spec.sender < FIXTURE_REPLICAS; spec.sender += 2)
        assert_true(fixture_give(f, build_view_change(f, &spec)));
}

/* The counters were used for the NEW-VIEW and its orders: without it no later VIEW-CHANGE can account for that. */
static void test_own_new_view_is_kept_when_its_view_is_left(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(1);
    struct nika_digest digest = build_ordered(f, 1);
    f->held = true;
    give_changes(f, 1, &digest);
    fixture_answer(f, 2); /* The VIEW-CHANGE, the draft. */
    assert_int_equal(f->replica->candidate_view, 1);
    assert_false(f->replica->candidate_draft);
    assert_int_equal(fixture_counter(f, 0).view, 1);
    assert_int_equal(fixture_counter(f, 0).order, 1);
    give_changes(f, 2, &digest);
    assert_int_equal(f->replica->core.view, 2);
    fixture_answer(f, UINT32_MAX);
    assert_int_equal(f->replica->entered, 1);
    assert_int_equal(fixture_counter(f, 0).view, 2);
    assert_int_equal(f->sent[HYBSTER_TYPE_view_change], 2);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_write_before_the_prepare_leaves),
        cmocka_unit_test(test_counter_waits_for_the_last_certificate),
        cmocka_unit_test(test_lost_certificate_is_reissued_for_the_draft),
        cmocka_unit_test(test_draft_without_certificate_goes_on),
        cmocka_unit_test(test_view_change_waits_for_the_certificate),
        cmocka_unit_test(test_leader_times_its_own_requests),
        cmocka_unit_test(test_leader_helps_a_replica_that_left_alone),
        cmocka_unit_test(test_own_new_view_is_kept_when_its_view_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
