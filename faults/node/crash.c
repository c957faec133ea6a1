/* faults/node/crash.c: crashes its targets, at a time or when they persist a record of a class, and restarts them. */
#include "engine/core/tap.h"
#include "faults/support.h"

enum {
    PARAM_DOWN_MS,
    PARAM_REPEAT,
    PARAM_PERIOD_MS,
    PARAM_AMNESIA,
    PARAM_POINT,
    PARAM_WHEN,
    PARAM_RATE,
    PARAM_COUNT
};
enum {
    POINT_NONE,
    POINT_PRE_PREPARE,
    POINT_PREPARE,
    POINT_COMMIT,
    POINT_VIEW_CHANGE,
    POINT_NEW_VIEW,
    POINT_SNAPSHOT,
    POINT_COUNT
};
static const char *const point_names[] = {"none",        "pre-prepare", "prepare",  "commit",
                                          "view-change", "new-view",    "snapshot", NULL};
static const char *const when_names[] = {"before", "after", NULL};
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "down_ms",
     .doc = "Down for so long; 0 = until the fault stops.",
     .low = 0,
     .high = 3600000,
     .fallback = 0},
    {.name = "repeat", .doc = "Crashes of each target.", .low = 1, .high = 1000, .fallback = 1},
    {.name = "period_ms",
     .doc = "Time between crashes without a point.",
     .low = 1,
     .high = 3600000,
     .fallback = 1000},
    {.name = "amnesia", .doc = "1: the disk is lost as well.", .low = 0, .high = 1, .fallback = 0},
    {.name = "point",
     .doc = "Crash when a record that must precede this message is persisted.",
     .low = 0,
     .high = POINT_COUNT - 1,
     .fallback = POINT_NONE,
     .names = point_names},
    {.name = "when",
     .doc = "Before the record is durable, or right after.",
     .low = 0,
     .high = 1,
     .fallback = 0,
     .names = when_names},
    FAULT_PARAM_RATE,
};
struct state {
    uint32_t crashes[NIKA_REPLICAS_MAX];
    bool down[NIKA_REPLICAS_MAX];
    bool stopped;
};
#define COOKIE_RESTART 0x10000u
#define COOKIE_CRASH 0x20000u

static void restart(struct nika_fault *fault, uint32_t node)
{
    struct state *s = fault->state;
    if (!s->down[node]) return;
    s->down[node] = false;
    fault->host->restart(fault->host->world, node, fault->params[PARAM_AMNESIA] != 0);
}

static void crash(struct nika_fault *fault, uint32_t node)
{
    struct state *s = fault->state;
    if (s->down[node] || s->stopped || s->crashes[node] >= fault->params[PARAM_REPEAT]) return;
    if (!fault_rolls_at(fault, node, fault->params[PARAM_RATE])) return;
    s->crashes[node]++;
    s->down[node] = true;
    fault->host->crash(fault->host->world, node);
    nika_fault_acted(fault, node);
    uint64_t down_ms = fault->params[PARAM_DOWN_MS];
    if (down_ms == 0) return;
    fault->host->wake(fault->host->world, fault,
                      fault->host->now_ns(fault->host->world) + down_ms * FAULT_MS,
                      COOKIE_RESTART | node);
}

static void start(struct nika_fault *fault)
{
    if (fault->params[PARAM_POINT] != POINT_NONE) return;
    uint64_t now = fault->host->now_ns(fault->host->world);
    for (uint32_t i = 0; i < fault->host->config->n; i++) {
        if (!nika_fault_targets(fault, i)) continue;
        crash(fault, i);
        for (uint64_t k = 1; k < fault->params[PARAM_REPEAT]; k++) {
            fault->host->wake(fault->host->world, fault,
                              now + k * fault->params[PARAM_PERIOD_MS] * FAULT_MS,
                              COOKIE_CRASH | i);
        }
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
    if ((cookie & COOKIE_CRASH) != 0) crash(fault, node);
}

/* A proposal is what a primary must have on disk before PRE-PREPARE and a backup before PREPARE (PROTOCOLS.md 1.12). */
static bool at_point(struct nika_fault *fault, uint32_t node, uint64_t record_class)
{
    struct nika_replica_status status = {0};
    fault->host->status(fault->host->world, node, &status);
    bool primary = status.view % fault->host->config->n == node;
    switch (fault->params[PARAM_POINT]) {
    case POINT_PRE_PREPARE:
        return record_class == NIKA_MESSAGE_PROPOSE && primary;
    case POINT_PREPARE:
        return record_class == NIKA_MESSAGE_PROPOSE && !primary;
    case POINT_COMMIT: /* The prepared certificate. */
        return record_class == NIKA_MESSAGE_PREPARE || record_class == NIKA_MESSAGE_COMMIT;
    case POINT_VIEW_CHANGE:
        return record_class == NIKA_MESSAGE_VIEW_CHANGE;
    case POINT_NEW_VIEW:
        return record_class == NIKA_MESSAGE_NEW_VIEW;
    case POINT_SNAPSHOT: /* What CHECKPOINT waits for (D6). */
        return record_class == NIKA_RECORD_SNAPSHOT;
    default:
        return false;
    }
}

static void on_tap(struct nika_fault *fault, uint32_t node, uint32_t tap_kind, uint64_t a,
                   uint64_t b)
{
    (void)b;
    if (fault->params[PARAM_POINT] == POINT_NONE) return;
    if (node >= fault->host->config->n || !nika_fault_targets(fault, node)) return;
    uint32_t wanted = fault->params[PARAM_WHEN] == 0 ? NIKA_TAP_PERSIST : NIKA_TAP_STORED;
    if (tap_kind != wanted || !at_point(fault, node, a)) return;
    crash(fault, node);
}

const struct nika_fault_ops nika_fault_crash = {
    .name = "crash",
    .doc = "Crashes its targets, at a time or at a persistence point, and restarts them.",
    .fault_class = NIKA_FAULT_NODE,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .start = start,
    .stop = stop,
    .on_wake = on_wake,
    .on_tap = on_tap,
};
