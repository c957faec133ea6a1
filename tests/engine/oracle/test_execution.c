/* tests/engine/oracle/test_execution.c: O1-O5, O9, O11, O12: a clean run is silent, the smallest broken one fires one oracle. */
#include "tests/engine/oracle/fixture.h"

/* Seq 1..count executed by all replicas: client 0 adds 1 each time, the result is seq. */
static void clean_run(struct fixture *f, uint64_t from, uint64_t to)
{
    for (uint64_t s = from; s <= to; s++) {
        invoked(f, 0, s, "a\1", 2, 0);
        request(f, 0, s, 1);
        for (uint32_t r = 0; r < 4; r++) {
            note_digest(f, r, NIKA_NOTE_COMMITTED, s, 0, (uint8_t)s, 0x7);
            executed(f, r, s, (uint8_t)s, 0, s, 1, s);
            if (s % 8 == 0) note_digest(f, r, NIKA_NOTE_CHECKPOINT, s, 0, (uint8_t)(s + 1), 0);
            if (s % 8 == 0) note_digest(f, r, NIKA_NOTE_STABLE, s, 0, (uint8_t)(s + 1), 0xb);
        }
        completed(f, 0, s, s, s);
    }
}

static void test_clean_run_over_many_windows_is_silent(void **state)
{
    clean_run(*state, 1, 1000);
    nika_oracles_finish(((struct fixture *)*state)->oracles, 1);
    assert_int_equal(violations(*state), 0);
    assert_false(nika_oracles_broken(((struct fixture *)*state)->oracles));
}
static void test_two_batches_at_one_seq_break_agreement(void **state)
{
    struct fixture *f = *state;
    request(f, 0, 1, 1);
    executed(f, 0, 1, 0xaa, 0, 1, 1, 1);
    executed(f, 2, 1, 0xbb, 0, 1, 1, 1);
    assert_only(f, "O1", 2, 1);
    assert_true(nika_oracles_broken(f->oracles));
    const struct nika_violation *v;
    (void)nika_oracles_violations(f->oracles, &v);
    assert_non_null(strstr(v->sentence, "aaaaaaaa"));
    assert_non_null(strstr(v->sentence, "bbbbbbbb"));
    assert_int_equal(v->other, 0);
}
static void test_two_certificates_at_one_seq_break_agreement_before_execution(void **state)
{
    note_digest(*state, 0, NIKA_NOTE_COMMITTED, 5, 0, 1, 0x7);
    note_digest(*state, 1, NIKA_NOTE_COMMITTED, 5, 1, 1, 0xd);
    assert_int_equal(violations(*state), 0);
    note_digest(*state, 3, NIKA_NOTE_COMMITTED, 5, 1, 2, 0xd);
    assert_only(*state, "O1", 3, 5);
}
static void test_certificate_with_too_few_signers_breaks_agreement(void **state)
{
    note_digest(*state, 0, NIKA_NOTE_COMMITTED, 5, 0, 1, 0x3);
    assert_only(*state, "O1", 0, 5);
}
static void test_skipped_seq_breaks_the_prefix_rule_unless_restored(void **state)
{
    struct fixture *f = *state;
    clean_run(f, 1, 9);
    request(f, 0, 10, 1);
    request(f, 0, 11, 1);
    executed(f, 0, 10, 10, 0, 10, 1, 10);
    executed(f, 0, 11, 11, 0, 11, 1, 11);
    simple(f, NIKA_TAP_RESTORED, 1, 10);
    executed(f, 1, 11, 11, 0, 11, 1, 11);
    assert_int_equal(violations(f), 0);
    executed(f, 2, 11, 11, 0, 11, 1, 11);
    assert_only(f, "O1", 2, 11);
}
static void test_restart_may_execute_again_but_not_ahead(void **state)
{
    struct fixture *f = *state;
    clean_run(f, 1, 5);
    simple(f, NIKA_TAP_CRASHED, 1, 0);
    simple(f, NIKA_TAP_RESTARTED, 1, 0);
    for (uint64_t s = 1; s <= 5; s++) executed(f, 1, s, (uint8_t)s, 0, s, 1, s);
    assert_int_equal(violations(f), 0);
    for (uint64_t s = 6; s <= 7; s++) {
        request(f, 0, s, 1);
        executed(f, 0, s, (uint8_t)s, 0, s, 1, s);
    }
    simple(f, NIKA_TAP_RESTARTED, 1, 0);
    executed(f, 1, 7, 7, 0, 7, 1, 7);
    assert_only(f, "O1", 1, 7);
}
static void test_request_never_sent_breaks_validity(void **state)
{
    struct fixture *f = *state;
    request(f, 0, 1, 1);
    executed(f, 0, 1, 1, 0, 1, 2, 2); /* Another operation under the same timestamp. */
    assert_only(f, "O2", 0, 1);
}
static void test_corrupted_client_may_ask_for_anything(void **state)
{
    (void)state;
    struct fixture f;
    fixture_prepare(&f);
    f.setup.corrupted_clients[0] = 1;
    fixture_start(&f);
    executed(&f, 0, 1, 1, 0, 1, 2, 2);
    assert_int_equal(violations(&f), 0);
    executed(&f, 0, 2, 2, 1, 1, 2, 4); /* Client 1 is correct and sent nothing. */
    assert_only(&f, "O2", 0, 2);
    fixture_end(&f);
}
static void test_same_timestamp_at_two_seqs_breaks_exactly_once(void **state)
{
    struct fixture *f = *state;
    clean_run(f, 1, 2);
    executed(f, 3, 3, 3, 0, 2, 1, 3);
    assert_only(f, "O3", 3, 3);
}
static void test_other_effects_of_one_batch_break_exactly_once(void **state)
{
    struct fixture *f = *state;
    request(f, 0, 1, 1);
    request(f, 1, 1, 1);
    executed(f, 0, 1, 1, 0, 1, 1, 1);
    executed(f, 1, 1, 1, 1, 1, 1, 1);
    assert_only(f, "O3", 1, 1);
}
static void test_other_state_at_a_checkpoint_fires(void **state)
{
    note_digest(*state, 0, NIKA_NOTE_CHECKPOINT, 8, 0, 1, 0);
    note_digest(*state, 1, NIKA_NOTE_STABLE, 8, 0, 1, 0x7);
    note_digest(*state, 2, NIKA_NOTE_TRANSFER, 8, 0, 2, 0); /* Only started: no claim. */
    assert_int_equal(violations(*state), 0);
    note_digest(*state, 3, NIKA_NOTE_CHECKPOINT, 8, 0, 2, 0);
    assert_only(*state, "O4", 3, 8);
}
static void test_transferred_state_must_be_the_stable_one(void **state)
{
    note_digest(*state, 0, NIKA_NOTE_STABLE, 16, 0, 1, 0x7);
    note_digest(*state, 2, NIKA_NOTE_TRANSFER, 16, 1, 2, 0);
    assert_only(*state, "O4", 2, 16);
}
static void test_wrong_result_at_a_replica_breaks_linearizability(void **state)
{
    struct fixture *f = *state;
    request(f, 0, 1, 1);
    executed(f, 1, 1, 1, 0, 1, 1, 99);
    assert_only(f, "O5", 1, 1);
}
static void test_wrong_result_at_a_client_breaks_linearizability(void **state)
{
    struct fixture *f = *state;
    clean_run(f, 1, 3);
    invoked(f, 0, 4, "a\1", 2, 0);
    request(f, 0, 4, 1);
    executed(f, 1, 4, 4, 0, 4, 1, 4);
    completed(f, 0, 4, 4, 3);
    assert_only(f, "O5", nika_client_node(0), 4);
}
static void test_completion_of_what_nobody_executed_fires(void **state)
{
    invoked(*state, 1, 1, "a\1", 2, 0);
    completed(*state, 1, 1, 1, 1);
    assert_only(*state, "O5", nika_client_node(1), 1);
}
static void test_order_against_real_time_fires(void **state)
{
    struct fixture *f = *state;
    invoked(f, 0, 1, "a\1", 2, 0);
    request(f, 0, 1, 1);
    request(f, 1, 1, 5);
    executed(f, 0, 1, 1, 1, 1, 5, 5);
    executed(f, 0, 2, 2, 0, 1, 1, 6);
    completed(f, 0, 1, 2, 6);
    invoked(f, 1, 1, "a\5", 2, 0); /* Begins after seq 2 completed ... */
    completed(f, 1, 1, 1, 5);      /* ... and was ordered before it. */
    assert_only(f, "O5", nika_client_node(1), 1);
}
static void test_queue_at_its_bound_is_silent_and_above_fires(void **state)
{
    note(*state, 1, NIKA_NOTE_QUEUE, NIKA_QUEUE_SLOTS, 32, NULL, 0);
    note(*state, 1, NIKA_NOTE_QUEUE, NIKA_QUEUE_CHECKPOINTS, 24, NULL, 0);
    note(*state, 1, NIKA_NOTE_QUEUE, NIKA_QUEUE_FETCHES, 8, NULL, 0);
    assert_int_equal(violations(*state), 0);
    note(*state, 1, NIKA_NOTE_QUEUE, NIKA_QUEUE_CHECKPOINTS, 25, NULL, 0);
    assert_only(*state, "O9", 1, 25);
    assert_false(
        nika_oracles_broken(((struct fixture *)*state)->oracles)); /* A bound is not safety. */
}
static void test_alarm_fires_only_within_the_fault_budget(void **state)
{
    note(*state, 1, NIKA_NOTE_ALARM, 1, 7, NULL, 0);
    assert_only(*state, "O11", 1, 7);
    struct fixture f;
    fixture_prepare(&f);
    f.setup.byzantine_count = 2;
    fixture_start(&f);
    note(&f, 1, NIKA_NOTE_ALARM, 1, 7, NULL, 0);
    assert_int_equal(violations(&f), 0);
    fixture_end(&f);
}
static void test_broken_app_invariant_fires(void **state)
{
    struct fixture *f = *state;
    request(f, 0, 1, 1);
    f->live.value = 1001;
    executed(f, 2, 1, 1, 0, 1, 1, 1);
    assert_only(f, "O12", 2, 1);
}
static void test_corrupted_replica_is_neither_judged_nor_a_reference(void **state)
{
    (void)state;
    struct fixture f;
    fixture_prepare(&f);
    f.setup.corrupted[0] = 1;
    fixture_start(&f);
    executed(&f, 0, 1, 0xee, 2, 9, 9, 9);
    note_digest(&f, 0, NIKA_NOTE_STABLE, 8, 0, 0xee, 1);
    note(&f, 0, NIKA_NOTE_QUEUE, NIKA_QUEUE_SLOTS, 99, NULL, 0);
    sent(&f, 0, NIKA_MESSAGE_PREPARE, 0, 1, 1);
    sent(&f, 0, NIKA_MESSAGE_PREPARE, 0, 1, 2);
    request(&f, 0, 1, 1);
    executed(&f, 1, 1, 1, 0, 1, 1, 1);
    note_digest(&f, 1, NIKA_NOTE_STABLE, 8, 0, 1, 0x7);
    assert_int_equal(violations(&f), 0);
    executed(&f, 2, 1, 2, 0, 1, 1, 1);
    assert_only(&f, "O1", 2, 1);
    fixture_end(&f);
}
static void test_first_violation_of_a_node_is_kept(void **state)
{
    struct fixture *f = *state;
    for (uint64_t s = 1; s <= 40; s++) note_digest(f, 1, NIKA_NOTE_COMMITTED, s, 0, 1, 0x1);
    assert_only(f, "O1", 1, 1);
}
static void test_disabled_oracle_is_silent(void **state)
{
    (void)state;
    struct fixture f;
    fixture_prepare(&f);
    f.setup.enabled = 1u << 3;
    fixture_start(&f);
    note_digest(&f, 0, NIKA_NOTE_COMMITTED, 5, 0, 1, 0x3);
    assert_int_equal(violations(&f), 0);
    note_digest(&f, 0, NIKA_NOTE_STABLE, 8, 0, 1, 0x3);
    assert_only(&f, "O4", 0, 8);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(test_clean_run_over_many_windows_is_silent),
        WITH_FIXTURE(test_two_batches_at_one_seq_break_agreement),
        WITH_FIXTURE(test_two_certificates_at_one_seq_break_agreement_before_execution),
        WITH_FIXTURE(test_certificate_with_too_few_signers_breaks_agreement),
        WITH_FIXTURE(test_skipped_seq_breaks_the_prefix_rule_unless_restored),
        WITH_FIXTURE(test_restart_may_execute_again_but_not_ahead),
        WITH_FIXTURE(test_request_never_sent_breaks_validity),
        cmocka_unit_test(test_corrupted_client_may_ask_for_anything),
        WITH_FIXTURE(test_same_timestamp_at_two_seqs_breaks_exactly_once),
        WITH_FIXTURE(test_other_effects_of_one_batch_break_exactly_once),
        WITH_FIXTURE(test_other_state_at_a_checkpoint_fires),
        WITH_FIXTURE(test_transferred_state_must_be_the_stable_one),
        WITH_FIXTURE(test_wrong_result_at_a_replica_breaks_linearizability),
        WITH_FIXTURE(test_wrong_result_at_a_client_breaks_linearizability),
        WITH_FIXTURE(test_completion_of_what_nobody_executed_fires),
        WITH_FIXTURE(test_order_against_real_time_fires),
        WITH_FIXTURE(test_queue_at_its_bound_is_silent_and_above_fires),
        WITH_FIXTURE(test_alarm_fires_only_within_the_fault_budget),
        WITH_FIXTURE(test_broken_app_invariant_fires),
        cmocka_unit_test(test_corrupted_replica_is_neither_judged_nor_a_reference),
        WITH_FIXTURE(test_first_violation_of_a_node_is_kept),
        cmocka_unit_test(test_disabled_oracle_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
