/* fuzz/targets/schedule.c: whole-cluster schedules: the input is a decision log (DESIGN.md 7) of a run of a small cluster, one replica of it
 * Byzantine, judged by all oracles.
 *
 * Input: seed u8 | decisions of twenty bytes: kind u8, type u8, k u16, a u32, b u32, view u16, seq u16, value u32. A decision that is not
 * listed is the fair one, so every prefix of an input is a complete run, and a decision that the run never asks for does nothing.
 *
 * The world is made once for each of a few seeds; every input starts from a copy of it, as late as it can (engine/sim/snapshot.c). */
#include "fuzz/targets/schedule.h"

#include <stdlib.h>

#include "engine/core/digest.h"

#define DECISION_SIZE SCHEDULE_DECISION_SIZE

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

static void read_decisions(struct schedule_target *t, struct nika_span input)
{
    struct nika_reader r = nika_reader_of(input);
    (void)nika_read_u8(&r);
    t->decisions.count = 0;
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
        NIKA_TARGET_CHECK(nika_decisions_add(&t->decisions, &name, value) == NIKA_OK, "no memory");
    }
}

static uint64_t seed_of(struct nika_span input)
{
    return 1u + input.data[0] % SCHEDULE_SEEDS;
}

/* ---- Watching ---- */
/* Names that runs asked for: what a mutator can say. The judgement of an input never depends on them. */
static void remember_name(void *context, const struct nika_choice_name *name, uint64_t n,
                          uint64_t value)
{
    struct schedule_target *t = context;
    (void)value;
    uint32_t at = t->names.count < SCHEDULE_NAMES_MAX
                      ? t->names.count++
                      : (uint32_t)(name->seq * 31 + name->k * 7 + name->b + name->type * 131 +
                                   name->kind * 1009) %
                            SCHEDULE_NAMES_MAX;
    t->names.list[at] = *name;
    t->names.range[at] = n;
}

/* Where a replica stands, and how the cluster stands around it, coarsely. */
static void report_state(void *context, const struct nika_tap *tap)
{
    const struct schedule_target *t = context;
    struct nika_world *w = nika_runner_world(t->runner);
    uint64_t shape = 0, least = UINT64_MAX, most = 0;
    if (tap->note->id == NIKA_NOTE_QUEUE || tap->note->id == NIKA_NOTE_REJECT) return;
    for (uint32_t i = 0; i < nika_world_config(w)->n; i++) {
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

static void begin(struct schedule_target *t, uint64_t seed)
{
    const char *reason = NULL;
    NIKA_TARGET_CHECK(nika_runner_begin(t->runner, seed, &reason), "%s", reason);
}

/* ---- The fair run ---- */
static uint64_t name_hash(const struct nika_choice_name *name)
{
    return nika_hash64(name, sizeof *name, 0);
}

static void note_asked(void *context, const struct nika_choice_name *name, uint64_t n,
                       uint64_t value)
{
    struct schedule_fair *f = context;
    (void)n, (void)value;
    NIKA_TARGET_CHECK(f->asked < SCHEDULE_ASKED_MAX, "more than %u decisions in a fair run",
                      SCHEDULE_ASKED_MAX);
    f->ask[f->asked++] = (struct schedule_asked){name_hash(name), f->event};
}

static int compare_asked(const void *a, const void *b)
{
    const struct schedule_asked *x = a, *y = b;
    if (x->name != y->name) return x->name < y->name ? -1 : 1;
    return (x->event > y->event) - (x->event < y->event);
}

/* Through the fair run, with a copy every `every` events, 0 = none. Returns how many events it has. */
static uint64_t walk(struct schedule_target *t, struct schedule_fair *f, uint64_t seed,
                     uint64_t every)
{
    struct nika_decisions none = {0};
    struct nika_decider *decider = nika_decider_new(&none);
    NIKA_TARGET_CHECK(decider != NULL, "out of memory");
    begin(t, seed);
    struct nika_chooser *chooser = nika_world_chooser(nika_runner_world(t->runner));
    nika_decider_attach(decider, chooser);
    chooser->tap = every > 0 ? note_asked : NULL;
    chooser->tap_context = f;
    f->event = 0;
    do {
        if (every > 0 && f->event % every == 0 && f->marks < SCHEDULE_MARKS) {
            f->mark_event[f->marks] = f->event;
            f->mark[f->marks] = nika_runner_mark(t->runner);
            NIKA_TARGET_CHECK(f->mark[f->marks++] != NULL, "out of memory");
        }
    } while (nika_runner_step(t->runner) && ++f->event > 0);
    NIKA_TARGET_CHECK(nika_runner_broken(t->runner)[0] == '\0', "the fair run: %s",
                      nika_runner_broken(t->runner));
    nika_decider_free(decider);
    return f->event;
}

static void make_fair(struct schedule_target *t, struct schedule_fair *f, uint64_t seed)
{
    uint64_t events = walk(t, f, seed, 0);
    (void)walk(t, f, seed, events / SCHEDULE_MARKS + 1);
    qsort(f->ask, f->asked, sizeof f->ask[0], compare_asked);
}

/* The event in which the fair run first asks for it; UINT64_MAX = never. */
static uint64_t asked_in(const struct schedule_fair *f, const struct nika_choice_name *name)
{
    uint64_t wanted = name_hash(name);
    uint32_t low = 0, high = f->asked;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (f->ask[middle].name < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low < f->asked && f->ask[low].name == wanted ? f->ask[low].event : UINT64_MAX;
}

/* The last copy in which no listed decision has been asked for. */
static const struct nika_runner_mark *start_of(const struct schedule_fair *f,
                                               const struct nika_decisions *d)
{
    uint64_t first = UINT64_MAX;
    uint32_t at = 0;
    for (uint32_t i = 0; i < d->count; i++) {
        uint64_t event = asked_in(f, &d->list[i].name);
        if (event < first) first = event;
    }
    while (at + 1 < f->marks && f->mark_event[at + 1] <= first) at++;
    return f->mark[at];
}

static void prepare(struct schedule_target *t)
{
    const char *reason = NULL;
    struct nika_diagnoses d = {.file = "schedule"};
    struct nika_watcher watcher = {
        .context = t, .mask = NIKA_TAP_BIT(NIKA_TAP_NOTE), .on_tap = report_state};
    t->scenario =
        nika_scenario_parse("schedule", t->scenario_text, strlen(t->scenario_text), NULL, 0, &d);
    NIKA_TARGET_CHECK(t->scenario != NULL, "%s", d.lines[0]);
    t->scenario->values[NIKA_KEY_PLANTED] = nika_target_planted();
    t->runner = nika_runner_new(t->scenario, &reason);
    NIKA_TARGET_CHECK(t->runner != NULL, "%s", reason);
    nika_runner_watch(t->runner, &watcher);
    for (uint64_t i = 0; i < SCHEDULE_SEEDS; i++) make_fair(t, &t->fair[i], i + 1);
}

bool schedule_play(struct schedule_target *t, struct nika_span input,
                   struct nika_recorder *recorder)
{
    if (input.size == 0) return false;
    if (t->scenario == NULL) prepare(t);
    read_decisions(t, input);
    uint64_t seed = seed_of(input);
    struct nika_decider *decider = nika_decider_new(&t->decisions);
    NIKA_TARGET_CHECK(decider != NULL, "out of memory");
    if (recorder != NULL) {
        begin(t, seed);
        nika_decider_attach(decider, nika_world_chooser(nika_runner_world(t->runner)));
    } else {
        const struct schedule_fair *fair = &t->fair[seed - 1];
        nika_runner_return(t->runner, start_of(fair, &t->decisions));
    }
    struct nika_chooser *chooser = nika_world_chooser(nika_runner_world(t->runner));
    chooser->driver_state = decider; /* The copy has that of the fair run. */
    chooser->tap =
        nika_hash64(input.data, input.size, 0) % SCHEDULE_NAMED == 0 ? remember_name : NULL;
    chooser->tap_context = t;
    if (recorder != NULL) nika_recorder_attach(recorder, nika_runner_world(t->runner));
    nika_runner_finish(t->runner, &t->result);
    nika_decider_free(decider);
    return true;
}

void schedule_run(struct schedule_target *t, struct nika_span input)
{
    if (!schedule_play(t, input, NULL)) return;
    int class = t->result.exit_class;
    NIKA_TARGET_CHECK(class == NIKA_EXIT_HELD || class == NIKA_EXIT_INCONCLUSIVE, "%s: %s",
                      nika_exit_name(class), t->result.sentence);
}

uint64_t schedule_digest(const struct schedule_target *t)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < sizeof t->result.digest; i++)
        value = value * 31 + (uint8_t)t->result.digest[i];
    return value;
}

/* ---- Mutation by decisions ---- */
static uint32_t value_for(uint64_t range, struct nika_target_draw *draw)
{
    if (nika_target_draw(draw, 3) == 0) return UINT32_MAX; /* The largest of any range: it acts. */
    if (range > UINT32_MAX) range = UINT32_MAX;
    return 1 + nika_target_draw(draw, (uint32_t)(range > 1 ? range - 1 : 1));
}

/* Whose names a fresh decision takes: the mutations of one input are made in one call. */
static struct schedule_target *mutated;

static void fresh(uint8_t *entry, struct nika_target_draw *draw)
{
    struct nika_choice_name name = {.kind = NIKA_CHOICE_FAULT};
    uint64_t range = 2;
    /* The adversary's decisions, and among them those on messages, say more than latencies. */
    for (uint32_t tries = 0; mutated->names.count > 0 && tries < 8; tries++) {
        uint32_t at = nika_target_draw(draw, mutated->names.count);
        name = mutated->names.list[at];
        range = mutated->names.range[at];
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

const struct nika_target_list schedule_list = {
    .head = 1, .entry = DECISION_SIZE, .fresh = fresh, .alter = alter};

uint32_t schedule_mutate(struct schedule_target *t, uint8_t *data, uint32_t size, uint32_t capacity,
                         uint32_t seed)
{
    mutated = t;
    return nika_target_list_mutate(&schedule_list, data, size, capacity, seed);
}

/* ---- Seeds: the fair run, and the first acts of each fault in runs by seed ---- */
static void seed_of_run(struct schedule_target *t, uint64_t seed_number, nika_target_seed *seed,
                        void *context)
{
    uint8_t bytes[SCHEDULE_SIZE_MAX] = {0};
    char name[32];
    struct nika_recorder recorder = {0};
    begin(t, seed_number);
    nika_world_chooser(nika_runner_world(t->runner))->tap = NULL; /* Of the run before. */
    nika_recorder_attach(&recorder, nika_runner_world(t->runner));
    nika_runner_finish(t->runner, &t->result);
    uint32_t size = 1, kept[NIKA_FAULTS_MAX + 1] = {0};
    for (uint32_t i = 0; i < recorder.decisions.count && size < SCHEDULE_SIZE_MAX; i++) {
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

void schedule_seeds(struct schedule_target *t, nika_target_seed *seed, void *context)
{
    static const uint8_t fair[1] = {0};
    if (t->scenario == NULL) prepare(t);
    seed(context, "fair", (struct nika_span){fair, sizeof fair});
    for (uint64_t i = 1; i <= 12; i++) seed_of_run(t, i, seed, context);
}

void schedule_show(struct schedule_target *t, struct nika_span input, FILE *out)
{
    struct nika_recorder recorder = {0};
    if (!schedule_play(t, input, &recorder)) return;
    struct nika_log *log = nika_log_new(t->scenario, NIKA_VERSION, &recorder, &t->result);
    NIKA_TARGET_CHECK(log != NULL && nika_log_write(log, out) == NIKA_OK, "cannot write the log");
    nika_log_free(log);
}
