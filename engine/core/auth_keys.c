/* engine/core/auth_keys.c: key pairs as a pure function of a seed, for simulations and tests
 * (auth.h).
 *
 * With auth.c the only code that sees OpenSSL's keys. Keeps nothing. */
#include "engine/core/auth_private.h"

#include "engine/core/bytes.h"
#include "engine/core/digest.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#define P256_POINT_SIZE 65u
/* A derived scalar is outside the group's order with odds of 2^-32; twice in a row never happens.
 */
#define SCALAR_TRIES_MAX 8u

void nika_auth_derive_secret(const char *label, uint64_t seed, uint32_t a, uint32_t b,
                             struct nika_digest *out)
{
    uint8_t tail[16];
    nika_store_le(tail, seed, 8);
    nika_store_le(tail + 8, a, 4);
    nika_store_le(tail + 12, b, 4);
    const struct nika_span parts[] = {{(const uint8_t *)label, (uint32_t)strlen(label)},
                                      {tail, sizeof tail}};
    nika_sha256(parts, ARRAY_COUNT(parts), out);
}

static EVP_PKEY *derive_ed25519(uint64_t seed, uint32_t node)
{
    struct nika_digest secret;
    nika_auth_derive_secret("nika-key", seed, node, 0, &secret);
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret.bytes, sizeof secret.bytes);
}

/* A scalar in [1, order - 1], or false. */
static bool derive_scalar(const EC_GROUP *group, uint64_t seed, uint32_t node, BIGNUM *scalar)
{
    for (uint32_t try = 0; try < SCALAR_TRIES_MAX; try++) {
        struct nika_digest secret;
        nika_auth_derive_secret("nika-key-p256", seed, node, try, &secret);
        if (BN_bin2bn(secret.bytes, sizeof secret.bytes, scalar) == NULL) return false;
        if (!BN_is_zero(scalar) && BN_cmp(scalar, EC_GROUP_get0_order(group)) < 0) return true;
    }
    return false;
}

static EVP_PKEY *p256_from(const BIGNUM *scalar, const uint8_t *point)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (build == NULL || ctx == NULL) goto out;
    if (OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1)
        goto out;
    if (OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, scalar) != 1) goto out;
    if (OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, P256_POINT_SIZE) !=
        1)
        goto out;
    params = OSSL_PARAM_BLD_to_param(build);
    if (params == NULL || EVP_PKEY_fromdata_init(ctx) != 1) goto out;
    if (EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1) key = NULL;
out:
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *derive_p256(uint64_t seed, uint32_t node)
{
    EVP_PKEY *key = NULL;
    uint8_t octets[P256_POINT_SIZE];
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *point = group == NULL ? NULL : EC_POINT_new(group);
    BIGNUM *scalar = BN_new();
    if (point == NULL || scalar == NULL || !derive_scalar(group, seed, node, scalar)) goto out;
    if (EC_POINT_mul(group, point, scalar, NULL, NULL, NULL) != 1) goto out;
    if (EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, octets, sizeof octets,
                           NULL) != sizeof octets)
        goto out;
    key = p256_from(scalar, octets);
out:
    BN_clear_free(scalar);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    return key;
}

static EVP_PKEY *pooled_rsa(uint32_t node)
{
    BIO *pem =
        BIO_new_mem_buf(nika_rsa_test_keys[nika_client_index(node) % NIKA_RSA_TEST_KEYS], -1);
    if (pem == NULL) return NULL;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, NULL, NULL);
    BIO_free(pem);
    return key;
}

struct evp_pkey_st *nika_auth_derive_key(enum nika_suite suite, uint64_t seed, uint32_t node)
{
    switch (suite) {
    case NIKA_SUITE_ED25519:
        return derive_ed25519(seed, node);
    case NIKA_SUITE_ECDSA_P256:
        return derive_p256(seed, node);
    case NIKA_SUITE_RSA_2048:
        return pooled_rsa(node);
    case NIKA_SUITE_NONE:
    case NIKA_SUITE_HMAC:
    case NIKA_SUITE_SIM:
        break;
    }
    return NULL;
}
