/* protocols/hybster/describe.c: what a frame or a record says, for traces, oracles and faults (engine/core/replica.h). Runs once per
 * message sent, so votes are read by hand and only what is long-lived is hashed. */
#include "protocols/hybster/describe.h"

#include "engine/core/digest.h"
#include "protocols/common/batch.h"
#include "protocols/hybster/state.h"

static void describe_order(struct nika_span body, struct nika_summary *out)
{
    struct hybster_order m;
    if (!hybster_order_decode(body, &m)) return;
    out->view = m.view;
    out->seq = m.seq;
    out->digest = m.digest;
    out->has_digest = true;
}

/* Two u64 at fixed places. */
static uint64_t at_u64(struct nika_span body, uint32_t offset)
{
    return body.size >= offset + 8 ? nika_load_le(body.data + offset, 8) : 0;
}

static void describe_client(struct nika_span body, uint32_t offset, struct nika_summary *out)
{
    if (body.size < offset + 12) return;
    out->view = nika_load_le(body.data + offset, 4);
    out->seq = at_u64(body, offset + 4);
}

void hybster_describe(uint8_t type, struct nika_span body, struct nika_summary *out)
{
    memset(out, 0, sizeof *out);
    if (type >= hybster_messages.count || hybster_messages.messages[type] == NULL) return;
    out->message_class = hybster_messages.messages[type]->message_class;
    switch (type) {
    case HYBSTER_TYPE_prepare:
    case HYBSTER_TYPE_commit:
        describe_order(body, out);
        return;
    case HYBSTER_TYPE_checkpoint:
        out->seq = at_u64(body, 0);
        out->has_digest = body.size >= 8 + NIKA_DIGEST_SIZE;
        if (out->has_digest) memcpy(out->digest.bytes, body.data + 8, NIKA_DIGEST_SIZE);
        return;
    case HYBSTER_TYPE_view_change:
        out->seq = at_u64(body, 8);
        out->view = at_u64(body, 0);
        nika_fingerprint(body.data, body.size, &out->digest);
        out->has_digest = true;
        return;
    case HYBSTER_TYPE_new_view_ack:
        /* As big as a VIEW-CHANGE, hence of its class on the wire, but no vote: it may be said once for each base. */
        out->message_class = NIKA_MESSAGE_OTHER;
        out->view = at_u64(body, 0);
        return;
    case HYBSTER_TYPE_new_view:
        out->view = at_u64(body, 0);
        nika_fingerprint(body.data, body.size, &out->digest);
        out->has_digest = true;
        return;
    case HYBSTER_TYPE_status:
        out->view = at_u64(body, 0);
        out->seq = at_u64(body, 17);
        return;
    case COMMON_TYPE_request:
        describe_client(body, 0, out);
        return;
    case COMMON_TYPE_reply:
        describe_client(body, 8, out);
        return;
    case COMMON_TYPE_batch:
        common_batch_body_digest(body, &out->digest);
        out->has_digest = true;
        return;
    case COMMON_TYPE_fetch_meta:
    case COMMON_TYPE_meta:
    case COMMON_TYPE_fetch_chunk:
    case COMMON_TYPE_chunk:
    case COMMON_TYPE_no_snapshot:
        out->seq = at_u64(body, 0);
        return;
    default:
        return;
    }
}

static void describe_frame(struct nika_span raw, uint8_t type, struct nika_summary *out)
{
    struct nika_frame frame;
    if (raw.size < 4 || nika_load_le(raw.data, 4) != raw.size - 4) return;
    /* The epoch of a record is the one it was written in. */
    if (raw.size < NIKA_FRAME_HEAD_SIZE) return;
    uint32_t epoch = (uint32_t)nika_load_le(raw.data + 10, 4);
    if (nika_frame_parse(raw, epoch, NIKA_MESSAGE_SIZE_MAX, &frame) != NIKA_OK ||
        frame.type != type)
        return;
    hybster_describe(type, frame.body, out);
}

void hybster_describe_record(uint32_t kind, struct nika_span record, struct nika_summary *out)
{
    struct nika_reader reader = nika_reader_of(record);
    memset(out, 0, sizeof *out);
    switch (kind) {
    case HYBSTER_RECORD_INTENT:
        out->view = nika_read_u64(&reader);
        out->seq = nika_read_u64(&reader);
        out->digest = nika_read_digest(&reader);
        out->has_digest = !reader.failed;
        out->message_class = NIKA_MESSAGE_PROPOSE;
        return;
    case HYBSTER_RECORD_PREPARE:
        describe_frame(nika_read_bytes(&reader, NIKA_CONTROL_SIZE_MAX), HYBSTER_TYPE_prepare, out);
        out->message_class = NIKA_MESSAGE_PROPOSE;
        return;
    case HYBSTER_RECORD_COMMIT:
        describe_frame(record, HYBSTER_TYPE_commit, out);
        return;
    case HYBSTER_RECORD_VIEW_CHANGE:
        describe_frame(record, HYBSTER_TYPE_view_change, out);
        return;
    case HYBSTER_RECORD_NEW_VIEW:
        describe_frame(record, HYBSTER_TYPE_new_view, out);
        return;
    case NIKA_RECORD_SNAPSHOT:
        (void)nika_read_u32(&reader);
        out->seq = nika_read_u64(&reader);
        out->message_class = NIKA_MESSAGE_CHECKPOINT;
        return;
    default:
        return;
    }
}
