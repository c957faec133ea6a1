/* engine/core/exchange.h: the cryptography of set-up and of links: raw key pairs, key agreement, key derivation, sealed records
 * (PROTOCOLS.md 5). Implemented in auth_exchange.c over OpenSSL.
 *
 * Pure: whoever needs fresh secrets brings random bytes. Keeps no key between calls, except in a sealer. */
#ifndef ENGINE_CORE_EXCHANGE_H
#define ENGINE_CORE_EXCHANGE_H

#include "engine/core/err.h"
#include "engine/core/types.h"

#define NIKA_KEY_SIZE 32u
#define NIKA_IDENTITY_SIGNATURE_SIZE 64u
#define NIKA_SEAL_TAG_SIZE 16u

/* A raw secret or public key of Ed25519 or X25519, or a symmetric key. Any 32 random bytes are a secret key. */
struct nika_key {
    uint8_t bytes[NIKA_KEY_SIZE];
};

/* X25519: the public key of a secret. */
void nika_exchange_public(const struct nika_key *secret, struct nika_key *out);
/* X25519: the shared secret. False when the peer's key is a point of low order, which would make it predictable. */
NIKA_MUST_USE bool nika_exchange_shared(const struct nika_key *secret, const struct nika_key *peer,
                                        struct nika_key *out);
/* Ed25519, outside of any suite: identities sign only session transcripts, under a domain of their own. */
void nika_identity_public(const struct nika_key *secret, struct nika_key *out);
void nika_identity_sign(const struct nika_key *secret, struct nika_span message,
                        uint8_t signature[NIKA_IDENTITY_SIGNATURE_SIZE]);
NIKA_MUST_USE bool nika_identity_verify(const struct nika_key *public_key, struct nika_span message,
                                        const uint8_t signature[NIKA_IDENTITY_SIGNATURE_SIZE]);
/* HKDF-SHA256 (RFC 5869): one key for each label. */
void nika_key_derive(const struct nika_key *secret, const struct nika_digest *salt,
                     const char *label, struct nika_key *out);
/* Forget secret bytes in a way that the compiler may not remove. */
void nika_key_erase(void *bytes, size_t size);

/* AES-256-GCM under one key in one direction. The nonce is the counter, so no counter may be sealed twice. */
struct nika_sealer;
/* NULL when memory is short. */
struct nika_sealer *nika_sealer_new(const struct nika_key *key, bool sealing);
void nika_sealer_free(struct nika_sealer *sealer);
/* Write `plain` sealed and its tag to `out`, plain.size + NIKA_SEAL_TAG_SIZE bytes; `head` is authenticated with it. `out` may be where
 * `plain` is. */
void nika_seal(struct nika_sealer *sealer, uint64_t counter, struct nika_span head,
               struct nika_span plain, uint8_t *out);
/* The reverse. False when the tag is wrong; `out` then holds nothing of use. `sealed` holds at least a tag. */
NIKA_MUST_USE bool nika_unseal(struct nika_sealer *sealer, uint64_t counter, struct nika_span head,
                               struct nika_span sealed, uint8_t *out);

#endif
