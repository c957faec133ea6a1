/* protocols/hybster/describe.c: what a frame or a record says, for traces, oracles and faults (engine/core/replica.h). Runs once per
 * message sent, so votes are read by hand and only what is long-lived is hashed. */
#include "protocols/hybster/describe.h"

#include "protocols/common/describe.h"
#include "protocols/hybster/state.h"

void hybster_describe(uint8_t type, struct nika_span body, struct nika_summary *out)
{
    memset(out, 0, sizeof *out);
    if (type >= hybster_messages.count || hybster_messages.messages[type] == NULL) return;
    out->message_class = hybster_messages.messages[type]->message_class;
    switch (type) {
    case HYBSTER_TYPE_prepare:
    case HYBSTER_TYPE_commit:
        common_describe_order(body, HYBSTER_ORDER_SIZE, out);
        return;
    case HYBSTER_TYPE_checkpoint:
        common_describe_checkpoint(body, out);
        return;
    case HYBSTER_TYPE_view_change:
        common_describe_view_change(body, out);
        return;
    case HYBSTER_TYPE_new_view_ack:
        /* As big as a VIEW-CHANGE, hence of its class on the wire, but no vote: it may be said once for each base. */
        out->message_class = NIKA_MESSAGE_OTHER;
        out->view = common_describe_u64(body, 0);
        return;
    case HYBSTER_TYPE_new_view:
        common_describe_new_view(body, out);
        return;
    case HYBSTER_TYPE_status:
        out->view = common_describe_u64(body, 0);
        out->seq = common_describe_u64(body, 17);
        return;
    default:
        common_describe(type, body, out);
        return;
    }
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
        common_describe_frame(nika_read_bytes(&reader, NIKA_CONTROL_SIZE_MAX), HYBSTER_TYPE_prepare,
                              hybster_describe, out);
        out->message_class = NIKA_MESSAGE_PROPOSE;
        return;
    case HYBSTER_RECORD_COMMIT:
        common_describe_frame(record, HYBSTER_TYPE_commit, hybster_describe, out);
        return;
    case HYBSTER_RECORD_VIEW_CHANGE:
        common_describe_frame(record, HYBSTER_TYPE_view_change, hybster_describe, out);
        return;
    case HYBSTER_RECORD_NEW_VIEW:
        common_describe_frame(record, HYBSTER_TYPE_new_view, hybster_describe, out);
        return;
    case HYBSTER_RECORD_DRAFT: /* Of the view, but nothing that may be sent. */
        common_describe_frame(record, HYBSTER_TYPE_new_view, hybster_describe, out);
        out->message_class = NIKA_MESSAGE_OTHER;
        return;
    case NIKA_RECORD_SNAPSHOT:
        common_describe_snapshot(record, out);
        return;
    default:
        return;
    }
}
