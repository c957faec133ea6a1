/* protocols/common/pace.c: see pace.h. */
#include "protocols/common/pace.h"

#include "protocols/common/core.h"

/* Waits differ by this much for no reason that matters: a share of the window. */
#define SLACK_SHARE 1024u

static bool measures(const struct common_core *core)
{
    return core->config->pace_ns != 0 && core->active && !common_leading(core) &&
           !core->transfer.active && !core->amnesiac;
}

static void open_window(struct common_core *core)
{
    core->pace.since_ns = core->now_ns;
    core->pace.waited_ns = 0;
    core->pace.samples = 0;
}

static void follow_view(struct common_core *core)
{
    struct common_pace *pace = &core->pace;
    if (pace->view == core->view && pace->since_ns != 0) return;
    pace->view = core->view;
    pace->windows = 0;
    pace->slow = 0;
    open_window(core);
}

void common_pace_sample(struct common_core *core, uint64_t arrived_ns)
{
    if (!measures(core)) return;
    follow_view(core);
    core->pace.waited_ns += core->now_ns - arrived_ns;
    core->pace.samples++;
}

/* The shortest wait under any other primary, 0 when none is known. */
static uint64_t best_of_others(const struct common_core *core, uint32_t primary)
{
    uint64_t best = 0;
    for (uint32_t i = 0; i < core->n; i++) {
        uint64_t mean = core->pace.mean_ns[i];
        if (i != primary && mean != 0 && (best == 0 || mean < best)) best = mean;
    }
    return best;
}

/* The window that just ended is the `windows`-th of its view. */
static bool too_slow(struct common_core *core, uint64_t mean)
{
    struct common_pace *pace = &core->pace;
    uint32_t primary = common_primary(core, core->view);
    uint64_t best = best_of_others(core, primary);
    pace->mean_ns[primary] = mean;
    if (best == 0 || mean <= 2 * best + core->config->pace_ns / SLACK_SHARE) {
        pace->slow = 0;
        if (++pace->calm >= PACE_CALM) pace->doublings = 0;
        return false;
    }
    pace->calm = 0;
    if (++pace->slow < PACE_PATIENCE << pace->doublings) return false;
    if (pace->doublings < PACE_PATIENCE_DOUBLINGS) pace->doublings++;
    REACHED(replica_slow_primary);
    return true;
}

bool common_pace_judge(struct common_core *core)
{
    struct common_pace *pace = &core->pace;
    if (!measures(core) || pace->view != core->view || pace->since_ns == 0) return false;
    if (NIKA_PLANTED(B44)) return false;
    if (core->now_ns - pace->since_ns < core->config->pace_ns) return false;
    if (pace->samples < PACE_SAMPLES_MIN) return false;
    uint64_t mean = pace->waited_ns / pace->samples;
    open_window(core);
    if (++pace->windows == 1) return false;
    if (too_slow(core, mean > 0 ? mean : 1)) return true;
    bool tasted = core->view + 1 < core->n && pace->windows >= PACE_TASTE;
    if (tasted) REACHED(replica_primary_tasted);
    return tasted;
}

static void add_u64(struct nika_run_digest *d, uint64_t value)
{
    uint8_t bytes[8];
    nika_store_le(bytes, value, 8);
    nika_run_digest_add(d, bytes, 8);
}

void common_pace_digest(const struct common_core *core, struct nika_run_digest *d)
{
    const struct common_pace *pace = &core->pace;
    if (core->config->pace_ns == 0) return;
    const uint64_t numbers[] = {pace->view,    pace->since_ns, pace->waited_ns, pace->samples,
                                pace->windows, pace->slow,     pace->calm,      pace->doublings};
    for (uint32_t i = 0; i < ARRAY_COUNT(numbers); i++) add_u64(d, numbers[i]);
    for (uint32_t i = 0; i < core->n; i++) add_u64(d, pace->mean_ns[i]);
}
