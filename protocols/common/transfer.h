/* protocols/common/transfer.h: state transfer in verified chunks, both ends (PROTOCOLS.md 1.8, ST1-ST6). */
#ifndef PROTOCOLS_COMMON_TRANSFER_H
#define PROTOCOLS_COMMON_TRANSFER_H

#include "protocols/common/core.h"

/* Fetch (seq, digest), trusted because of `signers`. `cert` = encoded FRAMES of >= stable_need CHECKPOINTs, or empty (W-based). A
 * newer target replaces an older one; verified chunks are kept. */
void common_transfer_start(struct common_core *core, uint64_t seq, const struct nika_digest *digest,
                           const uint64_t signers[2], struct nika_span cert);
/* Execution reached the state that is being fetched: no need to fetch it. */
void common_transfer_spare(struct common_core *core, uint64_t seq,
                           const struct nika_digest *digest);
void common_transfer_timer(struct common_core *core);
void common_on_meta(struct common_core *core, const struct nika_frame *frame);
void common_on_chunk(struct common_core *core, const struct nika_frame *frame);
void common_on_no_snapshot(struct common_core *core, const struct nika_frame *frame);
/* The application answered RESTORE_END (COMMON_TOKEN_RESTORE); `meta` is what it says it now holds. */
void common_restored(struct common_core *core, uint64_t seq, int32_t status, struct nika_span meta);
void common_transfer_saved(struct common_core *core, uint64_t seq, int32_t status);

/* ---- transfer_server.c ---- */
void common_on_fetch_meta(struct common_core *core, const struct nika_frame *frame);
void common_on_fetch_chunk(struct common_core *core, const struct nika_frame *frame);
/* The application cut the chunk of entry `serving` (COMMON_TOKEN_CHUNK). */
void common_chunk_ready(struct common_core *core, uint32_t serving, int32_t status,
                        struct nika_span bytes);

#endif
