/* faults/byzantine/flood.c: corrupted replicas spam validly signed messages that a careless receiver would store. */
#include "faults/support.h"

enum { PARAM_PERIOD_US, PARAM_BURST, PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "period_us",
     .doc = "Time between bursts.",
     .low = 10,
     .high = 10000000,
     .fallback = 5000},
    {.name = "burst",
     .doc = "Messages to each replica in one burst.",
     .low = 1,
     .high = 1000,
     .fallback = 4},
    FAULT_PARAM_RATE,
};
struct state {
    bool stopped;
};
enum { SPAM_VIEW_CHANGE, SPAM_CHECKPOINT, SPAM_FETCH_BATCH, SPAM_COUNT };

static void spam(struct nika_fault *fault, uint32_t from, uint32_t to)
{
    struct nika_replica_status status = {0};
    const struct nika_config *config = fault->host->config;
    fault->host->status(fault->host->world, to, &status);
    uint64_t what = nika_fault_choice(fault, from, 0, 0, 1, SPAM_COUNT);
    uint64_t far = 1 + nika_fault_choice(fault, from, 0, 0, 2, 1000);
    struct nika_digest digest = {{0}};
    nika_store_le(digest.bytes, far, 8);
    fault_other_digest(&digest, &digest);
    struct pbft_view_change view_change = {.view = status.view + far};
    struct pbft_checkpoint checkpoint = {.seq = status.low_mark + config->window +
                                                far * config->checkpoint_interval,
                                         .digest = digest};
    struct common_fetch_batch fetch = {.digest = digest};
    if (what == SPAM_VIEW_CHANGE)
        fault_inject(fault, from, to, &pbft_info_view_change, &view_change);
    if (what == SPAM_CHECKPOINT) fault_inject(fault, from, to, &pbft_info_checkpoint, &checkpoint);
    if (what == SPAM_FETCH_BATCH) fault_inject(fault, from, to, &common_info_fetch_batch, &fetch);
    nika_fault_acted(fault, from);
}

static void burst(struct nika_fault *fault)
{
    const struct state *s = fault->state;
    uint32_t n = fault->host->config->n;
    if (s->stopped) return;
    for (uint32_t from = 0; from < n; from++) {
        if (!nika_fault_targets(fault, from)) continue;
        if (!fault_rolls_at(fault, from, fault->params[PARAM_RATE])) continue;
        for (uint32_t to = 0; to < n; to++) {
            if (to == from) continue;
            for (uint64_t k = 0; k < fault->params[PARAM_BURST]; k++) spam(fault, from, to);
        }
    }
    uint64_t now = fault->host->now_ns(fault->host->world);
    fault->host->wake(fault->host->world, fault, now + fault->params[PARAM_PERIOD_US] * 1000u, 0);
}

static void on_wake(struct nika_fault *fault, uint64_t cookie)
{
    (void)cookie;
    burst(fault);
}

static void stop(struct nika_fault *fault)
{
    struct state *s = fault->state;
    s->stopped = true;
}

const struct nika_fault_ops nika_fault_flood = {
    .name = "flood",
    .doc = "Corrupted replicas spam validly signed messages.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .start = burst,
    .stop = stop,
    .on_wake = on_wake,
};
