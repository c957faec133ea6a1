/* protocols/hybster/state.h: the state of one Hybster replica and the seams between its files (PROTOCOLS.md 2.3-2.5).
 *
 * Private to protocols/hybster. core.view is the view that the replica supports (`cur`), `entered` the highest that it entered by a
 * validated NEW-VIEW (`est`); core.active says that they are one. Slots hold PREPAREs of `entered` and nothing else. What the own
 * trusted subsystem certified is stored and resent as it is, never certified again. */
#ifndef PROTOCOLS_HYBSTER_STATE_H
#define PROTOCOLS_HYBSTER_STATE_H

#include "engine/core/planted.h"
#include "protocols/common/checkpoints.h"
#include "protocols/common/core.h"
#include "protocols/common/output.h"
#include "protocols/common/window.h"
#include "protocols/hybster/hybster.h"
#include "protocols/hybster/messages.h"

/* Body of PREPARE and COMMIT, read by hand because every vote passes here. */
struct hybster_order {
    uint64_t view, seq;
    struct nika_digest digest;
    struct nika_span certificate;
};
#define HYBSTER_ORDER_SIZE (8u + 8u + NIKA_DIGEST_SIZE + 4u + NIKA_TRUSTED_CERTIFICATE_SIZE)
#define HYBSTER_DRAFT_SIZE (8u + 8u + NIKA_DIGEST_SIZE) /* The same without its certificate. */
/* The last field of every certified message: u32 length | certificates, of which all but VIEW-CHANGE have one. */
#define HYBSTER_CERTIFICATES_FIELD(count) (4u + (count)*NIKA_TRUSTED_CERTIFICATE_SIZE)
#define HYBSTER_CERTIFICATE_FIELD HYBSTER_CERTIFICATES_FIELD(1u)

/* Durable records. Slot records first. */
enum hybster_record {
    HYBSTER_RECORD_INTENT =
        1, /* Draft of a PREPARE: all its fields but the certificate | batch body
                                   (u32 length + bytes): the leader is about to use the counter. */
    HYBSTER_RECORD_PREPARE = 2, /* PREPARE frame (u32 length + bytes) | batch body (the same). */
    HYBSTER_RECORD_COMMIT = 3,  /* Own COMMIT frame. */
    HYBSTER_RECORD_VIEW_CHANGE = NIKA_RECORD_LATEST | 1, /* VIEW-CHANGE frame. seq = view. */
    HYBSTER_RECORD_NEW_VIEW = NIKA_RECORD_LATEST | 2,    /* NEW-VIEW frame. seq = view. */
    /* Own NEW-VIEW frame with room for its certificate: the leader is about to use that counter. seq = view. */
    HYBSTER_RECORD_DRAFT = NIKA_RECORD_LATEST | 4,
};

/* What a completion token means, beside enum common_token_kind. All carry the view generation. */
enum hybster_token {
    HYBSTER_TOKEN_INTENT = 1,  /* STORED: the leader may use the counter. */
    HYBSTER_TOKEN_PREPARE,     /* STORED: use the counter for what follows (leader), for COMMIT. */
    HYBSTER_TOKEN_VIEW_CHANGE, /* STORED: send VIEW-CHANGE. seq = view. */
    HYBSTER_TOKEN_NEW_VIEW,    /* STORED: enter the view, or acknowledge it. seq = view. */
    HYBSTER_TOKEN_DRAFT = 13,  /* STORED: use the counter of NEW-VIEWs. seq = view. */
    HYBSTER_TOKEN_COMMIT = 14, /* Nobody waits for it. */
    HYBSTER_TOKEN_ORDER,       /* CERTIFIED: the certificate of an order. */
};

/* A COMMIT, kept with its certificate so that it can be shown to others. */
struct hybster_vote {
    bool present;
    struct nika_digest digest;
    uint8_t certificate[NIKA_TRUSTED_CERTIFICATE_SIZE];
};

/* A slot holds orders of `entered` and nothing else. */
struct hybster_slot {
    struct common_slot base;     /* First. */
    bool intent, intent_durable; /* Leader: ordered, not certified yet. */
    bool prepare_durable;        /* The counter may be used for it, or for what follows it. */
    uint32_t commit;             /* Store handle of the own COMMIT frame; 0 = none. */
    uint32_t asked; /* Store handle of an own PREPARE or COMMIT whose certificate is on its way. */
    uint16_t commit_count; /* Matching base.digest, once a PREPARE is accepted. */
    /* HN8: of base.carry. */
    bool wanted_bad;
    uint64_t wanted_stamp; /* STATUS round of the wish: an older one gives way. */
    uint32_t commit_cert;  /* Encoded COMMIT-CERT body, kept until stable; 0 = none. */
};

struct hybster_ack_entry {
    uint64_t view, base; /* view 0 = none. */
    uint32_t frame;
};
struct hybster_hop_entry {
    struct nika_digest digest;
    uint8_t certificate[NIKA_TRUSTED_CERTIFICATE_SIZE];
};
/* The orders o with o mod P == p, and the counter that certifies them (2.6). */
struct hybster_pillar {
    struct nika_trusted_value counter; /* Last value of the ordering counter. */
    uint64_t voted; /* No order of `entered` up to here needs a use of the counter any more. */
    /* Leader: order whose certificate is on its way to the disk; 0 = none. Until it is there the counter stays where it is, so that it can
     * be reissued. */
    uint64_t certifying;
    uint32_t awaited; /* Certificates that were asked for and have not come. */
    uint32_t hop_count;
    struct hybster_hop_entry hops[HYBSTER_HOPS_MAX]; /* Own VIEW-CHANGEs since the last order. */
};

struct nika_replica {
    struct common_core core; /* First: see core.h. */
    uint64_t entered;        /* est */
    uint64_t low_bound;      /* max of the NEW-VIEW that opened `entered`. */
    uint16_t view_generation;
    /* The trusted subsystem does not answer (TSG) or was rolled back (TSR): this replica votes for nothing any more. */
    bool halted;
    bool deaf; /* TSG: nor can it judge what others certified, so it takes none of it. */

    /* View change. */
    uint32_t new_view; /* Store handle of the NEW-VIEW frame of `entered`; 0 iff entered == 0. */
    uint32_t
        candidate; /* Store handle of a validated (or built) NEW-VIEW that is not entered yet. */
    uint64_t candidate_view;
    bool candidate_draft;        /* One's own, whose certificate is not made yet. */
    bool candidate_saving;       /* HN8 is met: on its way to the disk. */
    struct nika_digest rejected; /* Last NEW-VIEW that failed: not verified again. */
    uint64_t alarmed;            /* Bit = check: an alarm is raised once. */
    uint32_t void_count;
    struct hybster_hop_entry voids[HYBSTER_VOIDS_MAX]; /* Of views above `entered`, ascending. */

    struct hybster_pillar *pillars; /* core.pillars */
    struct hybster_slot *slots;     /* config->window */
    struct hybster_vote *votes;     /* window x n */
    struct hybster_ack_entry *acks; /* n; one's own among them */
};

static inline struct hybster_pillar *hybster_pillar_of(const struct nika_replica *r, uint64_t seq)
{
    return &r->pillars[common_pillar_of(&r->core, seq)];
}

/* qh: any two such sets of replicas share one. */
static inline uint32_t hybster_majority(uint32_t n)
{
    return NIKA_PLANTED(T05) ? n / 2 : n / 2 + 1;
}

/* ---- certify.c: the trusted subsystem ----------------------------------------------------------------------------------- */
/* What is certified of a message: type, group and all fields before its certificate. */
void hybster_statement(const struct nika_config *config, uint8_t type, struct nika_span content,
                       struct nika_digest *out);
/* Build a frame of one's own into the store and certify it. Handle, or 0: the store is full (the counter was not touched), or the
 * trusted subsystem refused (r->halted). message->certificate, at `field`, must be unset. */
uint32_t hybster_certify_frame(struct nika_replica *r, const struct nika_message_info *info,
                               void *message, struct nika_span *field, enum nika_trusted_kind kind,
                               uint32_t counter, struct nika_trusted_value value);
/* The same for a VIEW-CHANGE: a continuing certificate of each pillar's counter. */
uint32_t hybster_certify_unit(struct nika_replica *r, const struct nika_message_info *info,
                              void *message, struct nika_span *field,
                              struct nika_trusted_value value);
/* Ask for the certificate of slot->base.digest as a message of this type, where the host gives it later. False: the store is full, and nothing
 * was asked. */
bool hybster_ask(struct nika_replica *r, struct hybster_slot *slot, uint8_t type);
/* It has come: what slot->asked is now, whole; the caller takes it. 0: it is of no use any more, or there is none. */
uint32_t hybster_take_asked(struct nika_replica *r, struct hybster_slot *slot,
                            struct nika_span certificate);
/* Is `certificate` of this kind, instance, counter and value, and valid for `digest`? `value` NULL: any. `out` gets its fields. */
bool hybster_certificate_check(struct nika_replica *r, struct nika_span certificate,
                               uint32_t sender, enum nika_trusted_kind kind, uint32_t counter,
                               const struct nika_trusted_value *value,
                               const struct nika_digest *digest,
                               struct nika_trusted_certificate *out);
/* The same for a whole message: its body ends with the certificate. */
bool hybster_message_check(struct nika_replica *r, const struct nika_frame *frame,
                           enum nika_trusted_kind kind, uint32_t counter,
                           const struct nika_trusted_value *value,
                           struct nika_trusted_certificate *out);
/* The same for a VIEW-CHANGE; `out` has one for each pillar. */
bool hybster_unit_check(struct nika_replica *r, const struct nika_frame *frame,
                        const struct nika_trusted_value *value,
                        struct nika_trusted_certificate out[NIKA_PILLARS_MAX]);
/* Where a counter of one's own stands. NIKA_ERR_IO: the trusted subsystem does not answer, and the replica has stopped voting (TSG). */
enum nika_err hybster_counter_read(struct nika_replica *r, uint32_t counter,
                                   struct nika_trusted_value *value);
/* Its last certificate once more. False when there is none; and when the trusted subsystem does not answer (TSG). */
bool hybster_counter_last(struct nika_replica *r, uint32_t counter,
                          struct nika_trusted_certificate *out, struct nika_digest *digest);
/* PREPARE or COMMIT: an independent certificate of [view|seq] by the frame's sender (HP4). */
bool hybster_order_certified(struct nika_replica *r, const struct nika_frame *frame,
                             const struct hybster_order *order);
bool hybster_order_decode(struct nika_span body, struct hybster_order *out);
/* Take what the trusted subsystem certified last, if that was exactly this order as a message of this type. Frame handle or 0. */
uint32_t hybster_reissue_order(struct nika_replica *r, uint8_t type, uint64_t seq,
                               const struct nika_digest *digest);
/* A frame of one's own in the store that has everything but its certificate; `field` as above. Handle, or 0: the store is full. */
uint32_t hybster_draft_frame(struct nika_replica *r, const struct nika_message_info *info,
                             void *message, struct nika_span *field);
/* Certify such a frame where it lies. False: the trusted subsystem refused (r->halted). */
bool hybster_certify_draft(struct nika_replica *r, uint32_t handle, enum nika_trusted_kind kind,
                           uint32_t counter, struct nika_trusted_value value);
/* Take what the trusted subsystem certified last of this counter, if that was this frame at this value. */
bool hybster_reissue_draft(struct nika_replica *r, uint32_t handle, uint32_t counter,
                           struct nika_trusted_value value);
/* The trusted subsystem is gone (TSG) or was rolled back (TSR). */
void hybster_halt(struct nika_replica *r, enum nika_check why, uint64_t seq);
/* Raise the alarm of a check once. */
void hybster_alarm(struct nika_replica *r, enum nika_check check, uint64_t seq);

/* ---- slots.c: the window ------------------------------------------------------------------------------------------------ */
static inline struct hybster_slot *hybster_slot_of(struct common_slot *slot)
{
    return (struct hybster_slot *)(void *)slot;
}
static inline struct hybster_slot *hybster_slot_at(struct nika_replica *r, uint64_t seq)
{
    return hybster_slot_of(common_slot_at(&r->core, seq));
}
/* NULL when not in the window or never claimed. */
static inline struct hybster_slot *hybster_slot_find(const struct nika_replica *r, uint64_t seq)
{
    return hybster_slot_of(common_slot_find(&r->core, seq));
}
/* The slot of `seq`, in the window, made ready for PREPAREs of `entered`. */
struct hybster_slot *hybster_slot_current(struct nika_replica *r, uint64_t seq);
void hybster_slot_reset_view(struct nika_replica *r, struct hybster_slot *slot);
void hybster_slot_release(struct nika_replica *r, struct hybster_slot *slot);
/* No coming view wants a batch here any more (HN8). */
void hybster_slot_unwant(struct nika_replica *r, struct hybster_slot *slot);
struct hybster_vote *hybster_vote_at(const struct nika_replica *r, const struct hybster_slot *slot,
                                     uint32_t sender);
void hybster_votes_recount(struct nika_replica *r, struct hybster_slot *slot);
/* Write the COMMIT frame of a stored vote; HYBSTER_COMMIT_FRAME_SIZE bytes. */
#define HYBSTER_ORDER_FRAME_SIZE (NIKA_FRAME_HEAD_SIZE + HYBSTER_ORDER_SIZE + NIKA_FRAME_TAIL_SIZE)
void hybster_vote_frame(const struct nika_replica *r, const struct hybster_slot *slot,
                        uint32_t sender, struct nika_writer *w);
/* Encode PREPARE and qh-1 COMMITs of a committed slot into slot->commit_cert, unless it is there. */
void hybster_commit_cert_keep(struct nika_replica *r, struct hybster_slot *slot);
/* The PREPARE frame of `entered` that this replica accepted at `seq`, empty when none: what a VIEW-CHANGE shows. */
struct nika_span hybster_accepted_prepare(const struct nika_replica *r, uint64_t seq);

/* ---- prepare.c, commit.c: ordering (2.3) ---------------------------------------------------------------------------------- */
void hybster_on_prepare(struct nika_replica *r, const struct nika_frame *frame);
bool hybster_propose(struct nika_replica *r, uint64_t seq, uint32_t batch, uint64_t time_ns);
bool hybster_may_propose(const struct nika_replica *r, uint32_t pillar);
/* common_hooks.slot_accept. */
void hybster_prepare_accept(struct nika_replica *r, struct hybster_slot *slot, uint32_t frame);
/* The awaited batch of a parked PREPARE has come. */
void hybster_resume_parked(struct nika_replica *r, struct hybster_slot *slot,
                           struct nika_span body);
void hybster_intent_persist(struct nika_replica *r, struct hybster_slot *slot);
void hybster_prepare_persist(struct nika_replica *r, struct hybster_slot *slot);
void hybster_intent_stored(struct nika_replica *r, uint64_t seq);
void hybster_prepare_stored(struct nika_replica *r, uint64_t seq);
/* The answer to hybster_ask(): common_hooks.certified. */
void hybster_certified(struct common_core *core, uint16_t generation, uint64_t seq,
                       enum nika_err status, struct nika_span certificate);
/* Leader: the counter was used for an order. Takes the handle of its PREPARE; durable before the counter moves on. */
void hybster_prepare_keep(struct nika_replica *r, struct hybster_slot *slot, uint32_t frame);
/* The same, and it is sent. */
void hybster_prepare_issued(struct nika_replica *r, struct hybster_slot *slot, uint32_t frame);
/* The record that the counter waited for was stored or refused, after its view was left. */
void hybster_certified_stored(struct nika_replica *r, uint64_t seq, bool refused);
/* In each pillar, use the counter for every order whose turn it is: PREPAREs of the leader one by one, COMMITs of a follower (HP6). */
void hybster_advance(struct nika_replica *r);
/* An order of the view being entered. `batch` is at hand, unless it lies where the state already is. */
void hybster_install(struct nika_replica *r, const struct hybster_order *order,
                     struct nika_span frame);
void hybster_on_commit(struct nika_replica *r, const struct nika_frame *frame);
void hybster_on_commit_cert(struct nika_replica *r, const struct nika_frame *frame);
/* Peers show no PREPARE of what is executed: take that of the COMMIT-CERT by which it was, as if the leader sent it now. Without it HP6
 * would hold up every later order. True when it was taken. */
bool hybster_prepare_from_cert(struct nika_replica *r, uint64_t seq);
void hybster_check_committed(struct nika_replica *r, struct hybster_slot *slot);

/* ---- view_change.c, new_view.c, ack.c: view changes (2.4) ------------------------------------------------------------------- */
void hybster_view_change_start(struct nika_replica *r, uint64_t view);
void hybster_view_change_stored(struct nika_replica *r, uint64_t view);
void hybster_on_view_change(struct nika_replica *r, const struct nika_frame *frame);
/* Could this replica show in a VIEW-CHANGE all that its counter says it took part in (HV4, HV5, HV7)? */
bool hybster_accounts(struct nika_replica *r);
void hybster_view_timer(struct nika_replica *r); /* T_vc expired. */
/* Give up what belongs to the view that is left for `view`. */
void hybster_view_leave(struct nika_replica *r, uint64_t view);
/* Forget the batches kept for a view to come (HN8): after its orders took them, or when it will not come. */
void hybster_view_unwant(struct nika_replica *r);
/* The STATUS timer fired, or something that was missing has come: build, persist, enter what can be. */
void hybster_view_retry(struct nika_replica *r);
void hybster_view_start(struct nika_replica *r);
void hybster_recover_view_change(struct nika_replica *r, uint64_t view, struct nika_span frame);
void hybster_on_new_view(struct nika_replica *r, const struct nika_frame *frame);
void hybster_new_view_stored(struct nika_replica *r, uint64_t view);
void hybster_new_view_try_build(struct nika_replica *r);
void hybster_candidate_drop(struct nika_replica *r);
void hybster_candidate_progress(struct nika_replica *r);
void hybster_recover_new_view(struct nika_replica *r, uint64_t view, struct nika_span frame);
void hybster_draft_stored(struct nika_replica *r, uint64_t view);
void hybster_recover_draft(struct nika_replica *r, uint64_t view, struct nika_span frame);
/* At START: does the draft that was recovered belong to what the counter of NEW-VIEWs says? */
void hybster_draft_resume(struct nika_replica *r);
/* Has this replica ordered in the view it is on the way to, of which no NEW-VIEW of its own is left? */
bool hybster_opening_lost(const struct nika_replica *r);
/* At START, active: install R of the entered NEW-VIEW where the log has nothing newer. */
void hybster_new_view_install(struct nika_replica *r);
void hybster_on_ack(struct nika_replica *r, const struct nika_frame *frame);
/* Say that the NEW-VIEW of `entered` was validated, to the leader of the view on the way to which this replica is. */
void hybster_ack_send(struct nika_replica *r);
void hybster_ack_forget(struct nika_replica *r, uint32_t sender);
uint32_t
hybster_view_change_size_max(const struct nika_config *config);       /* MAX_VC, NEW-VIEW-ACK too */
uint32_t hybster_new_view_size_max(const struct nika_config *config); /* MAX_NV */

/* ---- status.c, status_answer.c ------------------------------------------------------------------------------------------------ */
void hybster_retry(struct nika_replica *r);
void hybster_send_status(struct nika_replica *r);
void hybster_on_status(struct nika_replica *r, const struct nika_frame *frame);
uint32_t hybster_slot_wait(const struct nika_replica *r, const struct hybster_slot *slot,
                           uint64_t *detail);

/* ---- recover.c ---------------------------------------------------------------------------------------------------------------- */
void hybster_recover(struct nika_replica *r, uint32_t kind, uint64_t seq, struct nika_span record);
void hybster_start(struct nika_replica *r);
/* AMN: after each event of a replica that lost its log: is it over? */
void hybster_remember(struct nika_replica *r);

/* ---- hooks.c, replica.c: what protocols/common asks Hybster (protocols/common/core.h) ---- */
extern const struct common_hooks hybster_hooks;
bool hybster_message(struct common_core *core, const struct nika_frame *frame);
void hybster_stored(struct common_core *core, uint32_t kind, uint16_t generation, uint64_t seq,
                    int32_t status);
uint64_t hybster_token_near(const struct common_core *core, uint32_t kind);
static inline struct nika_replica *hybster_replica(struct common_core *core)
{
    return (struct nika_replica *)(void *)core;
}

#endif
