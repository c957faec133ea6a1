/* protocols/common/batch.c: digests and checks of request batches (batch.h).
 *
 * Owns nothing. Every verdict is a pure function of configuration, keys and bytes, so all correct replicas agree on it. */
#include "protocols/common/batch.h"

#include "engine/core/digest.h"
#include "engine/core/planted.h"

#define BATCH_DOMAIN "BATCH"

void common_batch_body_digest(struct nika_span body, struct nika_digest *out)
{
    struct nika_span parts[] = {{(const uint8_t *)BATCH_DOMAIN, sizeof BATCH_DOMAIN - 1}, body};
    if (NIKA_PLANTED(B11) && body.size >= 8)
        parts[1] = (struct nika_span){body.data + 8, body.size - 8};
    nika_sha256(parts, ARRAY_COUNT(parts), out);
}

enum nika_err common_request_parse(const struct nika_config *config, struct nika_span raw,
                                   struct nika_frame *frame, struct common_request *request)
{
    if (nika_frame_parse(raw, config->epoch, NIKA_MESSAGE_SIZE_MAX, frame) != NIKA_OK)
        return NIKA_ERR_MALFORMED;
    if (frame->type != COMMON_TYPE_request || frame->auth_alg != NIKA_AUTH_SIGNATURE)
        return NIKA_ERR_MALFORMED;
    if (nika_decode(&common_info_request, frame->body, request) != NIKA_OK)
        return NIKA_ERR_MALFORMED;
    if (request->client >= config->clients || frame->sender != nika_client_node(request->client))
        return NIKA_ERR_MALFORMED;
    if (request->op.size > config->op_size_max || request->timestamp == 0)
        return NIKA_ERR_MALFORMED;
    return NIKA_OK;
}

/* Requests are few hundred at most; a batch of distinct clients is the rule, so the inner loop seldom goes deep. */
static bool repeats(const struct nika_config *config, const struct common_batch *batch,
                    uint32_t index, const struct common_request *request)
{
    uint32_t at = 0, seen = 0;
    struct nika_span raw;
    while (seen++ < index && nika_frames_next(&batch->requests, &at, &raw)) {
        struct nika_frame frame;
        struct common_request other;
        if (common_request_parse(config, raw, &frame, &other) != NIKA_OK) return true;
        if (other.client == request->client && other.timestamp == request->timestamp) return true;
    }
    return false;
}

/* A bit set over clients by hash says cheaply that no earlier request can be of the same client. */
struct client_filter {
    uint64_t bits[NIKA_CLIENTS_MAX / 64];
};

static bool filter_add(struct client_filter *filter, uint32_t client)
{
    uint64_t bit = UINT64_C(1) << (client % 64);
    bool known = (filter->bits[client / 64] & bit) != 0;
    filter->bits[client / 64] |= bit;
    return known;
}

enum nika_check common_batch_check(const struct nika_config *config, const struct nika_host *host,
                                   const struct common_batch *batch, uint32_t body_size)
{
    if (body_size > common_batch_size_max(config)) return NIKA_CHECK_PP7;
    if (batch->requests.count == 0 || batch->requests.count > config->batch_count_max)
        return NIKA_CHECK_PP7;
    struct client_filter filter;
    memset(&filter, 0, sizeof filter);
    uint64_t op_bytes = 0;
    uint32_t at = 0, index = 0;
    struct nika_span raw;
    for (; nika_frames_next(&batch->requests, &at, &raw); index++) {
        struct nika_frame frame;
        struct common_request request;
        if (common_request_parse(config, raw, &frame, &request) != NIKA_OK) return NIKA_CHECK_PP8;
        op_bytes += request.op.size;
        if (op_bytes > config->batch_bytes_max) return NIKA_CHECK_PP7;
        if (filter_add(&filter, request.client) && repeats(config, batch, index, &request))
            return NIKA_CHECK_PP8;
        if (NIKA_PLANTED(B10)) continue;
        if (!host->verify(host->world, host->self, &frame)) return NIKA_CHECK_PP8;
    }
    return NIKA_CHECK_NONE;
}
