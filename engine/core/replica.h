/* engine/core/replica.h: the sans-I/O contract between a protocol and whatever runs it (DESIGN.md 1, PROTOCOLS.md 4).
 *
 * A replica is a state machine: step(state, event) -> effects. It reads no clock, draws no entropy, opens no socket, and
 * allocates nothing after init. engine/sim and engine/shim drive the same ops table, so a protocol cannot tell a simulated
 * cluster from a real one. Clients are modules under the same contract. */
#ifndef ENGINE_CORE_REPLICA_H
#define ENGINE_CORE_REPLICA_H

#include "engine/core/codec.h"
#include "engine/core/config.h"
#include "engine/core/effects.h"
#include "engine/core/frame.h"
#include "engine/core/host.h"

enum nika_event_kind {
    NIKA_EVENT_START, /* After init and recovery records. */
    NIKA_EVENT_MESSAGE, /* `frame`: parsed, sender authenticated by ingress unless its auth_alg is NONE. */
    NIKA_EVENT_TIMER,  /* `timer`, `generation`: a stale generation must be ignored. */
    NIKA_EVENT_STORED, /* `token`: durable (status 0) or failed (status != 0: disk full). */
    NIKA_EVENT_APP, /* `token`: completion of EXECUTE, QUERY, SNAPSHOT_* or RESTORE_END; `bytes` as app.h says. */
    NIKA_EVENT_INVOKE, /* Clients: run operation `bytes`, `token` chosen by the caller, status = NIKA_OP_* flags. */
    /* `token`: status NIKA_OK and the certificate in `bytes`; NIKA_ERR_LIMIT: the log failed first, the counter did not move (STORED said
     * so before), nor will it for what was asked since; any other error: as certify() of the trusted subsystem. In the order of asking. */
    NIKA_EVENT_CERTIFIED,
};

struct nika_event {
    enum nika_event_kind kind;
    uint64_t now_ns; /* Monotone per node; the only source of time. */
    uint32_t timer;
    int32_t status;
    uint64_t generation;
    uint64_t token;
    const struct nika_frame
        *frame;             /* MESSAGE. Hostile until validated. Borrowed until step returns. */
    struct nika_span bytes; /* APP, INVOKE. Borrowed until step returns. */
};

/* Durable records are of two classes: slot records die when LOG_TRIM passes their seq; state records (kind with this bit)
 * live until a newer record of the same kind is durable. */
#define NIKA_RECORD_LATEST 0x80u

/* What a frame or record says, without knowing the protocol: for traces, oracles and faults. */
enum nika_message_class {
    NIKA_MESSAGE_OTHER = 0,
    NIKA_MESSAGE_REQUEST, /* seq = timestamp, view = client index */
    NIKA_MESSAGE_REPLY,   /* seq = timestamp, view = client index */
    NIKA_MESSAGE_PROPOSE, /* PRE-PREPARE */
    NIKA_MESSAGE_BATCH,
    NIKA_MESSAGE_PREPARE,
    NIKA_MESSAGE_COMMIT,
    NIKA_MESSAGE_CHECKPOINT,
    NIKA_MESSAGE_VIEW_CHANGE,
    NIKA_MESSAGE_NEW_VIEW,
    NIKA_MESSAGE_STATUS,
    NIKA_MESSAGE_TRANSFER, /* META, CHUNK and their requests */
};
struct nika_summary {
    uint8_t message_class; /* enum nika_message_class */
    bool has_digest;
    uint64_t view, seq;
    struct nika_digest digest;
};

/* Counters and position that every protocol can tell; read by worlds for liveness reasons, state views and traces. */
struct nika_replica_status {
    uint64_t view;
    bool active;
    bool transferring;
    bool amnesiac; /* Silent until what it may have forgotten is behind it (PROTOCOLS.md 1.12). */
    uint64_t low_mark; /* h */
    uint64_t last_executed;
    uint64_t last_committed; /* Highest contiguous committed. */
    uint32_t pending;        /* Requests known and not executed. */
    uint32_t wait;           /* enum nika_wait */
    /* Votes held while it waits for PREPAREs or COMMITs; the view for VIEW-CHANGEs and NEW-VIEW; else the next sequence number. */
    uint64_t wait_detail;
    uint32_t view_changes_held; /* VIEW-CHANGEs held for `view`. */
    uint32_t backoff;
};

struct nika_replica; /* Each module defines its own; never dereferenced by a world. */

struct nika_replica_ops {
    const char *name; /* Registry key, e.g. "pbft". Static storage. */
    const char *doc;
    const struct nika_message_table *messages;
    bool hybrid; /* Needs host->trusted. */
    /* Is (n, f) possible for this protocol? NULL or a static sentence saying what is expected. */
    const char *(*check)(const struct nika_config *config);
    /* Bytes of state for this config, a pure function of it. The world allocates, zeroes and owns. */
    size_t (*size)(const struct nika_config *config);
    /* Bytes from the start of the state that are in use: the rest is zero. For snapshots. */
    size_t (*used)(const struct nika_replica *replica);
    /* `memory` is zeroed. config and host are borrowed for the life of the module. */
    struct nika_replica *(*init)(void *memory, const struct nika_config *config,
                                 const struct nika_host *host);
    /* Recovery, before START: first the intact snapshots, oldest first (kind = NIKA_RECORD_SNAPSHOT, bytes = the module's own part as
     * given to SNAPSHOT_SAVE; the app holds them all and is restored to the last), then live log records in order. */
    void (*recover)(struct nika_replica *replica, uint32_t kind, uint64_t seq,
                    struct nika_span record);
    /* Consume one event, append to effects. A hostile message is not an error: it is dropped with a REJECT note. */
    void (*step)(struct nika_replica *replica, const struct nika_event *event,
                 struct nika_effects *effects);
    void (*status)(const struct nika_replica *replica, struct nika_replica_status *out);
    /* Canonical hash of the protocol state, the same on every architecture. */
    void (*digest)(const struct nika_replica *replica, struct nika_digest *out);
    /* Classify a frame body or a persisted record (record kinds below NIKA_RECORD_LATEST or with it). */
    void (*describe)(uint8_t type, struct nika_span body, struct nika_summary *out);
    void (*describe_record)(uint32_t kind, struct nika_span record, struct nika_summary *out);
    /* The trusted certificates that a message ends with, one behind the other, and the digest that each of them is over. Empty for a
     * message without, and for a malformed one. NULL for a protocol that is not hybrid. */
    struct nika_span (*certified)(const struct nika_config *config, uint8_t type,
                                  struct nika_span body, struct nika_digest *digest);
    /* Could this frame, which passed ingress, still change anything or prove a fault, if it is authentic? Asked before its signature is
     * verified; what is not needed may be dropped unseen. NULL = always. Changes nothing. */
    bool (*needs)(const struct nika_replica *replica, const struct nika_frame *frame);
    /* Which of its processors handles this event, for a module that can use several: 0 .. config->pillars - 1 for the pillars, the next number
     * for the merge and all else. Events of one number keep their order. Changes nothing; looks at no more of an event than kind, frame and
     * token. NULL = it has one. */
    uint32_t (*lane)(const struct nika_replica *replica, const struct nika_event *event);
    /* "view change": what a timer slot is for, to be shown. NULL for a slot that is not used; the function NULL = they have no names. */
    const char *(*timer_name)(uint32_t timer);
};
#define NIKA_RECORD_SNAPSHOT 0xffu
/* A lost or corrupt log: the replica knows that it may have forgotten votes (PROTOCOLS.md 1.12, amnesia). Empty bytes. */
#define NIKA_RECORD_AMNESIA 0xfeu

/* Operation flags, in REQUEST and INVOKE. */
#define NIKA_OP_READ_ONLY 1u
#define NIKA_OP_NO_REPLY 2u

struct nika_client_ops {
    const char *name;
    size_t (*size)(const struct nika_config *config);
    struct nika_replica *(*init)(void *memory, const struct nika_config *config,
                                 const struct nika_host *host);
    void (*recover)(struct nika_replica *client, uint32_t kind, uint64_t seq,
                    struct nika_span record);
    void (*step)(struct nika_replica *client, const struct nika_event *event,
                 struct nika_effects *effects);
    const char *(*timer_name)(uint32_t timer); /* As of a replica. */
};

/* The ingress stage, the same in both worlds: parse, bind sender, verify. `verify` is asked only for frames whose type's
 * auth class needs it. Returns NIKA_OK and fills `out`; else the frame is dropped and counted. */
NIKA_MUST_USE enum nika_err nika_ingress(const struct nika_config *config,
                                         const struct nika_message_table *messages,
                                         struct nika_span bytes, struct nika_frame *out);

#endif
