/* engine/core/auth.h: authentication suites behind one interface (PROTOCOLS.md 5). auth.c is the only file that sees OpenSSL.
 *
 * A keyring holds the public keys of all nodes and the private keys of those it was given. Contexts and keys are made once
 * and reused; nothing is fetched per call. Suite `sim` is a keyed hash with engine-held keys: unforgeable inside the
 * simulator, never linked into the shim (it lives in auth_sim.c, registered by engine/sim). */
#ifndef ENGINE_CORE_AUTH_H
#define ENGINE_CORE_AUTH_H

#include "engine/core/err.h"
#include "engine/core/limits.h"
#include "engine/core/types.h"

enum nika_suite {
    NIKA_SUITE_NONE = 0,
    NIKA_SUITE_ED25519 = 1,
    NIKA_SUITE_ECDSA_P256 = 2,
    NIKA_SUITE_RSA_2048 = 3,
    NIKA_SUITE_HMAC = 4, /* SHA-256 session MAC: pairwise, not transferable. */
    NIKA_SUITE_SIM = 5,
};
const char *
nika_suite_name(enum nika_suite suite); /* "ed25519", "ecdsa-p256", "rsa-2048", "hmac", "sim". */
/* NIKA_SUITE_NONE when unknown. */
enum nika_suite nika_suite_parse(const char *name);
/* Largest signature of the suite in bytes. */
uint32_t nika_suite_signature_size(enum nika_suite suite);

/* Leave out of OpenSSL what a node does not need, 300 KiB of it: all algorithms but a dozen (unless the system's configuration names providers), its
 * own words for its errors, and its tables of the names that older versions knew ciphers and digests by; and draw random bytes by SP 800-90A's
 * Hash_DRBG with SHA-256, of the same 256 bits of strength as its CTR_DRBG of AES. For the whole process and before anything else that uses OpenSSL:
 * of a process that is ours. */
void nika_auth_save_memory(void);
/* Bring back the other algorithms, where they were left out: TLS needs many. */
void nika_auth_need_all(void);
/* Who computes Ed25519 of live keyrings: "openssl", or "libsodium" with the build option NIKA_SODIUM. */
const char *nika_auth_backend(void);

struct nika_keyring;
struct nika_key;

/* Keys for `replicas` replicas and `clients` clients, derived from `seed` (simulation, tests). RSA keys are slow to make:
 * they come from a fixed built-in pool of test keys, so RSA in the simulator is for glue, not for secrecy. NULL when out of memory. */
struct nika_keyring *nika_keyring_new_derived(enum nika_suite suite, uint32_t replicas,
                                              uint32_t clients, uint64_t seed);
/* Real keys, for a live node: it signs as `self` alone and knows others by what is added below. `group` is the secret that all nodes
 * share, for suite hmac; NULL otherwise. Suite sim is refused. NULL when out of memory or refused. */
struct nika_keyring *nika_keyring_new_live(enum nika_suite suite, uint32_t replicas,
                                           uint32_t clients, uint32_t self,
                                           const struct nika_key *group);
/* The encoded public key of another node, once each. NIKA_ERR_MALFORMED when it is none of the suite, NIKA_ERR_NOT_FOUND when there is
 * no such node. Suite hmac has none. */
NIKA_MUST_USE enum nika_err nika_keyring_add_public(struct nika_keyring *keyring, uint32_t node,
                                                    struct nika_span key);
/* The encoded private key of `self`, once. NIKA_ERR_MALFORMED. */
NIKA_MUST_USE enum nika_err nika_keyring_add_private(struct nika_keyring *keyring,
                                                     struct nika_span key);
/* The MAC keys between `self` and `peer`, one a direction. */
void nika_keyring_add_pair(struct nika_keyring *keyring, uint32_t peer, const struct nika_key *out,
                           const struct nika_key *in);
/* From now on clients of this live ring do not sign: what nika_sign() makes for a client is a vector of MACs, one for each replica under the key
 * between the two, and nika_verify() at a replica looks at its own entry (Castro & Liskov, OSDI '99, 2). Cheaper by two orders of magnitude than a
 * signature, and a primary still cannot invent requests; but a vector convinces nobody else, and a faulty client can make one that only some
 * replicas accept, which costs a view change (the "big MAC" attack, PROTOCOLS.md 1.14). An entry has 8 to 16 bytes, so that a vector is no
 * longer than a signature of the suite: NIKA_ERR_CONFIG when there are too many replicas for that (more than 8 with 64 bytes). */
NIKA_MUST_USE enum nika_err nika_keyring_use_vectors(struct nika_keyring *keyring);
/* The most replicas for which a suite has them. */
uint32_t nika_suite_vector_replicas(enum nika_suite suite);
/* Are the authenticators that nika_verify() judges of `node` keyed hashes, cheaper to check again than to remember? */
bool nika_keyring_is_keyed(const struct nika_keyring *keyring, uint32_t node);
#define NIKA_SIGNING_PRIVATE_MAX 2048u /* RSA-2048 in DER is 1.2 KiB. */
#define NIKA_SIGNING_PUBLIC_MAX 512u
/* Make a key pair of a suite with key pairs, and write both halves in the encoding that the two functions above take: raw 32 bytes for
 * ed25519, DER for the others. `secret` is used for ed25519; the others draw from the system. NIKA_ERR_CONFIG for other suites. */
NIKA_MUST_USE enum nika_err
nika_signing_key_make(enum nika_suite suite, const struct nika_key *secret,
                      uint8_t private_key[NIKA_SIGNING_PRIVATE_MAX], uint32_t *private_size,
                      uint8_t public_key[NIKA_SIGNING_PUBLIC_MAX], uint32_t *public_size);
void nika_keyring_free(struct nika_keyring *keyring);
enum nika_suite nika_keyring_suite(const struct nika_keyring *keyring);

/* Sign `message` as `node`. *size: in = capacity (>= nika_suite_signature_size), out = bytes written.
 * NIKA_ERR_NOT_FOUND when the ring has no private key of node. ECDSA's randomness is drawn from the ring's seeded stream. */
NIKA_MUST_USE enum nika_err nika_sign(struct nika_keyring *keyring, uint32_t node,
                                      struct nika_span message, uint8_t *signature, uint32_t *size);
/* NIKA_OK or NIKA_ERR_AUTH. Non-canonical lengths are rejected. */
NIKA_MUST_USE enum nika_err nika_verify(struct nika_keyring *keyring, uint32_t node,
                                        struct nika_span message, struct nika_span signature);
/* Session MAC between two nodes, 16 bytes (suite sim) or 32 bytes (HMAC-SHA256, all others). Same size contract as nika_sign. */
NIKA_MUST_USE enum nika_err nika_mac(struct nika_keyring *keyring, uint32_t from, uint32_t to,
                                     struct nika_span message, uint8_t *mac, uint32_t *size);
/* Constant-time check. NIKA_OK or NIKA_ERR_AUTH. */
NIKA_MUST_USE enum nika_err nika_mac_verify(struct nika_keyring *keyring, uint32_t from,
                                            uint32_t to, struct nika_span message,
                                            struct nika_span mac);

/* Suite `sim` implementation, called by auth.c through this table so that the shim can be linked without it.
 * NULL (default) makes every use of NIKA_SUITE_SIM fail with NIKA_ERR_AUTH. */
struct nika_auth_sim {
    void (*tag)(uint64_t key_seed, uint32_t from, uint32_t to, struct nika_span message,
                uint8_t out[16]);
};
void nika_auth_install_sim(const struct nika_auth_sim *sim);
/* The simulator's table (auth_sim.c, in library engine_sim_auth). */
extern const struct nika_auth_sim nika_auth_sim_table;

#endif
