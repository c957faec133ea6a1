/* faults/hybster/archive.h: what a liar of Hybster has heard: orders, CHECKPOINTs, VIEW-CHANGEs and NEW-VIEW-ACKs as they were really certified.
 *
 * Rings in the fault's state; what is older is forgotten. Never decides, never sends. */
#ifndef FAULTS_HYBSTER_ARCHIVE_H
#define FAULTS_HYBSTER_ARCHIVE_H

#include "engine/core/config.h"
#include "engine/core/frame.h"
#include "protocols/hybster/messages.h"

#define ARCHIVE_ORDERS 96u
#define ARCHIVE_ORDER_SIZE 192u
#define ARCHIVE_CHANGES 12u
#define ARCHIVE_CHANGE_SIZE 6144u

struct archive_order {
    uint64_t view, seq;
    struct nika_digest digest;
    uint32_t size; /* 0 = free. */
    uint8_t frame[ARCHIVE_ORDER_SIZE];
};
struct archive_change {
    uint64_t view;
    uint32_t sender, size; /* size 0 = free. */
    uint8_t frame[ARCHIVE_CHANGE_SIZE];
};
struct archive {
    uint32_t orders, changes; /* Ever kept. */
    struct archive_order order[ARCHIVE_ORDERS];
    struct archive_change change[ARCHIVE_CHANGES];
};

/* Remember a PREPARE or VIEW-CHANGE; anything else is nothing new. */
void archive_hear(struct archive *a, const struct nika_config *config, struct nika_span raw);
/* The PREPARE of (view, seq), NULL when none was heard. */
const struct archive_order *archive_order(const struct archive *a, uint64_t view, uint64_t seq);
/* A batch that was really ordered, but not this one; NULL when there is none. */
const struct nika_digest *archive_other(const struct archive *a, const struct nika_digest *digest);
/* The VIEW-CHANGE of `sender` for the lowest view from `view` on, below `limit`; NULL when none was heard. */
const struct archive_change *archive_change(const struct archive *a, uint32_t sender, uint64_t view,
                                            uint64_t limit);

#endif
