/* engine/core/auth_trusted.c: the secret key of a group of trusted instances (trusted_instance.h, PROTOCOLS.md 2.8).
 *
 * HMAC-SHA256, or suite `sim`'s keyed hash twice. Owns the secret; hands out tags, never the secret. */
#include "engine/core/assert.h"
#include "engine/core/auth_hmac.h"
#include "engine/core/auth_private.h"
#include "engine/core/bytes.h"
#include "engine/core/digest.h"
#include "engine/core/trusted_instance.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#define SIM_HALF 16u
_Static_assert(2 * SIM_HALF == NIKA_TRUSTED_MAC_SIZE, "two keyed hashes fill a certificate");
_Static_assert(NIKA_HMAC_SIZE == NIKA_TRUSTED_MAC_SIZE, "so does one HMAC");
_Static_assert(NIKA_HMAC_KEY_SIZE == NIKA_TRUSTED_SECRET_SIZE, "the secret is its key");

struct nika_trusted_key {
    bool sim;
    uint64_t sim_seed;
    struct nika_hmac_key hmac;
};

static struct nika_trusted_key *key_new(const uint8_t *secret, bool sim)
{
    struct nika_trusted_key *key = calloc(1, sizeof *key);
    if (key == NULL) return NULL;
    key->sim = sim;
    key->sim_seed = nika_load_le(secret, 8);
    nika_hmac_key_init(&key->hmac, secret);
    return key;
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
    OPENSSL_cleanse(key, sizeof *key);
    free(key);
}

static enum nika_err tag_sim(const struct nika_trusted_key *key, struct nika_span message,
                             uint8_t *mac)
{
    const struct nika_auth_sim *sim = nika_auth_sim_installed();
    if (sim == NULL) return NIKA_ERR_AUTH;
    sim->tag(key->sim_seed, 0, 0, message, mac);
    sim->tag(key->sim_seed, 0, 1, message, mac + SIM_HALF);
    return NIKA_OK;
}

enum nika_err nika_trusted_key_tag(struct nika_trusted_key *key, struct nika_span message,
                                   uint8_t mac[NIKA_TRUSTED_MAC_SIZE])
{
    if (key->sim) return tag_sim(key, message, mac);
    nika_hmac(&key->hmac, message, mac);
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
