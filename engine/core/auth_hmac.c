/* engine/core/auth_hmac.c: see auth_hmac.h. */
#define OPENSSL_SUPPRESS_DEPRECATED /* A hash whose state can be kept costs no allocation. */
#include "engine/core/auth_hmac.h"

#include "engine/core/assert.h"
#include "engine/core/msan.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#define INNER_PAD 0x36u
#define OUTER_PAD 0x5cu
_Static_assert(NIKA_HMAC_KEY_SIZE <= SHA256_CBLOCK, "a longer key would have to be hashed first");
_Static_assert(sizeof(SHA_LONG) == sizeof(uint32_t), "words of a state are kept as they are");

/* The state after the one block that the padded key is. */
static void start(const uint8_t *secret, uint8_t pad, uint32_t out[8])
{
    uint8_t block[SHA256_CBLOCK];
    SHA256_CTX ctx;
    memset(block, pad, sizeof block);
    for (uint32_t i = 0; i < NIKA_HMAC_KEY_SIZE; i++) block[i] ^= secret[i];
    nika_msan_read(block, sizeof block);
    nika_msan_enter();
    NIKA_ASSERT(SHA256_Init(&ctx) == 1);
    NIKA_ASSERT(SHA256_Update(&ctx, block, sizeof block) == 1);
    nika_msan_leave();
    nika_msan_written(&ctx, sizeof ctx);
    NIKA_ASSERT(ctx.num == 0);
    memcpy(out, ctx.h, sizeof ctx.h);
    OPENSSL_cleanse(&ctx, sizeof ctx);
    OPENSSL_cleanse(block, sizeof block);
}

void nika_hmac_key_init(struct nika_hmac_key *key, const uint8_t secret[NIKA_HMAC_KEY_SIZE])
{
    start(secret, INNER_PAD, key->inner);
    start(secret, OUTER_PAD, key->outer);
}

static void finish(const uint32_t state[8], struct nika_span bytes, uint8_t out[NIKA_HMAC_SIZE])
{
    SHA256_CTX ctx;
    nika_msan_read(bytes.data, bytes.size);
    nika_msan_enter();
    NIKA_ASSERT(SHA256_Init(&ctx) == 1);
    memcpy(ctx.h, state, sizeof ctx.h);
    ctx.Nl = SHA256_CBLOCK * 8; /* Bits so far: the block of the key. */
    if (bytes.size > 0) NIKA_ASSERT(SHA256_Update(&ctx, bytes.data, bytes.size) == 1);
    NIKA_ASSERT(SHA256_Final(out, &ctx) == 1);
    nika_msan_leave();
    nika_msan_written(out, NIKA_HMAC_SIZE);
}

void nika_hmac(const struct nika_hmac_key *key, struct nika_span message,
               uint8_t tag[NIKA_HMAC_SIZE])
{
    uint8_t inner[NIKA_HMAC_SIZE];
    finish(key->inner, message, inner);
    finish(key->outer, (struct nika_span){inner, sizeof inner}, tag);
}
