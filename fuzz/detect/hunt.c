/* fuzz/detect/hunt.c: one campaign after a planted bug; see detect.h. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/campaign/campaign.h"
#include "fuzz/campaign/explore.h"
#include "fuzz/detect/detect.h"

#define AGAIN_MAX 3u /* Two worlds may agree by chance. */
struct nika_detect_hunt {
    const struct nika_detect_plan *plan;
    const struct nika_detect_cell *cell;
    struct nika_runner *planted, *sound;
    struct nika_explorer *explorer;
    /* The same runs in other memory, for bugs that only a comparison shows. A strategy may make more of a seed than the seed says, hence
     * explorers. */
    uint32_t again_count;
    struct nika_runner *again_runner[AGAIN_MAX];
    struct nika_explorer *again[AGAIN_MAX];
    struct nika_run_result result, other;
};

static bool by_comparison(const struct nika_museum_bug *bug)
{
    return bug != NULL && strcmp(bug->verdicts, "determinism") == 0;
}

const char *nika_detect_left_out(const struct nika_museum_bug *bug)
{
    if (bug->verdicts[0] == '\0') return "a canary: nothing may notice it";
    if (strcmp(bug->verdicts, "ineffective") == 0) return "it changes nothing, on purpose";
    if (bug->scenario[0] == '\0' || strcmp(bug->verdicts, "directed") == 0)
        return "no campaign notices it, only a directed test";
    return NULL;
}

uint64_t nika_detect_stride(uint64_t limit)
{
    return (limit + NIKA_BLOCK_RUNS - 1) / NIKA_BLOCK_RUNS * NIKA_BLOCK_RUNS;
}

struct nika_detect_hunt *nika_detect_hunt_new(const struct nika_detect_plan *plan, uint32_t cell)
{
    const char *reason;
    struct nika_detect_hunt *h = calloc(1, sizeof *h);
    if (h == NULL) return NULL;
    h->plan = plan;
    h->cell = &plan->cells[cell];
    h->planted = nika_runner_new(h->cell->planted, &reason);
    h->sound = nika_runner_new(h->cell->sound, &reason);
    bool good = true;
    h->again_count = by_comparison(h->cell->bug) ? AGAIN_MAX : 0;
    for (uint32_t i = 0; i < h->again_count; i++) {
        h->again_runner[i] = nika_runner_new(h->cell->planted, &reason);
        if (h->again_runner[i] != NULL)
            h->again[i] = nika_explorer_new(h->again_runner[i], h->cell->strategy);
        good = good && h->again[i] != NULL;
    }
    if (h->planted != NULL) h->explorer = nika_explorer_new(h->planted, h->cell->strategy);
    if (good && h->sound != NULL && h->explorer != NULL) return h;
    nika_detect_hunt_free(h);
    return NULL;
}

void nika_detect_hunt_free(struct nika_detect_hunt *h)
{
    if (h == NULL) return;
    nika_explorer_free(h->explorer);
    for (uint32_t i = 0; i < h->again_count; i++) {
        nika_explorer_free(h->again[i]);
        nika_runner_free(h->again_runner[i]);
    }
    nika_runner_free(h->planted);
    nika_runner_free(h->sound);
    free(h);
}

static void forget(struct nika_detect_hunt *h)
{
    nika_explorer_forget(h->explorer);
    for (uint32_t i = 0; i < h->again_count; i++) nika_explorer_forget(h->again[i]);
}

/* Which verdict notices the run, by its name in the bug's entry; NULL = none. */
static const char *noticed(const struct nika_museum_bug *bug, const struct nika_run_result *r)
{
    if (!nika_museum_detected(bug, r)) return NULL;
    for (uint32_t i = 0; i < r->violation_count; i++) {
        struct nika_run_result one = {.violation_count = 1, .violations = {r->violations[i]}};
        if (nika_museum_detected(bug, &one)) return nika_oracle_list[r->violations[i].oracle]->id;
    }
    return nika_exit_name(r->exit_class);
}

/* A run that fails in a way that a campaign would report. What a scenario or strategy wanted to show and did not is no failure. */
static bool failed(const struct nika_run_result *r)
{
    return r->exit_class != NIKA_EXIT_HELD && r->exit_class != NIKA_EXIT_EXPECTATION;
}

/* A failure of the sound modules. Where a fault broke a trusted subsystem nothing is promised (TS5), and the verdict says so. */
static bool is_alarm(const struct nika_scenario *s, const struct nika_run_result *r)
{
    bool promised = r->exit_class != NIKA_EXIT_SAFETY && r->exit_class != NIKA_EXIT_LIVENESS;
    for (uint32_t i = 0; i < r->fault_count && !promised; i++) {
        if (r->faults[i].acted > 0 && s->faults[i].ops->fault_class == NIKA_FAULT_TRUSTED)
            return false;
    }
    return failed(r);
}

struct tally {
    uint64_t runs, seed, cpu_us, others, alarms;
    const char *by;
};

static json_t *record_of(const struct nika_detect_plan *plan, const struct nika_detect_cell *cell,
                         uint32_t campaign, uint64_t limit, const struct tally *t)
{
    uint64_t first = plan->first + campaign * nika_detect_stride(plan->limit);
    json_t *record = json_pack(
        "{s:i, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:I, s:I, s:I, s:I}", "nika_detect", 1,
        "bug", cell->bug != NULL ? cell->bug->id : NIKA_DETECT_SOUND, "strategy",
        cell->strategy->name, "scenario", cell->planted->name, "path", cell->planted->path,
        "campaign", (json_int_t)campaign, "first", (json_int_t)first, "limit", (json_int_t)limit,
        "found", t->by != NULL, "runs", (json_int_t)t->runs, "cpu_us", (json_int_t)t->cpu_us,
        "others", (json_int_t)t->others, "alarms", (json_int_t)t->alarms);
    if (t->by != NULL) {
        json_object_set_new(record, "seed", json_integer((json_int_t)t->seed));
        json_object_set_new(record, "by", json_string(t->by));
    }
    return record;
}

/* One seed with the bug; when it is noticed, the same seed without. */
static bool hunt_one(struct nika_detect_hunt *h, uint64_t seed, struct tally *t)
{
    const struct nika_museum_bug *bug = h->cell->bug;
    uint64_t before = h->plan->cpu_ns();
    nika_explorer_run(h->explorer, seed, &h->result);
    for (uint32_t i = 0; i < h->again_count; i++) {
        nika_explorer_run(h->again[i], seed, &h->other);
        if (strcmp(h->result.digest, h->other.digest) != 0)
            h->result.exit_class = NIKA_EXIT_NONDETERMINISTIC;
    }
    t->cpu_us += (h->plan->cpu_ns() - before) / 1000;
    t->runs++;
    if (bug == NULL) {
        t->alarms += is_alarm(h->cell->sound, &h->result);
        return false;
    }
    const char *by = noticed(bug, &h->result);
    if (by == NULL) {
        t->others += failed(&h->result);
        return false;
    }
    nika_runner_run(h->sound, seed, &h->other);
    t->alarms += is_alarm(h->cell->sound, &h->other);
    if (noticed(bug, &h->other) != NULL) return false;
    t->by = by;
    t->seed = seed;
    return true;
}

json_t *nika_detect_campaign(struct nika_detect_hunt *h, uint32_t campaign, uint64_t quota,
                             struct nika_detect_slot *slot)
{
    struct tally t = {0};
    bool last = quota != 0 && quota <= h->cell->limit;
    uint64_t limit = last ? quota : h->cell->limit;
    uint64_t first = h->plan->first + campaign * nika_detect_stride(h->plan->limit);
    atomic_store(&slot->campaign, campaign);
    atomic_store(&slot->limit, limit);
    uint64_t cpu_limit_us = h->plan->cpu_limit_us != 0 ? h->plan->cpu_limit_us : UINT64_MAX;
    for (uint64_t i = 0; i < limit && t.cpu_us < cpu_limit_us; i++) {
        if (i % NIKA_BLOCK_RUNS == 0) forget(h);
        atomic_store(&slot->runs, i);
        atomic_store(&slot->cpu_us, t.cpu_us);
        atomic_store(&slot->run_cpu_ns, h->plan->cpu_ns());
        atomic_store(&slot->started_ns, h->plan->now_ns());
        if (hunt_one(h, first + i, &t)) break;
    }
    atomic_store(&slot->started_ns, 0);
    json_t *record = record_of(h->plan, h->cell, campaign, limit, &t);
    if (last && t.by == NULL) json_object_set_new(record, "outpaced", json_true());
    return record;
}

json_t *nika_detect_death(const struct nika_detect_plan *plan, uint32_t cell,
                          const struct nika_detect_slot *slot, const char *what)
{
    const struct nika_detect_cell *c = &plan->cells[cell];
    uint32_t campaign = atomic_load(&slot->campaign);
    struct tally t = {.runs = atomic_load(&slot->runs) + 1, .cpu_us = atomic_load(&slot->cpu_us)};
    struct nika_run_result crashed = {.exit_class = NIKA_EXIT_CONTRACT};
    t.seed = plan->first + campaign * nika_detect_stride(plan->limit) + t.runs - 1;
    if (c->bug == NULL)
        t.alarms = 1;
    else if (nika_museum_detected(c->bug, &crashed))
        t.by = "crash";
    else
        t.others = 1;
    json_t *record = record_of(plan, c, campaign, atomic_load(&slot->limit), &t);
    json_object_set_new(record, "died", json_string(what));
    return record;
}
