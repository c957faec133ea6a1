/* protocols/hybster/read_only.c: reads answered without ordering (PROTOCOLS.md 1.10, RO1).
 *
 * The answer reflects committed batches only. The client needs as many equal answers as with PBFT, so the path is open only where that
 * many correct replicas exist: replica_check() in replica.c. */
#include "protocols/hybster/state.h"

void hybster_on_read_only(struct nika_replica *r, const struct common_request *request)
{
    struct hybster_read *read = &r->reads[request->client];
    /* A state that is being replaced is not read. One read per client at a time. */
    if (r->core.transfer.active || read->timestamp != 0) return;
    uint8_t *bytes = NULL;
    uint32_t size = 4 + 8 + 4 + request->op.size;
    struct nika_action *action = nika_effects_add(r->core.effects, NIKA_ACTION_QUERY, size, &bytes);
    if (action == NULL) return;
    action->token = common_token(COMMON_TOKEN_QUERY, r->core.exec_generation, request->client);
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_write_u32(&w, request->client);
    nika_write_u64(&w, request->timestamp);
    nika_write_bytes(&w, request->op);
    NIKA_ASSERT(!w.failed);
    *read = (struct hybster_read){.timestamp = request->timestamp, .seq = r->core.last_issued};
}

void hybster_read_only_done(struct nika_replica *r, uint32_t client, struct nika_span result)
{
    struct hybster_read read = r->reads[client];
    memset(&r->reads[client], 0, sizeof r->reads[client]);
    struct nika_reader reader = nika_reader_of(result);
    struct common_reply m = {.view = r->core.view,
                             .client = client,
                             .timestamp = read.timestamp,
                             .seq = read.seq,
                             .full = 1};
    m.result = nika_read_bytes(&reader, r->core.config->reply_size_max);
    if (read.timestamp == 0 || !nika_reader_done(&reader)) return;
    REACHED(hybster_read_only);
    nika_sha256_one(m.result.data, m.result.size, &m.result_digest);
    common_send(&r->core, nika_client_node(client), &common_info_reply, &m);
}
