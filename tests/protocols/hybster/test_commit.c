/* HC1-HC3: what counts as a follower's vote, and when an order is final (PROTOCOLS.md 2.3). */
#include "tests/protocols/hybster/build.h"

#define SELF 2u

static bool voted(const struct fixture *f, uint64_t seq, uint32_t sender)
{
    const struct hybster_slot *slot = hybster_slot_find(f->replica, seq);
    return slot != NULL && hybster_vote_at(f->replica, slot, sender)->present;
}

static void give(struct fixture *f, struct build_order spec)
{
    spec.commit = true;
    assert_true(fixture_give(f, build_order(f, &spec)));
}

static void test_hc1_leader_sends_no_commit(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    give(f, (struct build_order){.sender = 0, .seq = 1, .digest = build_digest(1)});
    assert_int_equal(f->rejects[NIKA_CHECK_HC1], 1);
    assert_false(voted(f, 1, 0));
    give(f, (struct build_order){.sender = SELF, .seq = 1, .digest = build_digest(1)});
    assert_int_equal(f->rejects[NIKA_CHECK_HC1], 2);
    give(f, (struct build_order){.sender = 1, .seq = 1, .digest = build_digest(1)});
    assert_int_equal(f->rejects[NIKA_CHECK_HC1], 2);
    assert_true(voted(f, 1, 1));
    fixture_free(f);
}

static void test_hc2_view_window_and_certificate(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    give(f, (struct build_order){.sender = 1, .view = 3, .seq = 1, .digest = build_digest(1)});
    give(f, (struct build_order){.sender = 1, .seq = 0, .digest = build_digest(1)});
    give(f, (struct build_order){.sender = 1, .seq = 9, .digest = build_digest(1)});
    assert_int_equal(f->rejects[NIKA_CHECK_HC2], 3);
    for (uint32_t flaw = FLAW_NONE + 1; flaw < FLAW_COUNT; flaw++) {
        give(f,
             (struct build_order){
                 .sender = 1, .seq = 1, .digest = build_digest(1), .flaw = (enum build_flaw)flaw});
        assert_int_equal(f->rejects[NIKA_CHECK_HC2], 3 + flaw);
        assert_false(voted(f, 1, 1));
    }
    give(f, (struct build_order){.sender = 1, .seq = 1, .digest = build_digest(1)});
    assert_true(voted(f, 1, 1));
    assert_int_equal(f->rejects[NIKA_CHECK_HC2], 3 + FLAW_COUNT - 1);
    fixture_free(f);
}

static void test_hc3_one_vote_per_sender(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    struct build_order spec = {.sender = 1, .seq = 1, .digest = build_digest(1)};
    give(f, spec);
    give(f, spec);
    assert_int_equal(f->rejects[NIKA_CHECK_HC3], 0);
    spec.digest = build_digest(2);
    spec.flaw = FLAW_MAC;
    give(f, spec);
    assert_int_equal(f->rejects[NIKA_CHECK_HC3], 1);
    assert_int_equal(f->alarms, 0); /* Anybody can write this. */
    spec.flaw = FLAW_NONE;
    give(f, spec);
    assert_int_equal(f->rejects[NIKA_CHECK_HC3], 2);
    assert_int_equal(f->evidence, 1);
    assert_int_equal(f->alarms, 1);
    fixture_free(f);
}

static void test_hc3_vote_is_for_the_prepares_digest(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    (void)build_ordered(f, 1);
    struct nika_digest other = build_digest(9), digest;
    build_commit(f, 1, 0, 1, &other);
    assert_int_equal(f->rejects[NIKA_CHECK_HC3], 1);
    assert_false(voted(f, 1, 1));
    digest = hybster_slot_find(f->replica, 1)->base.digest;
    build_commit(f, 1, 0, 1, &digest);
    assert_true(voted(f, 1, 1));
    fixture_free(f);
}

/* qh = 2 of 3: the leader's PREPARE and the own COMMIT. A vote that came before the PREPARE with another digest counts for nothing. */
static void test_committed_with_a_majority(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    struct nika_digest other = build_digest(9);
    build_commit(f, 1, 0, 1, &other);
    assert_int_equal(f->replica->core.last_executed, 0);
    (void)build_ordered(f, 1);
    assert_int_equal(f->replica->core.last_executed, 1);
    assert_int_equal(hybster_slot_find(f->replica, 1)->commit_count, 1);
    (void)build_ordered(f, 2);
    assert_int_equal(f->replica->core.last_executed, 2);
    fixture_free(f);
}

/* Is this COMMIT worth a call to the trusted subsystem? */
static bool needed(struct fixture *f, struct build_order spec)
{
    struct nika_frame frame;
    struct fixture_bytes bytes = build_order(f, &spec);
    assert_int_equal(
        nika_frame_parse(fixture_span(bytes), f->config.epoch, NIKA_CONTROL_SIZE_MAX, &frame),
        NIKA_OK);
    bool needs = nika_replica_hybster.needs(f->replica, &frame);
    free(bytes.data);
    return needs;
}

static void test_votes_beyond_a_majority_are_not_verified(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    struct build_order spec = {.commit = true, .sender = 1, .seq = 1, .digest = build_digest(1)};
    assert_true(needed(f, spec)); /* No PREPARE yet. */
    spec.digest = build_ordered(f, 1);
    assert_false(needed(f, spec)); /* The leader's vote and the own one are a majority. */
    spec.digest = build_digest(1);
    assert_true(needed(f, spec)); /* It contradicts. */
    spec.seq = 2;
    assert_true(needed(f, spec));
    spec.seq = 1;
    spec.view = 1;
    assert_true(needed(f, spec));
    assert_true(needed(f, (struct build_order){.sender = 0, .seq = 1})); /* A PREPARE. */
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hc1_leader_sends_no_commit),
        cmocka_unit_test(test_hc2_view_window_and_certificate),
        cmocka_unit_test(test_hc3_one_vote_per_sender),
        cmocka_unit_test(test_hc3_vote_is_for_the_prepares_digest),
        cmocka_unit_test(test_committed_with_a_majority),
        cmocka_unit_test(test_votes_beyond_a_majority_are_not_verified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
