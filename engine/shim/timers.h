/* engine/shim/timers.h: the timer slots of one module over the monotonic clock. Plain data; reads no clock itself. */
#ifndef ENGINE_SHIM_TIMERS_H
#define ENGINE_SHIM_TIMERS_H

#include "engine/core/effects.h"
#include "engine/core/limits.h"

struct nika_timer {
    bool armed;
    uint64_t generation, deadline_ns;
};
struct nika_timers {
    struct nika_timer slots[NIKA_TIMERS_MAX];
};
/* Apply a TIMER action at time `now_ns`. A slot that is out of range is a broken contract. */
void nika_timers_set(struct nika_timers *timers, const struct nika_action *action, uint64_t now_ns);
/* The earliest deadline, UINT64_MAX when nothing is armed. */
uint64_t nika_timers_deadline(const struct nika_timers *timers);
/* Take the timer that is due the longest, if any: it is disarmed. */
bool nika_timers_take(struct nika_timers *timers, uint64_t now_ns, uint32_t *slot,
                      uint64_t *generation);

#endif
