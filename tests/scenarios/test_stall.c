/* Tests the classes of liveness (scenarios/stall.h, examine.c): each fires in a run made for it, and its parts by hand.
 *
 * The protocol is PBFT behind an ops table that loses what a test says; the registry below takes the place of protocols/registry.c. */
#include "tests/support/test.h"

#include "protocols/client/client.h"
#include "protocols/pbft/pbft.h"
#include "protocols/registry.h"
#include "scenarios/runner.h"

#define MS UINT64_C(1000000)

enum mode { SOUND, NO_REPLIES, NO_COMMITS };
static enum mode mode;
static uint64_t until_ns; /* The mode ends here. */

static void drop_replies(struct nika_effects *effects)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < effects->count; i++) {
        const struct nika_action *a = &effects->actions[i];
        if (a->kind != NIKA_ACTION_SEND || !nika_is_client(a->to)) effects->actions[kept++] = *a;
    }
    effects->count = kept;
}

static void bad_step(struct nika_replica *r, const struct nika_event *event,
                     struct nika_effects *effects)
{
    bool bad = event->now_ns < until_ns;
    struct nika_summary s = {0};
    if (event->kind == NIKA_EVENT_MESSAGE)
        nika_replica_pbft.describe(event->frame->type, event->frame->body, &s);
    if (bad && mode == NO_COMMITS && s.message_class == NIKA_MESSAGE_COMMIT) return;
    nika_replica_pbft.step(r, event, effects);
    if (bad && mode == NO_REPLIES) drop_replies(effects);
}

static struct nika_replica_ops bad_replica;
const struct nika_protocol nika_protocol_list[] = {
    {"bad", "PBFT that loses messages on demand", 1, &bad_replica, &nika_client_bft}};
const uint32_t nika_protocol_count = 1;
const struct nika_protocol *nika_protocol_find(const char *name)
{
    (void)name;
    return &nika_protocol_list[0];
}

static struct nika_run_result result;

static void run_with(enum mode wanted, uint64_t until, const char *more,
                     const char *const *overrides, uint32_t override_count)
{
    static struct nika_diagnoses d;
    char text[900];
    const char *reason;
    int size = snprintf(text, sizeof text,
                        "{\"schema\":1,\"name\":\"x\",\"why\":\"y\",\"gst_ms\":0,"
                        "\"cluster\":{\"protocol\":\"bad\",\"clients\":1},"
                        "\"workload\":{\"requests\":4,\"read_ppm\":0}%s}",
                        more);
    struct nika_scenario *s =
        nika_scenario_parse("x.json", text, (size_t)size, overrides, override_count, &d);
    if (s == NULL) fail_msg("%s", d.lines[0]);
    mode = wanted;
    until_ns = until;
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    nika_runner_run(runner, 1, &result);
    nika_runner_free(runner);
    nika_scenario_free(s);
}

static void run(enum mode wanted, uint64_t until, const char *more)
{
    run_with(wanted, until, more, NULL, 0);
}

static void expect_class(enum nika_liveness liveness, int exit_class)
{
    if (result.liveness != liveness || result.exit_class != exit_class)
        fail_msg("%s, exit code %d: %s; %s", nika_liveness_name(result.liveness), result.exit_class,
                 result.stall, result.sentence);
}

static void test_a_sound_cluster_holds(void **state)
{
    (void)state;
    run(SOUND, 0, "");
    expect_class(NIKA_LIVENESS_HELD, NIKA_EXIT_HELD);
    assert_string_equal(result.stall, "");
    assert_false(result.accusation.examined);
}

static void test_replies_that_never_come_are_a_lasso(void **state)
{
    (void)state;
    run(NO_REPLIES, UINT64_MAX, "");
    expect_class(NIKA_LIVENESS_LASSO, NIKA_EXIT_LIVENESS);
    assert_non_null(strstr(result.sentence, "O10"));
}

static void test_view_changes_that_lead_nowhere_are_hot(void **state)
{
    (void)state;
    run(NO_COMMITS, UINT64_MAX, "");
    expect_class(NIKA_LIVENESS_HOT, NIKA_EXIT_LIVENESS);
    assert_non_null(strstr(result.stall, "view changes"));
}

static void test_done_after_the_bound_is_slow(void **state)
{
    (void)state;
    run(NO_REPLIES, UINT64_MAX, "");
    uint64_t bound = result.liveness_bound_ns;
    run(NO_REPLIES, bound + 3000 * MS, "");
    expect_class(NIKA_LIVENESS_SLOW, NIKA_EXIT_LIVENESS);
}

static void test_a_limit_soon_after_the_bound_is_inconclusive_and_named(void **state)
{
    (void)state;
    run(NO_REPLIES, UINT64_MAX, "");
    char more[80];
    snprintf(more, sizeof more, ",\"limits\":{\"time_ms\":%llu}",
             (unsigned long long)(result.liveness_bound_ns / MS + 2000));
    run(NO_REPLIES, UINT64_MAX, more);
    expect_class(NIKA_LIVENESS_INCONCLUSIVE, NIKA_EXIT_LIVENESS);
    assert_non_null(strstr(result.stall, "the time limit ended it"));
}

static void test_more_than_f_down_is_vacuous_and_neither_pass_nor_fail(void **state)
{
    (void)state;
    run(SOUND, 0,
        ",\"expect\":{\"allow_beyond_bound\":true},"
        "\"faults\":[{\"name\":\"silent\",\"targets\":[1,2]}]");
    expect_class(NIKA_LIVENESS_VACUOUS, NIKA_EXIT_INCONCLUSIVE);
    assert_non_null(strstr(result.stall, "2 replicas are faulty or down"));
    /* The same with one is no excuse, and needs none. */
    run(SOUND, 0, ",\"faults\":[{\"name\":\"silent\",\"targets\":[1]}]");
    expect_class(NIKA_LIVENESS_HELD, NIKA_EXIT_HELD);
}

static void test_a_timeout_capped_below_a_view_change_is_vacuous(void **state)
{
    (void)state;
    const char *const overrides[] = {"cluster.request_ms=100", "cluster.backoff_max=0"};
    run_with(NO_COMMITS, UINT64_MAX, "", overrides, 2);
    expect_class(NIKA_LIVENESS_VACUOUS, NIKA_EXIT_INCONCLUSIVE);
    assert_non_null(strstr(result.stall, "never grows"));
}

static void test_throughput_is_measured_against_the_same_seed_without_faults(void **state)
{
    (void)state;
    static const char faults[] = "\"faults\":[{\"name\":\"silent\",\"targets\":[0]}]";
    char more[200];
    snprintf(more, sizeof more, ",\"expect\":{\"throughput_percent\":90},%s", faults);
    run(SOUND, 0, more);
    if (result.exit_class != NIKA_EXIT_EXPECTATION || result.throughput_percent >= 90)
        fail_msg("%u %%: %s", result.throughput_percent, result.sentence);
    assert_non_null(strstr(result.sentence, "throughput under attack"));
    /* A floor that it keeps, and no attack at all. */
    snprintf(more, sizeof more, ",\"expect\":{\"throughput_percent\":%u},%s",
             result.throughput_percent > 0 ? result.throughput_percent : 1, faults);
    if (result.throughput_percent > 0) {
        run(SOUND, 0, more);
        assert_int_equal(result.exit_class, NIKA_EXIT_HELD);
    }
    run(SOUND, 0, ",\"expect\":{\"throughput_percent\":100}");
    assert_int_equal(result.exit_class, NIKA_EXIT_HELD);
    assert_int_equal(result.throughput_percent, 100);
    /* Not asked for, not measured. */
    run(SOUND, 0, "");
    assert_int_equal(result.throughput_percent, UINT32_MAX);
}

static void test_examining_a_run_does_not_change_it(void **state)
{
    (void)state;
    char digest[33];
    run(NO_REPLIES, UINT64_MAX, "");
    memcpy(digest, result.digest, sizeof digest);
    uint64_t events = result.stats.events;
    run(NO_REPLIES, UINT64_MAX, "");
    assert_string_equal(result.digest, digest);
    assert_int_equal(result.stats.events, events);
    /* The result is that of the run as it was when it was judged, not of what was looked at later. */
    assert_true(result.stats.now_ns < result.liveness_bound_ns + 1000 * MS);
}

/* ---- the parts ---- */
static void test_the_same_state_after_a_period_is_a_loop_unless_progress_came_between(void **state)
{
    (void)state;
    static struct nika_lasso lasso;
    assert_false(nika_lasso_seen(&lasso, 1, 10, 100));
    assert_false(nika_lasso_seen(&lasso, 2, 50, 100));
    assert_false(nika_lasso_seen(&lasso, 1, 109, 100));
    assert_true(nika_lasso_seen(&lasso, 1, 110, 100));
    nika_lasso_clear(&lasso);
    assert_false(nika_lasso_seen(&lasso, 1, 500, 100));
    /* Ever new states are no loop, however many. */
    for (uint64_t i = 0; i < 3 * NIKA_LASSO_STATES; i++)
        assert_false(nika_lasso_seen(&lasso, 1000 + i, 600 + i * 1000, 100));
}

static void
test_abstract_states_ignore_how_far_a_run_has_come_but_not_what_it_waits_for(void **state)
{
    (void)state;
    const uint64_t all[2] = {0xf, 0}, some[2] = {0x7, 0};
    struct nika_replica_status a[4], b[4];
    memset(a, 0, sizeof a);
    for (uint32_t i = 0; i < 4; i++)
        a[i] = (struct nika_replica_status){
            .view = 3, .active = true, .last_executed = 10, .low_mark = 8, .last_committed = 10};
    memcpy(b, a, sizeof b);
    for (uint32_t i = 0; i < 4; i++) {
        b[i].view += 40;
        b[i].last_executed += 800;
        b[i].last_committed += 800;
        b[i].low_mark += 800;
    }
    uint64_t hash = nika_abstract_state(a, 4, all);
    assert_int_equal(nika_abstract_state(b, 4, all), hash);
    b[3].view++;
    assert_int_not_equal(nika_abstract_state(b, 4, all), hash);
    /* A replica that is not judged does not count. */
    uint64_t without = nika_abstract_state(a, 4, some);
    assert_int_equal(nika_abstract_state(b, 4, some), without);
    b[2].wait = NIKA_WAIT_COMMITS;
    uint64_t waiting = nika_abstract_state(b, 4, some);
    assert_int_not_equal(waiting, without);
    b[2].wait_detail = 2;
    assert_int_not_equal(nika_abstract_state(b, 4, some), waiting);
}

static struct nika_config config;
static struct nika_oracle_setup setup;

static void begin(struct nika_stall *stall, struct nika_watcher *watcher)
{
    nika_config_default(&config);
    setup = (struct nika_oracle_setup){.config = &config,
                                       .gst_ns = 1000 * MS,
                                       .delay_bound_ns = 10 * MS,
                                       .corrupted = {1u << 3, 0},
                                       .byzantine_count = 1};
    *watcher = nika_stall_watcher(stall, &setup);
}

static void view(struct nika_watcher *w, uint32_t node, uint64_t to, uint64_t now_ns)
{
    struct nika_action note = {.id = NIKA_NOTE_VIEW, .a = to};
    struct nika_tap tap = {
        .kind = NIKA_TAP_NOTE, .node = node, .now_ns = now_ns, .a = NIKA_NOTE_VIEW, .note = &note};
    w->on_tap(w->context, &tap);
}

static void tap(struct nika_watcher *w, enum nika_tap_kind kind, uint32_t node, uint32_t to,
                uint64_t a, uint64_t now_ns)
{
    struct nika_tap t = {.kind = kind, .node = node, .to = to, .a = a, .now_ns = now_ns};
    w->on_tap(w->context, &t);
}

static void test_temperature_counts_views_of_correct_replicas_since_the_last_execution(void **state)
{
    (void)state;
    static struct nika_stall stall;
    struct nika_watcher w;
    begin(&stall, &w);
    assert_int_equal(nika_stall_hot_above(&setup), nika_liveness_doublings(&setup) + 2);
    view(&w, 0, 5, 900 * MS); /* Before GST everything is excused. */
    tap(&w, NIKA_TAP_SENT, 0, 1, 0, 950 * MS);
    view(&w, 0, 6, 1100 * MS);
    view(&w, 1, 7, 1200 * MS);
    view(&w, 3, 50, 1200 * MS); /* Corrupted. */
    assert_int_equal(nika_stall_temperature(&stall), 2);
    tap(&w, NIKA_TAP_EXECUTED, 3, NIKA_NODE_NONE, 1, 1300 * MS);
    assert_int_equal(nika_stall_temperature(&stall), 2);
    tap(&w, NIKA_TAP_EXECUTED, 1, NIKA_NODE_NONE, 1, 1300 * MS);
    assert_int_equal(nika_stall_temperature(&stall), 0);
}

static void test_the_audit_sees_losses_between_correct_nodes_after_gst(void **state)
{
    (void)state;
    static struct nika_stall stall;
    struct nika_watcher w;
    char text[NIKA_SENTENCE_SIZE];
    begin(&stall, &w);
    tap(&w, NIKA_TAP_DROPPED, 0, 1, NIKA_DROP_LOSS, 900 * MS);   /* Before GST. */
    tap(&w, NIKA_TAP_DROPPED, 3, 1, NIKA_DROP_FAULT, 1100 * MS); /* From a corrupted one. */
    tap(&w, NIKA_TAP_DROPPED, 0, 3, NIKA_DROP_FAULT, 1100 * MS); /* To one. */
    tap(&w, NIKA_TAP_DROPPED, 0, 1, NIKA_DROP_QUEUE, 1100 * MS); /* Its own doing. */
    tap(&w, NIKA_TAP_DROPPED, 0, 1, NIKA_DROP_AUTH, 1100 * MS);
    assert_null(nika_stall_vacuous(&stall, 0, text, sizeof text));
    tap(&w, NIKA_TAP_DROPPED, 2, 1, NIKA_DROP_PARTITION, 1234 * MS);
    assert_non_null(nika_stall_vacuous(&stall, 0, text, sizeof text));
    assert_non_null(strstr(text, "from replica 2 to replica 1 at 1234 ms"));
    /* One corrupted and one down are more than f = 1. */
    assert_non_null(nika_stall_vacuous(&stall, 1, text, sizeof text));
    assert_non_null(strstr(text, "2 replicas are faulty or down"));
}

static void test_the_audit_sees_messages_that_take_too_long(void **state)
{
    (void)state;
    static struct nika_stall stall;
    struct nika_watcher w;
    char text[NIKA_SENTENCE_SIZE];
    uint8_t bytes[3] = {1, 2, 3};
    struct nika_frame frame = {.sender = 0, .raw = {bytes, 3}};
    struct nika_tap t = {.kind = NIKA_TAP_SENT, .node = 0, .to = 1, .frame = &frame};
    begin(&stall, &w);
    for (uint32_t late = 0; late < 2; late++) {
        t.kind = NIKA_TAP_SENT;
        t.now_ns = 2000 * MS;
        w.on_tap(w.context, &t);
        t.kind = NIKA_TAP_DELIVERED;
        t.now_ns = 2020 * MS + late;
        w.on_tap(w.context, &t);
        const char *said = nika_stall_vacuous(&stall, 0, text, sizeof text);
        assert_true((said != NULL) == (late == 1));
    }
    assert_non_null(strstr(text, "twice the bound of 10000 us"));
}

/* A request that a replica hands on names the client as its sender; what took long is how long the replica kept it. */
static void test_what_is_handed_on_is_not_late(void **state)
{
    (void)state;
    static struct nika_stall stall;
    struct nika_watcher w;
    char text[NIKA_SENTENCE_SIZE];
    uint8_t bytes[3] = {1, 2, 3};
    struct nika_frame frame = {.sender = nika_client_node(0), .raw = {bytes, 3}};
    const struct nika_tap sent = {.kind = NIKA_TAP_SENT, .frame = &frame};
    static const uint32_t relays[] = {1, 3}; /* A correct one, a corrupted one. */
    begin(&stall, &w);
    for (uint32_t i = 0; i < 2; i++) {
        struct nika_tap t = sent;
        t.node = frame.sender;
        t.to = relays[i];
        t.now_ns = 2000 * MS;
        w.on_tap(w.context, &t);
        t.node = relays[i];
        t.to = 0;
        t.now_ns = 2500 * MS;
        w.on_tap(w.context, &t);
        t.kind = NIKA_TAP_DELIVERED;
        t.now_ns = 2501 * MS;
        w.on_tap(w.context, &t);
    }
    assert_null(nika_stall_vacuous(&stall, 0, text, sizeof text));
}

static void test_the_pacemaker_by_hand(void **state)
{
    (void)state;
    static struct nika_stall stall;
    struct nika_watcher w;
    begin(&stall, &w);
    setup.delay_bound_ns = 5 * MS;
    /* need = 11 * 5 + 5 + 200 + 187.5 ms: one time-out of 500 ms is enough. */
    assert_int_equal(nika_liveness_doublings(&setup), 0);
    assert_true(nika_liveness_cap_suffices(&setup));
    setup.delay_bound_ns = 100 * MS; /* 1492.5 ms: 500, 1000, 2000. */
    assert_int_equal(nika_liveness_doublings(&setup), 2);
    config.backoff_max = 1;
    assert_int_equal(nika_liveness_doublings(&setup), 1);
    assert_false(nika_liveness_cap_suffices(&setup));
    /* A period outlasts the longest timer, which is the client's or the view's. */
    config.backoff_max = 10;
    assert_true(nika_liveness_period(&setup, 0) > 16 * config.client_ns);
    assert_true(nika_liveness_period(&setup, 10) > config.request_ns << 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sound_cluster_holds),
        cmocka_unit_test(test_replies_that_never_come_are_a_lasso),
        cmocka_unit_test(test_view_changes_that_lead_nowhere_are_hot),
        cmocka_unit_test(test_done_after_the_bound_is_slow),
        cmocka_unit_test(test_a_limit_soon_after_the_bound_is_inconclusive_and_named),
        cmocka_unit_test(test_more_than_f_down_is_vacuous_and_neither_pass_nor_fail),
        cmocka_unit_test(test_a_timeout_capped_below_a_view_change_is_vacuous),
        cmocka_unit_test(test_throughput_is_measured_against_the_same_seed_without_faults),
        cmocka_unit_test(test_examining_a_run_does_not_change_it),
        cmocka_unit_test(test_the_same_state_after_a_period_is_a_loop_unless_progress_came_between),
        cmocka_unit_test(
            test_abstract_states_ignore_how_far_a_run_has_come_but_not_what_it_waits_for),
        cmocka_unit_test(
            test_temperature_counts_views_of_correct_replicas_since_the_last_execution),
        cmocka_unit_test(test_the_audit_sees_losses_between_correct_nodes_after_gst),
        cmocka_unit_test(test_the_audit_sees_messages_that_take_too_long),
        cmocka_unit_test(test_what_is_handed_on_is_not_late),
        cmocka_unit_test(test_the_pacemaker_by_hand),
    };
    bad_replica = nika_replica_pbft;
    bad_replica.name = "bad";
    bad_replica.step = bad_step;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
