/* engine/core/auth_provider.c: OpenSSL without what nobody needs. It makes all algorithms of a kind of all providers when the first of that kind is
 * fetched: with one cipher its 130 relatives, with one key 70 decoders, 300 KiB in each process. So there is a provider of our own, which has what
 * the default provider says of a dozen algorithms, and nothing else.
 *
 * A node has it in the place of the default provider. A client's process belongs to others: there the one cipher comes from a library context with
 * our provider, and everything else stays as it is. */
#include "engine/core/auth_private.h"

#include "engine/core/assert.h"
#include "engine/core/msan.h"

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <string.h>

#define CIPHER "AES-256-GCM"
#define OURS "nika"
#define OFFERS_MAX 16u /* Of one kind, the one that ends the list included. */

/* First names in the tables of the default provider: "NAME:ALIAS:..." */
static const struct {
    int operation;
    const char *name, *property; /* NULL, or what its properties must have. */
} wanted[] = {
    {OSSL_OP_DIGEST, "SHA2-256", NULL},    {OSSL_OP_DIGEST, "SHA2-512", NULL}, /* Within Ed25519. */
    {OSSL_OP_CIPHER, CIPHER, NULL},        {OSSL_OP_KDF, "HKDF", NULL},
    {OSSL_OP_MAC, "HMAC", NULL}, /* Within HKDF. */
    {OSSL_OP_RAND, "HASH-DRBG", NULL},     {OSSL_OP_RAND, "SEED-SRC", NULL},
    {OSSL_OP_KEYMGMT, "RSA", NULL},        {OSSL_OP_KEYMGMT, "EC", NULL},
    {OSSL_OP_KEYMGMT, "X25519", NULL},     {OSSL_OP_KEYMGMT, "ED25519", NULL},
    {OSSL_OP_KEYEXCH, "X25519", NULL},     {OSSL_OP_SIGNATURE, "RSA", NULL},
    {OSSL_OP_SIGNATURE, "ECDSA", NULL},    {OSSL_OP_SIGNATURE, "ED25519", NULL},
    {OSSL_OP_DECODER, "RSA", "input=der"}, /* Keys of the cluster file and of key files. */
    {OSSL_OP_DECODER, "EC", "input=der"},
};

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static EVP_CIPHER *cipher; /* Made once, before its first use; kept until the process ends. */
/* An algorithm that is in use keeps what its provider made, so it is there for ours, too. */
static EVP_KEM *anchor;
static OSSL_ALGORITHM offers[OSSL_OP__HIGHEST + 1][OFFERS_MAX];

static const OSSL_ALGORITHM *query(void *context, int operation, int *no_cache)
{
    (void)context;
    *no_cache = 0;
    if (operation < 0 || operation > OSSL_OP__HIGHEST) return NULL;
    return offers[operation][0].algorithm_names == NULL ? NULL : offers[operation];
}

/* All of one name: a decoder has one entry for each structure. */
static bool take(OSSL_PROVIDER *whole, int operation, const char *name, const char *property)
{
    int no_cache = 0;
    size_t size = strlen(name);
    uint32_t count = 0, before;
    const OSSL_ALGORITHM *at = OSSL_PROVIDER_query_operation(whole, operation, &no_cache);
    while (offers[operation][count].algorithm_names != NULL) count++;
    for (before = count; at != NULL && at->algorithm_names != NULL; at++) {
        if (strcspn(at->algorithm_names, ":") != size) continue;
        if (strncmp(at->algorithm_names, name, size) != 0) continue;
        if (property != NULL && strstr(at->property_definition, property) == NULL) continue;
        if (count + 1 == OFFERS_MAX) return false;
        offers[operation][count++] = *at;
    }
    return count > before;
}

static int take_all(OSSL_PROVIDER *whole, const OSSL_DISPATCH **out, void **context)
{
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query}, {0, NULL}};
    memset(offers, 0, sizeof offers);
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++)
        if (!take(whole, wanted[i].operation, wanted[i].name, wanted[i].property)) return 0;
    *context = OSSL_PROVIDER_get0_provider_ctx(whole);
    *out = functions;
    return 1;
}

/* ---- in the place of the default provider ---- */
static int open_instead(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                        const OSSL_DISPATCH **out, void **context)
{
    (void)handle;
    (void)in;
    OSSL_PROVIDER *whole = OSSL_PROVIDER_load(NULL, "default");
    if (whole == NULL) return 0;
    anchor = EVP_KEM_fetch(NULL, "RSA", NULL); /* There are one or two of this kind. */
    int good = anchor != NULL && take_all(whole, out, context) == 1;
    return OSSL_PROVIDER_unload(whole) == 1 && good;
}

static int is_another(OSSL_PROVIDER *provider, void *context)
{
    bool *others = context;
    if (strcmp(OSSL_PROVIDER_get0_name(provider), OURS) != 0) *others = true;
    return 1;
}

void nika_auth_save_memory(void)
{
    bool others = false;
    nika_msan_enter();
    NIKA_ASSERT(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
                                        OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
                                        OPENSSL_INIT_NO_ADD_ALL_DIGESTS,
                                    NULL) == 1);
    /* The usual generator is of AES, which a system's own providers may bring 130 ciphers with. */
    NIKA_ASSERT(RAND_set_DRBG_type(NULL, "HASH-DRBG", NULL, NULL, "SHA256") == 1);
    OSSL_PROVIDER *ours = NULL;
    if (OSSL_PROVIDER_add_builtin(NULL, OURS, open_instead) == 1)
        ours = OSSL_PROVIDER_load(NULL, OURS);
    /* Providers that are still active are those that the system's configuration names: theirs is taken. */
    NIKA_ASSERT(OSSL_PROVIDER_do_all(NULL, is_another, &others) == 1);
    if (others && ours != NULL) NIKA_ASSERT(OSSL_PROVIDER_unload(ours) == 1);
    if (!others && ours == NULL) NIKA_ASSERT(OSSL_PROVIDER_load(NULL, "default") != NULL);
    ERR_clear_error();
    nika_msan_leave();
}

void nika_auth_need_all(void)
{
    nika_msan_enter();
    if (OSSL_PROVIDER_available(NULL, OURS) == 1)
        NIKA_ASSERT(OSSL_PROVIDER_load(NULL, "default") != NULL);
    nika_msan_leave();
}

/* ---- the one cipher ---- */
static int open_beside(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                       const OSSL_DISPATCH **out, void **context)
{
    (void)handle;
    (void)in;
    /* Where the system's configuration has other providers instead, theirs is taken. */
    if (OSSL_PROVIDER_available(NULL, "default") != 1) return 0;
    OSSL_PROVIDER *whole = OSSL_PROVIDER_load(NULL, "default");
    return whole != NULL && take_all(whole, out, context) == 1;
}

static void fetch(void)
{
    if (OSSL_PROVIDER_available(NULL, OURS) != 1) {
        OSSL_LIB_CTX *library = OSSL_LIB_CTX_new();
        if (library != NULL && OSSL_PROVIDER_add_builtin(library, OURS, open_beside) == 1 &&
            OSSL_PROVIDER_load(library, OURS) != NULL)
            cipher = EVP_CIPHER_fetch(library, CIPHER, NULL);
        if (cipher != NULL) return;
        OSSL_LIB_CTX_free(library);
        ERR_clear_error();
    }
    cipher = EVP_CIPHER_fetch(NULL, CIPHER, NULL);
}

const struct evp_cipher_st *nika_sealing_cipher(void)
{
    NIKA_ASSERT(CRYPTO_THREAD_run_once(&once, fetch) == 1);
    NIKA_ASSERT(cipher != NULL);
    return cipher;
}
