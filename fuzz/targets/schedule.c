/* fuzz/targets/schedule.c: whole-cluster schedules: the input is a decision log (DESIGN.md 7) of a run of four replicas, one of them
 * Byzantine, judged by all oracles.
 *
 * Input: seed u8 | decisions of twenty bytes: kind u8, type u8, k u16, a u32, b u32, view u16, seq u16, value u32. A decision that is not
 * listed is the fair one, so every prefix of an input is a complete run, and a decision that the run never asks for does nothing. */
#include <stdlib.h>

#include "fuzz/log/log.h"
#include "fuzz/targets/target.h"

#define DECISION_SIZE 20u
#define DECISIONS_MAX 200u
#define SIZE_MAX_INPUT (1u + DECISIONS_MAX * DECISION_SIZE)
#define NAMES_MAX 16384u /* That the mutator chooses from. */

/* Eight requests. The Byzantine replica is the primary of view 0; what it does, and what the network does, is up to the input. */
static const char scenario_text[] =
    "{\"schema\": 1, \"name\": \"schedule\", \"why\": \"A fuzzer decides.\", \"gst_ms\": 100,"
    " \"cluster\": {\"clients\": 8, \"batch_count\": 3, \"checkpoint_interval\": 2, \"window\": 8, "
    "\"pipeline\": 8, "
    "\"batch_us\": 0,"
    "   \"request_ms\": 60, \"status_ms\": 40, \"retransmit_ms\": 40, \"client_ms\": 80,"
    "   \"fetch_ms\": 40, \"lag_ms\": 80, \"backoff_max\": 3},"
    " \"workload\": {\"requests\": 1},"
    " \"network\": {\"loss_ppm\": 500000, \"duplicate_ppm\": 500000, \"reorder_ppm\": 500000},"
    " \"faults\": ["
    "  {\"name\": \"equivocate\", \"targets\": [0], \"rate_ppm\": 500000, \"acts\": \"may\"},"
    "  {\"name\": \"omit\", \"targets\": [0], \"rate_ppm\": 500000, \"acts\": \"may\"},"
    "  {\"name\": \"mutate\", \"targets\": [0], \"rate_ppm\": 500000, \"acts\": \"may\"},"
    "  {\"name\": \"replay\", \"targets\": [0], \"rate_ppm\": 500000, \"acts\": \"may\"},"
    "  {\"name\": \"lying-view-change\", \"targets\": [0], \"rate_ppm\": 500000, \"acts\": "
    "\"may\"},"
    "  {\"name\": \"corrupt-reply\", \"targets\": [0], \"rate_ppm\": 500000, \"acts\": \"may\"},"
    "  {\"name\": \"delay-own\", \"targets\": [0], \"rate_ppm\": 500000, \"acts\": \"may\"}],"
    " \"limits\": {\"events\": 200000, \"time_ms\": 20000},"
    " \"expect\": {\"safety\": \"held\", \"liveness\": \"held\"}}";

static struct nika_scenario *scenario;
static struct nika_runner *runner;
static struct nika_decisions decisions;
static struct nika_run_result result;
static struct {
    uint32_t count;
    struct nika_choice_name list[NAMES_MAX];
    uint64_t range[NAMES_MAX];
} names;

/* ---- Bytes and decisions ---- */
static void entry_write(const struct nika_choice_name *name, uint32_t value, uint8_t *bytes)
{
    struct nika_writer w = nika_writer_of(bytes, DECISION_SIZE);
    nika_write_u8(&w, (uint8_t)name->kind);
    nika_write_u8(&w, (uint8_t)name->type);
    nika_write_u16(&w, (uint16_t)name->k);
    nika_write_u32(&w, name->a);
    nika_write_u32(&w, name->b);
    nika_write_u16(&w, (uint16_t)name->view);
    nika_write_u16(&w, (uint16_t)name->seq);
    nika_write_u32(&w, value);
}

static void read_decisions(struct nika_span input)
{
    struct nika_reader r = nika_reader_of(input);
    (void)nika_read_u8(&r);
    decisions.count = 0;
    while (nika_reader_left(&r) >= DECISION_SIZE) {
        struct nika_choice_name name = {.kind = nika_read_u8(&r)};
        name.type = nika_read_u8(&r);
        name.k = nika_read_u16(&r);
        name.a = nika_read_u32(&r);
        name.b = nika_read_u32(&r);
        name.view = nika_read_u16(&r);
        name.seq = nika_read_u16(&r);
        uint64_t value = nika_read_u32(&r);
        /* What is decided before the run begins is the scenario's. */
        if (value == 0 || name.kind == NIKA_CHOICE_SETUP || name.kind == NIKA_CHOICE_WORKLOAD)
            continue;
        NIKA_TARGET_CHECK(nika_decisions_add(&decisions, &name, value) == NIKA_OK, "no memory");
    }
}

static uint64_t seed_of(struct nika_span input)
{
    return 1u + input.data[0] % 4u;
}

/* ---- Watching ---- */
/* Names that runs asked for: what a mutator can say. The judgement of an input never depends on them. */
static void remember_name(void *context, const struct nika_choice_name *name, uint64_t n,
                          uint64_t value)
{
    (void)context;
    (void)value;
    uint32_t at = names.count < NAMES_MAX ? names.count++
                                          : (uint32_t)(name->seq * 31 + name->k * 7 + name->b +
                                                       name->type * 131 + name->kind * 1009) %
                                                NAMES_MAX;
    names.list[at] = *name;
    names.range[at] = n;
}

/* Where a replica stands, and how the cluster stands around it, coarsely. */
static void report_state(void *context, const struct nika_tap *tap)
{
    struct nika_world *w = nika_runner_world(runner);
    uint64_t shape = 0, least = UINT64_MAX, most = 0;
    (void)context;
    if (tap->note->id == NIKA_NOTE_QUEUE || tap->note->id == NIKA_NOTE_REJECT) return;
    for (uint32_t i = 0; i < 4; i++) {
        struct nika_replica_status s;
        if (!nika_world_is_up(w, i)) continue;
        nika_world_status(w, i, &s);
        if (s.last_executed < least) least = s.last_executed;
        if (s.last_executed > most) most = s.last_executed;
        shape = shape << 3 | (s.view < 3 ? s.view : 3) << 1 | (s.active ? 1 : 0);
        if (i != tap->node) continue;
        uint64_t lag = s.last_executed - s.low_mark;
        nika_target_state(
            (uint64_t)s.wait | (s.view < 4 ? s.view : 4) << 4 | (uint64_t)s.active << 7 |
            (uint64_t)s.transferring << 8 | (lag < 8 ? lag : 8) << 9 |
            (uint64_t)(s.view_changes_held < 4 ? s.view_changes_held : 4) << 13 |
            (uint64_t)(s.wait_detail < 4 ? s.wait_detail : 4) << 16 | (uint64_t)(i == 0) << 20);
    }
    nika_target_state(UINT64_C(1) << 40 | shape << 4 | (most - least < 8 ? most - least : 8));
}

static void prepare(void)
{
    const char *reason = NULL;
    struct nika_diagnoses d = {.file = "schedule"};
    struct nika_watcher watcher = {.mask = NIKA_TAP_BIT(NIKA_TAP_NOTE), .on_tap = report_state};
    scenario =
        nika_scenario_parse("schedule", scenario_text, sizeof scenario_text - 1, NULL, 0, &d);
    NIKA_TARGET_CHECK(scenario != NULL, "%s", d.lines[0]);
    runner = nika_runner_new(scenario, &reason);
    NIKA_TARGET_CHECK(runner != NULL, "%s", reason);
    nika_runner_watch(runner, &watcher);
}

/* One run; false when it could not begin. */
static void play(struct nika_span input, struct nika_recorder *recorder)
{
    const char *reason = NULL;
    if (scenario == NULL) prepare();
    read_decisions(input);
    scenario->decisions = &decisions;
    bool begun = nika_runner_begin(runner, seed_of(input), &reason);
    scenario->decisions = NULL; /* Not the scenario's to free. */
    NIKA_TARGET_CHECK(begun, "%s", reason);
    struct nika_chooser *chooser = nika_world_chooser(nika_runner_world(runner));
    chooser->tap = remember_name;
    if (recorder != NULL) nika_recorder_attach(recorder, nika_runner_world(runner));
    nika_runner_finish(runner, &result);
}

static void run(struct nika_span input)
{
    if (input.size == 0) return;
    play(input, NULL);
    int class = result.exit_class;
    NIKA_TARGET_CHECK(class == NIKA_EXIT_HELD || class == NIKA_EXIT_INCONCLUSIVE, "%s: %s",
                      nika_exit_name(class), result.sentence);
}

static uint64_t digest(void)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < sizeof result.digest; i++)
        value = value * 31 + (uint8_t)result.digest[i];
    return value;
}

/* ---- Mutation by decisions ---- */
static uint32_t value_for(uint64_t range, struct nika_target_draw *draw)
{
    if (nika_target_draw(draw, 3) == 0) return UINT32_MAX; /* The largest of any range: it acts. */
    if (range > UINT32_MAX) range = UINT32_MAX;
    return 1 + nika_target_draw(draw, (uint32_t)(range > 1 ? range - 1 : 1));
}

static void fresh(uint8_t *entry, struct nika_target_draw *draw)
{
    struct nika_choice_name name = {.kind = NIKA_CHOICE_FAULT};
    uint64_t range = 2;
    /* The adversary's decisions, and among them those on messages, say more than latencies. */
    for (uint32_t tries = 0; names.count > 0 && tries < 8; tries++) {
        uint32_t at = nika_target_draw(draw, names.count);
        name = names.list[at];
        range = names.range[at];
        if (name.kind == NIKA_CHOICE_FAULT) break;
        if (name.kind == NIKA_CHOICE_LOSS && nika_target_draw(draw, 2) == 0) break;
        if (nika_target_draw(draw, 8) == 0) break;
    }
    entry_write(&name, value_for(range, draw), entry);
}

static void alter(uint8_t *entry, struct nika_target_draw *draw)
{
    static const uint8_t fields[] = {2, 4, 8, 10, 12, 14, 16};
    uint8_t *at = entry + fields[nika_target_draw(draw, sizeof fields)];
    if (at == entry + 16) {
        nika_store_le(at, value_for(UINT32_MAX, draw), 4);
    } else {
        *at = (uint8_t)(*at + (nika_target_draw(draw, 2) == 0 ? 1 : 255));
    }
}

static const struct nika_target_list list = {
    .head = 1, .entry = DECISION_SIZE, .fresh = fresh, .alter = alter};

static uint32_t mutate(uint8_t *data, uint32_t size, uint32_t capacity, uint32_t seed)
{
    return nika_target_list_mutate(&list, data, size, capacity, seed);
}

static uint32_t cross(struct nika_span a, struct nika_span b, uint8_t *out, uint32_t capacity,
                      uint32_t seed)
{
    return nika_target_list_cross(&list, a, b, out, capacity, seed);
}

/* ---- Seeds: the fair run, and the first acts of each fault in runs by seed ---- */
static void seed_of_run(uint64_t seed_number, nika_target_seed *seed, void *context)
{
    uint8_t bytes[SIZE_MAX_INPUT] = {0};
    char name[32];
    const char *reason = NULL;
    struct nika_recorder recorder = {0};
    NIKA_TARGET_CHECK(nika_runner_begin(runner, seed_number, &reason), "%s", reason);
    nika_world_chooser(nika_runner_world(runner))->tap = NULL; /* Of the run before. */
    nika_recorder_attach(&recorder, nika_runner_world(runner));
    nika_runner_finish(runner, &result);
    uint32_t size = 1, kept[NIKA_FAULTS_MAX + 1] = {0};
    for (uint32_t i = 0; i < recorder.decisions.count && size < SIZE_MAX_INPUT; i++) {
        const struct nika_decision *one = &recorder.decisions.list[i];
        bool fault = one->name.kind == NIKA_CHOICE_FAULT && one->name.a < NIKA_FAULTS_MAX;
        uint32_t *count = &kept[fault ? one->name.a : NIKA_FAULTS_MAX];
        if ((*count)++ >= 6 || one->value > UINT32_MAX) continue;
        entry_write(&one->name, (uint32_t)one->value, bytes + size);
        size += DECISION_SIZE;
    }
    nika_decisions_clear(&recorder.decisions);
    snprintf(name, sizeof name, "run-%u", (unsigned)seed_number);
    seed(context, name, (struct nika_span){bytes, size});
}

static void seeds(nika_target_seed *seed, void *context)
{
    static const uint8_t fair[1] = {0};
    prepare();
    seed(context, "fair", (struct nika_span){fair, sizeof fair});
    for (uint64_t i = 1; i <= 12; i++) seed_of_run(i, seed, context);
}

/* As a decision log, for nika replay and nika shrink. */
static void show(struct nika_span input, FILE *out)
{
    struct nika_recorder recorder = {0};
    if (input.size == 0) return;
    play(input, &recorder);
    struct nika_log *log = nika_log_new(scenario, "fuzz", &recorder, &result);
    NIKA_TARGET_CHECK(log != NULL && nika_log_write(log, out) == NIKA_OK, "cannot write the log");
    nika_log_free(log);
}

const struct nika_target nika_target_schedule_pbft = {
    .name = "schedule-pbft",
    .doc = "Decision logs of whole runs: four PBFT replicas, one Byzantine, all oracles.",
    .size_max = SIZE_MAX_INPUT,
    .run = run,
    .mutate = mutate,
    .cross = cross,
    .seeds = seeds,
    .show = show,
    .digest = digest,
};
