/* cli/fidelity_plan.c: the simulated side of `nika fidelity`: runs the scenario, measures it as clients see it, and writes down what happened
 * to nodes and network, so that the same can happen to processes. Decides nothing about the run. */
#include "cli/fidelity.h"

#include <stdarg.h>
#include <stdlib.h>

#define MS_NS UINT64_C(1000000)

void cli_plan_left_out(struct cli_plan *plan, const char *format, ...)
{
    va_list arguments;
    if (plan->left_out_count == CLI_LEFT_OUT_MAX) return;
    va_start(arguments, format);
    vsnprintf(plan->left_out[plan->left_out_count++], sizeof plan->left_out[0], format, arguments);
    va_end(arguments);
}

bool cli_plan_add(struct cli_plan *plan, uint64_t at_ns, enum cli_act_kind kind, uint32_t replica)
{
    if (plan->count == CLI_ACTS_MAX) return false;
    uint32_t i = plan->count++;
    for (; i > 0 && plan->acts[i - 1].at_ns > at_ns; i--) plan->acts[i] = plan->acts[i - 1];
    plan->acts[i] = (struct cli_act){at_ns, kind, replica};
    return true;
}

struct seen {
    struct cli_plan *plan;
    struct cli_world_figures *figures;
    uint64_t began[NIKA_CLIENTS_MAX];
    uint64_t first_ns, last_ns;
    bool any, full;
};

static void on_tap(void *context, const struct nika_tap *tap)
{
    struct seen *s = context;
    uint32_t client = nika_client_index(tap->node);
    bool fits = true;
    if (tap->kind == NIKA_TAP_INVOKED) {
        s->began[client] = tap->now_ns;
        if (!s->any) s->first_ns = tap->now_ns;
        s->any = true;
    } else if (tap->kind == NIKA_TAP_COMPLETED) {
        nika_histogram_add(&s->figures->latency, tap->now_ns - s->began[client]);
        s->last_ns = tap->now_ns;
    } else if (!nika_is_client(tap->node)) {
        enum cli_act_kind back = tap->a == 1 ? CLI_ACT_FORGET : CLI_ACT_START;
        fits = cli_plan_add(s->plan, tap->now_ns,
                            tap->kind == NIKA_TAP_CRASHED ? CLI_ACT_KILL : back, tap->node);
    }
    s->full = s->full || !fits;
}

static uint64_t param(const struct nika_scenario_fault *fault, const char *name, uint64_t missing)
{
    for (uint32_t i = 0; i < fault->ops->param_count; i++) {
        if (strcmp(fault->ops->params[i].name, name) == 0) return fault->params[i];
    }
    return missing;
}

static bool targets(const struct nika_scenario_fault *fault, uint32_t replica)
{
    return (fault->targets[replica / 64] >> (replica % 64) & 1) != 0;
}

static bool span_of(struct cli_plan *plan, const struct nika_scenario_fault *fault, uint32_t n,
                    uint64_t length_ms, enum cli_act_kind begin, enum cli_act_kind end)
{
    uint64_t to_ms = fault->to_ms;
    bool fits = true;
    if (length_ms > 0 && fault->from_ms + length_ms < to_ms) to_ms = fault->from_ms + length_ms;
    for (uint32_t i = 0; i < n; i++) {
        if (!targets(fault, i)) continue;
        fits = fits && cli_plan_add(plan, fault->from_ms * MS_NS, begin, i);
        if (to_ms != UINT64_MAX) fits = fits && cli_plan_add(plan, to_ms * MS_NS, end, i);
    }
    return fits;
}

/* Crashes were seen as they happened; of the rest, what a process and a cable can suffer. */
static bool plan_fault(struct cli_plan *plan, const struct nika_scenario_fault *fault, uint32_t n)
{
    const char *name = fault->ops->name;
    if (strcmp(name, "crash") == 0 || strcmp(name, "restart-each") == 0) return true;
    if (strcmp(name, "pause") == 0)
        return span_of(plan, fault, n, param(fault, "pause_ms", 0), CLI_ACT_STOP, CLI_ACT_RESUME);
    bool whole = param(fault, "kind", 0) == 0 && param(fault, "clients", 0) == 0;
    if (strcmp(name, "partition") == 0 && whole)
        return span_of(plan, fault, n, 0, CLI_ACT_CUT, CLI_ACT_HEAL);
    if (strcmp(name, "partition") == 0)
        cli_plan_left_out(plan, "fault partition: only symmetric ones that cut clients off, too");
    else
        cli_plan_left_out(plan, "fault %s: has no counterpart among processes", name);
    return true;
}

static void plan_rest(struct cli_plan *plan, const struct nika_scenario *s)
{
    const uint64_t *v = s->values;
    if (v[NIKA_KEY_DUPLICATE_PPM] > 0 || v[NIKA_KEY_REORDER_PPM] > 0)
        cli_plan_left_out(plan, "network.duplicate_ppm, reorder_ppm: TCP hides them");
    if (v[NIKA_KEY_BANDWIDTH_KIB_S] > 0) cli_plan_left_out(plan, "network.bandwidth_kib_s");
    if (s->region_count > 0)
        cli_plan_left_out(plan, "network.regions: every pair has the same delay");
    if (v[NIKA_KEY_APP_MAX] > 0) cli_plan_left_out(plan, "app_delay_us");
    if (v[NIKA_KEY_MODE] != 0)
        cli_plan_left_out(plan, "workload.mode open: clients wait for each answer");
}

static bool make_plan(struct cli_plan *plan, const struct nika_scenario *drawn,
                      const struct nika_run_result *result)
{
    bool fits = true;
    uint64_t gst_ms = drawn->values[NIKA_KEY_GST_MS];
    for (uint32_t i = 0; i < drawn->fault_count; i++) {
        if (result->faults[i].present && result->faults[i].acted > 0)
            fits = plan_fault(plan, &drawn->faults[i], result->replica_count) && fits;
    }
    if (drawn->values[NIKA_KEY_LOSS_PPM] > 0 && gst_ms < UINT64_MAX / MS_NS)
        fits = cli_plan_add(plan, gst_ms * MS_NS, CLI_ACT_SETTLE, 0) && fits;
    plan_rest(plan, drawn);
    return fits;
}

static void fill(struct cli_world_figures *out, const struct nika_run_result *result,
                 const struct seen *seen)
{
    out->expected = result->requests_expected;
    out->commits = result->requests_completed;
    out->view = result->view_max;
    out->duration_ns = seen->last_ns > seen->first_ns ? seen->last_ns - seen->first_ns : 0;
    for (uint32_t i = 0; i < result->replica_count; i++) {
        const struct nika_replica_result *r = &result->replicas[i];
        if (!r->corrupted && r->status.last_executed > out->executed)
            out->executed = r->status.last_executed;
    }
    out->exit_class = result->exit_class;
    snprintf(out->sentence, sizeof out->sentence, "%s", result->sentence);
}

bool cli_fidelity_simulate(const struct nika_scenario *s, uint64_t seed, struct cli_plan *plan,
                           struct cli_world_figures *out)
{
    const char *reason = "out of memory";
    struct seen *seen = calloc(1, sizeof *seen);
    struct nika_run_result *result = calloc(1, sizeof *result);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    bool good = seen != NULL && result != NULL && runner != NULL &&
                nika_runner_begin(runner, seed, &reason);
    if (good) {
        const struct nika_watcher watcher = {
            seen,
            NIKA_TAP_BIT(NIKA_TAP_INVOKED) | NIKA_TAP_BIT(NIKA_TAP_COMPLETED) |
                NIKA_TAP_BIT(NIKA_TAP_CRASHED) | NIKA_TAP_BIT(NIKA_TAP_RESTARTED),
            on_tap};
        seen->plan = plan;
        seen->figures = out;
        nika_world_watch(nika_runner_world(runner), &watcher);
        nika_runner_finish(runner, result);
        fill(out, result, seen);
        good = make_plan(plan, nika_runner_drawn(runner), result) && !seen->full;
        reason = "more than 1024 crashes, pauses and cuts: shorten the scenario";
    }
    if (!good) fprintf(stderr, "nika: fidelity: %s\n", reason);
    nika_runner_free(runner);
    free(result);
    free(seen);
    return good;
}
