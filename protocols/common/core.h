/* protocols/common/core.h: what a replica of every protocol here has: its place in the cluster, its window, its requests, its
 * checkpoints, its state transfer (PROTOCOLS.md 0, 1.2, 2).
 *
 * A protocol's `struct nika_replica` begins with a struct common_core, and its slots with a struct common_slot; the files of this
 * folder see nothing else of them. Where they need a protocol's decision they call one of its hooks. Nothing here orders requests
 * or knows what makes an order final. */
#ifndef PROTOCOLS_COMMON_CORE_H
#define PROTOCOLS_COMMON_CORE_H

#include "engine/core/app.h"
#include "engine/core/assert.h"
#include "engine/core/check.h"
#include "engine/core/digest.h"
#include "engine/core/planted.h"
#include "engine/core/probe.h"
#include "engine/core/replica.h"
#include "engine/core/store.h"
#include "protocols/common/batch.h"
#include "protocols/common/messages.h"
#include "protocols/common/pace.h"
#include "protocols/common/pending.h"
#include "protocols/common/quorum.h"
#include "protocols/common/reply_cache.h"

enum common_timer {
    COMMON_TIMER_REQUEST,  /* T_req */
    COMMON_TIMER_VIEW,     /* T_vc */
    COMMON_TIMER_BATCH,    /* T_batch */
    COMMON_TIMER_STATUS,   /* T_status */
    COMMON_TIMER_FETCH,    /* T_fetch: missing batches */
    COMMON_TIMER_TRANSFER, /* T_fetch: state transfer */
    COMMON_TIMER_LAG,      /* T_lag (CK6) */
    COMMON_TIMER_COUNT
};

/* A durable record that every protocol writes; kinds 1 and 2 of slots and NIKA_RECORD_LATEST | 1, 2 and 4 are the protocol's. */
enum common_record {
    COMMON_RECORD_STABLE =
        NIKA_RECORD_LATEST | 3, /* Stable certificate: FRAMES list (count u32 + frames). seq = h. */
};

/* What a completion token means (1 to 4 and 13 to 15 are the protocol's own). token = kind << 56 | generation << 40 | low 40 bits of seq. APP
 * tokens carry the execution generation; a stale one is ignored: a result that a state transfer overtook is never used.
 * SNAPSHOT_SAVED, STABLE and TRANSFER_SAVED are no votes: their generation is 0 and the dispatcher must not compare it. */
enum common_token_kind {
    COMMON_TOKEN_SNAPSHOT_SAVED = 5, /* STORED: send CHECKPOINT (D6). */
    COMMON_TOKEN_STABLE,   /* STORED: the stable certificate is durable; the log may be trimmed. */
    COMMON_TOKEN_EXECUTE,  /* APP: results of seq. */
    COMMON_TOKEN_SNAPSHOT, /* APP: meta of the snapshot at seq. */
    COMMON_TOKEN_QUERY,    /* APP: read-only result; seq = client index. */
    COMMON_TOKEN_RESTORE,  /* APP: the app restored a transferred snapshot. */
    COMMON_TOKEN_CHUNK,    /* APP: chunk for a peer; seq = index into `serving`. */
    COMMON_TOKEN_TRANSFER_SAVED, /* STORED: the transferred snapshot is durable. */
};

/* What the common files know of a slot of the window: the number, what the primary ordered there and its batch (order.h), what was
 * committed there, and whether it ran. Votes are the protocol's. First member of the protocol's own slot. */
struct common_slot {
    uint64_t seq; /* 0 = free. */
    bool committed;
    bool executed;
    uint64_t nondet_ns;               /* Agreed time of the batch ordered here. */
    uint64_t commit_view;             /* The view in which it was committed. */
    struct nika_digest commit_digest; /* Valid when `committed` (also once executed). */
    /* Store handle of the batch of `commit_digest` when that is neither `batch` nor `carry_batch`; 0 otherwise. */
    uint32_t commit_batch;

    uint64_t view;             /* Of the order, and of the protocol's votes for it. */
    struct nika_digest digest; /* Of the batch ordered. */
    uint32_t order;  /* Store handle of the accepted PRE-PREPARE or PREPARE frame; 0 = none. */
    uint32_t parked; /* Store handle of one whose batch is missing (PP7, HP5); 0 = none. */
    struct nika_digest parked_digest; /* Of `parked`. */
    uint32_t batch;      /* Store handle of the batch body of `digest`; 0 = absent or null batch. */
    bool batch_ok;       /* Present and checked (PP7, PP8, HP5), or the null batch. */
    bool withheld;       /* Batch or agreed time will not do: no vote from us ... */
    bool untimely;       /* ... because of the agreed time (PP9), which time may cure. */
    bool from_new_view;  /* Installed from a NEW-VIEW. */
    bool order_within;   /* `order` is a block of the protocol's that begins with it, as BYTES. */
    bool persist_failed; /* The disk refused a record of this slot: the STATUS timer asks again. */
    /* Another batch to be kept at hand, since a view change may carry it over here. PBFT: that of the best prepared certificate. Hybster:
     * that which a coming view would order (HN8). */
    bool carry;
    struct nika_digest carry_digest;
    uint32_t carry_batch; /* Store handle, when it is not `batch`; 0 = not at hand. */
};

/* One CHECKPOINT of one sender (common_checkpoint_at()). */
struct common_checkpoint_vote {
    uint64_t seq; /* 0 = none. */
    struct nika_digest digest;
    uint32_t frame; /* Store handle. */
};
/* An own snapshot that the app keeps. */
struct common_snapshot {
    uint64_t seq; /* 0 = free. */
    /* Store handle of the reply cache serialised at seq. 0 only when allocation failed. */
    uint32_t replies;
    bool meta_known; /* The app answered. */
    bool durable;    /* SNAPSHOT_SAVE is done: CHECKPOINT may be sent (D6). */
    bool failed;     /* The store was full: only the application has it. */
    struct common_meta meta;
    struct nika_digest digest; /* d_state = common_meta digest. */
};
/* A batch that is missing and asked for (fetch.c). */
#define COMMON_FETCHES_MAX 8u
struct common_fetch {
    struct nika_digest digest;
    bool active;
    uint32_t next_peer;
};
/* A running state transfer (transfer.c). */
#define COMMON_CHUNKS_IN_FLIGHT 4u
struct common_transfer {
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
        [COMMON_CHUNKS_IN_FLIGHT]; /* Chunk number + 1; app chunks first, then reply chunks. */
    /* Store handle of FRAMES that make (seq, digest) stable; 0 = only W vouch for it (CK7). */
    uint32_t stable_cert;
    uint32_t replies;      /* Store handle of the assembled reply cache while restoring. */
    uint32_t restore_next; /* Next app chunk to hand to the app while restoring. */
    bool saving;           /* The app has restored it; SNAPSHOT_SAVE is under way. */
};
/* A chunk that a peer asked for and the app is producing. */
#define COMMON_SERVING_MAX 16u
struct common_serving {
    bool active;
    uint32_t peer, index;
    uint64_t seq;
};
/* One read-only request per client that the app is answering. */
struct common_read {
    uint64_t timestamp; /* 0 = none. */
    uint64_t seq;       /* Last committed batch that the answer reflects. */
};
/* The VIEW-CHANGE held of one sender (views.h). `from` is for protocols whose VIEW-CHANGEs name the view they leave. */
struct common_view_change {
    uint64_t view, from; /* view 0 = none. */
    uint32_t frame;      /* Store handle of the whole frame. */
};
struct common_evidence {
    uint64_t kinds; /* Bit = message type; one pair per sender and kind (1.13). */
};
struct common_peer {
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

struct common_core;
struct common_checkpoint_body;
/* The decisions of a protocol. None may be NULL unless it says so. */
struct common_hooks {
    /* The first event: say and arm what a replica begins with, recovered or new. */
    void (*start)(struct common_core *core);
    /* A message of one of the protocol's own types. False: there is no such type. */
    bool (*message)(struct common_core *core, const struct nika_frame *frame);
    /* T_vc fired. */
    void (*view_timer)(struct common_core *core);
    /* STORED of a token kind of the protocol's own: the record is durable, or (status != 0) was refused. */
    void (*stored)(struct common_core *core, uint32_t kind, uint16_t generation, uint64_t seq,
                   int32_t status);
    /* CERTIFIED, to a protocol that asks for certificates (replica.h); else NULL. */
    void (*certified)(struct common_core *core, uint16_t generation, uint64_t seq,
                      enum nika_err status, struct nika_span certificate);
    /* What the number of such a token is near to (common_token_number()). */
    uint64_t (*token_near)(const struct common_core *core, uint32_t kind);
    /* After each event, before its effects are carried out. May be NULL. */
    void (*after)(struct common_core *core);

    uint64_t control_types; /* Bit = message type below 64 that goes out as NIKA_CLASS_CONTROL. */
    /* CHECKPOINT of this protocol; its body is a struct common_checkpoint_body, or a prefix of it. */
    const struct nika_message_info *checkpoint;
    /* Fill in what an own CHECKPOINT carries beside its digest; `room` backs it. False: this replica must not vouch for anything. */
    bool (*checkpoint_certify)(struct common_core *core, struct common_checkpoint_body *body,
                               uint8_t room[NIKA_TRUSTED_CERTIFICATE_SIZE]);
    /* Is this decoded CHECKPOINT its sender's? `nested`: it came inside another message, where ingress did not look. */
    bool (*checkpoint_authentic)(struct common_core *core, const struct nika_frame *frame,
                                 const struct common_checkpoint_body *body, bool nested);

    /* Drop all that a slot holds, commit_batch included, and make it free (zero). */
    void (*slot_release)(struct common_core *core, struct common_slot *slot);
    /* The order in `frame` (store handle, the hook's from here on) is accepted, its batch checked (order.h): make it slot->order, count the
     * votes that came early, judge its time, make it durable. */
    void (*slot_accept)(struct common_core *core, struct common_slot *slot, uint32_t frame);
    /* Does this replica itself need slot->batch for an order that it is making? May be NULL: never. */
    bool (*slot_ordering)(const struct common_slot *slot);
    /* Digest of a batch that an order, not yet accepted, waits for here; NULL when none. */
    const struct nika_digest *(*slot_parked)(const struct common_slot *slot);
    /* The batch that slot_parked() named has come. */
    void (*slot_resume)(struct common_core *core, struct common_slot *slot, struct nika_span body);

    /* The primary orders this batch at `seq`, the next of its pillar. `batch` (store handle) belongs to the hook from here on when it
     * returns true; 0 = the null batch, of protocols with pillars only. */
    bool (*propose)(struct common_core *core, uint64_t seq, uint32_t batch, uint64_t time_ns);
    /* Would a batch that is cut now be ordered any sooner than one that is cut when this becomes true? May be NULL: it would. */
    bool (*may_propose)(const struct common_core *core, uint32_t pillar);
    /* T_req runs on the primary, too: when every quorum needs all correct replicas, and one of them has left the view, those that have not
     * are too few to make it join. */
    bool times_itself;
    /* T_req expired, or the primary is slow (pace.h): leave its view. */
    void (*suspect_primary)(struct common_core *core);
    /* h moved, or a transferred state was installed: numbers came into the window that were beyond it. */
    void (*window_moved)(struct common_core *core);

    /* The STATUS timer fired: say and persist again what a full store or disk left undone. */
    void (*retry)(struct common_core *core);
    void (*send_status)(struct common_core *core);
    /* What the order of the next number to execute, here not final yet, waits for (enum nika_wait); `detail`, the number, may become how many
     * votes there are. */
    uint32_t (*slot_wait)(const struct common_core *core, const struct common_slot *slot,
                          uint64_t *detail);
    /* Did this replica stop for good? May be NULL: it never does. */
    bool (*halted)(const struct common_core *core);
};

struct common_core {
    const struct common_hooks *hooks;
    const struct nika_config *config;
    const struct nika_host *host;
    uint32_t self, n, f;
    uint32_t pillars;             /* Parts of the order space; 1 where a protocol has no others. */
    uint32_t quorum;              /* Signers that make an order final. */
    uint32_t weak;                /* W: one of them is correct. */
    uint32_t stable_need;         /* CHECKPOINTs that make a state stable. */
    uint64_t now_ns;              /* Of the event being processed. */
    struct nika_effects *effects; /* Of the event being processed. */

    uint64_t view; /* `view` moves at once when a view change starts ... */
    bool active;   /* ... and `active` says whether it has begun. */
    /* Log lost: no votes until a checkpoint beyond `amnesia_until` is stable (AMN). */
    bool amnesiac;
    uint64_t amnesia_until;
    uint32_t my_view_change; /* Store handle of the VIEW-CHANGE frame for `view`; 0 = none. */
    bool my_view_change_durable;
    uint64_t view_timer_view; /* View for which T_vc was started. */
    uint64_t
        stranded_since_ns; /* Leader: a peer is seen on its way to a later view, alone; 0 = none. */
    uint32_t parked_count; /* Slots with a parked order. */
    uint64_t low_mark;     /* h */
    /* Primary: next number to assign in each pillar. */
    uint64_t next_seq[NIKA_PILLARS_MAX];
    uint64_t last_executed; /* Results known, replies sent. */
    uint64_t last_issued;   /* Given to the app. */
    uint64_t last_time_ns;  /* Agreed time of the last issued batch. */
    uint64_t high_known; /* Highest sequence number seen in an authentic message of the window. */
    /* Highest number whose slot was ever claimed: no search need look beyond it. */
    uint64_t highest_slot;
    uint16_t exec_generation;
    uint64_t timer_generation[COMMON_TIMER_COUNT];
    bool timer_armed[COMMON_TIMER_COUNT];
    uint32_t backoff; /* k_backoff */
    bool executed_in_view;
    uint64_t request_head_timestamp; /* Head that T_req times: client and timestamp. */
    uint32_t request_head_client;
    uint8_t batch_due; /* Bit = pillar: T_batch fired while B2 or B3 forbade to cut. */
    uint64_t status_due_ns, status_sent_ns; /* Rate limit of STATUS. */
    uint64_t status_nonce;
    uint32_t wait; /* As last noted. */
    uint64_t wait_detail;

    /* Store handle: encoded FRAMES of >= stable_need CHECKPOINTs for low_mark; 0 iff low_mark == 0. */
    uint32_t stable_cert;
    struct nika_digest stable_digest;
    bool stable_is_local;  /* Own snapshot at low_mark exists and matches. */
    uint64_t lag_executed; /* last_executed when T_lag was started. */
    uint64_t lag_seq;      /* CK6: stable checkpoint that we have not reached. */
    struct nika_digest lag_digest;
    uint32_t lag_cert;       /* Store handle of its certificate; 0 iff lag_seq == 0. */
    uint64_t stable_durable; /* Highest h whose certificate is durable. */
    uint64_t trimmed;        /* The log is trimmed up to here. */

    uint32_t evidence_count; /* Pairs of all senders. */
    struct common_snapshot snapshots[NIKA_SNAPSHOTS_MAX];
    struct common_fetch fetches[COMMON_FETCHES_MAX];
    struct common_transfer transfer;
    struct common_serving serving[COMMON_SERVING_MAX];
    struct common_pace pace;
    struct common_pending pending;
    struct common_reply_cache replies;

    uint8_t *
        slots; /* config->window slots of `slot_size` bytes, each beginning with a struct common_slot. */
    uint32_t slot_size;
    uint32_t checkpoint_rows; /* L/K + 1 rows in the window plus one beyond it, per sender. */
    struct common_checkpoint_vote *checkpoints; /* n x (checkpoint_rows + 1) */
    struct common_evidence *evidence;           /* n */
    struct common_view_change *view_changes;    /* n */
    struct common_peer *peers;                  /* n */
    struct common_read *reads;                  /* One per client. */
    uint32_t queue_peak[16];                    /* By enum nika_queue, for NOTE_QUEUE. */
    struct nika_store *store;
};

/* The primary, or leader, of `view`: v mod n in every protocol here. */
static inline uint32_t common_primary(const struct common_core *core, uint64_t view)
{
    return (uint32_t)(view % core->n);
}
/* The pillar that a number belongs to (PROTOCOLS.md 2.6). */
static inline uint32_t common_pillar_of(const struct common_core *core, uint64_t seq)
{
    return (uint32_t)(seq % core->pillars);
}
/* The pillar whose batches hold the requests of a client. */
static inline uint32_t common_pillar_of_client(const struct common_core *core, uint32_t client)
{
    return client % core->pillars;
}
/* The first number of a pillar beyond `after`. */
static inline uint64_t common_pillar_next(const struct common_core *core, uint32_t pillar,
                                          uint64_t after)
{
    return after + 1 + (pillar + core->pillars - (after + 1) % core->pillars) % core->pillars;
}
/* Primary: assign no number up to `seq` any more. */
static inline void common_next_past(struct common_core *core, uint64_t seq)
{
    for (uint32_t p = 0; p < core->pillars; p++)
        if (core->next_seq[p] <= seq) core->next_seq[p] = common_pillar_next(core, p, seq);
}
static inline bool common_leading(const struct common_core *core)
{
    return common_primary(core, core->view) == core->self;
}

#endif
