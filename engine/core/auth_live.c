/* engine/core/auth_live.c: keyrings with real keys (auth.h): made once at start from files, never changed afterwards.
 *
 * A live ring holds one private key, that of its own node. */
#include "engine/core/auth_private.h"

#include "engine/core/assert.h"
#include "engine/core/bytes.h"
#include "engine/core/digest.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define RSA_BITS 2048

struct nika_keyring *nika_keyring_new_live(enum nika_suite suite, uint32_t replicas,
                                           uint32_t clients, uint32_t self,
                                           const struct nika_key *group)
{
    if (suite == NIKA_SUITE_NONE || suite == NIKA_SUITE_SIM) return NULL;
    if (suite == NIKA_SUITE_HMAC && group == NULL) return NULL;
    struct nika_keyring *ring = nika_keyring_new_derived(suite, replicas, clients, 0);
    if (ring == NULL) return NULL;
    ring->live = true;
    ring->self = self;
    if (group != NULL) ring->group = *group;
    ring->pairs = calloc((size_t)replicas + clients + 1, sizeof *ring->pairs);
    if (suite == NIKA_SUITE_HMAC)
        ring->tags = calloc((size_t)replicas + clients + 1, sizeof *ring->tags);
    if (ring->pairs != NULL && (ring->tags != NULL || suite != NIKA_SUITE_HMAC)) return ring;
    nika_keyring_free(ring);
    return NULL;
}

/* Is this a key of the suite, no weaker and of no other kind? */
static bool fits(enum nika_suite suite, const EVP_PKEY *key)
{
    if (suite == NIKA_SUITE_RSA_2048)
        return EVP_PKEY_is_a(key, "RSA") == 1 && EVP_PKEY_get_bits(key) == RSA_BITS;
    char group[32];
    size_t size = 0;
    return EVP_PKEY_is_a(key, "EC") == 1 &&
           EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

static enum nika_err add(struct nika_keyring *ring, uint32_t node, EVP_PKEY *key, bool whole)
{
    if (!whole || key == NULL || (ring->suite != NIKA_SUITE_ED25519 && !fits(ring->suite, key))) {
        EVP_PKEY_free(key);
        ERR_clear_error();
        return NIKA_ERR_MALFORMED;
    }
    nika_keyring_put(ring, node, key);
    return NIKA_OK;
}

enum nika_err nika_keyring_add_public(struct nika_keyring *ring, uint32_t node,
                                      struct nika_span key)
{
    NIKA_ASSERT(ring->live);
    NIKA_ASSERT(node != ring->self);
    if (!nika_keyring_knows(ring, node)) return NIKA_ERR_NOT_FOUND;
    if (ring->suite == NIKA_SUITE_HMAC) return NIKA_ERR_MALFORMED;
    if (ring->suite == NIKA_SUITE_ED25519) {
        if (key.size != NIKA_KEY_SIZE) return NIKA_ERR_MALFORMED;
        return add(ring, node,
                   EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key.data, key.size), true);
    }
    const unsigned char *at = key.data;
    EVP_PKEY *read = d2i_PUBKEY(NULL, &at, (long)key.size);
    return add(ring, node, read, at == key.data + key.size);
}

enum nika_err nika_keyring_add_private(struct nika_keyring *ring, struct nika_span key)
{
    NIKA_ASSERT(ring->live);
    if (!nika_keyring_knows(ring, ring->self)) return NIKA_ERR_NOT_FOUND;
    if (ring->suite == NIKA_SUITE_HMAC) return NIKA_ERR_MALFORMED;
    if (ring->suite == NIKA_SUITE_ED25519) {
        if (key.size != NIKA_KEY_SIZE) return NIKA_ERR_MALFORMED;
        return add(ring, ring->self,
                   EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key.data, key.size), true);
    }
    const unsigned char *at = key.data;
    EVP_PKEY *read = d2i_AutoPrivateKey(NULL, &at, (long)key.size);
    return add(ring, ring->self, read, at == key.data + key.size);
}

void nika_keyring_add_pair(struct nika_keyring *ring, uint32_t peer, const struct nika_key *out,
                           const struct nika_key *in)
{
    NIKA_ASSERT(ring->live);
    NIKA_ASSERT(nika_keyring_knows(ring, peer));
    struct pair_key *pair = &ring->pairs[nika_keyring_index(ring, peer)];
    pair->known = true;
    nika_hmac_key_init(&pair->out, out->bytes);
    nika_hmac_key_init(&pair->in, in->bytes);
}

static EVP_PKEY *make(enum nika_suite suite, const struct nika_key *secret)
{
    switch (suite) {
    case NIKA_SUITE_ED25519:
        return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret->bytes,
                                            sizeof secret->bytes);
    case NIKA_SUITE_ECDSA_P256:
        return EVP_EC_gen("prime256v1");
    case NIKA_SUITE_RSA_2048:
        return EVP_RSA_gen(RSA_BITS);
    case NIKA_SUITE_NONE:
    case NIKA_SUITE_HMAC:
    case NIKA_SUITE_SIM:
        break;
    }
    return NULL;
}

enum nika_err nika_signing_key_make(enum nika_suite suite, const struct nika_key *secret,
                                    uint8_t private_key[NIKA_SIGNING_PRIVATE_MAX],
                                    uint32_t *private_size,
                                    uint8_t public_key[NIKA_SIGNING_PUBLIC_MAX],
                                    uint32_t *public_size)
{
    EVP_PKEY *key = make(suite, secret);
    if (key == NULL) return NIKA_ERR_CONFIG;
    if (suite == NIKA_SUITE_ED25519) {
        *private_size = *public_size = NIKA_KEY_SIZE;
        memcpy(private_key, secret->bytes, NIKA_KEY_SIZE);
        size_t size = NIKA_KEY_SIZE;
        NIKA_ASSERT(EVP_PKEY_get_raw_public_key(key, public_key, &size) == 1);
        EVP_PKEY_free(key);
        return NIKA_OK;
    }
    int private_wanted = i2d_PrivateKey(key, NULL), public_wanted = i2d_PUBKEY(key, NULL);
    NIKA_ASSERT(private_wanted > 0 && private_wanted <= (int)NIKA_SIGNING_PRIVATE_MAX);
    NIKA_ASSERT(public_wanted > 0 && public_wanted <= (int)NIKA_SIGNING_PUBLIC_MAX);
    *private_size = (uint32_t)i2d_PrivateKey(key, &private_key);
    *public_size = (uint32_t)i2d_PUBKEY(key, &public_key);
    EVP_PKEY_free(key);
    return NIKA_OK;
}
