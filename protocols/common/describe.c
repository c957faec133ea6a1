/* protocols/common/describe.c: what a shared frame or record says (describe.h). Runs once per message sent, so bodies are read by hand. */
#include "protocols/common/describe.h"

#include "engine/core/digest.h"
#include "protocols/common/batch.h"
#include "protocols/common/messages.h"

uint64_t common_describe_u64(struct nika_span body, uint32_t offset)
{
    return body.size >= offset + 8 ? nika_load_le(body.data + offset, 8) : 0;
}

void common_describe_order(struct nika_span body, uint32_t size, struct nika_summary *out)
{
    if (body.size != size) return;
    out->view = common_describe_u64(body, 0);
    out->seq = common_describe_u64(body, 8);
    memcpy(out->digest.bytes, body.data + 16, NIKA_DIGEST_SIZE);
    out->has_digest = true;
}

void common_describe_checkpoint(struct nika_span body, struct nika_summary *out)
{
    out->seq = common_describe_u64(body, 0);
    out->has_digest = body.size >= 8 + NIKA_DIGEST_SIZE;
    if (out->has_digest) memcpy(out->digest.bytes, body.data + 8, NIKA_DIGEST_SIZE);
}

void common_describe_new_view(struct nika_span body, struct nika_summary *out)
{
    out->view = common_describe_u64(body, 0);
    nika_fingerprint(body.data, body.size, &out->digest);
    out->has_digest = true;
}

void common_describe_view_change(struct nika_span body, struct nika_summary *out)
{
    common_describe_new_view(body, out);
    out->seq = common_describe_u64(body, 8);
}

static void describe_client(struct nika_span body, uint32_t offset, struct nika_summary *out)
{
    if (body.size < offset + 12) return;
    out->view = nika_load_le(body.data + offset, 4);
    out->seq = common_describe_u64(body, offset + 4);
}

void common_describe(uint8_t type, struct nika_span body, struct nika_summary *out)
{
    switch (type) {
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
        out->seq = common_describe_u64(body, 0);
        return;
    default:
        return;
    }
}

void common_describe_frame(struct nika_span raw, uint8_t type,
                           void (*describe)(uint8_t, struct nika_span, struct nika_summary *),
                           struct nika_summary *out)
{
    struct nika_frame frame;
    if (raw.size < NIKA_FRAME_HEAD_SIZE || nika_load_le(raw.data, 4) != raw.size - 4) return;
    /* The epoch of a record is the one it was written in. */
    uint32_t epoch = (uint32_t)nika_load_le(raw.data + 10, 4);
    if (nika_frame_parse(raw, epoch, NIKA_MESSAGE_SIZE_MAX, &frame) == NIKA_OK &&
        frame.type == type)
        describe(type, frame.body, out);
}

void common_describe_snapshot(struct nika_span record, struct nika_summary *out)
{
    struct nika_reader reader = nika_reader_of(record);
    (void)nika_read_u32(&reader);
    out->seq = nika_read_u64(&reader);
    out->message_class = NIKA_MESSAGE_CHECKPOINT;
}
