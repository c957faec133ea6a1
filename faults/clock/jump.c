/* faults/clock/jump.c: makes the clocks of its targets jump forward or back from time to time. */
#include "faults/support.h"

enum { PARAM_JUMP_MS, PARAM_SIGN, PARAM_PERIOD_MS, PARAM_REPEAT, PARAM_RATE, PARAM_COUNT };
static const char *const sign_names[] = {"forward", "back", "both", NULL};
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "jump_ms", .doc = "Size of a jump.", .low = 1, .high = 86400000, .fallback = 500},
    {.name = "sign",
     .doc = "Direction; both = drawn for each jump.",
     .low = 0,
     .high = 2,
     .fallback = 0,
     .names = sign_names},
    {.name = "period_ms", .doc = "Time between jumps.", .low = 1, .high = 3600000, .fallback = 100},
    {.name = "repeat",
     .doc = "Most jumps of each target.",
     .low = 1,
     .high = 10000,
     .fallback = 10},
    FAULT_PARAM_RATE,
};
struct state {
    uint64_t rounds;
    bool stopped;
};

static void jump_all(struct nika_fault *fault)
{
    struct state *s = fault->state;
    if (s->stopped || s->rounds++ >= fault->params[PARAM_REPEAT]) return;
    for (uint32_t i = 0; i < fault->host->config->n; i++) {
        if (!nika_fault_targets(fault, i)) continue;
        if (!fault_rolls_at(fault, i, fault->params[PARAM_RATE])) continue;
        int64_t by_ns = (int64_t)(fault->params[PARAM_JUMP_MS] * FAULT_MS);
        bool back = fault->params[PARAM_SIGN] == 1;
        if (fault->params[PARAM_SIGN] == 2) back = nika_fault_choice(fault, i, 0, 0, 1, 2) == 1;
        fault->host->clock_jump(fault->host->world, i, back ? -by_ns : by_ns);
        nika_fault_acted(fault, i);
    }
    uint64_t now = fault->host->now_ns(fault->host->world);
    fault->host->wake(fault->host->world, fault, now + fault->params[PARAM_PERIOD_MS] * FAULT_MS,
                      0);
}

static void on_wake(struct nika_fault *fault, uint64_t cookie)
{
    (void)cookie;
    jump_all(fault);
}

static void stop(struct nika_fault *fault)
{
    struct state *s = fault->state;
    s->stopped = true;
}

const struct nika_fault_ops nika_fault_jump = {
    .name = "clock-jump",
    .doc = "Makes the clocks of its targets jump forward or back.",
    .fault_class = NIKA_FAULT_CLOCK,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .start = jump_all,
    .stop = stop,
    .on_wake = on_wake,
};
