/* engine/core/auth_cipher.c: AES-256-GCM without its 130 relatives. OpenSSL makes all ciphers of a provider when the first one is fetched, 150 KiB in
 * each process, and a replica needs one. So that one is fetched from a provider of our own, which has what the default provider says of it and
 * nothing else. */
#include "engine/core/auth_private.h"

#include "engine/core/assert.h"

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <string.h>

#define CIPHER "AES-256-GCM"

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static EVP_CIPHER *cipher;       /* Made once, before its first use; kept until the process ends. */
static OSSL_ALGORITHM offers[2]; /* The last one ends the list. */

static const OSSL_ALGORITHM *query(void *context, int operation, int *no_cache)
{
    (void)context;
    *no_cache = 0;
    return operation == OSSL_OP_CIPHER ? offers : NULL;
}

static int open_provider(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                         const OSSL_DISPATCH **out, void **context)
{
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query}, {0, NULL}};
    int no_cache = 0;
    (void)handle;
    (void)in;
    /* Where the system's configuration has other providers instead, theirs is taken. */
    if (OSSL_PROVIDER_available(NULL, "default") != 1) return 0;
    OSSL_PROVIDER *whole = OSSL_PROVIDER_load(NULL, "default");
    if (whole == NULL) return 0;
    const OSSL_ALGORITHM *at = OSSL_PROVIDER_query_operation(whole, OSSL_OP_CIPHER, &no_cache);
    for (; at != NULL && at->algorithm_names != NULL; at++) /* "NAME:ALIAS:..." */
        if (strncmp(at->algorithm_names, CIPHER ":", sizeof CIPHER) == 0) offers[0] = *at;
    *context = OSSL_PROVIDER_get0_provider_ctx(whole);
    *out = functions;
    return offers[0].algorithm_names != NULL;
}

static void fetch(void)
{
    OSSL_LIB_CTX *library = OSSL_LIB_CTX_new();
    if (library != NULL && OSSL_PROVIDER_add_builtin(library, "nika", open_provider) == 1 &&
        OSSL_PROVIDER_load(library, "nika") != NULL)
        cipher = EVP_CIPHER_fetch(library, CIPHER, NULL);
    if (cipher != NULL) return;
    OSSL_LIB_CTX_free(library);
    ERR_clear_error();
    cipher = EVP_CIPHER_fetch(NULL, CIPHER, NULL);
}

const struct evp_cipher_st *nika_sealing_cipher(void)
{
    NIKA_ASSERT(CRYPTO_THREAD_run_once(&once, fetch) == 1);
    NIKA_ASSERT(cipher != NULL);
    return cipher;
}
