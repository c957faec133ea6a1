/* engine/core/auth_vector.c: requests that clients authenticate to every replica instead of signing them (auth.h,
 * nika_keyring_use_vectors()): Castro & Liskov's authenticators. */
#include "engine/core/auth_private.h"

#include "engine/core/assert.h"

#include <openssl/crypto.h>

#define ENTRY_MAX 16u
#define ENTRY_MIN 8u
#define TAG_SIZE 32u

uint32_t nika_suite_vector_replicas(enum nika_suite suite)
{
    return nika_suite_signature_size(suite) / ENTRY_MIN;
}

enum nika_err nika_keyring_use_vectors(struct nika_keyring *keyring)
{
    NIKA_ASSERT(keyring->live);
    if (keyring->replicas == 0) return NIKA_ERR_CONFIG;
    uint32_t entry = nika_suite_signature_size(keyring->suite) / keyring->replicas;
    if (entry > ENTRY_MAX) entry = ENTRY_MAX;
    if (entry < ENTRY_MIN) return NIKA_ERR_CONFIG;
    keyring->vector_entry = entry;
    return NIKA_OK;
}

enum nika_err nika_vector_sign(struct nika_keyring *ring, uint32_t client, struct nika_span message,
                               uint8_t *vector, uint32_t *size)
{
    *size = 0;
    for (uint32_t i = 0; i < ring->replicas; i++) {
        uint8_t tag[TAG_SIZE];
        uint32_t tag_size = sizeof tag;
        if (nika_mac(ring, client, i, message, tag, &tag_size) != NIKA_OK)
            return NIKA_ERR_NOT_FOUND;
        memcpy(vector + *size, tag, ring->vector_entry);
        *size += ring->vector_entry;
    }
    return NIKA_OK;
}

enum nika_err nika_vector_verify(struct nika_keyring *ring, uint32_t client,
                                 struct nika_span message, struct nika_span vector)
{
    uint8_t tag[TAG_SIZE];
    uint32_t size = sizeof tag;
    if (vector.size != ring->vector_entry * ring->replicas) return NIKA_ERR_AUTH;
    /* Clients do not judge each other's requests. */
    if (nika_is_client(ring->self)) return NIKA_ERR_AUTH;
    if (nika_mac(ring, client, ring->self, message, tag, &size) != NIKA_OK) return NIKA_ERR_AUTH;
    const uint8_t *entry = vector.data + (size_t)ring->self * ring->vector_entry;
    return CRYPTO_memcmp(tag, entry, ring->vector_entry) == 0 ? NIKA_OK : NIKA_ERR_AUTH;
}
