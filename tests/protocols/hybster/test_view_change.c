/* HV1-HV8: what is believed of a VIEW-CHANGE (PROTOCOLS.md 2.4). Replica 1 sends, replica 2 is under test. */
#include "tests/protocols/hybster/build.h"

#define SELF 2u
#define SENDER 1u

/* Was it stored as the sender's VIEW-CHANGE? */
static bool taken(struct fixture *f, const struct build_view_change *spec)
{
    assert_true(fixture_give(f, build_view_change(f, spec)));
    return f->replica->core.view_changes[spec->sender].view == spec->view;
}

/* The wrong one is refused by `check` and leaves no trace; then its twin is taken. */
static void refuse(const struct build_view_change *wrong, enum nika_check check)
{
    struct fixture *f = fixture_new(SELF);
    assert_false(taken(f, wrong));
    assert_int_equal(f->rejects[check], 1);
    assert_int_equal(f->replica->core.view_changes[wrong->sender].view, 0);
    assert_int_equal(f->replica->core.view, 0);
    fixture_free(f);
}
static void accept(const struct build_view_change *right)
{
    struct fixture *f = fixture_new(SELF);
    assert_true(taken(f, right));
    for (uint32_t i = 0; i < NIKA_CHECK_COUNT; i++) assert_int_equal(f->rejects[i], 0);
    fixture_free(f);
}

/* PREPAREs low_mark+1 .. low_mark+count of `view`. */
static void add_prepares(struct build_view_change *spec, uint64_t view, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        spec->prepares[i] = (struct build_order){.sender = (uint32_t)(view % FIXTURE_REPLICAS),
                                                 .view = view,
                                                 .seq = spec->low_mark + i + 1,
                                                 .digest = build_digest((uint8_t)(i + 1))};
    spec->prepare_count = count;
}
static void add_checkpoints(struct build_view_change *spec, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        spec->checkpoints[i] =
            (struct build_checkpoint){.sender = i, .seq = spec->low_mark, .state = 7};
    spec->checkpoint_count = count;
}

static void test_hv1_needs_the_continuing_certificate(void **state)
{
    (void)state;
    struct build_view_change spec = {.sender = SENDER, .view = 1};
    accept(&spec);
    for (uint32_t flaw = FLAW_NONE + 1; flaw < FLAW_COUNT; flaw++) {
        spec.flaw = (enum build_flaw)flaw;
        refuse(&spec, NIKA_CHECK_HV1);
    }
    /* Certified again at the value where the counter already was. */
    spec.flaw = FLAW_NONE;
    spec.previous = (struct nika_trusted_value){1, 0};
    refuse(&spec, NIKA_CHECK_HV1);
    /* One's own comes from nobody else. */
    spec = (struct build_view_change){.sender = SELF, .view = 1};
    refuse(&spec, NIKA_CHECK_HV1);
}

static void test_hv2_leads_upwards(void **state)
{
    (void)state;
    struct build_view_change spec = {.sender = SENDER, .view = 2, .from = 2};
    refuse(&spec, NIKA_CHECK_HV2);
    spec.from = 3;
    refuse(&spec, NIKA_CHECK_HV2);
    spec.from = 1;
    accept(&spec);
}

static void test_hv3_low_mark_is_proven(void **state)
{
    (void)state;
    struct build_view_change good = {.sender = SENDER, .view = 1, .low_mark = 4}, bad;
    add_checkpoints(&good, 2);
    accept(&good);
    bad = good;
    bad.checkpoint_count = 1;
    refuse(&bad, NIKA_CHECK_HV3);
    bad = good;
    bad.checkpoints[1].sender = 0;
    refuse(&bad, NIKA_CHECK_HV3);
    bad = good;
    bad.checkpoints[1].state = 8;
    refuse(&bad, NIKA_CHECK_HV3);
    bad = good;
    bad.checkpoints[0].seq = bad.checkpoints[1].seq = 8;
    refuse(&bad, NIKA_CHECK_HV3);
    for (uint32_t flaw = FLAW_NONE + 1; flaw < FLAW_COUNT; flaw++) {
        /* A trusted MAC has neither counter nor value. */
        if (flaw == FLAW_COUNTER || flaw == FLAW_VALUE) continue;
        bad = good;
        bad.checkpoints[1].flaw = (enum build_flaw)flaw;
        refuse(&bad, NIKA_CHECK_HV3);
    }
    bad = good;
    bad.low_mark = 3;
    bad.checkpoints[0].seq = bad.checkpoints[1].seq = 3;
    refuse(&bad, NIKA_CHECK_HV3);
    bad = good;
    bad.low_mark = 0;
    refuse(&bad, NIKA_CHECK_HV3);
}

static const struct build_view_change chained = {
    .sender = SENDER,
    .view = 4,
    .from = 1,
    .previous = {3, 0},
    .hops = {{.previous = {1, 2}, .value = {2, 0}}, {.previous = {2, 0}, .value = {3, 0}}},
    .hop_count = 2};

static void test_hv4_hops_join_without_a_gap(void **state)
{
    (void)state;
    struct build_view_change good = chained, bad;
    add_prepares(&good, 1, 2);
    accept(&good);
    bad = good; /* The last hop is missing. */
    bad.hop_count = 1;
    refuse(&bad, NIKA_CHECK_HV4);
    bad = good; /* A hop in between uses another start than where the one before ended. */
    bad.hops[1].previous = (struct nika_trusted_value){2, 1};
    refuse(&bad, NIKA_CHECK_HV4);
    bad = good; /* A hop that ends in the middle of a view is no VIEW-CHANGE. */
    bad.hops[0].value = bad.hops[1].previous = (struct nika_trusted_value){2, 1};
    refuse(&bad, NIKA_CHECK_HV4);
    bad = good; /* A hop that goes nowhere. */
    bad.hops[0].previous = (struct nika_trusted_value){2, 0};
    refuse(&bad, NIKA_CHECK_HV4);
    for (uint32_t flaw = FLAW_NONE + 1; flaw < FLAW_COUNT; flaw++) {
        bad = good;
        bad.hops[0].flaw = (enum build_flaw)flaw;
        refuse(&bad, NIKA_CHECK_HV4);
    }
}

/* PROTOCOLS.md 2.4, "hidden hop": it took part in view 1 and left it, but shows only how it went from 0 to 1 and from 2 to 3. */
static void test_hv4_hidden_hop(void **state)
{
    (void)state;
    struct build_view_change spec = {.sender = SENDER,
                                     .view = 3,
                                     .from = 0,
                                     .previous = {2, 0},
                                     .hops = {{.previous = {0, 0}, .value = {1, 0}}},
                                     .hop_count = 1};
    refuse(&spec, NIKA_CHECK_HV4);
    /* Had it not taken part in view 1, nothing would be missing. */
    spec.hops[1] = (struct build_hop){.previous = {1, 0}, .value = {2, 0}};
    spec.hop_count = 2;
    accept(&spec);
}

static void test_hv5_chain_begins_where_the_sender_was(void **state)
{
    (void)state;
    struct build_view_change spec = {.sender = SENDER, .view = 3, .from = 1, .previous = {2, 0}};
    refuse(&spec, NIKA_CHECK_HV5);
    spec.previous = (struct nika_trusted_value){1, 0};
    accept(&spec);
    spec.previous =
        (struct nika_trusted_value){0, 5}; /* It only learned view 1, voting for nothing. */
    accept(&spec);
}

static void test_hv6_history_is_certified_and_has_no_gap(void **state)
{
    (void)state;
    struct build_view_change good = {.sender = SENDER, .view = 5, .from = 1, .previous = {1, 3}};
    struct build_view_change bad;
    add_prepares(&good, 1, 3);
    accept(&good);
    bad = good;
    bad.prepares[1].view = 4;
    refuse(&bad, NIKA_CHECK_HV6);
    bad = good;
    bad.prepares[1].sender = 0;
    refuse(&bad, NIKA_CHECK_HV6);
    bad = good;
    bad.prepares[2].seq = 4;
    refuse(&bad, NIKA_CHECK_HV6);
    bad = good;
    bad.prepares[0].seq = 2;
    bad.prepares[1].seq = 1;
    refuse(&bad, NIKA_CHECK_HV6);
    bad = good;
    bad.prepares[2].commit = true;
    refuse(&bad, NIKA_CHECK_HV6);
    for (uint32_t flaw = FLAW_NONE + 1; flaw < FLAW_COUNT; flaw++) {
        bad = good;
        bad.prepares[1].flaw = (enum build_flaw)flaw;
        refuse(&bad, NIKA_CHECK_HV6);
    }
}

static void test_hv7_participation_cannot_be_hidden(void **state)
{
    (void)state;
    struct build_view_change spec = {.sender = SENDER, .view = 1, .previous = {0, 3}};
    add_prepares(&spec, 0, 2);
    refuse(&spec, NIKA_CHECK_HV7);
    add_prepares(&spec, 0, 3);
    accept(&spec);
    /* The same behind a hop. */
    struct build_view_change hopped = chained;
    add_prepares(&hopped, 1, 1);
    refuse(&hopped, NIKA_CHECK_HV7);
    add_prepares(&hopped, 1, 2);
    accept(&hopped);
    /* What lies below a proven checkpoint needs no PREPARE. */
    spec =
        (struct build_view_change){.sender = SENDER, .view = 1, .low_mark = 4, .previous = {0, 4}};
    add_checkpoints(&spec, 2);
    accept(&spec);
    spec.previous.order = 5;
    refuse(&spec, NIKA_CHECK_HV7);
}

static void test_hv8_sizes_are_bounded(void **state)
{
    (void)state;
    struct build_view_change spec = {.sender = SENDER, .view = 1};
    add_prepares(&spec, 0, 9); /* L = 8 */
    refuse(&spec, NIKA_CHECK_HV8);
    add_prepares(&spec, 0, 8);
    accept(&spec);
    struct fixture *f = fixture_new(SELF);
    spec.junk = hybster_view_change_size_max(&f->config);
    fixture_free(f);
    refuse(&spec, NIKA_CHECK_HV8);
    /* More hops than can be listed do not even parse. */
    f = fixture_new(SELF);
    struct hybster_view_change m;
    struct build_view_change hops = {.sender = SENDER, .view = 1};
    struct fixture_bytes frame = build_view_change(f, &hops);
    assert_int_equal(nika_decode(&hybster_info_view_change,
                                 (struct nika_span){frame.data + NIKA_FRAME_HEAD_SIZE,
                                                    frame.size - nika_frame_size(0, 0)},
                                 &m),
                     NIKA_OK);
    uint8_t *count = frame.data + NIKA_FRAME_HEAD_SIZE + 3 * 8 + 2 * 4;
    assert_int_equal(nika_load_le(count, 4), 0);
    count[0] = HYBSTER_HOPS_MAX + 1;
    assert_true(!fixture_give(f, frame) || f->rejects[NIKA_CHECK_W0] == 1);
    assert_int_equal(f->replica->core.view_changes[SENDER].view, 0);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hv1_needs_the_continuing_certificate),
        cmocka_unit_test(test_hv2_leads_upwards),
        cmocka_unit_test(test_hv3_low_mark_is_proven),
        cmocka_unit_test(test_hv4_hops_join_without_a_gap),
        cmocka_unit_test(test_hv4_hidden_hop),
        cmocka_unit_test(test_hv5_chain_begins_where_the_sender_was),
        cmocka_unit_test(test_hv6_history_is_certified_and_has_no_gap),
        cmocka_unit_test(test_hv7_participation_cannot_be_hidden),
        cmocka_unit_test(test_hv8_sizes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
