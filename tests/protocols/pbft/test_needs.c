/* tests/protocols/pbft/test_needs.c: a vote is needed until a quorum stands, and one that contradicts is always (PROTOCOLS.md 5: verify none
 * that a quorum no longer needs). */
#include "protocols/pbft/describe.h"
#include "tests/protocols/pbft/fixture.h"

/* Would replica `f` want this vote of `sender`? */
static bool needs(struct fixture *f, const struct nika_message_info *info, uint32_t sender,
                  uint64_t view, uint64_t seq, const struct nika_digest *d)
{
    const struct pbft_commit m = {.view = view, .seq = seq, .digest = *d};
    struct nika_frame frame;
    struct cluster_bytes bytes = cluster_frame(f->c, sender, 1, info, &m);
    assert_int_equal(nika_frame_parse((struct nika_span){bytes.data, bytes.size},
                                      f->c->config.epoch, NIKA_MESSAGE_SIZE_MAX, &frame),
                     NIKA_OK);
    bool needed = pbft_needs(fixture_replica(f), &frame);
    free(bytes.data);
    return needed;
}

static void test_a_commit_is_needed_until_q_agree(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_order(&f, 1), other = fixture_digest(4);
    fixture_commit(&f, 0, 0, 1, &d);
    fixture_commit(&f, 2, 0, 1, &d);
    assert_true(needs(&f, &pbft_info_commit, 3, 0, 1, &d));
    fixture_commit(&f, 3, 0, 1, &d);
    assert_false(needs(&f, &pbft_info_commit, 3, 0, 1, &d));
    assert_true(needs(&f, &pbft_info_commit, 3, 0, 1, &other)); /* Evidence. */
    assert_true(needs(&f, &pbft_info_commit, 3, 1, 1, &d));     /* It may be behind. */
    assert_true(needs(&f, &pbft_info_commit, 3, 0, 2, &d));
    fixture_free(&f);
}

static void test_a_prepare_is_needed_until_the_order_is_prepared(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_digest(1);
    assert_true(needs(&f, &pbft_info_prepare, 2, 0, 1, &d)); /* Before the order itself. */
    d = fixture_order(&f, 1);
    uint32_t before = fixture_slot(&f, 1)->prepare_count;
    assert_true(before + 1 < 3);
    assert_true(needs(&f, &pbft_info_prepare, 2, 0, 1, &d));
    fixture_prepare(&f, 2, 0, 1, &d);
    assert_int_equal(fixture_slot(&f, 1)->prepare_count, before + 1);
    assert_int_equal(needs(&f, &pbft_info_prepare, 3, 0, 1, &d), before + 2 < 3);
    fixture_free(&f);
}

static void test_below_the_stable_checkpoint_no_vote_is_needed(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_digest(1);
    fixture_replica(&f)->core.low_mark = 4;
    assert_false(needs(&f, &pbft_info_commit, 3, 0, 4, &d));
    assert_true(needs(&f, &pbft_info_commit, 3, 0, 5, &d));
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_commit_is_needed_until_q_agree),
        cmocka_unit_test(test_a_prepare_is_needed_until_the_order_is_prepared),
        cmocka_unit_test(test_below_the_stable_checkpoint_no_vote_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
