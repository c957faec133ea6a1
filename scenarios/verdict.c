/* scenarios/verdict.c: the two-phase verdict on a finished run: what was expected against what happened (DESIGN.md 6). */
#include <stdio.h>
#include <string.h>

#include "scenarios/runner.h"

const char *nika_exit_name(int exit_class)
{
    switch (exit_class) {
    case NIKA_EXIT_HELD:
        return "held";
    case NIKA_EXIT_SAFETY:
        return "safety-violated";
    case NIKA_EXIT_LIVENESS:
        return "liveness-violated";
    case NIKA_EXIT_CONTRACT:
        return "contract-broken";
    case NIKA_EXIT_NONDETERMINISTIC:
        return "not-deterministic";
    case NIKA_EXIT_EXPECTATION:
        return "expectation-unmet";
    case NIKA_EXIT_INCONCLUSIVE:
        return "inconclusive";
    case NIKA_EXIT_USAGE:
        return "usage";
    default:
        return "unknown";
    }
}

const char *nika_exit_doc(int exit_class)
{
    switch (exit_class) {
    case NIKA_EXIT_HELD:
        return "everything that the scenario expects held";
    case NIKA_EXIT_SAFETY:
        return "a safety property or a memory bound was violated";
    case NIKA_EXIT_LIVENESS:
        return "a correct client's request did not complete within the bound after GST";
    case NIKA_EXIT_CONTRACT:
        return "a module crashed or broke its contract";
    case NIKA_EXIT_NONDETERMINISTIC:
        return "the same scenario and seed gave two different runs";
    case NIKA_EXIT_EXPECTATION:
        return "a property that must fail did not, a fault that must act never did, or an expected "
               "count was not reached";
    case NIKA_EXIT_INCONCLUSIVE:
        return "a limit ran out before the run could be judged, or liveness presupposes what was "
               "not "
               "given";
    case NIKA_EXIT_USAGE:
        return "wrong usage, or a scenario or trace that cannot be used";
    default:
        return "no such exit code";
    }
}

enum nika_expect nika_verdict_expectation(const struct nika_scenario *s, uint32_t oracle)
{
    if (s->properties[oracle] != NIKA_EXPECT_UNSET) return s->properties[oracle];
    bool live = nika_oracle_list[oracle]->property_class == NIKA_PROPERTY_LIVENESS;
    enum nika_expect expect =
        (enum nika_expect)s->values[live ? NIKA_KEY_LIVENESS : NIKA_KEY_SAFETY];
    /* "The class must fail" asks for one of it, not for all. */
    return expect == NIKA_EXPECT_MUST_FAIL ? NIKA_EXPECT_MAY_FAIL : expect;
}

static bool violated(const struct nika_run_result *r, uint32_t oracle)
{
    for (uint32_t i = 0; i < r->violation_count; i++) {
        if (r->violations[i].oracle == oracle) return true;
    }
    return false;
}

static bool class_violated(const struct nika_run_result *r, bool live)
{
    for (uint32_t i = 0; i < r->violation_count; i++) {
        bool is_live =
            nika_oracle_list[r->violations[i].oracle]->property_class == NIKA_PROPERTY_LIVENESS;
        if (is_live == live) return true;
    }
    return false;
}

static void judge(struct nika_run_result *r, int exit_class, const char *sentence)
{
    r->exit_class = exit_class;
    snprintf(r->sentence, sizeof r->sentence, "%s", sentence);
}

/* The first violation that the scenario does not allow. Safety outranks liveness. */
static bool judge_violations(const struct nika_scenario *s, struct nika_run_result *r)
{
    for (uint32_t live = 0; live < 2; live++) {
        for (uint32_t i = 0; i < r->violation_count; i++) {
            const struct nika_violation *v = &r->violations[i];
            const struct nika_oracle_ops *oracle = nika_oracle_list[v->oracle];
            if ((oracle->property_class == NIKA_PROPERTY_LIVENESS) != (live == 1)) continue;
            if (nika_verdict_expectation(s, v->oracle) != NIKA_EXPECT_HELD) continue;
            /* Neither pass nor fail: nothing was promised for such a cluster or network (ATTACKS.md 9.2). */
            bool vacuous = live == 1 && r->liveness == NIKA_LIVENESS_VACUOUS;
            snprintf(r->sentence, sizeof r->sentence, "%s%s%s%s %s violated: %s",
                     vacuous ? "liveness cannot be judged: " : "", vacuous ? r->stall : "",
                     vacuous ? "; " : "", oracle->id, oracle->name, v->sentence);
            r->exit_class = live == 0 ? NIKA_EXIT_SAFETY
                            : vacuous ? NIKA_EXIT_INCONCLUSIVE
                                      : NIKA_EXIT_LIVENESS;
            return true;
        }
    }
    return false;
}

static bool judge_must_fail(const struct nika_scenario *s, struct nika_run_result *r)
{
    for (uint32_t i = 0; i < nika_oracle_count; i++) {
        if (s->properties[i] != NIKA_EXPECT_MUST_FAIL || violated(r, i)) continue;
        r->exit_class = NIKA_EXIT_EXPECTATION;
        snprintf(r->sentence, sizeof r->sentence, "%s %s must fail in this scenario, but held",
                 nika_oracle_list[i]->id, nika_oracle_list[i]->name);
        return true;
    }
    bool safety = s->values[NIKA_KEY_SAFETY] == NIKA_EXPECT_MUST_FAIL && !class_violated(r, false);
    bool live = s->values[NIKA_KEY_LIVENESS] == NIKA_EXPECT_MUST_FAIL && !class_violated(r, true) &&
                r->requests_completed >= r->requests_expected;
    if (safety) judge(r, NIKA_EXIT_EXPECTATION, "safety must fail in this scenario, but held");
    if (!safety && live)
        judge(r, NIKA_EXIT_EXPECTATION, "liveness must fail in this scenario, but held");
    return safety || live;
}

static bool judge_count(struct nika_run_result *r, const char *what, uint64_t got,
                        uint64_t expected)
{
    if (got >= expected) return false;
    r->exit_class = NIKA_EXIT_EXPECTATION;
    snprintf(r->sentence, sizeof r->sentence, "expected at least %llu %s, got %llu",
             (unsigned long long)expected, what, (unsigned long long)got);
    return true;
}

static bool judge_happened(const struct nika_scenario *s, struct nika_run_result *r)
{
    for (uint32_t i = 0; s->values[NIKA_KEY_FAULTS_ACT] != 0 && i < r->fault_count; i++) {
        const struct nika_fault_result *fault = &r->faults[i];
        if (!fault->present || s->faults[i].may || fault->acted > 0) continue;
        r->exit_class = NIKA_EXIT_EXPECTATION;
        snprintf(r->sentence, sizeof r->sentence, "fault %u (%s) never acted", i, fault->name);
        return true;
    }
    return judge_count(r, "as the highest view", r->view_max, s->values[NIKA_KEY_VIEW_MIN]) ||
           judge_count(r, "finished state transfers", r->transfers,
                       s->values[NIKA_KEY_TRANSFERS_MIN]) ||
           judge_count(r, "completed requests", r->requests_completed,
                       s->values[NIKA_KEY_REQUESTS_MIN]);
}

static bool ran_out(const struct nika_scenario *s, struct nika_run_result *r)
{
    bool live = s->values[NIKA_KEY_LIVENESS] == NIKA_EXPECT_HELD;
    if (!live || r->requests_completed >= r->requests_expected || class_violated(r, true))
        return false;
    const char *limit = r->ended == NIKA_WORLD_EVENT_LIMIT ? "the event limit" : "the time limit";
    if (r->ended == NIKA_WORLD_IDLE) limit = "every event";
    r->exit_class = NIKA_EXIT_INCONCLUSIVE;
    snprintf(r->sentence, sizeof r->sentence, "%s ran out with %llu of %llu requests completed",
             limit, (unsigned long long)r->requests_completed,
             (unsigned long long)r->requests_expected);
    return true;
}

/* The violation that the scenario is about: that of a property that must fail, else the first. */
static const struct nika_violation *expected_violation(const struct nika_scenario *s,
                                                       const struct nika_run_result *r)
{
    for (uint32_t i = 0; i < r->violation_count; i++) {
        if (s->properties[r->violations[i].oracle] == NIKA_EXPECT_MUST_FAIL)
            return &r->violations[i];
    }
    return &r->violations[0];
}

/* What no protocol with a trusted subsystem promises anything about (TS5): the reason, where it acted. */
static void name_broken_trust(const struct nika_scenario *s, struct nika_run_result *r)
{
    const char *before = "; out of model: ";
    for (uint32_t i = 0; i < r->fault_count && r->violation_count > 0; i++) {
        const struct nika_fault_result *fault = &r->faults[i];
        if (!fault->present || fault->acted == 0 ||
            s->faults[i].ops->fault_class != NIKA_FAULT_TRUSTED)
            continue;
        size_t at = strlen(r->sentence);
        snprintf(r->sentence + at, sizeof r->sentence - at, "%s%s", before, fault->name);
        before = ", ";
    }
}

static void judge_all(const struct nika_scenario *s, struct nika_run_result *r)
{
    if (judge_violations(s, r) || ran_out(s, r) || judge_must_fail(s, r) || judge_happened(s, r))
        return;
    r->exit_class = NIKA_EXIT_HELD;
    if (r->violation_count > 0) {
        const struct nika_violation *v = expected_violation(s, r);
        snprintf(r->sentence, sizeof r->sentence, "as expected, %s %s failed: %s",
                 nika_oracle_list[v->oracle]->id, nika_oracle_list[v->oracle]->name, v->sentence);
    } else if (r->requests_completed < r->requests_expected) {
        judge(r, NIKA_EXIT_HELD,
              "held: safety in every event; requests are missing, which this scenario allows");
    } else {
        judge(r, NIKA_EXIT_HELD,
              "held: safety in every event, and every correct client's request completed in time");
    }
}

void nika_verdict(const struct nika_scenario *s, struct nika_run_result *r)
{
    judge_all(s, r);
    name_broken_trust(s, r);
}
