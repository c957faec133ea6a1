/* Tests scenarios/runner.c with toy protocols of its own: a mute one is a liveness violation, one that breaks an invariant a broken
 * contract. The registry below takes the place of protocols/registry.c. */
#include "tests/support/test.h"

#include "engine/core/assert.h"
#include "protocols/client/client.h"
#include "protocols/common/messages.h"
#include "protocols/registry.h"
#include "scenarios/runner.h"

struct nika_replica {
    uint64_t steps;
};

static size_t toy_size(const struct nika_config *config)
{
    (void)config;
    return sizeof(struct nika_replica);
}

static size_t toy_used(const struct nika_replica *replica)
{
    (void)replica;
    return sizeof(struct nika_replica);
}

static struct nika_replica *toy_init(void *memory, const struct nika_config *config,
                                     const struct nika_host *host)
{
    (void)config;
    (void)host;
    return memory;
}

static void toy_recover(struct nika_replica *replica, uint32_t kind, uint64_t seq,
                        struct nika_span record)
{
    (void)replica;
    (void)kind;
    (void)seq;
    (void)record;
}

static void mute_step(struct nika_replica *replica, const struct nika_event *event,
                      struct nika_effects *effects)
{
    (void)event;
    (void)effects;
    replica->steps++;
}

static void broken_step(struct nika_replica *replica, const struct nika_event *event,
                        struct nika_effects *effects)
{
    (void)effects;
    replica->steps++;
    NIKA_ASSERT(event->kind != NIKA_EVENT_START);
}

static void toy_status(const struct nika_replica *replica, struct nika_replica_status *out)
{
    (void)replica;
    memset(out, 0, sizeof *out);
}

static void toy_digest(const struct nika_replica *replica, struct nika_digest *out)
{
    memset(out, 0, sizeof *out);
    out->bytes[0] = (uint8_t)replica->steps;
}

static void toy_describe(uint8_t type, struct nika_span body, struct nika_summary *out)
{
    (void)type;
    (void)body;
    memset(out, 0, sizeof *out);
}

static void toy_describe_record(uint32_t kind, struct nika_span record, struct nika_summary *out)
{
    toy_describe((uint8_t)kind, record, out);
}

static const struct nika_message_info *const toy_infos[] = {&common_info_request};
static const struct nika_message_table toy_messages = {"toy", 1, toy_infos};
#define TOY(step_function)                                                                         \
    {                                                                                              \
        .name = "toy", .doc = "toy", .messages = &toy_messages, .size = toy_size,                  \
        .used = toy_used, .init = toy_init, .recover = toy_recover, .step = (step_function),       \
        .status = toy_status, .digest = toy_digest, .describe = toy_describe,                      \
        .describe_record = toy_describe_record                                                     \
    }
static const struct nika_replica_ops mute = TOY(mute_step), broken = TOY(broken_step);

const struct nika_protocol nika_protocol_list[] = {
    {"mute", "never answers", 1, &mute, &nika_client_bft},
    {"broken", "breaks an invariant", 2, &broken, &nika_client_bft}};
const uint32_t nika_protocol_count = 2;

const struct nika_protocol *nika_protocol_find(const char *name)
{
    return strcmp(name, "mute") == 0 ? &nika_protocol_list[0] : &nika_protocol_list[1];
}

static void run_toy(const char *protocol, struct nika_run_result *result)
{
    static struct nika_diagnoses diagnoses;
    char set[64], text[] = "{\"schema\":1,\"name\":\"x\",\"why\":\"y\",\"gst_ms\":0,\"workload\":{"
                           "\"requests\":3}}";
    const char *sets[] = {set}, *reason;
    snprintf(set, sizeof set, "cluster.protocol=%s", protocol);
    struct nika_scenario *s =
        nika_scenario_parse("x.json", text, sizeof text - 1, sets, 1, &diagnoses);
    if (s == NULL) fail_msg("%s", diagnoses.lines[0]);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    nika_runner_run(runner, 1, result);
    /* A broken run leaves a runner that still works. */
    int first = result->exit_class;
    nika_runner_run(runner, 2, result);
    assert_int_equal(result->exit_class, first);
    nika_runner_free(runner);
    nika_scenario_free(s);
}

static void test_a_mute_cluster_violates_liveness(void **state)
{
    (void)state;
    static struct nika_run_result result;
    run_toy("mute", &result);
    if (result.exit_class != NIKA_EXIT_LIVENESS)
        fail_msg("%d %s", result.exit_class, result.sentence);
    assert_int_equal(result.requests_completed, 0);
    assert_int_equal(result.requests_expected, 6);
}

static void test_a_broken_invariant_breaks_the_contract(void **state)
{
    (void)state;
    static struct nika_run_result result;
    run_toy("broken", &result);
    if (result.exit_class != NIKA_EXIT_CONTRACT)
        fail_msg("%d %s", result.exit_class, result.sentence);
    assert_non_null(strstr(result.sentence, "test_classes.c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_mute_cluster_violates_liveness),
        cmocka_unit_test(test_a_broken_invariant_breaks_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
