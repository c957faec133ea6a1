/* tests/protocols/pbft/view_build.h: view-change messages, valid or wrong in one chosen way, signed by whom the test likes. */
#ifndef TESTS_PROTOCOLS_PBFT_VIEW_BUILD_H
#define TESTS_PROTOCOLS_PBFT_VIEW_BUILD_H

#include "tests/protocols/pbft/cluster.h"

/* A prepared certificate. Zero fields mean "as it should be". */
struct build_certificate {
    uint64_t view, seq;
    uint8_t digest;        /* Fills the digest. */
    uint32_t prepares;     /* Count; 0 = Q - 1. */
    bool wrong_primary;    /* The PRE-PREPARE is signed by another replica. */
    bool primary_prepares; /* One PREPARE comes from the primary. */
    bool repeated_sender;  /* One PREPARE twice. */
    bool other_digest;     /* One PREPARE is for another digest. */
    bool bad_signature;    /* One PREPARE has a damaged signature. */
    bool commit_instead;   /* One vote is a COMMIT with the same fields. */
};
struct build_view_change {
    uint32_t sender;
    uint64_t view, low_mark;
    const struct build_certificate *prepared;
    uint32_t prepared_count;
    uint32_t checkpoints;      /* Frames in C; 0 = Q, or none when low_mark is 0. */
    uint32_t junk_checkpoints; /* Frames of garbage in C, to make the message too big. */
    bool no_checkpoints, repeated_checkpoint, other_checkpoint_digest, checkpoint_of_other_seq;
    uint8_t state; /* Fills the state digest in C. */
};
struct build_order {
    uint64_t view, seq;
    uint8_t digest; /* 0 = null. */
    uint32_t signer;
};

struct cluster_bytes build_view_change(struct cluster *c, const struct build_view_change *spec);
struct cluster_bytes build_new_view(struct cluster *c, uint32_t sender, uint64_t view,
                                    const struct cluster_bytes *changes, uint32_t change_count,
                                    const struct build_order *orders, uint32_t order_count);
struct nika_digest build_digest(uint8_t fill);

#endif
