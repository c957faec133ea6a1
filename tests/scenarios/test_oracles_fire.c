/* Tests the tester in whole runs: for each oracle a cluster that breaks just what it watches, and a sound one at which all are silent.
 *
 * The protocol is PBFT behind an ops table that misbehaves, the application `null` behind another. The registries below take the place
 * of protocols/registry.c and apps/registry.c. Replica 2 is the one that breaks, unless the property needs all to. */
#include "tests/support/test.h"

#include "apps/registry.h"
#include "engine/core/assert.h"
#include "engine/core/bytes.h"
#include "protocols/client/client.h"
#include "protocols/pbft/pbft.h"
#include "protocols/registry.h"
#include "scenarios/runner.h"

#define LIAR 2u
#define INSTANCES_MAX 16u
#define BATCH_AT 52u /* Of an EXECUTE payload: behind seq, time, digest and count. */

enum mode {
    SOUND,
    OTHER_DIGEST,
    OTHER_OPERATION,
    EXECUTE_TWICE,
    OTHER_STATE,
    WRONG_RESULTS,
    SIGN_TWICE,
    VIEW_BACK,
    EARLY_SENDS,
    LONG_QUEUE,
    NO_REPLIES,
    RAISE_ALARM,
    BREAK_INVARIANT,
};
static enum mode mode;

/* Which replica a module is, by its address: modules are made in the order of their ids. */
static struct {
    const void *state;
    const struct nika_host *host;
    const struct nika_config *config;
} modules[INSTANCES_MAX];
static uint32_t module_count, app_count;
static const void *apps[INSTANCES_MAX];
static uint8_t first_batch[4096];
static uint32_t first_batch_size;

static uint32_t module_of(const struct nika_replica *r)
{
    for (uint32_t i = 0; i < module_count; i++) {
        if (modules[i].state == r) return i;
    }
    fail_msg("an unknown module");
    return 0;
}

static struct nika_replica *bad_init(void *memory, const struct nika_config *config,
                                     const struct nika_host *host)
{
    struct nika_replica *r = nika_replica_pbft.init(memory, config, host);
    assert_true(module_count < INSTANCES_MAX);
    modules[module_count].host = host;
    modules[module_count].config = config;
    modules[module_count++].state = r;
    return r;
}

static void touch_execute(uint8_t *payload, uint32_t size, uint32_t self)
{
    uint64_t seq = nika_load_le(payload, 8);
    if (mode == OTHER_DIGEST && self == LIAR) payload[16] ^= 1;
    if (mode == OTHER_OPERATION && size > BATCH_AT) payload[size - 1] ^= 1;
    if (mode != EXECUTE_TWICE || size <= BATCH_AT) return;
    if (seq == 1) {
        first_batch_size = size;
        memcpy(first_batch, payload, size);
    } else if (size == first_batch_size) {
        memcpy(payload + BATCH_AT, first_batch + BATCH_AT, size - BATCH_AT);
    }
}

/* The same message again with another digest, rightly signed. */
static void sign_again(struct nika_effects *effects, uint32_t self, struct nika_span raw)
{
    struct nika_frame frame;
    uint8_t body[256], auth[NIKA_AUTH_SIZE_MAX], out[1024];
    const struct nika_host *host = modules[self].host;
    const struct nika_config *config = modules[self].config;
    struct nika_summary summary;
    if (nika_frame_parse(raw, config->epoch, NIKA_MESSAGE_SIZE_MAX, &frame) != NIKA_OK) return;
    nika_replica_pbft.describe(frame.type, frame.body, &summary);
    if (summary.message_class != NIKA_MESSAGE_PREPARE || frame.body.size > sizeof body) return;
    memcpy(body, frame.body.data, frame.body.size);
    body[frame.body.size - NIKA_DIGEST_SIZE] ^= 1;
    struct nika_span span = {body, frame.body.size};
    uint32_t size = host->authenticate(host->world, host->self, NIKA_AUTH_SIGNATURE, frame.type,
                                       NIKA_NODE_NONE, span, auth);
    struct nika_writer w = nika_writer_of(out, sizeof out);
    nika_frame_write(config, frame.type, host->self, span, NIKA_AUTH_SIGNATURE,
                     (struct nika_span){auth, size}, &w);
    nika_effects_broadcast(effects, NIKA_CLASS_CONTROL, (struct nika_span){w.data, w.at});
}

static void drop_replies(struct nika_effects *effects)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < effects->count; i++) {
        const struct nika_action *a = &effects->actions[i];
        if (a->kind == NIKA_ACTION_SEND && nika_is_client(a->to)) continue;
        effects->actions[kept++] = *a;
    }
    effects->count = kept;
}

/* What the module asks to persist it is told to be durable at once. */
static void pretend_stored(struct nika_replica *r, const struct nika_event *event,
                           struct nika_effects *effects)
{
    for (uint32_t i = 0; i < effects->count; i++) {
        if (effects->actions[i].kind != NIKA_ACTION_PERSIST) continue;
        struct nika_event stored = {
            .kind = NIKA_EVENT_STORED, .now_ns = event->now_ns, .token = effects->actions[i].token};
        nika_replica_pbft.step(r, &stored, effects);
    }
}

static void claim(struct nika_effects *effects, const struct nika_config *config)
{
    struct nika_span none = {NULL, 0};
    if (mode == VIEW_BACK) {
        nika_effects_note(effects, NIKA_NOTE_VIEW, 9, 1, none);
        nika_effects_note(effects, NIKA_NOTE_VIEW, 8, 1, none);
    }
    if (mode == LONG_QUEUE)
        nika_effects_note(effects, NIKA_NOTE_QUEUE, NIKA_QUEUE_SLOTS, config->window + 1, none);
    if (mode == RAISE_ALARM) nika_effects_note(effects, NIKA_NOTE_ALARM, 1, 3, none);
}

static void bad_step(struct nika_replica *r, const struct nika_event *event,
                     struct nika_effects *effects)
{
    uint32_t self = module_of(r);
    nika_replica_pbft.step(r, event, effects);
    if (mode == EARLY_SENDS && self == LIAR) pretend_stored(r, event, effects);
    if (mode == NO_REPLIES) drop_replies(effects);
    if (event->kind == NIKA_EVENT_START && self == LIAR) claim(effects, modules[self].config);
    uint32_t count = effects->count;
    for (uint32_t i = 0; i < count; i++) {
        struct nika_action a = effects->actions[i];
        if (a.kind == NIKA_ACTION_EXECUTE) touch_execute(effects->bytes + a.offset, a.size, self);
        if (a.kind == NIKA_ACTION_BROADCAST && mode == SIGN_TWICE && self == LIAR)
            sign_again(effects, self, nika_action_bytes(effects, &a));
    }
}

/* ---- the application: instances 0..3 are the replicas', later ones are models of oracles ---- */
static uint32_t app_of(const struct nika_app *app)
{
    for (uint32_t i = 0; i < app_count; i++) {
        if (apps[i] == app) return i;
    }
    fail_msg("an unknown application");
    return 0;
}

static struct nika_app *bad_app_init(void *memory, const struct nika_config *config, uint64_t param)
{
    struct nika_app *app = nika_app_null.init(memory, config, param);
    assert_true(app_count < INSTANCES_MAX);
    apps[app_count++] = app;
    return app;
}

static uint32_t bad_execute(struct nika_app *app, const struct nika_op *op, uint64_t time_ns,
                            uint8_t *reply, uint32_t reply_max)
{
    uint32_t size = nika_app_null.execute(app, op, time_ns, reply, reply_max);
    if (mode == WRONG_RESULTS && app_of(app) < 4) reply[0] ^= 0x80;
    return size;
}

static void bad_snapshot(struct nika_app *app, uint64_t seq, struct nika_snapshot_meta *out)
{
    nika_app_null.snapshot_take(app, seq, out);
    if (mode == OTHER_STATE && app_of(app) == LIAR) out->root.bytes[0] ^= 1;
}

static const char *bad_invariant(const struct nika_app *app)
{
    return mode == BREAK_INVARIANT && app_of(app) == LIAR ? "the toy is broken" : NULL;
}

/* ---- registries ---- */
static struct nika_replica_ops bad_replica;
static struct nika_app_ops bad_app;
const struct nika_protocol nika_protocol_list[] = {
    {"bad", "PBFT that misbehaves on demand", 1, &bad_replica, &nika_client_bft}};
const uint32_t nika_protocol_count = 1;
const struct nika_protocol *nika_protocol_find(const char *name)
{
    (void)name;
    return &nika_protocol_list[0];
}
const struct nika_app_ops *const nika_app_list[] = {&bad_app};
const uint32_t nika_app_count = 1;
const struct nika_app_ops *nika_app_find(const char *name)
{
    (void)name;
    return &bad_app;
}

static void run_mode(enum mode wanted, struct nika_run_result *result)
{
    static struct nika_diagnoses diagnoses;
    static const char text[] =
        "{\"schema\":1,\"name\":\"x\",\"why\":\"y\",\"gst_ms\":0,"
        "\"cluster\":{\"protocol\":\"bad\",\"app\":\"bad\",\"clients\":1,"
        "\"checkpoint_interval\":4,\"window\":8,\"pipeline\":8},\"limits\":{\"time_ms\":60000},"
        "\"workload\":{\"requests\":12,\"read_ppm\":0}}";
    const char *reason = NULL;
    struct nika_scenario *s =
        nika_scenario_parse("x.json", text, sizeof text - 1, NULL, 0, &diagnoses);
    if (s == NULL) fail_msg("%s", diagnoses.lines[0]);
    mode = wanted;
    module_count = app_count = first_batch_size = 0;
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    /* Once only: the bad modules count their instances, so a failing run must not be examined by a second one. */
    assert_true(nika_runner_begin(runner, 1, &reason));
    nika_runner_finish(runner, result);
    nika_runner_free(runner);
    nika_scenario_free(s);
}

/* The oracle fires; `node` is whom it names, NIKA_NODE_NONE when any will do. */
static void fires(enum mode wanted, const char *oracle, uint32_t node, const char *words)
{
    static struct nika_run_result result;
    run_mode(wanted, &result);
    for (uint32_t i = 0; i < result.violation_count; i++) {
        const struct nika_violation *v = &result.violations[i];
        if (strcmp(nika_oracle_list[v->oracle]->id, oracle) != 0) continue;
        if (node != NIKA_NODE_NONE && v->node != node && v->other != node) continue;
        if (strstr(v->sentence, words) == NULL) fail_msg("%s", v->sentence);
        assert_int_not_equal(result.exit_class, NIKA_EXIT_HELD);
        return;
    }
    fail_msg("%s is silent: %s: %s (%u violations, first: %s)", oracle,
             nika_exit_name(result.exit_class), result.sentence, result.violation_count,
             result.violation_count > 0 ? result.violations[0].sentence : "none");
}

static void test_a_sound_cluster_leaves_every_oracle_silent(void **state)
{
    (void)state;
    static struct nika_run_result result;
    run_mode(SOUND, &result);
    if (result.exit_class != NIKA_EXIT_HELD) fail_msg("%s", result.sentence);
    assert_int_equal(result.violation_count, 0);
    assert_int_equal(result.requests_completed, 12);
}

#define FIRES(name, wanted, oracle, node, words)                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        fires(wanted, oracle, node, words);                                                        \
    }
FIRES(test_O1_sees_another_batch, OTHER_DIGEST, "O1", LIAR, "executed digest")
FIRES(test_O2_sees_an_operation_nobody_sent, OTHER_OPERATION, "O2", NIKA_NODE_NONE, "never sent")
FIRES(test_O3_sees_a_request_executed_twice, EXECUTE_TWICE, "O3", NIKA_NODE_NONE, "took effect")
FIRES(test_O4_sees_a_state_that_differs, OTHER_STATE, "O4", LIAR, "state")
FIRES(test_O5_sees_results_that_no_order_gives, WRONG_RESULTS, "O5", NIKA_NODE_NONE, "seq")
FIRES(test_O6_sees_two_contents_signed, SIGN_TWICE, "O6", LIAR, "signed two PREPAREs")
FIRES(test_O7_sees_a_view_go_back, VIEW_BACK, "O7", LIAR, "went back from view 9 to 8")
FIRES(test_O8_sees_a_vote_before_it_is_durable, EARLY_SENDS, "O8", LIAR, "was durable (D")
FIRES(test_O9_sees_a_queue_over_its_bound, LONG_QUEUE, "O9", LIAR, "whose bound is 8")
FIRES(test_O10_sees_a_client_without_an_answer, NO_REPLIES, "O10", NIKA_NODE_NONE, "client 0")
FIRES(test_O11_sees_an_alarm, RAISE_ALARM, "O11", LIAR, "safety alarm at seq 3")
FIRES(test_O12_sees_a_broken_invariant, BREAK_INVARIANT, "O12", LIAR, "the toy is broken")

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sound_cluster_leaves_every_oracle_silent),
        cmocka_unit_test(test_O1_sees_another_batch),
        cmocka_unit_test(test_O2_sees_an_operation_nobody_sent),
        cmocka_unit_test(test_O3_sees_a_request_executed_twice),
        cmocka_unit_test(test_O4_sees_a_state_that_differs),
        cmocka_unit_test(test_O5_sees_results_that_no_order_gives),
        cmocka_unit_test(test_O6_sees_two_contents_signed),
        cmocka_unit_test(test_O7_sees_a_view_go_back),
        cmocka_unit_test(test_O8_sees_a_vote_before_it_is_durable),
        cmocka_unit_test(test_O9_sees_a_queue_over_its_bound),
        cmocka_unit_test(test_O10_sees_a_client_without_an_answer),
        cmocka_unit_test(test_O11_sees_an_alarm),
        cmocka_unit_test(test_O12_sees_a_broken_invariant),
    };
    bad_replica = nika_replica_pbft;
    bad_replica.init = bad_init;
    bad_replica.step = bad_step;
    bad_app = nika_app_null;
    bad_app.name = "bad";
    bad_app.init = bad_app_init;
    bad_app.execute = bad_execute;
    bad_app.snapshot_take = bad_snapshot;
    bad_app.invariant = bad_invariant;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
