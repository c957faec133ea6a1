/* fuzz/shrink/shrink.c: attempts, and the order in which things are tried (shrink.h). */
#include "fuzz/shrink/shrink.h"

#include <stdlib.h>

#define ROUNDS_MAX 16u
/* An attempt may be so much longer than the run that it would replace; more is not worth the time. */
#define EVENTS_FACTOR 2u
#define EVENTS_EXTRA 2000u

static struct nika_shrink_size size_of(const struct nika_scenario *s,
                                       const struct nika_run_result *r,
                                       const struct nika_decisions *decisions)
{
    struct nika_shrink_size size = {.decisions = decisions->count,
                                    .faults = s->fault_count,
                                    .replicas = s->values[NIKA_KEY_N],
                                    .clients = s->values[NIKA_KEY_CLIENTS],
                                    .requests =
                                        s->values[NIKA_KEY_CLIENTS] * s->values[NIKA_KEY_REQUESTS],
                                    .events = r->stats.events,
                                    .virtual_ns = r->stats.now_ns};
    for (uint32_t i = 0; i < decisions->count; i++)
        size.acts += decisions->list[i].name.kind == NIKA_CHOICE_FAULT;
    size.always = (uint64_t)__builtin_popcount(decisions->always);
    return size;
}

static struct nika_scenario *parse(const json_t *document, const char *path,
                                   struct nika_diagnoses *d)
{
    char *text = json_dumps(document, JSON_COMPACT);
    struct nika_scenario *s =
        text != NULL ? nika_scenario_parse(path, text, strlen(text), NULL, 0, d) : NULL;
    free(text);
    return s;
}

/* One run. False when there is no such world; else s->attempt is its result and `recorder` has its decisions. */
static bool run_once(struct nika_shrink *s, struct nika_runner *runner,
                     const struct nika_decisions *decisions, struct nika_recorder *recorder)
{
    const char *reason;
    struct nika_decider *decider = decisions != NULL ? nika_decider_new(decisions) : NULL;
    bool good =
        (decisions == NULL || decider != NULL) && nika_runner_begin(runner, s->seed, &reason);
    if (good) {
        struct nika_chooser *chooser = nika_world_chooser(nika_runner_world(runner));
        if (decider != NULL) nika_decider_attach(decider, chooser);
        chooser->tap = NULL; /* The recorder of an earlier run. */
        nika_recorder_attach(recorder, nika_runner_world(runner));
        recorder->skip = decider != NULL ? nika_decider_by_rule(decider) : NULL;
        recorder->decisions.always = decisions != NULL ? decisions->always : 0;
        nika_runner_finish(runner, &s->attempt);
        chooser->tap = NULL;
    }
    nika_decider_free(decider);
    s->runs++;
    return good && !recorder->full;
}

static bool keeps_rule(const struct nika_shrink *s, const struct nika_scenario *candidate,
                       enum nika_shrink_rule rule)
{
    const uint64_t *v = candidate->values;
    uint64_t events = s->attempt.stats.events, now = s->now.events;
    switch (rule) {
    case NIKA_SHRINK_ANY:
        return true;
    case NIKA_SHRINK_NOT_LONGER:
        return events <= now + now / 8 && v[NIKA_KEY_N] <= s->now.replicas &&
               v[NIKA_KEY_CLIENTS] * v[NIKA_KEY_REQUESTS] <= s->now.requests;
    case NIKA_SHRINK_SHORTER:
        return events < now;
    }
    return false;
}

static bool fails_the_same(const struct nika_shrink *s)
{
    struct nika_failure failure;
    return nika_failure_of(&s->attempt, &failure) && nika_failure_equal(&failure, &s->failure);
}

/* A failure that is about a limit on events keeps it; any other attempt is cut when it gets out of hand. */
static uint64_t event_limit(const struct nika_shrink *s, const struct nika_scenario *candidate)
{
    uint64_t own = candidate->values[NIKA_KEY_EVENTS];
    uint64_t cap = s->now.events * EVENTS_FACTOR + EVENTS_EXTRA;
    return s->failure.exit_class == NIKA_EXIT_INCONCLUSIVE || own < cap ? own : cap;
}

static bool out_of_budget(struct nika_shrink *s)
{
    if (s->runs >= s->runs_max || (s->stop != NULL && s->stop(s->context))) s->stopped = true;
    return s->stopped;
}

static void take(struct nika_shrink *s, struct nika_recorder *recorder)
{
    struct nika_decisions old = s->decisions;
    s->decisions = recorder->decisions;
    recorder->decisions = old;
    s->result = s->attempt;
    s->now = size_of(s->scenario, &s->result, &s->decisions);
    s->accepted++;
}

static void drop_runner(struct nika_shrink *s)
{
    nika_runner_free(s->runner);
    s->runner = NULL;
}

/* Another scenario needs a world of its own, and there is room for one. */
static bool try_document(struct nika_shrink *s, const json_t *document,
                         const struct nika_decisions *decisions, enum nika_shrink_rule rule,
                         struct nika_recorder *recorder)
{
    struct nika_diagnoses d;
    const char *reason;
    struct nika_scenario *candidate = parse(document, s->scenario->path, &d);
    if (candidate == NULL) return false; /* No run: an impossible scenario costs nothing. */
    uint64_t own_limit = candidate->values[NIKA_KEY_EVENTS];
    candidate->values[NIKA_KEY_EVENTS] = event_limit(s, candidate);
    bool capped = candidate->values[NIKA_KEY_EVENTS] < own_limit;
    drop_runner(s);
    struct nika_runner *runner = nika_runner_new(candidate, &reason);
    bool good = runner != NULL && run_once(s, runner, decisions, recorder) && fails_the_same(s) &&
                keeps_rule(s, candidate, rule) &&
                !(capped && s->attempt.ended == NIKA_WORLD_EVENT_LIMIT);
    nika_runner_free(runner);
    if (!good) {
        nika_scenario_free(candidate);
        return false;
    }
    candidate->values[NIKA_KEY_EVENTS] = own_limit;
    nika_scenario_free(s->scenario);
    s->scenario = candidate;
    json_t *old = s->document;
    s->document = json_deep_copy(document);
    json_decref(old);
    take(s, recorder);
    return true;
}

bool nika_shrink_try(struct nika_shrink *s, const json_t *document,
                     const struct nika_decisions *decisions, enum nika_shrink_rule rule)
{
    const char *reason;
    struct nika_recorder recorder = {0};
    bool good;
    if (out_of_budget(s)) return false;
    if (document != NULL) {
        good = try_document(s, document, decisions, rule, &recorder);
    } else {
        if (s->runner == NULL) s->runner = nika_runner_new(s->scenario, &reason);
        good = s->runner != NULL && run_once(s, s->runner, decisions, &recorder) &&
               fails_the_same(s) && keeps_rule(s, s->scenario, rule);
        if (good) take(s, &recorder);
    }
    nika_decisions_clear(&recorder.decisions);
    if (s->progress != NULL) s->progress(s->context, s);
    return good;
}

enum nika_shrink_start nika_shrink_begin(struct nika_shrink *s, const struct nika_log *log,
                                         const char *path, struct nika_diagnoses *d)
{
    const char *reason = "out of memory";
    struct nika_recorder recorder = {0};
    s->seed = log->seed;
    s->document = json_deep_copy(log->document);
    s->scenario = nika_log_scenario(log, path, d);
    if (s->scenario == NULL) return NIKA_SHRINK_ERROR;
    s->runner = nika_runner_new(s->scenario, &reason);
    bool ran = s->runner != NULL && s->document != NULL &&
               run_once(s, s->runner, &log->decisions, &recorder);
    if (!ran) {
        nika_diagnose_plain(d, "%s: its run cannot be repeated: no such world, or out of memory",
                            path);
        nika_decisions_clear(&recorder.decisions);
        return NIKA_SHRINK_ERROR;
    }
    take(s, &recorder);
    nika_decisions_clear(&recorder.decisions);
    s->before = s->now;
    s->accepted = 0;
    bool failed = nika_failure_of(&s->result, &s->failure);
    s->missing = s->failure.exit_class == NIKA_EXIT_EXPECTATION;
    return failed ? NIKA_SHRINK_READY : NIKA_SHRINK_HELD;
}

/* Cheap and large steps first: they make all later runs short. What became possible by a later step is found in the next round. */
void nika_shrink_run(struct nika_shrink *s)
{
    for (uint32_t round = 0; round < ROUNDS_MAX && !s->stopped; round++) {
        uint64_t accepted = s->accepted;
        bool by_seed = round == 0;
        if (!s->missing) {
            (void)nika_shrink_times(s);
            (void)nika_shrink_faults(s, by_seed);
            (void)nika_shrink_sizes(s, by_seed);
        }
        (void)nika_shrink_decision_kinds(s);
        (void)nika_shrink_keys(s);
        if (!s->missing) (void)nika_shrink_times(s);
        (void)nika_shrink_decisions(s);
        if (s->accepted == accepted) return;
    }
}

void nika_shrink_end(struct nika_shrink *s)
{
    drop_runner(s);
    nika_scenario_free(s->scenario);
    json_decref(s->document);
    nika_decisions_clear(&s->decisions);
}
