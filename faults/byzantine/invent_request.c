/* faults/byzantine/invent_request.c: a corrupted primary orders a batch with a request that its client never signed. */
#include "faults/byzantine/batch_forge.h"

enum { PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {FAULT_PARAM_RATE};

/* The client's signature stays what it was, so it no longer covers the operation. */
static bool alter_request(struct nika_fault *fault, struct nika_span raw, struct nika_writer *w,
                          struct nika_span *altered)
{
    struct nika_frame frame;
    struct common_request request = {0};
    uint8_t op[NIKA_OP_SIZE_MAX];
    uint8_t encoded[NIKA_OP_SIZE_MAX + 64];
    const struct nika_config *config = fault->host->config;
    if (nika_frame_parse(raw, config->epoch, NIKA_MESSAGE_SIZE_MAX, &frame) != NIKA_OK)
        return false;
    if (nika_decode(&common_info_request, frame.body, &request) != NIKA_OK) return false;
    if (frame.auth.size == 0 || frame.auth.size > NIKA_AUTH_SIZE_MAX) return false;
    if (frame.auth_alg == NIKA_AUTH_NONE || request.op.size > NIKA_OP_SIZE_MAX) return false;
    if (request.op.size == 0) {
        request.timestamp++;
    } else {
        memcpy(op, request.op.data, request.op.size);
        op[request.op.size - 1] ^= 1;
        request.op.data = op;
    }
    struct nika_writer body = nika_writer_of(encoded, sizeof encoded);
    nika_encode(&common_info_request, &request, &body);
    if (body.failed) return false;
    uint32_t at = w->at;
    nika_frame_write(config, frame.type, frame.sender, (struct nika_span){encoded, body.at},
                     (enum nika_auth_alg)frame.auth_alg, frame.auth, w);
    *altered = (struct nika_span){w->data + at, w->at - at};
    return !w->failed;
}

static bool make(struct nika_fault *fault, const struct nika_outgoing *out,
                 const struct common_batch *honest, struct nika_writer *scratch,
                 struct common_batch *lie)
{
    uint8_t frames[FAULT_SCRATCH_SIZE];
    struct nika_writer altered_frames = nika_writer_of(frames, sizeof frames);
    struct nika_span frame, altered;
    uint32_t at = 0;
    (void)out;
    lie->requests = (struct nika_list){.count = 0, .span = {scratch->data + scratch->at, 0}};
    if (!nika_frames_next(&honest->requests, &at, &frame)) return false;
    if (!alter_request(fault, frame, &altered_frames, &altered)) return false;
    nika_frames_append(scratch, &lie->requests, altered);
    while (nika_frames_next(&honest->requests, &at, &frame)) {
        nika_frames_append(scratch, &lie->requests, frame);
    }
    return true;
}

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct forge_options options = {.make = make, .rate_ppm = fault->params[PARAM_RATE]};
    forge_on_send(fault, fault->state, &options, out);
}

const struct nika_fault_ops nika_fault_invent_request = {
    .name = "invent-request",
    .doc = "A corrupted primary orders a request that its client never signed.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct forge),
    .on_send = on_send,
};
