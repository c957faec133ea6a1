/* engine/core/auth_sodium.c: Ed25519 of live keyrings by libsodium (build option NIKA_SODIUM), which verifies in less than half of the time
 * of OpenSSL 3.0. Keys stay OpenSSL's; this keeps their raw bytes beside them.
 *
 * Both refuse non-canonical signatures, but libsodium also refuses keys of small order, so all replicas of a cluster should be built alike. */
#include "engine/core/auth_private.h"

#include "engine/core/assert.h"

#include <openssl/evp.h>
#include <sodium.h>

_Static_assert(crypto_sign_ed25519_SECRETKEYBYTES == 64, "seed, then public key");

void nika_sodium_put(struct node_key *key, bool signs)
{
    size_t size = NIKA_KEY_SIZE;
    NIKA_ASSERT(sodium_init() >= 0);
    NIKA_ASSERT(EVP_PKEY_get_raw_public_key(key->key, key->raw + NIKA_KEY_SIZE, &size) == 1);
    NIKA_ASSERT(size == NIKA_KEY_SIZE);
    if (signs) NIKA_ASSERT(EVP_PKEY_get_raw_private_key(key->key, key->raw, &size) == 1);
    NIKA_ASSERT(size == NIKA_KEY_SIZE);
}

void nika_sodium_sign(const struct node_key *key, struct nika_span message, uint8_t *signature)
{
    NIKA_ASSERT(
        crypto_sign_ed25519_detached(signature, NULL, message.data, message.size, key->raw) == 0);
}

bool nika_sodium_verify(const struct node_key *key, struct nika_span message,
                        const uint8_t *signature)
{
    return crypto_sign_ed25519_verify_detached(signature, message.data, message.size,
                                               key->raw + NIKA_KEY_SIZE) == 0;
}
