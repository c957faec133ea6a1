/* engine/oracle/alarm.c: O11: no correct replica raises a SAFETY ALARM while at most f replicas are Byzantine
 * (PROTOCOLS.md 1.16). */
#include "engine/core/check.h"
#include "engine/oracle/oracle_private.h"

struct alarm_state {
    const struct nika_oracle_setup *setup;
};

static size_t alarm_size(const struct nika_oracle_setup *setup)
{
    (void)setup;
    return sizeof(struct alarm_state);
}
static size_t alarm_used(const void *state)
{
    (void)state;
    return sizeof(struct alarm_state);
}
static void alarm_init(void *state, const struct nika_oracle_setup *setup)
{
    ((struct alarm_state *)state)->setup = setup;
}

static void alarm_on_tap(void *state, const struct nika_tap *tap)
{
    const struct alarm_state *s = state;
    if (tap->a != NIKA_NOTE_ALARM || s->setup->byzantine_count > s->setup->config->f) return;
    uint64_t check = tap->note->a;
    nika_oracle_report(state, tap, tap->node, NIKA_NODE_NONE, tap->note->b,
                       "replica %" PRIu32 " raised a safety alarm at seq %" PRIu64
                       " (check %s) with %" PRIu32 " Byzantine replicas of %" PRIu32 " tolerated",
                       tap->node, tap->note->b,
                       check < NIKA_CHECK_COUNT ? nika_check_name((enum nika_check)check)
                                                : "unknown",
                       s->setup->byzantine_count, s->setup->config->f);
}

const struct nika_oracle_ops oracle_alarm = {
    .id = "O11",
    .name = "alarm",
    .doc = "No correct replica raises a safety alarm while at most f replicas are Byzantine.",
    .property_class = NIKA_PROPERTY_SAFETY,
    .mask = NIKA_TAP_BIT(NIKA_TAP_NOTE),
    .size = alarm_size,
    .used = alarm_used,
    .init = alarm_init,
    .on_tap = alarm_on_tap,
};
