/* engine/core/auth_exchange.c: see exchange.h. */
#include "engine/core/exchange.h"

#include "engine/core/assert.h"
#include "engine/core/auth_private.h"
#include "engine/core/bytes.h"
#include "engine/core/msan.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <stdlib.h>

#define GCM_NONCE_SIZE 12u

static void public_of(int type, const struct nika_key *secret, struct nika_key *out)
{
    size_t size = sizeof out->bytes;
    nika_msan_enter();
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(type, NULL, secret->bytes, sizeof secret->bytes);
    NIKA_ASSERT(key != NULL);
    NIKA_ASSERT(EVP_PKEY_get_raw_public_key(key, out->bytes, &size) == 1);
    EVP_PKEY_free(key);
    nika_msan_leave();
    nika_msan_written(out->bytes, sizeof out->bytes);
    NIKA_ASSERT(size == sizeof out->bytes);
}

void nika_exchange_public(const struct nika_key *secret, struct nika_key *out)
{
    public_of(EVP_PKEY_X25519, secret, out);
}

void nika_identity_public(const struct nika_key *secret, struct nika_key *out)
{
    public_of(EVP_PKEY_ED25519, secret, out);
}

bool nika_exchange_shared(const struct nika_key *secret, const struct nika_key *peer,
                          struct nika_key *out)
{
    size_t size = sizeof out->bytes;
    nika_msan_enter();
    EVP_PKEY *own =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret->bytes, sizeof secret->bytes);
    EVP_PKEY *other =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer->bytes, sizeof peer->bytes);
    EVP_PKEY_CTX *ctx = own == NULL ? NULL : EVP_PKEY_CTX_new(own, NULL);
    NIKA_ASSERT(ctx != NULL);
    NIKA_ASSERT(other != NULL);
    NIKA_ASSERT(EVP_PKEY_derive_init(ctx) == 1);
    /* OpenSSL refuses a result of all zeros, which is what a point of low order leads to. */
    bool good = EVP_PKEY_derive_set_peer(ctx, other) == 1 &&
                EVP_PKEY_derive(ctx, out->bytes, &size) == 1 && size == sizeof out->bytes;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(other);
    EVP_PKEY_free(own);
    if (!good) ERR_clear_error();
    nika_msan_leave();
    nika_msan_written(out->bytes, sizeof out->bytes);
    return good;
}

void nika_identity_sign(const struct nika_key *secret, struct nika_span message,
                        uint8_t signature[NIKA_IDENTITY_SIGNATURE_SIZE])
{
    size_t size = NIKA_IDENTITY_SIGNATURE_SIZE;
    nika_msan_enter();
    EVP_PKEY *key =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret->bytes, sizeof secret->bytes);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    NIKA_ASSERT(key != NULL);
    NIKA_ASSERT(ctx != NULL);
    NIKA_ASSERT(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1);
    NIKA_ASSERT(EVP_DigestSign(ctx, signature, &size, message.data, message.size) == 1);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    nika_msan_leave();
    nika_msan_written(signature, NIKA_IDENTITY_SIGNATURE_SIZE);
    NIKA_ASSERT(size == NIKA_IDENTITY_SIGNATURE_SIZE);
}

bool nika_identity_verify(const struct nika_key *public_key, struct nika_span message,
                          const uint8_t signature[NIKA_IDENTITY_SIGNATURE_SIZE])
{
    nika_msan_enter();
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key->bytes,
                                                sizeof public_key->bytes);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    NIKA_ASSERT(ctx != NULL);
    bool good = key != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(ctx, signature, NIKA_IDENTITY_SIGNATURE_SIZE, message.data,
                                 message.size) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    if (!good) ERR_clear_error();
    nika_msan_leave();
    return good;
}

void nika_key_derive(const struct nika_key *secret, const struct nika_digest *salt,
                     const char *label, struct nika_key *out)
{
    struct nika_digest salt_bytes = *salt;
    struct nika_key key = *secret;
    char digest[] = "SHA256";
    nika_msan_enter();
    EVP_KDF *algorithm = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = algorithm == NULL ? NULL : EVP_KDF_CTX_new(algorithm);
    NIKA_ASSERT(ctx != NULL);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key.bytes, sizeof key.bytes),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt_bytes.bytes,
                                          sizeof salt_bytes.bytes),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)label,
                                          strlen(label)),
        OSSL_PARAM_construct_end()};
    NIKA_ASSERT(EVP_KDF_derive(ctx, out->bytes, sizeof out->bytes, params) == 1);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(algorithm);
    nika_msan_leave();
    nika_msan_written(out->bytes, sizeof out->bytes);
    nika_key_erase(&key, sizeof key);
}

void nika_key_erase(void *bytes, size_t size)
{
    OPENSSL_cleanse(bytes, size);
}

/* ---- sealed records ---- */
struct nika_sealer {
    EVP_CIPHER_CTX *ctx;
    bool sealing;
};

struct nika_sealer *nika_sealer_new(const struct nika_key *key, bool sealing)
{
    struct nika_sealer *sealer = calloc(1, sizeof *sealer);
    if (sealer == NULL) return NULL;
    sealer->sealing = sealing;
    nika_msan_enter();
    sealer->ctx = EVP_CIPHER_CTX_new();
    if (sealer->ctx != NULL)
        NIKA_ASSERT(EVP_CipherInit_ex(sealer->ctx, nika_sealing_cipher(), NULL, key->bytes, NULL,
                                      sealing ? 1 : 0) == 1);
    nika_msan_leave();
    if (sealer->ctx != NULL) return sealer;
    free(sealer);
    return NULL;
}

void nika_sealer_free(struct nika_sealer *sealer)
{
    if (sealer == NULL) return;
    EVP_CIPHER_CTX_free(sealer->ctx);
    free(sealer);
}

static void start(struct nika_sealer *sealer, uint64_t counter, struct nika_span head)
{
    uint8_t nonce[GCM_NONCE_SIZE] = {0};
    int done = 0;
    nika_store_le(nonce + 4, counter, 8);
    NIKA_ASSERT(EVP_CipherInit_ex(sealer->ctx, NULL, NULL, NULL, nonce, -1) == 1);
    NIKA_ASSERT(EVP_CipherUpdate(sealer->ctx, NULL, &done, head.data, (int)head.size) == 1);
}

void nika_seal(struct nika_sealer *sealer, uint64_t counter, struct nika_span head,
               struct nika_span plain, uint8_t *out)
{
    int done = 0;
    NIKA_ASSERT(sealer->sealing);
    nika_msan_read(plain.data, plain.size);
    nika_msan_enter();
    start(sealer, counter, head);
    if (plain.size > 0)
        NIKA_ASSERT(EVP_CipherUpdate(sealer->ctx, out, &done, plain.data, (int)plain.size) == 1);
    NIKA_ASSERT((uint32_t)done == plain.size);
    NIKA_ASSERT(EVP_CipherFinal_ex(sealer->ctx, out + plain.size, &done) == 1);
    NIKA_ASSERT(EVP_CIPHER_CTX_ctrl(sealer->ctx, EVP_CTRL_AEAD_GET_TAG, (int)NIKA_SEAL_TAG_SIZE,
                                    out + plain.size) == 1);
    nika_msan_leave();
    nika_msan_written(out, plain.size + NIKA_SEAL_TAG_SIZE);
}

bool nika_unseal(struct nika_sealer *sealer, uint64_t counter, struct nika_span head,
                 struct nika_span sealed, uint8_t *out)
{
    int done = 0;
    uint8_t tag[NIKA_SEAL_TAG_SIZE];
    NIKA_ASSERT(!sealer->sealing);
    NIKA_ASSERT(sealed.size >= NIKA_SEAL_TAG_SIZE);
    uint32_t size = sealed.size - NIKA_SEAL_TAG_SIZE;
    memcpy(tag, sealed.data + size, sizeof tag);
    nika_msan_enter();
    start(sealer, counter, head);
    if (size > 0)
        NIKA_ASSERT(EVP_CipherUpdate(sealer->ctx, out, &done, sealed.data, (int)size) == 1);
    NIKA_ASSERT(
        EVP_CIPHER_CTX_ctrl(sealer->ctx, EVP_CTRL_AEAD_SET_TAG, (int)NIKA_SEAL_TAG_SIZE, tag) == 1);
    bool good = EVP_CipherFinal_ex(sealer->ctx, out + size, &done) == 1;
    nika_msan_leave();
    nika_msan_written(out, size);
    return good;
}
