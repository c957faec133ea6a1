/* engine/shim/apps.c: the port between a live replica and its application: run at issue, completed as a later event, in order. */
#include "engine/shim/node_private.h"

#include "engine/core/app_run.h"
#include "engine/core/assert.h"
#include "engine/core/digest.h"

#include <stdlib.h>

void node_complete(struct nika_node *node, enum nika_event_kind kind, uint64_t token,
                   int32_t status, struct nika_span bytes)
{
    NIKA_ASSERT(node->completion_count < NODE_COMPLETIONS_MAX);
    struct completion *c = malloc(sizeof *c + bytes.size);
    NIKA_ASSERT(c != NULL);
    *c = (struct completion){.kind = kind, .token = token, .status = status, .size = bytes.size};
    if (bytes.size > 0) memcpy(c->bytes, bytes.data, bytes.size);
    if (node->last != NULL) {
        node->last->next = c;
    } else {
        node->first = c;
    }
    node->last = c;
    node->completion_count++;
}

const struct nika_snapshot_meta *node_app_meta(const struct nika_node *node, uint64_t seq)
{
    for (uint32_t i = node->meta_count; i > 0; i--) {
        if (node->metas[i - 1].seq == seq) return &node->metas[i - 1];
    }
    return NULL;
}

static void remember(struct nika_node *node, const struct nika_snapshot_meta *meta)
{
    if (node->meta_count == NIKA_SNAPSHOTS_MAX) {
        node->meta_count--;
        memmove(&node->metas[0], &node->metas[1], node->meta_count * sizeof node->metas[0]);
    }
    node->metas[node->meta_count++] = *meta;
}

static void complete_meta(struct nika_node *node, uint64_t token, int32_t status,
                          const struct nika_snapshot_meta *meta)
{
    uint8_t bytes[NIKA_SNAPSHOT_META_SIZE];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    nika_snapshot_meta_write(&w, meta);
    NIKA_ASSERT(!w.failed);
    node_complete(node, NIKA_EVENT_APP, token, status, (struct nika_span){bytes, w.at});
}

static void execute(struct nika_node *node, const struct nika_action *action,
                    struct nika_span payload)
{
    struct nika_app_batch batch;
    struct nika_writer out = nika_writer_of(node->scratch, NODE_SCRATCH_BYTES);
    nika_app_run_batch(node->options.app_ops, node->app, node->config->reply_size_max, payload,
                       &out, &batch);
    node->counts.executed_batches++;
    node->counts.executed_ops += batch.count;
    node->execution_chain = nika_hash64(out.data, out.at, node->execution_chain ^ batch.seq);
    node_complete(node, NIKA_EVENT_APP, action->token, 0, (struct nika_span){out.data, out.at});
}

static void query(struct nika_node *node, const struct nika_action *action,
                  struct nika_span payload)
{
    struct nika_writer out = nika_writer_of(node->scratch, NODE_SCRATCH_BYTES);
    nika_app_run_query(node->options.app_ops, node->app, node->config->reply_size_max, payload,
                       &out);
    node_complete(node, NIKA_EVENT_APP, action->token, 0, (struct nika_span){out.data, out.at});
}

static void snapshot_take(struct nika_node *node, const struct nika_action *action)
{
    struct nika_snapshot_meta meta;
    memset(&meta, 0, sizeof meta);
    node->options.app_ops->snapshot_take(node->app, action->a, &meta);
    remember(node, &meta);
    node->counts.checkpoints++;
    complete_meta(node, action->token, 0, &meta);
}

static void snapshot_chunk(struct nika_node *node, const struct nika_action *action)
{
    struct nika_writer out = nika_writer_of(node->scratch, NODE_SCRATCH_BYTES);
    enum nika_err err =
        nika_app_run_chunk(node->options.app_ops, node->app, action->a, action->id, &out);
    node_complete(node, NIKA_EVENT_APP, action->token, err, (struct nika_span){out.data, out.at});
}

static void restore_end(struct nika_node *node, const struct nika_action *action)
{
    struct nika_snapshot_meta meta;
    memset(&meta, 0, sizeof meta);
    enum nika_err err = node->options.app_ops->restore_end(node->app, &meta);
    if (err == NIKA_OK) {
        node->meta_count = 0;
        remember(node, &meta);
    }
    complete_meta(node, action->token, err, &meta);
}

void node_app_action(struct nika_node *node, const struct nika_action *action,
                     struct nika_span bytes)
{
    switch (action->kind) {
    case NIKA_ACTION_EXECUTE:
        execute(node, action, bytes);
        return;
    case NIKA_ACTION_QUERY:
        query(node, action, bytes);
        return;
    case NIKA_ACTION_SNAPSHOT_TAKE:
        snapshot_take(node, action);
        return;
    case NIKA_ACTION_SNAPSHOT_CHUNK:
        snapshot_chunk(node, action);
        return;
    case NIKA_ACTION_SNAPSHOT_DROP:
        node->options.app_ops->snapshot_drop(node->app, action->a);
        return;
    case NIKA_ACTION_RESTORE_BEGIN:
        nika_app_run_restore_begin(node->options.app_ops, node->app, bytes);
        return;
    case NIKA_ACTION_RESTORE_CHUNK:
        (void)node->options.app_ops->restore_chunk(node->app, action->id, bytes);
        return;
    case NIKA_ACTION_RESTORE_END:
        restore_end(node, action);
        return;
    default:
        NIKA_ASSERT(false && "not an action of the application port");
    }
}
