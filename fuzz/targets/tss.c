/* fuzz/targets/tss.c: the frames between a replica and its trusted process: either side may be a liar's. */
#include "engine/shim/tss_frame.h"
#include "fuzz/targets/target.h"

static void check_request(struct nika_span input)
{
    struct nika_tss_request request;
    uint8_t again[NIKA_TSS_REQUEST_SIZE];
    if (nika_tss_request_decode(input, &request) != NIKA_OK) return;
    nika_tss_request_encode(&request, again);
    NIKA_TARGET_CHECK(input.size == sizeof again && memcmp(again, input.data, sizeof again) == 0,
                      "two encodings of one request of operation %u", request.operation);
    input.size--;
    NIKA_TARGET_CHECK(nika_tss_request_decode(input, &request) == NIKA_ERR_MALFORMED,
                      "a request that lacks a byte is taken");
}

static void check_reply(struct nika_span input)
{
    struct nika_tss_reply reply;
    uint8_t again[NIKA_TSS_REPLY_SIZE];
    if (nika_tss_reply_decode(input, &reply) != NIKA_OK) return;
    nika_tss_reply_encode(&reply, again);
    NIKA_TARGET_CHECK(input.size == sizeof again && memcmp(again, input.data, sizeof again) == 0,
                      "two encodings of one reply to operation %u", reply.operation);
    input.size--;
    NIKA_TARGET_CHECK(nika_tss_reply_decode(input, &reply) == NIKA_ERR_MALFORMED,
                      "a reply that lacks a byte is taken");
}

static void run(struct nika_span input)
{
    check_request(input);
    check_reply(input);
}

static void seeds(nika_target_seed *seed, void *context)
{
    uint8_t bytes[NIKA_TSS_REQUEST_SIZE + NIKA_TSS_REPLY_SIZE];
    char name[32];
    for (uint32_t i = NIKA_TSS_HELLO; i < NIKA_TSS_OPERATIONS; i++) {
        uint8_t operation = (uint8_t)i;
        bool certify = operation == NIKA_TSS_CERTIFY, verify = operation == NIKA_TSS_VERIFY;
        bool issues = certify || operation == NIKA_TSS_REISSUE;
        struct nika_trusted_certificate certificate = {.kind = NIKA_TRUSTED_INDEPENDENT,
                                                       .value = {.view = 1, .order = 2}};
        struct nika_tss_request request = {.operation = operation,
                                           .kind = certify ? NIKA_TRUSTED_INDEPENDENT : 0,
                                           .counter = certify ? 1 : 0,
                                           .tag = 7};
        struct nika_tss_reply reply = {.operation = operation, .tag = 7, .epoch = 1};
        if (verify) request.certificate = certificate;
        if (issues) reply.certificate = certificate;
        nika_tss_request_encode(&request, bytes);
        snprintf(name, sizeof name, "request-%u", operation);
        seed(context, name, (struct nika_span){bytes, NIKA_TSS_REQUEST_SIZE});
        nika_tss_reply_encode(&reply, bytes);
        snprintf(name, sizeof name, "reply-%u", operation);
        seed(context, name, (struct nika_span){bytes, NIKA_TSS_REPLY_SIZE});
    }
}

const struct nika_target nika_target_tss = {
    .name = "tss",
    .doc = "Requests and replies of a trusted process: one encoding each, none too short.",
    .size_max = 1024,
    .run = run,
    .seeds = seeds,
};
