/* engine/shim/timers.c: see timers.h. */
#include "engine/shim/timers.h"

#include "engine/core/assert.h"

void nika_timers_set(struct nika_timers *timers, const struct nika_action *action, uint64_t now_ns)
{
    NIKA_ASSERT(action->id < NIKA_TIMERS_MAX);
    struct nika_timer *timer = &timers->slots[action->id];
    timer->armed = action->a != NIKA_TIMER_CANCEL;
    timer->generation = action->token;
    if (!timer->armed) return;
    timer->deadline_ns = action->a > UINT64_MAX - 1 - now_ns ? UINT64_MAX - 1 : now_ns + action->a;
}

uint64_t nika_timers_deadline(const struct nika_timers *timers)
{
    uint64_t deadline = UINT64_MAX;
    for (uint32_t i = 0; i < NIKA_TIMERS_MAX; i++) {
        const struct nika_timer *timer = &timers->slots[i];
        if (timer->armed && timer->deadline_ns < deadline) deadline = timer->deadline_ns;
    }
    return deadline;
}

bool nika_timers_take(struct nika_timers *timers, uint64_t now_ns, uint32_t *slot,
                      uint64_t *generation)
{
    uint64_t earliest = nika_timers_deadline(timers);
    if (earliest > now_ns) return false;
    for (uint32_t i = 0; i < NIKA_TIMERS_MAX; i++) {
        struct nika_timer *timer = &timers->slots[i];
        if (!timer->armed || timer->deadline_ns != earliest) continue;
        timer->armed = false;
        *slot = i;
        *generation = timer->generation;
        return true;
    }
    return false;
}
