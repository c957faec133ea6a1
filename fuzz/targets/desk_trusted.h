/* fuzz/targets/desk_trusted.h: the trusted subsystem of a desk: the instance of the module under test, and the key of the group, with
 * which whoever plays certifies for everybody else what no correct instance would. Private to the desk. */
#ifndef FUZZ_TARGETS_DESK_TRUSTED_H
#define FUZZ_TARGETS_DESK_TRUSTED_H

#include "engine/core/trusted_instance.h"
#include "fuzz/targets/desk.h"

#define DESK_CONTENT_MAX 4096u
#define DESK_ISSUED_MAX 4096u

/* What was hashed last. A quorum says the same: only what else is in the certificates differs from one to the next. */
struct desk_statement {
    uint8_t type;
    uint32_t size;
    struct nika_digest digest;
    uint8_t content[DESK_CONTENT_MAX];
};
/* How the instance fails. */
enum desk_failure {
    DESK_TRUSTED_WORKS,
    DESK_TRUSTED_GONE,    /* No call has an answer. */
    DESK_TRUSTED_REFUSES, /* What it is asked to certify it does not. */
};
/* Part of what an input changes; nothing of it is at a mark. */
struct desk_trusted_state {
    enum desk_failure failure;
    uint32_t left; /* Certificates until it fails. */
    bool moves;    /* The counter moves with the last of them, and nobody gets it. */
    bool told;     /* The module of now had a failure for an answer, and has to stop voting. */
    bool behind;   /* It began with a counter that is behind its log, and has to do without. */
    bool set_back; /* Its counters were. */
};
struct desk_trusted {
    struct desk_trusted_state state;
    struct nika_trusted_key *key;
    uint64_t epochs[NIKA_REPLICAS_MAX];
    uint32_t replicas;
    struct nika_trusted_instance instance, marked;
    struct desk_statement last;
    uint32_t issued_count, marked_issued;
    uint8_t issued[DESK_ISSUED_MAX][NIKA_TRUSTED_MAC_SIZE]; /* By the instance, in all its lives. */
};
void desk_trusted_init(struct desk_trusted *t, const struct nika_keyring *keyring,
                       uint32_t replicas, uint32_t self);
extern const struct nika_trusted_ops desk_trusted_ops;
/* Where the counter of orders stands. */
struct nika_trusted_value desk_trusted_order(const struct desk_trusted *t);
/* Every counter, to the mark or to where it never moved. */
void desk_trusted_set_back(struct desk_trusted *t, bool to_zero);
/* Are the certificates of a frame of the module's own those of a message of its protocol, over what it says? */
bool desk_trusted_good(const struct desk_trusted *t, const struct nika_replica_ops *ops,
                       const struct nika_config *config, const struct nika_frame *frame);
/* Did the module's own instance make the certificate of such a frame? If not it is good all the same when whoever plays made it, who can speak
 * for the module, too, and show it what it never said: what comes of that is not the module's word. */
bool desk_trusted_issued(const struct desk_trusted *t, const struct nika_replica_ops *ops,
                         const struct nika_config *config, const struct nika_frame *frame);
/* Of a desk, for the calls that get it as their world. */
struct desk_trusted *desk_trusted_of(void *desk);

#endif
