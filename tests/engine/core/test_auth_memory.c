/* What OpenSSL keeps in a node that signs, exchanges keys, draws random bytes and seals records is a small part of what it has. */
#include "engine/core/auth.h"
#include "engine/core/exchange.h"
#include "tests/support/test.h"

#include <malloc.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define HEAP_MAX (160u * 1024u) /* 130 KiB; with all ciphers 290. */

static const struct nika_key key = {{1, 2, 3}};

static size_t heap(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* First: what is fetched once stays. */
static void test_the_first_session_brings_no_other_ciphers(void **state)
{
    (void)state;
    uint8_t random[32], signature[NIKA_IDENTITY_SIGNATURE_SIZE];
    struct nika_key other, shared;
    struct nika_digest salt = {{0}};
    size_t before = heap();
    if (before == 0) skip(); /* A sanitizer's allocator, which does not say. */
    nika_auth_save_memory();
    assert_int_equal(RAND_priv_bytes(random, sizeof random), 1);
    nika_exchange_public(&key, &other);
    assert_true(nika_exchange_shared(&key, &other, &shared));
    nika_identity_sign(&key, (struct nika_span){random, sizeof random}, signature);
    nika_key_derive(&shared, &salt, "test", &other);
    struct nika_sealer *sealer = nika_sealer_new(&other, true);
    assert_non_null(sealer);
    size_t after = heap();
    assert_in_range(after - before, 1, HEAP_MAX);
    nika_sealer_free(sealer);
}

/* By OpenSSL's own name for it, from the whole provider. */
static void test_what_is_sealed_is_aes_256_gcm(void **state)
{
    (void)state;
    static const uint8_t head[] = "head", plain[] = "what is to be read by one alone";
    const uint8_t nonce[12] = {0, 0, 0, 0, 7};
    uint8_t sealed[sizeof plain + NIKA_SEAL_TAG_SIZE], opened[sizeof plain];
    int done;
    struct nika_sealer *sealer = nika_sealer_new(&key, true);
    assert_non_null(sealer);
    nika_seal(sealer, 7, (struct nika_span){head, sizeof head},
              (struct nika_span){plain, sizeof plain}, sealed);
    nika_sealer_free(sealer);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    assert_int_equal(EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key.bytes, nonce), 1);
    assert_int_equal(EVP_DecryptUpdate(ctx, NULL, &done, head, sizeof head), 1);
    assert_int_equal(EVP_DecryptUpdate(ctx, opened, &done, sealed, sizeof plain), 1);
    assert_int_equal(
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, NIKA_SEAL_TAG_SIZE, sealed + sizeof plain),
        1);
    assert_int_equal(EVP_DecryptFinal_ex(ctx, opened + done, &done), 1);
    assert_memory_equal(opened, plain, sizeof plain);
    EVP_CIPHER_CTX_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_session_brings_no_other_ciphers),
        cmocka_unit_test(test_what_is_sealed_is_aes_256_gcm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
