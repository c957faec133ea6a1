/* engine/core/auth_ecdsa.c: ECDSA P-256 with a fixed-length signature and a replayable nonce
 * (auth.h).
 *
 * A signature travels as r | s, 32 bytes each, because DER has many lengths and a careless parser
 * many forms. Owns only the stream of the one signing call in progress. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_set_rand_method: the only way to seed the nonce in     \
                                       OpenSSL 3.0. */
#include "engine/core/auth_private.h"

#include "engine/core/assert.h"
#include "engine/core/bytes.h"
#include "engine/core/digest.h"
#include "engine/core/msan.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#define P256_SCALAR_SIZE 32u
#define ECDSA_DER_MAX 72u

/* ECDSA's randomness: SHA-256 in counter mode under the key of one signature. As the nonce follows
 * from (seed, node, message), a replay or a restored world signs the same bytes again. Installed
 * only during one signing call of a derived ring, so nothing else ever draws from it. */
static _Thread_local struct {
    struct nika_digest key;
    uint32_t counter;
} nonce_stream;

static int nonce_bytes(unsigned char *out, int size)
{
    for (int at = 0; at < size; at += (int)NIKA_DIGEST_SIZE) {
        struct nika_digest block;
        uint8_t counter[4];
        nika_store_le(counter, nonce_stream.counter++, 4);
        const struct nika_span parts[] = {{nonce_stream.key.bytes, NIKA_DIGEST_SIZE},
                                          {counter, sizeof counter}};
        nika_sha256(parts, ARRAY_COUNT(parts), &block);
        size_t left = (size_t)(size - at);
        memcpy(out + at, block.bytes, left < sizeof block.bytes ? left : sizeof block.bytes);
    }
    return 1;
}

static int nonce_status(void)
{
    return 1;
}

static const RAND_METHOD nonce_method = {
    .bytes = nonce_bytes, .pseudorand = nonce_bytes, .status = nonce_status};

static void nonce_start(uint64_t seed, uint32_t node, const struct nika_digest *hash)
{
    struct nika_digest secret;
    nika_auth_derive_secret("nika-nonce", seed, node, 0, &secret);
    const struct nika_span parts[] = {{secret.bytes, sizeof secret.bytes},
                                      {hash->bytes, sizeof hash->bytes}};
    nika_sha256(parts, ARRAY_COUNT(parts), &nonce_stream.key);
    nonce_stream.counter = 0;
}

/* One INTEGER of OpenSSL's own DER, left-padded to 32 bytes. */
static void scalar_from_der(struct nika_reader *r, uint8_t out[P256_SCALAR_SIZE])
{
    NIKA_ASSERT(nika_read_u8(r) == 0x02);
    uint32_t size = nika_read_u8(r);
    const uint8_t *p = nika_read_raw(r, size);
    NIKA_ASSERT(p != NULL);
    while (size > P256_SCALAR_SIZE && *p == 0) {
        p++;
        size--;
    }
    NIKA_ASSERT(size <= P256_SCALAR_SIZE);
    memset(out, 0, P256_SCALAR_SIZE - size);
    memcpy(out + P256_SCALAR_SIZE - size, p, size);
}

/* The one DER INTEGER of 32 big-endian bytes. */
static void scalar_to_der(struct nika_writer *w, const uint8_t *scalar)
{
    uint32_t size = P256_SCALAR_SIZE;
    while (size > 1 && *scalar == 0) {
        scalar++;
        size--;
    }
    bool pad = (*scalar & 0x80u) != 0;
    nika_write_u8(w, 0x02);
    nika_write_u8(w, (uint8_t)(size + (pad ? 1u : 0u)));
    if (pad) nika_write_u8(w, 0);
    nika_write_raw(w, scalar, size);
}

void nika_auth_ecdsa_sign(struct evp_pkey_ctx_st *signer, const uint64_t *seed, uint32_t node,
                          const struct nika_digest *hash, uint8_t *signature)
{
    uint8_t der[ECDSA_DER_MAX];
    size_t size = sizeof der;
    const RAND_METHOD *before = RAND_get_rand_method();
    nika_msan_enter();
    if (seed != NULL) {
        nonce_start(*seed, node, hash);
        NIKA_ASSERT(RAND_set_rand_method(&nonce_method) == 1);
    }
    int done = EVP_PKEY_sign(signer, der, &size, hash->bytes, sizeof hash->bytes);
    if (seed != NULL) NIKA_ASSERT(RAND_set_rand_method(before) == 1);
    nika_msan_leave();
    nika_msan_written(der, sizeof der);
    nika_msan_written(&size, sizeof size);
    NIKA_ASSERT(done == 1);
    struct nika_reader r = nika_reader_of((struct nika_span){der, (uint32_t)size});
    NIKA_ASSERT(nika_read_u8(&r) == 0x30);
    NIKA_ASSERT(nika_read_u8(&r) == size - 2);
    scalar_from_der(&r, signature);
    scalar_from_der(&r, signature + P256_SCALAR_SIZE);
    NIKA_ASSERT(nika_reader_done(&r));
}

bool nika_auth_ecdsa_verify(struct evp_pkey_ctx_st *verifier, const struct nika_digest *hash,
                            const uint8_t *signature)
{
    uint8_t der[ECDSA_DER_MAX];
    struct nika_writer w = nika_writer_of(der, sizeof der);
    nika_write_u8(&w, 0x30);
    nika_write_u8(&w, 0); /* Known below. */
    scalar_to_der(&w, signature);
    scalar_to_der(&w, signature + P256_SCALAR_SIZE);
    NIKA_ASSERT(!w.failed);
    der[1] = (uint8_t)(w.at - 2);
    nika_msan_enter();
    bool good = EVP_PKEY_verify(verifier, der, w.at, hash->bytes, sizeof hash->bytes) == 1;
    nika_msan_leave();
    return good;
}
