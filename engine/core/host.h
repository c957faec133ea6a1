/* engine/core/host.h: the pure services that a world gives to a module, synchronously, during step().
 *
 * They change nothing that a module can see except through their result. The world charges their cost to the node's
 * CPU. A driver may have computed a verdict beforehand (verdict cache, worker pool); the answer is the same. */
#ifndef ENGINE_CORE_HOST_H
#define ENGINE_CORE_HOST_H

#include "engine/core/config.h"
#include "engine/core/frame.h"
#include "engine/core/trusted.h"

struct nika_host {
    void *world;
    uint32_t self; /* Node id of the module; it can sign as no other. */
    /* Signature (alg SIGNATURE, `to` ignored) or MAC for `to` over the frame's signed bytes. Returns bytes written (at most
     * NIKA_AUTH_SIZE_MAX); never fails for self. */
    uint32_t (*authenticate)(void *world, uint32_t self, enum nika_auth_alg alg, uint8_t type,
                             uint32_t to, struct nika_span body, uint8_t *auth);
    /* Is this frame authentic from frame->sender, addressed to `self` when it carries a MAC? Used for frames nested in other
     * messages; the outer frame was checked by ingress. */
    bool (*verify)(void *world, uint32_t self, const struct nika_frame *frame);
    /* A seeded draw in [0, n) for jitter (PROTOCOLS.md 0, T_status +-25 %). The only randomness of a module. */
    uint64_t (*jitter)(void *world, uint32_t self, uint32_t timer, uint64_t n);
    /* The node's trusted subsystem; NULL when the protocol needs none. */
    const struct nika_trusted_ops *trusted;
    /* The world takes NIKA_ACTION_CERTIFY: a step that must wait for the log or for the trusted subsystem is asked for and answered by an
     * event. The calls above stay; who makes one that moves a counter has no answer outstanding for it. Fixed before init. */
    bool trusted_later;
};

#endif
