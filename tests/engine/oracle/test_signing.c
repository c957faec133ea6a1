/* tests/engine/oracle/test_signing.c: O6, O7, O8: what a replica may sign, across views and restarts. */
#include "tests/engine/oracle/fixture.h"

static void enter_view(struct fixture *f, uint32_t node, uint64_t view)
{
    vote(f, node, NIKA_MESSAGE_VIEW_CHANGE, view, 0, (uint8_t)view);
    stored(f, node, NIKA_MESSAGE_NEW_VIEW, view, 0, (uint8_t)view);
    note(f, node, NIKA_NOTE_VIEW, view, 1, NULL, 0);
}

static void test_clean_voting_across_views_and_a_restart_is_silent(void **state)
{
    struct fixture *f = *state;
    for (uint64_t s = 1; s <= 200; s++) {
        uint64_t view = s / 50;
        if (s % 50 == 0) enter_view(f, 1, view);
        vote(f, 1, NIKA_MESSAGE_PREPARE, view, s, (uint8_t)s);
        vote(f, 1, NIKA_MESSAGE_COMMIT, view, s, (uint8_t)s);
        if (s % 8 == 0) vote(f, 1, NIKA_MESSAGE_CHECKPOINT, 0, s, (uint8_t)s);
        if (s == 120) {
            simple(f, NIKA_TAP_CRASHED, 1, 0);
            simple(f, NIKA_TAP_RESTARTED, 1, 0);
            note(f, 1, NIKA_NOTE_VIEW, view, 1, NULL, 0);
            sent(f, 1, NIKA_MESSAGE_COMMIT, view, s, (uint8_t)s);
        }
    }
    assert_int_equal(violations(f), 0);
}
static void test_second_content_after_a_restart_is_equivocation(void **state)
{
    struct fixture *f = *state;
    vote(f, 1, NIKA_MESSAGE_PREPARE, 0, 17, 1);
    simple(f, NIKA_TAP_CRASHED, 1, 0);
    simple(f, NIKA_TAP_RESTARTED, 1, 0);
    vote(f, 2, NIKA_MESSAGE_PREPARE, 0, 17, 2); /* Another replica is no equivocation. */
    assert_int_equal(violations(f), 0);
    vote(f, 1, NIKA_MESSAGE_PREPARE, 0, 17, 2);
    assert_only(f, "O6", 1, 17);
}
static void test_two_view_changes_for_one_view_are_equivocation(void **state)
{
    vote(*state, 3, NIKA_MESSAGE_VIEW_CHANGE, 4, 0, 1);
    sent(*state, 3, NIKA_MESSAGE_VIEW_CHANGE, 4, 0, 1);
    assert_int_equal(violations(*state), 0);
    sent(*state, 3, NIKA_MESSAGE_VIEW_CHANGE, 4, 0, 2);
    assert_only(*state, "O6", 3, 0);
}
static void test_two_checkpoints_at_one_seq_are_equivocation(void **state)
{
    vote(*state, 0, NIKA_MESSAGE_CHECKPOINT, 0, 8, 1);
    vote(*state, 0, NIKA_MESSAGE_CHECKPOINT, 0, 16, 2);
    assert_int_equal(violations(*state), 0);
    vote(*state, 0, NIKA_MESSAGE_CHECKPOINT, 0, 8, 3);
    assert_only(*state, "O6", 0, 8);
}
static void test_relayed_frame_says_nothing_about_the_relay(void **state)
{
    struct nika_frame frame = {.sender = 2};
    struct nika_summary s = summary_of(NIKA_MESSAGE_PREPARE, 0, 1, 1);
    feed(*state,
         (struct nika_tap){.kind = NIKA_TAP_SENT, .node = 1, .frame = &frame, .summary = &s});
    assert_int_equal(violations(*state), 0);
    frame.sender = 1;
    feed(*state,
         (struct nika_tap){.kind = NIKA_TAP_SENT, .node = 1, .frame = &frame, .summary = &s});
    assert_only(*state, "O8", 1, 1);
}
static void test_vote_below_the_last_view_change_fires_even_after_a_restart(void **state)
{
    struct fixture *f = *state;
    vote(f, 1, NIKA_MESSAGE_COMMIT, 0, 3, 1);
    vote(f, 1, NIKA_MESSAGE_VIEW_CHANGE, 1, 0, 1);
    simple(f, NIKA_TAP_RESTARTED, 1, 0);
    assert_int_equal(violations(f), 0);
    sent(f, 1, NIKA_MESSAGE_COMMIT, 0, 3, 1);
    assert_only(f, "O7", 1, 3);
}
static void test_view_going_back_within_a_life_fires(void **state)
{
    note(*state, 2, NIKA_NOTE_VIEW, 3, 0, NULL, 0);
    note(*state, 2, NIKA_NOTE_VIEW, 3, 1, NULL, 0);
    assert_int_equal(violations(*state), 0);
    note(*state, 2, NIKA_NOTE_VIEW, 2, 1, NULL, 0);
    assert_only(*state, "O7", 2, 2);
}
static void test_view_below_the_durable_one_after_a_restart_fires(void **state)
{
    struct fixture *f = *state;
    note(f, 2, NIKA_NOTE_VIEW, 5, 0, NULL, 0); /* Not durable: may be forgotten. */
    stored(f, 2, NIKA_MESSAGE_VIEW_CHANGE, 3, 0, 1);
    simple(f, NIKA_TAP_RESTARTED, 2, 0);
    note(f, 2, NIKA_NOTE_VIEW, 3, 0, NULL, 0);
    assert_int_equal(violations(f), 0);
    simple(f, NIKA_TAP_RESTARTED, 2, 0);
    note(f, 2, NIKA_NOTE_VIEW, 2, 1, NULL, 0);
    assert_only(f, "O7", 2, 2);
}
static void test_low_mark_going_back_fires(void **state)
{
    note_digest(*state, 1, NIKA_NOTE_STABLE, 8, 0, 8, 0x7);
    note_digest(*state, 1, NIKA_NOTE_STABLE, 16, 0, 16, 0x7);
    assert_int_equal(violations(*state), 0);
    note_digest(*state, 1, NIKA_NOTE_STABLE, 8, 0, 8, 0x7);
    assert_only(*state, "O7", 1, 8);
}
static void test_execution_below_the_durable_checkpoint_after_a_restart_fires(void **state)
{
    struct fixture *f = *state;
    for (uint64_t s = 1; s <= 9; s++) {
        request(f, 0, s, 1);
        executed(f, 1, s, (uint8_t)s, 0, s, 1, s);
        if (s == 8) vote(f, 1, NIKA_MESSAGE_CHECKPOINT, 0, 8, 1);
    }
    simple(f, NIKA_TAP_RESTARTED, 1, 0);
    executed(f, 1, 9, 9, 0, 9, 1, 9);
    assert_int_equal(violations(f), 0);
    simple(f, NIKA_TAP_RESTARTED, 1, 0);
    executed(f, 1, 8, 8, 0, 8, 1, 8);
    assert_only(f, "O7", 1, 8);
}

struct early {
    uint32_t record, message;
    uint64_t view, seq;
};
/* Each kind of message before its record: sent too early fires O8; after the record, in another fixture, it is silent. */
static void test_each_message_before_its_record_fires(void **state)
{
    (void)state;
    static const struct early cases[] = {
        {NIKA_MESSAGE_PROPOSE, NIKA_MESSAGE_PROPOSE, 0, 5},
        {NIKA_MESSAGE_PROPOSE, NIKA_MESSAGE_PREPARE, 0, 5},
        {NIKA_MESSAGE_PREPARE, NIKA_MESSAGE_COMMIT, 0, 5},
        {NIKA_MESSAGE_VIEW_CHANGE, NIKA_MESSAGE_VIEW_CHANGE, 2, 0},
        {NIKA_MESSAGE_NEW_VIEW, NIKA_MESSAGE_NEW_VIEW, 2, 0},
        {NIKA_MESSAGE_CHECKPOINT, NIKA_MESSAGE_CHECKPOINT, 0, 8},
    };
    for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        for (uint32_t way = 0; way < 3; way++) {
            const struct early *c = &cases[i];
            struct fixture f;
            fixture_prepare(&f);
            fixture_start(&f);
            struct nika_summary s = summary_of(c->record, c->view, c->seq, 1);
            struct nika_tap asked = {.kind = NIKA_TAP_PERSIST, .node = 1, .summary = &s};
            feed(&f, asked); /* Asking is not having. */
            if (way == 1) stored(&f, 1, c->record, c->view, c->seq, 1);
            if (way == 2)
                feed(&f,
                     (struct nika_tap){
                         .kind = NIKA_TAP_STORED, .node = 1, .a = 1, .summary = &s}); /* Failed. */
            simple(&f, NIKA_TAP_CRASHED, 1, 0); /* What is durable survives. */
            simple(&f, NIKA_TAP_RESTARTED, 1, 0);
            sent(&f, 1, c->message, c->view, c->seq, 1);
            if (way == 1) {
                assert_int_equal(violations(&f), 0);
            } else {
                assert_only(&f, "O8", 1, c->seq);
            }
            fixture_end(&f);
        }
    }
}
static void test_record_of_another_digest_view_or_replica_does_not_count(void **state)
{
    (void)state;
    for (uint32_t way = 0; way < 3; way++) {
        struct fixture f;
        fixture_prepare(&f);
        fixture_start(&f);
        stored(&f, way == 2 ? 2 : 1, NIKA_MESSAGE_PREPARE, way == 1 ? 1 : 0, 5, way == 0 ? 2 : 1);
        sent(&f, 1, NIKA_MESSAGE_COMMIT, 0, 5, 1);
        assert_only(&f, "O8", 1, 5);
        fixture_end(&f);
    }
}
static void test_prepare_in_a_view_whose_new_view_is_not_durable_fires(void **state)
{
    struct fixture *f = *state;
    stored(f, 1, NIKA_MESSAGE_PROPOSE, 1, 5, 1);
    sent(f, 1, NIKA_MESSAGE_PREPARE, 1, 5, 1);
    assert_only(f, "O8", 1, 5);
}
static void test_orders_of_a_new_view_are_durable_with_it_but_later_ones_are_not(void **state)
{
    struct fixture *f = *state;
    vote(f, 2, NIKA_MESSAGE_PREPARE, 0, 5, 1);
    stored(f, 1, NIKA_MESSAGE_NEW_VIEW, 1, 0, 1);
    sent(f, 1, NIKA_MESSAGE_PREPARE, 1, 5, 1);
    assert_int_equal(violations(f), 0);
    sent(f, 1, NIKA_MESSAGE_PREPARE, 1, 6, 1);
    assert_only(f, "O8", 1, 6);
}
static void test_client_timestamp_above_the_reserved_ones_fires(void **state)
{
    struct fixture *f = *state;
    stored(f, nika_client_node(1), NIKA_MESSAGE_REQUEST, 1, 100, 0);
    sent(f, nika_client_node(1), NIKA_MESSAGE_REQUEST, 1, 100, 0);
    assert_int_equal(violations(f), 0);
    sent(f, nika_client_node(1), NIKA_MESSAGE_REQUEST, 1, 101, 0);
    assert_only(f, "O8", nika_client_node(1), 101);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(test_clean_voting_across_views_and_a_restart_is_silent),
        WITH_FIXTURE(test_second_content_after_a_restart_is_equivocation),
        WITH_FIXTURE(test_two_view_changes_for_one_view_are_equivocation),
        WITH_FIXTURE(test_two_checkpoints_at_one_seq_are_equivocation),
        WITH_FIXTURE(test_relayed_frame_says_nothing_about_the_relay),
        WITH_FIXTURE(test_vote_below_the_last_view_change_fires_even_after_a_restart),
        WITH_FIXTURE(test_view_going_back_within_a_life_fires),
        WITH_FIXTURE(test_view_below_the_durable_one_after_a_restart_fires),
        WITH_FIXTURE(test_low_mark_going_back_fires),
        WITH_FIXTURE(test_execution_below_the_durable_checkpoint_after_a_restart_fires),
        cmocka_unit_test(test_each_message_before_its_record_fires),
        cmocka_unit_test(test_record_of_another_digest_view_or_replica_does_not_count),
        WITH_FIXTURE(test_prepare_in_a_view_whose_new_view_is_not_durable_fires),
        WITH_FIXTURE(test_orders_of_a_new_view_are_durable_with_it_but_later_ones_are_not),
        WITH_FIXTURE(test_client_timestamp_above_the_reserved_ones_fires),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
