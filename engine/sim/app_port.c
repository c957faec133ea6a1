/* engine/sim/app_port.c: the port between a replica and its application (app.h): run at issue, completed later, in order. */
#include "engine/core/app_run.h"
#include "engine/sim/internal.h"

/* Deliver the completion of `token` after the drawn delay, never before an earlier one. */
static void complete_later(struct nika_world *w, uint32_t index, uint64_t token, int32_t status,
                           struct nika_span bytes, uint64_t cost_ns)
{
    struct sim_node *node = &w->node[index];
    struct nika_choice_name name = {.kind = NIKA_CHOICE_APP, .a = sim_choice_id(w, index)};
    uint64_t start = w->leave_ns > node->app_free_at ? w->leave_ns : node->app_free_at;
    uint64_t at = start + cost_ns;
    uint64_t ready = at + sim_latency(w, &w->options.app_delay, &name);
    /* Strictly later: a tie could be decided against the order of issue. */
    if (ready <= node->app_free_at) ready = node->app_free_at + 1;
    node->app_free_at = ready;
    uint32_t handle = nika_store_put(w->local, bytes);
    NIKA_ASSERT(handle != 0 && "more completions are outstanding than memory holds");
    (void)sim_schedule(w, SIM_APP, index, ready, (uint32_t)status, handle, token);
}

static void execute(struct nika_world *w, uint32_t index, const struct nika_action *action,
                    struct nika_span payload)
{
    struct nika_writer results = nika_writer_of(w->scratch, SIM_SCRATCH_BYTES);
    struct nika_app_batch batch;
    nika_app_run_batch(w->options.app_ops, w->node[index].app, w->options.config.reply_size_max,
                       payload, &results, &batch);
    uint64_t seq = batch.seq;
    uint32_t count = batch.count;
    w->core->stats.executed_ops += count;
    struct nika_span out = {results.data, results.at};
    sim_record(w, 0x500u, sim_id(w, index), seq, count, nika_hash64(out.data, out.size, seq));
    if (sim_wants(w, NIKA_TAP_EXECUTED)) {
        struct nika_tap tap = {.kind = NIKA_TAP_EXECUTED,
                               .node = sim_id(w, index),
                               .to = NIKA_NODE_NONE,
                               .a = seq,
                               .b = count,
                               .token = action->token,
                               .digest = &batch.digest,
                               .bytes = payload,
                               .results = out};
        sim_tap(w, &tap);
    }
    complete_later(w, index, action->token, 0, out, (uint64_t)count * w->options.cpu.execute_ns);
    sim_fault_on_tap(w, index, NIKA_TAP_EXECUTED, seq, count);
}

static void query(struct nika_world *w, uint32_t index, const struct nika_action *action,
                  struct nika_span payload)
{
    struct nika_writer out = nika_writer_of(w->scratch, SIM_SCRATCH_BYTES);
    nika_app_run_query(w->options.app_ops, w->node[index].app, w->options.config.reply_size_max,
                       payload, &out);
    complete_later(w, index, action->token, 0, (struct nika_span){out.data, out.at},
                   w->options.cpu.execute_ns);
}

const struct nika_snapshot_meta *sim_app_meta(const struct nika_world *w, uint32_t index,
                                              uint64_t seq)
{
    const struct sim_node *node = &w->node[index];
    for (uint32_t i = node->meta_count; i > 0; i--) {
        if (node->metas[i - 1].seq == seq) return &node->metas[i - 1];
    }
    return NULL;
}

void sim_app_remember(struct nika_world *w, uint32_t index, const struct nika_snapshot_meta *meta)
{
    struct sim_node *node = &w->node[index];
    if (node->meta_count == SIM_METAS_MAX) {
        node->meta_count--;
        for (uint32_t i = 0; i < node->meta_count; i++) node->metas[i] = node->metas[i + 1];
    }
    node->metas[node->meta_count++] = *meta;
}

static void complete_meta(struct nika_world *w, uint32_t index, uint64_t token, int32_t status,
                          const struct nika_snapshot_meta *meta)
{
    uint8_t bytes[NIKA_SNAPSHOT_META_SIZE];
    struct nika_writer writer = nika_writer_of(bytes, sizeof bytes);
    nika_snapshot_meta_write(&writer, meta);
    NIKA_ASSERT(!writer.failed);
    complete_later(w, index, token, status, (struct nika_span){bytes, writer.at}, 0);
}

static void snapshot_take(struct nika_world *w, uint32_t index, const struct nika_action *action)
{
    struct nika_snapshot_meta meta;
    memset(&meta, 0, sizeof meta);
    w->options.app_ops->snapshot_take(w->node[index].app, action->a, &meta);
    sim_app_remember(w, index, &meta);
    complete_meta(w, index, action->token, 0, &meta);
}

static void snapshot_chunk(struct nika_world *w, uint32_t index, const struct nika_action *action)
{
    struct nika_writer out = nika_writer_of(w->scratch, SIM_SCRATCH_BYTES);
    enum nika_err err =
        nika_app_run_chunk(w->options.app_ops, w->node[index].app, action->a, action->id, &out);
    complete_later(w, index, action->token, err, (struct nika_span){out.data, out.at}, 0);
}

static void restore_end(struct nika_world *w, uint32_t index, const struct nika_action *action)
{
    struct nika_snapshot_meta meta;
    memset(&meta, 0, sizeof meta);
    enum nika_err err = w->options.app_ops->restore_end(w->node[index].app, &meta);
    if (err == NIKA_OK) {
        w->node[index].meta_count = 0;
        sim_app_remember(w, index, &meta);
        sim_record(w, 0x501u, sim_id(w, index), meta.seq, 0,
                   nika_hash64(meta.root.bytes, NIKA_DIGEST_SIZE, 0));
        if (sim_wants(w, NIKA_TAP_RESTORED)) {
            struct nika_tap tap = {.kind = NIKA_TAP_RESTORED,
                                   .node = sim_id(w, index),
                                   .to = NIKA_NODE_NONE,
                                   .a = meta.seq,
                                   .digest = &meta.root};
            sim_tap(w, &tap);
        }
    }
    complete_meta(w, index, action->token, err, &meta);
}

void sim_app_action(struct nika_world *w, uint32_t index, const struct nika_action *action,
                    struct nika_span bytes)
{
    NIKA_ASSERT(sim_is_replica(w, index));
    switch (action->kind) {
    case NIKA_ACTION_EXECUTE:
        execute(w, index, action, bytes);
        return;
    case NIKA_ACTION_QUERY:
        query(w, index, action, bytes);
        return;
    case NIKA_ACTION_SNAPSHOT_TAKE:
        snapshot_take(w, index, action);
        return;
    case NIKA_ACTION_SNAPSHOT_CHUNK:
        snapshot_chunk(w, index, action);
        return;
    case NIKA_ACTION_SNAPSHOT_DROP:
        w->options.app_ops->snapshot_drop(w->node[index].app, action->a);
        return;
    case NIKA_ACTION_RESTORE_BEGIN:
        nika_app_run_restore_begin(w->options.app_ops, w->node[index].app, bytes);
        return;
    case NIKA_ACTION_RESTORE_CHUNK:
        (void)w->options.app_ops->restore_chunk(w->node[index].app, action->id, bytes);
        return;
    case NIKA_ACTION_RESTORE_END:
        restore_end(w, index, action);
        return;
    default:
        NIKA_ASSERT(false && "not an action of the application port");
    }
}
