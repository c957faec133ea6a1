/* tests/protocols/pbft/test_new_view.c: starting a view, NV1-NV8 (PROTOCOLS.md 1.7). Each negative case differs in one thing from a
 * NEW-VIEW that is entered. */
#include "protocols/pbft/view.h"
#include "tests/protocols/pbft/fixture.h"
#include "tests/protocols/pbft/view_build.h"

enum { OBSERVER = 3, PRIMARY = 1, VIEW = 1 };

/* A NEW-VIEW for view 1 in which replica 2 proves a certificate at 2 of view 0, so that O = null at 1, the batch at 2. */
struct scene {
    struct cluster *c;
    struct cluster_bytes changes[4];
    uint32_t change_count;
    struct build_order orders[16];
    uint32_t order_count;
};

static const struct build_certificate carried = {.view = 0, .seq = 2, .digest = 0xaa};

static void scene_begin(struct scene *s)
{
    memset(s, 0, sizeof *s);
    s->c = cluster_new(4, 1);
    for (uint32_t i = 0; i < 4; i++) s->c->nodes[i].silent = i != OBSERVER;
    for (uint32_t i = 0; i < 3; i++) {
        struct build_view_change spec = {
            .sender = i, .view = VIEW, .prepared = &carried, .prepared_count = i == 2 ? 1 : 0};
        s->changes[s->change_count++] = build_view_change(s->c, &spec);
    }
    s->orders[s->order_count++] = (struct build_order){.view = VIEW, .seq = 1, .signer = PRIMARY};
    s->orders[s->order_count++] =
        (struct build_order){.view = VIEW, .seq = 2, .digest = 0xaa, .signer = PRIMARY};
}

static void replace_change(struct scene *s, uint32_t index, const struct build_view_change *spec)
{
    free(s->changes[index].data);
    s->changes[index] = build_view_change(s->c, spec);
}

static struct cluster_bytes scene_frame(struct scene *s, uint32_t sender, uint64_t view)
{
    return build_new_view(s->c, sender, view, s->changes, s->change_count, s->orders,
                          s->order_count);
}

static void scene_end(struct scene *s)
{
    for (uint32_t i = 0; i < s->change_count; i++) free(s->changes[i].data);
    cluster_free(s->c);
}

/* Deliver it: true when the view was entered, false when `check` and no other rejected it. */
static bool entered(struct scene *s, uint32_t sender, uint64_t view, enum nika_check check)
{
    struct cluster_bytes frame = scene_frame(s, sender, view);
    assert_true(cluster_deliver(s->c, OBSERVER, frame));
    free(frame.data);
    struct nika_replica *r = cluster_replica(s->c, OBSERVER);
    if (r->core.active && r->core.view == view) return true;
    for (uint32_t i = 1; i < NIKA_CHECK_COUNT; i++) {
        assert_int_equal(s->c->nodes[OBSERVER].rejects[i], i == (uint32_t)check ? 1 : 0);
    }
    assert_int_equal(r->core.view, 0); /* No state changed. */
    assert_true(r->core.active);
    assert_int_equal(r->low_bound, 0);
    return false;
}

static void test_a_valid_new_view_is_entered_without_an_own_view_change(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    assert_true(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NONE));
    struct nika_replica *r = cluster_replica(s.c, OBSERVER);
    assert_int_equal(r->low_bound, 2);
    assert_int_equal(s.c->nodes[OBSERVER].sent[PBFT_TYPE_view_change], 0);
    /* The null batch at 1 needs no fetch: PREPARE at once. The batch at 2 is missing. */
    assert_int_equal(s.c->nodes[OBSERVER].sent[PBFT_TYPE_prepare], 1);
    assert_true(s.c->nodes[OBSERVER].sent[COMMON_TYPE_fetch_batch] > 0);
    scene_end(&s);
}

static void test_nv1_only_the_primary_of_the_view_may_start_it(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    for (uint32_t i = 0; i < s.order_count; i++) s.orders[i].signer = 2;
    assert_false(entered(&s, 2, VIEW, NIKA_CHECK_NV1));
    scene_end(&s);
}

static void test_nv2_a_view_that_is_active_does_not_start_twice(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    assert_true(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NONE));
    assert_true(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NONE)); /* Retransmission: silence. */
    assert_int_equal(s.c->nodes[OBSERVER].rejects[NIKA_CHECK_NV2], 0);
    s.orders[1].digest = 0xbb;
    (void)entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV2);
    assert_int_equal(s.c->nodes[OBSERVER].rejects[NIKA_CHECK_NV2], 1);
    assert_int_equal(s.c->nodes[OBSERVER].evidence, 1);
    scene_end(&s);
}

static void test_nv2_a_lower_view_is_never_entered(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    for (uint32_t i = 0; i < 3; i++) {
        struct build_view_change spec = {.sender = i, .view = 2};
        struct cluster_bytes frame = build_view_change(s.c, &spec);
        assert_true(cluster_deliver(s.c, OBSERVER, frame));
        free(frame.data);
    }
    struct nika_replica *r = cluster_replica(s.c, OBSERVER);
    assert_int_equal(r->core.view, 2);
    struct cluster_bytes frame = scene_frame(&s, PRIMARY, VIEW);
    assert_true(cluster_deliver(s.c, OBSERVER, frame));
    assert_int_equal(r->core.view, 2);
    assert_false(r->core.active);
    assert_int_equal(s.c->nodes[OBSERVER].rejects[NIKA_CHECK_NV2], 1);
    free(frame.data);
    scene_end(&s);
}

static void test_nv3_q_distinct_senders_in_order(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    struct cluster_bytes third = s.changes[2];
    s.change_count = 2;
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV3));
    free(third.data);
    scene_end(&s);
    scene_begin(&s);
    struct cluster_bytes swap = s.changes[0];
    s.changes[0] = s.changes[1];
    s.changes[1] = swap;
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV3));
    scene_end(&s);
    scene_begin(&s);
    struct build_view_change again = {.sender = 0, .view = VIEW};
    replace_change(&s, 1, &again);
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV3));
    scene_end(&s);
    scene_begin(&s);
    for (uint32_t i = 0; i < 3; i++) free(s.changes[i].data);
    s.change_count = 0;
    s.order_count = 0;
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV3)); /* An empty V proves nothing. */
    scene_end(&s);
}

static void test_nv4_each_view_change_is_valid_and_for_this_view(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    struct build_view_change other_view = {.sender = 0, .view = 5};
    replace_change(&s, 0, &other_view);
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV4));
    scene_end(&s);
    scene_begin(&s);
    s.changes[0].data[s.changes[0].size - 1] ^= 1; /* Signature. */
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV4));
    scene_end(&s);
    scene_begin(&s);
    struct build_certificate weak = carried;
    weak.prepares = 1;
    struct build_view_change unproven = {
        .sender = 2, .view = VIEW, .prepared = &weak, .prepared_count = 1};
    replace_change(&s, 2, &unproven);
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV4));
    scene_end(&s);
}

static void test_nv5_orders_follow_from_the_proofs(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    s.orders[1].digest = 0; /* A prepared batch dropped. */
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV5));
    scene_end(&s);
    scene_begin(&s);
    s.orders[0].digest = 0xcc; /* An order that nobody prepared. */
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV5));
    scene_end(&s);
    scene_begin(&s);
    s.order_count = 1;
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV5));
    scene_end(&s);
    scene_begin(&s);
    s.orders[s.order_count++] = (struct build_order){.view = VIEW, .seq = 3, .signer = PRIMARY};
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV5));
    scene_end(&s);
    scene_begin(&s);
    s.orders[0].view = 5; /* An order that would count in a later view. */
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV5));
    scene_end(&s);
}

static void test_nv5_the_highest_view_wins_not_the_first(void **state)
{
    (void)state;
    struct scene s;
    const struct build_certificate low = {.view = 0, .seq = 1, .digest = 1},
                                   high = {.view = 2, .seq = 1, .digest = 2};
    for (uint32_t wrong = 0; wrong < 2; wrong++) {
        scene_begin(&s);
        struct build_view_change specs[3] = {
            {.sender = 0, .view = 5, .prepared = &low, .prepared_count = 1},
            {.sender = 1, .view = 5, .prepared = &high, .prepared_count = 1},
            {.sender = 2, .view = 5}};
        for (uint32_t i = 0; i < 3; i++) replace_change(&s, i, &specs[i]);
        s.order_count = 1;
        s.orders[0] =
            (struct build_order){.view = 5, .seq = 1, .digest = wrong ? 1 : 2, .signer = 1};
        assert_int_equal(entered(&s, 1, 5, NIKA_CHECK_NV5), !wrong);
        scene_end(&s);
    }
}

static void test_nv6_each_order_is_signed_by_the_new_primary(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    s.orders[1].signer = 2;
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV6));
    scene_end(&s);
}

static void test_nv7_more_orders_than_a_window_are_refused(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    s.order_count = 9;
    for (uint32_t i = 0; i < 9; i++)
        s.orders[i] = (struct build_order){.view = VIEW, .seq = i + 1, .signer = PRIMARY};
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV7));
    scene_end(&s);
}

static void test_nv7_more_bytes_than_a_new_view_can_have_are_refused(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    struct build_view_change spec = {.sender = 0, .view = VIEW, .junk_checkpoints = 120};
    for (; spec.sender < 3; spec.sender++) replace_change(&s, spec.sender, &spec);
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV7));
    scene_end(&s);
}

static void test_nv8_two_certificates_of_one_view_raise_the_alarm(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    struct build_certificate conflict = carried;
    conflict.digest = 0xbb;
    struct build_view_change spec = {
        .sender = 0, .view = VIEW, .prepared = &conflict, .prepared_count = 1};
    replace_change(&s, 0, &spec);
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV8));
    assert_int_equal(s.c->nodes[OBSERVER].alarms, 1);
    scene_end(&s);
}

/* Q COMMITs reach this replica: 0xcc is final at 1. */
static void commit_elsewhere(struct cluster *c, uint32_t self, uint64_t view)
{
    static const uint32_t senders[] = {0, 1, 2};
    struct fixture f = {.c = c, .self = self, .node = &c->nodes[self]};
    struct nika_digest d = build_digest(0xcc);
    struct pbft_commit_cert m = {0};
    struct cluster_bytes frames =
        fixture_commit_frames(&f, senders, ARRAY_COUNT(senders), view, 1, &d, &m.commits);
    assert_true(fixture_send(&f, 2, &pbft_info_commit_cert, &m));
    assert_true(fixture_slot(&f, 1)->base.committed);
    free(frames.data);
}

static void test_nv8_against_what_an_earlier_view_committed_is_an_alarm(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    commit_elsewhere(s.c, OBSERVER, VIEW - 1);
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NONE));
    assert_int_equal(s.c->nodes[OBSERVER].alarms, 1);
    scene_end(&s);
}

/* One liar that leads the view suffices for the first, and slow messages for the second: no alarm. */
static void test_nv2_against_what_this_or_a_later_view_committed_is_refused(void **state)
{
    (void)state;
    struct scene s;
    for (uint64_t view = VIEW; view < VIEW + 2; view++) {
        scene_begin(&s);
        commit_elsewhere(s.c, OBSERVER, view);
        assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV2));
        assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV2)); /* Still one rejection. */
        /* The one that others entered. */
        const struct build_certificate both[] = {{.view = 0, .seq = 1, .digest = 0xcc}, carried};
        struct build_view_change spec = {
            .sender = 2, .view = VIEW, .prepared = both, .prepared_count = 2};
        replace_change(&s, 2, &spec);
        s.orders[0].digest = 0xcc;
        assert_true(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NONE));
        assert_int_equal(s.c->nodes[OBSERVER].alarms, 0);
        scene_end(&s);
    }
}

static void test_what_is_committed_while_a_new_view_is_made_durable_stays(void **state)
{
    (void)state;
    struct scene s;
    for (uint64_t view = VIEW - 1; view < VIEW + 2; view++) {
        scene_begin(&s);
        s.c->nodes[OBSERVER].hold_disk = true;
        struct cluster_bytes frame = scene_frame(&s, PRIMARY, VIEW);
        assert_true(cluster_deliver(s.c, OBSERVER, frame));
        commit_elsewhere(s.c, OBSERVER, view);
        s.c->nodes[OBSERVER].hold_disk = false;
        cluster_disk(s.c, OBSERVER);
        struct nika_replica *r = cluster_replica(s.c, OBSERVER);
        assert_int_equal(r->core.view, VIEW);
        assert_int_equal(pbft_slot_find(r, 1)->base.commit_digest.bytes[0], 0xcc);
        /* No vote for the null batch at 1, which cannot be final any more. */
        assert_int_equal(s.c->nodes[OBSERVER].sent[PBFT_TYPE_prepare], 0);
        assert_int_equal(s.c->nodes[OBSERVER].alarms, view < VIEW ? 1 : 0);
        free(frame.data);
        scene_end(&s);
    }
}

/* A primary that others left behind: it starts nothing, and raises no alarm. */
static void test_a_primary_builds_no_new_view_against_what_a_later_view_committed(void **state)
{
    (void)state;
    for (uint64_t view = VIEW - 1; view < VIEW + 2; view += 2) {
        struct scene s = {.c = cluster_new(4, 1)};
        for (uint32_t i = 0; i < 4; i++) s.c->nodes[i].silent = i != PRIMARY;
        commit_elsewhere(s.c, PRIMARY, view);
        for (uint32_t i = 2; i < 4; i++) {
            struct build_view_change spec = {
                .sender = i, .view = VIEW, .prepared = &carried, .prepared_count = i == 2 ? 1 : 0};
            struct cluster_bytes frame = build_view_change(s.c, &spec);
            assert_true(cluster_deliver(s.c, PRIMARY, frame));
            free(frame.data);
        }
        assert_int_equal(cluster_replica(s.c, PRIMARY)->core.view, VIEW);
        assert_int_equal(s.c->nodes[PRIMARY].sent[PBFT_TYPE_new_view], 0);
        assert_int_equal(s.c->nodes[PRIMARY].alarms > 0, view < VIEW);
        scene_end(&s);
    }
}

static void test_a_refused_new_view_is_not_verified_again(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    s.orders[1].signer = 2;
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV6));
    assert_false(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NV6)); /* Still one rejection. */
    s.orders[1].signer = PRIMARY;
    assert_true(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NONE));
    scene_end(&s);
}

static void test_d5_no_prepare_before_new_view_is_durable(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    s.c->nodes[OBSERVER].hold_disk = true;
    struct cluster_bytes frame = scene_frame(&s, PRIMARY, VIEW);
    assert_true(cluster_deliver(s.c, OBSERVER, frame));
    assert_int_equal(cluster_replica(s.c, OBSERVER)->core.view, 0);
    assert_int_equal(s.c->nodes[OBSERVER].sent[PBFT_TYPE_prepare], 0);
    s.c->nodes[OBSERVER].hold_disk = false;
    cluster_disk(s.c, OBSERVER);
    assert_int_equal(cluster_replica(s.c, OBSERVER)->core.view, VIEW);
    assert_int_equal(s.c->nodes[OBSERVER].sent[PBFT_TYPE_prepare], 1);
    free(frame.data);
    scene_end(&s);
}

/* A NEW-VIEW of view 5 that is being made durable may be there already: VIEW-CHANGEs and T_req lead to no view below it (O7), and to one
 * above it as ever. */
static void test_d5_a_new_view_on_its_way_to_the_disk_is_entered_first(void **state)
{
    (void)state;
    for (uint64_t joined = 2; joined < 8; joined += 4) {
        struct scene s;
        scene_begin(&s);
        for (uint32_t i = 0; i < 3; i++) {
            struct build_view_change spec = {
                .sender = i, .view = 5, .prepared = &carried, .prepared_count = i == 2 ? 1 : 0};
            replace_change(&s, i, &spec);
        }
        s.orders[0].view = s.orders[1].view = 5;
        s.c->nodes[OBSERVER].hold_disk = true;
        struct cluster_bytes frame = scene_frame(&s, PRIMARY, 5);
        assert_true(cluster_deliver(s.c, OBSERVER, frame));
        struct nika_replica *r = cluster_replica(s.c, OBSERVER);
        assert_int_equal(r->new_view_candidate_view, 5);
        for (uint32_t i = 0; i < 2; i++) {
            struct build_view_change spec = {.sender = i, .view = joined};
            struct cluster_bytes change = build_view_change(s.c, &spec);
            assert_true(cluster_deliver(s.c, OBSERVER, change));
            free(change.data);
        }
        assert_int_equal(r->core.view, joined < 5 ? 0 : joined);
        assert_int_equal(r->core.active, joined < 5);
        s.c->nodes[OBSERVER].hold_disk = false;
        cluster_disk(s.c, OBSERVER);
        assert_int_equal(r->core.view, joined < 5 ? 5 : joined);
        free(frame.data);
        scene_end(&s);
    }
}

static void test_a_restarted_replica_is_in_the_view_it_entered(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    assert_true(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NONE));
    cluster_crash_restart(s.c, OBSERVER);
    struct nika_replica *r = cluster_replica(s.c, OBSERVER);
    assert_int_equal(r->core.view, VIEW);
    assert_true(r->core.active);
    assert_int_equal(r->low_bound, 2);
    assert_int_equal(r->new_view_view, VIEW);
    scene_end(&s);
}

/* D5 at the primary: it sends NEW-VIEW only once durable, and after a crash the same bytes. */
static void test_d5_a_restarted_primary_resends_the_same_new_view(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    for (uint32_t i = 0; i < 4; i++) c->nodes[i].silent = i != PRIMARY;
    c->nodes[PRIMARY].hold_disk = true;
    for (uint32_t i = 2; i < 4; i++) {
        struct build_view_change spec = {
            .sender = i, .view = VIEW, .prepared = &carried, .prepared_count = i == 2 ? 1 : 0};
        struct cluster_bytes frame = build_view_change(c, &spec);
        assert_true(cluster_deliver(c, PRIMARY, frame));
        free(frame.data);
    }
    cluster_disk(c, PRIMARY); /* The own VIEW-CHANGE: now NEW-VIEW is built. */
    assert_int_equal(c->nodes[PRIMARY].sent[PBFT_TYPE_view_change], 1);
    assert_int_equal(c->nodes[PRIMARY].sent[PBFT_TYPE_new_view], 0);
    assert_false(cluster_replica(c, PRIMARY)->core.active);
    cluster_disk(c, PRIMARY);
    assert_int_equal(c->nodes[PRIMARY].sent[PBFT_TYPE_new_view], 1);
    assert_true(cluster_replica(c, PRIMARY)->core.active);
    assert_int_equal(c->nodes[PRIMARY].sent[PBFT_TYPE_prepare],
                     0); /* Its orders are its votes (P2). */
    struct cluster_bytes *last = &c->nodes[PRIMARY].last[PBFT_TYPE_new_view];
    struct cluster_bytes before = {malloc(last->size), last->size};
    memcpy(before.data, last->data, last->size);
    cluster_crash_restart(c, PRIMARY);
    assert_int_equal(c->nodes[PRIMARY].sent[PBFT_TYPE_new_view], 2);
    assert_int_equal(last->size, before.size);
    assert_memory_equal(last->data, before.data, before.size);
    free(before.data);
    cluster_free(c);
}

static void test_min_s_above_h_starts_a_transfer(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    for (uint32_t i = 0; i < 3; i++) {
        struct build_view_change spec = {
            .sender = i, .view = VIEW, .low_mark = i == 0 ? 4 : 0, .state = 7};
        replace_change(&s, i, &spec);
    }
    s.order_count = 0;
    assert_true(entered(&s, PRIMARY, VIEW, NIKA_CHECK_NONE));
    struct nika_replica *r = cluster_replica(s.c, OBSERVER);
    assert_true(r->core.transfer.active);
    assert_int_equal(r->core.transfer.seq, 4);
    assert_int_equal(r->low_bound, 4);
    assert_int_equal(s.c->nodes[OBSERVER].sent[COMMON_TYPE_fetch_meta], 1);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_valid_new_view_is_entered_without_an_own_view_change),
        cmocka_unit_test(test_nv1_only_the_primary_of_the_view_may_start_it),
        cmocka_unit_test(test_nv2_a_view_that_is_active_does_not_start_twice),
        cmocka_unit_test(test_nv2_a_lower_view_is_never_entered),
        cmocka_unit_test(test_nv3_q_distinct_senders_in_order),
        cmocka_unit_test(test_nv4_each_view_change_is_valid_and_for_this_view),
        cmocka_unit_test(test_nv5_orders_follow_from_the_proofs),
        cmocka_unit_test(test_nv5_the_highest_view_wins_not_the_first),
        cmocka_unit_test(test_nv6_each_order_is_signed_by_the_new_primary),
        cmocka_unit_test(test_nv7_more_orders_than_a_window_are_refused),
        cmocka_unit_test(test_nv7_more_bytes_than_a_new_view_can_have_are_refused),
        cmocka_unit_test(test_nv8_two_certificates_of_one_view_raise_the_alarm),
        cmocka_unit_test(test_nv8_against_what_an_earlier_view_committed_is_an_alarm),
        cmocka_unit_test(test_nv2_against_what_this_or_a_later_view_committed_is_refused),
        cmocka_unit_test(test_what_is_committed_while_a_new_view_is_made_durable_stays),
        cmocka_unit_test(test_a_primary_builds_no_new_view_against_what_a_later_view_committed),
        cmocka_unit_test(test_a_refused_new_view_is_not_verified_again),
        cmocka_unit_test(test_d5_no_prepare_before_new_view_is_durable),
        cmocka_unit_test(test_d5_a_new_view_on_its_way_to_the_disk_is_entered_first),
        cmocka_unit_test(test_a_restarted_replica_is_in_the_view_it_entered),
        cmocka_unit_test(test_d5_a_restarted_primary_resends_the_same_new_view),
        cmocka_unit_test(test_min_s_above_h_starts_a_transfer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
