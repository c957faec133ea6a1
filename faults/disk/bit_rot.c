/* faults/disk/bit_rot.c: flips bits of its targets' durable logs while they are down, to be found at the restart. */
#include "faults/support.h"

enum { PARAM_DOWN_MS, PARAM_BITS, PARAM_PERIOD_MS, PARAM_REPEAT, PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "down_ms",
     .doc = "The target is down for so long around the damage; 0 = stays up.",
     .low = 0,
     .high = 3600000,
     .fallback = 100},
    {.name = "bits", .doc = "Bits flipped each time.", .low = 1, .high = 64, .fallback = 1},
    {.name = "period_ms",
     .doc = "Time between two occasions, and until an empty log is tried again.",
     .low = 1,
     .high = 3600000,
     .fallback = 500},
    {.name = "repeat", .doc = "Occasions.", .low = 1, .high = 1000, .fallback = 1},
    FAULT_PARAM_RATE,
};
#define TRIES_MAX                                                                                  \
    1000u /* An empty log is no occasion; a log that stays empty must not keep a run alive. */
#define COOKIE_RESTART 0x10000u
#define COOKIE_ROT 0x20000u
struct state {
    uint32_t done[NIKA_REPLICAS_MAX], tries[NIKA_REPLICAS_MAX];
    bool down[NIKA_REPLICAS_MAX];
    bool stopped;
};

static void wake_in(struct nika_fault *fault, uint64_t ms, uint64_t cookie)
{
    uint64_t now = fault->host->now_ns(fault->host->world);
    fault->host->wake(fault->host->world, fault, now + ms * FAULT_MS, cookie);
}

static bool flip(struct nika_fault *fault, uint32_t node)
{
    bool any = false;
    for (uint64_t i = 0; i < fault->params[PARAM_BITS]; i++) {
        uint32_t at = (uint32_t)nika_fault_choice(fault, node, 0, 0, 1, FAULT_PPM_MAX);
        if (fault->host->disk_rot(fault->host->world, node, at)) any = true;
    }
    return any;
}

static void rot(struct nika_fault *fault, uint32_t node)
{
    struct state *s = fault->state;
    if (s->stopped || s->down[node]) return;
    if (s->done[node] >= fault->params[PARAM_REPEAT] || s->tries[node]++ >= TRIES_MAX) return;
    wake_in(fault, fault->params[PARAM_PERIOD_MS], COOKIE_ROT | node);
    if (!fault_rolls_at(fault, node, fault->params[PARAM_RATE])) return;
    if (!flip(fault, node)) return;
    s->done[node]++;
    nika_fault_acted(fault, node);
    if (fault->params[PARAM_DOWN_MS] == 0) return;
    s->down[node] = true;
    fault->host->crash(fault->host->world, node);
    wake_in(fault, fault->params[PARAM_DOWN_MS], COOKIE_RESTART | node);
}

static void restart(struct nika_fault *fault, uint32_t node)
{
    struct state *s = fault->state;
    if (!s->down[node]) return;
    s->down[node] = false;
    fault->host->restart(fault->host->world, node, false);
}

static void start(struct nika_fault *fault)
{
    for (uint32_t i = 0; i < fault->host->config->n; i++) {
        if (nika_fault_targets(fault, i)) rot(fault, i);
    }
}

static void stop(struct nika_fault *fault)
{
    struct state *s = fault->state;
    s->stopped = true;
    for (uint32_t i = 0; i < fault->host->config->n; i++) restart(fault, i);
}

static void on_wake(struct nika_fault *fault, uint64_t cookie)
{
    uint32_t node = (uint32_t)(cookie & 0xffffu);
    if ((cookie & COOKIE_RESTART) != 0) restart(fault, node);
    if ((cookie & COOKIE_ROT) != 0) rot(fault, node);
}

const struct nika_fault_ops nika_fault_bit_rot = {
    .name = "bit-rot",
    .doc = "Flips bits of its targets' durable logs, found when they restart.",
    .fault_class = NIKA_FAULT_DISK,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .start = start,
    .stop = stop,
    .on_wake = on_wake,
};
