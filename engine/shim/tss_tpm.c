/* engine/shim/tss_tpm.c: see tss_tpm.h. Without libtss2 (NIKA_TPM) it only says so. */
#include "engine/shim/tss_tpm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef NIKA_TPM

enum nika_err nika_tss_tpm_open(const char *tcti, uint32_t index, bool make,
                                struct nika_tss_tpm **out, struct nika_disk_store_error *error)
{
    (void)tcti;
    (void)index;
    (void)make;
    *out = NULL;
    nika_disk_say(error, "TPM: this program was built without libtss2; run scripts/setup --tpm and "
                         "build it again");
    return NIKA_ERR_CONFIG;
}

void nika_tss_tpm_close(struct nika_tss_tpm *tpm)
{
    (void)tpm;
}

struct nika_tss_anchor nika_tss_tpm_anchor(struct nika_tss_tpm *tpm)
{
    return (struct nika_tss_anchor){.context = tpm};
}

#else

#include <dlfcn.h>
#include <string.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "engine/core/msan.h"

#define COUNTER_SIZE 8u /* Big-endian, as the TPM gives it. */

/* Opened with the anchor: linked, they and what they need cost every process of this program 48 KiB of tables. */
enum library { ESYS, TCTILDR, RC, LIBRARIES };
static const char *const library_names[LIBRARIES] = {
    [ESYS] = "libtss2-esys.so.0",
    [TCTILDR] = "libtss2-tctildr.so.0",
    [RC] = "libtss2-rc.so.0",
};
#define CALLS(CALL)                                                                                \
    CALL(ESYS, Esys_Initialize)                                                                    \
    CALL(ESYS, Esys_Finalize)                                                                      \
    CALL(ESYS, Esys_Free)                                                                          \
    CALL(ESYS, Esys_Startup)                                                                       \
    CALL(ESYS, Esys_TR_FromTPMPublic)                                                              \
    CALL(ESYS, Esys_NV_DefineSpace)                                                                \
    CALL(ESYS, Esys_NV_ReadPublic)                                                                 \
    CALL(ESYS, Esys_NV_Increment)                                                                  \
    CALL(ESYS, Esys_NV_Read)                                                                       \
    CALL(TCTILDR, Tss2_TctiLdr_Initialize)                                                         \
    CALL(TCTILDR, Tss2_TctiLdr_Finalize)                                                           \
    CALL(RC, Tss2_RC_Decode)
#define CALL_FIELD(library, name) __typeof__(name) *name;
#define CALL_ROW(library, name) {library, #name, offsetof(struct calls, name)},
struct calls {
    CALLS(CALL_FIELD)
};
static const struct {
    enum library from;
    const char *name;
    size_t at;
} call_rows[] = {CALLS(CALL_ROW)};

struct nika_tss_tpm {
    void *libraries[LIBRARIES];
    struct calls call;
    TSS2_TCTI_CONTEXT *tcti;
    ESYS_CONTEXT *esys;
    ESYS_TR index;
};

static enum nika_err refuse(const struct nika_tss_tpm *t, struct nika_disk_store_error *error,
                            enum nika_err err, const char *tcti, const char *what, TSS2_RC rc)
{
    nika_disk_say(error, "TPM %.150s: %s%s%s", tcti, what, rc != 0 ? ": " : "",
                  rc != 0 ? t->call.Tss2_RC_Decode(rc) : "");
    return err;
}

static enum nika_err load(struct nika_tss_tpm *t, const char *tcti,
                          struct nika_disk_store_error *error)
{
    char text[160];
    for (uint32_t i = 0; i < LIBRARIES; i++) {
        t->libraries[i] = dlopen(library_names[i], RTLD_NOW | RTLD_LOCAL);
        if (t->libraries[i] != NULL) continue;
        (void)snprintf(text, sizeof text, "%s; install libtss2 (esys, tctildr, rc)", dlerror());
        return refuse(t, error, NIKA_ERR_CONFIG, tcti, text, 0);
    }
    for (size_t i = 0; i < ARRAY_COUNT(call_rows); i++) {
        void *found = dlsym(t->libraries[call_rows[i].from], call_rows[i].name);
        if (found == NULL) return refuse(t, error, NIKA_ERR_CONFIG, tcti, dlerror(), 0);
        memcpy((uint8_t *)&t->call + call_rows[i].at, &found, sizeof found);
    }
    return NIKA_OK;
}

static TSS2_RC define(struct nika_tss_tpm *t, uint32_t index)
{
    TPM2B_AUTH no_auth = {.size = 0};
    TPM2B_NV_PUBLIC public = {
        .nvPublic = {.nvIndex = index,
                     .nameAlg = TPM2_ALG_SHA256,
                     .attributes = TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA |
                                   (TPMA_NV)(TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT),
                     .dataSize = COUNTER_SIZE}};
    TSS2_RC rc =
        t->call.Esys_NV_DefineSpace(t->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                    ESYS_TR_NONE, &no_auth, &public, &t->index);
    /* It has no value before its first step. */
    if (rc == TSS2_RC_SUCCESS)
        rc = t->call.Esys_NV_Increment(t->esys, t->index, t->index, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                       ESYS_TR_NONE);
    return rc;
}

/* Find the index, and see that it is a counter which can only go up. */
static enum nika_err find(struct nika_tss_tpm *t, const char *tcti, uint32_t index, bool make,
                          struct nika_disk_store_error *error)
{
    TPM2B_NV_PUBLIC *public = NULL;
    char text[160];
    TSS2_RC rc = t->call.Esys_TR_FromTPMPublic(t->esys, index, ESYS_TR_NONE, ESYS_TR_NONE,
                                               ESYS_TR_NONE, &t->index);
    if (rc != TSS2_RC_SUCCESS && make) {
        rc = define(t, index);
        (void)snprintf(text, sizeof text, "NV index 0x%08" PRIx32 " cannot be made", index);
    } else if (rc != TSS2_RC_SUCCESS) {
        (void)snprintf(
            text, sizeof text,
            "no NV index 0x%08" PRIx32 "; an anchored instance is made with --init --tpm", index);
    }
    if (rc != TSS2_RC_SUCCESS) return refuse(t, error, NIKA_ERR_CONFIG, tcti, text, rc);
    rc = t->call.Esys_NV_ReadPublic(t->esys, t->index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                    &public, NULL);
    if (rc != TSS2_RC_SUCCESS)
        return refuse(t, error, NIKA_ERR_IO, tcti, "the NV index cannot be read", rc);
    nika_msan_written(public, sizeof *public);
    bool counter = (public->nvPublic.attributes & TPMA_NV_TPM2_NT_MASK) >> TPMA_NV_TPM2_NT_SHIFT ==
                       TPM2_NT_COUNTER &&
                   public->nvPublic.dataSize == COUNTER_SIZE;
    t->call.Esys_Free(public);
    if (counter) return NIKA_OK;
    (void)snprintf(text, sizeof text, "NV index 0x%08" PRIx32 " is no counter; choose another one",
                   index);
    return refuse(t, error, NIKA_ERR_CONFIG, tcti, text, 0);
}

enum nika_err nika_tss_tpm_open(const char *tcti, uint32_t index, bool make,
                                struct nika_tss_tpm **out, struct nika_disk_store_error *error)
{
    struct nika_tss_tpm *t = calloc(1, sizeof *t);
    *out = NULL;
    if (t == NULL) return refuse(t, error, NIKA_ERR_IO, tcti, "out of memory", 0);
    TSS2_RC rc = TSS2_RC_SUCCESS;
    enum nika_err err = load(t, tcti, error);
    if (err == NIKA_OK) {
        rc = t->call.Tss2_TctiLdr_Initialize(tcti, &t->tcti);
        if (rc == TSS2_RC_SUCCESS) rc = t->call.Esys_Initialize(&t->esys, t->tcti, NULL);
        if (rc != TSS2_RC_SUCCESS)
            err = refuse(t, error, NIKA_ERR_IO, tcti, "cannot be reached", rc);
    }
    if (err == NIKA_OK) {
        /* A TPM behind a kernel has been started; one of its own may not have been. */
        rc = t->call.Esys_Startup(t->esys, TPM2_SU_CLEAR);
        if (rc != TSS2_RC_SUCCESS && rc != TPM2_RC_INITIALIZE)
            err = refuse(t, error, NIKA_ERR_IO, tcti, "does not start", rc);
    }
    if (err == NIKA_OK) err = find(t, tcti, index, make, error);
    if (err == NIKA_OK) {
        *out = t;
        return NIKA_OK;
    }
    nika_tss_tpm_close(t);
    return err;
}

void nika_tss_tpm_close(struct nika_tss_tpm *t)
{
    if (t == NULL) return;
    if (t->esys != NULL) t->call.Esys_Finalize(&t->esys);
    if (t->tcti != NULL) t->call.Tss2_TctiLdr_Finalize(&t->tcti);
    for (uint32_t i = 0; i < LIBRARIES; i++)
        if (t->libraries[i] != NULL) (void)dlclose(t->libraries[i]);
    free(t);
}

static int anchor_read(void *context, uint64_t *value)
{
    struct nika_tss_tpm *t = context;
    TPM2B_MAX_NV_BUFFER *data = NULL;
    TSS2_RC rc = t->call.Esys_NV_Read(t->esys, t->index, t->index, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                      ESYS_TR_NONE, COUNTER_SIZE, 0, &data);
    if (rc != TSS2_RC_SUCCESS) return EIO;
    nika_msan_written(data, sizeof *data);
    bool whole = data->size == COUNTER_SIZE;
    *value = 0;
    for (uint32_t i = 0; whole && i < COUNTER_SIZE; i++) *value = *value << 8 | data->buffer[i];
    t->call.Esys_Free(data);
    return whole ? 0 : EIO;
}

static int anchor_step(void *context, uint64_t *value)
{
    struct nika_tss_tpm *t = context;
    TSS2_RC rc = t->call.Esys_NV_Increment(t->esys, t->index, t->index, ESYS_TR_PASSWORD,
                                           ESYS_TR_NONE, ESYS_TR_NONE);
    return rc == TSS2_RC_SUCCESS ? anchor_read(t, value) : EIO;
}

struct nika_tss_anchor nika_tss_tpm_anchor(struct nika_tss_tpm *tpm)
{
    return (struct nika_tss_anchor){.context = tpm, .read = anchor_read, .step = anchor_step};
}

#endif
