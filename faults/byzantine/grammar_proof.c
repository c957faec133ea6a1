/* faults/byzantine/grammar_proof.c: certificates, VIEW-CHANGEs and NEW-VIEWs of the grammar adversary; see grammar.h.
 *
 * Genuine means: what a receiver that checks everything accepts. A certificate is genuine when its PRE-PREPARE and Q-1 PREPAREs
 * were really signed, or can be with the keys of corrupted replicas. */
#include "faults/byzantine/grammar.h"

/* An order that somebody signed, or voted for, at some sequence number. */
struct candidate {
    uint64_t view;
    struct nika_digest digest;
    bool genuine;
};

static bool append(struct nika_writer *w, struct nika_list *list, const struct grammar_vote *vote)
{
    if (vote == NULL) return false;
    nika_frames_append(w, list, (struct nika_span){vote->frame, vote->size});
    return !w->failed;
}

/* The PREPARE of `sender` for the candidate: heard, or signed now. */
static bool add_prepare(struct nika_fault *fault, uint32_t sender, uint64_t seq,
                        const struct candidate *c, struct nika_writer *w, struct nika_list *list)
{
    const struct grammar *g = fault->state;
    if (append(w, list, grammar_find(g, PBFT_TYPE_prepare, sender, c->view, seq, &c->digest)))
        return true;
    if (!nika_fault_targets(fault, sender)) return false;
    uint8_t nested[GRAMMAR_VOTE_SIZE];
    struct nika_writer nw = nika_writer_of(nested, sizeof nested);
    struct pbft_prepare m = {.view = c->view, .seq = seq, .digest = c->digest};
    struct nika_span frame = fault_sign_nested(fault, sender, &pbft_info_prepare, &m, &nw);
    if (frame.size == 0) return false;
    nika_frames_append(w, list, frame);
    return !w->failed;
}

/* The order of the candidate as its view's primary signed it, or signs it now. */
static struct nika_span order_frame(struct nika_fault *fault, uint32_t from, uint64_t seq,
                                    const struct candidate *c, struct nika_writer *w)
{
    uint32_t primary = grammar_primary(fault, c->view);
    const struct grammar_vote *v =
        grammar_find(fault->state, PBFT_TYPE_pre_prepare, primary, c->view, seq, &c->digest);
    if (v != NULL) return (struct nika_span){v->frame, v->size};
    struct pbft_pre_prepare m = {.view = c->view, .seq = seq, .digest = c->digest};
    /* A forger who lacks the primary's key can only sign as itself. */
    uint32_t signer = nika_fault_targets(fault, primary) ? primary : from;
    return fault_sign_nested(fault, signer, &pbft_info_pre_prepare, &m, w);
}

static bool is_genuine(const struct nika_fault *fault, uint64_t seq, const struct candidate *c)
{
    const struct grammar *g = fault->state;
    uint32_t primary = grammar_primary(fault, c->view), count = 0;
    if (!nika_fault_targets(fault, primary) &&
        grammar_find(g, PBFT_TYPE_pre_prepare, primary, c->view, seq, &c->digest) == NULL)
        return false;
    for (uint32_t i = 0; i < fault->host->config->n; i++) {
        if (i == primary) continue;
        if (nika_fault_targets(fault, i) ||
            grammar_find(g, PBFT_TYPE_prepare, i, c->view, seq, &c->digest) != NULL)
            count++;
    }
    return count + 1 >= grammar_quorum(fault);
}

/* Orders heard for `seq` below `view`, the highest view first. */
static uint32_t candidates(const struct nika_fault *fault, uint64_t view, uint64_t seq,
                           struct candidate out[GRAMMAR_CANDIDATES_MAX])
{
    const struct grammar *g = fault->state;
    uint32_t count = 0;
    for (uint32_t i = 0; i < grammar_kept(g->votes, GRAMMAR_VOTES); i++) {
        const struct grammar_vote *v = &g->vote[i];
        bool known = v->seq != seq || v->view >= view || nika_digest_is_null(&v->digest) ||
                     (v->type != PBFT_TYPE_pre_prepare && v->type != PBFT_TYPE_prepare);
        uint32_t at = 0;
        for (uint32_t k = 0; k < count && !known; k++) {
            known = out[k].view == v->view && nika_digest_equal(&out[k].digest, &v->digest);
            if (out[k].view >= v->view) at = k + 1;
        }
        if (known || count == GRAMMAR_CANDIDATES_MAX) continue;
        memmove(&out[at + 1], &out[at], (count - at) * sizeof out[0]);
        out[at] = (struct candidate){v->view, v->digest, false};
        out[at].genuine = is_genuine(fault, seq, &out[at]);
        count++;
    }
    return count;
}

/* PREPAREs for something else at `seq`, or one again, until they are as many as a certificate has. */
static void pad(struct nika_fault *fault, uint64_t seq, uint32_t wanted, struct nika_writer *w,
                struct nika_list *list)
{
    const struct grammar *g = fault->state;
    struct nika_span first = {NULL, 0}, raw;
    uint32_t at = 0;
    for (uint32_t i = 0; i < grammar_kept(g->votes, GRAMMAR_VOTES) && list->count < wanted; i++) {
        if (g->vote[i].seq == seq && g->vote[i].type == PBFT_TYPE_prepare)
            (void)append(w, list, &g->vote[i]);
    }
    if (nika_frames_next(list, &at, &raw)) first = raw;
    while (list->count < wanted && first.size != 0 && !w->failed)
        nika_frames_append(w, list, first);
}

/* A certificate for the candidate into `list`. Not genuine ones are padded to look like one. */
static bool add_certificate(struct nika_fault *fault, uint32_t from, uint64_t seq,
                            const struct candidate *c, struct nika_writer *w,
                            struct nika_list *list)
{
    uint8_t order[GRAMMAR_VOTE_SIZE], votes[NIKA_CONTROL_SIZE_MAX / 4];
    struct nika_writer ow = nika_writer_of(order, sizeof order);
    struct nika_writer vw = nika_writer_of(votes, sizeof votes);
    struct pbft_certificate certificate = {.prepares = {0, {votes, 0}}};
    uint32_t wanted = grammar_quorum(fault) - 1, primary = grammar_primary(fault, c->view);
    certificate.pre_prepare = order_frame(fault, from, seq, c, &ow);
    if (certificate.pre_prepare.size == 0) return false;
    for (uint32_t i = 0; i < fault->host->config->n && certificate.prepares.count < wanted; i++) {
        if (i != primary) (void)add_prepare(fault, i, seq, c, &vw, &certificate.prepares);
    }
    if (certificate.prepares.count < wanted) pad(fault, seq, wanted, &vw, &certificate.prepares);
    if (vw.failed) return false;
    nika_list_append(w, list, &pbft_info_certificate, &certificate);
    return !w->failed;
}

/* Which of the candidates a lie shows for `seq`; GRAMMAR_CANDIDATES_MAX = none. Value 0 is the honest one: the highest genuine. */
static uint32_t choose(struct nika_fault *fault, uint32_t from, uint64_t view, uint64_t seq,
                       bool forge, const struct candidate *c, uint32_t count)
{
    uint32_t fit[GRAMMAR_CANDIDATES_MAX], fits = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (c[i].genuine != forge) fit[fits++] = i;
    }
    if (fits == 0) return GRAMMAR_CANDIDATES_MAX;
    uint64_t pick = nika_fault_choice(fault, from, PBFT_TYPE_view_change, view, seq, fits + 1);
    return pick < fits ? fit[pick] : GRAMMAR_CANDIDATES_MAX;
}

/* What nobody signed, in the latest view whose primary is corrupted: a batch of the adversary's own. */
static bool invent(struct nika_fault *fault, uint64_t view, uint64_t seq, struct candidate *out)
{
    for (uint64_t v = view; v-- > 0 && view - v <= fault->host->config->n;) {
        if (!nika_fault_targets(fault, grammar_primary(fault, v))) continue;
        const struct grammar_variant *variant = grammar_variant(fault, v, seq, 0);
        if (variant == NULL) return false;
        *out = (struct candidate){v, variant->digest, false};
        return true;
    }
    return false;
}

bool grammar_change(struct nika_fault *fault, uint32_t from, uint64_t view,
                    enum grammar_change_lie lie, struct nika_writer *w,
                    struct pbft_view_change *out)
{
    *out = (struct pbft_view_change){.view = view};
    out->low_mark = grammar_stable(fault, w, &out->checkpoints);
    out->prepared = (struct nika_list){0, {w->data + w->at, 0}};
    if (lie == GRAMMAR_CHANGE_INFLATED) out->low_mark += fault->host->config->checkpoint_interval;
    if (lie == GRAMMAR_CHANGE_EMPTY || lie == GRAMMAR_CHANGE_INFLATED || w->failed)
        return !w->failed;
    for (uint64_t i = 1; i <= fault->host->config->checkpoint_interval && !w->failed; i++) {
        uint64_t seq = out->low_mark + i;
        struct candidate c[GRAMMAR_CANDIDATES_MAX + 1];
        uint32_t count = candidates(fault, view, seq, c);
        bool forge = lie == GRAMMAR_CHANGE_FORGED;
        uint32_t pick = choose(fault, from, view, seq, forge, c, count);
        if (forge && pick == GRAMMAR_CANDIDATES_MAX && seq <= out->low_mark + 2 &&
            invent(fault, view, seq, &c[pick]))
            (void)add_certificate(fault, from, seq, &c[pick], w, &out->prepared);
        else if (pick < count)
            (void)add_certificate(fault, from, seq, &c[pick], w, &out->prepared);
    }
    return !w->failed;
}

/* ---- NEW-VIEW ---- */
struct plan {
    uint64_t low, high;
    struct planned {
        bool present;
        uint64_t view;
        struct nika_digest digest;
    } order[GRAMMAR_SPAN_MAX];
};

static bool open_change(const struct nika_fault *fault, struct nika_span raw,
                        struct pbft_view_change *out)
{
    struct nika_frame frame;
    return nika_frame_parse(raw, fault->host->config->epoch, NIKA_MESSAGE_SIZE_MAX, &frame) ==
               NIKA_OK &&
           nika_decode(&pbft_info_view_change, frame.body, out) == NIKA_OK;
}

static void plan_certificates(const struct nika_fault *fault, const struct pbft_view_change *m,
                              bool lowest, struct plan *plan)
{
    struct pbft_certificate certificate;
    struct nika_frame frame;
    struct pbft_pre_prepare order;
    uint32_t at = 0;
    while (nika_list_next(&m->prepared, &pbft_info_certificate, &at, &certificate)) {
        if (nika_frame_parse(certificate.pre_prepare, fault->host->config->epoch,
                             NIKA_MESSAGE_SIZE_MAX, &frame) != NIKA_OK ||
            nika_decode(&pbft_info_pre_prepare, frame.body, &order) != NIKA_OK)
            continue;
        if (order.seq <= plan->low || order.seq - plan->low > GRAMMAR_SPAN_MAX) continue;
        struct planned *p = &plan->order[order.seq - plan->low - 1];
        if (order.seq > plan->high) plan->high = order.seq;
        if (p->present && (lowest ? p->view <= order.view : p->view >= order.view)) continue;
        *p = (struct planned){true, order.view, order.digest};
    }
}

static void make_plan(const struct nika_fault *fault, const struct nika_list *changes, bool lowest,
                      struct plan *plan)
{
    struct pbft_view_change m;
    struct nika_span raw;
    memset(plan, 0, sizeof *plan);
    for (uint32_t at = 0; nika_frames_next(changes, &at, &raw);) {
        if (open_change(fault, raw, &m) && m.low_mark > plan->low) plan->low = m.low_mark;
    }
    plan->high = plan->low;
    for (uint32_t at = 0; nika_frames_next(changes, &at, &raw);) {
        if (open_change(fault, raw, &m)) plan_certificates(fault, &m, lowest, plan);
    }
}

/* The VIEW-CHANGE of `sender` for `view` that NEW-VIEW will show: one of those heard, or a new one of a corrupted sender. */
static bool add_change(struct nika_fault *fault, uint32_t sender, uint64_t view, bool fresh,
                       struct nika_writer *w, struct nika_list *list)
{
    const struct grammar *g = fault->state;
    uint32_t fit[GRAMMAR_CHANGES], fits = 0;
    for (uint32_t i = 0; i < grammar_kept(g->changes, GRAMMAR_CHANGES); i++) {
        if (g->change[i].view == view && g->change[i].sender == sender) fit[fits++] = i;
    }
    if (nika_fault_targets(fault, sender) && (fresh || fits == 0)) {
        uint8_t lists[GRAMMAR_PROOF_SIZE], nested[GRAMMAR_PROOF_SIZE];
        struct nika_writer lw = nika_writer_of(lists, sizeof lists);
        struct nika_writer nw = nika_writer_of(nested, sizeof nested);
        struct pbft_view_change m;
        uint64_t lie = 1 + nika_fault_choice(fault, sender, PBFT_TYPE_new_view, view, 0, 2);
        if (!grammar_change(fault, sender, view, (enum grammar_change_lie)lie, &lw, &m))
            return false;
        struct nika_span raw = fault_sign_nested(fault, sender, &pbft_info_view_change, &m, &nw);
        if (raw.size == 0) return false;
        nika_frames_append(w, list, raw);
        return !w->failed;
    }
    if (fits == 0) return false;
    uint64_t pick = nika_fault_choice(fault, sender, PBFT_TYPE_new_view, view, 1, fits);
    const struct grammar_change *c = &g->change[fit[pick]];
    nika_frames_append(w, list, (struct nika_span){c->frame, c->size});
    return !w->failed;
}

static bool add_orders(struct nika_fault *fault, uint32_t from, uint64_t view,
                       enum grammar_new_view_lie lie, const struct plan *plan,
                       struct nika_writer *w, struct nika_list *list)
{
    /* Counted, because a VIEW-CHANGE that another liar sent may claim any low mark. */
    for (uint64_t i = 0; i < plan->high - plan->low; i++) {
        const struct planned *p = &plan->order[i];
        uint64_t seq = plan->low + 1 + i;
        struct pbft_pre_prepare order = {.view = view, .seq = seq};
        if (p->present && lie != GRAMMAR_NEW_VIEW_NULL) order.digest = p->digest;
        if (lie == GRAMMAR_NEW_VIEW_OTHER && seq == plan->high)
            grammar_other_digest(fault->state, p->view, seq, &p->digest, &order.digest);
        uint8_t nested[GRAMMAR_VOTE_SIZE];
        struct nika_writer nw = nika_writer_of(nested, sizeof nested);
        struct nika_span raw = fault_sign_nested(fault, from, &pbft_info_pre_prepare, &order, &nw);
        if (raw.size == 0) return false;
        nika_frames_append(w, list, raw);
    }
    return !w->failed;
}

bool grammar_new_view(struct nika_fault *fault, uint32_t from, uint64_t view,
                      enum grammar_new_view_lie lie, struct nika_writer *w,
                      struct pbft_new_view *out)
{
    uint32_t n = fault->host->config->n, wanted = grammar_quorum(fault);
    bool fresh = lie == GRAMMAR_NEW_VIEW_OWN, alone = false;
    bool again = lie == GRAMMAR_NEW_VIEW_TWICE;
    uint32_t distinct = wanted;
    if (again || lie == GRAMMAR_NEW_VIEW_FEW) {
        uint64_t fewer = nika_fault_choice(fault, from, PBFT_TYPE_new_view, view, 3, wanted - 1);
        distinct = wanted - 1 - (uint32_t)fewer;
        fresh = alone = distinct == 1;
    }
    /* Whom to leave out, if anybody can be. */
    uint32_t skip = (uint32_t)nika_fault_choice(fault, from, PBFT_TYPE_new_view, view, 2, n + 1);
    *out = (struct pbft_new_view){.view = view, .view_changes = {0, {w->data + w->at, 0}}};
    for (uint32_t i = 0; i < n && out->view_changes.count < distinct; i++) {
        if (alone ? i != from : i + 1 == skip) continue;
        (void)add_change(fault, i, view, fresh, w, &out->view_changes);
    }
    if (w->failed || out->view_changes.count < distinct) return false;
    if (again) {
        struct nika_span raw, last = {NULL, 0};
        for (uint32_t at = 0; nika_frames_next(&out->view_changes, &at, &raw);) last = raw;
        while (out->view_changes.count < wanted && !w->failed)
            nika_frames_append(w, &out->view_changes, last);
    }
    struct plan plan;
    make_plan(fault, &out->view_changes, lie == GRAMMAR_NEW_VIEW_LOWEST, &plan);
    out->pre_prepares = (struct nika_list){0, {w->data + w->at, 0}};
    return add_orders(fault, from, view, lie, &plan, w, &out->pre_prepares) && !w->failed;
}
