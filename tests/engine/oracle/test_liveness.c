/* tests/engine/oracle/test_liveness.c: the bound B by hand, and O10 on both sides of it. */
#include "tests/engine/oracle/fixture.h"

static void start_with_gst(struct fixture *f, uint64_t gst_ns)
{
    fixture_prepare(f);
    f->setup.gst_ns = gst_ns;
    fixture_start(f);
}

static void test_bound_equals_the_hand_computed_value(void **state)
{
    struct fixture *f = *state;
    /* step = 13; need = 11*13 + 5 + 100 + 200 = 448; T_0 = 500 >= need, so k* = 0; GST = 0 gives k0 = 0.
     * 500 + 1000 (T_0, T_1) + 500 + 2*(10 + 200) + 448 + 300 + 2*100 + 16*800 = 16168 ms. */
    f->setup.gst_ns = 0;
    assert_int_equal(nika_liveness_bound(&f->setup), 16168 * MS);
    /* GST = 1600: T_0 + T_1 = 1500 fit, T_2 does not, so k = 2: sum = 500+1000+2000+4000, (2+1+1) rounds. */
    f->setup.gst_ns = 1600 * MS;
    assert_int_equal(nika_liveness_bound(&f->setup),
                     (7500 + 500 + 4 * 210 + 448 + 300 + 200 + 12800) * MS);
    /* Delta = 100: step = 103, need = 1438, k* = 2 (2000 >= 1438). */
    f->setup.gst_ns = 0;
    f->setup.delay_bound_ns = 100 * MS;
    assert_int_equal(nika_liveness_bound(&f->setup),
                     (7500 + 500 + 4 * 300 + 1438 + 300 + 200 + 12800) * MS);
    /* The cap on doublings holds: T_i = 500 for all i. */
    f->config.backoff_max = 0;
    assert_int_equal(nika_liveness_bound(&f->setup),
                     (1000 + 500 + 2 * 300 + 1438 + 300 + 200 + 12800) * MS);
}

static void test_operation_completed_at_the_bound_is_silent_and_a_later_one_fires(void **state)
{
    (void)state;
    struct fixture f;
    start_with_gst(&f, 100 * MS);
    uint64_t bound = nika_liveness_bound(&f.setup);
    f.now_ns = 50 * MS;
    invoked(&f, 1, 7, "r", 1, 0);
    f.now_ns = 100 * MS + bound - 1;
    simple(&f, NIKA_TAP_TIMER, 0, 0);
    assert_int_equal(violations(&f), 0);
    f.status[0] = (struct nika_replica_status){.view = 4,
                                               .active = true,
                                               .last_executed = 16,
                                               .wait = NIKA_WAIT_COMMITS,
                                               .wait_detail = 2};
    f.now_ns += 1;
    simple(&f, NIKA_TAP_TIMER, 0, 0);
    assert_only(&f, "O10", nika_client_node(1), 0);
    const struct nika_violation *v;
    (void)nika_oracles_violations(f.oracles, &v);
    assert_non_null(
        strstr(v->sentence, "replica 0 waits for 3 COMMITs at seq 17 in view 4 (holds 2)"));
    assert_non_null(strstr(v->sentence, "not excusable"));
    assert_false(nika_oracles_broken(f.oracles));
    fixture_end(&f);
}
static void test_completed_operations_leave_nothing_to_judge(void **state)
{
    (void)state;
    struct fixture f;
    start_with_gst(&f, 0);
    for (uint64_t i = 1; i <= 100; i++) {
        f.now_ns = i * 1000 * MS;
        invoked(&f, 1, i, "a\1", 2, 0);
        request(&f, 1, i, 1);
        executed(&f, 0, i, (uint8_t)i, 1, i, 1, i);
        completed(&f, 1, i, i, i);
    }
    nika_oracles_finish(f.oracles, f.now_ns + 1000000 * MS);
    assert_int_equal(violations(&f), 0);
    fixture_end(&f);
}
static void
test_stall_is_judged_at_the_end_of_the_run_and_excusable_when_too_many_are_down(void **state)
{
    (void)state;
    struct fixture f;
    start_with_gst(&f, 0);
    invoked(&f, 2, 1, "r", 1, 0);
    f.down[1] = f.down[2] = true;
    nika_oracles_finish(f.oracles, nika_liveness_bound(&f.setup));
    assert_only(&f, "O10", nika_client_node(2), 0);
    const struct nika_violation *v;
    (void)nika_oracles_violations(f.oracles, &v);
    assert_non_null(strstr(v->sentence, "(excusable: 2 of 4 replicas are faulty or down)"));
    fixture_end(&f);
}
static void test_without_gst_nothing_is_judged(void **state)
{
    struct fixture *f = *state;
    invoked(f, 2, 1, "r", 1, 0);
    nika_oracles_finish(f->oracles, UINT64_MAX - 1);
    assert_int_equal(violations(f), 0);
}
static void test_corrupted_client_and_no_reply_operations_are_not_owed_an_answer(void **state)
{
    (void)state;
    struct fixture f;
    fixture_prepare(&f);
    f.setup.gst_ns = 0;
    f.setup.corrupted_clients[0] = 1;
    fixture_start(&f);
    invoked(&f, 0, 1, "r", 1, 0);
    invoked(&f, 1, 1, "r", 1, NIKA_OP_NO_REPLY);
    nika_oracles_finish(f.oracles, UINT64_MAX - 1);
    assert_int_equal(violations(&f), 0);
    fixture_end(&f);
}
static void test_replica_below_the_stable_checkpoint_fires_unless_it_restarted_late(void **state)
{
    (void)state;
    struct fixture f;
    start_with_gst(&f, 0);
    uint64_t bound = nika_liveness_bound(&f.setup);
    f.now_ns = 10 * MS;
    note_digest(&f, 0, NIKA_NOTE_STABLE, 8, 0, 1, 0x7);
    f.now_ns = 20 * MS;
    simple(&f, NIKA_TAP_RESTARTED, 3, 0);
    for (uint32_t r = 0; r < 4; r++) f.status[r].last_executed = r >= 2 ? 7 : 8;
    f.down[2] = false;
    f.now_ns = 10 * MS + bound - 1;
    simple(&f, NIKA_TAP_TIMER, 0, 0);
    assert_int_equal(violations(&f), 0);
    f.now_ns += 1;
    simple(&f, NIKA_TAP_TIMER, 0, 0);
    assert_only(&f, "O10", 2, 8);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(test_bound_equals_the_hand_computed_value),
        cmocka_unit_test(test_operation_completed_at_the_bound_is_silent_and_a_later_one_fires),
        cmocka_unit_test(test_completed_operations_leave_nothing_to_judge),
        cmocka_unit_test(
            test_stall_is_judged_at_the_end_of_the_run_and_excusable_when_too_many_are_down),
        WITH_FIXTURE(test_without_gst_nothing_is_judged),
        cmocka_unit_test(test_corrupted_client_and_no_reply_operations_are_not_owed_an_answer),
        cmocka_unit_test(test_replica_below_the_stable_checkpoint_fires_unless_it_restarted_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
