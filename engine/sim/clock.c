/* engine/sim/clock.c: the clock of each node: world time with offset and drift, monotone, in integers. */
#include "engine/core/mix.h"
#include "engine/sim/internal.h"

#define PPM 1000000

/* elapsed * |ppm| / 10^6 with the sign of ppm. */
static int64_t drifted(uint64_t elapsed, int64_t ppm)
{
    uint64_t size = ppm < 0 ? (uint64_t)-ppm : (uint64_t)ppm;
    int64_t value = (int64_t)(uint64_t)((nika_u128)elapsed * size / PPM);
    return ppm < 0 ? -value : value;
}

uint64_t sim_clock_now(struct nika_world *w, uint32_t index)
{
    struct sim_node *node = &w->node[index];
    uint64_t now = w->core->now;
    int64_t shift = node->offset_ns;
    if (node->drift_ppm != 0) shift += drifted(now - node->reference_ns, node->drift_ppm);
    uint64_t local = shift >= 0               ? now + (uint64_t)shift
                     : now > (uint64_t)-shift ? now - (uint64_t)-shift
                                              : 0;
    if (local > node->last_now) node->last_now = local;
    return node->last_now;
}

uint64_t sim_clock_world_delay(const struct nika_world *w, uint32_t index, uint64_t delay_ns)
{
    int64_t drift = w->node[index].drift_ppm;
    if (drift == 0) return delay_ns;
    nika_u128 delay = (nika_u128)delay_ns * PPM / (uint64_t)(PPM + drift);
    return delay > UINT64_MAX ? UINT64_MAX : (uint64_t)delay;
}

void sim_clock_set(struct nika_world *w, uint32_t index, int64_t offset_ns, int64_t drift_ppm)
{
    struct sim_node *node = &w->node[index];
    (void)sim_clock_now(w, index);
    node->offset_ns = offset_ns;
    /* A clock that stands still or runs backwards is a jump, not a drift. */
    node->drift_ppm = drift_ppm <= -PPM / 2   ? -PPM / 2
                      : drift_ppm > 100 * PPM ? 100 * PPM
                                              : drift_ppm;
    node->reference_ns = w->core->now;
}

void sim_clock_jump(struct nika_world *w, uint32_t index, int64_t by_ns)
{
    (void)sim_clock_now(w, index);
    w->node[index].offset_ns += by_ns;
}
