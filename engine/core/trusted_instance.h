/* engine/core/trusted_instance.h: a trusted instance in software, and the group's secret key (PROTOCOLS.md 2.1, 2.8).
 *
 * An instance is plain data: its counters and, per counter, the last certificate for reissue(). It holds no key; whoever certifies
 * needs both. The key is opaque and never copied out. A world owns both; a module reaches them only through struct nika_host. */
#ifndef ENGINE_CORE_TRUSTED_INSTANCE_H
#define ENGINE_CORE_TRUSTED_INSTANCE_H

#include "engine/core/auth.h"
#include "engine/core/trusted.h"

#define NIKA_TRUSTED_SECRET_SIZE 32u
/* The epoch that worlds register for every instance: a group is configured once per run. */
#define NIKA_TRUSTED_EPOCH UINT64_C(1)

/* ---- the key ---- */
struct nika_trusted_key;
/* HMAC-SHA256 under `secret`, which is copied. NULL when out of memory. */
struct nika_trusted_key *nika_trusted_key_new(const uint8_t secret[NIKA_TRUSTED_SECRET_SIZE]);
/* The key of a derived ring's group: keyed XXH3 for suite `sim`, HMAC-SHA256 for all others. NULL when out of memory. */
struct nika_trusted_key *nika_trusted_key_of(const struct nika_keyring *keyring);
/* Wipes the secret. NULL is allowed. */
void nika_trusted_key_free(struct nika_trusted_key *key);
/* NIKA_ERR_AUTH: suite `sim` in a program without it. */
NIKA_MUST_USE enum nika_err nika_trusted_key_tag(struct nika_trusted_key *key,
                                                 struct nika_span message,
                                                 uint8_t mac[NIKA_TRUSTED_MAC_SIZE]);
/* Constant-time. NIKA_OK or NIKA_ERR_AUTH. */
NIKA_MUST_USE enum nika_err nika_trusted_key_check(struct nika_trusted_key *key,
                                                   struct nika_span message,
                                                   const uint8_t mac[NIKA_TRUSTED_MAC_SIZE]);

/* ---- the instance ---- */
struct nika_trusted_counter {
    struct nika_trusted_certificate last; /* kind 0: the counter never moved. */
    struct nika_digest digest;            /* What `last` is over. */
};
struct nika_trusted_instance {
    uint32_t id;
    uint32_t counters; /* How many it has, at most NIKA_TRUSTED_COUNTERS_MAX. */
    uint32_t used;     /* Counters from 0 up to the highest that ever moved; the rest is zero. */
    uint64_t epoch;
    struct nika_trusted_counter counter[NIKA_TRUSTED_COUNTERS_MAX];
};

void nika_trusted_instance_init(struct nika_trusted_instance *instance, uint32_t id, uint64_t epoch,
                                uint32_t counters);
/* Bytes from its start that are in use: the rest is zero. */
size_t nika_trusted_instance_used(const struct nika_trusted_instance *instance);

/* The four calls, as struct nika_trusted_ops says. After an error the instance is as it was. */
NIKA_MUST_USE enum nika_err
nika_trusted_certify(struct nika_trusted_instance *instance, struct nika_trusted_key *key,
                     enum nika_trusted_kind kind, uint32_t counter, struct nika_trusted_value value,
                     const struct nika_digest *digest, struct nika_trusted_certificate *out);
/* `epochs` holds the registered epoch of instances 0 .. count-1. */
bool nika_trusted_verify(struct nika_trusted_key *key, const uint64_t *epochs, uint32_t count,
                         const struct nika_trusted_certificate *certificate,
                         const struct nika_digest *digest);
NIKA_MUST_USE enum nika_err nika_trusted_read(const struct nika_trusted_instance *instance,
                                              uint32_t counter, struct nika_trusted_value *value,
                                              uint64_t *epoch);
NIKA_MUST_USE enum nika_err nika_trusted_reissue(const struct nika_trusted_instance *instance,
                                                 uint32_t counter,
                                                 struct nika_trusted_certificate *out,
                                                 struct nika_digest *digest);

#endif
