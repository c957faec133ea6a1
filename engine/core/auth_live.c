/* engine/core/auth_live.c: keyrings with real keys (auth.h): made once at start from files, never changed afterwards.
 *
 * A live ring holds one private key, that of its own node. */
#include "engine/core/auth_private.h"

#include "engine/core/assert.h"
#include "engine/core/bytes.h"
#include "engine/core/digest.h"
#include "engine/core/msan.h"

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

/* NULL unless the bytes are one key that fits, and nothing else. */
static EVP_PKEY *read_key(enum nika_suite suite, bool is_private, struct nika_span bytes)
{
    if (suite == NIKA_SUITE_ED25519) {
        if (bytes.size != NIKA_KEY_SIZE) return NULL;
        return is_private
                   ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes.data, bytes.size)
                   : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes.data, bytes.size);
    }
    const unsigned char *at = bytes.data;
    EVP_PKEY *key = is_private ? d2i_AutoPrivateKey(NULL, &at, (long)bytes.size)
                               : d2i_PUBKEY(NULL, &at, (long)bytes.size);
    if (key != NULL && at == bytes.data + bytes.size && fits(suite, key)) return key;
    EVP_PKEY_free(key);
    return NULL;
}

static enum nika_err add(struct nika_keyring *ring, uint32_t node, struct nika_span bytes)
{
    NIKA_ASSERT(ring->live);
    if (!nika_keyring_knows(ring, node)) return NIKA_ERR_NOT_FOUND;
    if (ring->suite == NIKA_SUITE_HMAC) return NIKA_ERR_MALFORMED;
    nika_msan_read(bytes.data, bytes.size);
    nika_msan_enter();
    EVP_PKEY *key = read_key(ring->suite, node == ring->self, bytes);
    if (key != NULL) nika_keyring_put(ring, node, key);
    ERR_clear_error();
    nika_msan_leave();
    return key == NULL ? NIKA_ERR_MALFORMED : NIKA_OK;
}

enum nika_err nika_keyring_add_public(struct nika_keyring *ring, uint32_t node,
                                      struct nika_span key)
{
    NIKA_ASSERT(node != ring->self);
    return add(ring, node, key);
}

enum nika_err nika_keyring_add_private(struct nika_keyring *ring, struct nika_span key)
{
    return add(ring, ring->self, key);
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

/* Both keys of a pair, raw or as DER. */
static void write_out(EVP_PKEY *pair, enum nika_suite suite, const struct nika_key *secret,
                      uint8_t *private_key, uint32_t *private_size, uint8_t *public_key,
                      uint32_t *public_size)
{
    if (suite == NIKA_SUITE_ED25519) {
        *private_size = *public_size = NIKA_KEY_SIZE;
        memcpy(private_key, secret->bytes, NIKA_KEY_SIZE);
        size_t size = NIKA_KEY_SIZE;
        NIKA_ASSERT(EVP_PKEY_get_raw_public_key(pair, public_key, &size) == 1);
        return;
    }
    int private_wanted = i2d_PrivateKey(pair, NULL), public_wanted = i2d_PUBKEY(pair, NULL);
    NIKA_ASSERT(private_wanted > 0 && private_wanted <= (int)NIKA_SIGNING_PRIVATE_MAX);
    NIKA_ASSERT(public_wanted > 0 && public_wanted <= (int)NIKA_SIGNING_PUBLIC_MAX);
    *private_size = (uint32_t)i2d_PrivateKey(pair, &private_key);
    *public_size = (uint32_t)i2d_PUBKEY(pair, &public_key);
}

enum nika_err nika_signing_key_make(enum nika_suite suite, const struct nika_key *secret,
                                    uint8_t private_key[NIKA_SIGNING_PRIVATE_MAX],
                                    uint32_t *private_size,
                                    uint8_t public_key[NIKA_SIGNING_PUBLIC_MAX],
                                    uint32_t *public_size)
{
    nika_msan_enter();
    EVP_PKEY *pair = make(suite, secret);
    if (pair != NULL) {
        write_out(pair, suite, secret, private_key, private_size, public_key, public_size);
        nika_msan_written(private_key, *private_size);
        nika_msan_written(public_key, *public_size);
    }
    EVP_PKEY_free(pair);
    nika_msan_leave();
    return pair == NULL ? NIKA_ERR_CONFIG : NIKA_OK;
}
