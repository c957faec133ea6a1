/* HybsterX (PROTOCOLS.md 2.6): each pillar orders by itself, the merge runs all in one order, a view change is one for all of them. */
#include "tests/protocols/hybster/build.h"

#define PILLARS 2u

static void ordered_nothing(struct fixture *f, uint64_t view, uint64_t seq)
{
    struct build_order spec = {
        .sender = (uint32_t)(view % FIXTURE_REPLICAS), .view = view, .seq = seq};
    assert_true(fixture_give(f, build_order(f, &spec)));
}

/* ---- ordering ---- */
static void test_hp6_holds_in_each_pillar_by_itself(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_pillars(2, PILLARS);
    (void)build_ordered(f, 2);
    (void)build_ordered(f, 4);
    (void)build_ordered(f, 3); /* 1 is missing before it. */
    assert_int_equal(f->sent_seq_count, 2);
    assert_int_equal(f->sent_seq[0], 2);
    assert_int_equal(f->sent_seq[1], 4);
    assert_int_equal(fixture_counter(f, 0).order, 4);
    assert_int_equal(fixture_counter(f, 1).order, 0);
    /* PREPARE and own COMMIT are the majority of three, but the merge waits for the first one. */
    assert_int_equal(f->replica->core.last_executed, 0);
    (void)build_ordered(f, 1);
    assert_int_equal(f->sent_seq_count, 4);
    assert_int_equal(f->sent_seq[2], 1);
    assert_int_equal(f->sent_seq[3], 3);
    assert_int_equal(fixture_counter(f, 1).order, 3);
    assert_int_equal(f->replica->core.last_executed, 4);
    fixture_free(f);
}

static void test_hp4_the_counter_is_that_of_the_pillar(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_pillars(2, PILLARS);
    struct build_order spec = {.seq = 2, .digest = build_digest(1), .flaw = FLAW_COUNTER};
    assert_true(fixture_give(f, build_order(f, &spec)));
    assert_int_equal(f->rejects[NIKA_CHECK_HP4], 1);
    /* As if order 2 belonged to the pillar of order 1. */
    f->config.pillars = 1;
    spec.flaw = FLAW_NONE;
    spec.seq = 1;
    struct fixture_bytes wrong = build_order(f, &spec);
    f->config.pillars = PILLARS;
    assert_true(fixture_give(f, wrong));
    assert_int_equal(f->rejects[NIKA_CHECK_HP4], 2);
    (void)build_ordered(f, 1);
    assert_int_equal(f->rejects[NIKA_CHECK_HP4], 2);
    assert_int_equal(f->sent_seq_count, 1);
    fixture_free(f);
}

static void test_null_batch_needs_pillars(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(2);
    ordered_nothing(f, 0, 1);
    assert_int_equal(f->rejects[NIKA_CHECK_HP5], 1);
    fixture_free(f);
    f = fixture_new_pillars(2, PILLARS);
    ordered_nothing(f, 0, 1);
    assert_int_equal(f->rejects[NIKA_CHECK_HP5], 0);
    assert_int_equal(f->replica->core.last_executed, 1);
    fixture_free(f);
}

/* Pillars order at the same time: a higher number may have the earlier time. */
static void test_times_need_not_follow_numbers(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_pillars(2, PILLARS);
    uint64_t later[] = {0, 50, 10};
    for (uint64_t seq = 1; seq <= 2; seq++) {
        struct build_order spec = {.seq = seq};
        struct fixture_bytes body =
            build_batch(f, seq, f->now_ns + later[seq], false, &spec.digest);
        assert_true(fixture_give(f, build_order(f, &spec)));
        build_give_batch(f, 0, body);
    }
    assert_int_equal(f->rejects[NIKA_CHECK_HP5], 0);
    assert_int_equal(f->replica->core.last_executed, 2);
    assert_int_equal(f->replica->core.last_time_ns, f->now_ns + 50);
    fixture_free(f);
}

/* ---- the leader ---- */
static void test_idle_pillar_does_nothing_in_time(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_pillars(0, PILLARS);
    /* Client 0 is served by the pillar of 2, 4, ...: order 1 has nothing to do. */
    assert_true(fixture_give(f, build_request(f, 0, 1)));
    assert_int_equal(f->sent[HYBSTER_TYPE_prepare], 2);
    assert_int_equal(f->sent[COMMON_TYPE_batch], 1);
    assert_true(nika_digest_is_null(&hybster_slot_find(f->replica, 1)->base.digest));
    assert_false(nika_digest_is_null(&hybster_slot_find(f->replica, 2)->base.digest));
    /* Client 1 has the next number of its own pillar, and no gap before it. */
    assert_true(fixture_give(f, build_request(f, 1, 1)));
    assert_int_equal(f->sent[HYBSTER_TYPE_prepare], 3);
    assert_false(nika_digest_is_null(&hybster_slot_find(f->replica, 3)->base.digest));
    assert_int_equal(f->replica->core.next_seq[0], 4);
    assert_int_equal(f->replica->core.next_seq[1], 5);
    fixture_free(f);
}

/* With few proposals allowed beyond what ran, a number that has to wait is what the others catch up with. */
static void test_idle_pillar_makes_way_for_a_waiting_one(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_pillars(0, PILLARS);
    f->config.pipeline = 1;
    assert_true(fixture_give(f, build_request(f, 0, 1)));
    assert_int_equal(f->sent[HYBSTER_TYPE_prepare], 1);
    struct nika_digest nothing = {{0}};
    build_commit(f, 1, 0, 1, &nothing);
    assert_int_equal(f->replica->core.last_executed, 1);
    assert_int_equal(f->sent[HYBSTER_TYPE_prepare], 2);
    assert_false(nika_digest_is_null(&hybster_slot_find(f->replica, 2)->base.digest));
    fixture_free(f);
}

/* ---- what a crash leaves ---- */
static void test_lost_certificate_of_one_pillar(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_pillars(0, PILLARS);
    assert_true(fixture_give(f, build_request(f, 0, 1)));
    fixture_lose(f, HYBSTER_RECORD_PREPARE);
    fixture_restart(f);
    assert_false(f->replica->halted);
    assert_int_not_equal(hybster_slot_find(f->replica, 1)->base.order, 0);
    assert_int_not_equal(hybster_slot_find(f->replica, 2)->base.order, 0);
    assert_int_equal(f->replica->core.next_seq[0], 4);
    assert_int_equal(f->replica->core.next_seq[1], 3);
    fixture_free(f);
}

static void test_tsr_one_counter_behind_is_enough(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_pillars(2, PILLARS);
    (void)build_ordered(f, 1);
    (void)build_ordered(f, 2);
    memset(&f->instance.counter[hybster_order_counter(1)], 0, sizeof f->instance.counter[0]);
    fixture_restart(f);
    assert_true(f->replica->halted);
    assert_int_equal(f->rejects[NIKA_CHECK_TSR], 1);
    fixture_free(f);
}

/* One pillar has left view 0 and the other has not: the next VIEW-CHANGE shows a lost hop of the first one only. */
static void test_crash_in_the_middle_of_leaving(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_pillars(2, PILLARS);
    (void)build_ordered(f, 1);
    (void)build_ordered(f, 2);
    struct nika_digest lost = build_digest(9);
    struct nika_trusted_certificate unused;
    assert_int_equal(nika_trusted_certify(&f->instance, f->key, NIKA_TRUSTED_CONTINUING,
                                          hybster_order_counter(0),
                                          (struct nika_trusted_value){1, 0}, &lost, &unused),
                     NIKA_OK);
    fixture_restart(f);
    const struct nika_replica *r = f->replica;
    assert_false(r->halted);
    assert_int_equal(r->core.view, 2);
    assert_int_equal(fixture_counter(f, 0).view, 2);
    assert_int_equal(fixture_counter(f, 1).view, 2);
    assert_int_equal(r->pillars[0].hop_count, 2);
    assert_int_equal(r->pillars[1].hop_count, 1);
    /* Another replica believes it. */
    struct fixture *other = fixture_new_pillars(1, PILLARS);
    struct nika_span raw = nika_store_span(r->core.store, r->core.my_view_change);
    struct fixture_bytes sent = {malloc(raw.size), raw.size};
    memcpy(sent.data, raw.data, raw.size);
    assert_true(fixture_give(other, sent));
    assert_int_equal(other->replica->core.view_changes[2].view, 2);
    fixture_free(other);
    /* And so does itself after another restart. */
    fixture_restart(f);
    assert_int_equal(f->replica->pillars[0].hop_count, 2);
    assert_int_equal(f->replica->pillars[1].hop_count, 1);
    assert_true(f->replica->core.my_view_change_durable);
    fixture_free(f);
}

/* ---- VIEW-CHANGE ---- */
/* Its check, or NONE when it was taken. */
static enum nika_check judged(const struct build_view_change *spec)
{
    struct fixture *f = fixture_new_pillars(2, PILLARS);
    enum nika_check check = NIKA_CHECK_NONE;
    assert_true(fixture_give(f, build_view_change(f, spec)));
    bool taken = f->replica->core.view_changes[spec->sender].view == spec->view;
    for (uint32_t i = 0; i < NIKA_CHECK_COUNT; i++)
        if (f->rejects[i] != 0) check = (enum nika_check)i;
    assert_int_equal(taken, check == NIKA_CHECK_NONE);
    fixture_free(f);
    return check;
}

static void show(struct build_view_change *spec, const uint64_t *orders, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        spec->prepares[i] =
            (struct build_order){.seq = orders[i], .digest = build_digest((uint8_t)orders[i])};
    spec->prepare_count = count;
}

/* The second pillar has orders 2 and 4, the first 1: so the counters were at [0|4] and [0|1]. */
static const struct build_view_change uneven = {
    .sender = 1, .view = 1, .previous = {0, 4}, .others = {{0, 0}, {0, 1}}};

static void test_hv7_covers_every_pillar(void **state)
{
    (void)state;
    struct build_view_change spec = uneven;
    show(&spec, (const uint64_t[]){1, 2, 4}, 3);
    assert_int_equal(judged(&spec), NIKA_CHECK_NONE);
    show(&spec, (const uint64_t[]){1, 2}, 2);
    assert_int_equal(judged(&spec), NIKA_CHECK_HV7);
    show(&spec, (const uint64_t[]){2, 4}, 2);
    assert_int_equal(judged(&spec), NIKA_CHECK_HV7);
    spec.others[1] = (struct nika_trusted_value){0, 3};
    show(&spec, (const uint64_t[]){1, 2, 4}, 3);
    assert_int_equal(judged(&spec), NIKA_CHECK_HV7);
    show(&spec, (const uint64_t[]){1, 2, 3, 4}, 4);
    assert_int_equal(judged(&spec), NIKA_CHECK_NONE);
}

static void test_hv6_gaps_lie_between_pillars_only(void **state)
{
    (void)state;
    struct build_view_change spec = uneven;
    show(&spec, (const uint64_t[]){1, 4, 6}, 3); /* 2 is missing in its pillar. */
    assert_int_equal(judged(&spec), NIKA_CHECK_HV6);
    show(&spec, (const uint64_t[]){2, 1, 4}, 3);
    assert_int_equal(judged(&spec), NIKA_CHECK_HV6);
    show(&spec, (const uint64_t[]){1, 2, 4, 6, 8, 10}, 6); /* L = 8. */
    assert_int_equal(judged(&spec), NIKA_CHECK_HV6);
}

static void test_hv1_every_pillar_certifies(void **state)
{
    (void)state;
    struct build_view_change spec = uneven;
    show(&spec, (const uint64_t[]){1, 2, 4}, 3);
    for (spec.flawed = 0; spec.flawed < PILLARS; spec.flawed++) {
        for (uint32_t flaw = FLAW_NONE + 1; flaw < FLAW_COUNT; flaw++) {
            spec.flaw = (enum build_flaw)flaw;
            assert_int_equal(judged(&spec), NIKA_CHECK_HV1);
        }
    }
    spec.flaw = FLAW_NONE;
    spec.fewer = 1;
    assert_int_equal(judged(&spec), NIKA_CHECK_HV1);
    spec.fewer = 0;
    spec.others[1] = (struct nika_trusted_value){1, 0};
    assert_int_equal(judged(&spec), NIKA_CHECK_HV1);
}

static void test_hv4_hv5_hops_join_in_every_pillar(void **state)
{
    (void)state;
    struct build_view_change spec = {.sender = 1,
                                     .view = 2,
                                     .previous = {1, 0},
                                     .others = {{0, 0}, {1, 0}},
                                     .hops = {{.pillar = 0, .previous = {0, 0}, .value = {1, 0}},
                                              {.pillar = 1, .previous = {0, 0}, .value = {1, 0}}},
                                     .hop_count = 2};
    assert_int_equal(judged(&spec), NIKA_CHECK_NONE);
    struct build_view_change wrong = spec;
    wrong.hop_count = 1; /* The second pillar was in view 1, and shows not how it came there. */
    assert_int_equal(judged(&wrong), NIKA_CHECK_HV5);
    wrong = spec;
    wrong.others[1] = (struct nika_trusted_value){1, 3}; /* Orders of view 1 in one pillar. */
    assert_int_equal(judged(&wrong), NIKA_CHECK_HV4);
    wrong = spec;
    wrong.hops[1].pillar = PILLARS;
    assert_int_equal(judged(&wrong), NIKA_CHECK_HV4);
    /* One pillar left view 0 directly, as after a crash in the middle of leaving. */
    wrong = spec;
    wrong.hop_count = 1;
    wrong.others[1] = (struct nika_trusted_value){0, 0};
    assert_int_equal(judged(&wrong), NIKA_CHECK_NONE);
}

/* ---- NEW-VIEW ---- */
static void test_new_view_fills_the_gaps_of_all_pillars(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_pillars(1, PILLARS);
    struct build_view_change spec = {.sender = 2, .view = 1};
    struct nika_digest second = build_ordered(f, 2), fourth = build_ordered(f, 4);
    assert_int_equal(f->sent_seq_count, 2);
    assert_true(fixture_give(f, build_request(f, 0, 9)));
    assert_true(fixture_fire(f, COMMON_TIMER_REQUEST));
    assert_true(fixture_give(f, build_view_change(f, &spec)));
    const struct nika_replica *r = f->replica;
    assert_int_equal(r->entered, 1);
    assert_true(r->core.active);
    for (uint64_t seq = 1; seq <= 4; seq++) {
        const struct hybster_slot *slot = hybster_slot_find(r, seq);
        assert_non_null(slot);
        assert_true(slot->base.order != 0 && slot->base.view == 1);
        bool gap = seq % 2 == 1;
        assert_int_equal(nika_digest_is_null(&slot->base.digest), gap);
    }
    assert_true(nika_digest_equal(&hybster_slot_find(r, 2)->base.digest, &second));
    assert_true(nika_digest_equal(&hybster_slot_find(r, 4)->base.digest, &fourth));
    /* The request that waited is ordered behind them: in the pillar of its client, with nothing in the other. */
    assert_int_equal(fixture_counter(f, 0).view, 1);
    assert_int_equal(fixture_counter(f, 0).order, 6);
    assert_int_equal(fixture_counter(f, 1).order, 5);
    fixture_free(f);
}

/* ---- processors ---- */
static uint32_t lane_of_message(const struct fixture *f, struct fixture_bytes bytes)
{
    struct nika_frame frame;
    struct nika_event event = {.kind = NIKA_EVENT_MESSAGE, .frame = &frame};
    assert_int_equal(
        nika_ingress(&f->config, nika_replica_hybster.messages, fixture_span(bytes), &frame),
        NIKA_OK);
    uint32_t lane = nika_replica_hybster.lane(f->replica, &event);
    free(bytes.data);
    return lane;
}

static uint32_t lane_of_token(const struct fixture *f, enum nika_event_kind kind, uint64_t token)
{
    struct nika_event event = {.kind = kind, .token = token};
    return nika_replica_hybster.lane(f->replica, &event);
}

static void test_each_event_has_its_processor(void **state)
{
    (void)state;
    struct fixture *f = fixture_new_pillars(2, PILLARS);
    struct build_order order = {.seq = 3}, vote = {.commit = true, .sender = 1, .seq = 4};
    struct build_view_change change = {.sender = 1, .view = 1};
    struct build_checkpoint checkpoint = {.sender = 1, .seq = 4};
    assert_int_equal(lane_of_message(f, build_order(f, &order)), 1);
    assert_int_equal(lane_of_message(f, build_order(f, &vote)), 0);
    assert_int_equal(lane_of_message(f, build_request(f, 1, 1)), 1);
    assert_int_equal(lane_of_message(f, build_request(f, 0, 1)), 0);
    struct fixture_bytes body = build_batch(f, 1, 1, false, &order.digest);
    struct fixture_bytes batch = fixture_frame(f, 0, &common_info_batch, fixture_span(body));
    free(body.data);
    assert_int_equal(lane_of_message(f, batch), 0);
    assert_int_equal(lane_of_message(f, build_view_change(f, &change)), PILLARS);
    assert_int_equal(lane_of_message(f, build_checkpoint(f, &checkpoint)), PILLARS);
    uint64_t stored = common_token(HYBSTER_TOKEN_INTENT, 0, 5);
    assert_int_equal(lane_of_token(f, NIKA_EVENT_STORED, stored), 1);
    stored = common_token(HYBSTER_TOKEN_NEW_VIEW, 0, 5);
    assert_int_equal(lane_of_token(f, NIKA_EVENT_STORED, stored), PILLARS);
    /* Results come in the order of the merge. */
    uint64_t ran = common_token(COMMON_TOKEN_EXECUTE, 0, 5);
    assert_int_equal(lane_of_token(f, NIKA_EVENT_APP, ran), PILLARS);
    assert_int_equal(lane_of_token(f, NIKA_EVENT_TIMER, 0), PILLARS);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hp6_holds_in_each_pillar_by_itself),
        cmocka_unit_test(test_hp4_the_counter_is_that_of_the_pillar),
        cmocka_unit_test(test_null_batch_needs_pillars),
        cmocka_unit_test(test_times_need_not_follow_numbers),
        cmocka_unit_test(test_idle_pillar_does_nothing_in_time),
        cmocka_unit_test(test_idle_pillar_makes_way_for_a_waiting_one),
        cmocka_unit_test(test_lost_certificate_of_one_pillar),
        cmocka_unit_test(test_tsr_one_counter_behind_is_enough),
        cmocka_unit_test(test_crash_in_the_middle_of_leaving),
        cmocka_unit_test(test_hv7_covers_every_pillar),
        cmocka_unit_test(test_hv6_gaps_lie_between_pillars_only),
        cmocka_unit_test(test_hv1_every_pillar_certifies),
        cmocka_unit_test(test_hv4_hv5_hops_join_in_every_pillar),
        cmocka_unit_test(test_new_view_fills_the_gaps_of_all_pillars),
        cmocka_unit_test(test_each_event_has_its_processor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
