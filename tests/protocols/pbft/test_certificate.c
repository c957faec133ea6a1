/* tests/protocols/pbft/test_certificate.c: what a VIEW-CHANGE must prove, VC4-VC8 (PROTOCOLS.md 1.7). Each negative case differs in
 * one thing from a VIEW-CHANGE that is accepted. */
#include "protocols/pbft/view.h"
#include "tests/protocols/pbft/view_build.h"

enum { OBSERVER = 3, SENDER = 2 };

static const struct build_certificate valid_certificate = {.view = 0, .seq = 1, .digest = 0xaa};

/* Give the VIEW-CHANGE to one replica of four; the check that rejected it, or NIKA_CHECK_NONE when it was stored. */
static enum nika_check verdict(const struct build_view_change *spec)
{
    struct cluster *c = cluster_new(4, 1);
    struct cluster_bytes frame = build_view_change(c, spec);
    enum nika_check found = NIKA_CHECK_COUNT;
    for (uint32_t i = 0; i < 4; i++) c->nodes[i].silent = i != OBSERVER;
    assert_true(cluster_deliver(c, OBSERVER, frame));
    if (cluster_replica(c, OBSERVER)->core.view_changes[spec->sender].view == spec->view)
        found = NIKA_CHECK_NONE;
    for (uint32_t check = 1; check < NIKA_CHECK_COUNT; check++) {
        if (c->nodes[OBSERVER].rejects[check] == 0) continue;
        assert_int_equal(found, NIKA_CHECK_COUNT);
        found = (enum nika_check)check;
    }
    free(frame.data);
    cluster_free(c);
    return found;
}

static enum nika_check verdict_of_certificate(const struct build_certificate *certificate)
{
    struct build_view_change spec = {
        .sender = SENDER, .view = 1, .prepared = certificate, .prepared_count = 1};
    return verdict(&spec);
}

static void test_a_complete_view_change_is_accepted(void **state)
{
    (void)state;
    struct build_view_change empty = {.sender = SENDER, .view = 1};
    assert_int_equal(verdict(&empty), NIKA_CHECK_NONE);
    assert_int_equal(verdict_of_certificate(&valid_certificate), NIKA_CHECK_NONE);
    const struct build_certificate two[] = {{.view = 1, .seq = 5, .digest = 1},
                                            {.view = 2, .seq = 12, .digest = 2}};
    struct build_view_change full = {
        .sender = SENDER, .view = 3, .low_mark = 4, .prepared = two, .prepared_count = 2};
    assert_int_equal(verdict(&full), NIKA_CHECK_NONE);
}

static void test_vc2_view_zero_needs_no_view_change(void **state)
{
    (void)state;
    struct build_view_change spec = {.sender = SENDER, .view = 0};
    struct cluster *c = cluster_new(4, 1);
    struct cluster_bytes frame = build_view_change(c, &spec);
    assert_true(cluster_deliver(c, OBSERVER, frame));
    assert_int_equal(c->nodes[OBSERVER].rejects[NIKA_CHECK_VC2], 1);
    free(frame.data);
    cluster_free(c);
}

static void test_vc4_low_mark_must_be_proven(void **state)
{
    (void)state;
    struct build_view_change spec = {.sender = SENDER, .view = 1, .low_mark = 4};
    assert_int_equal(verdict(&spec), NIKA_CHECK_NONE);
    struct build_view_change none = spec;
    none.no_checkpoints = true;
    assert_int_equal(verdict(&none), NIKA_CHECK_VC4);
    struct build_view_change few = spec;
    few.checkpoints = 2;
    assert_int_equal(verdict(&few), NIKA_CHECK_VC4);
    struct build_view_change repeated = spec;
    repeated.repeated_checkpoint = true;
    assert_int_equal(verdict(&repeated), NIKA_CHECK_VC4);
    struct build_view_change conflict = spec;
    conflict.other_checkpoint_digest = true;
    assert_int_equal(verdict(&conflict), NIKA_CHECK_VC4);
    struct build_view_change other = spec;
    other.checkpoint_of_other_seq = true;
    assert_int_equal(verdict(&other), NIKA_CHECK_VC4);
    struct build_view_change odd = spec;
    odd.low_mark = 5;
    assert_int_equal(verdict(&odd), NIKA_CHECK_VC4);
    struct build_view_change genesis = {.sender = SENDER, .view = 1, .checkpoints = 3};
    assert_int_equal(verdict(&genesis), NIKA_CHECK_VC4);
}

static void test_vc5_certificates_ascend_inside_the_window(void **state)
{
    (void)state;
    const struct build_certificate descending[] = {{.view = 0, .seq = 2, .digest = 1},
                                                   {.view = 0, .seq = 1, .digest = 1}};
    const struct build_certificate twice[] = {{.view = 0, .seq = 2, .digest = 1},
                                              {.view = 0, .seq = 2, .digest = 1}};
    const struct build_certificate last = {.view = 0, .seq = 8, .digest = 1},
                                   beyond = {.view = 0, .seq = 9, .digest = 1};
    struct build_view_change spec = {
        .sender = SENDER, .view = 1, .prepared = descending, .prepared_count = 2};
    assert_int_equal(verdict(&spec), NIKA_CHECK_VC5);
    spec.prepared = twice;
    assert_int_equal(verdict(&spec), NIKA_CHECK_VC5);
    assert_int_equal(verdict_of_certificate(&last), NIKA_CHECK_NONE);
    assert_int_equal(verdict_of_certificate(&beyond), NIKA_CHECK_VC5);
    struct build_view_change stable = {.sender = SENDER,
                                       .view = 1,
                                       .low_mark = 4,
                                       .prepared = &valid_certificate,
                                       .prepared_count = 1};
    assert_int_equal(verdict(&stable), NIKA_CHECK_VC5);
}

static void test_vc6_a_certificate_is_complete_consistent_and_signed(void **state)
{
    (void)state;
    struct build_certificate certificate = valid_certificate;
    certificate.wrong_primary = true;
    assert_int_equal(verdict_of_certificate(&certificate), NIKA_CHECK_VC6);
    certificate = valid_certificate;
    certificate.prepares = 1;
    assert_int_equal(verdict_of_certificate(&certificate), NIKA_CHECK_VC6);
    certificate.prepares = 3;
    assert_int_equal(verdict_of_certificate(&certificate), NIKA_CHECK_VC6);
    certificate = valid_certificate;
    certificate.primary_prepares = true;
    assert_int_equal(verdict_of_certificate(&certificate), NIKA_CHECK_VC6);
    certificate = valid_certificate;
    certificate.repeated_sender = true;
    assert_int_equal(verdict_of_certificate(&certificate), NIKA_CHECK_VC6);
    certificate = valid_certificate;
    certificate.other_digest = true;
    assert_int_equal(verdict_of_certificate(&certificate), NIKA_CHECK_VC6);
    certificate = valid_certificate;
    certificate.bad_signature = true;
    assert_int_equal(verdict_of_certificate(&certificate), NIKA_CHECK_VC6);
    certificate = valid_certificate;
    certificate.commit_instead = true;
    assert_int_equal(verdict_of_certificate(&certificate), NIKA_CHECK_VC6);
}

static void test_vc7_a_certificate_of_the_target_view_is_impossible(void **state)
{
    (void)state;
    struct build_certificate certificate = valid_certificate;
    certificate.view = 1;
    assert_int_equal(verdict_of_certificate(&certificate), NIKA_CHECK_VC7);
}

static void test_vc8_an_oversized_view_change_is_refused_unread(void **state)
{
    (void)state;
    struct build_view_change spec = {.sender = SENDER, .view = 1, .junk_checkpoints = 4};
    assert_int_equal(verdict(&spec), NIKA_CHECK_VC8);
}

static void test_size_limits_hold_for_the_largest_correct_view_change(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    struct build_certificate all[8];
    memset(all, 0, sizeof all);
    for (uint32_t i = 0; i < 8; i++)
        all[i] = (struct build_certificate){.view = 0, .seq = 5 + i, .digest = 1};
    struct build_view_change spec = {.sender = SENDER,
                                     .view = 1,
                                     .low_mark = 4,
                                     .prepared = all,
                                     .prepared_count = 8,
                                     .checkpoints = 4};
    struct cluster_bytes frame = build_view_change(c, &spec);
    assert_int_equal(frame.size, pbft_view_change_size_max(&c->config));
    assert_true(pbft_new_view_size_max(&c->config) > 4 * pbft_view_change_size_max(&c->config));
    struct nika_config large = c->config;
    large.store_bytes = 1000;
    assert_int_equal(pbft_view_change_size_max(&large), 1000);
    large.store_bytes = UINT32_MAX;
    large.n = NIKA_REPLICAS_MAX;
    large.f = 42;
    large.window = NIKA_WINDOW_MAX;
    assert_int_equal(pbft_new_view_size_max(&large), NIKA_MESSAGE_SIZE_MAX);
    free(frame.data);
    cluster_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_complete_view_change_is_accepted),
        cmocka_unit_test(test_vc2_view_zero_needs_no_view_change),
        cmocka_unit_test(test_vc4_low_mark_must_be_proven),
        cmocka_unit_test(test_vc5_certificates_ascend_inside_the_window),
        cmocka_unit_test(test_vc6_a_certificate_is_complete_consistent_and_signed),
        cmocka_unit_test(test_vc7_a_certificate_of_the_target_view_is_impossible),
        cmocka_unit_test(test_vc8_an_oversized_view_change_is_refused_unread),
        cmocka_unit_test(test_size_limits_hold_for_the_largest_correct_view_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
