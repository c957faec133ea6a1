/* A crash while a NEW-VIEW is made, and views that can never begin (protocols/hybster/void.c; PROTOCOLS.md 2.4, 2.5; HV4). Replica 1 leads
 * views 1 and 4; replica 2 judges what it says. */
#include "tests/protocols/hybster/build.h"

#define LEADER 1u
#define JUDGE 2u

/* ---- what is believed ---- */

/* It ordered in the view that it leads, shows nothing of it, and proves that nobody can have entered it. */
static const struct build_view_change voiding = {
    .sender = LEADER,
    .view = 2,
    .previous = {1, 3},
    .hops = {{.opening = true, .previous = {0, 0}, .value = {1, 1}},
             {.previous = {0, 0}, .value = {1, 0}}},
    .hop_count = 2};

static uint32_t refusals(struct fixture *f)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < NIKA_CHECK_COUNT; i++) total += f->rejects[i];
    return total;
}

static void accept(const struct build_view_change *spec)
{
    struct fixture *f = fixture_new(JUDGE);
    assert_true(fixture_give(f, build_view_change(f, spec)));
    assert_int_equal(f->replica->core.view_changes[spec->sender].view, spec->view);
    assert_int_equal(refusals(f), 0);
    fixture_free(f);
}

static void refuse(const struct build_view_change *spec)
{
    struct fixture *f = fixture_new(JUDGE);
    assert_true(fixture_give(f, build_view_change(f, spec)));
    assert_int_equal(f->rejects[NIKA_CHECK_HV4], 1);
    assert_int_equal(f->replica->core.view_changes[spec->sender].view, 0);
    fixture_free(f);
}

static void test_hv4_a_view_that_cannot_begin_hides_nothing(void **state)
{
    (void)state;
    struct build_view_change spec = voiding;
    accept(&spec);
    /* The same further back, with another view that cannot begin behind it. */
    spec =
        (struct build_view_change){.sender = LEADER,
                                   .view = 5,
                                   .previous = {4, 9},
                                   .hops = {{.opening = true, .value = {1, 1}},
                                            {.opening = true, .previous = {1, 1}, .value = {4, 1}},
                                            {.previous = {0, 0}, .value = {1, 0}},
                                            {.previous = {1, 2}, .value = {3, 0}},
                                            {.previous = {3, 0}, .value = {4, 0}}},
                                   .hop_count = 5};
    accept(&spec);
}

static void test_hv4_proof_is_of_that_view_and_valid(void **state)
{
    (void)state;
    struct build_view_change bad = voiding; /* None at all. */
    bad.hops[0] = bad.hops[1];
    bad.hop_count = 1;
    refuse(&bad);
    bad = voiding; /* Of another view that it leads. */
    bad.hops[0].value.view = 4;
    refuse(&bad);
    bad = voiding; /* The NEW-VIEW was certified: what it holds may be anywhere. */
    bad.hops[0].previous = (struct nika_trusted_value){1, 0};
    refuse(&bad);
    bad = voiding; /* That counter, those values, over another statement. */
    bad.hops[0].unsaid = true;
    refuse(&bad);
    bad = voiding; /* Its end at the value that a NEW-VIEW has. */
    bad.hops[0].value.order = 0;
    refuse(&bad);
    for (uint32_t flaw = FLAW_NONE + 1; flaw < FLAW_COUNT; flaw++) {
        bad = voiding;
        bad.hops[0].flaw = (enum build_flaw)flaw;
        refuse(&bad);
    }
    bad = voiding; /* It must be there before the hop that needs it. */
    bad.view = 3;
    bad.previous = (struct nika_trusted_value){2, 0};
    bad.hops[0] = (struct build_hop){.previous = {0, 0}, .value = {1, 0}};
    bad.hops[1] = (struct build_hop){.previous = {1, 3}, .value = {2, 0}};
    bad.hops[2] = voiding.hops[0];
    bad.hop_count = 3;
    refuse(&bad);
    /* It says nothing of what was certified in another view. */
    bad = voiding;
    bad.view = 3;
    bad.previous = (struct nika_trusted_value){2, 1};
    refuse(&bad);
}

/* A follower's counter of NEW-VIEWs is never used: with it anybody could hide the COMMITs of a view. */
static void test_hv4_only_the_leader_of_a_view_can_void_it(void **state)
{
    (void)state;
    struct build_view_change bad = voiding;
    bad.sender = 0;
    refuse(&bad);
}

static void test_hv4_proofs_are_bounded(void **state)
{
    (void)state;
    struct build_view_change spec = voiding;
    spec.hops[HYBSTER_VOIDS_MAX] = spec.hops[1];
    for (uint32_t i = 1; i < HYBSTER_VOIDS_MAX; i++) spec.hops[i] = spec.hops[0];
    spec.hop_count = HYBSTER_VOIDS_MAX + 1;
    accept(&spec);
    spec.hops[HYBSTER_VOIDS_MAX + 1] = spec.hops[HYBSTER_VOIDS_MAX];
    spec.hops[HYBSTER_VOIDS_MAX] = spec.hops[0];
    spec.hop_count++;
    refuse(&spec);
}

/* ---- the leader that crashed ---- */

static struct nika_trusted_value opening(const struct fixture *f)
{
    return f->instance.counter[HYBSTER_COUNTER_NEW_VIEW].last.value;
}

static void give_changes(struct fixture *f, uint64_t view, const struct nika_digest *digest)
{
    struct build_view_change spec = {.view = view, .previous = {0, 1}, .prepare_count = 1};
    spec.prepares[0] = (struct build_order){.seq = 1, .digest = *digest};
    for (spec.sender = 0; spec.sender < FIXTURE_REPLICAS; spec.sender += 2)
        assert_true(fixture_give(f, build_view_change(f, &spec)));
}

/* The leader of view 1 whose draft, with one order, waits for the disk. */
static struct fixture *drafting(struct nika_digest *digest)
{
    struct fixture *f = fixture_new(LEADER);
    *digest = build_ordered(f, 1);
    f->held = true;
    give_changes(f, 1, digest);
    fixture_answer(f, 1);
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_DRAFT), 1);
    assert_int_equal(fixture_counter(f, 0).view, 1);
    assert_int_equal(fixture_counter(f, 0).order, 1);
    assert_int_equal(opening(f).view, 0);
    return f;
}

/* The same after a crash that took the draft, with a disk that answers. */
static struct fixture *without_its_draft(void)
{
    struct nika_digest digest;
    struct fixture *f = drafting(&digest);
    fixture_lose(f, HYBSTER_RECORD_DRAFT);
    f->held = false;
    fixture_restart(f);
    return f;
}

/* Its VIEW-CHANGE for `view` is durable, and another replica believes it. */
static void expect_believed(struct fixture *f, uint64_t view)
{
    assert_int_equal(f->replica->core.view, view);
    assert_true(f->replica->core.my_view_change_durable);
    struct nika_span own = nika_store_span(f->replica->core.store, f->replica->core.my_view_change);
    struct fixture *judge = fixture_new(JUDGE);
    struct fixture_bytes copy = {malloc(own.size), own.size};
    memcpy(copy.data, own.data, own.size);
    assert_true(fixture_give(judge, copy));
    assert_int_equal(judge->replica->core.view_changes[LEADER].view, view);
    assert_int_equal(refusals(judge), 0);
    fixture_free(judge);
}

static void test_counter_of_new_views_waits_for_the_draft(void **state)
{
    (void)state;
    struct nika_digest digest;
    struct fixture *f = drafting(&digest);
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_NEW_VIEW), 0);
    fixture_answer(f, 1);
    assert_int_equal(opening(f).view, 1);
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_NEW_VIEW), 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_new_view], 0);
    fixture_answer(f, 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_new_view], 1);
    assert_true(f->replica->core.active);
    fixture_free(f);
}

/* The crash takes the draft: orders of view 1 are certified, and nothing of them is left. */
static void test_view_without_its_draft_is_given_up(void **state)
{
    (void)state;
    struct fixture *f = without_its_draft();
    assert_int_equal(opening(f).view, 1);
    assert_int_equal(opening(f).order, 1);
    assert_int_equal(f->replica->void_count, 1);
    expect_believed(f, 2);
    /* From the log, too; and in the VIEW-CHANGEs that follow. */
    fixture_restart(f);
    assert_int_equal(f->replica->void_count, 1);
    expect_believed(f, 2);
    build_leave(f, 3);
    expect_believed(f, 3);
    fixture_free(f);
}

/* Another crash before that VIEW-CHANGE is on the disk: the trusted subsystem has both last certificates. */
static void test_view_given_up_is_remembered_by_the_trusted_subsystem(void **state)
{
    (void)state;
    struct nika_digest digest;
    struct fixture *f = drafting(&digest);
    fixture_lose(f, HYBSTER_RECORD_DRAFT);
    fixture_restart(f);
    assert_int_equal(f->replica->core.view, 2);
    assert_int_equal(fixture_counter(f, 0).view, 2);
    free(f->log[--f->log_count].bytes.data); /* The VIEW-CHANGE of view 2. */
    f->held = false;
    fixture_restart(f);
    assert_int_equal(opening(f).order, 1);
    expect_believed(f, 3);
    fixture_free(f);
}

static void test_draft_is_certified_after_a_crash(void **state)
{
    (void)state;
    struct nika_digest digest;
    struct fixture *f = drafting(&digest);
    f->held = false;
    fixture_restart(f);
    assert_int_equal(opening(f).view, 1);
    assert_int_equal(opening(f).order, 0);
    assert_int_equal(f->replica->entered, 1);
    assert_true(f->replica->core.active);
    assert_int_equal(f->sent[HYBSTER_TYPE_new_view], 1);
    fixture_free(f);
}

static void test_new_view_lost_behind_its_certificate_is_reissued(void **state)
{
    (void)state;
    struct nika_digest digest;
    struct fixture *f = drafting(&digest);
    fixture_answer(f, 1);
    fixture_lose(f, HYBSTER_RECORD_NEW_VIEW);
    f->held = false;
    fixture_restart(f);
    assert_int_equal(opening(f).order, 0);
    assert_int_equal(f->replica->entered, 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_new_view], 1);
    assert_int_equal(fixture_records(f, HYBSTER_RECORD_NEW_VIEW), 1);
    fixture_free(f);
}

/* The counter says that another NEW-VIEW of the view was certified: the draft is none of it. */
static void test_draft_of_something_else_is_dropped(void **state)
{
    (void)state;
    struct nika_digest digest;
    struct fixture *f = drafting(&digest);
    struct nika_trusted_certificate c;
    struct nika_digest other = build_digest(9);
    assert_int_equal(nika_trusted_certify(&f->instance, f->key, NIKA_TRUSTED_INDEPENDENT,
                                          HYBSTER_COUNTER_NEW_VIEW,
                                          (struct nika_trusted_value){1, 0}, &other, &c),
                     NIKA_OK);
    f->held = false;
    fixture_restart(f);
    assert_int_equal(f->replica->candidate, 0);
    assert_int_equal(f->replica->entered, 0);
    /* Nor is the view one that cannot begin. */
    assert_int_equal(f->replica->void_count, 0);
    assert_int_equal(opening(f).order, 0);
    fixture_free(f);
}

/* Who leaves the view while the draft is on its way gives it up. */
static void test_draft_is_given_up_with_its_view(void **state)
{
    (void)state;
    struct nika_digest digest;
    struct fixture *f = drafting(&digest);
    give_changes(f, 2, &digest);
    f->held = false;
    fixture_answer(f, UINT32_MAX);
    assert_int_equal(f->replica->candidate, 0);
    assert_int_equal(opening(f).order, 1);
    expect_believed(f, 2);
    fixture_free(f);
}

/* When a later view has begun, nothing of it is shown any more. */
static void test_proof_goes_when_a_view_begins(void **state)
{
    (void)state;
    struct fixture *f = without_its_draft();
    assert_int_equal(f->replica->void_count, 1);
    struct build_new_view opens = {.sender = 2, .view = 2, .change_count = 2};
    opens.changes[0] = (struct build_view_change){.sender = 0, .view = 2};
    opens.changes[1] = (struct build_view_change){.sender = 2, .view = 2};
    assert_true(fixture_give(f, build_new_view(f, &opens)));
    assert_int_equal(f->replica->entered, 2);
    assert_int_equal(f->replica->void_count, 0);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hv4_a_view_that_cannot_begin_hides_nothing),
        cmocka_unit_test(test_hv4_proof_is_of_that_view_and_valid),
        cmocka_unit_test(test_hv4_only_the_leader_of_a_view_can_void_it),
        cmocka_unit_test(test_hv4_proofs_are_bounded),
        cmocka_unit_test(test_counter_of_new_views_waits_for_the_draft),
        cmocka_unit_test(test_view_without_its_draft_is_given_up),
        cmocka_unit_test(test_view_given_up_is_remembered_by_the_trusted_subsystem),
        cmocka_unit_test(test_draft_is_certified_after_a_crash),
        cmocka_unit_test(test_new_view_lost_behind_its_certificate_is_reissued),
        cmocka_unit_test(test_draft_of_something_else_is_dropped),
        cmocka_unit_test(test_draft_is_given_up_with_its_view),
        cmocka_unit_test(test_proof_goes_when_a_view_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
