/* tests/protocols/hybster/build.h: Hybster's messages, valid or wrong in one chosen way, certified as the test likes. */
#ifndef TESTS_PROTOCOLS_HYBSTER_BUILD_H
#define TESTS_PROTOCOLS_HYBSTER_BUILD_H

#include "tests/protocols/hybster/fixture.h"

/* What may be wrong with a certificate. 0 = nothing. */
enum build_flaw {
    FLAW_NONE,
    FLAW_KIND,
    FLAW_COUNTER,
    FLAW_VALUE,
    FLAW_INSTANCE,
    FLAW_EPOCH,
    FLAW_MAC,
    FLAW_DIGEST,
    FLAW_COUNT,
};

/* PREPARE or COMMIT. */
struct build_order {
    bool commit;
    uint32_t sender;
    uint64_t view, seq;
    struct nika_digest digest;
    enum build_flaw flaw;
};
struct build_checkpoint {
    uint32_t sender;
    uint64_t seq;
    uint8_t state; /* Fills the digest. */
    enum build_flaw flaw;
};
/* A continuing certificate from one value of the ordering counter to another. */
struct build_hop {
    uint32_t pillar;
    struct nika_trusted_value previous, value;
    bool opening; /* Of the counter of NEW-VIEWs instead: that value.view can never begin. */
    bool unsaid;  /* ... but what is certified says something else. */
    enum build_flaw flaw;
};
#define BUILD_PARTS_MAX 16u
struct build_view_change {
    uint32_t sender;
    uint64_t view, from, low_mark;
    struct nika_trusted_value previous; /* Where the counter was: of the first pillar, ... */
    struct nika_trusted_value others[NIKA_PILLARS_MAX]; /* ... and of pillar i, if not 0. */
    uint32_t flawed; /* The pillar whose certificate has the flaw. */
    uint32_t fewer;  /* So many certificates are left out at the end. */
    struct build_checkpoint checkpoints[BUILD_PARTS_MAX];
    uint32_t checkpoint_count;
    struct build_order prepares[BUILD_PARTS_MAX];
    uint32_t prepare_count;
    struct build_hop hops[BUILD_PARTS_MAX];
    uint32_t hop_count;
    uint32_t junk; /* Bytes of a last frame of garbage in C. */
    enum build_flaw flaw;
};
struct build_ack {
    uint32_t sender;
    uint64_t view, base, low_mark;
    struct build_checkpoint checkpoints[BUILD_PARTS_MAX];
    uint32_t checkpoint_count;
    struct build_order prepares[BUILD_PARTS_MAX];
    uint32_t prepare_count;
    enum build_flaw flaw;
};
struct build_new_view {
    uint32_t sender;
    uint64_t view, base;
    struct build_view_change changes[4];
    uint32_t change_count;
    struct build_ack acks[4];
    uint32_t ack_count;
    struct build_order prepares[BUILD_PARTS_MAX];
    uint32_t prepare_count;
    enum build_flaw flaw;
};

struct nika_digest build_digest(uint8_t fill);
struct fixture_bytes build_order(struct fixture *f, const struct build_order *spec);
struct fixture_bytes build_checkpoint(struct fixture *f, const struct build_checkpoint *spec);
struct fixture_bytes build_view_change(struct fixture *f, const struct build_view_change *spec);
struct fixture_bytes build_ack(struct fixture *f, const struct build_ack *spec);
struct fixture_bytes build_new_view(struct fixture *f, const struct build_new_view *spec);
/* A REQUEST of `client` under `timestamp`. */
struct fixture_bytes build_request(struct fixture *f, uint32_t client, uint64_t timestamp);
/* A BATCH body with one request of client 0 under `timestamp`, and its digest. With `forged` the client's signature is damaged. */
struct fixture_bytes build_batch(struct fixture *f, uint64_t timestamp, uint64_t time_ns,
                                 bool forged, struct nika_digest *digest);
/* Give a BATCH and free the body. */
void build_give_batch(struct fixture *f, uint32_t sender, struct fixture_bytes body);
/* PREPARE of `seq` in view 0 by its leader, with its batch. */
struct nika_digest build_ordered(struct fixture *f, uint64_t seq);
/* What stands for the NEW-VIEW of a view that can never begin. */
void build_void(struct fixture *f, uint64_t view, struct nika_digest *digest);
/* Empty VIEW-CHANGEs of all others, which it follows. */
void build_leave(struct fixture *f, uint64_t view);
/* COMMIT of another replica. */
void build_commit(struct fixture *f, uint32_t sender, uint64_t view, uint64_t seq,
                  const struct nika_digest *digest);

#endif
