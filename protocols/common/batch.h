/* protocols/common/batch.h: batches of requests: digest and iteration (PROTOCOLS.md 1.3, 1.4 PP7, PP8).
 *
 * The digest is SHA-256("BATCH" | encoded BATCH body). The body is canonical (agreed time, count, length-prefixed request
 * frames with their signatures), so no two batches share a digest, and whoever matches the digest holds exactly the bytes that
 * the primary proposed: whether a request in it is valid is then the same for every correct replica. */
#ifndef PROTOCOLS_COMMON_BATCH_H
#define PROTOCOLS_COMMON_BATCH_H

#include "engine/core/check.h"
#include "engine/core/config.h"
#include "engine/core/host.h"
#include "protocols/common/messages.h"

/* Digest of an encoded BATCH body. */
void common_batch_body_digest(struct nika_span body, struct nika_digest *out);
/* Parse one request frame of a batch into `frame` and `request`: R1 (size, client known), R3; the signature (R2) is the
 * caller's. NIKA_ERR_MALFORMED or NIKA_OK. */
NIKA_MUST_USE enum nika_err common_request_parse(const struct nika_config *config,
                                                 struct nika_span raw, struct nika_frame *frame,
                                                 struct common_request *request);
/* Bytes of one request inside a batch besides its operation: length prefix, frame, REQUEST fields, largest signature. */
static inline uint32_t common_request_overhead(const struct nika_config *config)
{
    return 4u + nika_frame_size(24u, nika_suite_signature_size(config->suite));
}
/* Largest BATCH body that PP7 lets pass: B_BYTES counts operations, their envelopes come on top. */
static inline uint32_t common_batch_size_max(const struct nika_config *config)
{
    return 12u + config->batch_bytes_max +
           config->batch_count_max * common_request_overhead(config);
}
/* PP7 (counts and sizes) and PP8 (every request valid, none repeated), verifying client signatures through `host`.
 * NIKA_CHECK_NONE or the failed check. */
enum nika_check common_batch_check(const struct nika_config *config, const struct nika_host *host,
                                   const struct common_batch *batch, uint32_t body_size);

#endif
