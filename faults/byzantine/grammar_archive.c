/* faults/byzantine/grammar_archive.c: the grammar adversary's memory of what was really signed; see grammar.h.
 *
 * Owns the rings in the fault's state. Never decides, never sends. */
#include "faults/byzantine/grammar.h"

const struct grammar_vote *grammar_find(const struct grammar *g, uint8_t type, uint32_t sender,
                                        uint64_t view, uint64_t seq,
                                        const struct nika_digest *digest)
{
    uint32_t kept = grammar_kept(g->votes, GRAMMAR_VOTES);
    for (uint32_t i = 0; i < kept; i++) {
        const struct grammar_vote *v = &g->vote[i];
        if (v->seq == seq && v->type == type && v->sender == sender && v->view == view &&
            (digest == NULL || nika_digest_equal(&v->digest, digest)))
            return v;
    }
    return NULL;
}

/* PRE-PREPARE, PREPARE and COMMIT have the same three fields, by the protocol's design; a CHECKPOINT lacks the view. */
static bool read_vote(const struct nika_frame *frame, struct pbft_prepare *out)
{
    struct pbft_pre_prepare order;
    struct pbft_commit commit;
    struct pbft_checkpoint checkpoint;
    switch (frame->type) {
    case PBFT_TYPE_pre_prepare:
        if (nika_decode(&pbft_info_pre_prepare, frame->body, &order) != NIKA_OK) return false;
        *out = (struct pbft_prepare){order.view, order.seq, order.digest};
        return true;
    case PBFT_TYPE_prepare:
        return nika_decode(&pbft_info_prepare, frame->body, out) == NIKA_OK;
    case PBFT_TYPE_commit:
        if (nika_decode(&pbft_info_commit, frame->body, &commit) != NIKA_OK) return false;
        *out = (struct pbft_prepare){commit.view, commit.seq, commit.digest};
        return true;
    default:
        if (nika_decode(&pbft_info_checkpoint, frame->body, &checkpoint) != NIKA_OK) return false;
        *out = (struct pbft_prepare){0, checkpoint.seq, checkpoint.digest};
        return true;
    }
}

static uint32_t hear_vote(struct nika_fault *fault, const struct nika_outgoing *out,
                          const struct nika_frame *frame)
{
    struct grammar *g = fault->state;
    struct pbft_prepare m;
    if (!read_vote(frame, &m) || frame->raw.size > GRAMMAR_VOTE_SIZE) return UINT32_MAX;
    if (grammar_find(g, frame->type, frame->sender, m.view, m.seq, &m.digest) == NULL) {
        struct grammar_vote *v = &g->vote[g->votes++ % GRAMMAR_VOTES];
        *v = (struct grammar_vote){.view = m.view,
                                   .seq = m.seq,
                                   .digest = m.digest,
                                   .sender = frame->sender,
                                   .size = (uint16_t)frame->raw.size,
                                   .type = frame->type};
        memcpy(v->frame, frame->raw.data, frame->raw.size);
    }
    if (frame->type != PBFT_TYPE_pre_prepare || nika_is_client(out->to) ||
        nika_fault_targets(fault, out->to))
        return UINT32_MAX;
    uint32_t index = g->told++ % GRAMMAR_TOLD;
    g->tell[index] = (struct grammar_told){m.view, m.seq, m.digest, out->to, 0};
    return index;
}

static void hear_change(struct grammar *g, const struct nika_frame *frame)
{
    struct pbft_view_change m;
    if (frame->raw.size > GRAMMAR_CHANGE_SIZE) return;
    for (uint32_t i = 0; i < grammar_kept(g->changes, GRAMMAR_CHANGES); i++) {
        const struct grammar_change *c = &g->change[i];
        if (c->sender == frame->sender && c->size == frame->raw.size &&
            memcmp(c->frame, frame->raw.data, c->size) == 0)
            return;
    }
    if (nika_decode(&pbft_info_view_change, frame->body, &m) != NIKA_OK) return;
    struct grammar_change *c = &g->change[g->changes++ % GRAMMAR_CHANGES];
    c->view = m.view;
    c->sender = frame->sender;
    c->size = frame->raw.size;
    memcpy(c->frame, frame->raw.data, frame->raw.size);
}

static void hear_request(struct grammar *g, const struct nika_frame *frame)
{
    struct common_request m;
    if (frame->raw.size > GRAMMAR_REQUEST_SIZE) return;
    if (nika_decode(&common_info_request, frame->body, &m) != NIKA_OK) return;
    if ((m.flags & NIKA_OP_READ_ONLY) != 0) return;
    for (uint32_t i = 0; i < grammar_kept(g->requests, GRAMMAR_REQUESTS); i++) {
        if (g->request[i].client == m.client && g->request[i].timestamp == m.timestamp) return;
    }
    struct grammar_request *r = &g->request[g->requests++ % GRAMMAR_REQUESTS];
    r->client = m.client;
    r->timestamp = m.timestamp;
    r->size = frame->raw.size;
    memcpy(r->frame, frame->raw.data, frame->raw.size);
}

uint32_t grammar_hear(struct nika_fault *fault, const struct nika_outgoing *out)
{
    struct nika_frame frame;
    struct nika_span raw = {out->bytes, out->size};
    bool vote = out->type == PBFT_TYPE_pre_prepare || out->type == PBFT_TYPE_prepare ||
                out->type == PBFT_TYPE_commit || out->type == PBFT_TYPE_checkpoint;
    if (!vote && out->type != PBFT_TYPE_view_change && out->type != COMMON_TYPE_request)
        return UINT32_MAX;
    if (nika_frame_parse(raw, fault->host->config->epoch, NIKA_MESSAGE_SIZE_MAX, &frame) !=
            NIKA_OK ||
        frame.type != out->type)
        return UINT32_MAX;
    if (vote) return hear_vote(fault, out, &frame);
    if (out->type == PBFT_TYPE_view_change)
        hear_change(fault->state, &frame);
    else
        hear_request(fault->state, &frame);
    return UINT32_MAX;
}

/* How many have signed this checkpoint; their frames through `w` when it is given. */
static uint32_t signers(const struct nika_fault *fault, uint64_t seq,
                        const struct nika_digest *digest, struct nika_writer *w,
                        struct nika_list *frames)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < fault->host->config->n; i++) {
        const struct grammar_vote *v =
            grammar_find(fault->state, PBFT_TYPE_checkpoint, i, 0, seq, digest);
        if (v == NULL) continue;
        count++;
        if (w != NULL) nika_frames_append(w, frames, (struct nika_span){v->frame, v->size});
    }
    return count;
}

uint64_t grammar_stable(const struct nika_fault *fault, struct nika_writer *w,
                        struct nika_list *frames)
{
    const struct grammar *g = fault->state;
    const struct grammar_vote *best = NULL;
    for (uint32_t i = 0; i < grammar_kept(g->votes, GRAMMAR_VOTES); i++) {
        const struct grammar_vote *v = &g->vote[i];
        if (v->type != PBFT_TYPE_checkpoint || (best != NULL && v->seq <= best->seq)) continue;
        if (signers(fault, v->seq, &v->digest, NULL, NULL) >= grammar_quorum(fault)) best = v;
    }
    *frames = (struct nika_list){0, {w->data + w->at, 0}};
    if (best == NULL) return 0;
    (void)signers(fault, best->seq, &best->digest, w, frames);
    return best->seq;
}
