/* faults/byzantine/grammar.c: the protocol-aware adversary (ATTACKS.md 10.3): it knows what every message means and lies where
 * that matters: other batches to some, votes for whatever each receiver holds, VIEW-CHANGE and NEW-VIEW built from what was
 * really signed; see grammar.h.
 *
 * Every act is a decision whose value 0 is honest. On a link it only listens: what it wants to say about what it heard, it says
 * in an event of its own. */
#include "faults/byzantine/grammar.h"

enum { PARAM_WHAT, PARAM_TICK, PARAM_COUNT };
enum { WHAT_ALL, WHAT_ORDERS, WHAT_VOTES, WHAT_VIEWS, WHAT_COUNT };
static const char *const what_names[] = {"all", "orders", "votes", "views", NULL};
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "what",
     .doc = "What it lies about: orders and the votes for them, votes alone, or view changes.",
     .low = 0,
     .high = WHAT_COUNT - 1,
     .fallback = WHAT_ALL,
     .names = what_names},
    {.name = "tick_ms",
     .doc = "How often it considers saying something unasked.",
     .low = 1,
     .high = 60000,
     .fallback = 40},
};
#define COOKIE_TICK UINT64_MAX
/* Names of decisions that are about no message. */
#define SUBJECT_TEMPER 0xff00u
#define SUBJECT_TICK 0xff01u
#define SUBJECT_SLOT 0xff02u

uint32_t grammar_lie(struct nika_fault *fault, enum grammar_class kind, uint32_t subject,
                     uint16_t type, uint64_t view, uint64_t seq, uint32_t lies)
{
    const struct grammar *g = fault->state;
    if (!nika_fault_choice_ppm(fault, subject, type, view, seq, g->temper_ppm[kind])) return 0;
    return 1 + (uint32_t)nika_fault_choice(fault, subject, type, view, seq, lies);
}

static bool concerns(uint64_t what, enum grammar_class kind)
{
    switch (what) {
    case WHAT_ORDERS:
        return kind == GRAMMAR_PROPOSE || kind == GRAMMAR_BURST;
    case WHAT_VOTES:
        return kind == GRAMMAR_VOTE || kind == GRAMMAR_BURST || kind == GRAMMAR_LATE ||
               kind == GRAMMAR_CERT;
    case WHAT_VIEWS:
        return kind == GRAMMAR_VIEW_CHANGE || kind == GRAMMAR_NEW_VIEW;
    default:
        return true;
    }
}

/* A scenario may corrupt nobody: then there is no key to sign with. */
static bool nobody_lies(const struct nika_fault *fault)
{
    return fault->targets[0] == 0 && fault->targets[1] == 0;
}

/* How often each class of lies is told, for the whole run: lies hinder each other, so each run has its own mixture. */
static void start(struct nika_fault *fault)
{
    static const uint32_t tempers[] = {0, 150000, 450000, 850000};
    struct grammar *g = fault->state;
    if (nobody_lies(fault)) return;
    for (uint32_t k = 0; k < GRAMMAR_CLASSES; k++) {
        uint64_t temper =
            nika_fault_choice(fault, SUBJECT_TEMPER, (uint16_t)k, 0, 0, ARRAY_COUNT(tempers));
        g->temper_ppm[k] =
            concerns(fault->params[PARAM_WHAT], (enum grammar_class)k) ? tempers[temper] : 0;
    }
    fault->host->wake(fault->host->world, fault,
                      fault->host->now_ns(fault->host->world) +
                          fault->params[PARAM_TICK] * FAULT_MS,
                      COOKIE_TICK);
}

static uint32_t subject_of(const struct nika_outgoing *out)
{
    return fault_link_code(out->from, out->to);
}

static bool on_pre_prepare(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct pbft_pre_prepare m = {0};
    if (!fault_decode(fault, out, &pbft_info_pre_prepare, &m)) return false;
    uint32_t lie =
        grammar_lie(fault, GRAMMAR_PROPOSE, subject_of(out), out->type, m.view, m.seq, 3);
    if (lie == 0) return false;
    const struct grammar_variant *variant =
        lie == 3 ? NULL : grammar_variant(fault, m.view, m.seq, lie - 1);
    out->drop = true;
    if (variant == NULL) return true;
    m.digest = variant->digest;
    out->drop = !fault_rewrite(fault, out, &pbft_info_pre_prepare, &m);
    return true;
}

/* Another digest in PREPARE, COMMIT or CHECKPOINT, or silence. */
static bool on_vote(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct pbft_prepare prepare = {0};
    struct pbft_commit commit = {0};
    struct pbft_checkpoint checkpoint = {0};
    const struct grammar *g = fault->state;
    const struct nika_message_info *info = fault->host->messages->messages[out->type];
    void *value = out->type == PBFT_TYPE_prepare  ? (void *)&prepare
                  : out->type == PBFT_TYPE_commit ? (void *)&commit
                                                  : (void *)&checkpoint;
    if (!fault_decode(fault, out, info, value)) return false;
    uint64_t view = out->type == PBFT_TYPE_prepare ? prepare.view : commit.view;
    uint64_t seq = prepare.seq + commit.seq + checkpoint.seq; /* Two of them are 0. */
    uint32_t lie = grammar_lie(fault, GRAMMAR_VOTE, subject_of(out), out->type, view, seq, 2);
    if (lie == 0) return false;
    out->drop = lie == 2;
    if (lie == 2) return true;
    struct nika_digest *digest = out->type == PBFT_TYPE_prepare  ? &prepare.digest
                                 : out->type == PBFT_TYPE_commit ? &commit.digest
                                                                 : &checkpoint.digest;
    struct nika_digest other;
    grammar_other_digest(g, view, out->type == PBFT_TYPE_checkpoint ? 0 : seq, digest, &other);
    *digest = other;
    return fault_rewrite(fault, out, info, value);
}

static bool on_view_change(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct pbft_view_change m = {0}, lied;
    if (!fault_decode(fault, out, &pbft_info_view_change, &m)) return false;
    uint32_t lie = grammar_lie(fault, GRAMMAR_VIEW_CHANGE, subject_of(out), out->type, m.view, 0,
                               GRAMMAR_CHANGE_LIES + 1);
    out->drop = lie > GRAMMAR_CHANGE_LIES;
    if (lie == 0 || out->drop) return lie != 0;
    uint8_t lists[GRAMMAR_PROOF_SIZE];
    struct nika_writer w = nika_writer_of(lists, sizeof lists);
    return grammar_change(fault, out->from, m.view, (enum grammar_change_lie)lie, &w, &lied) &&
           fault_rewrite(fault, out, &pbft_info_view_change, &lied);
}

static bool on_new_view(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct pbft_new_view m = {0}, lied;
    if (!fault_decode(fault, out, &pbft_info_new_view, &m)) return false;
    uint32_t lie = grammar_lie(fault, GRAMMAR_NEW_VIEW, subject_of(out), out->type, m.view, 0,
                               GRAMMAR_NEW_VIEW_LIES + 1);
    out->drop = lie > GRAMMAR_NEW_VIEW_LIES;
    if (lie == 0 || out->drop) return lie != 0;
    uint8_t lists[FAULT_SCRATCH_SIZE / 2];
    struct nika_writer w = nika_writer_of(lists, sizeof lists);
    return grammar_new_view(fault, out->from, m.view, (enum grammar_new_view_lie)lie, &w, &lied) &&
           fault_rewrite(fault, out, &pbft_info_new_view, &lied);
}

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    bool lied = false;
    if (nika_is_client(out->to) || nika_fault_targets(fault, out->to)) return;
    switch (out->type) {
    case PBFT_TYPE_pre_prepare:
        lied = on_pre_prepare(fault, out);
        break;
    case PBFT_TYPE_prepare:
    case PBFT_TYPE_commit:
    case PBFT_TYPE_checkpoint:
        lied = on_vote(fault, out);
        break;
    case PBFT_TYPE_view_change:
        lied = on_view_change(fault, out);
        break;
    case PBFT_TYPE_new_view:
        lied = on_new_view(fault, out);
        break;
    default:
        return;
    }
    if (lied) nika_fault_acted(fault, out->from);
}

static void on_link(struct nika_fault *fault, struct nika_outgoing *out)
{
    uint32_t told = nobody_lies(fault) ? UINT32_MAX : grammar_hear(fault, out);
    if (told == UINT32_MAX) return;
    fault->host->wake(fault->host->world, fault, fault->host->now_ns(fault->host->world), told);
}

/* Who asks for a batch of ours gets it: an order that nobody can execute harms nobody. */
static bool on_receive(struct nika_fault *fault, uint32_t target, const struct nika_frame *frame)
{
    struct common_fetch_batch m;
    if (frame->type != COMMON_TYPE_fetch_batch || nika_is_client(frame->sender)) return true;
    if (nika_decode(&common_info_fetch_batch, frame->body, &m) != NIKA_OK) return true;
    const struct grammar_variant *variant = grammar_variant_of(fault->state, &m.digest);
    if (variant != NULL) grammar_send_batch(fault, target, frame->sender, variant);
    return true;
}

/* ---- unasked ---- */
/* The same vote from every corrupted sender at once, the primary of the view included: its PREPARE must count for nothing. */
static void vote_all(struct nika_fault *fault, uint32_t to, const struct pbft_prepare *m,
                     uint32_t prepares, uint32_t commits)
{
    struct pbft_commit commit = {.view = m->view, .seq = m->seq, .digest = m->digest};
    for (uint32_t i = 0; i < fault->host->config->n; i++) {
        if (!nika_fault_targets(fault, i)) continue;
        for (uint32_t k = 0; k < prepares; k++) fault_inject(fault, i, to, &pbft_info_prepare, m);
        for (uint32_t k = 0; k < commits; k++)
            fault_inject(fault, i, to, &pbft_info_commit, &commit);
    }
    nika_fault_acted(fault, to);
}

/* How corrupted senders vote in a slot: one plan for all receivers, or a quorum would seldom come together. */
enum {
    BURST_NONE = 0,
    BURST_FULL, /* For whatever each receiver holds. */
    BURST_PREPARE,
    BURST_TWICE,
    BURST_OTHER, /* For what it does not hold. */
    BURST_SOME,  /* Full, but to some only. */
    BURST_FULL_AGAIN,
    BURST_LIES = BURST_FULL_AGAIN
};

static uint32_t burst_of(struct nika_fault *fault, struct grammar_told *told)
{
    const struct grammar *g = fault->state;
    for (uint32_t i = 0; i < grammar_kept(g->told, GRAMMAR_TOLD); i++) {
        const struct grammar_told *t = &g->tell[i];
        if (t != told && t->view == told->view && t->seq == told->seq && t->burst != 0)
            told->burst = t->burst;
    }
    if (told->burst == 0)
        told->burst = 1 + grammar_lie(fault, GRAMMAR_BURST, SUBJECT_SLOT, PBFT_TYPE_prepare,
                                      told->view, told->seq, BURST_LIES);
    return told->burst - 1;
}

static void burst(struct nika_fault *fault, struct grammar_told *told)
{
    struct pbft_prepare m = {.view = told->view, .seq = told->seq, .digest = told->digest};
    uint32_t primary = grammar_primary(fault, m.view);
    const struct grammar_variant *variant = grammar_variant_of(fault->state, &told->digest);
    /* A receiver takes a BATCH only behind the order that names it. */
    if (variant != NULL && nika_fault_targets(fault, primary))
        grammar_send_batch(fault, primary, told->to, variant);
    switch (burst_of(fault, told)) {
    case BURST_NONE:
        return;
    case BURST_PREPARE:
        vote_all(fault, told->to, &m, 1, 0);
        return;
    case BURST_TWICE:
        vote_all(fault, told->to, &m, 2, 2);
        return;
    case BURST_OTHER:
        grammar_other_digest(fault->state, m.view, m.seq, &told->digest, &m.digest);
        vote_all(fault, told->to, &m, 1, 1);
        return;
    case BURST_SOME:
        if (nika_fault_choice(fault, told->to, PBFT_TYPE_commit, m.view, m.seq, 2) != 0)
            vote_all(fault, told->to, &m, 1, 1);
        return;
    default:
        vote_all(fault, told->to, &m, 1, 1);
    }
}

/* The corrupted replica that speaks up to `to` now. */
static uint32_t speaker(struct nika_fault *fault, uint32_t to)
{
    uint32_t list[NIKA_REPLICAS_MAX] = {0}, count = 0;
    for (uint32_t i = 0; i < fault->host->config->n; i++) {
        if (nika_fault_targets(fault, i)) list[count++] = i;
    }
    return list[count < 2 ? 0 : nika_fault_choice(fault, to, SUBJECT_TICK, 0, 0, count)];
}

/* A VIEW-CHANGE before its time, to one replica. */
static void early_view_change(struct nika_fault *fault, uint32_t to, uint64_t view)
{
    struct pbft_view_change m;
    uint8_t lists[GRAMMAR_PROOF_SIZE];
    struct nika_writer w = nika_writer_of(lists, sizeof lists);
    uint32_t from = speaker(fault, to);
    uint64_t lie =
        1 + nika_fault_choice(fault, to, PBFT_TYPE_view_change, view, 0, GRAMMAR_CHANGE_LIES);
    if (!grammar_change(fault, from, view, (enum grammar_change_lie)lie, &w, &m)) return;
    fault_inject(fault, from, to, &pbft_info_view_change, &m);
    nika_fault_acted(fault, to);
}

/* A NEW-VIEW that nobody asked for, of the view's primary when it is corrupted, else of an impostor. */
static void unasked_new_view(struct nika_fault *fault, uint32_t to, uint64_t view)
{
    struct pbft_new_view m;
    uint8_t lists[FAULT_SCRATCH_SIZE / 2];
    struct nika_writer w = nika_writer_of(lists, sizeof lists);
    uint32_t primary = grammar_primary(fault, view);
    uint32_t from = nika_fault_targets(fault, primary) ? primary : speaker(fault, to);
    uint64_t lie =
        1 + nika_fault_choice(fault, to, PBFT_TYPE_new_view, view, 0, GRAMMAR_NEW_VIEW_LIES);
    if (!grammar_new_view(fault, from, view, (enum grammar_new_view_lie)lie, &w, &m)) return;
    fault_inject(fault, from, to, &pbft_info_new_view, &m);
    nika_fault_acted(fault, to);
}

/* A second order for a slot that has one, from the primary of its view. */
static void second_order(struct nika_fault *fault, uint32_t to, const struct grammar_vote *v)
{
    uint32_t primary = grammar_primary(fault, v->view);
    if (!nika_fault_targets(fault, primary)) return;
    const struct grammar_variant *variant = grammar_variant(fault, v->view, v->seq, 1);
    if (variant == NULL) return;
    struct pbft_pre_prepare m = {.view = v->view, .seq = v->seq, .digest = variant->digest};
    struct pbft_prepare votes = {.view = v->view, .seq = v->seq, .digest = variant->digest};
    fault_inject(fault, primary, to, &pbft_info_pre_prepare, &m);
    grammar_send_batch(fault, primary, to, variant);
    vote_all(fault, to, &votes, 1, 1);
}

/* What was held back, or has been said once already: a signed frame, or votes for an old order. */
static void late(struct nika_fault *fault, uint32_t to, bool second)
{
    const struct grammar *g = fault->state;
    uint32_t kept = grammar_kept(g->votes, GRAMMAR_VOTES);
    if (kept == 0) return;
    const struct grammar_vote *v = &g->vote[nika_fault_choice(fault, to, SUBJECT_TICK, 1, 0, kept)];
    if (v->type == PBFT_TYPE_pre_prepare && second) {
        second_order(fault, to, v);
    } else if (v->type == PBFT_TYPE_pre_prepare || v->type == PBFT_TYPE_prepare) {
        struct pbft_prepare m = {.view = v->view, .seq = v->seq, .digest = v->digest};
        vote_all(fault, to, &m, 1, 1);
    } else {
        fault->host->inject_raw(fault->host->world, speaker(fault, to), to,
                                (struct nika_span){v->frame, v->size});
        nika_fault_acted(fault, to);
    }
}

static void old_view_change(struct nika_fault *fault, uint32_t to)
{
    const struct grammar *g = fault->state;
    uint32_t kept = grammar_kept(g->changes, GRAMMAR_CHANGES);
    if (kept == 0) return;
    const struct grammar_change *c =
        &g->change[nika_fault_choice(fault, to, SUBJECT_TICK, 2, 0, kept)];
    fault->host->inject_raw(fault->host->world, speaker(fault, to), to,
                            (struct nika_span){c->frame, c->size});
    nika_fault_acted(fault, to);
}

static void commit_cert(struct nika_fault *fault, uint32_t to, uint64_t view,
                        enum grammar_cert_lie lie)
{
    struct pbft_commit_cert m;
    uint8_t commits[GRAMMAR_PROOF_SIZE];
    struct nika_writer w = nika_writer_of(commits, sizeof commits);
    uint32_t from = speaker(fault, to);
    if (!grammar_cert(fault, to, view, lie, from, &w, &m)) return;
    fault_inject(fault, from, to, &pbft_info_commit_cert, &m);
    nika_fault_acted(fault, to);
}

static void consider(struct nika_fault *fault, uint32_t to)
{
    struct nika_replica_status status = {0};
    fault->host->status(fault->host->world, to, &status);
    uint64_t view = status.active ? status.view + 1 : status.view;
    switch (grammar_lie(fault, GRAMMAR_LATE, to, SUBJECT_TICK, status.view, 0, 3)) {
    case 1:
        late(fault, to, false);
        break;
    case 2:
        late(fault, to, true);
        break;
    case 3:
        old_view_change(fault, to);
        break;
    default:
        break;
    }
    switch (grammar_lie(fault, GRAMMAR_VIEW_CHANGE, to, SUBJECT_TICK, status.view, 1, 4)) {
    case 1:
        early_view_change(fault, to, view);
        break;
    case 2:
        unasked_new_view(fault, to, view);
        break;
    default: /* Most ticks pass in silence, or every view would end at once. */
        break;
    }
    uint32_t lie =
        grammar_lie(fault, GRAMMAR_CERT, to, SUBJECT_TICK, status.view, 2, GRAMMAR_CERT_LIES);
    if (lie != 0) commit_cert(fault, to, status.view, (enum grammar_cert_lie)lie);
}

static void on_wake(struct nika_fault *fault, uint64_t cookie)
{
    struct grammar *g = fault->state;
    if (!fault->active) return;
    if (cookie != COOKIE_TICK) {
        burst(fault, &g->tell[cookie % GRAMMAR_TOLD]);
        return;
    }
    for (uint32_t i = 0; i < fault->host->config->n; i++) {
        if (!nika_fault_targets(fault, i)) consider(fault, i);
    }
    fault->host->wake(fault->host->world, fault,
                      fault->host->now_ns(fault->host->world) +
                          fault->params[PARAM_TICK] * FAULT_MS,
                      COOKIE_TICK);
}

const struct nika_fault_ops nika_fault_grammar = {
    .name = "grammar",
    .doc = "Corrupted replicas know the protocol and lie where it matters, with what was really "
           "signed.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct grammar),
    .start = start,
    .on_wake = on_wake,
    .on_send = on_send,
    .on_link = on_link,
    .on_receive = on_receive,
};
