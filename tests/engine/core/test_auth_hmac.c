/* HMAC-SHA256 is that of RFC 4231 and of OpenSSL, for every length around a block, and a prepared key is not used up. */
#include "engine/core/auth_hmac.h"
#include "engine/core/digest.h"
#include "engine/core/msan.h"
#include "tests/support/test.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

static void check(const char *secret, size_t secret_size, const char *text, const char *wanted)
{
    /* A key is filled up with zeros anyway. */
    uint8_t padded[NIKA_HMAC_KEY_SIZE] = {0}, tag[NIKA_HMAC_SIZE];
    char hex[2 * NIKA_HMAC_SIZE + 1];
    struct nika_hmac_key key;
    memcpy(padded, secret, secret_size);
    nika_hmac_key_init(&key, padded);
    for (uint32_t again = 0; again < 2; again++) {
        nika_hmac(&key, (struct nika_span){(const uint8_t *)text, (uint32_t)strlen(text)}, tag);
        nika_hex(tag, sizeof tag, hex);
        assert_string_equal(hex, wanted);
    }
}

static void test_tags_are_the_published_ones(void **state)
{
    (void)state;
    check("\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", 20,
          "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    check("Jefe", 4, "what do ya want for nothing?",
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void test_tags_are_those_of_openssl_for_every_length(void **state)
{
    (void)state;
    uint8_t secret[NIKA_HMAC_KEY_SIZE], text[300], tag[NIKA_HMAC_SIZE], theirs[NIKA_HMAC_SIZE];
    struct nika_hmac_key key;
    unsigned int size = 0;
    for (uint32_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)(i * 7);
    for (uint32_t i = 0; i < sizeof secret; i++) secret[i] = (uint8_t)(255 - i);
    nika_hmac_key_init(&key, secret);
    for (uint32_t i = 0; i <= sizeof text; i++) {
        nika_hmac(&key, (struct nika_span){text, i}, tag);
        nika_msan_enter();
        const unsigned char *done =
            HMAC(EVP_sha256(), secret, (int)sizeof secret, text, i, theirs, &size);
        nika_msan_leave();
        nika_msan_written(theirs, sizeof theirs);
        nika_msan_written(&size, sizeof size);
        assert_non_null(done);
        assert_int_equal(size, sizeof theirs);
        assert_memory_equal(tag, theirs, sizeof tag);
    }
    secret[31] ^= 1;
    nika_hmac_key_init(&key, secret);
    nika_hmac(&key, (struct nika_span){text, sizeof text}, tag);
    assert_memory_not_equal(tag, theirs, sizeof tag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tags_are_the_published_ones),
        cmocka_unit_test(test_tags_are_those_of_openssl_for_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
