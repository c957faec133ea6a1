/* scenarios/runner.c: drives one world through one run and collects what happened. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/core/assert.h"
#include "engine/core/auth.h"
#include "engine/core/planted.h"
#include "scenarios/options.h"
#include "scenarios/runner_private.h"

/* First bytes of the world's extra memory: what extra_used() needs to find the rest. */
struct extra_head {
    uint64_t oracles_at; /* 0 = nothing in use. */
    uint64_t oracles_on;
};
static uint64_t workload_at(void)
{
    return (sizeof(struct extra_head) + 63) / 64 * 64;
}

static size_t extra_used(const void *extra)
{
    const struct extra_head *head = extra;
    if (head->oracles_at == 0) return 0;
    size_t used =
        head->oracles_on != 0 ? nika_oracles_used((const uint8_t *)extra + head->oracles_at) : 0;
    return head->oracles_at + used;
}

static void world_status(const void *world, uint32_t replica, struct nika_replica_status *out)
{
    nika_world_status(world, replica, out);
}

static bool world_is_up(const void *world, uint32_t replica)
{
    return nika_world_is_up(world, replica);
}

static const struct nika_app *world_app(const void *world, uint32_t replica)
{
    return nika_world_app(world, replica);
}

void nika_runner_on_broken(void *context, const char *file, int line, const char *expression)
{
    struct nika_runner *r = context;
    const char *base = strrchr(file, '/');
    snprintf(r->broken, sizeof r->broken, "a contract was broken at %s:%d: %s",
             base != NULL ? base + 1 : file, line, expression);
    longjmp(r->out, 1);
}

struct nika_runner *nika_runner_new(const struct nika_scenario *scenario, const char **reason)
{
    struct nika_runner *r = calloc(1, sizeof *r);
    *reason = "out of memory";
    if (r == NULL) return NULL;
    nika_auth_install_sim(&nika_auth_sim_table);
    r->scenario = scenario;
    r->oracles_on = true;
    r->rebuild = true;
    return r;
}

void nika_runner_free(struct nika_runner *r)
{
    if (r == NULL) return;
    if (r->world != NULL) nika_world_free(r->world);
    if (r->keyring != NULL) nika_keyring_free(r->keyring);
    nika_decider_free(r->decider);
    free(r);
}

void nika_runner_set_oracles(struct nika_runner *r, bool on)
{
    r->rebuild = r->rebuild || r->oracles_on != on;
    r->oracles_on = on;
}

struct nika_world *nika_runner_world(struct nika_runner *r)
{
    return r->world;
}

const struct nika_scenario *nika_runner_drawn(const struct nika_runner *r)
{
    return &r->drawn;
}

uint64_t nika_runner_unused_decisions(const struct nika_runner *r)
{
    return r->decider != NULL ? nika_decider_unused(r->decider) : 0;
}

static void fill_setup(struct nika_runner *r)
{
    const struct nika_world_options *o = &r->options;
    struct nika_oracle_setup *setup = &r->setup;
    memset(setup, 0, sizeof *setup);
    setup->config = &o->config;
    setup->app_ops = o->app_ops;
    setup->app_param = o->app_param;
    nika_options_corrupted(&r->drawn, r->present, setup);
    setup->gst_ns = o->gst_ns == NIKA_NEVER ? UINT64_MAX : o->gst_ns;
    setup->delay_bound_ns = o->network.latency_bound_ns;
    setup->fsync_bound_ns = o->disk.fsync.quantile_ns[NIKA_LATENCY_POINTS - 1];
    setup->app_bound_ns = o->app_delay.quantile_ns[NIKA_LATENCY_POINTS - 1];
    setup->enabled = UINT64_MAX;
    setup->status = world_status;
    setup->is_up = world_is_up;
    setup->app = world_app;
}

/* The keys depend on the suite and the sizes only, not on the seed: they are made once. */
static const char *make_keys(struct nika_runner *r)
{
    const struct nika_config *c = &r->options.config;
    if (r->keyring == NULL) r->keyring = nika_keyring_new_derived(c->suite, c->n, c->clients, 1);
    return r->keyring == NULL ? "no keys: out of memory or the suite is not available" : NULL;
}

static bool swarm_touches_keys(const struct nika_scenario *s)
{
    for (uint32_t i = 0; i < s->swarm_count; i++) {
        if (s->swarm[i].key == NIKA_KEY_N || s->swarm[i].key == NIKA_KEY_CLIENTS) return true;
    }
    return false;
}

static const char *make_world(struct nika_runner *r)
{
    if (r->world != NULL) nika_world_free(r->world);
    r->world = NULL;
    if (swarm_touches_keys(r->scenario) && r->keyring != NULL) {
        nika_keyring_free(r->keyring);
        r->keyring = NULL;
    }
    nika_options_draw(r->scenario, r->seed, &r->drawn, &r->present);
    const char *reason = nika_options_world(&r->drawn, r->present, &r->options);
    if (reason == NULL) reason = make_keys(r);
    if (reason != NULL) return reason;
    fill_setup(r);
    size_t oracles_at =
        workload_at() + (nika_workload_size(r->options.config.clients) + 63) / 64 * 64;
    size_t extra = oracles_at + (r->oracles_on ? nika_oracles_size(&r->setup) : 0);
    if (extra > UINT32_MAX) return "the oracles' state would not fit";
    r->options.extra_bytes = (uint32_t)extra;
    r->options.extra_used = extra_used;
    r->options.keyring = r->keyring;
    r->world = nika_world_new(&r->options, r->seed, &reason);
    if (r->world == NULL) return reason;
    r->setup.world = r->world;
    return NULL;
}

static void fill_extra(struct nika_runner *r)
{
    uint8_t *extra = nika_world_extra(r->world);
    struct extra_head *head = (struct extra_head *)extra;
    const uint64_t *v = r->drawn.values;
    uint64_t oracles_at =
        workload_at() + (nika_workload_size(r->options.config.clients) + 63) / 64 * 64;
    struct nika_workload_options options = {
        .world = r->world,
        .app_ops = r->options.app_ops,
        .app_param = r->options.app_param,
        .seed = r->seed,
        .requests = v[NIKA_KEY_REQUESTS],
        .clients = r->options.config.clients,
        .payload = (uint32_t)v[NIKA_KEY_PAYLOAD],
        .read_ppm = (uint32_t)v[NIKA_KEY_READ_PPM],
        .open = v[NIKA_KEY_MODE] != 0,
        .interval_ns = UINT64_C(1000000000) / v[NIKA_KEY_RATE_PER_S],
        .think_ns = v[NIKA_KEY_THINK_US] * 1000,
        .start_ns = v[NIKA_KEY_START_MS] * 1000000,
        .corrupted_clients = {r->setup.corrupted_clients[0], r->setup.corrupted_clients[1]},
    };
    head->oracles_on = r->oracles_on;
    r->oracles = r->oracles_on ? nika_oracles_init(extra + oracles_at, &r->setup) : NULL;
    r->workload = nika_workload_init(extra + workload_at(), &options);
    head->oracles_at = oracles_at;
}

/* From the scenario, or from who decides in the place of the seed. A decider remembers what it was asked for, so every run gets a new
 * one. */
static const char *take_decisions(struct nika_runner *r)
{
    if (r->scenario->decisions == NULL) {
        if (r->decide != NULL) r->decide(r->decide_context, nika_world_chooser(r->world));
        return NULL;
    }
    nika_decider_free(r->decider);
    r->decider = nika_decider_new(r->scenario->decisions);
    if (r->decider == NULL) return "out of memory";
    nika_decider_attach(r->decider, nika_world_chooser(r->world));
    return NULL;
}

static const char *begin(struct nika_runner *r)
{
    bool fresh = r->rebuild || r->world == NULL || nika_options_depend_on_seed(r->scenario);
    if (fresh) {
        r->rebuild = true;
        const char *reason = make_world(r);
        if (reason != NULL) return reason;
        r->rebuild = false;
    } else {
        nika_world_reset(r->world, r->seed);
    }
    fill_extra(r);
    if (!fresh) return NULL;
    if (r->oracles != NULL) {
        struct nika_watcher oracles = nika_oracles_watcher(r->oracles);
        nika_world_watch(r->world, &oracles);
    }
    struct nika_watcher workload = nika_workload_watcher(r->workload);
    nika_world_watch(r->world, &workload);
    if (r->watcher.mask != 0) nika_world_watch(r->world, &r->watcher);
    return NULL;
}

void nika_runner_watch(struct nika_runner *r, const struct nika_watcher *watcher)
{
    r->watcher = *watcher;
    r->rebuild = true;
}

void nika_runner_decide_by(struct nika_runner *r, nika_runner_decide *decide, void *context)
{
    r->decide = decide;
    r->decide_context = context;
}

bool nika_runner_begin(struct nika_runner *r, uint64_t seed, const char **reason)
{
    r->seed = seed;
    r->broken[0] = '\0';
    r->ended = NIKA_WORLD_RUNNING;
    r->at = (struct runner_position){0};
    nika_assert_set_handler(nika_runner_on_broken, r);
    if (setjmp(r->out) != 0) {
        r->rebuild = true;
        nika_assert_set_handler(NULL, NULL);
        *reason = r->broken;
        return false;
    }
    nika_planted_select((uint32_t)r->scenario->values[NIKA_KEY_PLANTED]);
    *reason = begin(r);
    if (*reason == NULL) *reason = take_decisions(r);
    nika_assert_set_handler(NULL, NULL);
    return *reason == NULL;
}

uint32_t nika_runner_down(const struct nika_runner *r)
{
    uint32_t down = 0;
    for (uint32_t i = 0; i < r->options.config.n; i++) {
        bool corrupted = nika_set_has(r->setup.corrupted, i);
        down += !corrupted && !nika_world_is_up(r->world, i) ? 1 : 0;
    }
    return down;
}

static void collect_replicas(struct nika_runner *r, struct nika_run_result *out)
{
    out->replica_count = r->options.config.n;
    for (uint32_t i = 0; i < out->replica_count; i++) {
        struct nika_replica_result *replica = &out->replicas[i];
        replica->up = nika_world_is_up(r->world, i);
        replica->corrupted = nika_set_has(r->setup.corrupted, i);
        if (!replica->up) continue;
        nika_world_status(r->world, i, &replica->status);
        if (!replica->corrupted && replica->status.view > out->view_max)
            out->view_max = replica->status.view;
    }
}

static void collect(struct nika_runner *r, struct nika_run_result *out)
{
    const struct nika_violation *list;
    uint32_t next = 0;
    out->ended = r->ended;
    nika_world_stats(r->world, &out->stats);
    nika_world_digest_text(r->world, out->digest);
    memcpy(out->probes, nika_world_probes(r->world)->hits, sizeof out->probes);
    out->transfers = out->probes[NIKA_PROBE_replica_state_transfer];
    out->requests_invoked = r->workload->invoked;
    out->requests_completed = r->workload->completed;
    out->liveness_bound_ns = nika_liveness_bound(&r->setup);
    out->fault_count = r->scenario->fault_count;
    for (uint32_t i = 0; i < out->fault_count; i++) {
        struct nika_fault_result *fault = &out->faults[i];
        fault->name = r->scenario->faults[i].ops->name;
        fault->present = (r->present >> i & 1) != 0;
        fault->at_clients = r->drawn.faults[i].ops->fault_class == NIKA_FAULT_CLIENT;
        fault->targets[0] = r->drawn.faults[i].targets[0];
        fault->targets[1] = r->drawn.faults[i].targets[1];
        if (fault->present) fault->acted = nika_world_fault(r->world, next++)->acted;
    }
    if (r->oracles != NULL) {
        out->violation_count = nika_oracles_violations(r->oracles, &list);
        if (out->violation_count > NIKA_VIOLATIONS_MAX) out->violation_count = NIKA_VIOLATIONS_MAX;
        memcpy(out->violations, list, out->violation_count * sizeof out->violations[0]);
        if (nika_runner_liveness_broken(r) &&
            nika_stall_cluster_vacuous(&r->setup, nika_runner_down(r), out->stall,
                                       sizeof out->stall) != NULL)
            out->liveness = NIKA_LIVENESS_VACUOUS;
    }
    collect_replicas(r, out);
}

static void expect_requests(const struct nika_runner *r, struct nika_run_result *out)
{
    uint64_t correct = 0, completed = 0;
    for (uint32_t i = 0; i < r->options.config.clients; i++) {
        if (nika_set_has(r->setup.corrupted_clients, i)) continue;
        correct++;
        completed += r->workload->client[i].completed;
    }
    out->requests_expected = correct * r->drawn.values[NIKA_KEY_REQUESTS];
    out->requests_completed = completed;
    out->completed_ns = r->workload->completed_ns;
}

static void contract_verdict(struct nika_runner *r, struct nika_run_result *out)
{
    out->exit_class = NIKA_EXIT_CONTRACT;
    snprintf(out->sentence, sizeof out->sentence, "%s", r->broken);
    r->rebuild = true;
}

void nika_runner_finish(struct nika_runner *r, struct nika_run_result *out)
{
    memset(out, 0, sizeof *out);
    out->seed = r->seed;
    /* Another runner of this process may have begun since. */
    nika_planted_select((uint32_t)r->scenario->values[NIKA_KEY_PLANTED]);
    nika_assert_set_handler(nika_runner_on_broken, r);
    if (setjmp(r->out) == 0) {
        bool broken = r->broken[0] != '\0'; /* While it was stepped through. */
        if (broken) longjmp(r->out, 1);
        nika_runner_drive(r);
        if (r->oracles != NULL) nika_oracles_finish(r->oracles, nika_world_now(r->world));
        collect(r, out);
        expect_requests(r, out);
        nika_verdict(r->scenario, out);
    } else {
        contract_verdict(r, out);
        /* What can still be read of a broken world; a second break leaves the rest empty. */
        if (setjmp(r->out) == 0) collect(r, out);
        contract_verdict(r, out);
    }
    nika_assert_set_handler(NULL, NULL);
    /* Whoever takes the world back and finishes it again begins a new slice. */
    r->at = (struct runner_position){0};
}

void nika_runner_run(struct nika_runner *r, uint64_t seed, struct nika_run_result *result)
{
    const char *reason;
    if (nika_runner_begin(r, seed, &reason)) {
        nika_runner_finish(r, result);
        nika_runner_examine(r, result, NULL);
        return;
    }
    memset(result, 0, sizeof *result);
    result->seed = seed;
    bool broken = r->broken[0] != '\0';
    result->exit_class = broken ? NIKA_EXIT_CONTRACT : NIKA_EXIT_INCONCLUSIVE;
    snprintf(result->sentence, sizeof result->sentence, "%s%s",
             broken ? "" : "no such world: ", reason);
}
