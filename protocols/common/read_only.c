/* protocols/common/read_only.c: reads answered without ordering (read_only.h). */
#include "protocols/common/read_only.h"

#include "protocols/common/output.h"

void common_on_read_only(struct common_core *core, const struct common_request *request)
{
    struct common_read *read = &core->reads[request->client];
    /* A state that is being replaced, or one that may lack what was promised, is not read. One read per client at a time. */
    if (core->transfer.active || core->amnesiac || read->timestamp != 0) return;
    uint8_t *bytes = NULL;
    uint32_t size = 4 + 8 + 4 + request->op.size;
    struct nika_action *action = nika_effects_add(core->effects, NIKA_ACTION_QUERY, size, &bytes);
    if (action == NULL) return;
    action->token = common_token(COMMON_TOKEN_QUERY, core->exec_generation, request->client);
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_write_u32(&w, request->client);
    nika_write_u64(&w, request->timestamp);
    nika_write_bytes(&w, request->op);
    NIKA_ASSERT(!w.failed);
    *read = (struct common_read){.timestamp = request->timestamp, .seq = core->last_issued};
}

void common_read_done(struct common_core *core, uint32_t client, uint16_t generation,
                      int32_t status, struct nika_span result)
{
    struct common_read read = core->reads[client];
    memset(&core->reads[client], 0, sizeof core->reads[client]);
    /* The client asks again; what its read saw is no longer this replica's state. */
    if (generation != core->exec_generation) return;
    if (status != 0) {
        common_reject(core, NIKA_CHECK_RO1, nika_client_node(client));
        return;
    }
    struct nika_reader reader = nika_reader_of(result);
    struct common_reply m = {.view = core->view,
                             .client = client,
                             .timestamp = read.timestamp,
                             .seq = read.seq,
                             .full = 1};
    m.result = nika_read_bytes(&reader, core->config->reply_size_max);
    if (read.timestamp == 0 || !nika_reader_done(&reader)) return;
    REACHED(read_only);
    nika_sha256_one(m.result.data, m.result.size, &m.result_digest);
    common_send(core, nika_client_node(client), &common_info_reply, &m);
}
