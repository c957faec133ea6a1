/* engine/core/auth_trusted.c: the secret key of a group of trusted instances (trusted_instance.h, PROTOCOLS.md 2.8).
 *
 * HMAC-SHA256, or suite `sim`'s keyed hash twice. Owns the secret and one reused context; hands out tags, never the secret. */
#include "engine/core/assert.h"
#include "engine/core/auth_private.h"
#include "engine/core/bytes.h"
#include "engine/core/digest.h"
#include "engine/core/msan.h"
#include "engine/core/trusted_instance.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define SIM_HALF 16u
_Static_assert(2 * SIM_HALF == NIKA_TRUSTED_MAC_SIZE, "two keyed hashes fill a certificate");

struct nika_trusted_key {
    bool sim;
    uint8_t secret[NIKA_TRUSTED_SECRET_SIZE];
    EVP_MAC_CTX *mac;
};

static struct nika_trusted_key *key_new(const uint8_t *secret, bool sim)
{
    struct nika_trusted_key *key = calloc(1, sizeof *key);
    if (key == NULL) return NULL;
    key->sim = sim;
    memcpy(key->secret, secret, sizeof key->secret);
    nika_msan_enter();
    key->mac = nika_auth_hmac_new();
    nika_msan_leave();
    if (key->mac != NULL) return key;
    nika_trusted_key_free(key);
    return NULL;
}

struct nika_trusted_key *nika_trusted_key_new(const uint8_t secret[NIKA_TRUSTED_SECRET_SIZE])
{
    return key_new(secret, false);
}

struct nika_trusted_key *nika_trusted_key_of(const struct nika_keyring *keyring)
{
    struct nika_digest secret;
    nika_auth_derive_secret("nika-tss", nika_keyring_seed(keyring), 0, 0, &secret);
    return key_new(secret.bytes, nika_keyring_suite(keyring) == NIKA_SUITE_SIM);
}

void nika_trusted_key_free(struct nika_trusted_key *key)
{
    if (key == NULL) return;
    nika_msan_enter();
    EVP_MAC_CTX_free(key->mac);
    OPENSSL_cleanse(key->secret, sizeof key->secret);
    nika_msan_leave();
    free(key);
}

static enum nika_err tag_sim(const struct nika_trusted_key *key, struct nika_span message,
                             uint8_t *mac)
{
    const struct nika_auth_sim *sim = nika_auth_sim_installed();
    if (sim == NULL) return NIKA_ERR_AUTH;
    uint64_t seed = nika_load_le(key->secret, 8);
    sim->tag(seed, 0, 0, message, mac);
    sim->tag(seed, 0, 1, message, mac + SIM_HALF);
    return NIKA_OK;
}

enum nika_err nika_trusted_key_tag(struct nika_trusted_key *key, struct nika_span message,
                                   uint8_t mac[NIKA_TRUSTED_MAC_SIZE])
{
    size_t size = 0;
    if (key->sim) return tag_sim(key, message, mac);
    nika_msan_read(message.data, message.size);
    nika_msan_enter();
    NIKA_ASSERT(EVP_MAC_init(key->mac, key->secret, sizeof key->secret, NULL) == 1);
    NIKA_ASSERT(EVP_MAC_update(key->mac, message.data, message.size) == 1);
    NIKA_ASSERT(EVP_MAC_final(key->mac, mac, &size, NIKA_TRUSTED_MAC_SIZE) == 1);
    nika_msan_leave();
    nika_msan_written(mac, NIKA_TRUSTED_MAC_SIZE);
    NIKA_ASSERT(size == NIKA_TRUSTED_MAC_SIZE);
    return NIKA_OK;
}

enum nika_err nika_trusted_key_check(struct nika_trusted_key *key, struct nika_span message,
                                     const uint8_t mac[NIKA_TRUSTED_MAC_SIZE])
{
    uint8_t wanted[NIKA_TRUSTED_MAC_SIZE];
    enum nika_err err = nika_trusted_key_tag(key, message, wanted);
    if (err != NIKA_OK) return err;
    return CRYPTO_memcmp(wanted, mac, sizeof wanted) == 0 ? NIKA_OK : NIKA_ERR_AUTH;
}
