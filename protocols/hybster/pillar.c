/* protocols/hybster/pillar.c: which pillar an event is of (PROTOCOLS.md 2.6).
 *
 * An order belongs to the pillar of its number, a request and the batch that it is in to that of its client. The merge, whose results must
 * keep their order, and what concerns all pillars, such as view changes and checkpoints, are of none. */
#include "protocols/common/dispatch.h"
#include "protocols/hybster/describe.h"
#include "protocols/hybster/state.h"

static uint32_t of_none(const struct nika_replica *r)
{
    return r->core.pillars;
}

static uint32_t of_client(const struct nika_replica *r, uint32_t node)
{
    return nika_is_client(node) ? common_pillar_of_client(&r->core, nika_client_index(node))
                                : of_none(r);
}

/* A batch has the requests of one pillar's clients. */
static uint32_t of_batch(const struct nika_replica *r, struct nika_span body)
{
    struct common_batch batch;
    struct nika_frame request;
    struct nika_span raw;
    uint32_t at = 0;
    if (nika_decode(&common_info_batch, body, &batch) != NIKA_OK ||
        !nika_frames_next(&batch.requests, &at, &raw) ||
        nika_frame_parse(raw, r->core.config->epoch, NIKA_MESSAGE_SIZE_MAX, &request) != NIKA_OK)
        return of_none(r);
    return of_client(r, request.sender);
}

static uint32_t of_message(const struct nika_replica *r, const struct nika_frame *frame)
{
    struct hybster_order order;
    switch (frame->type) {
    case COMMON_TYPE_request:
        return of_client(r, frame->sender);
    case COMMON_TYPE_batch:
        return of_batch(r, frame->body);
    case HYBSTER_TYPE_prepare:
    case HYBSTER_TYPE_commit:
        return hybster_order_decode(frame->body, &order) ? common_pillar_of(&r->core, order.seq)
                                                         : of_none(r);
    default:
        return of_none(r);
    }
}

uint32_t hybster_lane(const struct nika_replica *r, const struct nika_event *event)
{
    if (event->kind == NIKA_EVENT_MESSAGE) return of_message(r, event->frame);
    if (event->kind != NIKA_EVENT_STORED && event->kind != NIKA_EVENT_CERTIFIED) return of_none(r);
    switch (event->token >> 56) {
    case HYBSTER_TOKEN_INTENT:
    case HYBSTER_TOKEN_PREPARE:
    case HYBSTER_TOKEN_COMMIT:
    case HYBSTER_TOKEN_ORDER:
        return common_pillar_of(&r->core, common_token_seq(&r->core, event->token));
    default:
        return of_none(r);
    }
}
