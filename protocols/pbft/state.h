/* protocols/pbft/state.h: the state of one PBFT replica and the seams between its files (PROTOCOLS.md 1.2).
 *
 * Private to protocols/pbft. One file per message in paper order; each handler is check (reads, never writes) -> record -> act if
 * quorum. All memory is laid out once by pbft_layout(); variable-size bytes (batches, certificates, view changes) live in the
 * store at the end, whose overflow drops the message that needed it. */
#ifndef PROTOCOLS_PBFT_STATE_H
#define PROTOCOLS_PBFT_STATE_H

#include "protocols/common/checkpoints.h"
#include "protocols/common/core.h"
#include "protocols/common/output.h"
#include "protocols/common/window.h"
#include "protocols/pbft/messages.h"
#include "protocols/pbft/pbft.h"

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
};

/* What a completion token means, beside enum common_token_kind. STORED tokens carry the view generation: a vote of a view that
 * was left is never sent. */
enum pbft_token {
    PBFT_TOKEN_PROPOSAL = 1, /* STORED: send PRE-PREPARE (primary) or PREPARE (backup). */
    PBFT_TOKEN_PREPARED,     /* STORED: send COMMIT. */
    PBFT_TOKEN_VIEW_CHANGE,  /* STORED: send VIEW-CHANGE. seq = view. */
    PBFT_TOKEN_NEW_VIEW,     /* STORED: send NEW-VIEW (primary), enter the view. seq = view. */
};

/* A PREPARE or COMMIT, kept with its signature so that certificates can be shown to others. */
struct pbft_vote {
    bool present;
    uint16_t auth_size;
    uint32_t auth; /* Entry of `vote_auths`; 0 = its signature is in the slot's best_certificate. */
    struct nika_digest digest;
};
/* Entries of one size, numbered from 1. */
struct pbft_pool {
    uint8_t *entries;
    uint32_t size, count;
    uint32_t fresh; /* Entries ever taken. */
    uint32_t free;  /* The one given back last, which names the next; 0 = none. */
};
enum pbft_phase { PBFT_PREPARE, PBFT_COMMIT, PBFT_PHASES };

struct pbft_slot {
    struct common_slot base; /* First. */
    bool proposal_durable;   /* D1/D2 */
    bool prepare_sent, commit_sent;
    bool prepared, prepared_durable;      /* In `view`. */
    uint16_t prepare_count, commit_count; /* Matching `digest`, once a PRE-PREPARE is accepted. */
    /* The best prepared certificate, of base.carry_digest. Survives view changes until seq is stable. */
    uint64_t best_view;
    uint32_t best_certificate; /* Store handle of one encoded pbft_certificate. */
    uint32_t
        commit_cert; /* Q COMMITs of some view, kept until stable (S6): encoded FRAMES list (count u32 + frames), 0 = none. */
    uint32_t votes;  /* Entry of `vote_rows`; 0 = nobody looked for a vote yet. */
};

struct nika_replica {
    struct common_core core; /* First: see core.h. */

    uint64_t low_bound; /* max_s of the NEW-VIEW that opened `view`. */
    uint16_t view_generation;

    /* View change. */
    /* Store handle of the accepted (or built) NEW-VIEW frame of `new_view_view`; 0 = none. */
    uint32_t new_view;
    uint64_t new_view_view;
    bool new_view_pending; /* A candidate was built or accepted and is not durable yet. */
    /* Store handle of that NEW-VIEW; `new_view` stays the entered one until then. */
    uint32_t new_view_candidate;
    uint64_t new_view_candidate_view;
    /* Last NEW-VIEW that failed a check independent of state: not verified again. */
    struct nika_digest new_view_rejected;
#ifdef NIKA_MUSEUM
    bool new_view_said; /* B28 */
#endif

    struct pbft_slot *slots;     /* config->window */
    struct pbft_pool vote_rows;  /* window; of phases x n votes each */
    struct pbft_pool vote_auths; /* window x phases x n signatures */
    uint8_t *scratch;            /* For building frames and certificates. */
    uint32_t scratch_size;
};

/* PREPAREs that make an accepted PRE-PREPARE prepared. */
static inline uint32_t pbft_prepares_needed(const struct nika_replica *r)
{
    return NIKA_PLANTED(B01) ? r->core.quorum - 2 : r->core.quorum - 1;
}
/* Does this vote support the digest? */
static inline bool pbft_vote_supports(const struct pbft_vote *vote,
                                      const struct nika_digest *digest)
{
    return NIKA_PLANTED(B07) || nika_digest_equal(&vote->digest, digest);
}

/* ---- slots.c: the window ------------------------------------------------------------------------------------------ */
static inline struct pbft_slot *pbft_slot_of(struct common_slot *slot)
{
    return (struct pbft_slot *)(void *)slot;
}
/* In the window: claims the slot. */
static inline struct pbft_slot *pbft_slot_at(struct nika_replica *r, uint64_t seq)
{
    return pbft_slot_of(common_slot_at(&r->core, seq));
}
/* NULL when not in the window or never claimed. */
static inline struct pbft_slot *pbft_slot_find(const struct nika_replica *r, uint64_t seq)
{
    return pbft_slot_of(common_slot_find(&r->core, seq));
}
/* Forget what belongs to the slot's view: order, votes, prepared; keep best_*, commit certificate, executed. */
void pbft_slot_reset_view(struct nika_replica *r, struct pbft_slot *slot);
/* The slot of `seq`, in the window, made ready for votes of the current view. */
struct pbft_slot *pbft_slot_current(struct nika_replica *r, uint64_t seq);
bool pbft_order_decode(struct nika_span body, struct pbft_order *out);
/* Free everything. */
void pbft_slot_release(struct nika_replica *r, struct pbft_slot *slot);

/* ---- votes.c: the votes of a slot ------------------------------------------------------------------------------------- */
/* The votes of all, phase by phase; NULL when nobody looked for one yet. */
struct pbft_vote *pbft_votes_of(const struct nika_replica *r, const struct pbft_slot *slot);
/* The place of a vote, `present` or not. */
struct pbft_vote *pbft_vote_at(struct nika_replica *r, struct pbft_slot *slot,
                               enum pbft_phase phase, uint32_t sender);
void pbft_vote_forget(struct nika_replica *r, struct pbft_vote *vote);
/* Forget the votes of all, or (!others) the own ones. */
void pbft_votes_clear(struct nika_replica *r, struct pbft_slot *slot, bool others);
/* Forget all and give back their room. */
void pbft_votes_release(struct nika_replica *r, struct pbft_slot *slot);
/* Record a vote whose signature was verified. True when it matches the accepted PRE-PREPARE and counts. */
bool pbft_vote_record(struct nika_replica *r, struct pbft_slot *slot, enum pbft_phase phase,
                      uint32_t sender, const struct nika_digest *digest, struct nika_span auth);
/* The slot has a new best_certificate, of this view: the signatures that are in it need not be kept twice. */
void pbft_votes_certified(struct nika_replica *r, struct pbft_slot *slot);
/* Count again what came before the PRE-PREPARE. */
void pbft_votes_recount(struct nika_replica *r, struct pbft_slot *slot);
/* Sign and record an own vote; the frame is broadcast. */
void pbft_vote_cast(struct nika_replica *r, struct pbft_slot *slot, enum pbft_phase phase);
/* Sign and record an own vote from the log without sending it: STATUS resends it. */
void pbft_vote_restore(struct nika_replica *r, struct pbft_slot *slot, enum pbft_phase phase);
/* Two different votes of one sender: keep them as evidence. */
void pbft_vote_conflict(struct nika_replica *r, struct pbft_slot *slot, enum pbft_phase phase,
                        const struct nika_frame *frame);
/* Rebuild the frame of a vote that is present into `w`. */
void pbft_vote_frame(struct nika_replica *r, struct pbft_slot *slot, enum pbft_phase phase,
                     uint32_t sender, struct nika_writer *w);
/* Encode Q matching COMMITs of the current view into slot->commit_cert, unless it is there. */
void pbft_commit_cert_keep(struct nika_replica *r, struct pbft_slot *slot);

/* ---- pre_prepare.c, prepare.c, commit.c: ordering (1.4) ---------------------------------------------------------------- */
void pbft_on_pre_prepare(struct nika_replica *r, const struct nika_frame *frame);
/* Primary: order this batch at `seq`. Takes the store handle when true; false when the store is full. */
bool pbft_propose(struct nika_replica *r, uint64_t seq, uint32_t batch, uint64_t time_ns);
/* common_hooks.slot_accept. */
void pbft_order_accept(struct nika_replica *r, struct pbft_slot *slot, uint32_t frame);
/* The awaited batch of a parked PRE-PREPARE has come. */
void pbft_resume_parked(struct nika_replica *r, struct pbft_slot *slot, struct nika_span body);
void pbft_proposal_persist(struct nika_replica *r, struct pbft_slot *slot);
void pbft_prepared_persist(struct nika_replica *r, struct pbft_slot *slot);
/* Install an order of an entered NEW-VIEW: accepted PRE-PREPARE, batch fetched if absent, then as in 1.4. `frame` is the O entry. */
void pbft_install_order(struct nika_replica *r, uint64_t seq, const struct nika_digest *digest,
                        struct nika_span frame);
void pbft_proposal_stored(struct nika_replica *r, uint64_t seq);
void pbft_on_prepare(struct nika_replica *r, const struct nika_frame *frame);
void pbft_check_prepared(struct nika_replica *r, struct pbft_slot *slot);
void pbft_prepared_stored(struct nika_replica *r, uint64_t seq);
void pbft_on_commit(struct nika_replica *r, const struct nika_frame *frame);
void pbft_on_commit_cert(struct nika_replica *r, const struct nika_frame *frame); /* CC1-CC4 */
void pbft_check_committed(struct nika_replica *r, struct pbft_slot *slot);

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
/* Drop the stored VIEW-CHANGE of `sender`. */
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

/* ---- status.c: STATUS, the negative acknowledgement (1.9) --------------------------------------------------------------- */
/* The STATUS timer: say and persist again what a full store or disk left undone; tell peers where this replica is. */
void pbft_retry(struct nika_replica *r);
void pbft_send_status(struct nika_replica *r);
void pbft_on_status(struct nika_replica *r, const struct nika_frame *frame);
/* What progress waits for (enum nika_wait), and about which number. */
uint32_t pbft_slot_wait(const struct pbft_slot *slot, uint64_t *detail);

/* ---- recover.c -------------------------------------------------------------------------------------------------------- */
void pbft_recover(struct nika_replica *r, uint32_t kind, uint64_t seq, struct nika_span record);
void pbft_start(
    struct nika_replica *r); /* START: arm timers, resend what recovery left unfinished. */

/* ---- hooks.c, replica.c: what protocols/common asks PBFT (protocols/common/core.h) ---- */
extern const struct common_hooks pbft_hooks;
bool pbft_message(struct common_core *core, const struct nika_frame *frame);
void pbft_stored(struct common_core *core, uint32_t kind, uint16_t generation, uint64_t seq,
                 int32_t status);
uint64_t pbft_token_near(const struct common_core *core, uint32_t kind);
static inline struct nika_replica *pbft_replica(struct common_core *core)
{
    return (struct nika_replica *)(void *)core;
}

#endif
