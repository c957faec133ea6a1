/* protocols/common/checkpoints.c: everyone's CHECKPOINTs (Castro & Liskov, OSDI '99, 4.3; PROTOCOLS.md 1.6, CK1-CK4, CK7). What
 * happens when one becomes stable is in stable.c. */
#include "protocols/common/checkpoints.h"

#include "protocols/common/output.h"
#include "protocols/common/transfer.h"
#include "protocols/common/window.h"

struct common_checkpoint_vote *common_checkpoint_at(struct common_core *core, uint32_t sender,
                                                    uint64_t seq)
{
    uint32_t row = core->checkpoint_rows; /* The one beyond the window. */
    if (common_in_window(core, seq))
        row = (uint32_t)(seq / core->config->checkpoint_interval % core->checkpoint_rows);
    return &core->checkpoints[(size_t)sender * (core->checkpoint_rows + 1) + row];
}

static void vote_set(struct common_core *core, struct common_checkpoint_vote *vote, uint64_t seq,
                     const struct nika_digest *digest, uint32_t frame)
{
    nika_store_free(core->store, vote->frame);
    *vote = (struct common_checkpoint_vote){.seq = seq, .digest = *digest, .frame = frame};
}

void common_checkpoint_send(struct common_core *core, struct common_snapshot *snapshot)
{
    if (core->amnesiac || !common_in_window(core, snapshot->seq))
        return; /* AMN; or stable without it. */
    struct common_checkpoint_vote *vote = common_checkpoint_at(core, core->self, snapshot->seq);
    if (vote->seq == snapshot->seq) return;
    struct common_checkpoint_body m = {.seq = snapshot->seq, .digest = snapshot->digest};
    uint8_t room[NIKA_TRUSTED_CERTIFICATE_SIZE];
    if (!core->hooks->checkpoint_certify(core, &m, room)) return;
    uint32_t frame = common_store_frame(core, core->hooks->checkpoint, &m);
    if (frame == 0) return; /* The STATUS timer tries again. */
    vote_set(core, vote, m.seq, &m.digest, frame);
    common_broadcast_frame(core, nika_store_span(core->store, frame));
    common_checkpoint_count(core, m.seq, &m.digest);
}

/* Who vouches for (seq, digest). Returns how many. */
static uint32_t vouchers(struct common_core *core, uint64_t seq, const struct nika_digest *digest,
                         uint64_t signers[2], uint32_t *size)
{
    uint32_t count = 0;
    *size = 4;
    for (uint32_t i = 0; i < core->n; i++) {
        const struct common_checkpoint_vote *vote = common_checkpoint_at(core, i, seq);
        if (vote->seq != seq) continue;
        if (!NIKA_PLANTED(B32) && !nika_digest_equal(&vote->digest, digest)) continue;
        common_signer_add(signers, i);
        *size += 4 + nika_store_length(core->store, vote->frame);
        count++;
    }
    return count;
}

void common_checkpoint_count(struct common_core *core, uint64_t seq,
                             const struct nika_digest *digest)
{
    uint64_t signers[2] = {0, 0};
    uint32_t size = 0;
    struct nika_digest wanted = *digest;
    uint32_t count = vouchers(core, seq, &wanted, signers, &size);
    if (count < core->stable_need) {
        /* CK7: one of f+1 is correct, and a replica this far behind cannot use the log any more. */
        bool beyond = seq > core->low_mark + core->config->window && seq > core->last_executed;
        bool known = core->transfer.active && core->transfer.seq >= seq;
        uint32_t enough = NIKA_PLANTED(W18) ? 1 : core->weak;
        if (beyond && count >= enough && !known)
            common_transfer_start(core, seq, &wanted, signers, (struct nika_span){0});
        return;
    }
    uint32_t cert = nika_store_alloc(core->store, size);
    if (cert == 0) return;
    struct nika_writer w = nika_writer_of(nika_store_at(core->store, cert), size);
    nika_write_u32(&w, count);
    for (uint32_t i = 0; i < core->n; i++) {
        if (!nika_set_has(signers, i)) continue;
        nika_write_bytes(&w,
                         nika_store_span(core->store, common_checkpoint_at(core, i, seq)->frame));
    }
    NIKA_ASSERT(!w.failed && w.at == size);
    common_make_stable(core, seq, &wanted, nika_store_span(core->store, cert));
    nika_store_free(core->store, cert);
}

void common_on_checkpoint(struct common_core *core, const struct nika_frame *frame)
{
    struct common_checkpoint_body m;
    if (nika_decode(core->hooks->checkpoint, frame->body, &m) != NIKA_OK) {
        common_reject(core, NIKA_CHECK_W0, frame->sender);
        return;
    }
    if (frame->sender >= core->n || frame->sender == core->self) {
        common_reject(core, NIKA_CHECK_CK1, frame->sender);
        return;
    }
    if (m.seq % core->config->checkpoint_interval != 0 || m.seq <= core->low_mark) {
        common_reject(core, NIKA_CHECK_CK2, frame->sender);
        return;
    }
    if (!core->hooks->checkpoint_authentic(core, frame, &m, false)) {
        common_reject(core, NIKA_CHECK_CK1, frame->sender);
        return;
    }
    struct common_checkpoint_vote *vote = common_checkpoint_at(core, frame->sender, m.seq);
    if (vote->seq == m.seq) {
        if (nika_digest_equal(&vote->digest, &m.digest)) {
            /* A retransmission. What stood in the way of its being stable may be gone: a transfer, a full store. */
            if (m.seq <= core->last_executed) common_checkpoint_count(core, m.seq, &m.digest);
            return;
        }
        common_evidence(core, frame->type, frame->sender, nika_store_span(core->store, vote->frame),
                        frame->raw);
        common_reject(core, NIKA_CHECK_CK3, frame->sender);
        return;
    }
    if (vote->seq > m.seq) { /* Only beyond the window: the highest is kept. */
        common_reject(core, NIKA_CHECK_CK4, frame->sender);
        return;
    }
    uint32_t handle = nika_store_put(core->store, frame->raw);
    if (handle == 0) return;
    vote_set(core, vote, m.seq, &m.digest, handle);
    common_checkpoint_count(core, m.seq, &m.digest);
}

void common_checkpoints_trim(struct common_core *core)
{
    uint32_t held = 0;
    for (uint32_t i = 0; i < core->n; i++) {
        struct common_checkpoint_vote *row =
            &core->checkpoints[(size_t)i * (core->checkpoint_rows + 1)];
        for (uint32_t k = 0; k <= core->checkpoint_rows; k++) {
            if (row[k].seq == 0) continue;
            held++;
            if (row[k].seq > core->low_mark) continue;
            nika_store_free(core->store, row[k].frame);
            memset(&row[k], 0, sizeof row[k]);
        }
        struct common_checkpoint_vote *beyond = &row[core->checkpoint_rows];
        if (!common_in_window(core, beyond->seq)) continue;
        struct common_checkpoint_vote *place = common_checkpoint_at(core, i, beyond->seq);
        if (place->seq == 0)
            *place = *beyond;
        else
            nika_store_free(core->store, beyond->frame);
        memset(beyond, 0, sizeof *beyond);
    }
    common_queue_note(core, NIKA_QUEUE_CHECKPOINTS, held);
}

bool common_checkpoint_cert_verify(struct common_core *core, const struct nika_list *frames,
                                   uint32_t need, uint64_t *seq, struct nika_digest *digest,
                                   uint64_t signers[2])
{
    uint32_t at = 0, count = 0, next_sender = 0;
    struct nika_span raw;
    signers[0] = signers[1] = 0;
    if (frames->count < need || frames->count > core->n) return false;
    while (nika_frames_next(frames, &at, &raw)) {
        struct nika_frame frame;
        struct common_checkpoint_body m;
        if (!common_nested_open(core, raw, core->hooks->checkpoint, &frame, &m)) return false;
        if (!core->hooks->checkpoint_authentic(core, &frame, &m, true)) return false;
        if (frame.sender < next_sender) return false; /* Ascending, hence distinct. */
        if (count > 0 && (m.seq != *seq || !nika_digest_equal(&m.digest, digest))) return false;
        *seq = m.seq;
        *digest = m.digest;
        common_signer_add(signers, frame.sender);
        next_sender = frame.sender + 1;
        count++;
    }
    return count >= need;
}
