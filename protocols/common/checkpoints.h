/* protocols/common/checkpoints.h: own snapshots, everyone's CHECKPOINTs, and what a stable one changes (PROTOCOLS.md 1.6, 1.12). */
#ifndef PROTOCOLS_COMMON_CHECKPOINTS_H
#define PROTOCOLS_COMMON_CHECKPOINTS_H

#include "protocols/common/core.h"

/* Body of every protocol's CHECKPOINT. Where frames are signed, it ends with the digest. */
struct common_checkpoint_body {
    uint64_t seq;
    struct nika_digest digest;
    struct nika_span certificate; /* Of the sender's trusted subsystem. */
};

/* ---- snapshots.c ---- */
/* Right after EXECUTE(seq) was issued, seq % K == 0. */
void common_snapshot_begin(struct common_core *core, uint64_t seq);
/* Right after the results of seq were applied. */
void common_snapshot_replies(struct common_core *core, uint64_t seq);
/* The application's answer (COMMON_TOKEN_SNAPSHOT). */
void common_snapshot_meta(struct common_core *core, uint64_t seq, struct nika_span meta);
/* It is durable (COMMON_TOKEN_SNAPSHOT_SAVED). */
void common_snapshot_saved(struct common_core *core, uint64_t seq);
/* Make it durable: also again, after a full disk. */
void common_snapshot_save(struct common_core *core, struct common_snapshot *snapshot);
/* From the STATUS timer: save again, or vote again, what was refused. */
void common_snapshots_retry(struct common_core *core);
/* The entry for one more snapshot: a free one, or the oldest when as many are kept as the application keeps. */
struct common_snapshot *common_snapshot_place(struct common_core *core);
/* NULL when none is held at `seq`. */
struct common_snapshot *common_snapshot_find(struct common_core *core, uint64_t seq);
void common_snapshot_forget(struct common_core *core, struct common_snapshot *snapshot);
/* d_state of a META (1.6). */
void common_meta_digest(const struct common_meta *meta, struct nika_digest *out);

/* ---- checkpoints.c ---- */
void common_on_checkpoint(struct common_core *core, const struct nika_frame *frame);
/* Own CHECKPOINT of a durable snapshot: recorded and sent. */
void common_checkpoint_send(struct common_core *core, struct common_snapshot *snapshot);
struct common_checkpoint_vote *common_checkpoint_at(struct common_core *core, uint32_t sender,
                                                    uint64_t seq);
/* Forget CHECKPOINTs up to h, move those that came into the window. */
void common_checkpoints_trim(struct common_core *core);
/* Did (seq, digest) become stable by the CHECKPOINTs held? */
void common_checkpoint_count(struct common_core *core, uint64_t seq,
                             const struct nika_digest *digest);
/* Verify a FRAMES list of CHECKPOINTs: >= `need` distinct senders, ascending, all (same seq, same digest), all signatures valid. */
bool common_checkpoint_cert_verify(struct common_core *core, const struct nika_list *frames,
                                   uint32_t need, uint64_t *seq, struct nika_digest *digest,
                                   uint64_t signers[2]);

/* ---- stable.c ---- */
/* (seq, digest) is stable: `cert` = encoded FRAMES list (count + frames) of >= stable_need CHECKPOINTs, already verified. Moves h,
 * collects garbage, persists the certificate, or starts catching up (CK5, CK6). */
void common_make_stable(struct common_core *core, uint64_t seq, const struct nika_digest *digest,
                        struct nika_span cert);
/* The certificate that makes h stable, as a list of frames; empty when h is 0. */
struct nika_list common_stable_frames(const struct common_core *core);
/* Execution moved: a deferred stable checkpoint may be reached. */
void common_stable_recheck(struct common_core *core);
void common_stable_persist(struct common_core *core);
void common_stable_stored(struct common_core *core, uint64_t seq);
/* D6: up to the newest durable snapshot that is stable. */
void common_log_trim(struct common_core *core);
/* h = seq: slots and CHECKPOINTs up to it go; also used by recovery. */
void common_low_mark_set(struct common_core *core, uint64_t seq);
void common_lag_timer(struct common_core *core);

#endif
