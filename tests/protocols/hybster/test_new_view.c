/* HN1-HN8: what is believed of a NEW-VIEW, and when it is entered (PROTOCOLS.md 2.4). Replica 2 is under test. */
#include "tests/protocols/hybster/build.h"

#define SELF 2u

static void give(struct fixture *f, const struct build_new_view *spec)
{
    assert_true(fixture_give(f, build_new_view(f, spec)));
}

/* The wrong one is refused by `check` and changes nothing (HN7). */
static void refuse(const struct build_new_view *wrong, enum nika_check check)
{
    struct fixture *f = fixture_new(SELF);
    uint32_t log = f->log_count;
    give(f, wrong);
    assert_int_equal(f->rejects[check], 1);
    assert_int_equal(f->replica->entered, 0);
    assert_int_equal(f->replica->core.view, 0);
    assert_int_equal(f->replica->core.low_mark, 0);
    assert_int_equal(f->replica->candidate, 0);
    assert_false(f->replica->core.transfer.active);
    assert_int_equal(f->log_count, log);
    for (uint64_t s = 1; s <= f->config.window; s++) assert_null(hybster_slot_find(f->replica, s));
    fixture_free(f);
}
static void accept(const struct build_new_view *right)
{
    struct fixture *f = fixture_new(SELF);
    give(f, right);
    assert_int_equal(f->replica->entered, right->view);
    assert_true(f->replica->core.active);
    for (uint32_t i = 0; i < NIKA_CHECK_COUNT; i++) assert_int_equal(f->rejects[i], 0);
    fixture_free(f);
}

static const struct build_new_view plain = {
    .sender = 1,
    .view = 1,
    .changes = {{.sender = 0, .view = 1}, {.sender = 1, .view = 1}},
    .change_count = 2};

static void test_hn1_comes_from_its_leader_certified(void **state)
{
    (void)state;
    struct build_new_view spec = plain;
    accept(&spec);
    spec.sender = 0;
    refuse(&spec, NIKA_CHECK_HN1);
    spec.sender = 1;
    for (uint32_t flaw = FLAW_NONE + 1; flaw < FLAW_COUNT; flaw++) {
        spec.flaw = (enum build_flaw)flaw;
        refuse(&spec, NIKA_CHECK_HN1);
    }
}

static void test_hn2_leads_to_a_later_view(void **state)
{
    (void)state;
    struct build_new_view spec = plain;
    spec.view = 0;
    spec.sender = 0;
    refuse(&spec, NIKA_CHECK_HN2);
    struct fixture *f = fixture_new(SELF);
    give(f, &plain);
    assert_int_equal(f->replica->entered, 1);
    give(f, &plain); /* A retransmission. */
    assert_int_equal(f->rejects[NIKA_CHECK_HN2], 0);
    spec = plain; /* Another one for the view that was entered. */
    spec.changes[1].sender = 2;
    give(f, &spec);
    assert_int_equal(f->rejects[NIKA_CHECK_HN2], 1);
    assert_int_equal(f->replica->entered, 1);
    fixture_free(f);
}

static void test_hn3_holds_enough_valid_view_changes(void **state)
{
    (void)state;
    struct build_new_view spec = plain;
    spec.change_count = 1;
    refuse(&spec, NIKA_CHECK_HN3);
    spec = plain;
    spec.changes[1].sender = 0;
    refuse(&spec, NIKA_CHECK_HN3);
    spec = plain;
    spec.changes[1].view = 2;
    refuse(&spec, NIKA_CHECK_HN3);
    spec = plain;
    spec.changes[1].flaw = FLAW_MAC;
    refuse(&spec, NIKA_CHECK_HN3);
    spec = plain;
    spec.changes[1].previous = (struct nika_trusted_value){0, 1}; /* HV7 */
    refuse(&spec, NIKA_CHECK_HN3);
    spec = plain;
    spec.changes[2] = (struct build_view_change){.sender = 2, .view = 1};
    spec.change_count = 3;
    accept(&spec);
}

/* View 3 from base 1: replica 0 had entered view 1, replica 1 only view 0. */
static const struct build_new_view based = {
    .sender = 0,
    .view = 3,
    .base = 1,
    .changes = {{.sender = 0, .view = 3, .from = 1}, {.sender = 1, .view = 3, .from = 0}},
    .change_count = 2,
    .acks = {{.sender = 1, .view = 3, .base = 1}},
    .ack_count = 1};

/* "Forged base": a faulty leader claims a view that nobody else ever entered. */
static void test_hn4_someone_correct_vouches_for_the_base(void **state)
{
    (void)state;
    struct build_new_view spec = based;
    accept(&spec);
    spec.ack_count = 0;
    refuse(&spec, NIKA_CHECK_HN4);
    spec = based; /* Vouching for one's own claim does not count twice. */
    spec.acks[0].sender = 0;
    refuse(&spec, NIKA_CHECK_HN4);
    spec = based; /* A second VIEW-CHANGE from the base is as good as an ack. */
    spec.changes[1].from = 1;
    spec.ack_count = 0;
    accept(&spec);
}

static void test_hn4_base_is_the_highest_view_entered(void **state)
{
    (void)state;
    struct build_new_view spec = based; /* One VIEW-CHANGE comes from above the base. */
    spec.base = 0;
    spec.ack_count = 0;
    refuse(&spec, NIKA_CHECK_HN4);
    spec = based; /* None comes from it. */
    spec.base = 2;
    spec.acks[0].base = 2;
    refuse(&spec, NIKA_CHECK_HN4);
}

static void test_hn5_acks_are_believed_on_proof_only(void **state)
{
    (void)state;
    struct build_new_view spec = based;
    for (uint32_t flaw = FLAW_NONE + 1; flaw < FLAW_COUNT; flaw++) {
        if (flaw == FLAW_COUNTER || flaw == FLAW_VALUE) continue;
        spec.acks[0].flaw = (enum build_flaw)flaw;
        refuse(&spec, NIKA_CHECK_HN5);
    }
    spec = based;
    spec.acks[0].base = 2;
    refuse(&spec, NIKA_CHECK_HN5);
    spec = based;
    spec.acks[0].view = 4;
    refuse(&spec, NIKA_CHECK_HN5);
    spec = based; /* Its checkpoint is not proven. */
    spec.acks[0].low_mark = 4;
    refuse(&spec, NIKA_CHECK_HN5);
    spec = based; /* A gap. */
    spec.acks[0].prepares[0] =
        (struct build_order){.sender = 1, .view = 1, .seq = 2, .digest = build_digest(0)};
    spec.acks[0].prepare_count = 1;
    refuse(&spec, NIKA_CHECK_HN5);
    spec = based; /* The same ack twice. */
    spec.acks[1] = spec.acks[0];
    spec.ack_count = 2;
    refuse(&spec, NIKA_CHECK_HN5);
}

/* An ack that arrives by itself, at the leader that waits for it. */
static void test_hn5_ack_is_for_the_leader_of_the_view_on_the_way(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    struct build_ack ack = {.sender = 1, .view = 5, .base = 1};
    assert_true(fixture_give(f, build_ack(f, &ack)));
    assert_int_equal(f->rejects[NIKA_CHECK_HN5], 1); /* This replica is not on its way there. */
    for (uint32_t i = 0; i < 2; i++) {
        struct build_view_change change = {.sender = i, .view = 5, .from = i == 0 ? 1 : 0};
        assert_true(fixture_give(f, build_view_change(f, &change)));
    }
    assert_int_equal(f->replica->core.view, 5);
    ack.flaw = FLAW_MAC;
    assert_true(fixture_give(f, build_ack(f, &ack)));
    assert_int_equal(f->rejects[NIKA_CHECK_HN5], 2);
    assert_int_equal(f->replica->acks[1].frame, 0);
    fixture_free(f);
}

/* Two acks of one view with different bases contradict nothing: an observer must not take them for two VIEW-CHANGEs. */
static void test_hn5_ack_is_no_vote(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    struct build_ack ack = {.sender = 1, .view = 5, .base = 1};
    struct fixture_bytes frame = build_ack(f, &ack);
    struct nika_span body = {frame.data + NIKA_FRAME_HEAD_SIZE, frame.size - nika_frame_size(0, 0)};
    struct nika_summary summary;
    nika_replica_hybster.describe(HYBSTER_TYPE_new_view_ack, body, &summary);
    assert_int_equal(summary.message_class, NIKA_MESSAGE_OTHER);
    assert_int_equal(summary.view, 5);
    nika_replica_hybster.describe(HYBSTER_TYPE_view_change, body, &summary);
    assert_int_equal(summary.message_class, NIKA_MESSAGE_VIEW_CHANGE);
    free(frame.data);
    fixture_free(f);
}

/* Replica 0 shows one order of view 0, whose batch the replica under test is given before. */
static struct build_new_view carrying(struct fixture *f, bool with_prepare)
{
    struct build_new_view spec = plain;
    struct nika_digest digest;
    struct fixture_bytes body = build_batch(f, 1, f->now_ns + 1, false, &digest);
    spec.changes[0].previous = (struct nika_trusted_value){0, 1};
    spec.changes[0].prepares[0] = (struct build_order){.sender = 0, .seq = 1, .digest = digest};
    spec.changes[0].prepare_count = 1;
    spec.prepares[0] = (struct build_order){.sender = 1, .view = 1, .seq = 1, .digest = digest};
    spec.prepare_count = 1;
    if (with_prepare) {
        assert_true(fixture_give(f, build_order(f, &spec.changes[0].prepares[0])));
        build_give_batch(f, 0, body);
    } else {
        free(body.data);
    }
    return spec;
}

static void test_hn6_orders_are_recomputed(void **state)
{
    (void)state;
    for (uint32_t wrong = 0; wrong < 7 + FLAW_COUNT; wrong++) {
        struct fixture *f = fixture_new(SELF);
        struct build_new_view spec = carrying(f, true);
        if (wrong == 1) spec.prepare_count = 0; /* Leaves out what was ordered. */
        if (wrong == 2) spec.prepares[0].digest = build_digest(9);
        if (wrong == 3) spec.prepares[0].digest = build_digest(0);
        if (wrong == 4) spec.prepares[0].seq = 2;
        if (wrong == 5) spec.prepares[0].sender = 0;
        if (wrong == 6) {
            spec.prepares[1] = spec.prepares[0];
            spec.prepares[1].seq = 2;
            spec.prepare_count = 2;
        }
        if (wrong > 7) spec.prepares[0].flaw = (enum build_flaw)(wrong - 7);
        bool right = wrong == 0 || wrong == 7;
        give(f, &spec);
        assert_int_equal(f->rejects[NIKA_CHECK_HN6], right ? 0 : 1);
        assert_int_equal(f->replica->entered, right ? 1 : 0);
        fixture_free(f);
    }
}

/* PREPARE and COMMIT of `view` for another batch at order 1, which is executed. */
static void execute_another(struct fixture *f, uint64_t view)
{
    struct nika_digest digest;
    struct fixture_bytes batch = build_batch(f, 2, f->now_ns + 2, false, &digest);
    struct build_order order = {
        .sender = (uint32_t)(view % 3), .view = view, .seq = 1, .digest = digest};
    struct fixture_bytes prepare = build_order(f, &order);
    order.sender = (order.sender + 1) % 3;
    order.commit = true;
    struct fixture_bytes commit = build_order(f, &order);
    uint8_t room[2048], body[4096];
    struct hybster_commit_cert m = {.prepare = fixture_span(prepare)};
    struct nika_writer frames = nika_writer_of(room, sizeof room);
    nika_frames_append(&frames, &m.commits, fixture_span(commit));
    struct nika_writer w = nika_writer_of(body, sizeof body);
    nika_encode(&hybster_info_commit_cert, &m, &w);
    assert_true(fixture_give(
        f, fixture_frame(f, 1, &hybster_info_commit_cert, (struct nika_span){body, w.at})));
    build_give_batch(f, 0, batch);
    assert_int_equal(f->replica->core.last_executed, 1);
    free(prepare.data);
    free(commit.data);
}

/* With n >= 5 view 2 may begin without anybody who had entered view 1, whose NEW-VIEW then comes late to one who knows what view 2 made
 * final. That is nobody's fault; what an earlier view made final a NEW-VIEW must carry over. */
static void test_hn6_new_view_overtaken_by_finals_is_no_alarm(void **state)
{
    (void)state;
    for (uint64_t view = 0; view < 3; view++) {
        struct fixture *f = fixture_new(SELF);
        execute_another(f, view);
        struct build_new_view spec = carrying(f, false);
        give(f, &spec);
        assert_int_equal(f->alarms, view == 0 ? 1 : 0);
        assert_int_equal(f->rejects[NIKA_CHECK_HN2], view == 0 ? 0 : 1);
        assert_int_equal(f->replica->entered, 0);
        assert_int_equal(f->replica->candidate != 0, view == 0);
        fixture_free(f);
    }
}

/* The last thing that is checked is wrong, and everything before it would have moved h, begun a transfer and filled slots. */
static void test_hn7_all_checks_precede_any_change(void **state)
{
    (void)state;
    struct build_new_view spec = plain;
    struct build_view_change *change = &spec.changes[0];
    change->low_mark = 4;
    change->previous = (struct nika_trusted_value){0, 5};
    for (uint32_t i = 0; i < 2; i++)
        change->checkpoints[i] = (struct build_checkpoint){.sender = i, .seq = 4, .state = 7};
    change->checkpoint_count = 2;
    change->prepares[0] = (struct build_order){.sender = 0, .seq = 5, .digest = build_digest(3)};
    change->prepare_count = 1;
    spec.prepares[0] =
        (struct build_order){.sender = 1, .view = 1, .seq = 5, .digest = build_digest(3)};
    spec.prepare_count = 1;
    spec.prepares[0].flaw = FLAW_MAC;
    refuse(&spec, NIKA_CHECK_HN6);
    spec.prepares[0].flaw = FLAW_NONE;
    struct fixture *f = fixture_new(SELF);
    give(f, &spec);
    assert_int_equal(f->rejects[NIKA_CHECK_HN6], 0);
    assert_true(f->replica->candidate != 0); /* It waits for the state at 4. */
    assert_true(f->replica->core.transfer.active);
    fixture_free(f);
}

static void test_hn8_entered_only_with_every_batch(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    struct build_new_view spec = carrying(f, false);
    give(f, &spec);
    assert_true(f->replica->candidate != 0);
    assert_int_equal(f->replica->entered, 0);
    struct nika_digest digest;
    build_give_batch(f, 0, build_batch(f, 1, f->now_ns + 1, false, &digest));
    assert_int_equal(f->rejects[NIKA_CHECK_HN8], 0);
    assert_int_equal(f->replica->entered, 1);
    assert_int_equal(f->sent_seq_count, 1);
    fixture_free(f);
}

static void test_hn8_batch_of_forged_requests_is_never_carried_over(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    struct build_new_view spec = carrying(f, false);
    struct nika_digest digest;
    struct fixture_bytes body = build_batch(f, 1, f->now_ns + 1, true, &digest);
    spec.changes[0].prepares[0].digest = digest;
    spec.prepares[0].digest = digest;
    give(f, &spec);
    build_give_batch(f, 0, body);
    assert_int_equal(f->rejects[NIKA_CHECK_HN8], 1);
    assert_int_equal(f->replica->entered, 0);
    assert_int_equal(f->sent_seq_count, 0);
    fixture_free(f);
}

/* A NEW-VIEW of view 4 that is being made durable may be there already: neither VIEW-CHANGEs nor a NEW-VIEW that still waits for a batch may
 * lead to a lower view, or away from it, before it is entered. */
static void test_hn8_one_on_its_way_to_the_disk_is_entered_first(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(SELF);
    struct build_new_view spec = plain, later = carrying(f, false);
    spec.view = spec.changes[0].view = spec.changes[1].view = 4;
    later.view = later.changes[0].view = later.changes[1].view = later.prepares[0].view = 7;
    f->held = true;
    give(f, &spec);
    assert_true(f->replica->candidate_saving);
    for (uint32_t i = 0; i < 2; i++) {
        struct build_view_change change = {.sender = i, .view = 2};
        assert_true(fixture_give(f, build_view_change(f, &change)));
    }
    assert_int_equal(f->replica->core.view, 0);
    give(f, &later);
    assert_int_equal(f->replica->candidate_view, 4);
    fixture_answer(f, f->completion_count);
    assert_int_equal(f->replica->entered, 4);
    give(f, &later);
    assert_int_equal(f->replica->candidate_view, 7);
    struct build_view_change change = {.sender = 0, .view = 5};
    assert_true(fixture_give(f, build_view_change(f, &change)));
    change.sender = 1;
    assert_true(fixture_give(f, build_view_change(f, &change)));
    assert_int_equal(f->replica->core.view, 5); /* It waits for a batch, and may do so for ever. */
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hn1_comes_from_its_leader_certified),
        cmocka_unit_test(test_hn2_leads_to_a_later_view),
        cmocka_unit_test(test_hn3_holds_enough_valid_view_changes),
        cmocka_unit_test(test_hn4_someone_correct_vouches_for_the_base),
        cmocka_unit_test(test_hn4_base_is_the_highest_view_entered),
        cmocka_unit_test(test_hn5_acks_are_believed_on_proof_only),
        cmocka_unit_test(test_hn5_ack_is_for_the_leader_of_the_view_on_the_way),
        cmocka_unit_test(test_hn5_ack_is_no_vote),
        cmocka_unit_test(test_hn6_orders_are_recomputed),
        cmocka_unit_test(test_hn6_new_view_overtaken_by_finals_is_no_alarm),
        cmocka_unit_test(test_hn7_all_checks_precede_any_change),
        cmocka_unit_test(test_hn8_entered_only_with_every_batch),
        cmocka_unit_test(test_hn8_batch_of_forged_requests_is_never_carried_over),
        cmocka_unit_test(test_hn8_one_on_its_way_to_the_disk_is_entered_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
