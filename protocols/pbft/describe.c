/* protocols/pbft/describe.c: what a frame or a record says, for traces, oracles and faults (engine/core/replica.h). Runs once per
 * message sent, so votes are read by hand and only what is long-lived is hashed. */
#include "protocols/pbft/describe.h"

#include "protocols/common/describe.h"
#include "protocols/pbft/state.h"

void pbft_describe(uint8_t type, struct nika_span body, struct nika_summary *out)
{
    memset(out, 0, sizeof *out);
    if (type >= pbft_messages.count || pbft_messages.messages[type] == NULL) return;
    out->message_class = pbft_messages.messages[type]->message_class;
    switch (type) {
    case PBFT_TYPE_pre_prepare:
    case PBFT_TYPE_prepare:
    case PBFT_TYPE_commit:
        common_describe_order(body, PBFT_ORDER_SIZE, out);
        return;
    case PBFT_TYPE_checkpoint:
        common_describe_checkpoint(body, out);
        return;
    case PBFT_TYPE_view_change:
        common_describe_view_change(body, out);
        return;
    case PBFT_TYPE_new_view:
        common_describe_new_view(body, out);
        return;
    case PBFT_TYPE_status:
        out->view = common_describe_u64(body, 0);
        out->seq = common_describe_u64(body, 18);
        return;
    default:
        common_describe(type, body, out);
        return;
    }
}

void pbft_describe_record(uint32_t kind, struct nika_span record, struct nika_summary *out)
{
    struct nika_reader reader = nika_reader_of(record);
    memset(out, 0, sizeof *out);
    switch (kind) {
    case PBFT_RECORD_PROPOSAL:
        common_describe_frame(nika_read_bytes(&reader, NIKA_CONTROL_SIZE_MAX),
                              PBFT_TYPE_pre_prepare, pbft_describe, out);
        out->message_class = NIKA_MESSAGE_PROPOSE;
        return;
    case PBFT_RECORD_PREPARED:
        common_describe_frame(nika_read_bytes(&reader, NIKA_CONTROL_SIZE_MAX),
                              PBFT_TYPE_pre_prepare, pbft_describe, out);
        out->message_class = NIKA_MESSAGE_PREPARE;
        return;
    case PBFT_RECORD_VIEW_CHANGE:
        common_describe_frame(record, PBFT_TYPE_view_change, pbft_describe, out);
        return;
    case PBFT_RECORD_NEW_VIEW:
        common_describe_frame(record, PBFT_TYPE_new_view, pbft_describe, out);
        return;
    case NIKA_RECORD_SNAPSHOT:
        common_describe_snapshot(record, out);
        return;
    default:
        return;
    }
}
