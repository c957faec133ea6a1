/* tests/engine/oracle/test_reads.c: O5 on the read-only path: fresh, concurrent and stale reads. */
#include "tests/engine/oracle/fixture.h"

static int reads_setup(void **state)
{
    struct fixture *f = malloc(sizeof *f);
    assert_non_null(f);
    fixture_prepare(f);
    f->config.read_only = true;
    fixture_start(f);
    *state = f;
    return 0;
}
/* Client 0 adds 1 at `seq`; completed when `done`. */
static void add_one(struct fixture *f, uint64_t seq, bool done)
{
    invoked(f, 0, seq, "a\1", 2, 0);
    request(f, 0, seq, 1);
    executed(f, 0, seq, (uint8_t)seq, 0, seq, 1, seq);
    if (done) completed(f, 0, seq, seq, seq);
}

static void test_read_of_the_newest_completed_state_is_silent_and_a_stale_one_fires(void **state)
{
    struct fixture *f = *state;
    for (uint64_t s = 1; s <= 5; s++) add_one(f, s, true);
    invoked(f, 1, 1, "r", 1, NIKA_OP_READ_ONLY);
    completed(f, 1, 1, 0, 5);
    assert_int_equal(violations(f), 0);
    invoked(f, 1, 2, "r", 1, NIKA_OP_READ_ONLY);
    completed(f, 1, 2, 0, 4);
    assert_only(f, "O5", nika_client_node(1), 5);
}
static void test_concurrent_read_may_see_any_state_of_its_time(void **state)
{
    struct fixture *f = *state;
    for (uint64_t s = 1; s <= 3; s++) add_one(f, s, true);
    add_one(f, 4, false); /* Executed, not completed: a read may see 3 or 4. */
    invoked(f, 1, 1, "r", 1, NIKA_OP_READ_ONLY);
    invoked(f, 2, 1, "r", 1, NIKA_OP_READ_ONLY);
    completed(f, 1, 1, 0, 4);
    completed(f, 2, 1, 0, 3);
    nika_oracles_finish(f->oracles, 1);
    assert_int_equal(violations(f), 0);
}
static void test_read_from_the_future_fires_when_the_states_have_passed(void **state)
{
    struct fixture *f = *state;
    add_one(f, 1, true);
    add_one(f, 2, false);
    invoked(f, 1, 1, "r", 1, NIKA_OP_READ_ONLY);
    completed(f, 1, 1, 0, 3); /* Nobody is there yet. */
    assert_int_equal(violations(f), 0);
    nika_oracles_finish(f->oracles, 1);
    assert_only(f, "O5", nika_client_node(1), 2);
}
static void test_read_that_fell_back_to_ordering_is_judged_as_ordered(void **state)
{
    struct fixture *f = *state;
    add_one(f, 1, true);
    invoked(f, 1, 9, "a\1", 2, NIKA_OP_READ_ONLY);
    request(f, 1, 9, 1);
    executed(f, 0, 2, 2, 1, 9, 1, 2);
    completed(f, 1, 9, 2, 2);
    nika_oracles_finish(f->oracles, 1);
    assert_int_equal(violations(f), 0);
}
static void test_reads_beyond_what_is_kept_never_alarm(void **state)
{
    struct fixture *f = *state;
    static const uint8_t long_op[2000];
    add_one(f, 1, true);
    invoked(f, 1, 1, long_op, sizeof long_op, NIKA_OP_READ_ONLY);
    completed(f, 1, 1, 0, 77);
    for (uint64_t t = 2; t < 200; t++)
        invoked(f, 1, t, "r", 1, NIKA_OP_READ_ONLY); /* Never completed. */
    completed(f, 1, 199, 0, 77);
    nika_oracles_finish(f->oracles, 1);
    assert_int_equal(violations(f), 0);
}
static void test_log_of_many_batches_wraps_without_alarm(void **state)
{
    struct fixture *f = *state;
    for (uint64_t s = 1; s <= 30000; s++) {
        add_one(f, s, s % 3 == 0 && s < 15000); /* Later nothing completes, so the log fills. */
    }
    invoked(f, 1, 1, "r", 1, NIKA_OP_READ_ONLY);
    completed(f, 1, 1, 0, 30000);
    nika_oracles_finish(f->oracles, 1);
    assert_int_equal(violations(f), 0);
}

#define WITH_READS(test) cmocka_unit_test_setup_teardown(test, reads_setup, fixture_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_READS(test_read_of_the_newest_completed_state_is_silent_and_a_stale_one_fires),
        WITH_READS(test_concurrent_read_may_see_any_state_of_its_time),
        WITH_READS(test_read_from_the_future_fires_when_the_states_have_passed),
        WITH_READS(test_read_that_fell_back_to_ordering_is_judged_as_ordered),
        WITH_READS(test_reads_beyond_what_is_kept_never_alarm),
        WITH_READS(test_log_of_many_batches_wraps_without_alarm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
