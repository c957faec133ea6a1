/* Orders whose certificates come by event (NIKA_ACTION_CERTIFY): the log first, nothing said before the certificate is there, at most one
 * outstanding for a leader's pillar, and no VIEW-CHANGE before what was asked for is known (PROTOCOLS.md 2.3-2.5). */
#include "tests/protocols/hybster/build.h"

static struct fixture_completion *waiting(struct fixture *f, uint32_t i)
{
    assert_true(i < f->completion_count);
    return &f->completions[(f->completion_first + i) % FIXTURE_COMPLETIONS_MAX];
}

/* It asks for the next before the last has come, says nothing before its certificate, and counts its own vote no sooner. */
static void test_a_follower_asks_ahead_and_says_nothing_before(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_later(2);
    f->held = true;
    for (uint64_t s = 1; s <= 3; s++) (void)build_ordered(f, s);
    /* Each record before what is certified for it. */
    assert_int_equal(f->completion_count, 6);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(waiting(f, i)->kind,
                         i % 2 == 0 ? NIKA_EVENT_STORED : NIKA_EVENT_CERTIFIED);
    assert_int_equal(f->replica->pillars[0].awaited, 3);
    fixture_answer(f, 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_commit], 0);
    assert_false(hybster_slot_find(f->replica, 1)->base.committed);
    fixture_answer(f, 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_commit], 1);
    assert_true(hybster_slot_find(f->replica, 1)->base.committed);
    assert_int_equal(fixture_counter(f, 0).order, 1);
    fixture_answer(f, UINT32_MAX);
    assert_int_equal(f->sent[HYBSTER_TYPE_commit], 3);
    assert_int_equal(f->replica->core.last_executed, 3);
    assert_int_equal(f->replica->pillars[0].awaited, 0);
    /* What a VIEW-CHANGE must account for. */
    assert_int_equal(f->replica->pillars[0].counter.order, 3);
    fixture_free(f);
}

/* What arrives while an order is on its way to its certificate goes into the next one, whose draft is written behind the record of the
 * last: that one so can still be had again. */
static void test_a_leader_drafts_one_at_a_time(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_later(0);
    f->held = true;
    for (uint32_t i = 0; i < 2; i++) assert_true(fixture_give(f, build_request(f, i, 1)));
    assert_true(fixture_give(f, build_request(f, 0, 2)));
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_INTENT), 1);
    assert_int_equal(f->replica->pillars[0].awaited, 1);
    fixture_answer(f, 2);
    assert_int_equal(f->sent[HYBSTER_TYPE_prepare], 1);
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_PREPARE), 1);
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_INTENT), 2);
    assert_int_equal(f->log[f->log_count - 1].kind, HYBSTER_RECORD_INTENT);
    assert_int_equal(f->log[f->log_count - 2].kind, HYBSTER_RECORD_PREPARE);
    assert_int_equal(f->replica->pillars[0].awaited, 1);
    assert_int_equal(waiting(f, f->completion_count - 1)->kind, NIKA_EVENT_CERTIFIED);
    assert_int_equal(fixture_counter(f, 0).order, 1);
    fixture_answer(f, UINT32_MAX);
    assert_int_equal(f->sent[HYBSTER_TYPE_prepare], 2);
    assert_int_equal(fixture_counter(f, 0).order, 2);
    struct common_batch batch;
    uint32_t handle = hybster_slot_find(f->replica, 2)->base.batch;
    assert_int_equal(
        nika_decode(&common_info_batch, nika_store_span(f->replica->core.store, handle), &batch),
        NIKA_OK);
    assert_int_equal(batch.requests.count, 2);
    fixture_free(f);
}

/* A log may hold several drafts, written while certificates were made at once: the counter is used for one after the other. */
static void test_a_leader_asks_for_one_at_a_time(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(0);
    f->held = true;
    for (uint32_t i = 0; i < 2; i++) assert_true(fixture_give(f, build_request(f, i, 1)));
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_INTENT), 2);
    f->later = true;
    fixture_restart(f);
    assert_int_equal(f->replica->pillars[0].awaited, 1);
    fixture_answer(f, 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_prepare], 1);
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_PREPARE), 1);
    assert_int_equal(f->replica->pillars[0].awaited, 1);
    assert_int_equal(waiting(f, f->completion_count - 1)->kind, NIKA_EVENT_CERTIFIED);
    assert_int_equal(waiting(f, f->completion_count - 2)->kind, NIKA_EVENT_STORED);
    assert_int_equal(fixture_counter(f, 0).order, 1);
    fixture_answer(f, UINT32_MAX);
    assert_int_equal(f->sent[HYBSTER_TYPE_prepare], 2);
    assert_int_equal(fixture_counter(f, 0).order, 2);
    fixture_free(f);
}

/* The record of its last PREPARE was refused: until it is there, the counter stays where that one can be had again. */
static void test_a_leader_waits_for_the_record_of_its_last(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_later(0);
    f->held = true;
    for (uint32_t i = 0; i < 2; i++) assert_true(fixture_give(f, build_request(f, i, 1)));
    fixture_answer(f, 2); /* The first draft, the first certificate. */
    assert_int_equal(f->sent[HYBSTER_TYPE_prepare], 1);
    assert_int_equal(f->completion_count, 3);
    /* The PREPARE is refused, and with it what waits for it; the second draft is taken. */
    waiting(f, 0)->status = 1;
    struct fixture_completion draft = *waiting(f, 1);
    *waiting(f, 1) = *waiting(f, 2);
    waiting(f, 1)->status = NIKA_ERR_LIMIT;
    *waiting(f, 2) = draft;
    fixture_answer(f, 3);
    assert_int_equal(f->replica->pillars[0].awaited, 0);
    assert_true(fixture_give(f, build_request(f, 0, 2)));
    assert_int_equal(f->replica->pillars[0].awaited, 0);
    f->held = false;
    assert_true(fixture_fire(f, COMMON_TIMER_STATUS));
    assert_int_equal(f->sent[HYBSTER_TYPE_prepare], 3);
    assert_int_equal(fixture_counter(f, 0).order, 3);
    fixture_free(f);
}

/* The same for the order that was on its way when the view was left: no VIEW-CHANGE before its record, which is written again. */
static void test_a_view_change_waits_for_the_record_that_was_refused(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_later(0);
    f->held = true;
    assert_true(fixture_give(f, build_request(f, 0, 1)));
    build_leave(f, 1);
    fixture_answer(f, 2);
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_PREPARE), 1);
    waiting(f, 0)->status = 1;
    fixture_answer(f, UINT32_MAX);
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_VIEW_CHANGE), 0);
    f->held = false;
    assert_true(fixture_fire(f, COMMON_TIMER_STATUS));
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_PREPARE), 2);
    assert_int_equal(f->sent[HYBSTER_TYPE_view_change], 1);
    fixture_free(f);
}

/* What was on its way when the view was left is in the history of the VIEW-CHANGE, and is sent to nobody. */
static void test_a_view_change_waits_for_the_leaders_order(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_later(0);
    f->held = true;
    assert_true(fixture_give(f, build_request(f, 0, 1)));
    build_leave(f, 1);
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_VIEW_CHANGE), 0);
    assert_int_equal(fixture_counter(f, 0).view, 0);
    fixture_answer(f, UINT32_MAX);
    assert_int_equal(f->sent[HYBSTER_TYPE_prepare], 0);
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_PREPARE), 1);
    assert_int_equal(fixture_counter(f, 0).view, 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_view_change], 1);
    struct nika_frame frame;
    struct hybster_view_change m;
    struct nika_span raw = nika_store_span(f->replica->core.store, f->replica->core.my_view_change);
    assert_int_equal(nika_frame_parse(raw, f->config.epoch, NIKA_MESSAGE_SIZE_MAX, &frame),
                     NIKA_OK);
    assert_int_equal(nika_decode(&hybster_info_view_change, frame.body, &m), NIKA_OK);
    assert_int_equal(m.prepares.count, 1);
    fixture_free(f);
}

static void test_a_view_change_waits_for_the_followers_vote(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_later(2);
    f->held = true;
    (void)build_ordered(f, 1);
    build_leave(f, 1);
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_VIEW_CHANGE), 0);
    fixture_answer(f, UINT32_MAX);
    assert_int_equal(f->sent[HYBSTER_TYPE_commit], 0);
    assert_int_equal(f->sent[HYBSTER_TYPE_view_change], 1);
    assert_int_equal(fixture_counter(f, 0).view, 1);
    fixture_free(f);
}

/* Its certificate comes when the next view was entered: that vote is of no use, and the order is voted for as one of the new view. */
static void test_a_vote_of_the_last_view_is_not_sent(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_later(2);
    f->held = true;
    struct nika_digest digest = build_ordered(f, 1);
    struct build_new_view spec = {.sender = 1, .view = 1, .change_count = 2};
    for (uint32_t i = 0; i < 2; i++)
        spec.changes[i] = (struct build_view_change){.sender = i, .view = 1};
    assert_true(fixture_give(f, build_new_view(f, &spec)));
    assert_int_equal(f->completion_count, 3);
    struct fixture_completion late = *waiting(f, 1);
    *waiting(f, 1) = *waiting(f, 2);
    *waiting(f, 2) = late;
    fixture_answer(f, 2);
    assert_int_equal(f->replica->entered, 1);
    assert_int_equal(f->replica->pillars[0].awaited, 1);
    fixture_answer(f, 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_commit], 0);
    f->held = false;
    struct build_order order = {.sender = 1, .view = 1, .seq = 1, .digest = digest};
    assert_true(fixture_give(f, build_order(f, &order)));
    assert_int_equal(f->sent[HYBSTER_TYPE_commit], 1);
    assert_int_equal(fixture_counter(f, 0).view, 1);
    fixture_free(f);
}

/* The same for a leader's order: the view that was entered knows nothing of it, so no record of it is made, and no VIEW-CHANGE waits for
 * one. */
static void test_an_order_of_the_last_view_is_not_kept(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_later(0);
    f->held = true;
    assert_true(fixture_give(f, build_request(f, 0, 1)));
    struct build_new_view spec = {.sender = 1, .view = 1, .change_count = 2};
    for (uint32_t i = 0; i < 2; i++)
        spec.changes[i] = (struct build_view_change){.sender = i + 1, .view = 1};
    assert_true(fixture_give(f, build_new_view(f, &spec)));
    assert_int_equal(f->completion_count, 3);
    struct fixture_completion late = *waiting(f, 1);
    *waiting(f, 1) = *waiting(f, 2);
    *waiting(f, 2) = late;
    fixture_answer(f, 2);
    assert_int_equal(f->replica->entered, 1);
    assert_int_equal(f->replica->pillars[0].awaited, 1);
    fixture_answer(f, 1);
    assert_int_equal(fixture_counter(f, 0).order, 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_prepare], 0);
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_PREPARE), 0);
    assert_int_equal(f->replica->pillars[0].certifying, 0);
    build_leave(f, 2);
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_VIEW_CHANGE), 1);
    fixture_free(f);
}

/* The disk refuses: nothing moves, and once it takes the record the order is asked for again. */
static void test_refused_behind_the_log_it_is_asked_for_again(void **state)
{
    (void)state;
    for (uint32_t self = 0; self <= 2; self += 2) {
        struct fixture *f = fixture_new_later(self);
        uint8_t type = self == 0 ? HYBSTER_TYPE_prepare : HYBSTER_TYPE_commit;
        f->held = true;
        if (self == 0)
            assert_true(fixture_give(f, build_request(f, 0, 1)));
        else
            (void)build_ordered(f, 1);
        waiting(f, 0)->status = 1;
        waiting(f, 1)->status = NIKA_ERR_LIMIT;
        fixture_answer(f, 2);
        assert_int_equal(fixture_counter(f, 0).order, 0);
        assert_int_equal(f->sent[type], 0);
        assert_int_equal(f->replica->pillars[0].awaited, 0);
        assert_false(f->replica->halted);
        /* The next order does not make it ask behind a record that is not there; a leader drafts none. */
        if (self == 0) {
            assert_true(fixture_give(f, build_request(f, 1, 1)));
            assert_int_equal(fixture_records(f, HYBSTER_RECORD_INTENT), 1);
        } else
            (void)build_ordered(f, 2);
        assert_int_equal(f->replica->pillars[0].awaited, 0);
        f->held = false;
        assert_true(fixture_fire(f, COMMON_TIMER_STATUS));
        assert_int_equal(fixture_counter(f, 0).order, 2);
        assert_int_equal(f->sent[type], 2);
        fixture_free(f);
    }
}

/* The answer to the second is still on its way when the first is asked for again: it is not asked for twice. */
static void test_what_is_outstanding_is_not_asked_for_again(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_later(2);
    f->held = true;
    (void)build_ordered(f, 1);
    (void)build_ordered(f, 2);
    waiting(f, 0)->status = 1;
    waiting(f, 1)->status = NIKA_ERR_LIMIT;
    fixture_answer(f, 2);
    assert_true(fixture_fire(f, COMMON_TIMER_STATUS));
    assert_int_equal(f->replica->pillars[0].awaited, 2);
    waiting(f, 1)->status = NIKA_ERR_LIMIT;
    fixture_answer(f, UINT32_MAX);
    assert_int_equal(f->sent[HYBSTER_TYPE_commit], 2);
    assert_int_equal(fixture_counter(f, 0).order, 2);
    fixture_free(f);
}

static void test_tsg_when_it_is_gone(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_later(2);
    f->held = true;
    (void)build_ordered(f, 1);
    (void)build_ordered(f, 2);
    f->trusted_gone = true;
    fixture_answer(f, UINT32_MAX);
    assert_true(f->replica->halted);
    assert_int_equal(f->rejects[NIKA_CHECK_TSG], 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_commit], 0);
    fixture_free(f);
}

/* Whoever has lost his trusted subsystem votes for nothing, not even with what it certified before. */
static void test_tsg_no_answer_counts_any_more(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_later(2);
    f->held = true;
    (void)build_ordered(f, 1);
    (void)build_ordered(f, 2);
    f->trusted_gone = true;
    fixture_answer(f, 2);
    assert_true(f->replica->halted);
    f->trusted_gone = false;
    fixture_answer(f, UINT32_MAX);
    assert_int_equal(f->sent[HYBSTER_TYPE_commit], 0);
    fixture_free(f);
}

/* Killed while the counter had moved for two votes: the last comes back, the other is never made again, and the history covers both. */
static void test_killed_between_the_counter_and_the_answer(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_later(2);
    f->held = true;
    (void)build_ordered(f, 1);
    (void)build_ordered(f, 2);
    for (uint32_t i = 1; i < 4; i += 2) {
        struct nika_trusted_certificate made;
        struct nika_digest digest;
        const struct fixture_completion *c = waiting(f, i);
        memcpy(&digest, c->bytes.data, sizeof digest);
        assert_int_equal(nika_trusted_certify(&f->instance, f->key, NIKA_TRUSTED_INDEPENDENT,
                                              c->counter, c->value, &digest, &made),
                         NIKA_OK);
    }
    f->held = false;
    fixture_restart(f);
    assert_false(f->replica->halted);
    assert_int_equal(f->sent_seq_count, 1);
    assert_int_equal(f->sent_seq[0], 2);
    assert_true(hybster_accounts(f->replica));
    build_leave(f, 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_view_change], 1);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_follower_asks_ahead_and_says_nothing_before),
        cmocka_unit_test(test_a_leader_drafts_one_at_a_time),
        cmocka_unit_test(test_a_leader_asks_for_one_at_a_time),
        cmocka_unit_test(test_a_leader_waits_for_the_record_of_its_last),
        cmocka_unit_test(test_a_view_change_waits_for_the_record_that_was_refused),
        cmocka_unit_test(test_tsg_no_answer_counts_any_more),
        cmocka_unit_test(test_a_view_change_waits_for_the_leaders_order),
        cmocka_unit_test(test_a_view_change_waits_for_the_followers_vote),
        cmocka_unit_test(test_a_vote_of_the_last_view_is_not_sent),
        cmocka_unit_test(test_an_order_of_the_last_view_is_not_kept),
        cmocka_unit_test(test_refused_behind_the_log_it_is_asked_for_again),
        cmocka_unit_test(test_what_is_outstanding_is_not_asked_for_again),
        cmocka_unit_test(test_tsg_when_it_is_gone),
        cmocka_unit_test(test_killed_between_the_counter_and_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
