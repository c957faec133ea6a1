/* tests/protocols/pbft/test_view_properties.c: what must hold across views whatever happens in between: agreement, nothing prepared
 * is lost, no vote for a view that was left, and progress once messages arrive (PROTOCOLS.md 1.7, 1.16). */
#include "protocols/pbft/view.h"
#include "tests/protocols/pbft/view_build.h"

static bool drop_commits(const struct cluster *c, uint32_t from, uint32_t to,
                         const struct nika_frame *frame)
{
    (void)c, (void)from, (void)to;
    return frame->type == PBFT_TYPE_commit || frame->type == PBFT_TYPE_commit_cert;
}

static bool drop_new_views_below(const struct cluster *c, uint32_t from, uint32_t to,
                                 const struct nika_frame *frame)
{
    (void)from, (void)to;
    return frame->type == PBFT_TYPE_new_view && nika_load_le(frame->body.data, 8) < c->drop_param;
}

static void silence_primary(struct cluster *c, uint32_t primary)
{
    c->nodes[primary].silent = true;
}

/* T_req of every backup that runs expires. */
static void suspect(struct cluster *c)
{
    for (uint32_t i = 0; i < c->config.n; i++) {
        if (!c->nodes[i].silent) (void)cluster_fire(c, i, COMMON_TIMER_REQUEST);
    }
    cluster_run(c);
}

static void expect_sound(const struct cluster *c)
{
    cluster_check_agreement(c);
    for (uint32_t i = 0; i < c->config.n; i++) {
        assert_int_equal(c->nodes[i].votes_below, 0);
        assert_int_equal(c->nodes[i].alarms, 0);
        assert_int_equal(c->nodes[i].evidence, 0);
    }
}

static void test_a_silent_primary_is_replaced(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    silence_primary(c, 0);
    cluster_request(c, 0, 1);
    cluster_run(c);
    suspect(c);
    for (uint32_t i = 1; i < 4; i++) {
        assert_int_equal(cluster_replica(c, i)->core.view, 1);
        assert_true(cluster_replica(c, i)->core.active);
    }
    cluster_status(c, 2);
    for (uint32_t i = 1; i < 4; i++) assert_int_equal(cluster_replica(c, i)->core.last_executed, 1);
    expect_sound(c);
    cluster_free(c);
}

/* Carried-over proof: what prepared in view 0 commits in view 1 under the same number and digest, and is not ordered twice. */
static void test_a_prepared_batch_is_carried_over(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    c->drop = drop_commits;
    cluster_request(c, 0, 1);
    cluster_run(c);
    struct nika_replica *r = cluster_replica(c, 1);
    assert_int_equal(r->core.last_executed, 0);
    assert_true(pbft_slot_find(r, 1)->base.carry);
    struct nika_digest prepared = pbft_slot_find(r, 1)->base.carry_digest;
    c->drop = NULL;
    silence_primary(c, 0);
    suspect(c);
    cluster_status(c, 2);
    for (uint32_t i = 1; i < 4; i++) {
        assert_int_equal(cluster_replica(c, i)->core.view, 1);
        assert_int_equal(cluster_replica(c, i)->core.last_executed,
                         1); /* Not 2: marked as proposed. */
        assert_true(nika_digest_equal(&c->nodes[i].executed[1], &prepared));
    }
    expect_sound(c);
    cluster_free(c);
}

/* Nested view changes: the NEW-VIEW of view 1 and 2 never arrives; view 3 still carries the proof of view 0. */
static void test_nested_view_changes_keep_the_proof(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    c->drop = drop_commits;
    cluster_request(c, 0, 1);
    cluster_run(c);
    struct nika_digest prepared = pbft_slot_find(cluster_replica(c, 1), 1)->base.carry_digest;
    c->drop = drop_new_views_below;
    c->drop_param = 3;
    silence_primary(c, 0);
    suspect(c);
    for (uint64_t view = 1; view < 3; view++) {
        for (uint32_t i = 1; i < 4; i++) {
            if (!cluster_replica(c, i)->core.active) (void)cluster_fire(c, i, COMMON_TIMER_VIEW);
        }
        cluster_run(c);
    }
    cluster_status(c, 4);
    for (uint32_t k = 0; k < 4; k++) {
        for (uint32_t i = 1; i < 4; i++) {
            if (!cluster_replica(c, i)->core.active) (void)cluster_fire(c, i, COMMON_TIMER_VIEW);
        }
        cluster_run(c);
        suspect(c);
        cluster_status(c, 2);
    }
    for (uint32_t i = 1; i < 4; i++) {
        assert_true(cluster_replica(c, i)->core.view >= 3);
        assert_int_equal(cluster_replica(c, i)->core.last_executed, 1);
        assert_true(nika_digest_equal(&c->nodes[i].executed[1], &prepared));
    }
    expect_sound(c);
    cluster_free(c);
}

/* A gap below a prepared number is filled with the null batch, which executes nothing. */
static void test_a_gap_becomes_a_null_request(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    const struct build_certificate at_two = {.view = 0, .seq = 2, .digest = 0};
    for (uint32_t i = 0; i < 4; i++) c->nodes[i].silent = i == 0;
    for (uint32_t to = 1; to < 4; to++) {
        struct build_view_change spec = {
            .sender = 0, .view = 1, .prepared = &at_two, .prepared_count = 1};
        struct cluster_bytes frame = build_view_change(c, &spec);
        assert_true(cluster_deliver(
            c, to, frame)); /* The primary abdicates and proves a certificate at 2. */
        free(frame.data);
    }
    cluster_run(c);
    cluster_status(c, 3);
    for (uint32_t i = 1; i < 4; i++) {
        struct nika_replica *r = cluster_replica(c, i);
        assert_true(r->core.active);
        assert_int_equal(r->core.view, 1);
        if (r->low_bound == 2) assert_int_equal(r->core.last_executed, 2);
    }
    cluster_request(c, 0, 1);
    cluster_run(c);
    cluster_status(c, 2);
    assert_true(cluster_replica(c, 1)->core.last_executed >= 1);
    expect_sound(c);
    cluster_free(c);
}

/* Replicas with different h change view together: the highest proven h wins and nothing below it is ordered again. */
static void test_checkpoints_of_different_height_agree_on_min_s(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    for (uint64_t t = 1; t <= 5; t++) {
        cluster_request(c, 0, t);
        cluster_run(c);
    }
    assert_int_equal(cluster_replica(c, 1)->core.low_mark, 4);
    silence_primary(c, 0);
    cluster_request(c, 0, 6);
    cluster_run(c);
    suspect(c);
    cluster_status(c, 3);
    for (uint32_t i = 1; i < 4; i++) {
        struct nika_replica *r = cluster_replica(c, i);
        assert_int_equal(r->core.view, 1);
        assert_int_equal(r->core.last_executed, 6);
        for (uint32_t s = 1; s <= 6; s++) assert_int_equal(c->nodes[i].executed_count[s], 1);
    }
    expect_sound(c);
    cluster_free(c);
}

/* A checkpoint conflict inside one certificate is no proof: the VIEW-CHANGE is refused by all, and h stays (Themis M19). */
static void test_a_checkpoint_conflict_moves_no_low_mark(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    struct build_view_change spec = {
        .sender = 2, .view = 1, .low_mark = 4, .other_checkpoint_digest = true};
    struct cluster_bytes frame = build_view_change(c, &spec);
    assert_true(cluster_deliver(c, 3, frame));
    assert_int_equal(c->nodes[3].rejects[NIKA_CHECK_VC4], 1);
    assert_int_equal(cluster_replica(c, 3)->core.low_mark, 0);
    assert_int_equal(cluster_replica(c, 3)->core.view_changes[2].view, 0);
    free(frame.data);
    cluster_free(c);
}

/* A pseudo-random schedule without entropy: losses, crashes and time-outs from a small generator; safety must hold throughout, and
 * progress returns once everything is delivered. */
static uint64_t chaos_state(uint64_t seed, uint64_t k)
{
    uint64_t both[2] = {seed, k};
    return nika_hash64(both, sizeof both, 1);
}

static bool drop_some(const struct cluster *c, uint32_t from, uint32_t to,
                      const struct nika_frame *frame)
{
    uint64_t mix = ((uint64_t)from << 32 | to) ^ (uint64_t)frame->type << 48 ^ c->now_ns;
    return chaos_state(c->drop_param, mix ^ nika_hash64(frame->raw.data, frame->raw.size, 2)) % 4 ==
           0;
}

static void chaos(uint64_t seed)
{
    struct cluster *c = cluster_new(4, 1);
    c->drop = drop_some;
    c->drop_param = seed;
    uint64_t timestamp = 0;
    for (uint64_t k = 0; k < 40; k++) {
        uint64_t draw = chaos_state(seed, k);
        uint32_t node = (uint32_t)(draw >> 8) % 4;
        if (draw % 8 < 3) cluster_request(c, 0, ++timestamp);
        if (draw % 8 == 3) (void)cluster_fire(c, node, COMMON_TIMER_REQUEST);
        if (draw % 8 == 4) (void)cluster_fire(c, node, COMMON_TIMER_VIEW);
        if (draw % 8 == 5) cluster_crash_restart(c, node);
        cluster_run(c);
        if (draw % 8 >= 5) cluster_status(c, 1);
        expect_sound(c);
    }
    c->drop = NULL;
    cluster_request(c, 1, 1);
    for (uint32_t k = 0;
         k < 40 && cluster_replica(c, 0)->core.replies.entries[1].last_timestamp == 0; k++) {
        cluster_status(c, 2);
        for (uint32_t i = 0; i < 4; i++) {
            for (uint32_t timer = 0; timer < COMMON_TIMER_COUNT; timer++) {
                if (timer != COMMON_TIMER_REQUEST && timer != COMMON_TIMER_VIEW)
                    (void)cluster_fire(c, i, timer);
                else if (k % 4 == 3)
                    (void)cluster_fire(c, i, timer);
            }
            cluster_run(c);
        }
    }
    expect_sound(c);
    assert_int_equal(cluster_replica(c, 0)->core.replies.entries[1].last_timestamp, 1);
    cluster_free(c);
}

static void test_agreement_holds_under_loss_crashes_and_timeouts(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) chaos(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_silent_primary_is_replaced),
        cmocka_unit_test(test_a_prepared_batch_is_carried_over),
        cmocka_unit_test(test_nested_view_changes_keep_the_proof),
        cmocka_unit_test(test_a_gap_becomes_a_null_request),
        cmocka_unit_test(test_checkpoints_of_different_height_agree_on_min_s),
        cmocka_unit_test(test_a_checkpoint_conflict_moves_no_low_mark),
        cmocka_unit_test(test_agreement_holds_under_loss_crashes_and_timeouts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
