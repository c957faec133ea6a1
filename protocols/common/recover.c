/* protocols/common/recover.c: see recover.h. */
#include "protocols/common/recover.h"

#include "protocols/common/checkpoints.h"
#include "protocols/common/order.h"
#include "protocols/common/output.h"
#include "protocols/common/status.h"
#include "protocols/common/transfer.h"
#include "protocols/common/window.h"

void common_forget(struct common_core *core)
{
    core->amnesiac = true;
    core->amnesia_until = UINT64_MAX;
}

static void recover_stable(struct common_core *core, uint64_t seq, struct nika_span record)
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

/* META (u32 length + bytes) | reply cache (u32 length + bytes). */
static void recover_snapshot(struct common_core *core, struct nika_span record)
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

bool common_recover(struct common_core *core, uint32_t kind, uint64_t seq, struct nika_span record)
{
    switch (kind) {
    case NIKA_RECORD_SNAPSHOT:
        recover_snapshot(core, record);
        return true;
    case NIKA_RECORD_AMNESIA:
        common_forget(core);
        return true;
    case COMMON_RECORD_STABLE:
        recover_stable(core, seq, record);
        return true;
    default:
        return false;
    }
}

struct common_slot *common_recover_slot(struct common_core *core, uint64_t seq)
{
    if (seq == 0 || common_slot_place(core, seq)->seq > seq) return NULL;
    return common_slot_at(core, seq);
}

void common_recover_batch(struct common_core *core, struct common_slot *slot,
                          const struct nika_digest *digest, struct nika_span body)
{
    struct common_batch batch;
    common_slot_set_digest(core, slot, digest);
    if (slot->batch == 0 && body.size != 0) slot->batch = nika_store_put(core->store, body);
    slot->batch_ok = slot->batch != 0 || nika_digest_is_null(digest);
    if (slot->batch != 0 &&
        nika_decode(&common_info_batch, nika_store_span(core->store, slot->batch), &batch) ==
            NIKA_OK)
        slot->nondet_ns = batch.time_ns;
    if (!slot->batch_ok) common_forget(core);
}

bool common_fresh(const struct common_core *core)
{
    return core->low_mark == 0 && core->last_executed == 0 && core->view == 0 && !core->amnesiac;
}

void common_status_start(struct common_core *core, bool fresh)
{
    if (!fresh || core->high_known > 0) {
        common_status_soon(core);
        return;
    }
    core->status_due_ns = core->now_ns + core->config->status_ns;
    common_timer_start(core, COMMON_TIMER_STATUS, core->config->status_ns);
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
        struct nika_list frames = common_stable_frames(core);
        if (common_checkpoint_cert_verify(core, &frames, core->stable_need, &seq, &digest, signers))
            common_transfer_start(core, seq, &digest, signers, cert);
    }
}
