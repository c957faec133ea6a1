/* faults/node/restart_each.c: crashes and restarts its targets one after the other, as a rolling upgrade does. */
#include "faults/support.h"

enum { PARAM_DOWN_MS, PARAM_GAP_MS, PARAM_ROUNDS, PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "down_ms",
     .doc = "Time each target is down.",
     .low = 1,
     .high = 3600000,
     .fallback = 100},
    {.name = "gap_ms",
     .doc = "Time between a restart and the next crash.",
     .low = 1,
     .high = 3600000,
     .fallback = 100},
    {.name = "rounds",
     .doc = "Times that every target is restarted.",
     .low = 1,
     .high = 1000,
     .fallback = 1},
    FAULT_PARAM_RATE,
};
struct state {
    uint32_t next; /* Replica whose turn it is. */
    uint32_t round;
    uint32_t down; /* 1 + replica that is down; 0 = none. */
    bool stopped;
};
enum { COOKIE_CRASH, COOKIE_RESTART };

static void wake_in(struct nika_fault *fault, uint64_t ms, uint64_t cookie)
{
    uint64_t now = fault->host->now_ns(fault->host->world);
    fault->host->wake(fault->host->world, fault, now + ms * FAULT_MS, cookie);
}

static void restart_down(struct nika_fault *fault)
{
    struct state *s = fault->state;
    if (s->down == 0) return;
    uint32_t node = s->down - 1;
    s->down = 0;
    fault->host->restart(fault->host->world, node, false);
}

/* Without targets, every replica has its turn. */
static bool has_turn(const struct nika_fault *fault, uint32_t node)
{
    return (fault->targets[0] == 0 && fault->targets[1] == 0) || nika_fault_targets(fault, node);
}

static void crash_next(struct nika_fault *fault)
{
    struct state *s = fault->state;
    while (s->round < fault->params[PARAM_ROUNDS]) {
        uint32_t node = s->next++;
        if (s->next >= fault->host->config->n) {
            s->next = 0;
            s->round++;
        }
        if (!has_turn(fault, node)) continue;
        if (!fault_rolls_at(fault, node, fault->params[PARAM_RATE])) continue;
        s->down = node + 1;
        fault->host->crash(fault->host->world, node);
        nika_fault_acted(fault, node);
        wake_in(fault, fault->params[PARAM_DOWN_MS], COOKIE_RESTART);
        return;
    }
}

static void on_wake(struct nika_fault *fault, uint64_t cookie)
{
    const struct state *s = fault->state;
    if (s->stopped) return;
    if (cookie == COOKIE_CRASH) {
        crash_next(fault);
        return;
    }
    restart_down(fault);
    wake_in(fault, fault->params[PARAM_GAP_MS], COOKIE_CRASH);
}

static void stop(struct nika_fault *fault)
{
    struct state *s = fault->state;
    s->stopped = true;
    restart_down(fault);
}

const struct nika_fault_ops nika_fault_restart_each = {
    .name = "restart-each",
    .doc = "Crashes and restarts its targets one after the other.",
    .fault_class = NIKA_FAULT_NODE,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .start = crash_next,
    .stop = stop,
    .on_wake = on_wake,
};
