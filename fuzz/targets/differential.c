/* fuzz/targets/differential.c: one workload on PBFT, on Hybster and on the application alone: the same replies.
 *
 * Input: count u8 | that many operations of four bytes: kind u8, key u8, value u8, client u8 | bytes of decisions. An operation begins when the one
 * before it has ended, so its reply is that of a sequential run, whatever the network and one Byzantine replica of each cluster do: that the
 * decisions say (nika_chooser_init_bytes). Both worlds are made once and copied for each input. */
#include <stdlib.h>

#include "apps/kv.h"
#include "apps/registry.h"
#include "engine/core/digest.h"
#include "fuzz/targets/target.h"
#include "scenarios/runner.h"

#define OPS_MAX 16u
#define OP_SIZE 4u
#define OP_BYTES 256u
#define RESULT_BYTES 2048u
#define SIZE_MAX_INPUT 2048u
#define CLIENTS 3u
#define STEP_NS UINT64_C(50000000)
#define STEPS_MAX 200u /* Ten seconds, a hundred times what the network may disturb. */

#define SCENARIO(cluster)                                                                          \
    "{\"schema\": 1, \"name\": \"differential\", \"why\": \"A fuzzer decides.\", \"gst_ms\": 100," \
    " \"cluster\": {" cluster ", \"clients\": 3, \"checkpoint_interval\": 2, \"window\": 8,"       \
    "   \"pipeline\": 8, \"batch_us\": 0, \"request_ms\": 60, \"status_ms\": 40, "                 \
    "\"retransmit_ms\": 40,"                                                                       \
    "   \"client_ms\": 80, \"fetch_ms\": 40, \"lag_ms\": 80, \"backoff_max\": 3, \"read_only\": "  \
    "true},"                                                                                       \
    " \"workload\": {\"requests\": 1, \"start_ms\": 60000},"                                       \
    " \"network\": {\"loss_ppm\": 200000, \"duplicate_ppm\": 200000, \"reorder_ppm\": 200000},"    \
    " \"faults\": ["                                                                               \
    "  {\"name\": \"corrupt-reply\", \"targets\": [0], \"rate_ppm\": 500000, \"acts\": \"may\"},"  \
    "  {\"name\": \"mutate\", \"targets\": [0], \"rate_ppm\": 300000, \"acts\": \"may\"},"         \
    "  {\"name\": \"omit\", \"targets\": [0], \"rate_ppm\": 300000, \"acts\": \"may\"}],"          \
    " \"limits\": {\"events\": 1000000, \"time_ms\": 50000}}"

struct reply {
    uint32_t size;
    uint8_t bytes[RESULT_BYTES];
};
struct side {
    const char *name, *scenario_text;
    struct nika_scenario *scenario;
    struct nika_runner *runner;
    struct nika_runner_mark *begun;
    uint32_t completed;
    struct reply replies[OPS_MAX];
};
/* Hybster has a fourth replica here: with the read-only path on a write needs the replies of a quorum of PBFT's size (C-c), and of three replicas
 * that is all of them, the liar too. */
static struct side sides[] = {
    {.name = "pbft", .scenario_text = SCENARIO("\"protocol\": \"pbft\"")},
    {.name = "hybster",
     .scenario_text = SCENARIO("\"protocol\": \"hybster\", \"n\": 4, \"f\": 1")}};

/* The operations of the present input. */
static struct {
    uint32_t count;
    struct {
        uint32_t client, flags, size;
        uint8_t bytes[OP_BYTES];
    } op[OPS_MAX];
} ops;
static uint64_t last_digest;

/* ---- Operations ---- */
static uint32_t write_op(const uint8_t *in, uint8_t *out, uint32_t *flags)
{
    static const uint8_t keys[] = "abcdefgh", values[] = "0123456789012345678901234567890123456789";
    struct nika_writer w = nika_writer_of(out, OP_BYTES);
    struct nika_kv_op op = {.kind = (enum nika_kv_kind)(NIKA_KV_PUT + in[0] % 5u),
                            .key = {keys + in[1] % 4u, 1 + (in[1] >> 4 & 1u)},
                            .value = {values + in[2] % 8u, in[2] >> 3},
                            .expected = {values + in[3] % 8u, in[2] >> 3},
                            .expect_present = (in[3] & 0x10u) != 0,
                            .limit = 1u + in[2] % NIKA_KV_RANGE_MAX};
    if (!op.expect_present) op.expected.size = 0;
    if (op.kind == NIKA_KV_RANGE) op.value = (struct nika_span){keys + in[2] % 4u, in[2] >> 7};
    bool reads = op.kind == NIKA_KV_GET || op.kind == NIKA_KV_RANGE;
    *flags = reads && (in[3] & 0x20u) != 0 ? NIKA_OP_READ_ONLY : 0;
    nika_kv_write(&w, &op);
    if ((in[3] & 0xc0u) == 0xc0u && w.at > 1) w.at--; /* What is no operation has a reply, too. */
    NIKA_TARGET_CHECK(!w.failed, "an operation too long");
    return w.at;
}

static struct nika_span read_ops(struct nika_span input)
{
    uint32_t at = 1;
    ops.count = input.data[0] % (OPS_MAX + 1);
    for (uint32_t i = 0; i < ops.count; i++, at += OP_SIZE) {
        uint8_t bytes[OP_SIZE] = {0};
        for (uint32_t k = 0; k < OP_SIZE && at + k < input.size; k++) bytes[k] = input.data[at + k];
        ops.op[i].size = write_op(bytes, ops.op[i].bytes, &ops.op[i].flags);
        ops.op[i].client = bytes[3] % CLIENTS;
    }
    if (at > input.size) at = input.size;
    return (struct nika_span){input.data + at, input.size - at};
}

/* ---- A cluster ---- */
static void invoke(struct side *s)
{
    uint32_t i = s->completed;
    nika_world_invoke(nika_runner_world(s->runner), ops.op[i].client, 1000 + i,
                      (struct nika_span){ops.op[i].bytes, ops.op[i].size}, ops.op[i].flags, 0);
}

static void on_completed(void *context, const struct nika_tap *tap)
{
    struct side *s = context;
    if (s->completed == ops.count || tap->token != 1000 + s->completed) return;
    struct reply *reply = &s->replies[s->completed++];
    NIKA_TARGET_CHECK(tap->bytes.size <= RESULT_BYTES, "a reply of %u bytes", tap->bytes.size);
    reply->size = tap->bytes.size;
    if (reply->size > 0) memcpy(reply->bytes, tap->bytes.data, reply->size);
    if (s->completed < ops.count) invoke(s);
}

static void prepare(struct side *s)
{
    const char *reason = NULL;
    struct nika_diagnoses d = {.file = s->name};
    struct nika_watcher watcher = {
        .context = s, .mask = NIKA_TAP_BIT(NIKA_TAP_COMPLETED), .on_tap = on_completed};
    s->scenario =
        nika_scenario_parse(s->name, s->scenario_text, strlen(s->scenario_text), NULL, 0, &d);
    NIKA_TARGET_CHECK(s->scenario != NULL, "%s", d.lines[0]);
    s->runner = nika_runner_new(s->scenario, &reason);
    NIKA_TARGET_CHECK(s->runner != NULL, "%s", reason);
    nika_runner_set_oracles(s->runner, false);
    nika_runner_watch(s->runner, &watcher);
    NIKA_TARGET_CHECK(nika_runner_begin(s->runner, 1, &reason), "%s: %s", s->name, reason);
    s->begun = nika_runner_mark(s->runner);
    NIKA_TARGET_CHECK(s->begun != NULL, "out of memory");
}

static void play(struct side *s, struct nika_span decisions)
{
    struct nika_choice_bytes bytes = {.input = decisions};
    char text[33];
    if (s->runner == NULL) prepare(s);
    nika_runner_return(s->runner, s->begun);
    struct nika_world *w = nika_runner_world(s->runner);
    nika_chooser_init_bytes(nika_world_chooser(w), &bytes);
    s->completed = 0;
    if (ops.count > 0) invoke(s);
    for (uint32_t i = 0; i < STEPS_MAX && s->completed < ops.count; i++)
        (void)nika_world_run(w, nika_world_now(w) + STEP_NS);
    nika_world_digest_text(w, text);
    last_digest = nika_hash64(text, sizeof text, last_digest);
}

/* ---- The application alone ---- */
static void judge(void)
{
    static void *memory;
    static size_t size;
    const struct nika_app_ops *app_ops = &nika_app_kv;
    const struct nika_config *config = nika_world_config(nika_runner_world(sides[0].runner));
    uint8_t reply[RESULT_BYTES];
    if (memory == NULL) {
        size = (app_ops->size(config) + 63) / 64 * 64;
        memory = aligned_alloc(64, size);
        NIKA_TARGET_CHECK(memory != NULL, "out of memory");
        memset(memory, 0, size);
    }
    struct nika_app *app = app_ops->init(memory, config, 0);
    for (uint32_t i = 0; i < ops.count; i++) {
        struct nika_op op = {.client = ops.op[i].client,
                             .timestamp = i + 1,
                             .bytes = {ops.op[i].bytes, ops.op[i].size}};
        uint32_t wanted = app_ops->execute(app, &op, 0, reply, config->reply_size_max);
        for (uint32_t k = 0; k < ARRAY_COUNT(sides); k++) {
            const struct reply *got = &sides[k].replies[i];
            if (i >= sides[k].completed) continue;
            NIKA_TARGET_CHECK(got->size == wanted && memcmp(got->bytes, reply, wanted) == 0,
                              "%s answers operation %u otherwise than the application alone",
                              sides[k].name, i);
        }
    }
    memset(memory, 0, app_ops->used(app));
}

static void run(struct nika_span input)
{
    if (input.size == 0) return;
    struct nika_span decisions = read_ops(input);
    last_digest = 0;
    for (uint32_t k = 0; k < ARRAY_COUNT(sides); k++) play(&sides[k], decisions);
    judge();
    nika_target_state(sides[0].completed | sides[1].completed << 8);
    for (uint32_t k = 0; k < ARRAY_COUNT(sides); k++)
        NIKA_TARGET_CHECK(sides[k].completed == ops.count, "%s: %u of %u operations ended",
                          sides[k].name, sides[k].completed, ops.count);
}

static uint64_t digest(void)
{
    return last_digest;
}

static void seeds(nika_target_seed *seed, void *context)
{
    uint8_t bytes[1 + OPS_MAX * OP_SIZE + 128];
    char name[16];
    for (uint32_t i = 0; i < 8; i++) {
        struct nika_target_draw draw = {i};
        bytes[0] = (uint8_t)(1 + i * 2);
        for (uint32_t k = 1; k < sizeof bytes; k++)
            bytes[k] = (uint8_t)nika_target_draw(&draw, 256);
        uint32_t size = 1 + bytes[0] * OP_SIZE + (i % 2 == 0 ? 0 : 16 * i);
        snprintf(name, sizeof name, "draw-%u", i);
        seed(context, name, (struct nika_span){bytes, size});
    }
}

const struct nika_target nika_target_differential = {
    .name = "differential",
    .doc = "One workload on PBFT, Hybster and the application alone, under a hostile network and "
           "one Byzantine replica: the same replies.",
    .size_max = SIZE_MAX_INPUT,
    .run = run,
    .seeds = seeds,
    .digest = digest,
};
