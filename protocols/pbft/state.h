/* protocols/pbft/state.h: the state of one PBFT replica and the seams between its files (PROTOCOLS.md 1.2).
 *
 * Private to protocols/pbft. One file per message in paper order; each handler is check (reads, never writes) -> record -> act if
 * quorum. All memory is laid out once by pbft_layout(); variable-size bytes (batches, certificates, view changes) live in the
 * store at the end, whose overflow drops the message that needed it. */
#ifndef PROTOCOLS_PBFT_STATE_H
#define PROTOCOLS_PBFT_STATE_H

#include "engine/core/app.h"
#include "engine/core/assert.h"
#include "engine/core/check.h"
#include "engine/core/digest.h"
#include "engine/core/probe.h"
#include "engine/core/replica.h"
#include "engine/core/store.h"
#include "protocols/common/batch.h"
#include "protocols/common/pending.h"
#include "protocols/common/quorum.h"
#include "protocols/common/reply_cache.h"
#include "protocols/pbft/messages.h"
#include "protocols/pbft/pbft.h"

enum pbft_timer {
    PBFT_TIMER_REQUEST,  /* T_req */
    PBFT_TIMER_VIEW,     /* T_vc */
    PBFT_TIMER_BATCH,    /* T_batch */
    PBFT_TIMER_STATUS,   /* T_status */
    PBFT_TIMER_FETCH,    /* T_fetch: missing batches */
    PBFT_TIMER_TRANSFER, /* T_fetch: state transfer */
    PBFT_TIMER_LAG,      /* T_lag (CK6) */
    PBFT_TIMER_COUNT
};

/* Body of PRE-PREPARE, PREPARE and COMMIT: the same three fields, read by hand because every vote passes here. */
struct pbft_order {
    uint64_t view, seq;
    struct nika_digest digest;
};
#define PBFT_ORDER_SIZE (8u + 8u + NIKA_DIGEST_SIZE)

/* Durable records. Slot records first. */
enum pbft_record {
    PBFT_RECORD_PROPOSAL =
        1, /* D1, D2: PRE-PREPARE frame (u32 length + bytes) | batch body (u32 length + bytes; empty = null). */
    PBFT_RECORD_PREPARED = 2,                         /* D3: one encoded pbft_certificate. */
    PBFT_RECORD_VIEW_CHANGE = NIKA_RECORD_LATEST | 1, /* D4: VIEW-CHANGE frame. seq = view. */
    PBFT_RECORD_NEW_VIEW = NIKA_RECORD_LATEST | 2,    /* D5: NEW-VIEW frame. seq = view. */
    PBFT_RECORD_STABLE =
        NIKA_RECORD_LATEST | 3, /* Stable certificate: FRAMES list (count u32 + frames). seq = h. */
};

/* What a completion token means. token = kind << 56 | generation << 40 | seq (seq < 2^40). STORED tokens carry the view
 * generation, APP tokens the execution generation; a stale generation is ignored (a vote of a view that was left is never sent,
 * a result that a state transfer overtook is never used). SNAPSHOT_SAVED, STABLE and TRANSFER_SAVED are no votes: their generation is
 * 0 and the dispatcher must not compare it. */
enum pbft_token {
    PBFT_TOKEN_PROPOSAL = 1,   /* STORED: send PRE-PREPARE (primary) or PREPARE (backup). */
    PBFT_TOKEN_PREPARED,       /* STORED: send COMMIT. */
    PBFT_TOKEN_VIEW_CHANGE,    /* STORED: send VIEW-CHANGE. seq = view. */
    PBFT_TOKEN_NEW_VIEW,       /* STORED: send NEW-VIEW (primary), enter the view. seq = view. */
    PBFT_TOKEN_SNAPSHOT_SAVED, /* STORED: send CHECKPOINT (D6). */
    PBFT_TOKEN_STABLE,   /* STORED: the stable certificate is durable; the log may be trimmed. */
    PBFT_TOKEN_EXECUTE,  /* APP: results of seq. */
    PBFT_TOKEN_SNAPSHOT, /* APP: meta of the snapshot at seq. */
    PBFT_TOKEN_QUERY,    /* APP: read-only result; seq = client index. */
    PBFT_TOKEN_RESTORE,  /* APP: the app restored a transferred snapshot. */
    PBFT_TOKEN_CHUNK,    /* APP: chunk for a peer; seq = index into r->serving. */
    PBFT_TOKEN_TRANSFER_SAVED, /* STORED: the transferred snapshot is durable. */
};

/* A PREPARE or COMMIT, kept with its signature so that certificates can be shown to others. Stride depends on the suite. */
struct pbft_vote {
    bool present;
    uint8_t reserved;
    uint16_t auth_size;
    struct nika_digest digest;
    uint8_t auth[];
};
enum pbft_phase { PBFT_PREPARE, PBFT_COMMIT, PBFT_PHASES };

struct pbft_slot {
    uint64_t seq;              /* 0 = free. */
    uint64_t view;             /* Of the accepted PRE-PREPARE and the votes. */
    struct nika_digest digest; /* Of the accepted PRE-PREPARE. */
    uint32_t pre_prepare; /* Store handle of the accepted PRE-PREPARE frame; 0 = none accepted. */
    uint32_t parked;    /* Store handle of a PRE-PREPARE whose batch is missing (PP7); 0 = none. */
    uint32_t batch;     /* Store handle of the batch body of `digest`; 0 = absent or null batch. */
    bool batch_ok;      /* Present and checked (PP7, PP8), or the null batch. */
    bool withheld;      /* PP8 or PP9 failed: no PREPARE from us ... */
    bool untimely;      /* ... because of PP9, which time may cure. */
    bool from_new_view; /* Installed from NEW-VIEW's O. */
    bool proposal_durable; /* D1/D2 */
    bool prepare_sent, commit_sent;
    bool prepared, prepared_durable; /* In `view`. */
    bool committed;
    bool executed;
    uint16_t prepare_count, commit_count; /* Matching `digest`, once a PRE-PREPARE is accepted. */
    uint64_t nondet_ns;                   /* Agreed time of the batch. */
    /* Survives view changes until seq is stable. */
    bool has_best;
    uint64_t best_view;
    struct nika_digest best_digest;
    uint32_t best_certificate; /* Store handle of one encoded pbft_certificate. */
    /* Store handle of that batch body, when it differs from `batch`; 0 otherwise. */
    uint32_t best_batch;
    /* Q COMMITs of some view, kept until stable (S6). */
    uint64_t commit_view;
    struct nika_digest commit_digest; /* Valid when `committed` (also once executed). */
    uint32_t commit_cert; /* Store handle: encoded FRAMES list (count u32 + frames), 0 = none. */
    /* Store handle of the batch of `commit_digest` when it is neither `batch` nor `best_batch`. */
    uint32_t commit_batch;
    struct nika_digest parked_digest; /* Of `parked`. */
    bool persist_failed; /* The disk refused a record of this slot: the STATUS timer asks again. */
};

/* One CHECKPOINT of one sender. Row r->n... see pbft_checkpoint_at(). */
struct pbft_checkpoint_vote {
    uint64_t seq; /* 0 = none. */
    struct nika_digest digest;
    uint32_t frame; /* Store handle. */
};
/* An own snapshot that the app keeps. */
struct pbft_snapshot {
    uint64_t seq; /* 0 = free. */
    /* Store handle of the reply cache serialised at seq. 0 only when allocation failed. */
    uint32_t replies;
    bool meta_known; /* The app answered. */
    bool durable;    /* SNAPSHOT_SAVE is done: CHECKPOINT may be sent (D6). */
    bool failed;     /* The store was full: only the application has it. */
    struct common_meta meta;
    struct nika_digest digest; /* d_state = common_meta digest. */
};
struct pbft_view_change_entry {
    uint64_t view;  /* 0 = none. */
    uint32_t frame; /* Store handle of the whole frame. */
};
#define PBFT_FETCHES_MAX 8u
struct pbft_fetch {
    struct nika_digest digest;
    bool active;
    uint32_t next_peer;
};
/* A running state transfer (state_transfer.c). */
#define PBFT_CHUNKS_IN_FLIGHT 4u
struct pbft_transfer {
    bool active, meta_known, restoring;
    uint64_t seq;
    struct nika_digest digest; /* Trusted d_state. */
    uint64_t signers[2];       /* Bit i: replica i signed (seq, digest). */
    uint32_t source, attempt;
    struct common_meta meta;
    /* Store handle: table of store handles, one u32 per chunk of both parts; 0 = none. */
    uint32_t chunks;
    uint32_t received, next_wanted;
    uint32_t in_flight
        [PBFT_CHUNKS_IN_FLIGHT]; /* Chunk number + 1; app chunks first, then reply chunks. */
    /* Store handle of FRAMES that make (seq, digest) stable with Q; 0 = only W (CK7). */
    uint32_t stable_cert;
    uint32_t replies;      /* Store handle of the assembled reply cache while restoring. */
    uint32_t restore_next; /* Next app chunk to hand to the app while restoring. */
    bool saving;           /* The app has restored it; SNAPSHOT_SAVE is under way. */
};
/* A chunk that a peer asked for and the app is producing. */
#define PBFT_SERVING_MAX 16u
struct pbft_serving {
    bool active;
    uint32_t peer, index;
    uint64_t seq;
};
struct pbft_evidence {
    uint64_t kinds; /* Bit = message type; one pair per sender and kind (1.13). */
};
struct pbft_peer {
    uint64_t budget_window_ns; /* Start of the current T_status window (SA2). */
    uint32_t budget_used;      /* Retransmitted bytes in it. */
    uint32_t batch_rotation;   /* S8 start index. */
    uint64_t status_sent_ns;   /* Last STATUS answered, for S9. */
    /* Start of the current T_status window of state transfer served to this peer. */
    uint64_t transfer_window_ns;
    uint32_t transfer_used;     /* Snapshot bytes served in it. */
    uint64_t reported_low_mark; /* Amnesia: h of this peer's STATUS ... */
    bool reported;              /* ... and whether one came. */
};

/* One read-only request per client that the app is answering. */
struct pbft_read {
    uint64_t timestamp; /* 0 = none. */
    uint64_t seq;       /* Last committed batch that the answer reflects. */
};

struct nika_replica {
    const struct nika_config *config;
    const struct nika_host *host;
    uint32_t self, n, f, quorum, weak;
    uint32_t vote_stride;
    uint64_t now_ns;              /* Of the event being processed. */
    struct nika_effects *effects; /* Of the event being processed. */

    uint64_t view; /* `view` moves at once when a view change starts ... */
    bool active;   /* ... and `active` says whether it has begun. */
    /* Log lost: no votes until a checkpoint beyond `amnesia_until` is stable (AMN). */
    bool amnesiac;
    uint64_t amnesia_until;
    uint64_t low_mark;      /* h */
    uint64_t low_bound;     /* max_s of the NEW-VIEW that opened `view`. */
    uint64_t next_seq;      /* Primary: next number to assign. */
    uint64_t last_executed; /* Results known, replies sent. */
    uint64_t last_issued;   /* Given to the app. */
    uint64_t last_time_ns;  /* Agreed time of the last issued batch. */
    uint64_t high_known; /* Highest sequence number seen in an authentic message of the window. */
    /* Highest number whose slot was ever claimed: no search need look beyond it. */
    uint64_t highest_slot;
    uint16_t view_generation, exec_generation;
    uint64_t timer_generation[PBFT_TIMER_COUNT];
    bool timer_armed[PBFT_TIMER_COUNT];
    uint32_t backoff; /* k_backoff */
    bool executed_in_view;
    uint64_t request_head_timestamp; /* Head that T_req times: client and timestamp. */
    uint32_t request_head_client;
    uint64_t status_due_ns, status_sent_ns; /* Rate limit of STATUS. */
    uint64_t status_nonce;
    uint32_t wait;
    uint64_t wait_detail;

    /* View change. */
    uint32_t my_view_change; /* Store handle of the VIEW-CHANGE frame sent for `view`; 0 = none. */
    bool my_view_change_durable;
    /* Store handle of the accepted (or built) NEW-VIEW frame of `new_view_view`; 0 = none. */
    uint32_t new_view;
    uint64_t new_view_view;
    bool new_view_pending; /* A candidate was built or accepted and is not durable yet. */
    /* Store handle of that NEW-VIEW; `new_view` stays the entered one until then. */
    uint32_t new_view_candidate;
    uint64_t new_view_candidate_view;
    /* Last NEW-VIEW that failed a check independent of state: not verified again. */
    struct nika_digest new_view_rejected;
    uint64_t view_timer_view; /* View for which T_vc was started. */

    /* Store handle: encoded FRAMES of >= Q CHECKPOINTs for low_mark; 0 iff low_mark == 0. */
    uint32_t stable_cert;
    struct nika_digest stable_digest;
    bool stable_is_local;  /* Own snapshot at low_mark exists and matches. */
    uint64_t lag_executed; /* last_executed when T_lag was started. */
    uint64_t lag_seq;      /* CK6: stable checkpoint that we have not reached. */
    struct nika_digest lag_digest;
    uint32_t lag_cert;       /* Store handle of its certificate; 0 iff lag_seq == 0. */
    uint64_t stable_durable; /* Highest h whose certificate is durable. */
    uint64_t trimmed;        /* The log is trimmed up to here. */
    bool batch_due;          /* T_batch fired while B2 or B3 forbade to cut. */

    uint32_t parked_count;   /* Slots with a parked PRE-PREPARE. */
    uint32_t evidence_count; /* Pairs of all senders. */

    struct pbft_snapshot snapshots[NIKA_SNAPSHOTS_MAX];
    struct pbft_fetch fetches[PBFT_FETCHES_MAX];
    struct pbft_transfer transfer;
    struct pbft_serving serving[PBFT_SERVING_MAX];
    struct common_pending pending;
    struct common_reply_cache replies;

    uint32_t checkpoint_rows; /* L/K + 1 rows in the window plus one beyond it, per sender. */
    struct pbft_slot *slots;  /* config->window */
    uint8_t *votes;           /* window x phases x n x vote_stride */
    struct pbft_checkpoint_vote *checkpoints;    /* n x (checkpoint_rows + 1) */
    struct pbft_view_change_entry *view_changes; /* n */
    struct pbft_evidence *evidence;              /* n */
    struct pbft_peer *peers;                     /* n */
    struct pbft_read *reads;                     /* One per client. */
    uint8_t *scratch;                            /* For building frames and certificates. */
    uint32_t scratch_size;
    uint32_t queue_peak[16]; /* By enum nika_queue, for NOTE_QUEUE. */
    struct nika_store *store;
};

/* ---- slots.c: the window ------------------------------------------------------------------------------------------ */
bool pbft_in_window(const struct nika_replica *r, uint64_t seq); /* h < seq <= h+L */
struct pbft_slot *pbft_slot_at(struct nika_replica *r,
                               uint64_t seq); /* In window: claims the slot. */
struct pbft_slot *pbft_slot_find(struct nika_replica *r,
                                 uint64_t seq); /* NULL when not in the window or never claimed. */
struct pbft_vote *pbft_vote_at(struct nika_replica *r, struct pbft_slot *slot,
                               enum pbft_phase phase, uint32_t sender);
/* Forget what belongs to the slot's view: PRE-PREPARE, votes, prepared; keep best_*, commit certificate, executed. */
void pbft_slot_reset_view(struct nika_replica *r, struct pbft_slot *slot);
/* The slot of `seq`, in the window, made ready for votes of the current view. */
struct pbft_slot *pbft_slot_current(struct nika_replica *r, uint64_t seq);
/* Give the slot another digest; the batches of the old one are kept where something still refers to them. */
void pbft_slot_set_digest(struct nika_replica *r, struct pbft_slot *slot,
                          const struct nika_digest *digest);
/* Handle of the checked batch body of `digest` in this slot, 0 when absent. Never asked about the null batch. */
uint32_t pbft_slot_batch(const struct pbft_slot *slot, const struct nika_digest *digest);
/* Is the batch that this slot committed at hand (null batches always are)? */
bool pbft_slot_commit_ready(const struct pbft_slot *slot);
/* Record a vote whose signature was verified. True when it matches the accepted PRE-PREPARE and counts. */
bool pbft_vote_record(struct nika_replica *r, struct pbft_slot *slot, enum pbft_phase phase,
                      uint32_t sender, const struct nika_digest *digest, struct nika_span auth);
/* Count again what came before the PRE-PREPARE. */
void pbft_votes_recount(struct nika_replica *r, struct pbft_slot *slot);
/* Sign and record an own vote; the frame is broadcast. */
void pbft_vote_cast(struct nika_replica *r, struct pbft_slot *slot, enum pbft_phase phase);
/* Sign and record an own vote from the log without sending it: STATUS resends it. */
void pbft_vote_restore(struct nika_replica *r, struct pbft_slot *slot, enum pbft_phase phase);
/* Two different votes of one sender: keep them as evidence. */
void pbft_vote_conflict(struct nika_replica *r, struct pbft_slot *slot, enum pbft_phase phase,
                        const struct nika_frame *frame);
/* Encode Q matching COMMITs of the current view into slot->commit_cert, unless it is there. */
void pbft_commit_cert_keep(struct nika_replica *r, struct pbft_slot *slot);
bool pbft_order_decode(struct nika_span body, struct pbft_order *out);
/* Room for batches, requests and chunks, which must leave enough of the store for a view change: without that a full store could not
 * even get rid of the primary that filled it. Gives up batches that no order of this view and no certificate refers to. 0 when full. */
NIKA_MUST_USE uint32_t pbft_bulk_alloc(struct nika_replica *r, uint32_t size);
NIKA_MUST_USE uint32_t pbft_bulk_put(struct nika_replica *r, struct nika_span bytes);
/* Free everything. */
void pbft_slot_release(struct nika_replica *r, struct pbft_slot *slot);
static inline uint32_t pbft_primary(const struct nika_replica *r, uint64_t view)
{
    return (uint32_t)(view % r->n);
}

/* ---- output.c: frames, timers, tokens, notes ----------------------------------------------------------------------- */
/* Build, authenticate and send (or broadcast) a message struct; the frame is encoded straight into the effects. */
void pbft_send(struct nika_replica *r, uint32_t to, const struct nika_message_info *info,
               const void *message);
void pbft_broadcast(struct nika_replica *r, const struct nika_message_info *info,
                    const void *message);
void pbft_send_frame(struct nika_replica *r, uint32_t to,
                     struct nika_span frame); /* Stored bytes, as they are. */
void pbft_broadcast_frame(struct nika_replica *r, struct nika_span frame);
/* Build a signed frame of our own into the store. Handle or 0. */
uint32_t pbft_store_frame(struct nika_replica *r, const struct nika_message_info *info,
                          const void *message);
/* Rebuild the frame of a stored vote into `w`. */
void pbft_vote_frame(struct nika_replica *r, const struct pbft_slot *slot, enum pbft_phase phase,
                     uint32_t sender, struct nika_writer *w);
void pbft_timer_start(struct nika_replica *r, enum pbft_timer timer,
                      uint64_t delay_ns); /* Restarts. */
void pbft_timer_stop(struct nika_replica *r, enum pbft_timer timer);
/* BATCH has no authenticator: its digest binds it. `to` = NIKA_NODE_NONE broadcasts. */
void pbft_send_batch(struct nika_replica *r, uint32_t to, struct nika_span body);
uint64_t pbft_token(const struct nika_replica *r, enum pbft_token kind, uint16_t generation,
                    uint64_t seq);
void pbft_reject(struct nika_replica *r, enum nika_check check, uint32_t sender);
void pbft_alarm(struct nika_replica *r, enum nika_check check, uint64_t seq);
/* Keep the first pair per sender and kind; counts NIKA_PROBE_pbft_evidence. */
void pbft_evidence(struct nika_replica *r, uint8_t type, uint32_t sender, struct nika_span first,
                   struct nika_span second);
void pbft_queue_note(struct nika_replica *r, enum nika_queue queue, uint32_t length);
/* Verify a nested frame: parse, type, sender is a replica, signature. Decodes into `message`. */
bool pbft_verify_nested(struct nika_replica *r, struct nika_span raw,
                        const struct nika_message_info *info, struct nika_frame *frame,
                        void *message);

/* ---- request.c, batcher.c: intake and batching (1.3) ----------------------------------------------------------------- */
void pbft_on_request(struct nika_replica *r, const struct nika_frame *frame);
void pbft_batch_try_cut(struct nika_replica *r,
                        bool timer_fired);         /* Primary: propose while B1-B4 allow. */
void pbft_request_expired(struct nika_replica *r); /* T_req. */
/* Send the head of pending to the primary once more: the first forward may have been lost. */
void pbft_forward_head(struct nika_replica *r);
void pbft_request_timer_update(struct nika_replica *r); /* T_req times the head of pending. */

/* ---- pre_prepare.c, prepare.c, commit.c: ordering (1.4) ---------------------------------------------------------------- */
void pbft_on_pre_prepare(struct nika_replica *r, const struct nika_frame *frame);
void pbft_on_batch(struct nika_replica *r, const struct nika_frame *frame);       /* BA1-BA3 */
void pbft_on_fetch_batch(struct nika_replica *r, const struct nika_frame *frame); /* FB1-FB2 */
void pbft_fetch_want(struct nika_replica *r, const struct nika_digest *digest, uint32_t first_peer);
void pbft_fetch_timer(struct nika_replica *r);
/* Want what slots lack (parked PRE-PREPAREs, committed digests), as far as there is room; forget what nobody lacks. */
void pbft_fetch_refill(struct nika_replica *r);
/* The digest that this slot waits for, NULL when none. */
const struct nika_digest *pbft_slot_awaits(const struct pbft_slot *slot);
/* A PRE-PREPARE frame becomes the accepted one (its batch is at hand) or parked (it is fetched). */
void pbft_order_take(struct nika_replica *r, struct pbft_slot *slot, const struct pbft_order *order,
                     struct nika_span frame, bool from_new_view);
/* The awaited batch of a parked PRE-PREPARE has come. */
void pbft_resume_parked(struct nika_replica *r, struct pbft_slot *slot, struct nika_span body);
/* A PREPARE withheld because of the agreed time: may it be sent now? */
void pbft_proposal_reconsider(struct nika_replica *r, struct pbft_slot *slot);
void pbft_proposal_persist(struct nika_replica *r, struct pbft_slot *slot);
void pbft_prepared_persist(struct nika_replica *r, struct pbft_slot *slot);
/* Install an order of an entered NEW-VIEW: accepted PRE-PREPARE, batch fetched if absent, then as in 1.4. `frame` is the O entry. */
void pbft_install_order(struct nika_replica *r, uint64_t seq, const struct nika_digest *digest,
                        struct nika_span frame);
/* The batch body with this digest in any slot (also best_batch), empty span when absent. */
struct nika_span pbft_batch_find(struct nika_replica *r, const struct nika_digest *digest);
void pbft_proposal_stored(struct nika_replica *r, uint64_t seq);
void pbft_on_prepare(struct nika_replica *r, const struct nika_frame *frame);
void pbft_check_prepared(struct nika_replica *r, struct pbft_slot *slot);
void pbft_prepared_stored(struct nika_replica *r, uint64_t seq);
void pbft_on_commit(struct nika_replica *r, const struct nika_frame *frame);
void pbft_on_commit_cert(struct nika_replica *r, const struct nika_frame *frame); /* CC1-CC4 */
void pbft_check_committed(struct nika_replica *r, struct pbft_slot *slot);

/* ---- execute.c, read_only.c: execution and replies (1.4 X1-X6, 1.10) --------------------------------------------------- */
void pbft_execute_ready(struct nika_replica *r);
void pbft_executed(struct nika_replica *r, uint64_t seq, struct nika_span results);
void pbft_on_read_only(struct nika_replica *r, const struct nika_frame *frame,
                       const struct common_request *request);
void pbft_read_only_done(struct nika_replica *r, uint32_t client, struct nika_span result);
void pbft_send_reply(struct nika_replica *r,
                     uint32_t client); /* From the reply cache, with the current view. */

/* ---- checkpoint.c: checkpoints and garbage collection (1.6) ---------------------------------------------------------- */
void pbft_snapshot_begin(struct nika_replica *r,
                         uint64_t seq); /* Right after EXECUTE(seq) was issued, seq % K == 0. */
void pbft_snapshot_replies(struct nika_replica *r,
                           uint64_t seq); /* Right after the results of seq were applied. */
void pbft_snapshot_meta(struct nika_replica *r, uint64_t seq, struct nika_span meta);
void pbft_snapshot_saved(struct nika_replica *r, uint64_t seq);
void pbft_on_checkpoint(struct nika_replica *r, const struct nika_frame *frame);
/* The entry for one more snapshot: a free one, or the oldest when as many are kept as the application keeps. */
struct pbft_snapshot *pbft_snapshot_place(struct nika_replica *r);
struct pbft_snapshot *pbft_snapshot_find(struct nika_replica *r, uint64_t seq);
/* d_state of a META (1.6). */
void pbft_snapshot_save(struct nika_replica *r,
                        struct pbft_snapshot *snapshot); /* Also again, after a full disk. */
void pbft_snapshot_forget(struct nika_replica *r, struct pbft_snapshot *snapshot);
/* Own CHECKPOINT of a durable snapshot: recorded and sent. */
void pbft_checkpoint_send(struct nika_replica *r, struct pbft_snapshot *snapshot);
struct pbft_checkpoint_vote *pbft_checkpoint_at(struct nika_replica *r, uint32_t sender,
                                                uint64_t seq);
/* Forget CHECKPOINTs up to h, move those that came into the window. */
void pbft_checkpoints_trim(struct nika_replica *r);
/* Did (seq, any digest) become stable by the CHECKPOINTs held? */
void pbft_checkpoint_count(struct nika_replica *r, uint64_t seq, const struct nika_digest *digest);
void pbft_stable_recheck(
    struct nika_replica *r); /* Execution moved: a deferred stable checkpoint may be reached. */
void pbft_stable_persist(struct nika_replica *r);
void pbft_stable_stored(struct nika_replica *r, uint64_t seq);
void pbft_log_trim(
    struct nika_replica *r); /* D6: up to the newest durable snapshot that is stable. */
/* Slots between h and a slot count; also used by recovery. */
void pbft_low_mark_set(struct nika_replica *r, uint64_t seq);
void pbft_meta_digest(const struct common_meta *meta, struct nika_digest *out);
/* (seq, digest) is stable: `cert` = encoded FRAMES list (count + frames) of >= Q CHECKPOINTs, already verified. Moves h, collects
 * garbage, persists the certificate, or starts catching up (CK5, CK6). */
void pbft_make_stable(struct nika_replica *r, uint64_t seq, const struct nika_digest *digest,
                      struct nika_span cert);
/* Verify a FRAMES list of CHECKPOINTs: >= `need` distinct senders, all (same seq, same digest), all signatures valid. */
bool pbft_checkpoint_cert_verify(struct nika_replica *r, const struct nika_list *frames,
                                 uint32_t need, uint64_t *seq, struct nika_digest *digest,
                                 uint64_t signers[2]);
void pbft_lag_timer(struct nika_replica *r);

/* ---- view_change.c, new_view.c, certificate.c: view changes (1.7) ------------------------------------------------------ */
void pbft_view_change_start(struct nika_replica *r, uint64_t view);
void pbft_view_change_stored(struct nika_replica *r, uint64_t view);
void pbft_on_view_change(struct nika_replica *r, const struct nika_frame *frame);
void pbft_view_timer(struct nika_replica *r); /* T_vc expired. */
void pbft_on_new_view(struct nika_replica *r, const struct nika_frame *frame);
void pbft_new_view_stored(struct nika_replica *r, uint64_t view);
/* The STATUS timer fired: build or persist again what a full store or disk left undone (VIEW-CHANGE, NEW-VIEW). */
void pbft_view_retry(struct nika_replica *r);
/* From pbft_start, after recovery: resend the stored VIEW-CHANGE or NEW-VIEW and install O again. */
void pbft_view_start(struct nika_replica *r);
/* Install those orders of the entered NEW-VIEW that are in the window and have no PRE-PREPARE in this view yet (h may have moved
 * since: state transfer). */
void pbft_new_view_install(struct nika_replica *r);
/* Primary of `view`: build NEW-VIEW once Q VIEW-CHANGEs for it are held and the own one is durable. */
void pbft_new_view_try_build(struct nika_replica *r);
/* Stop everything that belongs to the view being left: timers, slots' votes, proposals, the candidate NEW-VIEW. */
void pbft_view_leave(struct nika_replica *r);
/* T_vc rule: start T_vc once Q replicas want `view` or a later one. */
void pbft_view_timer_check(struct nika_replica *r);
/* Drop the stored VIEW-CHANGE of `sender`. */
void pbft_view_change_forget(struct nika_replica *r, uint32_t sender);
/* VC4-VC8 on a decoded VIEW-CHANGE, signatures included. NIKA_CHECK_NONE or the failed check. */
enum nika_check pbft_view_change_check(struct nika_replica *r, const struct pbft_view_change *m,
                                       uint32_t size);
/* VC6 on one certificate: its (view, seq, digest), or false. */
bool pbft_certificate_verify(struct nika_replica *r, const struct pbft_certificate *certificate,
                             struct pbft_pre_prepare *out);
/* Encode the prepared certificate of a slot into the store. Handle or 0. */
uint32_t pbft_certificate_build(struct nika_replica *r, struct pbft_slot *slot);
uint32_t pbft_view_change_size_max(const struct nika_config *config); /* MAX_VC */
uint32_t pbft_new_view_size_max(const struct nika_config *config);    /* MAX_NV */
/* Recovery: records of PBFT_RECORD_VIEW_CHANGE and PBFT_RECORD_NEW_VIEW. */
void pbft_recover_view_change(struct nika_replica *r, uint64_t view, struct nika_span frame);
void pbft_recover_new_view(struct nika_replica *r, uint64_t view, struct nika_span frame);

/* ---- state_transfer.c, transfer_server.c: state transfer (1.8) ---------------------------------------------------------- */
/* Fetch (seq, digest), trusted because of `signers`. `cert` = encoded FRAMES of >= Q CHECKPOINTs, or empty (W-based). A newer target
 * replaces an older one; verified chunks are kept. */
void pbft_transfer_start(struct nika_replica *r, uint64_t seq, const struct nika_digest *digest,
                         const uint64_t signers[2], struct nika_span cert);
/* Execution reached the state that is being fetched: no need to fetch it. */
void pbft_transfer_spare(struct nika_replica *r, uint64_t seq, const struct nika_digest *digest);
void pbft_transfer_timer(struct nika_replica *r);
void pbft_on_fetch_meta(struct nika_replica *r, const struct nika_frame *frame);
void pbft_on_meta(struct nika_replica *r, const struct nika_frame *frame);
void pbft_on_fetch_chunk(struct nika_replica *r, const struct nika_frame *frame);
void pbft_on_chunk(struct nika_replica *r, const struct nika_frame *frame);
void pbft_on_no_snapshot(struct nika_replica *r, const struct nika_frame *frame);
void pbft_chunk_ready(struct nika_replica *r, uint32_t serving, int32_t status,
                      struct nika_span bytes);
void pbft_restored(struct nika_replica *r, uint64_t seq, int32_t status, struct nika_span meta);
void pbft_transfer_saved(struct nika_replica *r, uint64_t seq, int32_t status);
/* The app restored the state: make it durable (SNAPSHOT_SAVE); again after a failure. (transfer_install.c) */
void pbft_transfer_save(struct nika_replica *r);

/* ---- status.c: STATUS, the negative acknowledgement (1.9) --------------------------------------------------------------- */
void pbft_status_timer(struct nika_replica *r);
void pbft_status_soon(struct nika_replica *r); /* Negative-ack trigger: rate-limited by T_retx. */
void pbft_status_hurry(
    /* After each step: an idle period ends when there is something to do. */
    struct nika_replica *r);
void pbft_on_status(struct nika_replica *r, const struct nika_frame *frame);
/* What progress waits for (enum nika_wait), and about which number. */
uint32_t pbft_wait(const struct nika_replica *r, uint64_t *detail);

/* ---- recover.c -------------------------------------------------------------------------------------------------------- */
void pbft_recover(struct nika_replica *r, uint32_t kind, uint64_t seq, struct nika_span record);
void pbft_start(
    struct nika_replica *r); /* START: arm timers, resend what recovery left unfinished. */
/* The module's own part of a saved snapshot: encoded common_meta (u32 length + bytes) | reply cache (u32 length + bytes). */

/* Room left under `peer`'s retransmission budget (SA2): takes `size` from it when it fits. */
bool pbft_budget_take(struct nika_replica *r, uint32_t peer, uint32_t size);

#endif
