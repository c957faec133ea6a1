/* TSG, TSR: a replica whose trusted subsystem is gone or was rolled back votes for nothing any more (PROTOCOLS.md 2.5, 2.8). */
#include "tests/protocols/hybster/build.h"

#define SELF 2u

static void test_tsg_without_trusted_subsystem_no_votes(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    struct build_order spec = {.sender = 0, .seq = 2};
    (void)build_ordered(f, 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_commit], 1);
    struct fixture_bytes body = build_batch(f, 2, f->now_ns + 2, false, &spec.digest);
    assert_true(fixture_give(f, build_order(f, &spec)));
    f->trusted_gone = true;
    build_give_batch(f, 0, body);
    assert_int_equal(f->rejects[NIKA_CHECK_TSG], 1);
    assert_true(f->replica->halted);
    assert_int_equal(f->sent[HYBSTER_TYPE_commit], 1);
    assert_int_equal(f->alarms, 0); /* Its own failure says nothing about others. */
    /* It came back: the replica does not go on as if nothing had been. */
    f->trusted_gone = false;
    (void)build_ordered(f, 3);
    assert_int_equal(f->sent[HYBSTER_TYPE_commit], 1);
    assert_int_equal(f->rejects[NIKA_CHECK_TSG], 1);
    fixture_free(f);
}

/* A follower that only listens asks its trusted subsystem, too: that nobody is there accuses no sender. */
static void test_tsg_when_it_cannot_judge(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    struct build_order spec = {.sender = 0, .seq = 1, .digest = build_digest(1)};
    spec.flaw = FLAW_MAC;
    assert_true(fixture_give(f, build_order(f, &spec)));
    assert_int_equal(f->rejects[NIKA_CHECK_HP4], 1);
    assert_false(f->replica->halted);
    spec.flaw = FLAW_NONE;
    f->trusted_gone = true;
    assert_true(fixture_give(f, build_order(f, &spec)));
    assert_true(f->replica->halted);
    assert_int_equal(f->rejects[NIKA_CHECK_TSG], 1);
    uint32_t accused = f->rejects[NIKA_CHECK_HP4];
    spec.seq = 2;
    assert_true(fixture_give(f, build_order(f, &spec)));
    assert_int_equal(f->rejects[NIKA_CHECK_HP4], accused);
    assert_int_equal(f->rejects[NIKA_CHECK_TSG], 1);
    fixture_free(f);
}

/* The trusted subsystem has counted as far as it goes: nothing greater can be asked of it, and the replica stops rather than wrap. */
static void test_tsg_counter_at_its_end(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    (void)build_ordered(f, 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_commit], 1);
    f->instance.counter[HYBSTER_COUNTER_ORDER].last.value =
        (struct nika_trusted_value){UINT64_MAX, UINT64_MAX};
    (void)build_ordered(f, 2);
    assert_int_equal(f->sent[HYBSTER_TYPE_commit], 1);
    assert_int_equal(f->rejects[NIKA_CHECK_TSG], 1);
    assert_true(f->replica->halted);
    fixture_free(f);
}

static void test_tsg_at_start(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    (void)build_ordered(f, 1);
    f->trusted_gone = true;
    fixture_restart(f);
    assert_int_equal(f->rejects[NIKA_CHECK_TSG], 1);
    assert_true(f->replica->halted);
    f->trusted_gone = false;
    fixture_restart(f);
    assert_int_equal(f->rejects[NIKA_CHECK_TSG], 1);
    assert_false(f->replica->halted);
    fixture_free(f);
}

static void test_tsr_counter_behind_the_log(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    struct nika_trusted_instance old, present;
    (void)build_ordered(f, 1);
    old = f->instance;
    (void)build_ordered(f, 2);
    present = f->instance;
    f->instance = old;
    fixture_restart(f);
    assert_int_equal(f->rejects[NIKA_CHECK_TSR], 1);
    assert_int_equal(f->alarms, 1);
    assert_true(f->replica->halted);
    uint32_t commits = f->sent[HYBSTER_TYPE_commit];
    (void)build_ordered(f, 3);
    assert_int_equal(f->sent[HYBSTER_TYPE_commit], commits);
    /* The twin: the same crash without the rollback. */
    f->instance = present;
    fixture_restart(f);
    assert_int_equal(f->rejects[NIKA_CHECK_TSR], 1);
    assert_false(f->replica->halted);
    (void)build_ordered(f, 3);
    assert_int_equal(f->sent_seq[f->sent_seq_count - 1], 3);
    fixture_free(f);
}

/* 2.5: the counter moved and the COMMIT was lost. The trusted subsystem gives the same certificate again. */
static void test_lost_commit_is_reissued(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    (void)build_ordered(f, 1);
    fixture_lose(f, HYBSTER_RECORD_COMMIT);
    struct nika_trusted_value before = fixture_counter(f, 0);
    fixture_restart(f);
    assert_false(f->replica->halted);
    assert_int_equal(f->sent_seq_count, 2);
    assert_int_equal(f->sent_seq[1], 1);
    assert_int_equal(nika_trusted_compare(before, fixture_counter(f, 0)), 0);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tsg_without_trusted_subsystem_no_votes),
        cmocka_unit_test(test_tsg_when_it_cannot_judge),
        cmocka_unit_test(test_tsg_counter_at_its_end),
        cmocka_unit_test(test_tsg_at_start),
        cmocka_unit_test(test_tsr_counter_behind_the_log),
        cmocka_unit_test(test_lost_commit_is_reissued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
