/* engine/oracle/accountability.h: who can be proven guilty, from messages alone (ATTACKS.md 9.3).
 *
 * An archive keeps every statement that correct replicas sent or received and that is signed or certified by a trusted subsystem, those
 * nested in other messages included. After a violation nika_archive_accuse() looks for statements that no correct replica signs together.
 * Each accusation is evidence: a few frames that anybody who has the public keys can check with nika_evidence_verify(). MACs convince only
 * their receiver, so with suite hmac no signature is evidence. What a trusted subsystem certified convinces its whole group with every
 * suite. Of one that contradicts itself the owner is convicted, whoever set it back, cloned it or took its key: the fault bound counts
 * him. Who runs the protocol is never accused: neither a crash nor lost, late or repeated messages make a correct replica contradict
 * itself. */
#ifndef ENGINE_ORACLE_ACCOUNTABILITY_H
#define ENGINE_ORACLE_ACCOUNTABILITY_H

#include "engine/core/replica.h"
#include "engine/core/tap.h"
#include "engine/core/trusted_instance.h"

#define NIKA_CONVICTIONS_MAX 16u
#define NIKA_EVIDENCE_FRAMES 2u
#define NIKA_CONVICTION_SIZE 200u

enum nika_guilt {
    NIKA_GUILT_NONE,
    NIKA_GUILT_EQUIVOCATION, /* Two contents for one class, view and sequence number. */
    NIKA_GUILT_AMNESIA,      /* A COMMIT, and a later VIEW-CHANGE that forgets what was prepared. */
    NIKA_GUILT_UNJUSTIFIED,  /* A NEW-VIEW whose orders do not follow from its VIEW-CHANGEs. */
    NIKA_GUILT_TRUSTED,      /* Two certificates that no working trusted subsystem issues both. */
    NIKA_GUILT_COUNT
};
const char *nika_guilt_name(uint32_t guilt); /* "equivocation" */
const char *nika_guilt_doc(uint32_t guilt);  /* One sentence: why no correct replica does it. */

/* What it takes to read and check evidence: the cluster's configuration, its protocol's messages, and the public keys. */
struct nika_evidence_rules {
    const struct nika_config *config;
    const struct nika_replica_ops *ops;
    struct nika_keyring *keyring;
    struct nika_trusted_key *trusted; /* The group's, of a hybrid protocol; NULL = none. */
};
/* Room for the signed bytes of one message. */
#define NIKA_EVIDENCE_SCRATCH (NIKA_MESSAGE_SIZE_MAX + NIKA_SIGNED_HEAD_SIZE)

/* Does this evidence convict `accused`? From keys and bytes alone: parses both frames, checks every signature that it relies on and
 * the rule of its kind. `frames[1]` is empty where one frame suffices. `scratch` has NIKA_EVIDENCE_SCRATCH bytes. */
bool nika_evidence_verify(const struct nika_evidence_rules *rules, enum nika_guilt kind,
                          uint32_t accused, const struct nika_span frames[NIKA_EVIDENCE_FRAMES],
                          uint8_t *scratch);

struct nika_conviction {
    enum nika_guilt kind;
    uint32_t replica;
    bool
        corrupted; /* The run had corrupted it. False: the module that it runs broke the protocol. */
    uint64_t view, seq;
    uint32_t at[NIKA_EVIDENCE_FRAMES], size[NIKA_EVIDENCE_FRAMES]; /* In the archive. */
    char sentence[NIKA_CONVICTION_SIZE];
};
struct nika_accusation {
    bool examined;
    bool full;     /* The archive was full: there may be more. */
    bool conflict; /* Two quorums of COMMITs contradict each other. */
    uint64_t conflict_seq;
    uint32_t
        promised; /* Culprits that theory promises when quorums conflict: 2Q - n, or the signer of a NEW-VIEW that does not
                          follow; else 0. */
    uint64_t culprits[2]; /* Bit i = replica i is convicted. */
    uint32_t count;       /* One for each culprit. */
    struct nika_conviction list[NIKA_CONVICTIONS_MAX];
};

struct nika_archive;
/* Bytes of an archive; the caller gives them zeroed, 16-aligned. */
size_t nika_archive_size(void);
/* `corrupted`: bit i = what replica i holds is not to be trusted; only what correct nodes sent or received is archived. Rules and
 * what they point to are borrowed. */
struct nika_archive *nika_archive_init(void *memory, const struct nika_evidence_rules *rules,
                                       const uint64_t corrupted[2]);
struct nika_watcher nika_archive_watcher(struct nika_archive *archive);
/* Add one frame, and those nested in it, after checking its signature. For logs that come from elsewhere. */
void nika_archive_add(struct nika_archive *archive, struct nika_span frame);
/* Judge everything archived so far. Every conviction has passed nika_evidence_verify(). */
void nika_archive_accuse(struct nika_archive *archive, struct nika_accusation *out);
/* A frame of a conviction; empty when there is none. Borrowed from the archive. */
struct nika_span nika_archive_frame(const struct nika_archive *archive,
                                    const struct nika_conviction *conviction, uint32_t index);

/* ---- evidence_trusted.c, for the archive ---- */
/* A frame whose trusted certificates hold. Its `sender` is part of none of them: whose they are, they say themselves. */
struct nika_certified {
    struct nika_frame frame;
    struct nika_digest digest; /* What each of them is over. */
    uint32_t count;
    struct nika_trusted_certificate certificates[NIKA_PILLARS_MAX];
};
/* False when there is no certificate, or one of them does not hold. */
bool nika_evidence_certified(const struct nika_evidence_rules *rules, struct nika_span raw,
                             struct nika_certified *out);
/* Did the counter come to `value` by this certificate? Neither a trusted MAC nor a value that is certified again moves it. */
bool nika_evidence_moves(const struct nika_trusted_certificate *certificate);
/* Is this a frame's sender's own, under a trusted MAC? */
bool nika_evidence_vouched(const struct nika_evidence_rules *rules, const struct nika_frame *frame);
/* Does each frame have a certificate of `accused`'s instance, such that a working one issues but one of the two? */
bool nika_evidence_bound_twice(const struct nika_evidence_rules *rules, uint32_t accused,
                               const struct nika_span frames[NIKA_EVIDENCE_FRAMES]);

/* ---- evidence.c, for the archive ---- */
/* Visit the frames directly inside a message (fields FRAMES and BYTES, and those in the elements of lists). */
typedef void nika_nested_visit(void *context, struct nika_span frame);
void nika_nested_frames(const struct nika_evidence_rules *rules, uint8_t type,
                        struct nika_span body, nika_nested_visit *visit, void *context);
/* Parse and classify; false when it is no signed frame of a replica, nor a CHECKPOINT under a trusted MAC, which stands for one. */
bool nika_evidence_read(const struct nika_evidence_rules *rules, struct nika_span raw,
                        struct nika_frame *frame, struct nika_summary *summary);
bool nika_evidence_signed(const struct nika_evidence_rules *rules, const struct nika_frame *frame,
                          uint8_t *scratch);
/* What a statement is about: VIEW-CHANGEs and NEW-VIEWs are one a view, CHECKPOINTs one a sequence number. False for classes that
 * bind nobody. */
bool nika_evidence_key(const struct nika_summary *summary, uint64_t *view, uint64_t *seq);

#endif
