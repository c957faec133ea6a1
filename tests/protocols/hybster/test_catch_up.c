/* What a replica that missed orders, or lost its log, learns again before it votes (PROTOCOLS.md 2.3 HP6, 2.5; AMN). */
#include "tests/protocols/hybster/build.h"

#define SELF 2u

/* Replica 1 shows that `seq` is final in view 0: the leader's PREPARE and its own COMMIT. */
static void give_cert(struct fixture *f, uint64_t seq, const struct nika_digest *digest)
{
    struct build_order order = {.sender = 0, .seq = seq, .digest = *digest};
    struct fixture_bytes prepare = build_order(f, &order);
    order.sender = 1;
    order.commit = true;
    struct fixture_bytes commit = build_order(f, &order);
    uint8_t room[2048], body[4096];
    struct hybster_commit_cert m = {.prepare = fixture_span(prepare)};
    struct nika_writer frames = nika_writer_of(room, sizeof room);
    nika_frames_append(&frames, &m.commits, fixture_span(commit));
    struct nika_writer w = nika_writer_of(body, sizeof body);
    nika_encode(&hybster_info_commit_cert, &m, &w);
    assert_false(w.failed);
    assert_true(fixture_give(
        f, fixture_frame(f, 1, &hybster_info_commit_cert, (struct nika_span){body, w.at})));
    free(prepare.data);
    free(commit.data);
}

/* The order and its batch as they were, long after all have executed it. */
static void show_final(struct fixture *f, uint64_t seq)
{
    struct nika_digest digest;
    struct fixture_bytes batch = build_batch(f, seq, f->now_ns + seq, false, &digest);
    give_cert(f, seq, &digest);
    build_give_batch(f, 1, batch);
}

static void lose_log(struct fixture *f)
{
    for (uint32_t i = 0; i < f->log_count; i++) f->log[i].kind = i == 0 ? NIKA_RECORD_AMNESIA : 0;
    fixture_restart(f);
}

/* HP6 asks for every PREPARE below; peers show none of what is executed, and one of them may be gone. */
static void test_vote_after_catching_up_by_certificate(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    show_final(f, 1);
    show_final(f, 2);
    assert_int_equal(f->replica->core.last_executed, 2);
    (void)build_ordered(f, 3);
    assert_int_equal(f->sent_seq_count, 3);
    for (uint32_t i = 0; i < 3; i++) assert_int_equal(f->sent_seq[i], i + 1);
    fixture_free(f);
}

/* The twin: a gap that nothing fills still holds up what follows. */
static void test_hp6_gap_still_holds_up(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    show_final(f, 1);
    (void)build_ordered(f, 3);
    assert_int_equal(f->sent_seq_count, 1);
    assert_int_equal(f->sent_seq[0], 1);
    fixture_free(f);
}

static void test_lost_log_is_silent_until_it_is_learned_again(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    (void)build_ordered(f, 1);
    (void)build_ordered(f, 2);
    assert_int_equal(f->sent_seq_count, 2);
    lose_log(f);
    assert_true(f->replica->core.amnesiac);
    assert_int_equal(f->replica->pillars[0].counter.order, 2);
    /* A new order, and one of the two that it forgot: neither is voted for. */
    (void)build_ordered(f, 3);
    show_final(f, 1);
    assert_true(f->replica->core.amnesiac);
    assert_int_equal(f->sent_seq_count, 2);
    /* It may not leave the view either: its VIEW-CHANGE would hide that it took part in 2. */
    assert_false(hybster_accounts(f->replica));
    show_final(f, 2);
    assert_false(f->replica->core.amnesiac);
    assert_int_equal(f->sent_seq_count, 3);
    assert_int_equal(f->sent_seq[2], 3);
    assert_int_equal(fixture_counter(f, 0).order, 3);
    fixture_free(f);
}

/* It never used its counter: then there is nothing that it could have forgotten. */
static void test_lost_log_without_votes_is_no_loss(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    lose_log(f);
    assert_false(f->replica->core.amnesiac);
    (void)build_ordered(f, 1);
    assert_int_equal(f->sent_seq_count, 1);
    fixture_free(f);
}

/* The leader is given up: the VIEW-CHANGE for view 1 is certified. */
static void give_up(struct fixture *f)
{
    assert_true(fixture_give(f, build_request(f, 0, 9)));
    assert_true(fixture_fire(f, COMMON_TIMER_REQUEST));
    assert_int_equal(fixture_counter(f, 0).view, 1);
}

/* What it shows now leads from [0|1] over the lost VIEW-CHANGE to view 2. */
static void check_followed(const struct fixture *f)
{
    const struct nika_replica *r = f->replica;
    assert_false(r->halted);
    assert_int_equal(r->core.view, 2);
    assert_false(r->core.active);
    assert_int_equal(r->pillars[0].hop_count, 2);
    assert_true(r->core.my_view_change != 0);
    assert_int_equal(fixture_counter(f, 0).view, 2);
    assert_int_equal(f->instance.counter[HYBSTER_COUNTER_ORDER].last.previous.view, 1);
    assert_int_equal(f->sent_seq_count, 1);
}

/* Killed after the counter had moved and before the VIEW-CHANGE was stored: no order of view 0 can be certified any more. */
static void test_lost_view_change(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    (void)build_ordered(f, 1);
    give_up(f);
    fixture_lose(f, HYBSTER_RECORD_VIEW_CHANGE);
    fixture_restart(f);
    check_followed(f);
    fixture_free(f);
}

static void test_lost_log_above_the_view(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    (void)build_ordered(f, 1);
    give_up(f);
    lose_log(f);
    assert_true(f->replica->core.amnesiac);
    (void)build_ordered(f, 2);
    assert_true(f->replica->core.amnesiac);
    show_final(f, 1);
    assert_false(f->replica->core.amnesiac);
    check_followed(f);
    fixture_free(f);
}

/* What it lacked comes while a NEW-VIEW is on its way to the disk, which may be there already: its counter stands in view 1, and to go on
 * from there would lead to a view below that one. It enters first, and may vote then. */
static void test_lost_log_enters_what_is_on_its_way_first(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    (void)build_ordered(f, 1);
    give_up(f);
    lose_log(f);
    assert_true(f->replica->core.amnesiac);
    struct nika_digest digest;
    struct fixture_bytes batch = build_batch(f, 1, f->now_ns + 1, false, &digest);
    struct build_order order = {.sender = 0, .seq = 1, .digest = digest};
    struct build_new_view spec = {.sender = 0, .view = 3, .change_count = 2, .prepare_count = 1};
    for (uint32_t i = 0; i < 2; i++)
        spec.changes[i] = (struct build_view_change){
            .sender = i, .view = 3, .previous = {0, 1}, .prepares = {order}, .prepare_count = 1};
    spec.prepares[0] = (struct build_order){.sender = 0, .view = 3, .seq = 1, .digest = digest};
    f->held = true;
    assert_true(fixture_give(f, build_new_view(f, &spec)));
    build_give_batch(f, 0, batch);
    assert_true(f->replica->candidate_saving);
    give_cert(f, 1, &digest);
    assert_int_equal(f->replica->core.view, 0);
    assert_true(f->replica->core.amnesiac);
    f->held = false;
    fixture_answer(f, UINT32_MAX);
    assert_int_equal(f->replica->entered, 3);
    assert_true(f->replica->core.active);
    assert_false(f->replica->core.amnesiac);
    assert_int_equal(fixture_counter(f, 0).view, 3);
    assert_int_equal(fixture_counter(f, 0).order, 1);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vote_after_catching_up_by_certificate),
        cmocka_unit_test(test_hp6_gap_still_holds_up),
        cmocka_unit_test(test_lost_log_is_silent_until_it_is_learned_again),
        cmocka_unit_test(test_lost_log_without_votes_is_no_loss),
        cmocka_unit_test(test_lost_view_change),
        cmocka_unit_test(test_lost_log_above_the_view),
        cmocka_unit_test(test_lost_log_enters_what_is_on_its_way_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
