/* engine/shim/session.h: a mutually authenticated session between two nodes, as bytes in and bytes out (PROTOCOLS.md 5).
 *
 * Hand-shake: HELLO -> <- HELLO | signature, signature ->. HELLO = magic u32 | version u16 | node u32 | to u32 | group[32] | nonce[32] |
 * ephemeral X25519 key[32]. Each side signs, with the Ed25519 identity that the cluster file names for its id, the hash of both HELLOs
 * under the name of its role; so ids, roles, group, nonces and ephemeral keys are all bound. HKDF gives one key a direction.
 * Afterwards: records = size u32 | AES-256-GCM(bytes) | tag[16]. Their number is the nonce: one that is replayed, left out or out of order
 * does not open. Inside is a stream of frames (engine/core/frame.h).
 *
 * Owns keys and what is half received. Opens no socket, reads no clock, draws no entropy. Every byte given to it is hostile. */
#ifndef ENGINE_SHIM_SESSION_H
#define ENGINE_SHIM_SESSION_H

#include "engine/core/exchange.h"
#include "engine/core/limits.h"

#define NIKA_SESSION_MAGIC 0x534b494eu /* "NIKS" */
#define NIKA_SESSION_VERSION 1u
#define NIKA_SESSION_HELLO_SIZE 110u
#define NIKA_SESSION_RECORD_MAX                                                                    \
    65536u /* Bytes inside one record: what a receiver buffers at most before it authenticates them. */
#define NIKA_SESSION_RECORD_HEAD 4u
#define NIKA_SESSION_RECORD_OVERHEAD (NIKA_SESSION_RECORD_HEAD + NIKA_SEAL_TAG_SIZE)

/* Why a session ended. Each reason has a text. */
enum nika_session_end {
    NIKA_SESSION_GOING_ON = 0,
    NIKA_SESSION_BAD_MAGIC,
    NIKA_SESSION_BAD_VERSION,
    NIKA_SESSION_OTHER_GROUP,
    NIKA_SESSION_NOT_FOR_US,   /* `to` is not our id. */
    NIKA_SESSION_UNKNOWN_NODE, /* No such id in the cluster file. */
    NIKA_SESSION_OUR_ID,       /* The peer says that it is us. */
    NIKA_SESSION_OTHER_NODE,   /* Whom we called is not who answered. */
    NIKA_SESSION_BAD_KEY,      /* Ephemeral key of low order. */
    NIKA_SESSION_BAD_SIGNATURE,
    NIKA_SESSION_BAD_RECORD_SIZE,
    NIKA_SESSION_BAD_RECORD, /* Altered, replayed, left out or out of order. */
    NIKA_SESSION_BAD_FRAME_SIZE,
    NIKA_SESSION_TRUNCATED, /* The stream ended inside a hand-shake, record or frame. */
    NIKA_SESSION_WORN_OUT,  /* As many records as one key may seal. */
    NIKA_SESSION_NO_MEMORY,
    NIKA_SESSION_REFUSED, /* The frame callback said so. */
    NIKA_SESSION_END_COUNT
};
const char *nika_session_end_text(enum nika_session_end end);

struct nika_session_options {
    bool initiator;
    uint32_t self;
    uint32_t peer; /* Initiator: whom it calls. */
    struct nika_digest group;
    const struct nika_key *identity; /* Own Ed25519 secret. Borrowed until the session is open. */
    struct nika_key ephemeral;       /* 32 random bytes, of this session alone. */
    struct nika_key nonce;           /* 32 more. */
    /* The public identity of a node, or NULL when there is no such node. */
    const struct nika_key *(*identity_of)(void *context, uint32_t node);
    /* The largest frame that this node may send. */
    uint32_t (*frame_size_max)(void *context, uint32_t node);
    /* One whole frame by its length field; nothing else was checked. Borrowed for the call. False ends the session. */
    bool (*on_frame)(void *context, struct nika_span frame);
    void *context;
};

struct nika_session;
/* NULL when memory is short. The initiator's HELLO is then waiting in nika_session_output(). */
struct nika_session *nika_session_new(const struct nika_session_options *options);
void nika_session_free(struct nika_session *session);

/* Take received bytes; `data` is overwritten. Calls on_frame for each frame. Any result but GOING_ON is final. */
enum nika_session_end nika_session_receive(struct nika_session *session, uint8_t *data,
                                           uint32_t size);
/* The stream ended: GOING_ON when at a boundary, else TRUNCATED. */
enum nika_session_end nika_session_finish(const struct nika_session *session);
/* Hand-shake bytes to be sent before anything else; say how many were sent. */
struct nika_span nika_session_output(const struct nika_session *session);
void nika_session_sent(struct nika_session *session, uint32_t size);

/* Both sides are authenticated, as far as this side can know: an initiator learns that it was accepted by the first record. */
bool nika_session_is_open(const struct nika_session *session);
/* At least one record was received. */
bool nika_session_is_confirmed(const struct nika_session *session);
/* Authenticated id of the peer; NIKA_NODE_NONE before a responder knows it. */
uint32_t nika_session_peer(const struct nika_session *session);
/* Seal `size` (0..NIKA_SESSION_RECORD_MAX) bytes that stand at record + NIKA_SESSION_RECORD_HEAD, in place. Returns the size of the record,
 * size + NIKA_SESSION_RECORD_OVERHEAD, or 0 when the session is worn out. It must be sent before the next is sealed. Only when open. */
uint32_t nika_session_seal(struct nika_session *session, uint8_t *record, uint32_t size);
/* Bytes of memory held now. */
size_t nika_session_memory(const struct nika_session *session);

#endif
