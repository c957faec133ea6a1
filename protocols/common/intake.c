/* protocols/common/intake.c: request intake and the request timer (PROTOCOLS.md 1.3, R1-R4).
 *
 * A request waits in `pending` until it is executed; T_req times the head, so a primary cannot starve one client. */
#include "protocols/common/intake.h"

#include "protocols/common/batcher.h"
#include "protocols/common/execute.h"
#include "protocols/common/output.h"
#include "protocols/common/read_only.h"

static void forward(struct common_core *core, struct nika_span raw)
{
    common_send_frame(core, common_primary(core, core->view), raw);
}

/* Answered from the cache, or too old. True when the request is done with. */
static bool already_executed(struct common_core *core, const struct common_request *request)
{
    const struct common_reply_entry *entry = &core->replies.entries[request->client];
    if (request->timestamp > entry->last_timestamp) return false;
    if (NIKA_PLANTED(B37) && request->timestamp != entry->last_timestamp) return false;
    if (NIKA_PLANTED(B38)) return true;
    if (request->timestamp == entry->last_timestamp && !core->transfer.active &&
        (request->flags & NIKA_OP_NO_REPLY) == 0) {
        REACHED(replica_duplicate_request);
        common_send_reply(core, request->client);
    }
    return true;
}

void common_on_request(struct common_core *core, const struct nika_frame *frame)
{
    struct nika_frame parsed;
    struct common_request request;
    /* R1, R3. R2, the signature, was checked by ingress: a forwarded request still names its client as sender. */
    if (common_request_parse(core->config, frame->raw, &parsed, &request) != NIKA_OK) {
        bool no_time = nika_decode(&common_info_request, frame->body, &request) == NIKA_OK &&
                       request.timestamp == 0;
        common_reject(core, no_time ? NIKA_CHECK_R3 : NIKA_CHECK_R1, frame->sender);
        return;
    }
    if (core->config->read_only && (request.flags & NIKA_OP_READ_ONLY) != 0) {
        common_on_read_only(core, &request);
        return;
    }
    if (already_executed(core, &request)) return;
    const struct common_pending_entry *known = common_pending_of(&core->pending, request.client);
    bool repeated = known != NULL && known->timestamp == request.timestamp;
    if (common_pending_add(&core->pending, core->store, request.client, request.timestamp,
                           frame->raw) != NIKA_OK) {
        common_reject(core, NIKA_CHECK_R4, frame->sender);
        return;
    }
    if (!repeated) common_pending_of(&core->pending, request.client)->arrived_ns = core->now_ns;
    common_queue_note(core, NIKA_QUEUE_PENDING, core->pending.count);
    if (!core->active) {
        if (NIKA_PLANTED(PB26)) common_request_timer_update(core);
        return;
    }
    /* Only once: two replicas that take each other for the primary would pass it to and fro. With T_pace the client told it, too. */
    if (common_leading(core))
        common_batch_try_cut(core, false);
    else if (!repeated && core->config->pace_ns == 0)
        forward(core, frame->raw);
    common_request_timer_update(core);
}

void common_forward_head(struct common_core *core)
{
    uint32_t head = common_pending_head(&core->pending);
    if (!core->active || common_leading(core) || head == NIKA_NODE_NONE) return;
    forward(core, nika_store_span(core->store, common_pending_of(&core->pending, head)->frame));
}

/* Does T_req say nothing to this replica now? */
static bool trusts_primary(const struct common_core *core)
{
    bool serving = core->active || NIKA_PLANTED(PB26);
    return !serving || core->transfer.active ||
           (common_leading(core) && !core->hooks->times_itself);
}

void common_request_timer_update(struct common_core *core)
{
    uint32_t head = common_pending_head(&core->pending);
    if (trusts_primary(core) || head == NIKA_NODE_NONE || core->amnesiac) {
        common_timer_stop(core, COMMON_TIMER_REQUEST);
        return;
    }
    if (NIKA_PLANTED(B14) && core->highest_slot > core->last_executed) {
        common_timer_stop(core, COMMON_TIMER_REQUEST);
        return;
    }
    uint64_t timestamp = common_pending_of(&core->pending, head)->timestamp;
    bool same = core->request_head_client == head && core->request_head_timestamp == timestamp;
    if (core->timer_armed[COMMON_TIMER_REQUEST] && same) return;
    core->request_head_client = head;
    core->request_head_timestamp = timestamp;
    common_timer_start(core, COMMON_TIMER_REQUEST, core->config->request_ns << core->backoff);
}

void common_request_expired(struct common_core *core)
{
    if (trusts_primary(core) || core->pending.count == 0) return;
    core->hooks->suspect_primary(core);
}

void common_batch_proposed(struct common_core *core, struct nika_span body)
{
    struct common_batch batch;
    if (body.size == 0 || nika_decode(&common_info_batch, body, &batch) != NIKA_OK) return;
    uint32_t at = 0;
    struct nika_span raw;
    while (nika_frames_next(&batch.requests, &at, &raw)) {
        struct nika_frame frame;
        struct common_request request;
        if (common_request_parse(core->config, raw, &frame, &request) != NIKA_OK) continue;
        struct common_pending_entry *entry = common_pending_of(&core->pending, request.client);
        if (entry != NULL && entry->timestamp == request.timestamp) entry->proposed = true;
    }
}
