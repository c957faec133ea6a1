/* tests/protocols/pbft/test_view_change.c: leaving a view (PROTOCOLS.md 1.7): who may make a replica leave, what it promises, and
 * when it may go on alone. */
#include "protocols/pbft/view.h"
#include "tests/protocols/pbft/view_build.h"

enum { OBSERVER = 3 };

static struct cluster *alone(uint32_t n, uint32_t f)
{
    struct cluster *c = cluster_new(n, f);
    for (uint32_t i = 0; i < n; i++) c->nodes[i].silent = i != OBSERVER;
    return c;
}

static void give(struct cluster *c, uint32_t sender, uint64_t view)
{
    struct build_view_change spec = {.sender = sender, .view = view};
    struct cluster_bytes frame = build_view_change(c, &spec);
    assert_true(cluster_deliver(c, OBSERVER, frame));
    free(frame.data);
}

static void test_join_rule_takes_the_view_that_f_plus_1_reached(void **state)
{
    (void)state;
    struct cluster *c = alone(4, 1);
    give(c, 1, 7);
    assert_int_equal(cluster_replica(c, OBSERVER)->core.view, 0); /* One replica may be lying. */
    give(c, 2, 5);
    assert_int_equal(cluster_replica(c, OBSERVER)->core.view, 5);
    assert_false(cluster_replica(c, OBSERVER)->core.active);
    assert_int_equal(c->nodes[OBSERVER].sent[PBFT_TYPE_view_change], 1);
    cluster_free(c);
}

static void test_abdication_of_the_primary_moves_one_view_only(void **state)
{
    (void)state;
    struct cluster *c = alone(4, 1);
    give(c, 0, 4); /* The primary of views 0 and 4 wants to keep its office. */
    assert_int_equal(cluster_replica(c, OBSERVER)->core.view, 1);
    cluster_free(c);
}

static bool observer_is_cut_off(const struct cluster *c, uint32_t from, uint32_t to,
                                const struct nika_frame *frame)
{
    (void)c, (void)frame;
    return from == OBSERVER || to == OBSERVER;
}

static void expect_views(struct cluster *c, uint64_t others, uint64_t observer)
{
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(cluster_replica(c, i)->core.view, i == OBSERVER ? observer : others);
}

/* It timed out while it was cut off, f others did not. It executes what they do, but votes in no view until the primary gives its own up. */
static void test_primary_helps_a_replica_that_left_alone(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    c->drop = observer_is_cut_off;
    cluster_request(c, 0, 1);
    cluster_run(c);
    assert_true(cluster_fire(c, OBSERVER, COMMON_TIMER_REQUEST));
    cluster_run(c);
    c->drop = NULL;
    cluster_status(c, 2);
    uint64_t limit = 16 * c->config.request_ns,
             since = cluster_replica(c, 0)->core.stranded_since_ns;
    assert_in_range(since, 1, c->now_ns);
    assert_true(c->now_ns + 40 * c->config.status_ns < since + limit);
    while (c->now_ns + 20 * c->config.status_ns < since + limit) cluster_status(c, 1);
    assert_int_equal(cluster_replica(c, OBSERVER)->core.last_executed, 1);
    expect_views(c, 0, 1);
    assert_false(cluster_replica(c, OBSERVER)->core.active);
    cluster_status(c, 2);
    expect_views(c, 1, 1);
    for (uint32_t i = 0; i < 4; i++) assert_true(cluster_replica(c, i)->core.active);
    cluster_free(c);
}

/* A backup that gave up its view for another would only be the next that is alone. */
static void test_no_backup_leaves_for_a_single_peer(void **state)
{
    (void)state;
    struct cluster *c = alone(4, 1);
    give(c, 1, 1);
    for (uint32_t k = 0; k < 3; k++) {
        c->now_ns += 17 * c->config.request_ns;
        assert_true(cluster_fire(c, OBSERVER, COMMON_TIMER_STATUS));
    }
    assert_int_equal(cluster_replica(c, OBSERVER)->core.view, 0);
    cluster_free(c);
}

static void test_vc1_own_or_unknown_sender_is_rejected(void **state)
{
    (void)state;
    struct cluster *c = alone(4, 1);
    give(c, OBSERVER, 1);
    assert_int_equal(c->nodes[OBSERVER].rejects[NIKA_CHECK_VC1], 1);
    assert_int_equal(cluster_replica(c, OBSERVER)->core.view, 0);
    struct build_view_change spec = {.sender = 2, .view = 1};
    struct cluster_bytes frame = build_view_change(c, &spec);
    frame.data[frame.size - 1] ^= 1;
    assert_false(cluster_deliver(c, OBSERVER, frame)); /* Ingress refuses the signature. */
    free(frame.data);
    cluster_free(c);
}

static void test_vc3_an_older_view_change_is_rejected(void **state)
{
    (void)state;
    struct cluster *c = alone(4, 1);
    give(c, 2, 3);
    assert_int_equal(c->nodes[OBSERVER].rejects[NIKA_CHECK_VC3], 0);
    give(c, 2, 2);
    assert_int_equal(c->nodes[OBSERVER].rejects[NIKA_CHECK_VC3], 1);
    assert_int_equal(cluster_replica(c, OBSERVER)->core.view_changes[2].view, 3);
    cluster_free(c);
}

static void test_duplicate_view_changes_of_one_sender_do_not_join(void **state)
{
    (void)state;
    struct cluster *c = alone(4, 1);
    for (uint64_t view = 1; view < 6; view++) give(c, 2, view);
    give(c, 2, 5);
    assert_int_equal(cluster_replica(c, OBSERVER)->core.view, 0);
    assert_int_equal(c->nodes[OBSERVER].evidence, 0);
    cluster_free(c);
}

static void test_vcu_two_contents_for_one_view_convict_the_sender(void **state)
{
    (void)state;
    struct cluster *c = alone(4, 1);
    const struct build_certificate certificate = {.view = 0, .seq = 1, .digest = 9};
    struct build_view_change other = {
        .sender = 2, .view = 3, .prepared = &certificate, .prepared_count = 1};
    struct cluster_bytes frame = build_view_change(c, &other);
    give(c, 2, 3);
    assert_true(cluster_deliver(c, OBSERVER, frame));
    assert_int_equal(c->nodes[OBSERVER].rejects[NIKA_CHECK_VCU], 1);
    assert_int_equal(c->nodes[OBSERVER].evidence, 1);
    free(frame.data);
    cluster_free(c);
}

static void test_view_timer_waits_for_q_replicas(void **state)
{
    (void)state;
    struct cluster *c = alone(4, 1);
    give(c, 1, 2);
    give(c, 2, 2); /* Joins: two others and the own one make Q = 3. */
    assert_true(c->nodes[OBSERVER].timer_armed[COMMON_TIMER_VIEW]);
    uint64_t first = c->nodes[OBSERVER].timer_delay[COMMON_TIMER_VIEW];
    assert_true(cluster_fire(c, OBSERVER, COMMON_TIMER_VIEW));
    assert_int_equal(cluster_replica(c, OBSERVER)->core.view, 3);
    /* Alone at view 3: it must not run away from the others. */
    assert_false(c->nodes[OBSERVER].timer_armed[COMMON_TIMER_VIEW]);
    give(c, 1, 3);
    assert_false(c->nodes[OBSERVER].timer_armed[COMMON_TIMER_VIEW]);
    give(c, 2, 4);
    assert_true(c->nodes[OBSERVER].timer_armed[COMMON_TIMER_VIEW]);
    assert_int_equal(c->nodes[OBSERVER].timer_delay[COMMON_TIMER_VIEW], 2 * first); /* Back-off. */
    cluster_free(c);
}

static void test_backoff_is_capped(void **state)
{
    (void)state;
    struct cluster *c = alone(4, 1);
    for (uint64_t view = 1; view < 40; view++) {
        give(c, 1, view);
        give(c, 2, view);
    }
    struct nika_replica *r = cluster_replica(c, OBSERVER);
    assert_int_equal(r->core.view, 39);
    assert_int_equal(r->core.backoff, c->config.backoff_max);
    cluster_free(c);
}

static void test_d4_view_change_waits_for_the_disk(void **state)
{
    (void)state;
    struct cluster *c = alone(4, 1);
    c->nodes[OBSERVER].hold_disk = true;
    give(c, 1, 1);
    give(c, 2, 1);
    assert_int_equal(cluster_replica(c, OBSERVER)->core.view, 1);
    assert_int_equal(c->nodes[OBSERVER].sent[PBFT_TYPE_view_change], 0);
    cluster_disk(c, OBSERVER);
    assert_int_equal(c->nodes[OBSERVER].sent[PBFT_TYPE_view_change], 1);
    cluster_free(c);
}

static void test_a_full_disk_delays_the_view_change_until_the_status_timer(void **state)
{
    (void)state;
    struct cluster *c = alone(4, 1);
    c->nodes[OBSERVER].fail_disk = true;
    give(c, 1, 1);
    give(c, 2, 1);
    assert_int_equal(c->nodes[OBSERVER].sent[PBFT_TYPE_view_change], 0);
    c->nodes[OBSERVER].fail_disk = false;
    c->now_ns += 20 * c->config.status_ns;
    assert_true(cluster_fire(c, OBSERVER, COMMON_TIMER_STATUS));
    assert_int_equal(c->nodes[OBSERVER].sent[PBFT_TYPE_view_change], 1);
    cluster_free(c);
}

/* INV-VCM: a vote that waits for the disk when its view ends is never sent. */
static void test_vcm_a_vote_of_a_left_view_is_never_sent(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    c->nodes[OBSERVER].hold_disk = true;
    cluster_request(c, 0, 1);
    cluster_run(c);
    assert_int_equal(c->nodes[1].sent[PBFT_TYPE_prepare], 1);
    assert_int_equal(c->nodes[OBSERVER].sent[PBFT_TYPE_prepare], 0);
    give(c, 1, 1);
    give(c, 2, 1);
    c->nodes[OBSERVER].hold_disk = false;
    cluster_disk(c, OBSERVER);
    assert_int_equal(c->nodes[OBSERVER].sent[PBFT_TYPE_view_change], 1);
    assert_int_equal(c->nodes[OBSERVER].sent[PBFT_TYPE_prepare], 0);
    assert_int_equal(c->nodes[OBSERVER].votes_below, 0);
    cluster_free(c);
}

/* INV-VCU: after a crash exactly the stored bytes go out again, and the view is not re-entered by forgetting it. */
static void test_vcu_a_restarted_replica_resends_identical_bytes(void **state)
{
    (void)state;
    struct cluster *c = alone(4, 1);
    give(c, 1, 2);
    give(c, 2, 2);
    struct cluster_bytes *last = &c->nodes[OBSERVER].last[PBFT_TYPE_view_change];
    struct cluster_bytes before = {malloc(last->size), last->size};
    memcpy(before.data, last->data, last->size);
    cluster_crash_restart(c, OBSERVER);
    struct nika_replica *r = cluster_replica(c, OBSERVER);
    assert_int_equal(r->core.view, 2);
    assert_false(r->core.active);
    assert_int_equal(c->nodes[OBSERVER].sent[PBFT_TYPE_view_change], 2);
    assert_int_equal(last->size, before.size);
    assert_memory_equal(last->data, before.data, before.size);
    free(before.data);
    cluster_free(c);
}

static void test_amnesia_sends_no_view_change(void **state)
{
    (void)state;
    struct cluster *c = alone(4, 1);
    cluster_replica(c, OBSERVER)->core.amnesiac = true;
    give(c, 1, 2);
    give(c, 2, 2);
    assert_int_equal(c->nodes[OBSERVER].sent[PBFT_TYPE_view_change], 0);
    assert_int_equal(cluster_replica(c, OBSERVER)->core.view, 0);
    cluster_free(c);
}

/* Two others want view 3, whose primary the observer is: did it start the view? */
static bool starts_view_with(struct cluster *c)
{
    give(c, 0, 3);
    give(c, 1, 3);
    return cluster_replica(c, OBSERVER)->core.view == 3 &&
           cluster_replica(c, OBSERVER)->core.active;
}

static void test_a_store_full_of_batches_leaves_room_for_a_view_change(void **state)
{
    (void)state;
    struct cluster *c = alone(4, 1);
    struct nika_replica *r = cluster_replica(c, OBSERVER);
    for (uint32_t size = 65536; size >= 64; size /= 2) {
        while (common_bulk_alloc(&r->core, size) != 0) continue;
    }
    assert_true(starts_view_with(c));
    cluster_free(c);
    /* Filled with anything else to the brim, it could not. */
    c = alone(4, 1);
    r = cluster_replica(c, OBSERVER);
    for (uint32_t size = 65536; size >= 64; size /= 2) {
        while (nika_store_alloc(r->core.store, size) != 0) continue;
    }
    assert_false(starts_view_with(c));
    cluster_free(c);
}

static void test_batches_that_nothing_refers_to_give_way(void **state)
{
    (void)state;
    struct cluster *c = alone(4, 1);
    struct nika_replica *r = cluster_replica(c, OBSERVER);
    r->core.effects = &c->effects; /* Between two steps there are none. */
    struct pbft_slot *stale = pbft_slot_at(r, 1), *prepared = pbft_slot_at(r, 2);
    struct nika_digest digest = build_digest(7);
    stale->base.digest = prepared->base.digest = prepared->base.carry_digest = digest;
    prepared->base.carry = true;
    stale->base.batch = common_bulk_alloc(&r->core, 4096);
    prepared->base.batch = common_bulk_alloc(&r->core, 4096);
    stale->base.batch_ok = prepared->base.batch_ok = true;
    while (common_bulk_alloc(&r->core, 4096) != 0) continue;
    assert_int_equal(stale->base.batch, 0);        /* It made room for one more ... */
    assert_int_not_equal(prepared->base.batch, 0); /* ... and the promised one did not. */
    cluster_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_store_full_of_batches_leaves_room_for_a_view_change),
        cmocka_unit_test(test_batches_that_nothing_refers_to_give_way),
        cmocka_unit_test(test_join_rule_takes_the_view_that_f_plus_1_reached),
        cmocka_unit_test(test_abdication_of_the_primary_moves_one_view_only),
        cmocka_unit_test(test_primary_helps_a_replica_that_left_alone),
        cmocka_unit_test(test_no_backup_leaves_for_a_single_peer),
        cmocka_unit_test(test_vc1_own_or_unknown_sender_is_rejected),
        cmocka_unit_test(test_vc3_an_older_view_change_is_rejected),
        cmocka_unit_test(test_duplicate_view_changes_of_one_sender_do_not_join),
        cmocka_unit_test(test_vcu_two_contents_for_one_view_convict_the_sender),
        cmocka_unit_test(test_view_timer_waits_for_q_replicas),
        cmocka_unit_test(test_backoff_is_capped),
        cmocka_unit_test(test_d4_view_change_waits_for_the_disk),
        cmocka_unit_test(test_a_full_disk_delays_the_view_change_until_the_status_timer),
        cmocka_unit_test(test_vcm_a_vote_of_a_left_view_is_never_sent),
        cmocka_unit_test(test_vcu_a_restarted_replica_resends_identical_bytes),
        cmocka_unit_test(test_amnesia_sends_no_view_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
