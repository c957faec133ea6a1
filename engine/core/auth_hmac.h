/* engine/core/auth_hmac.h: HMAC-SHA256 (RFC 2104) under keys that are used again and again: what a key costs is paid once.
 *
 * The generic interface of OpenSSL 3 allocates and copies contexts for each tag, which takes longer than the hash of a short message. SHA-256
 * itself is OpenSSL's. Pure: keeps nothing between calls. */
#ifndef ENGINE_CORE_AUTH_HMAC_H
#define ENGINE_CORE_AUTH_HMAC_H

#include "engine/core/types.h"

#define NIKA_HMAC_SIZE 32u
#define NIKA_HMAC_KEY_SIZE 32u

/* The states of the inner and the outer hash behind the block of the key. As secret as the key. */
struct nika_hmac_key {
    uint32_t inner[8], outer[8];
};

/* Prepare a key of NIKA_HMAC_KEY_SIZE bytes. */
void nika_hmac_key_init(struct nika_hmac_key *key, const uint8_t secret[NIKA_HMAC_KEY_SIZE]);
/* The tag of `message`. */
void nika_hmac(const struct nika_hmac_key *key, struct nika_span message,
               uint8_t tag[NIKA_HMAC_SIZE]);

#endif
