/* faults/byzantine/grammar.h: what the parts of the grammar adversary share: its memory of what was really said, and its means
 * of saying other things (ATTACKS.md 10.3).
 *
 * The adversary hears every frame on every link, so it can show anybody what somebody really signed; it can sign only as the
 * replicas that it corrupted. Unforgeability is therefore exact: a certificate of its making holds archived frames and frames
 * signed with its own keys, and nothing else. Parts: grammar.c acts, grammar_archive.c remembers, grammar_batch.c has other
 * batches, grammar_proof.c writes certificates, VIEW-CHANGEs and NEW-VIEWs, grammar_cert.c COMMIT-CERTs. */
#ifndef FAULTS_BYZANTINE_GRAMMAR_H
#define FAULTS_BYZANTINE_GRAMMAR_H

#include "faults/support.h"

#define GRAMMAR_VOTES 160u
#define GRAMMAR_VOTE_SIZE 384u /* A vote with an RSA-2048 signature is 333 bytes. */
#define GRAMMAR_CHANGES 12u
#define GRAMMAR_CHANGE_SIZE 6144u
#define GRAMMAR_REQUESTS 8u
#define GRAMMAR_REQUEST_SIZE 512u
#define GRAMMAR_VARIANTS 16u
#define GRAMMAR_TOLD 32u
#define GRAMMAR_SPAN_MAX 64u      /* Orders in a NEW-VIEW of ours. */
#define GRAMMAR_CANDIDATES_MAX 6u /* For one sequence number. */
#define GRAMMAR_PROOF_SIZE (32u * 1024u)

/* Classes of acts; each has a temper for the run. */
enum grammar_class {
    GRAMMAR_PROPOSE,     /* PRE-PREPARE: another batch, or nothing. */
    GRAMMAR_VOTE,        /* PREPARE, COMMIT, CHECKPOINT: another digest, or nothing. */
    GRAMMAR_BURST,       /* All corrupted senders vote at once for what a receiver was told. */
    GRAMMAR_VIEW_CHANGE, /* Lies in VIEW-CHANGE, early ones included. */
    GRAMMAR_NEW_VIEW,    /* Lies in NEW-VIEW. */
    GRAMMAR_LATE,        /* Old frames and votes again, released when the world has moved on. */
    GRAMMAR_CERT,        /* COMMIT-CERTs for what was never committed. */
    GRAMMAR_CLASSES
};

/* PRE-PREPARE, PREPARE, COMMIT or CHECKPOINT as it was really signed. */
struct grammar_vote {
    uint64_t view, seq;
    struct nika_digest digest;
    uint32_t sender;
    uint16_t size;
    uint8_t type;
    uint8_t frame[GRAMMAR_VOTE_SIZE];
};
struct grammar_change {
    uint64_t view;
    uint32_t sender, size;
    uint8_t frame[GRAMMAR_CHANGE_SIZE];
};
struct grammar_request {
    uint64_t timestamp;
    uint32_t client, size;
    uint8_t frame[GRAMMAR_REQUEST_SIZE];
};
/* Another batch for (view, seq): real, of requests that clients really sent. */
struct grammar_variant {
    uint64_t view, seq, time_ns;
    struct nika_digest digest;
    uint32_t which, size; /* size 0 = free */
    uint8_t body[GRAMMAR_REQUEST_SIZE + 64];
};
/* An order that a correct replica was sent. */
struct grammar_told {
    uint64_t view, seq;
    struct nika_digest digest;
    uint32_t to;
    uint32_t burst; /* 1 + how corrupted senders vote in this slot; 0 = not decided yet. */
};
struct grammar {
    uint32_t temper_ppm[GRAMMAR_CLASSES];
    uint32_t votes, changes, requests, variants, told; /* Ever kept: rings. */
    struct grammar_vote vote[GRAMMAR_VOTES];
    struct grammar_change change[GRAMMAR_CHANGES];
    struct grammar_request request[GRAMMAR_REQUESTS];
    struct grammar_variant variant[GRAMMAR_VARIANTS];
    struct grammar_told tell[GRAMMAR_TOLD];
};

static inline uint32_t grammar_kept(uint32_t ever, uint32_t ring)
{
    return ever < ring ? ever : ring;
}
static inline uint32_t grammar_primary(const struct nika_fault *fault, uint64_t view)
{
    return (uint32_t)(view % fault->host->config->n);
}
static inline uint32_t grammar_quorum(const struct nika_fault *fault)
{
    /* Q = ceil((n + f + 1) / 2), restated: a fault uses message tables, no protocol code. */
    const struct nika_config *c = fault->host->config;
    return (c->n + c->f + 2) / 2;
}

/* ---- grammar.c ---- */
/* With the temper of the class: one of the lies 1..lies; 0 = honest. Named by (subject, type, view, seq). */
uint32_t grammar_lie(struct nika_fault *fault, enum grammar_class kind, uint32_t subject,
                     uint16_t type, uint64_t view, uint64_t seq, uint32_t lies);

/* ---- grammar_archive.c ---- */
/* Remember the frame on the link, if it is of use. Returns the index of what a correct receiver was just told, or UINT32_MAX. */
uint32_t grammar_hear(struct nika_fault *fault, const struct nika_outgoing *out);
/* NULL = never signed. `digest` NULL = any. */
const struct grammar_vote *grammar_find(const struct grammar *g, uint8_t type, uint32_t sender,
                                        uint64_t view, uint64_t seq,
                                        const struct nika_digest *digest);
/* A checkpoint that Q replicas have signed, the highest: its frames through `w`, ascending. 0 = none. */
uint64_t grammar_stable(const struct nika_fault *fault, struct nika_writer *w,
                        struct nika_list *frames);

/* ---- grammar_batch.c ---- */
/* Another batch for (view, seq), the `which`-th; the same each time. NULL when no client has asked for anything. */
const struct grammar_variant *grammar_variant(struct nika_fault *fault, uint64_t view, uint64_t seq,
                                              uint32_t which);
/* The batch with this digest, NULL when it is none of ours. */
const struct grammar_variant *grammar_variant_of(const struct grammar *g,
                                                 const struct nika_digest *digest);
/* A digest for (view, seq) that is not `honest`: that of a batch that was offered, or of nothing. */
void grammar_other_digest(const struct grammar *g, uint64_t view, uint64_t seq,
                          const struct nika_digest *honest, struct nika_digest *out);
/* Send the batch itself from `from` to `to`. */
void grammar_send_batch(struct nika_fault *fault, uint32_t from, uint32_t to,
                        const struct grammar_variant *variant);

/* ---- grammar_proof.c ---- */
enum grammar_change_lie {
    GRAMMAR_CHANGE_EMPTY = 1, /* Nothing was prepared. */
    GRAMMAR_CHANGE_STALE, /* Genuine certificates, chosen: of older views, of other batches, or left out. */
    GRAMMAR_CHANGE_FORGED,   /* Certificates that only look like it. */
    GRAMMAR_CHANGE_INFLATED, /* A later checkpoint than anybody has proof of. */
    GRAMMAR_CHANGE_LIES = GRAMMAR_CHANGE_INFLATED
};
/* A VIEW-CHANGE of `from` for `view`, its lists written through `w`. False when it does not fit. */
bool grammar_change(struct nika_fault *fault, uint32_t from, uint64_t view,
                    enum grammar_change_lie lie, struct nika_writer *w,
                    struct pbft_view_change *out);
enum grammar_new_view_lie {
    GRAMMAR_NEW_VIEW_SUBSET = 1, /* Another quorum of VIEW-CHANGEs, orders that follow from it. */
    GRAMMAR_NEW_VIEW_OWN,        /* The same, with own VIEW-CHANGEs rewritten. */
    GRAMMAR_NEW_VIEW_NULL,       /* Every order is null. */
    GRAMMAR_NEW_VIEW_LOWEST,     /* The certificate of the lowest view wins. */
    GRAMMAR_NEW_VIEW_OTHER,      /* The last order is of another batch. */
    GRAMMAR_NEW_VIEW_FEW,   /* Too few VIEW-CHANGEs, down to an own one that hides everything. */
    GRAMMAR_NEW_VIEW_TWICE, /* The same few, a quorum only by counting the last one again. */
    GRAMMAR_NEW_VIEW_LIES = GRAMMAR_NEW_VIEW_TWICE
};
/* A NEW-VIEW of `from` for `view`. False when too few VIEW-CHANGEs for it were heard, or it does not fit. */
bool grammar_new_view(struct nika_fault *fault, uint32_t from, uint64_t view,
                      enum grammar_new_view_lie lie, struct nika_writer *w,
                      struct pbft_new_view *out);

/* ---- grammar_cert.c ---- */
enum grammar_cert_lie {
    GRAMMAR_CERT_EMPTY = 1, /* Not one COMMIT. */
    GRAMMAR_CERT_FORGED, /* COMMITs for one order; signatures are wrong where nobody signed it. */
    GRAMMAR_CERT_MIXED,  /* COMMITs that were really signed, of different orders. */
    GRAMMAR_CERT_LIES = GRAMMAR_CERT_MIXED
};
/* A COMMIT-CERT that `liar` shows `to`. False when too few COMMITs were heard. */
bool grammar_cert(struct nika_fault *fault, uint32_t to, uint64_t view, enum grammar_cert_lie lie,
                  uint32_t liar, struct nika_writer *w, struct pbft_commit_cert *out);

#endif
