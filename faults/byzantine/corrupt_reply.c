/* faults/byzantine/corrupt_reply.c: corrupted replicas tell clients a false result, with a digest that fits it. */
#include "engine/core/digest.h"
#include "faults/support.h"

enum { PARAM_RATE, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {FAULT_PARAM_RATE};

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct common_reply m = {0};
    uint8_t result[NIKA_REPLY_SIZE_MAX];
    if (!fault_decode(fault, out, &common_info_reply, &m)) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    if (m.full != 0) {
        uint32_t size = m.result.size == 0 ? 1 : m.result.size;
        result[0] = 0;
        if (m.result.size > 0) memcpy(result, m.result.data, m.result.size);
        result[size - 1] ^= 1;
        m.result = (struct nika_span){result, size};
        nika_sha256_one(result, size, &m.result_digest);
    } else {
        fault_other_digest(&m.result_digest, &m.result_digest);
    }
    if (fault_rewrite(fault, out, &common_info_reply, &m)) nika_fault_acted(fault, out->from);
}

const struct nika_fault_ops nika_fault_corrupt_reply = {
    .name = "corrupt-reply",
    .doc = "Corrupted replicas tell clients a false result.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_send = on_send,
};
