/* engine/sim/view.c: what callers and faults may read of a world. Changes nothing. */
#include "engine/sim/internal.h"

struct nika_chooser *nika_world_chooser(struct nika_world *w)
{
    return &w->core->chooser;
}

void *nika_world_extra(struct nika_world *w)
{
    return w->extra;
}

uint64_t nika_world_now(const struct nika_world *w)
{
    return w->core->now;
}

uint64_t nika_world_event_index(const struct nika_world *w)
{
    return w->core->event_index;
}

const struct nika_config *nika_world_config(const struct nika_world *w)
{
    return &w->options.config;
}

void nika_world_stats(const struct nika_world *w, struct nika_world_stats *out)
{
    *out = w->core->stats;
    out->events = w->core->event_index;
    out->now_ns = w->core->now;
    for (uint32_t i = 0; i < w->segment_count; i++)
        out->arena_used_bytes += sim_segment_used(w, &w->segments[i]);
    for (uint32_t i = 0; i < w->options.config.n; i++) {
        const struct sim_node *node = &w->node[i];
        if (!node->up) continue;
        uint64_t bytes =
            w->options.replica_ops->used(node->module) + w->options.app_ops->used(node->app);
        if (bytes > out->replica_bytes) out->replica_bytes = bytes;
    }
}

void nika_world_status(const struct nika_world *w, uint32_t replica,
                       struct nika_replica_status *out)
{
    memset(out, 0, sizeof *out);
    if (nika_world_is_up(w, replica)) w->options.replica_ops->status(w->node[replica].module, out);
}

bool nika_world_is_up(const struct nika_world *w, uint32_t replica)
{
    return replica < w->options.config.n && w->node[replica].up;
}

bool nika_world_is_corrupted(const struct nika_world *w, uint32_t node)
{
    const uint64_t *set = nika_is_client(node) ? w->corrupted_clients : w->corrupted;
    uint32_t index = nika_client_index(node);
    return nika_set_has(set, index);
}

const struct nika_app *nika_world_app(const struct nika_world *w, uint32_t replica)
{
    return nika_world_is_up(w, replica) ? w->node[replica].app : NULL;
}

struct nika_fault *nika_world_fault(struct nika_world *w, uint32_t index)
{
    NIKA_ASSERT(index < w->options.fault_count);
    return &w->core->faults[index];
}

struct nika_probe_table *nika_world_probes(struct nika_world *w)
{
    return &w->core->probes;
}

void nika_world_replica_digest(const struct nika_world *w, uint32_t replica,
                               struct nika_digest *out)
{
    memset(out, 0, sizeof *out);
    if (nika_world_is_up(w, replica)) w->options.replica_ops->digest(w->node[replica].module, out);
}

void nika_world_digest_text(const struct nika_world *w, char out[33])
{
    nika_run_digest_text(&w->core->digest, out);
}
