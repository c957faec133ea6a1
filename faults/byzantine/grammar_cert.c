/* faults/byzantine/grammar_cert.c: COMMIT-CERTs of the grammar adversary, which prove what was never committed; see grammar.h.
 *
 * Who checks every COMMIT in it, and that they agree, believes only those that are true. */
#include "faults/byzantine/grammar.h"

/* The COMMIT of `sender` for the order, as it looks: really signed, or with a signature that somebody else's key made. */
static void add_commit(struct nika_fault *fault, uint32_t liar, uint32_t sender,
                       const struct pbft_commit *order, struct nika_writer *w,
                       struct nika_list *list)
{
    uint8_t nested[GRAMMAR_VOTE_SIZE], forged[GRAMMAR_VOTE_SIZE];
    struct nika_writer nw = nika_writer_of(nested, sizeof nested);
    struct nika_writer fw = nika_writer_of(forged, sizeof forged);
    const struct grammar_vote *v = grammar_find(fault->state, PBFT_TYPE_commit, sender, order->view,
                                                order->seq, &order->digest);
    if (v != NULL) {
        nika_frames_append(w, list, (struct nika_span){v->frame, v->size});
        return;
    }
    uint32_t signer = nika_fault_targets(fault, sender) ? sender : liar;
    struct nika_span raw = fault_sign_nested(fault, signer, &pbft_info_commit, order, &nw);
    struct nika_frame frame;
    if (raw.size == 0) return;
    if (signer != sender) {
        if (nika_frame_parse(raw, fault->host->config->epoch, NIKA_MESSAGE_SIZE_MAX, &frame) !=
            NIKA_OK)
            return;
        nika_frame_write(fault->host->config, frame.type, sender, frame.body, frame.auth_alg,
                         frame.auth, &fw);
        raw = (struct nika_span){forged, fw.at};
    }
    if (!fw.failed) nika_frames_append(w, list, raw);
}

/* Whatever COMMIT of `sender` was heard, from the `from`-th kept vote on. False when there is none. */
static bool add_any_commit(const struct nika_fault *fault, uint32_t sender, uint32_t from,
                           struct nika_writer *w, struct nika_list *list)
{
    const struct grammar *g = fault->state;
    uint32_t kept = grammar_kept(g->votes, GRAMMAR_VOTES);
    for (uint32_t i = 0; i < kept; i++) {
        const struct grammar_vote *v = &g->vote[(from + i) % kept];
        if (v->type != PBFT_TYPE_commit || v->sender != sender) continue;
        nika_frames_append(w, list, (struct nika_span){v->frame, v->size});
        return true;
    }
    return false;
}

bool grammar_cert(struct nika_fault *fault, uint32_t to, uint64_t view, enum grammar_cert_lie lie,
                  uint32_t liar, struct nika_writer *w, struct pbft_commit_cert *out)
{
    const struct grammar *g = fault->state;
    uint32_t n = fault->host->config->n, kept = grammar_kept(g->votes, GRAMMAR_VOTES);
    *out = (struct pbft_commit_cert){.commits = {0, {w->data + w->at, 0}}};
    if (lie == GRAMMAR_CERT_EMPTY) return true;
    if (kept == 0) return false;
    uint32_t at = (uint32_t)nika_fault_choice(fault, to, PBFT_TYPE_commit_cert, view, 0, kept);
    const struct grammar_vote *about = &g->vote[at];
    struct pbft_commit order = {about->view, about->seq, about->digest};
    if (about->type == PBFT_TYPE_checkpoint) return false;
    if (nika_fault_choice(fault, to, PBFT_TYPE_commit_cert, view, 1, 2) != 0)
        grammar_other_digest(g, order.view, order.seq, &about->digest, &order.digest);
    /* Whom to leave out, if anybody can be. */
    uint32_t skip = (uint32_t)nika_fault_choice(fault, to, PBFT_TYPE_commit_cert, view, 2, n + 1);
    for (uint32_t i = 0; i < n && out->commits.count < grammar_quorum(fault); i++) {
        if (i + 1 == skip) continue;
        if (lie == GRAMMAR_CERT_FORGED || nika_fault_targets(fault, i))
            add_commit(fault, liar, i, &order, w, &out->commits);
        else
            (void)add_any_commit(fault, i, at, w, &out->commits);
    }
    return !w->failed && out->commits.count == grammar_quorum(fault);
}
