/* engine/shim/tss_tpm.h: an NV counter of a TPM 2.0 as anchor of a vault (PROTOCOLS.md 2.8, backend 3b).
 *
 * A counter index only goes up, one at a time, also when it is deleted and defined again. It certifies nothing by itself: it only tells how
 * fresh the files of a vault are. Each step is slow (milliseconds) and wears the chip. */
#ifndef ENGINE_SHIM_TSS_TPM_H
#define ENGINE_SHIM_TSS_TPM_H

#include "engine/shim/tss_vault.h"

#define NIKA_TSS_TPM_INDEX 0x01500101u /* Default: of the range for owners. */
#define NIKA_TSS_TPM_INDEX_LOW 0x01000000u
#define NIKA_TSS_TPM_INDEX_HIGH 0x01bfffffu

struct nika_tss_tpm;
/* Connect by a TCTI as tpm2-tools name it ("device:/dev/tpmrm0", "swtpm:port=2321"). `make`: define the counter index when there is none.
 * NIKA_ERR_CONFIG: no such index, or one that is no counter; also where libtss2 is missing, now or when the program was built. NIKA_ERR_IO: the
 * TPM does not answer. `error` says which. The caller closes *out. */
NIKA_MUST_USE enum nika_err nika_tss_tpm_open(const char *tcti, uint32_t index, bool make,
                                              struct nika_tss_tpm **out,
                                              struct nika_disk_store_error *error);
/* The connection ends; the counter stays. NULL is ignored. */
void nika_tss_tpm_close(struct nika_tss_tpm *tpm);
/* As a vault takes it; valid until close. */
struct nika_tss_anchor nika_tss_tpm_anchor(struct nika_tss_tpm *tpm);

#endif
