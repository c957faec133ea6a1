/* engine/oracle/evidence_trusted.c: when two trusted certificates convict the owner of the instance that issued them (PROTOCOLS.md 2.1,
 * ATTACKS.md 9.3). See accountability.h. Restates what a counter may do, independently of the trusted subsystem's code. */
#include "engine/core/digest.h"
#include "engine/oracle/accountability.h"

/* Of a parsed frame. */
static bool certified(const struct nika_evidence_rules *rules, const struct nika_frame *frame,
                      struct nika_certified *out)
{
    uint64_t epochs[NIKA_REPLICAS_MAX];
    if (rules->trusted == NULL || rules->ops->certified == NULL) return false;
    struct nika_span all =
        rules->ops->certified(rules->config, frame->type, frame->body, &out->digest);
    out->frame = *frame;
    out->count = all.size / NIKA_TRUSTED_CERTIFICATE_SIZE;
    if (out->count == 0 || out->count > NIKA_PILLARS_MAX) return false;
    for (uint32_t i = 0; i < NIKA_REPLICAS_MAX; i++) epochs[i] = NIKA_TRUSTED_EPOCH;
    for (uint32_t i = 0; i < out->count; i++) {
        struct nika_span one = {all.data + (size_t)i * NIKA_TRUSTED_CERTIFICATE_SIZE,
                                NIKA_TRUSTED_CERTIFICATE_SIZE};
        if (nika_trusted_certificate_decode(one, &out->certificates[i]) != NIKA_OK ||
            !nika_trusted_verify(rules->trusted, epochs, rules->config->n, &out->certificates[i],
                                 &out->digest))
            return false;
    }
    return true;
}

bool nika_evidence_certified(const struct nika_evidence_rules *rules, struct nika_span raw,
                             struct nika_certified *out)
{
    struct nika_frame frame;
    return nika_frame_parse(raw, rules->config->epoch, NIKA_MESSAGE_SIZE_MAX, &frame) == NIKA_OK &&
           certified(rules, &frame, out);
}

bool nika_evidence_vouched(const struct nika_evidence_rules *rules, const struct nika_frame *frame)
{
    struct nika_certified c;
    return certified(rules, frame, &c) && c.count == 1 &&
           c.certificates[0].kind == NIKA_TRUSTED_MAC &&
           c.certificates[0].instance == frame->sender;
}

bool nika_evidence_moves(const struct nika_trusted_certificate *c)
{
    return c->kind == NIKA_TRUSTED_INDEPENDENT ||
           (c->kind == NIKA_TRUSTED_CONTINUING && nika_trusted_compare(c->previous, c->value) < 0);
}

/* A counter comes to each value once (which a trusted MAC does not do), and a certificate's kind says over which digest. */
static bool came_twice(const struct nika_trusted_certificate *a,
                       const struct nika_trusted_certificate *b)
{
    return a->kind == b->kind && nika_trusted_compare(a->value, b->value) == 0 &&
           nika_evidence_moves(a) && nika_evidence_moves(b);
}

/* `a` says that nothing lies strictly between, and there is `b`. */
static bool passed_over(const struct nika_trusted_certificate *a,
                        const struct nika_trusted_certificate *b)
{
    return a->kind == NIKA_TRUSTED_CONTINUING && nika_trusted_compare(a->previous, b->value) < 0 &&
           nika_trusted_compare(b->value, a->value) < 0;
}

bool nika_evidence_bound_twice(const struct nika_evidence_rules *rules, uint32_t accused,
                               const struct nika_span frames[NIKA_EVIDENCE_FRAMES])
{
    struct nika_certified of[NIKA_EVIDENCE_FRAMES];
    for (uint32_t i = 0; i < NIKA_EVIDENCE_FRAMES; i++)
        if (!nika_evidence_certified(rules, frames[i], &of[i])) return false;
    bool differ = !nika_digest_equal(&of[0].digest, &of[1].digest);
    for (uint32_t i = 0; i < of[0].count; i++) {
        for (uint32_t k = 0; k < of[1].count; k++) {
            const struct nika_trusted_certificate *a = &of[0].certificates[i];
            const struct nika_trusted_certificate *b = &of[1].certificates[k];
            if (a->instance != accused || b->instance != accused || a->epoch != b->epoch ||
                a->counter != b->counter)
                continue;
            if ((differ && came_twice(a, b)) || passed_over(a, b) || passed_over(b, a)) return true;
        }
    }
    return false;
}
