/* engine/core/auth_private.h: what auth.c, auth_keys.c and auth_test_keys.c share. Not for outside
 * use. */
#ifndef ENGINE_CORE_AUTH_PRIVATE_H
#define ENGINE_CORE_AUTH_PRIVATE_H

#include "engine/core/auth.h"

#define NIKA_RSA_TEST_KEYS 4u
/* PEM texts of a fixed pool: replica or client i uses key i mod 4; what is signed binds the node
 * anyway. */
extern const char *const nika_rsa_test_keys[NIKA_RSA_TEST_KEYS];

struct evp_pkey_st;
struct evp_pkey_ctx_st;
/* The private key of `node`, a pure function of (suite, seed, node); suite is one of the three with
 * key pairs. The caller frees it with EVP_PKEY_free. NULL when OpenSSL refuses, which is a bug or
 * lack of memory. */
struct evp_pkey_st *nika_auth_derive_key(enum nika_suite suite, uint64_t seed, uint32_t node);
struct evp_mac_ctx_st;
/* HMAC-SHA256 with its digest chosen once; later initialisations only change the key. The caller frees it with EVP_MAC_CTX_free. NULL
 * when OpenSSL refuses. */
struct evp_mac_ctx_st *nika_auth_hmac_new(void);
uint64_t nika_keyring_seed(const struct nika_keyring *keyring);
/* What nika_auth_install_sim() got. */
const struct nika_auth_sim *nika_auth_sim_installed(void);
/* 32 secret bytes: SHA-256(label | seed u64 | a u32 | b u32). */
void nika_auth_derive_secret(const char *label, uint64_t seed, uint32_t a, uint32_t b,
                             struct nika_digest *out);

/* Sign / verify a SHA-256 hash; `signature` is r | s, 64 bytes. The nonce is a pure function of
 * (seed, node, hash). While it signs, the process's random source is the seeded one: derived keys
 * are for one-threaded worlds and tests. */
void nika_auth_ecdsa_sign(struct evp_pkey_ctx_st *signer, uint64_t seed, uint32_t node,
                          const struct nika_digest *hash, uint8_t *signature);
bool nika_auth_ecdsa_verify(struct evp_pkey_ctx_st *verifier, const struct nika_digest *hash,
                            const uint8_t *signature);

#endif
