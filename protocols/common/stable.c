/* protocols/common/stable.c: a checkpoint became stable: h moves, garbage goes, or this replica learns that it is behind or wrong
 * (PROTOCOLS.md 1.6, CK5, CK6; 1.12, truncation).
 *
 * h moves only with a certificate of Q and never past what this replica has executed: what it still lacks is in the window of
 * its peers' log or comes by state transfer. */
#include "protocols/common/checkpoints.h"

#include "protocols/common/batcher.h"
#include "protocols/common/fetch.h"
#include "protocols/common/output.h"
#include "protocols/common/status.h"
#include "protocols/common/transfer.h"
#include "protocols/common/window.h"

/* Signers of a certificate whose frames were verified. */
static void cert_signers(const struct common_core *core, struct nika_span cert, uint64_t signers[2])
{
    struct nika_reader reader = nika_reader_of(cert);
    uint32_t count = nika_read_u32(&reader);
    signers[0] = signers[1] = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct nika_frame frame;
        struct nika_span raw = nika_read_bytes(&reader, NIKA_CONTROL_SIZE_MAX);
        if (reader.failed ||
            nika_frame_parse(raw, core->config->epoch, NIKA_CONTROL_SIZE_MAX, &frame) != NIKA_OK)
            return;
        if (frame.sender < core->n) common_signer_add(signers, frame.sender);
    }
}

struct nika_list common_stable_frames(const struct common_core *core)
{
    struct nika_list list = {0};
    if (core->stable_cert == 0) return list;
    struct nika_span cert = nika_store_span(core->store, core->stable_cert);
    struct nika_reader reader = nika_reader_of(cert);
    list.count = nika_read_u32(&reader);
    list.span = (struct nika_span){cert.data + reader.at, cert.size - reader.at};
    return list;
}

static void lag_clear(struct common_core *core)
{
    nika_store_free(core->store, core->lag_cert);
    core->lag_cert = 0;
    core->lag_seq = 0;
    common_timer_stop(core, COMMON_TIMER_LAG);
}

static void catch_up(struct common_core *core, uint64_t seq, const struct nika_digest *digest,
                     struct nika_span cert)
{
    uint64_t signers[2];
    if (core->transfer.active && core->transfer.seq > seq)
        return; /* The same target: it gains the certificate. */
    cert_signers(core, cert, signers);
    common_transfer_start(core, seq, digest, signers, cert);
}

/* CK6: not there yet. Inside the window the log may still bring us there; T_lag bounds the hope. */
static void lag(struct common_core *core, uint64_t seq, const struct nika_digest *digest,
                struct nika_span cert)
{
    if (seq > core->low_mark + core->config->window && seq > core->last_executed) {
        catch_up(core, seq, digest, cert);
        return;
    }
    if (!core->timer_armed[COMMON_TIMER_LAG]) {
        core->lag_executed = core->last_executed;
        common_timer_start(core, COMMON_TIMER_LAG, core->config->lag_ns);
    }
    if (core->lag_seq >= seq && core->lag_cert != 0) return;
    uint32_t handle = nika_store_put(core->store, cert);
    if (handle == 0) return; /* The CHECKPOINTs themselves are still held. */
    nika_store_free(core->store, core->lag_cert);
    core->lag_cert = handle;
    core->lag_seq = seq;
    core->lag_digest = *digest;
    common_status_soon(core);
}

void common_lag_timer(struct common_core *core)
{
    if (core->lag_seq == 0 || core->lag_cert == 0 || core->lag_seq <= core->low_mark ||
        core->lag_seq <= core->last_executed)
        return;
    /* Close behind, execution usually gets there by itself. When it has not moved for T_lag, the peers have forgotten what is missing:
     * their log is empty up to their stable checkpoint, which may well be this one. */
    bool stuck = core->last_executed == core->lag_executed;
    if (stuck || core->lag_seq > core->last_executed + core->config->checkpoint_interval / 2)
        catch_up(core, core->lag_seq, &core->lag_digest,
                 nika_store_span(core->store, core->lag_cert));
    /* Until it is reached: a transfer of an older state may have been in the way. */
    core->lag_executed = core->last_executed;
    common_timer_start(core, COMMON_TIMER_LAG, core->config->lag_ns);
}

void common_stable_recheck(struct common_core *core)
{
    if (core->lag_seq == 0 || core->lag_cert == 0 || core->last_executed < core->lag_seq) return;
    uint64_t seq = core->lag_seq;
    struct nika_digest digest = core->lag_digest;
    uint32_t cert = core->lag_cert;
    core->lag_cert = 0;
    core->lag_seq = 0;
    common_timer_stop(core, COMMON_TIMER_LAG);
    common_make_stable(core, seq, &digest, nika_store_span(core->store, cert));
    nika_store_free(core->store, cert);
}

void common_low_mark_set(struct common_core *core, uint64_t seq)
{
    common_slots_release(core, seq);
    core->low_mark = seq;
    common_next_past(core, seq);
    if (core->high_known < seq) core->high_known = seq;
    common_checkpoints_trim(core);
}

/* The two newest stable snapshots stay: peers may be in the middle of fetching the older one. */
static void drop_snapshots(struct common_core *core, uint64_t before)
{
    for (uint32_t i = 0; i < NIKA_SNAPSHOTS_MAX; i++) {
        if (core->snapshots[i].seq != 0 && core->snapshots[i].seq < before)
            common_snapshot_forget(core, &core->snapshots[i]);
    }
    if (before == 0) return;
    struct nika_action *action =
        nika_effects_add(core->effects, NIKA_ACTION_SNAPSHOT_DROP, 0, NULL);
    if (action != NULL) action->a = before;
}

static void note_stable(struct common_core *core, struct nika_span cert)
{
    uint8_t *bytes = NULL;
    uint64_t signers[2];
    uint32_t bitmap = (core->n + 7) / 8;
    cert_signers(core, cert, signers);
    struct nika_action *action =
        nika_effects_add(core->effects, NIKA_ACTION_NOTE, NIKA_DIGEST_SIZE + bitmap, &bytes);
    if (action == NULL) return;
    action->id = NIKA_NOTE_STABLE;
    action->a = core->low_mark;
    memcpy(bytes, core->stable_digest.bytes, NIKA_DIGEST_SIZE);
    for (uint32_t i = 0; i < bitmap; i++)
        bytes[NIKA_DIGEST_SIZE + i] = (uint8_t)(signers[i / 8] >> (8 * (i % 8)));
}

void common_stable_persist(struct common_core *core)
{
    nika_effects_persist(core->effects, common_token(COMMON_TOKEN_STABLE, 0, core->low_mark),
                         COMMON_RECORD_STABLE, core->low_mark,
                         nika_store_span(core->store, core->stable_cert));
}

/* Everything that follows from a higher h. `cert` is already in core->stable_cert. */
static void advance(struct common_core *core, uint64_t seq, bool local)
{
    uint64_t before = core->low_mark;
    common_low_mark_set(core, seq);
    core->stable_is_local = local;
    if (core->lag_seq <= seq) lag_clear(core);
    note_stable(core, nika_store_span(core->store, core->stable_cert));
    common_stable_persist(core);
    drop_snapshots(core, before);
    common_fetch_refill(core);
    if (core->amnesiac && seq >= core->amnesia_until) core->amnesiac = false;
    core->hooks->window_moved(core);
    common_batch_try_cut(core, false);
}

void common_make_stable(struct common_core *core, uint64_t seq, const struct nika_digest *digest,
                        struct nika_span cert)
{
    if (seq <= core->low_mark) return;
    if (NIKA_PLANTED(B40) && seq < core->last_executed) {
        uint64_t signers[2];
        cert_signers(core, cert, signers);
        if (!nika_set_has(signers, core->self)) catch_up(core, seq, digest, cert);
    }
    struct common_snapshot *own = common_snapshot_find(core, seq);
    bool complete = own != NULL && own->meta_known && own->replies != 0;
    bool behind = !NIKA_PLANTED(I11) && core->last_executed < seq;
    if (behind || (own != NULL && !complete)) {
        lag(core, seq, digest, cert);
        return;
    }
    if (NIKA_PLANTED(B33) && own != NULL) own->digest = *digest;
    if (own != NULL && !nika_digest_equal(&own->digest, digest)) {
        /* CK5: this replica's own state is wrong. It stops executing by fetching the right one; h stays until that is done. */
        REACHED(replica_divergence);
        common_reject(core, NIKA_CHECK_CK5, core->self);
        catch_up(core, seq, digest, cert);
        return;
    }
    uint32_t handle = nika_store_put(core->store, cert);
    if (handle == 0) return; /* The next checkpoint makes this one unnecessary. */
    nika_store_free(core->store, core->stable_cert);
    core->stable_cert = handle;
    core->stable_digest = *digest;
    advance(core, seq, own != NULL);
}

void common_log_trim(struct common_core *core)
{
    uint64_t upto = 0;
    for (uint32_t i = 0; i < NIKA_SNAPSHOTS_MAX; i++) {
        const struct common_snapshot *snapshot = &core->snapshots[i];
        bool stable = snapshot->seq <= core->low_mark && snapshot->seq <= core->stable_durable;
        bool durable = snapshot->durable || (NIKA_PLANTED(I19) && snapshot->seq != 0);
        if (!durable || (!NIKA_PLANTED(B34) && !stable)) continue;
        if (snapshot->seq > upto) upto = snapshot->seq;
    }
    if (NIKA_PLANTED(B34)) common_slots_release(core, upto);
    if (upto <= core->trimmed) return;
    core->trimmed = upto;
    struct nika_action *action = nika_effects_add(core->effects, NIKA_ACTION_LOG_TRIM, 0, NULL);
    if (action != NULL) action->a = upto;
}

void common_stable_stored(struct common_core *core, uint64_t seq)
{
    if (core->stable_durable < seq) core->stable_durable = seq;
    common_log_trim(core);
}
