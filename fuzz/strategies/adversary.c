/* fuzz/strategies/adversary.c: how a strategy puts an adversary of its own into a scenario; see strategy.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "fuzz/strategies/strategy.h"

void nika_strategy_set(struct nika_strategy_sets *out, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(out->text[out->count++], NIKA_STRATEGY_SET_SIZE, format, list);
    va_end(list);
}

uint32_t nika_strategy_add_fault(const struct nika_scenario *scenario,
                                 struct nika_strategy_sets *out, uint32_t added, const char *object)
{
    uint32_t index = scenario->fault_count + added;
    if (index >= NIKA_FAULTS_MAX) return added;
    if (index == 0) nika_strategy_set(out, "faults=[]");
    nika_strategy_set(out, "faults[%" PRIu32 "]=%s", index, object);
    return added + 1;
}

/* The targets of a fault as JSON. False when there are too many to write down. */
static bool targets_text(const struct nika_scenario_fault *fault, char *text, size_t size)
{
    size_t used = 0;
    if (fault->draw_one) return snprintf(text, size, "\"one-by-seed\"") > 0;
    if (fault->draw_rest) return snprintf(text, size, "\"rest-by-seed\"") > 0;
    for (uint32_t i = 0; i < NIKA_REPLICAS_MAX; i++) {
        if (!nika_set_has(fault->targets, i)) continue;
        if (used + 8 >= size) return false;
        used += (size_t)snprintf(text + used, size - used, "%s%" PRIu32, used == 0 ? "[" : ",", i);
    }
    if (used == 0) return false;
    snprintf(text + used, size - used, "]");
    return true;
}

/* Faults that the scenario must show may not be where a strategy put others. */
static void relax(const struct nika_scenario *scenario, struct nika_strategy_sets *out)
{
    for (uint32_t i = 0; i < scenario->fault_count; i++) {
        if (!scenario->faults[i].may) nika_strategy_set(out, "faults[%" PRIu32 "].acts=may", i);
    }
}

/* What the seed draws for parameters of the fault that is replaced means nothing to another one: it draws what is certain instead, so
 * that the ranges behind it keep their places. */
static void still(const struct nika_scenario *scenario, struct nika_strategy_sets *out,
                  uint32_t index)
{
    for (uint32_t i = 0; i < scenario->swarm_count; i++) {
        const struct nika_swarm *swarm = &scenario->swarm[i];
        uint64_t ppm = scenario->faults[index].probability_ppm;
        if (swarm->key != NIKA_KEY_COUNT || swarm->fault != index ||
            swarm->field != NIKA_FIELD_PARAM || out->count >= NIKA_STRATEGY_SETS_MAX / 2)
            continue;
        nika_strategy_set(out,
                          "swarm[%" PRIu32 "]={\"path\": \"faults[%" PRIu32
                          "].probability_ppm\", \"low\": %" PRIu64 ", \"high\": %" PRIu64 "}",
                          i, index, ppm, ppm);
    }
}

uint32_t nika_strategy_corrupt(const struct nika_scenario *scenario, struct nika_strategy_sets *out,
                               const char *object)
{
    char targets[120] = "\"one-of-first-2\"";
    uint64_t f = scenario->values[NIKA_KEY_F];
    bool taken = false;
    relax(scenario, out);
    /* What the scenario says of its liars beyond the bound holds for those, not for others. */
    if (scenario->values[NIKA_KEY_ALLOW_BEYOND_BOUND] != 0) return 0;
    for (uint32_t i = 0; i < scenario->fault_count; i++) {
        const struct nika_scenario_fault *fault = &scenario->faults[i];
        /* A replica whose trusted part stops is as good as a faulty one. */
        if (fault->ops->on_trusted != NULL) taken = true;
        if (!nika_fault_corrupts(fault)) continue;
        taken = true;
        if (fault->ops->fault_class != NIKA_FAULT_BYZANTINE) continue;
        if (!targets_text(fault, targets, sizeof targets)) continue;
        still(scenario, out, i);
        nika_strategy_set(out, "faults[%" PRIu32 "]={%s, \"targets\": %s, \"acts\": \"may\"}", i,
                          object, targets);
        return 0;
    }
    if (taken || f == 0) return 0;
    if (f > 1) {
        size_t used = 0;
        for (uint64_t i = 0; i < f && i < 16; i++)
            used += (size_t)snprintf(targets + used, sizeof targets - used, "%s%" PRIu64,
                                     i == 0 ? "[" : ",", i);
        snprintf(targets + used, sizeof targets - used, "]");
    }
    char whole[NIKA_STRATEGY_SET_SIZE];
    snprintf(whole, sizeof whole, "{%s, \"targets\": %s, \"acts\": \"may\"}", object, targets);
    return nika_strategy_add_fault(scenario, out, 0, whole);
}
