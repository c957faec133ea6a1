/* protocols/common/execute.c: committed batches go to the application in order, results to the clients (PROTOCOLS.md 1.4, X1-X6).
 *
 * Issuing runs ahead of completion by at most PIPELINE_MAX batches. Which requests of a batch run (X2) is decided by the same
 * rule when it is issued and when its results come, from the timestamps known at that point of the order. */
#include "protocols/common/execute.h"

#include "protocols/common/batcher.h"
#include "protocols/common/checkpoints.h"
#include "protocols/common/fetch.h"
#include "protocols/common/intake.h"
#include "protocols/common/order.h"
#include "protocols/common/output.h"
#include "protocols/common/window.h"

#define PIPELINE_MAX 4u
#define REPLIER_ALL UINT32_MAX

/* The next request of `batch` that runs; *issued decides which timestamps count as used. Old ones are skipped. */
static bool next_effective(struct common_core *core, const struct common_batch *batch, uint32_t *at,
                           bool issuing, struct common_request *request)
{
    struct nika_span raw;
    while (nika_frames_next(&batch->requests, at, &raw)) {
        struct nika_frame frame;
        enum nika_err err = common_request_parse(core->config, raw, &frame, request);
        NIKA_ASSERT(err == NIKA_OK); /* PP8 let it in. */
        const struct common_reply_entry *entry = &core->replies.entries[request->client];
        uint64_t used = issuing ? entry->issued_timestamp : entry->last_timestamp;
        if (request->timestamp > used) return true;
        if (NIKA_PLANTED(B37) && request->timestamp != used) return true;
    }
    return false;
}

static void committed_batch(struct common_core *core, const struct common_slot *slot,
                            struct common_batch *batch)
{
    memset(batch, 0, sizeof *batch);
    if (nika_digest_is_null(&slot->commit_digest)) return; /* X3 */
    uint32_t handle = common_slot_batch(slot, &slot->commit_digest);
    NIKA_ASSERT(handle != 0);
    enum nika_err err =
        nika_decode(&common_info_batch, nika_store_span(core->store, handle), batch);
    NIKA_ASSERT(err == NIKA_OK);
}

/* EXECUTE's payload (app.h). The count is written last, when it is known. */
static void issue(struct common_core *core, const struct common_slot *slot)
{
    struct common_batch batch;
    committed_batch(core, slot, &batch);
    /* Agreed time never goes back, whatever a faulty primary proposed (X4: the same rule everywhere). */
    uint64_t time_ns = batch.time_ns > core->last_time_ns ? batch.time_ns : core->last_time_ns;
    /* B33 needs an application that is not deterministic: the last replica's sees its own clock. */
    if (NIKA_PLANTED(B33) && core->self == core->n - 1) time_ns = core->now_ns;
    /* C04: in about one run of a hundred. */
    bool rare = slot->seq == core->config->checkpoint_interval &&
                nika_load_le(slot->commit_digest.bytes, 2) < 656;
    if (NIKA_PLANTED(C04) && rare && core->self == core->n - 1) time_ns++;
    core->last_time_ns = time_ns;
    uint8_t *bytes = NULL;
    uint32_t room = 8 + 8 + NIKA_DIGEST_SIZE + 4 + batch.requests.span.size;
    struct nika_action *action = nika_effects_add(core->effects, NIKA_ACTION_EXECUTE, room, &bytes);
    if (action == NULL) return;
    action->a = slot->seq;
    action->token = common_token(COMMON_TOKEN_EXECUTE, core->exec_generation, slot->seq);
    struct nika_writer w = nika_writer_of(bytes, room);
    nika_write_u64(&w, slot->seq);
    nika_write_u64(&w, time_ns);
    nika_write_digest(&w, &slot->commit_digest);
    uint8_t *count_at = nika_write_reserve(&w, 4);
    struct common_request request;
    uint32_t at = 0, count = 0;
    for (; next_effective(core, &batch, &at, true, &request); count++) {
        nika_write_u32(&w, request.client);
        nika_write_u64(&w, request.timestamp);
        nika_write_u32(&w, request.flags);
        nika_write_bytes(&w, request.op);
        core->replies.entries[request.client].issued_timestamp = request.timestamp;
    }
    NIKA_ASSERT(!w.failed);
    nika_store_le(count_at, count, 4);
    core->effects->bytes_used -= room - w.at;
    action->size = w.at;
}

void common_execute_ready(struct common_core *core)
{
    while (!core->transfer.active && core->last_issued - core->last_executed < PIPELINE_MAX) {
        struct common_slot *slot = common_slot_find(core, core->last_issued + 1); /* X1 */
        if (slot == NULL || !slot->committed) return;
        if (NIKA_PLANTED(W22) && nika_digest_is_null(&slot->commit_digest)) return;
        if (NIKA_PLANTED(W25) && !core->active) return;
        if (!common_slot_commit_ready(slot)) {
            common_fetch_want(core, &slot->commit_digest, (core->self + 1) % core->n);
            return;
        }
        issue(core, slot);
        core->last_issued = slot->seq;
        if (slot->seq % core->config->checkpoint_interval == 0)
            common_snapshot_begin(core, slot->seq);
    }
}

static void reply(struct common_core *core, uint32_t client, bool full)
{
    const struct common_reply_entry *entry = &core->replies.entries[client];
    struct common_reply m = {.view = core->view,
                             .client = client,
                             .timestamp = entry->last_timestamp,
                             .seq = entry->seq,
                             .full = full ? 1 : 0,
                             .result_digest = entry->digest};
    if (full) m.result = common_reply_cache_result(&core->replies, client);
    common_send(core, nika_client_node(client), &common_info_reply, &m);
}

void common_send_reply(struct common_core *core, uint32_t client)
{
    reply(core, client, true);
}

/* Apply the results, one per request that ran (X2: the timestamp and the reply together). */
static void apply(struct common_core *core, const struct common_slot *slot,
                  const struct common_batch *batch, struct nika_span results)
{
    struct nika_reader reader = nika_reader_of(results);
    uint32_t left = nika_read_u32(&reader);
    struct common_request request;
    uint32_t at = 0;
    while (next_effective(core, batch, &at, false, &request)) {
        struct nika_span result = nika_read_bytes(&reader, core->config->reply_size_max);
        NIKA_ASSERT(!reader.failed && left > 0); /* The application is ours. */
        left--;
        common_reply_cache_set(&core->replies, request.client, request.timestamp, slot->seq,
                               result);
        if ((request.flags & NIKA_OP_NO_REPLY) != 0) continue;
        reply(core, request.client,
              request.replier == REPLIER_ALL || request.replier == core->self);
    }
    NIKA_ASSERT(left == 0);
}

/* X6: also a different request under an old timestamp goes. */
static void drop_pending(struct common_core *core, const struct common_batch *batch)
{
    struct nika_span raw;
    uint32_t at = 0;
    while (nika_frames_next(&batch->requests, &at, &raw)) {
        struct nika_frame frame;
        struct common_request request;
        if (common_request_parse(core->config, raw, &frame, &request) != NIKA_OK) continue;
        const struct common_pending_entry *known =
            common_pending_of(&core->pending, request.client);
        if (known != NULL && known->timestamp == request.timestamp)
            common_pace_sample(core, known->arrived_ns);
        (void)common_pending_executed(&core->pending, core->store, request.client,
                                      core->replies.entries[request.client].last_timestamp);
    }
}

void common_executed(struct common_core *core, uint64_t seq, struct nika_span results)
{
    NIKA_ASSERT(seq == core->last_executed + 1 && seq <= core->last_issued);
    struct common_slot *slot = common_slot_find(core, seq);
    NIKA_ASSERT(slot != NULL && slot->committed);
    struct common_batch batch;
    committed_batch(core, slot, &batch);
    apply(core, slot, &batch, results);
    drop_pending(core, &batch);
    slot->executed = true;
    core->last_executed = seq;
    struct nika_span digest = {slot->commit_digest.bytes, NIKA_DIGEST_SIZE};
    nika_effects_note(core->effects, NIKA_NOTE_EXECUTED, seq, 0, digest);
    if (core->active && slot->commit_view == core->view && batch.requests.count > 0) {
        core->executed_in_view = true;
        if (!NIKA_PLANTED(B26)) core->backoff = 0;
    }
    if (seq % core->config->checkpoint_interval == 0) common_snapshot_replies(core, seq);
    if (NIKA_PLANTED(B27)) common_timer_stop(core, COMMON_TIMER_REQUEST);
    common_request_timer_update(core);
    common_stable_recheck(core);
    common_execute_ready(core);
    common_batch_try_cut(core, false);
    if (common_pace_judge(core)) core->hooks->suspect_primary(core);
}
