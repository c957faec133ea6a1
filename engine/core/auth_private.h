/* engine/core/auth_private.h: what auth.c, auth_keys.c and auth_test_keys.c share. Not for outside
 * use. */
#ifndef ENGINE_CORE_AUTH_PRIVATE_H
#define ENGINE_CORE_AUTH_PRIVATE_H

#include "engine/core/auth.h"
#include "engine/core/auth_hmac.h"
#include "engine/core/exchange.h"

struct evp_pkey_st;
struct evp_pkey_ctx_st;
struct evp_md_ctx_st;
struct evp_cipher_st;

struct node_key {
    struct evp_pkey_st *key;
    struct evp_md_ctx_st *md_signer,
        *md_verifier;                          /* ed25519: initialised once, copied for each use. */
    struct evp_pkey_ctx_st *signer, *verifier; /* ecdsa, rsa: over SHA-256 of the message. */
#if defined(NIKA_SODIUM)
    uint8_t raw[2 * NIKA_KEY_SIZE]; /* ed25519 of a live ring: secret (own key alone), public. */
#endif
};
#if defined(NIKA_SODIUM)
/* auth_sodium.c. */
void nika_sodium_put(struct node_key *key, bool signs);
void nika_sodium_sign(const struct node_key *key, struct nika_span message, uint8_t *signature);
bool nika_sodium_verify(const struct node_key *key, struct nika_span message,
                        const uint8_t *signature);
#endif
/* The MAC keys of a live ring between its own node and one other. */
struct pair_key {
    bool known;
    struct nika_hmac_key out, in;
};
/* Live, suite hmac: the key of the tags that one node makes for all. */
struct group_key {
    bool known;
    struct nika_hmac_key key;
};
struct nika_keyring {
    enum nika_suite suite;
    uint32_t replicas, clients;
    uint64_t seed;
    uint64_t sim_seed;
    bool live;              /* Keys were given, not derived from `seed`. */
    uint32_t self;          /* Live: the node whose private key it has. */
    struct nika_key group;  /* Live, suite hmac: what all nodes share. */
    struct pair_key *pairs; /* Live: as `keys`. */
    struct group_key *tags; /* Live, suite hmac: as `keys`; each is made when it is first needed. */
    uint32_t vector_entry;  /* Bytes for one replica in a client's vector; 0 = clients sign. */
    struct evp_md_ctx_st *scratch;
    struct node_key *keys; /* Replicas, then clients. */
};

static inline uint32_t nika_keyring_index(const struct nika_keyring *ring, uint32_t node)
{
    return nika_is_client(node) ? ring->replicas + nika_client_index(node) : node;
}
/* AES-256-GCM, for as long as the process lasts (auth_provider.c). From any thread. */
const struct evp_cipher_st *nika_sealing_cipher(void);
/* Give `node` this key pair or public key; the ring takes it. */
void nika_keyring_put(struct nika_keyring *ring, uint32_t node, struct evp_pkey_st *key);
bool nika_keyring_knows(const struct nika_keyring *ring, uint32_t node);

/* auth_vector.c: nika_sign() and nika_verify() of clients in a ring with vectors. */
enum nika_err nika_vector_sign(struct nika_keyring *ring, uint32_t client, struct nika_span message,
                               uint8_t *vector, uint32_t *size);
enum nika_err nika_vector_verify(struct nika_keyring *ring, uint32_t client,
                                 struct nika_span message, struct nika_span vector);

#define NIKA_RSA_TEST_KEYS 4u
/* PEM texts of a fixed pool: replica or client i uses key i mod 4; what is signed binds the node
 * anyway. */
extern const char *const nika_rsa_test_keys[NIKA_RSA_TEST_KEYS];

/* The private key of `node`, a pure function of (suite, seed, node); suite is one of the three with
 * key pairs. The caller frees it with EVP_PKEY_free. NULL when OpenSSL refuses, which is a bug or
 * lack of memory. */
struct evp_pkey_st *nika_auth_derive_key(enum nika_suite suite, uint64_t seed, uint32_t node);
uint64_t nika_keyring_seed(const struct nika_keyring *keyring);
/* What nika_auth_install_sim() got. */
const struct nika_auth_sim *nika_auth_sim_installed(void);
/* 32 secret bytes: SHA-256(label | seed u64 | a u32 | b u32). */
void nika_auth_derive_secret(const char *label, uint64_t seed, uint32_t a, uint32_t b,
                             struct nika_digest *out);

/* Sign / verify a SHA-256 hash; `signature` is r | s, 64 bytes. With a seed the nonce is a pure
 * function of (seed, node, hash), and while it signs the process's random source is the seeded one:
 * derived keys are for one-threaded worlds and tests. Without (NULL) the system's random source is used. */
void nika_auth_ecdsa_sign(struct evp_pkey_ctx_st *signer, const uint64_t *seed, uint32_t node,
                          const struct nika_digest *hash, uint8_t *signature);
bool nika_auth_ecdsa_verify(struct evp_pkey_ctx_st *verifier, const struct nika_digest *hash,
                            const uint8_t *signature);

#endif
