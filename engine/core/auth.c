/* engine/core/auth.c: signing, verifying and session MACs of every suite (auth.h, PROTOCOLS.md 5).
 *
 * A keyring owns its keys and contexts; both are made when a node first needs them and then reused.
 * Signatures have one length per suite. Suite hmac has no transferable signatures: nika_sign there
 * is a MAC under a key of the node which every holder of the ring knows, a simulated authenticator.
 */
#include "engine/core/auth_private.h"

#include "engine/core/assert.h"
#include "engine/core/bytes.h"
#include "engine/core/digest.h"
#include "engine/core/msan.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#define ED25519_SIZE 64u
#define ECDSA_SIZE 64u
#define RSA_SIZE 256u
#define HMAC_SIZE NIKA_HMAC_SIZE
#define SIM_SIZE 16u

static const struct nika_auth_sim *installed_sim;

void nika_auth_install_sim(const struct nika_auth_sim *sim)
{
    installed_sim = sim;
}

const struct nika_auth_sim *nika_auth_sim_installed(void)
{
    return installed_sim;
}

const char *nika_auth_backend(void)
{
#if defined(NIKA_SODIUM)
    return "libsodium";
#else
    return "openssl";
#endif
}

static const char *const suite_names[] = {
    [NIKA_SUITE_NONE] = "none",
    [NIKA_SUITE_ED25519] = "ed25519",
    [NIKA_SUITE_ECDSA_P256] = "ecdsa-p256",
    [NIKA_SUITE_RSA_2048] = "rsa-2048",
    [NIKA_SUITE_HMAC] = "hmac",
    [NIKA_SUITE_SIM] = "sim",
};

const char *nika_suite_name(enum nika_suite suite)
{
    return (size_t)suite < ARRAY_COUNT(suite_names) ? suite_names[suite] : "unknown";
}

enum nika_suite nika_suite_parse(const char *name)
{
    for (size_t i = 1; i < ARRAY_COUNT(suite_names); i++) {
        if (strcmp(name, suite_names[i]) == 0) return (enum nika_suite)i;
    }
    return NIKA_SUITE_NONE;
}

uint32_t nika_suite_signature_size(enum nika_suite suite)
{
    switch (suite) {
    case NIKA_SUITE_ED25519:
        return ED25519_SIZE;
    case NIKA_SUITE_ECDSA_P256:
        return ECDSA_SIZE;
    case NIKA_SUITE_RSA_2048:
        return RSA_SIZE;
    case NIKA_SUITE_HMAC:
        return HMAC_SIZE;
    case NIKA_SUITE_SIM:
        return SIM_SIZE;
    case NIKA_SUITE_NONE:
        break;
    }
    return 0;
}

struct nika_keyring *nika_keyring_new_derived(enum nika_suite suite, uint32_t replicas,
                                              uint32_t clients, uint64_t seed)
{
    NIKA_ASSERT(replicas <= NIKA_REPLICAS_MAX);
    NIKA_ASSERT(clients <= NIKA_CLIENTS_MAX);
    struct nika_keyring *ring = calloc(1, sizeof *ring);
    if (ring == NULL) return NULL;
    *ring = (struct nika_keyring){
        .suite = suite, .replicas = replicas, .clients = clients, .seed = seed};
    struct nika_digest secret;
    nika_auth_derive_secret("nika-sim", seed, 0, 0, &secret);
    ring->sim_seed = nika_load_le(secret.bytes, 8);
    ring->keys = calloc((size_t)replicas + clients + 1, sizeof *ring->keys);
    nika_msan_enter();
    ring->scratch = EVP_MD_CTX_new();
    nika_msan_leave();
    if (ring->keys != NULL && ring->scratch != NULL) return ring;
    nika_keyring_free(ring);
    return NULL;
}

void nika_keyring_free(struct nika_keyring *keyring)
{
    if (keyring == NULL) return;
    uint32_t count = keyring->keys == NULL ? 0 : keyring->replicas + keyring->clients;
    nika_msan_enter();
    for (uint32_t i = 0; i < count; i++) {
        struct node_key *key = &keyring->keys[i];
        EVP_MD_CTX_free(key->md_signer);
        EVP_MD_CTX_free(key->md_verifier);
        EVP_PKEY_CTX_free(key->signer);
        EVP_PKEY_CTX_free(key->verifier);
        EVP_PKEY_free(key->key);
    }
    EVP_MD_CTX_free(keyring->scratch);
    nika_msan_leave();
    if (keyring->keys != NULL)
        OPENSSL_cleanse(keyring->keys, (size_t)count * sizeof *keyring->keys);
    free(keyring->keys);
    if (keyring->pairs != NULL)
        OPENSSL_cleanse(keyring->pairs, (size_t)count * sizeof *keyring->pairs);
    free(keyring->pairs);
    if (keyring->tags != NULL)
        OPENSSL_cleanse(keyring->tags, (size_t)count * sizeof *keyring->tags);
    free(keyring->tags);
    OPENSSL_cleanse(keyring, sizeof *keyring);
    free(keyring);
}

enum nika_suite nika_keyring_suite(const struct nika_keyring *keyring)
{
    return keyring->suite;
}

uint64_t nika_keyring_seed(const struct nika_keyring *keyring)
{
    return keyring->seed;
}

bool nika_keyring_knows(const struct nika_keyring *ring, uint32_t node)
{
    uint32_t registered = nika_is_client(node) ? ring->clients : ring->replicas;
    return nika_client_index(node) < registered;
}

static EVP_PKEY_CTX *pkey_ctx(const struct nika_keyring *ring, EVP_PKEY *key, bool sign)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    NIKA_ASSERT(ctx != NULL);
    NIKA_ASSERT((sign ? EVP_PKEY_sign_init(ctx) : EVP_PKEY_verify_init(ctx)) == 1);
    if (ring->suite == NIKA_SUITE_RSA_2048) {
        NIKA_ASSERT(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1);
    }
    NIKA_ASSERT(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1);
    return ctx;
}

void nika_keyring_put(struct nika_keyring *ring, uint32_t node, EVP_PKEY *pair)
{
    struct node_key *key = &ring->keys[nika_keyring_index(ring, node)];
    bool signs = !ring->live || node == ring->self;
    NIKA_ASSERT(pair != NULL);
    NIKA_ASSERT(key->key == NULL);
    key->key = pair;
    if (ring->suite != NIKA_SUITE_ED25519) {
        if (signs) key->signer = pkey_ctx(ring, key->key, true);
        key->verifier = pkey_ctx(ring, key->key, false);
        return;
    }
    key->md_verifier = EVP_MD_CTX_new();
    NIKA_ASSERT(key->md_verifier != NULL);
    NIKA_ASSERT(EVP_DigestVerifyInit(key->md_verifier, NULL, NULL, NULL, key->key) == 1);
#if defined(NIKA_SODIUM)
    if (ring->live) nika_sodium_put(key, signs);
#endif
    if (!signs) return;
    key->md_signer = EVP_MD_CTX_new();
    NIKA_ASSERT(key->md_signer != NULL);
    NIKA_ASSERT(EVP_DigestSignInit(key->md_signer, NULL, NULL, NULL, key->key) == 1);
}

/* Derived keys are made on first use: a ring for thousands of clients costs what the run uses of it. NULL when a live ring was
 * given no key of this node. */
static struct node_key *node_key(struct nika_keyring *ring, uint32_t node)
{
    struct node_key *key = &ring->keys[nika_keyring_index(ring, node)];
    if (key->key != NULL) return key;
    if (ring->live) return NULL;
    nika_msan_enter();
    nika_keyring_put(ring, node, nika_auth_derive_key(ring->suite, ring->seed, node));
    nika_msan_leave();
    return key;
}

static void sign_ed25519(struct nika_keyring *ring, struct node_key *key, struct nika_span message,
                         uint8_t *signature)
{
    size_t size = ED25519_SIZE;
#if defined(NIKA_SODIUM)
    if (ring->live) {
        nika_sodium_sign(key, message, signature);
        return;
    }
#endif
    nika_msan_read(message.data, message.size);
    nika_msan_enter();
    NIKA_ASSERT(EVP_MD_CTX_copy_ex(ring->scratch, key->md_signer) == 1);
    NIKA_ASSERT(EVP_DigestSign(ring->scratch, signature, &size, message.data, message.size) == 1);
    nika_msan_leave();
    nika_msan_written(signature, ED25519_SIZE);
    NIKA_ASSERT(size == ED25519_SIZE);
}

static bool verify_ed25519(struct nika_keyring *ring, struct node_key *key,
                           struct nika_span message, const uint8_t *signature)
{
#if defined(NIKA_SODIUM)
    if (ring->live) return nika_sodium_verify(key, message, signature);
#endif
    nika_msan_read(message.data, message.size);
    nika_msan_enter();
    NIKA_ASSERT(EVP_MD_CTX_copy_ex(ring->scratch, key->md_verifier) == 1);
    bool good =
        EVP_DigestVerify(ring->scratch, signature, ED25519_SIZE, message.data, message.size) == 1;
    nika_msan_leave();
    return good;
}

static void sign_rsa(struct node_key *key, struct nika_span message, uint8_t *signature)
{
    struct nika_digest hash;
    size_t size = RSA_SIZE;
    nika_sha256(&message, 1, &hash);
    nika_msan_enter();
    NIKA_ASSERT(EVP_PKEY_sign(key->signer, signature, &size, hash.bytes, sizeof hash.bytes) == 1);
    nika_msan_leave();
    nika_msan_written(signature, RSA_SIZE);
    NIKA_ASSERT(size == RSA_SIZE);
}

static bool verify_hash(struct node_key *key, struct nika_span message, const uint8_t *signature,
                        size_t size)
{
    struct nika_digest hash;
    nika_sha256(&message, 1, &hash);
    nika_msan_enter();
    bool good = EVP_PKEY_verify(key->verifier, signature, size, hash.bytes, sizeof hash.bytes) == 1;
    nika_msan_leave();
    return good;
}

static void sign_ecdsa(struct nika_keyring *ring, uint32_t node, struct node_key *key,
                       struct nika_span message, uint8_t *signature)
{
    struct nika_digest hash;
    nika_sha256(&message, 1, &hash);
    nika_auth_ecdsa_sign(key->signer, ring->live ? NULL : &ring->seed, node, &hash, signature);
}

static bool verify_ecdsa(struct node_key *key, struct nika_span message, const uint8_t *signature)
{
    struct nika_digest hash;
    nika_sha256(&message, 1, &hash);
    return nika_auth_ecdsa_verify(key->verifier, &hash, signature);
}

/* What a node makes for nobody in particular, the signature of suite hmac, is under the secret of the group. */
static const struct nika_hmac_key *group_key(struct nika_keyring *ring, uint32_t from)
{
    NIKA_ASSERT(ring->tags != NULL);
    struct group_key *tag = &ring->tags[nika_keyring_index(ring, from)];
    if (tag->known) return &tag->key;
    uint8_t node[4];
    struct nika_digest secret;
    nika_store_le(node, from, sizeof node);
    const struct nika_span parts[] = {{ring->group.bytes, sizeof ring->group.bytes},
                                      {node, sizeof node}};
    nika_sha256(parts, ARRAY_COUNT(parts), &secret);
    nika_hmac_key_init(&tag->key, secret.bytes);
    tag->known = true;
    return &tag->key;
}

/* The key between two nodes. A live ring knows only those of its own node; NULL else. */
static const struct nika_hmac_key *live_key(struct nika_keyring *ring, uint32_t from, uint32_t to)
{
    if (to == NIKA_NODE_NONE) return group_key(ring, from);
    if (from != ring->self && to != ring->self) return NULL;
    const struct pair_key *pair =
        &ring->pairs[nika_keyring_index(ring, from == ring->self ? to : from)];
    if (!pair->known) return NULL;
    return from == ring->self ? &pair->out : &pair->in;
}

static bool hmac(struct nika_keyring *ring, uint32_t from, uint32_t to, struct nika_span message,
                 uint8_t *out)
{
    struct nika_hmac_key derived;
    const struct nika_hmac_key *key = &derived;
    if (ring->live) {
        key = live_key(ring, from, to);
    } else {
        struct nika_digest secret;
        nika_auth_derive_secret("nika-mac", ring->seed, from, to, &secret);
        nika_hmac_key_init(&derived, secret.bytes);
    }
    if (key == NULL) return false;
    nika_hmac(key, message, out);
    return true;
}

/* The suite's keyed hash: for sessions, and with no receiver for the suites whose signatures are
 * keyed hashes. */
static enum nika_err keyed_tag(struct nika_keyring *ring, uint32_t from, uint32_t to,
                               struct nika_span message, uint8_t *out, uint32_t *size)
{
    *size = ring->suite == NIKA_SUITE_SIM ? SIM_SIZE : HMAC_SIZE;
    if (ring->suite != NIKA_SUITE_SIM) {
        return hmac(ring, from, to, message, out) ? NIKA_OK : NIKA_ERR_NOT_FOUND;
    }
    if (installed_sim == NULL) return NIKA_ERR_AUTH;
    installed_sim->tag(ring->sim_seed, from, to, message, out);
    return NIKA_OK;
}

static enum nika_err verify_tag(struct nika_keyring *ring, uint32_t from, uint32_t to,
                                struct nika_span message, struct nika_span given)
{
    uint8_t wanted[HMAC_SIZE];
    uint32_t size = 0;
    if (keyed_tag(ring, from, to, message, wanted, &size) != NIKA_OK || given.size != size)
        return NIKA_ERR_AUTH;
    return CRYPTO_memcmp(wanted, given.data, size) == 0 ? NIKA_OK : NIKA_ERR_AUTH;
}

/* Are signatures of the suite made by key pairs? */
static bool is_pair(const struct nika_keyring *ring)
{
    return ring->suite != NIKA_SUITE_HMAC && ring->suite != NIKA_SUITE_SIM;
}

enum nika_err nika_sign(struct nika_keyring *keyring, uint32_t node, struct nika_span message,
                        uint8_t *signature, uint32_t *size)
{
    uint32_t wanted = nika_suite_signature_size(keyring->suite);
    NIKA_ASSERT(*size >= wanted);
    if (!nika_keyring_knows(keyring, node)) return NIKA_ERR_NOT_FOUND;
    if (keyring->live && node != keyring->self) return NIKA_ERR_NOT_FOUND;
    if (keyring->vector_entry != 0 && nika_is_client(node))
        return nika_vector_sign(keyring, node, message, signature, size);
    if (keyring->live && is_pair(keyring) && node_key(keyring, node) == NULL)
        return NIKA_ERR_NOT_FOUND;
    *size = wanted;
    switch (keyring->suite) {
    case NIKA_SUITE_ED25519:
        sign_ed25519(keyring, node_key(keyring, node), message, signature);
        return NIKA_OK;
    case NIKA_SUITE_ECDSA_P256:
        sign_ecdsa(keyring, node, node_key(keyring, node), message, signature);
        return NIKA_OK;
    case NIKA_SUITE_RSA_2048:
        sign_rsa(node_key(keyring, node), message, signature);
        return NIKA_OK;
    case NIKA_SUITE_HMAC:
    case NIKA_SUITE_SIM:
        return keyed_tag(keyring, node, NIKA_NODE_NONE, message, signature, size);
    case NIKA_SUITE_NONE:
        break;
    }
    return NIKA_ERR_AUTH;
}

bool nika_keyring_is_keyed(const struct nika_keyring *keyring, uint32_t node)
{
    return !is_pair(keyring) || (keyring->vector_entry != 0 && nika_is_client(node));
}

static bool verify_pair(struct nika_keyring *ring, struct node_key *key, struct nika_span message,
                        const uint8_t *signature)
{
    if (ring->suite == NIKA_SUITE_ED25519) return verify_ed25519(ring, key, message, signature);
    if (ring->suite == NIKA_SUITE_ECDSA_P256) return verify_ecdsa(key, message, signature);
    return verify_hash(key, message, signature, RSA_SIZE);
}

enum nika_err nika_verify(struct nika_keyring *keyring, uint32_t node, struct nika_span message,
                          struct nika_span signature)
{
    if (keyring->suite == NIKA_SUITE_NONE || !nika_keyring_knows(keyring, node))
        return NIKA_ERR_AUTH;
    if (keyring->vector_entry != 0 && nika_is_client(node))
        return nika_vector_verify(keyring, node, message, signature);
    if (signature.size != nika_suite_signature_size(keyring->suite)) return NIKA_ERR_AUTH;
    if (!is_pair(keyring)) return verify_tag(keyring, node, NIKA_NODE_NONE, message, signature);
    struct node_key *key = node_key(keyring, node);
    if (key == NULL) return NIKA_ERR_AUTH;
    if (verify_pair(keyring, key, message, signature.data)) return NIKA_OK;
    ERR_clear_error(); /* A forged signature is no error of ours: leave no trace in the library's
                          queue. */
    return NIKA_ERR_AUTH;
}

enum nika_err nika_mac(struct nika_keyring *keyring, uint32_t from, uint32_t to,
                       struct nika_span message, uint8_t *mac, uint32_t *size)
{
    NIKA_ASSERT(*size >= (keyring->suite == NIKA_SUITE_SIM ? SIM_SIZE : HMAC_SIZE));
    if (!nika_keyring_knows(keyring, from) || !nika_keyring_knows(keyring, to))
        return NIKA_ERR_NOT_FOUND;
    return keyed_tag(keyring, from, to, message, mac, size);
}

enum nika_err nika_mac_verify(struct nika_keyring *keyring, uint32_t from, uint32_t to,
                              struct nika_span message, struct nika_span mac)
{
    if (!nika_keyring_knows(keyring, from) || !nika_keyring_knows(keyring, to))
        return NIKA_ERR_AUTH;
    return verify_tag(keyring, from, to, message, mac);
}
