/* protocols/common/transfer_install.c: making a transferred state the own one (PROTOCOLS.md 1.8, install).
 *
 * The application holds the state already; here it becomes durable, and then the protocol's own part (last executed, reply cache,
 * snapshots, slots, h) jumps to it in one step. */
#include "protocols/common/transfer_parts.h"

#include "protocols/common/batcher.h"
#include "protocols/common/checkpoints.h"
#include "protocols/common/execute.h"
#include "protocols/common/intake.h"
#include "protocols/common/output.h"
#include "protocols/common/status.h"
#include "protocols/common/window.h"

/* The module's part of the snapshot: META and reply cache, as recovery reads them. */
void common_transfer_save(struct common_core *core)
{
    struct common_transfer *t = &core->transfer;
    struct nika_span replies = nika_store_span(core->store, t->replies);
    replies.size = (uint32_t)t->meta.reply_size;
    uint32_t meta_size = nika_encoded_size(&common_info_meta, &t->meta);
    uint8_t *out = NULL;
    struct nika_action *action = nika_effects_add(core->effects, NIKA_ACTION_SNAPSHOT_SAVE,
                                                  4 + meta_size + 4 + replies.size, &out);
    if (action == NULL) return;
    action->a = t->seq;
    action->token = common_token(COMMON_TOKEN_TRANSFER_SAVED, 0, t->seq);
    struct nika_writer w = nika_writer_of(out, 4 + meta_size + 4 + replies.size);
    nika_write_u32(&w, meta_size);
    nika_encode(&common_info_meta, &t->meta, &w);
    nika_write_bytes(&w, replies);
    NIKA_ASSERT(!w.failed);
    t->saving = true;
}

/* The transferred snapshot replaces all others: those of a diverged past must never be served or voted for. */
static void adopt_snapshot(struct common_core *core)
{
    struct common_transfer *t = &core->transfer;
    for (uint32_t i = 0; i < NIKA_SNAPSHOTS_MAX; i++) {
        nika_store_free(core->store, core->snapshots[i].replies);
        memset(&core->snapshots[i], 0, sizeof core->snapshots[i]);
    }
    core->snapshots[0].seq = t->seq;
    core->snapshots[0].replies = t->replies;
    core->snapshots[0].meta_known = true;
    core->snapshots[0].durable = true;
    core->snapshots[0].meta = t->meta;
    core->snapshots[0].digest = t->digest;
    t->replies = 0;
    uint8_t *unused = NULL;
    struct nika_action *action =
        nika_effects_add(core->effects, NIKA_ACTION_SNAPSHOT_DROP, 0, &unused);
    if (action != NULL) action->a = t->seq;
}

static void adopt_position(struct common_core *core)
{
    struct common_transfer *t = &core->transfer;
    if (NIKA_PLANTED(PB30)) core->active = false;
    core->last_executed = t->seq;
    core->last_issued = t->seq;
    core->last_time_ns = t->meta.time_ns;
    if (core->high_known < t->seq) core->high_known = t->seq;
    common_next_past(core, t->seq);
    /* What a diverged state had executed beyond the target is executed again. */
    for (uint64_t s = core->low_mark + 1; s <= core->highest_slot; s++) {
        struct common_slot *slot = common_slot_find(core, s);
        if (slot != NULL && s > t->seq) slot->executed = false;
    }
    for (uint32_t client = 0; client < core->config->clients; client++) {
        uint64_t last = core->replies.entries[client].last_timestamp;
        if (last != 0) (void)common_pending_executed(&core->pending, core->store, client, last);
    }
}

void common_transfer_forget(struct common_core *core)
{
    struct common_transfer *t = &core->transfer;
    common_transfer_drop_chunks(core);
    nika_store_free(core->store, t->stable_cert);
    nika_store_free(core->store, t->replies);
    memset(t, 0, sizeof *t);
}

/* h = max(h, s), by the certificate that came with the target or one that has been collected since; a target that only W signed
 * waits for one (1.6). */
static void adopt_low_mark(struct common_core *core, uint64_t seq, const struct nika_digest *digest,
                           uint32_t cert)
{
    if (seq > core->low_mark && cert != 0)
        common_make_stable(core, seq, digest, nika_store_span(core->store, cert));
    common_stable_recheck(core);
    if (seq > core->low_mark) common_checkpoint_count(core, seq, digest);
    if (seq == core->low_mark && nika_digest_equal(digest, &core->stable_digest))
        core->stable_is_local = true;
    if (core->amnesiac && core->low_mark >= core->amnesia_until) core->amnesiac = false;
}

static void resume(struct common_core *core)
{
    /* Orders of the entered NEW-VIEW that were beyond the old window. */
    core->hooks->window_moved(core);
    common_execute_ready(core);
    common_request_timer_update(core);
    common_batch_try_cut(core, false);
    common_status_soon(core);
}

void common_transfer_saved(struct common_core *core, uint64_t seq, int32_t status)
{
    struct common_transfer *t = &core->transfer;
    if (!t->active || !t->saving || seq != t->seq) return;
    if (status != 0) {
        /* Disk full: nothing may depend on the state yet. Try again later. */
        common_timer_start(core, COMMON_TIMER_TRANSFER, core->config->fetch_ns);
        return;
    }
    struct nika_span replies = nika_store_span(core->store, t->replies);
    replies.size = (uint32_t)t->meta.reply_size;
    if (common_reply_cache_read(&core->replies, replies) != NIKA_OK) {
        /* W replicas signed bytes that no correct replica writes: more than f are faulty. */
        common_alarm(core, NIKA_CHECK_ST6, seq);
        return;
    }
    REACHED(replica_state_transfer);
    adopt_snapshot(core);
    adopt_position(core);
    struct nika_digest digest = t->digest;
    struct nika_span shown = {digest.bytes, NIKA_DIGEST_SIZE};
    nika_effects_note(core->effects, NIKA_NOTE_TRANSFER, seq, 1, shown);
    nika_effects_note(core->effects, NIKA_NOTE_CHECKPOINT, seq, 0, shown);
    uint32_t cert = t->stable_cert;
    t->stable_cert = 0;
    common_timer_stop(core, COMMON_TIMER_TRANSFER);
    common_transfer_forget(core);
    adopt_low_mark(core, seq, &digest, cert);
    nika_store_free(core->store, cert);
    resume(core);
}
