/* faults/byzantine/grammar_batch.c: other batches of the grammar adversary, made of requests that clients really sent; see
 * grammar.h. */
#include "engine/core/digest.h"
#include "faults/byzantine/grammar.h"

static bool build(const struct grammar_request *request, struct grammar_variant *v)
{
    static const uint8_t tag[] = {'B', 'A', 'T', 'C', 'H'};
    uint8_t list[GRAMMAR_REQUEST_SIZE + 8];
    struct nika_writer lw = nika_writer_of(list, sizeof list);
    struct nika_writer w = nika_writer_of(v->body, sizeof v->body);
    struct common_batch batch = {.time_ns = v->time_ns, .requests = {0, {list, 0}}};
    nika_frames_append(&lw, &batch.requests, (struct nika_span){request->frame, request->size});
    nika_encode(&common_info_batch, &batch, &w);
    if (lw.failed || w.failed) return false;
    v->size = w.at;
    struct nika_span parts[] = {{tag, sizeof tag}, {v->body, v->size}};
    nika_sha256(parts, ARRAY_COUNT(parts), &v->digest);
    return true;
}

const struct grammar_variant *grammar_variant(struct nika_fault *fault, uint64_t view, uint64_t seq,
                                              uint32_t which)
{
    struct grammar *g = fault->state;
    uint32_t requests = grammar_kept(g->requests, GRAMMAR_REQUESTS);
    for (uint32_t i = 0; i < grammar_kept(g->variants, GRAMMAR_VARIANTS); i++) {
        const struct grammar_variant *v = &g->variant[i];
        if (v->view == view && v->seq == seq && v->which == which && v->size != 0) return v;
    }
    if (requests == 0) return NULL;
    struct grammar_variant *v = &g->variant[g->variants++ % GRAMMAR_VARIANTS];
    uint64_t pick = nika_fault_choice(fault, which, COMMON_TYPE_batch, view, seq, requests);
    *v = (struct grammar_variant){.view = view,
                                  .seq = seq,
                                  .which = which,
                                  .time_ns = fault->host->now_ns(fault->host->world) + 1 + which};
    return build(&g->request[pick], v) ? v : NULL;
}

const struct grammar_variant *grammar_variant_of(const struct grammar *g,
                                                 const struct nika_digest *digest)
{
    for (uint32_t i = 0; i < grammar_kept(g->variants, GRAMMAR_VARIANTS); i++) {
        if (g->variant[i].size != 0 && nika_digest_equal(&g->variant[i].digest, digest))
            return &g->variant[i];
    }
    return NULL;
}

void grammar_other_digest(const struct grammar *g, uint64_t view, uint64_t seq,
                          const struct nika_digest *honest, struct nika_digest *out)
{
    /* Another order that somebody was really given is worth more than one that nobody knows. */
    for (uint32_t i = 0; i < grammar_kept(g->votes, GRAMMAR_VOTES); i++) {
        const struct grammar_vote *v = &g->vote[i];
        if (v->type != PBFT_TYPE_pre_prepare || v->view != view || v->seq != seq ||
            nika_digest_equal(&v->digest, honest))
            continue;
        *out = v->digest;
        return;
    }
    fault_other_digest(honest, out);
}

void grammar_send_batch(struct nika_fault *fault, uint32_t from, uint32_t to,
                        const struct grammar_variant *variant)
{
    fault->host->inject(fault->host->world, from, to, COMMON_TYPE_batch, NIKA_AUTH_NONE,
                        (struct nika_span){variant->body, variant->size});
}
