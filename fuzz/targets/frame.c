/* fuzz/targets/frame.c: the frame that carries every message, and the ingress check: bytes of nobody in particular (PROTOCOLS.md 5). */
#include "engine/core/auth.h"
#include "engine/core/replica.h"
#include "fuzz/targets/harvest.h"
#include "fuzz/targets/target.h"
#include "protocols/registry.h"

#define SIZE_MAX_INPUT (64u * 1024u)

static void run(struct nika_span input)
{
    struct nika_config config;
    struct nika_frame frame, again;
    const char *reason;
    nika_config_default(&config);
    config.suite = NIKA_SUITE_SIM;
    NIKA_TARGET_CHECK(nika_config_seal(&config, &reason) == NIKA_OK, "%s", reason);
    const struct nika_replica_ops *ops = nika_protocol_find("pbft")->replica;
    enum nika_err parsed = nika_frame_parse(input, config.epoch, NIKA_MESSAGE_SIZE_MAX, &frame);
    enum nika_err taken = nika_ingress(&config, ops->messages, input, &again);
    NIKA_TARGET_CHECK(taken != NIKA_OK || parsed == NIKA_OK, "ingress took what is no frame");
    if (parsed != NIKA_OK) return;
    NIKA_TARGET_CHECK(nika_frame_size(frame.body.size, frame.auth.size) == input.size,
                      "a frame of %u bytes parsed from %u",
                      nika_frame_size(frame.body.size, frame.auth.size), input.size);
    NIKA_TARGET_CHECK(frame.raw.data == input.data && frame.raw.size == input.size,
                      "the frame is not the whole input");
    if (taken != NIKA_OK) return;
    const struct nika_message_info *info = ops->messages->messages[frame.type];
    NIKA_TARGET_CHECK(info != NULL && info->auth == frame.auth_alg,
                      "ingress took type %u with authentication %u", frame.type, frame.auth_alg);
}

static void seeds(nika_target_seed *seed, void *context)
{
    nika_harvest_frames("pbft", seed, context);
}

const struct nika_target nika_target_frame = {
    .name = "frame",
    .doc = "Frames and the ingress check: lengths, magic, version, sender, authentication class.",
    .size_max = SIZE_MAX_INPUT,
    .run = run,
    .seeds = seeds,
};
