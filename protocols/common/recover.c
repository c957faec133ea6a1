/* protocols/common/recover.c: see recover.h. */
#include "protocols/common/recover.h"

#include "protocols/common/checkpoints.h"
#include "protocols/common/transfer.h"

void common_forget(struct common_core *core)
{
    core->amnesiac = true;
    core->amnesia_until = UINT64_MAX;
}

void common_recover_stable(struct common_core *core, uint64_t seq, struct nika_span record)
{
    struct nika_reader reader = nika_reader_of(record);
    uint32_t count = nika_read_u32(&reader);
    struct nika_span raw = nika_read_bytes(&reader, NIKA_CONTROL_SIZE_MAX);
    struct nika_frame frame;
    struct common_checkpoint_body m;
    if (reader.failed || count == 0 || seq <= core->low_mark) return;
    if (nika_frame_parse(raw, core->config->epoch, NIKA_CONTROL_SIZE_MAX, &frame) != NIKA_OK)
        return;
    if (nika_decode(core->hooks->checkpoint, frame.body, &m) != NIKA_OK || m.seq != seq) return;
    uint32_t handle = nika_store_put(core->store, record);
    if (handle == 0) return;
    nika_store_free(core->store, core->stable_cert);
    core->stable_cert = handle;
    core->stable_digest = m.digest;
    core->stable_durable = seq;
    core->low_mark = seq;
}

void common_recover_snapshot(struct common_core *core, struct nika_span record)
{
    struct nika_reader reader = nika_reader_of(record);
    struct nika_span raw = nika_read_bytes(&reader, NIKA_CONTROL_SIZE_MAX);
    struct nika_span replies = nika_read_bytes(&reader, NIKA_MESSAGE_SIZE_MAX);
    struct common_meta meta;
    struct common_snapshot *snapshot = common_snapshot_place(core);
    if (!nika_reader_done(&reader) || nika_decode(&common_info_meta, raw, &meta) != NIKA_OK) return;
    if (common_reply_cache_read(&core->replies, replies) != NIKA_OK) return;
    core->last_executed = meta.seq;
    core->last_issued = meta.seq;
    core->last_time_ns = meta.time_ns;
    common_snapshot_forget(core, snapshot);
    uint32_t handle = nika_store_put(core->store, replies);
    if (handle == 0) {
        /* The state is there all the same; it is only not served or voted for. */
        *snapshot = (struct common_snapshot){.seq = meta.seq, .failed = true};
        return;
    }
    *snapshot = (struct common_snapshot){
        .seq = meta.seq, .replies = handle, .meta_known = true, .durable = true, .meta = meta};
    common_meta_digest(&meta, &snapshot->digest);
}

void common_recover_end(struct common_core *core)
{
    struct common_snapshot *own = common_snapshot_find(core, core->low_mark);
    core->stable_is_local = own != NULL && nika_digest_equal(&own->digest, &core->stable_digest);
    common_low_mark_set(core, core->low_mark);
    common_next_past(core, core->last_executed);
}

void common_restart(struct common_core *core)
{
    for (uint32_t i = 0; i < NIKA_SNAPSHOTS_MAX; i++) {
        if (core->snapshots[i].durable) common_checkpoint_send(core, &core->snapshots[i]);
    }
    if (core->stable_cert != 0 && core->last_executed < core->low_mark) {
        /* The snapshot on disk is older than h: the log between them is gone everywhere. */
        uint64_t signers[2];
        uint64_t seq = 0;
        struct nika_digest digest;
        struct nika_span cert = nika_store_span(core->store, core->stable_cert);
        struct nika_list frames = {(uint32_t)nika_load_le(cert.data, 4),
                                   {cert.data + 4, cert.size - 4}};
        if (common_checkpoint_cert_verify(core, &frames, core->stable_need, &seq, &digest, signers))
            common_transfer_start(core, seq, &digest, signers, cert);
    }
}
