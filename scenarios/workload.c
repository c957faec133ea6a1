/* scenarios/workload.c: closed and open loop clients. */
#include "scenarios/workload.h"

#include "engine/core/assert.h"
#include "engine/core/stream.h"

#define OP_CAPACITY (NIKA_OP_SIZE_MAX)

size_t nika_workload_size(uint32_t clients)
{
    return sizeof(struct nika_workload) + clients * sizeof(struct nika_workload_client);
}

static bool is_correct(const struct nika_workload *w, uint32_t client)
{
    return !nika_set_has(w->options.corrupted_clients, client);
}

static void issue(struct nika_workload *w, uint32_t client, uint64_t delay_ns)
{
    struct nika_workload_client *c = &w->client[client];
    const struct nika_workload_options *o = &w->options;
    uint8_t op[OP_CAPACITY];
    bool read_only = false;
    uint32_t capacity = nika_world_config(o->world)->op_size_max;
    if (c->issued == o->requests) return;
    uint64_t stream = nika_stream(o->seed, "workload", client);
    uint64_t k = c->issued++;
    uint64_t think =
        o->think_ns == 0 || k == 0
            ? 0
            : nika_stream_below(nika_stream(o->seed, "think", client), k, o->think_ns + 1);
    uint32_t size = o->app_ops->workload_op(
        nika_stream_draw(stream, 2 * k), nika_stream_draw(stream, 2 * k + 1), client, k, o->payload,
        o->read_ppm, o->app_param, op, capacity, &read_only);
    NIKA_ASSERT(size <= capacity);
    struct nika_span span = {op, size};
    nika_world_invoke(o->world, client, k, span, read_only ? NIKA_OP_READ_ONLY : 0,
                      delay_ns + think);
}

static void on_invoked(struct nika_workload *w, uint32_t client)
{
    struct nika_workload_client *c = &w->client[client];
    w->invoked++;
    c->invoked++;
    if (!w->options.open) return;
    if (c->issued - c->completed < NIKA_WORKLOAD_QUEUE) {
        issue(w, client, w->options.interval_ns);
    } else {
        c->waiting = true;
    }
}

static void on_completed(struct nika_workload *w, uint32_t client, uint64_t now_ns)
{
    struct nika_workload_client *c = &w->client[client];
    w->completed++;
    c->completed++;
    if (is_correct(w, client)) {
        w->correct_left--;
        w->completed_ns = now_ns;
    }
    if (!w->options.open) issue(w, client, 0);
    if (w->options.open && c->waiting) {
        c->waiting = false;
        issue(w, client, 0);
    }
    if (w->correct_left == 0) nika_world_stop(w->options.world);
}

static void on_tap(void *context, const struct nika_tap *tap)
{
    struct nika_workload *w = context;
    uint32_t client = nika_client_index(tap->node);
    if (!nika_is_client(tap->node) || client >= w->options.clients) return;
    if (tap->kind == NIKA_TAP_INVOKED) on_invoked(w, client);
    /* An adversary that drives a corrupted client may complete operations nobody issued here. */
    if (tap->kind == NIKA_TAP_COMPLETED && w->client[client].completed < w->client[client].issued)
        on_completed(w, client, tap->now_ns);
}

struct nika_workload *nika_workload_init(void *memory, const struct nika_workload_options *options)
{
    struct nika_workload *w = memory;
    w->options = *options;
    for (uint32_t i = 0; i < options->clients; i++) {
        if (is_correct(w, i)) w->correct_left += options->requests;
        /* A client every 50 us, so that the first requests do not all stand at one instant. */
        issue(w, i, options->start_ns + i % 64 * UINT64_C(50000));
    }
    return w;
}

struct nika_watcher nika_workload_watcher(struct nika_workload *w)
{
    struct nika_watcher watcher = {
        w, NIKA_TAP_BIT(NIKA_TAP_INVOKED) | NIKA_TAP_BIT(NIKA_TAP_COMPLETED), on_tap};
    return watcher;
}
