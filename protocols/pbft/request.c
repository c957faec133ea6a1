/* protocols/pbft/request.c: request intake and the request timer (PROTOCOLS.md 1.3, R1-R4).
 *
 * A request waits in `pending` until it is executed; T_req times the head, so a primary cannot starve one client. */
#include "protocols/pbft/state.h"

static bool leading(const struct nika_replica *r)
{
    return pbft_primary(r, r->view) == r->self;
}

static void forward(struct nika_replica *r, struct nika_span raw)
{
    pbft_send_frame(r, pbft_primary(r, r->view), raw);
}

/* Answered from the cache, or too old. True when the request is done with. */
static bool already_executed(struct nika_replica *r, const struct common_request *request)
{
    const struct common_reply_entry *entry = &r->replies.entries[request->client];
    if (request->timestamp > entry->last_timestamp) return false;
    if (request->timestamp == entry->last_timestamp && !r->transfer.active &&
        (request->flags & NIKA_OP_NO_REPLY) == 0) {
        REACHED(pbft_duplicate_request);
        pbft_send_reply(r, request->client);
    }
    return true;
}

void pbft_on_request(struct nika_replica *r, const struct nika_frame *frame)
{
    struct nika_frame parsed;
    struct common_request request;
    /* R1, R3. R2, the signature, was checked by ingress: a forwarded request still names its client as sender. */
    if (common_request_parse(r->config, frame->raw, &parsed, &request) != NIKA_OK) {
        bool no_time = nika_decode(&common_info_request, frame->body, &request) == NIKA_OK &&
                       request.timestamp == 0;
        pbft_reject(r, no_time ? NIKA_CHECK_R3 : NIKA_CHECK_R1, frame->sender);
        return;
    }
    if (r->config->read_only && (request.flags & NIKA_OP_READ_ONLY) != 0) {
        pbft_on_read_only(r, frame, &request);
        return;
    }
    if (already_executed(r, &request)) return;
    const struct common_pending_entry *known = common_pending_of(&r->pending, request.client);
    bool repeated = known != NULL && known->timestamp == request.timestamp;
    if (common_pending_add(&r->pending, r->store, request.client, request.timestamp, frame->raw) !=
        NIKA_OK) {
        pbft_reject(r, NIKA_CHECK_R4, frame->sender);
        return;
    }
    pbft_queue_note(r, NIKA_QUEUE_PENDING, r->pending.count);
    if (!r->active) return;
    if (leading(r)) {
        pbft_batch_try_cut(r, false);
        return;
    }
    /* Only once: two replicas that take each other for the primary would pass it to and fro. */
    if (!repeated) forward(r, frame->raw);
    pbft_request_timer_update(r);
}

void pbft_forward_head(struct nika_replica *r)
{
    uint32_t head = common_pending_head(&r->pending);
    if (!r->active || leading(r) || head == NIKA_NODE_NONE) return;
    forward(r, nika_store_span(r->store, common_pending_of(&r->pending, head)->frame));
}

void pbft_request_timer_update(struct nika_replica *r)
{
    uint32_t head = common_pending_head(&r->pending);
    if (!r->active || leading(r) || head == NIKA_NODE_NONE || r->transfer.active || r->amnesiac) {
        pbft_timer_stop(r, PBFT_TIMER_REQUEST);
        return;
    }
    uint64_t timestamp = common_pending_of(&r->pending, head)->timestamp;
    bool same = r->request_head_client == head && r->request_head_timestamp == timestamp;
    if (r->timer_armed[PBFT_TIMER_REQUEST] && same) return;
    r->request_head_client = head;
    r->request_head_timestamp = timestamp;
    pbft_timer_start(r, PBFT_TIMER_REQUEST, r->config->request_ns << r->backoff);
}

void pbft_request_expired(struct nika_replica *r)
{
    if (!r->active || leading(r) || r->pending.count == 0 || r->transfer.active) return;
    pbft_view_change_start(r, r->view + 1);
}
