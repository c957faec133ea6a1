/* fuzz/targets/desk_trusted.h: the trusted subsystem of a desk: the instance of the module under test, and the key of the group, with
 * which whoever plays certifies for everybody else what no correct instance would. Private to the desk. */
#ifndef FUZZ_TARGETS_DESK_TRUSTED_H
#define FUZZ_TARGETS_DESK_TRUSTED_H

#include "engine/core/trusted_instance.h"
#include "fuzz/targets/desk.h"

#define DESK_CONTENT_MAX 4096u

/* What was hashed last. A quorum says the same: only what else is in the certificates differs from one to the next. */
struct desk_statement {
    uint8_t type;
    uint32_t size;
    struct nika_digest digest;
    uint8_t content[DESK_CONTENT_MAX];
};
struct desk_trusted {
    struct nika_trusted_key *key;
    uint64_t epochs[NIKA_REPLICAS_MAX];
    uint32_t replicas;
    struct nika_trusted_instance instance, marked;
    struct desk_statement last;
};
void desk_trusted_init(struct desk_trusted *t, const struct nika_keyring *keyring,
                       uint32_t replicas, uint32_t self);
extern const struct nika_trusted_ops desk_trusted_ops;
/* Of a desk, for the calls that get it as their world. */
struct desk_trusted *desk_trusted_of(void *desk);

#endif
