/* protocols/pbft/stable.c: a checkpoint became stable: h moves, garbage goes, or this replica learns that it is behind or wrong
 * (PROTOCOLS.md 1.6, CK5, CK6; 1.12, truncation).
 *
 * h moves only with a certificate of Q and never past what this replica has executed: what it still lacks is in the window of
 * its peers' log or comes by state transfer. */
#include "protocols/pbft/state.h"

/* Signers of a certificate whose frames were verified. */
static void cert_signers(const struct nika_replica *r, struct nika_span cert, uint64_t signers[2])
{
    struct nika_reader reader = nika_reader_of(cert);
    uint32_t count = nika_read_u32(&reader);
    signers[0] = signers[1] = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct nika_frame frame;
        struct nika_span raw = nika_read_bytes(&reader, NIKA_CONTROL_SIZE_MAX);
        if (reader.failed ||
            nika_frame_parse(raw, r->config->epoch, NIKA_CONTROL_SIZE_MAX, &frame) != NIKA_OK)
            return;
        if (frame.sender < r->n) signers[frame.sender / 64] |= UINT64_C(1) << (frame.sender % 64);
    }
}

static void lag_clear(struct nika_replica *r)
{
    nika_store_free(r->store, r->lag_cert);
    r->lag_cert = 0;
    r->lag_seq = 0;
    pbft_timer_stop(r, PBFT_TIMER_LAG);
}

static void catch_up(struct nika_replica *r, uint64_t seq, const struct nika_digest *digest,
                     struct nika_span cert)
{
    uint64_t signers[2];
    if (r->transfer.active && r->transfer.seq > seq)
        return; /* The same target: it gains the certificate. */
    cert_signers(r, cert, signers);
    pbft_transfer_start(r, seq, digest, signers, cert);
}

/* CK6: not there yet. Inside the window the log may still bring us there; T_lag bounds the hope. */
static void lag(struct nika_replica *r, uint64_t seq, const struct nika_digest *digest,
                struct nika_span cert)
{
    if (seq > r->low_mark + r->config->window && seq > r->last_executed) {
        catch_up(r, seq, digest, cert);
        return;
    }
    if (!r->timer_armed[PBFT_TIMER_LAG]) {
        r->lag_executed = r->last_executed;
        pbft_timer_start(r, PBFT_TIMER_LAG, r->config->lag_ns);
    }
    if (r->lag_seq >= seq && r->lag_cert != 0) return;
    uint32_t handle = nika_store_put(r->store, cert);
    if (handle == 0) return; /* The CHECKPOINTs themselves are still held. */
    nika_store_free(r->store, r->lag_cert);
    r->lag_cert = handle;
    r->lag_seq = seq;
    r->lag_digest = *digest;
    pbft_status_soon(r);
}

void pbft_lag_timer(struct nika_replica *r)
{
    if (r->lag_seq == 0 || r->lag_cert == 0 || r->lag_seq <= r->low_mark ||
        r->lag_seq <= r->last_executed)
        return;
    /* Close behind, execution usually gets there by itself. When it has not moved for T_lag, the peers have forgotten what is missing:
     * their log is empty up to their stable checkpoint, which may well be this one. */
    bool stuck = r->last_executed == r->lag_executed;
    if (stuck || r->lag_seq > r->last_executed + r->config->checkpoint_interval / 2)
        catch_up(r, r->lag_seq, &r->lag_digest, nika_store_span(r->store, r->lag_cert));
    /* Until it is reached: a transfer of an older state may have been in the way. */
    r->lag_executed = r->last_executed;
    pbft_timer_start(r, PBFT_TIMER_LAG, r->config->lag_ns);
}

void pbft_stable_recheck(struct nika_replica *r)
{
    if (r->lag_seq == 0 || r->lag_cert == 0 || r->last_executed < r->lag_seq) return;
    uint64_t seq = r->lag_seq;
    struct nika_digest digest = r->lag_digest;
    uint32_t cert = r->lag_cert;
    r->lag_cert = 0;
    r->lag_seq = 0;
    pbft_timer_stop(r, PBFT_TIMER_LAG);
    pbft_make_stable(r, seq, &digest, nika_store_span(r->store, cert));
    nika_store_free(r->store, cert);
}

void pbft_low_mark_set(struct nika_replica *r, uint64_t seq)
{
    for (uint32_t i = 0; i < r->config->window; i++) {
        if (r->slots[i].seq != 0 && r->slots[i].seq <= seq) pbft_slot_release(r, &r->slots[i]);
    }
    r->low_mark = seq;
    if (r->next_seq <= seq) r->next_seq = seq + 1;
    if (r->high_known < seq) r->high_known = seq;
    pbft_checkpoints_trim(r);
}

/* The two newest stable snapshots stay: peers may be in the middle of fetching the older one. */
static void drop_snapshots(struct nika_replica *r, uint64_t before)
{
    for (uint32_t i = 0; i < NIKA_SNAPSHOTS_MAX; i++) {
        if (r->snapshots[i].seq != 0 && r->snapshots[i].seq < before)
            pbft_snapshot_forget(r, &r->snapshots[i]);
    }
    if (before == 0) return;
    struct nika_action *action = nika_effects_add(r->effects, NIKA_ACTION_SNAPSHOT_DROP, 0, NULL);
    if (action != NULL) action->a = before;
}

static void note_stable(struct nika_replica *r, struct nika_span cert)
{
    uint8_t *bytes = NULL;
    uint64_t signers[2];
    uint32_t bitmap = (r->n + 7) / 8;
    cert_signers(r, cert, signers);
    struct nika_action *action =
        nika_effects_add(r->effects, NIKA_ACTION_NOTE, NIKA_DIGEST_SIZE + bitmap, &bytes);
    if (action == NULL) return;
    action->id = NIKA_NOTE_STABLE;
    action->a = r->low_mark;
    memcpy(bytes, r->stable_digest.bytes, NIKA_DIGEST_SIZE);
    for (uint32_t i = 0; i < bitmap; i++)
        bytes[NIKA_DIGEST_SIZE + i] = (uint8_t)(signers[i / 8] >> (8 * (i % 8)));
}

void pbft_stable_persist(struct nika_replica *r)
{
    nika_effects_persist(r->effects, pbft_token(r, PBFT_TOKEN_STABLE, 0, r->low_mark),
                         PBFT_RECORD_STABLE, r->low_mark,
                         nika_store_span(r->store, r->stable_cert));
}

/* Everything that follows from a higher h. `cert` is already in r->stable_cert. */
static void advance(struct nika_replica *r, uint64_t seq, bool local)
{
    uint64_t before = r->low_mark;
    pbft_low_mark_set(r, seq);
    r->stable_is_local = local;
    if (r->lag_seq <= seq) lag_clear(r);
    note_stable(r, nika_store_span(r->store, r->stable_cert));
    pbft_stable_persist(r);
    drop_snapshots(r, before);
    pbft_fetch_refill(r);
    if (r->amnesiac && seq >= r->amnesia_until) r->amnesiac = false;
    if (r->low_bound > seq) pbft_new_view_install(r);
    pbft_batch_try_cut(r, false);
}

void pbft_make_stable(struct nika_replica *r, uint64_t seq, const struct nika_digest *digest,
                      struct nika_span cert)
{
    if (seq <= r->low_mark) return;
    struct pbft_snapshot *own = pbft_snapshot_find(r, seq);
    bool complete = own != NULL && own->meta_known && own->replies != 0;
    if (r->last_executed < seq || (own != NULL && !complete)) {
        lag(r, seq, digest, cert);
        return;
    }
    if (own != NULL && !nika_digest_equal(&own->digest, digest)) {
        /* CK5: this replica's own state is wrong. It stops executing by fetching the right one; h stays until that is done. */
        REACHED(pbft_divergence);
        pbft_reject(r, NIKA_CHECK_CK5, r->self);
        catch_up(r, seq, digest, cert);
        return;
    }
    uint32_t handle = nika_store_put(r->store, cert);
    if (handle == 0) return; /* The next checkpoint makes this one unnecessary. */
    nika_store_free(r->store, r->stable_cert);
    r->stable_cert = handle;
    r->stable_digest = *digest;
    advance(r, seq, own != NULL);
}

void pbft_log_trim(struct nika_replica *r)
{
    uint64_t upto = 0;
    for (uint32_t i = 0; i < NIKA_SNAPSHOTS_MAX; i++) {
        const struct pbft_snapshot *snapshot = &r->snapshots[i];
        if (!snapshot->durable || snapshot->seq > r->low_mark || snapshot->seq > r->stable_durable)
            continue;
        if (snapshot->seq > upto) upto = snapshot->seq;
    }
    if (upto <= r->trimmed) return;
    r->trimmed = upto;
    struct nika_action *action = nika_effects_add(r->effects, NIKA_ACTION_LOG_TRIM, 0, NULL);
    if (action != NULL) action->a = upto;
}

void pbft_stable_stored(struct nika_replica *r, uint64_t seq)
{
    if (r->stable_durable < seq) r->stable_durable = seq;
    pbft_log_trim(r);
}
