/* What OpenSSL keeps in a node that reads keys, signs, exchanges keys, draws random bytes and seals records is a small part of what it has; the rest
 * comes back when it is asked for. */
#include "engine/core/auth.h"
#include "engine/core/exchange.h"
#include "engine/core/msan.h"
#include "tests/support/test.h"

#include <malloc.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* 61 KiB; of everything 178. */
#define HEAP_MAX (80u * 1024u)

static const struct nika_key key = {{1, 2, 3}};

/* Key pairs as key files and cluster files have them. */
struct pair {
    uint8_t private_key[NIKA_SIGNING_PRIVATE_MAX], public_key[NIKA_SIGNING_PUBLIC_MAX];
    uint32_t private_size, public_size;
};

static size_t heap(void)
{
    struct mallinfo2 info = mallinfo2();
    nika_msan_written(&info, sizeof info);
    return info.uordblks + info.hblkhd;
}

/* In a process of its own, for what is fetched once stays. */
static void make_pair(enum nika_suite suite, struct pair *out)
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        enum nika_err err = nika_signing_key_make(suite, &key, out->private_key, &out->private_size,
                                                  out->public_key, &out->public_size);
        _exit(err == NIKA_OK && write(ends[1], out, sizeof *out) == (ssize_t)sizeof *out ? 0 : 1);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], out, sizeof *out), sizeof *out);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(ends[0]);
}

static void assert_key_is_read_and_signs(enum nika_suite suite, const struct pair *pair)
{
    struct nika_keyring *ring = nika_keyring_new_live(suite, 2, 0, 0, NULL);
    struct nika_keyring *other = nika_keyring_new_live(suite, 2, 0, 1, NULL);
    const struct nika_span message = {key.bytes, sizeof key.bytes};
    uint8_t signature[NIKA_AUTH_SIZE_MAX];
    uint32_t size = sizeof signature;
    assert_int_equal(
        nika_keyring_add_private(ring, (struct nika_span){pair->private_key, pair->private_size}),
        NIKA_OK);
    assert_int_equal(
        nika_keyring_add_public(other, 0, (struct nika_span){pair->public_key, pair->public_size}),
        NIKA_OK);
    assert_int_equal(nika_sign(ring, 0, message, signature, &size), NIKA_OK);
    assert_int_equal(nika_verify(other, 0, message, (struct nika_span){signature, size}), NIKA_OK);
    signature[5] ^= 1;
    assert_int_not_equal(nika_verify(other, 0, message, (struct nika_span){signature, size}),
                         NIKA_OK);
    nika_keyring_free(ring);
    nika_keyring_free(other);
}

static void test_a_node_brings_no_other_algorithms(void **state)
{
    (void)state;
    static struct pair rsa, ec;
    uint8_t random[32], signature[NIKA_IDENTITY_SIGNATURE_SIZE];
    struct nika_key other, shared;
    struct nika_digest salt = {{0}};
    make_pair(NIKA_SUITE_RSA_2048, &rsa);
    make_pair(NIKA_SUITE_ECDSA_P256, &ec);
    size_t before = heap();
    nika_auth_save_memory();
    nika_msan_enter();
    int drawn = RAND_priv_bytes(random, sizeof random);
    nika_msan_leave();
    nika_msan_written(random, sizeof random);
    assert_int_equal(drawn, 1);
    nika_exchange_public(&key, &other);
    assert_true(nika_exchange_shared(&key, &other, &shared));
    nika_identity_sign(&key, (struct nika_span){random, sizeof random}, signature);
    nika_key_derive(&shared, &salt, "test", &other);
    struct nika_sealer *sealer = nika_sealer_new(&other, true);
    assert_non_null(sealer);
    assert_key_is_read_and_signs(NIKA_SUITE_RSA_2048, &rsa);
    assert_key_is_read_and_signs(NIKA_SUITE_ECDSA_P256, &ec);
    size_t after = heap();
    nika_sealer_free(sealer);
    if (before == 0) skip(); /* A sanitizer's allocator, which does not say. */
    assert_in_range(after - before, 1, HEAP_MAX);
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
    nika_msan_enter();
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", "provider=default");
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    assert_int_equal(EVP_DecryptInit_ex(ctx, cipher, NULL, key.bytes, nonce), 1);
    assert_int_equal(EVP_DecryptUpdate(ctx, NULL, &done, head, sizeof head), 1);
    assert_int_equal(EVP_DecryptUpdate(ctx, opened, &done, sealed, sizeof plain), 1);
    assert_int_equal(
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, NIKA_SEAL_TAG_SIZE, sealed + sizeof plain),
        1);
    assert_int_equal(EVP_DecryptFinal_ex(ctx, opened + done, &done), 1);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    nika_msan_leave();
    nika_msan_written(opened, sizeof opened);
    assert_memory_equal(opened, plain, sizeof plain);
}

/* What TLS 1.3 may agree on and a node without it never uses. */
static void test_what_was_left_out_comes_back(void **state)
{
    (void)state;
    nika_msan_enter();
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
    assert_null(cipher);
    nika_auth_need_all();
    cipher = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
    assert_non_null(cipher);
    EVP_CIPHER_free(cipher);
    nika_msan_leave();
}

int main(void)
{
    /* The first comes first: what is fetched once stays. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_node_brings_no_other_algorithms),
        cmocka_unit_test(test_what_was_left_out_comes_back),
        cmocka_unit_test(test_what_is_sealed_is_aes_256_gcm),
    };
    /* A system's configuration that names providers has the last word, so there must be none. */
    if (setenv("OPENSSL_CONF", "/dev/null", 1) != 0) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
