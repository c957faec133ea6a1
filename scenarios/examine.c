/* scenarios/examine.c: what a verdict needs beyond its run: the class of a stall, culprits, and the cost of an attack.
 *
 * Each is found by repeating the run, which is deterministic, so that runs that hold pay nothing and no trace, log or digest of the
 * first run changes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/core/assert.h"
#include "scenarios/runner_private.h"

/* Done within so many bounds is slow; later is too late to wait for (ATTACKS.md 9.2, 4). */
#define SLOW_FACTOR 10u

/* The same run again, with this watcher alone. False when there is no such world. */
static bool repeat(struct nika_runner *r, const struct nika_watcher *watcher,
                   struct nika_run_result *scratch)
{
    const char *reason;
    struct nika_watcher callers = r->watcher;
    r->watcher = (struct nika_watcher){0}; /* It has seen this run. */
    r->rebuild = true;                     /* Without the watchers of the first run. */
    bool begun = nika_runner_begin(r, r->seed, &reason);
    if (begun) {
        nika_world_watch(r->world, watcher);
        nika_runner_finish(r, scratch);
    }
    r->rebuild = true;
    r->watcher = callers;
    return begun;
}

static bool violated(const struct nika_run_result *result, bool live)
{
    for (uint32_t i = 0; i < result->violation_count; i++) {
        bool is_live = nika_oracle_list[result->violations[i].oracle]->property_class ==
                       NIKA_PROPERTY_LIVENESS;
        if (is_live == live) return true;
    }
    return false;
}

/* ---- the class of a stall ---- */
struct lingering {
    struct nika_stall stall;
    struct nika_lasso lasso;
    uint64_t progress;
};

static uint64_t abstract_state(const struct nika_runner *r, uint32_t *backoff)
{
    struct nika_replica_status status[NIKA_REPLICAS_MAX];
    uint64_t judged[2] = {0, 0};
    memset(status, 0, sizeof status);
    *backoff = 0;
    for (uint32_t i = 0; i < r->options.config.n; i++) {
        if (nika_set_has(r->setup.corrupted, i) || !nika_world_is_up(r->world, i)) continue;
        judged[i / 64] |= UINT64_C(1) << (i % 64);
        nika_world_status(r->world, i, &status[i]);
        if (status[i].backoff > *backoff) *backoff = status[i].backoff;
    }
    return nika_abstract_state(status, r->options.config.n, judged);
}

static bool loops(const struct nika_runner *r, struct lingering *l)
{
    uint32_t backoff;
    uint64_t hash = abstract_state(r, &backoff);
    if (l->progress != l->stall.progress) nika_lasso_clear(&l->lasso);
    l->progress = l->stall.progress;
    return nika_lasso_seen(&l->lasso, hash, nika_world_now(r->world),
                           nika_liveness_period(&r->setup, backoff));
}

static void say(struct nika_run_result *out, enum nika_liveness liveness, uint64_t at_ns,
                const char *why)
{
    out->liveness = liveness;
    snprintf(out->stall, sizeof out->stall,
             "%s; followed beyond the verdict, to %" PRIu64 " ms: %s", nika_liveness_doc(liveness),
             at_ns / 1000000, why);
}

/* Go on past the bound until it is clear what this stall is. */
static void linger(struct nika_runner *r, struct lingering *l, struct nika_run_result *out)
{
    char why[120];
    uint64_t bound = nika_liveness_bound(&r->setup), now = nika_world_now(r->world);
    uint64_t longest =
        bound > (UINT64_MAX - now) / SLOW_FACTOR ? UINT64_MAX - now : bound * (SLOW_FACTOR - 1);
    uint64_t hot = nika_stall_hot_above(&r->setup), until = now;
    for (;;) {
        bool done = r->workload->correct_left == 0 && nika_runner_converged(r);
        uint64_t heat = nika_stall_temperature(&l->stall);
        if (done) {
            say(out, NIKA_LIVENESS_SLOW, until, "all requests completed, all replicas agree");
            return;
        }
        if (heat > hot) {
            snprintf(why, sizeof why, "%" PRIu64 " view changes, %" PRIu64 " allowed", heat, hot);
            say(out, NIKA_LIVENESS_HOT, until, why);
            return;
        }
        if (loops(r, l)) {
            say(out, NIKA_LIVENESS_LASSO, until, "every timer has fired and led back here");
            return;
        }
        bool time = until >= r->options.time_limit_ns, ended = time || until - now >= longest;
        until += RUNNER_SLICE_NS;
        enum nika_world_state state = ended ? NIKA_WORLD_RUNNING : nika_world_run(r->world, until);
        if (state == NIKA_WORLD_EVENT_LIMIT || state == NIKA_WORLD_TIME_LIMIT || ended) {
            say(out, NIKA_LIVENESS_INCONCLUSIVE, until,
                state == NIKA_WORLD_EVENT_LIMIT          ? "the event limit ended it"
                : time || state == NIKA_WORLD_TIME_LIMIT ? "the time limit ended it"
                                                         : "ten times the bound has passed");
            return;
        }
    }
}

static void classify(struct nika_runner *r, struct nika_run_result *scratch,
                     struct nika_run_result *out)
{
    char why[NIKA_SENTENCE_SIZE];
    struct lingering *l = calloc(1, sizeof *l);
    if (l == NULL) return;
    struct nika_watcher watcher = nika_stall_watcher(&l->stall, &r->setup);
    if (repeat(r, &watcher, scratch) && violated(scratch, true)) {
        const char *vacuous = nika_stall_vacuous(&l->stall, nika_runner_down(r), why, sizeof why);
        out->liveness = vacuous != NULL ? NIKA_LIVENESS_VACUOUS : NIKA_LIVENESS_INCONCLUSIVE;
        if (vacuous != NULL) snprintf(out->stall, sizeof out->stall, "%s", vacuous);
        nika_assert_set_handler(nika_runner_on_broken, r);
        if (vacuous == NULL && setjmp(r->out) == 0) linger(r, l, out);
        nika_assert_set_handler(NULL, NULL);
    }
    free(l);
    if (out->liveness == NIKA_LIVENESS_VACUOUS && out->exit_class == NIKA_EXIT_LIVENESS)
        nika_verdict(r->scenario, out);
}

/* ---- culprits ---- */
static void accuse(struct nika_runner *r, struct nika_run_result *scratch,
                   struct nika_run_result *out, struct nika_archive **evidence)
{
    void *memory = calloc(1, nika_archive_size());
    if (memory == NULL) return;
    struct nika_evidence_rules rules = {&r->options.config, r->options.replica_ops, r->keyring,
                                        nika_trusted_key_of(r->keyring)};
    struct nika_archive *archive = nika_archive_init(memory, &rules, r->setup.corrupted);
    struct nika_watcher watcher = nika_archive_watcher(archive);
    if (repeat(r, &watcher, scratch)) nika_archive_accuse(archive, &out->accusation);
    nika_trusted_key_free(rules.trusted);
    if (evidence != NULL) {
        *evidence = archive;
    } else {
        free(memory);
    }
}

/* Are as many proven guilty as the scenario wants, and nobody whom it has not corrupted? */
static void judge_culprits(const struct nika_runner *r, struct nika_run_result *out)
{
    const struct nika_accusation *a = &out->accusation;
    uint64_t wanted = r->drawn.values[NIKA_KEY_CULPRITS];
    const struct nika_conviction *framed = NULL;
    if (wanted == 0 || out->exit_class != NIKA_EXIT_HELD) return;
    for (uint32_t i = 0; i < a->count && framed == NULL; i++)
        if (!a->list[i].corrupted) framed = &a->list[i];
    if (framed == NULL && a->count >= wanted) return;
    out->exit_class = NIKA_EXIT_EXPECTATION;
    if (framed != NULL)
        snprintf(out->sentence, sizeof out->sentence,
                 "messages prove replica %" PRIu32 " guilty, which this scenario has not corrupted",
                 framed->replica);
    else
        snprintf(out->sentence, sizeof out->sentence,
                 "messages prove %" PRIu32 " guilty, expected at least %" PRIu64, a->count, wanted);
}

/* ---- what the attack cost ---- */
/* Thousandths of a request in a second. */
static uint64_t rate(const struct nika_run_result *result, uint64_t start_ns)
{
    uint64_t end = result->requests_completed < result->requests_expected ? result->stats.now_ns
                                                                          : result->completed_ns;
    uint64_t us = end > start_ns ? (end - start_ns) / 1000 : 0;
    return us == 0 ? 0 : result->requests_completed * UINT64_C(1000000000) / us;
}

static void compare_throughput(struct nika_runner *r, struct nika_run_result *scratch,
                               struct nika_run_result *out)
{
    const char *reason;
    uint64_t least = r->drawn.values[NIKA_KEY_THROUGHPUT_PERCENT];
    uint64_t start = r->drawn.values[NIKA_KEY_START_MS] * UINT64_C(1000000);
    struct nika_scenario *calm = malloc(sizeof *calm);
    if (calm == NULL) return;
    *calm = r->drawn;
    calm->fault_count = 0;
    calm->swarm_count = 0;
    calm->decisions = NULL;
    calm->values[NIKA_KEY_THROUGHPUT_PERCENT] = 0;
    nika_world_free(r->world); /* One at a time. */
    r->world = NULL;
    r->rebuild = true;
    struct nika_runner *other = nika_runner_new(calm, &reason);
    if (other != NULL && nika_runner_begin(other, r->seed, &reason)) {
        nika_runner_finish(other, scratch);
        uint64_t without = rate(scratch, start), with = rate(out, start);
        if (without > 0) out->throughput_percent = (uint32_t)(with * 100 / without);
    }
    nika_runner_free(other);
    free(calm);
    if (out->throughput_percent >= least || out->exit_class != NIKA_EXIT_HELD) return;
    out->exit_class = NIKA_EXIT_EXPECTATION;
    snprintf(out->sentence, sizeof out->sentence,
             "throughput under attack is %" PRIu32 " %% of that without, expected at least %" PRIu64
             " %%",
             out->throughput_percent, least);
}

void nika_runner_examine(struct nika_runner *r, struct nika_run_result *out,
                         struct nika_archive **evidence)
{
    bool live = violated(out, true), safe = violated(out, false);
    bool measure = r->drawn.values[NIKA_KEY_THROUGHPUT_PERCENT] != 0;
    if (evidence != NULL) *evidence = NULL;
    out->throughput_percent = UINT32_MAX;
    if (out->exit_class == NIKA_EXIT_CONTRACT || r->world == NULL) return;
    bool done = out->requests_completed >= out->requests_expected;
    if (r->options.gst_ns != NIKA_NEVER && !live && done) out->liveness = NIKA_LIVENESS_HELD;
    if (!live && !safe && !measure) {
        judge_culprits(r, out);
        return;
    }
    struct nika_run_result *scratch = malloc(sizeof *scratch);
    if (scratch == NULL) return;
    if (live && out->liveness != NIKA_LIVENESS_VACUOUS) classify(r, scratch, out);
    if (safe) accuse(r, scratch, out, evidence);
    judge_culprits(r, out);
    if (measure) compare_throughput(r, scratch, out);
    free(scratch);
}
