/* faults/hybster/certified_lies.c: a corrupted replica of Hybster lies as far as its own, working trusted subsystem lets it (PROTOCOLS.md 2.4,
 * H1-H5): it hides what it took part in, claims a view that nobody entered, shows too few proofs, certifies in the wrong way.
 *
 * It uses the counters that its module uses, so that its module may find them moved, and halts: a liar has lost nothing by that. */
#include "faults/hybster/archive.h"
#include "faults/hybster/liar.h"
#include "faults/support.h"

enum { PARAM_WHAT, PARAM_SKIP, PARAM_RATE, PARAM_COUNT };
enum {
    WHAT_HIDDEN_HOP,
    WHAT_HIDDEN_ORDERS,
    WHAT_GAPPED_ORDERS,
    WHAT_TRUNCATED_HOPS,
    WHAT_FORGED_BASE,
    WHAT_FEW,
    WHAT_STALE,
    WHAT_ACK,
    WHAT_VIEW_LIES, /* So many of them are told when a view is left. */
    WHAT_WRONG_KIND = WHAT_VIEW_LIES,
    WHAT_SKIPPED_ORDER,
    WHAT_UNKNOWN_BATCH,
    WHAT_WRONG_ORDERS,
    WHAT_ANY,
    WHAT_COUNT
};
static const char *const what_names[] = {"hidden-hop",    "hidden-orders",
                                         "gapped-orders", "truncated-hops",
                                         "forged-base",   "few-view-changes",
                                         "stale-proofs",  "lying-ack",
                                         "wrong-kind",    "skipped-order",
                                         "unknown-batch", "wrong-orders",
                                         "any",           NULL};
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "what",
     .doc =
         "Its VIEW-CHANGE hides a view that it took part in, its orders, the first of them, or all "
         "earlier hops, or claims a view that nobody entered; its NEW-VIEW shows too few "
         "VIEW-CHANGEs or old ones; its NEW-VIEW-ACK is of no NEW-VIEW; its votes carry another "
         "kind of certificate; it leaves out a number, or orders what is no batch; its NEW-VIEW "
         "leaves out an order that its proofs demand, or adds one; any of the view changes' lies, "
         "drawn anew each time.",
     .low = 0,
     .high = WHAT_COUNT - 1,
     .fallback = WHAT_ANY,
     .names = what_names},
    {.name = "skip",
     .doc = "Orders and VIEW-CHANGEs of its module that it lets pass first.",
     .low = 0,
     .high = 1000000,
     .fallback = 0},
    FAULT_PARAM_RATE,
};
#define AGAIN_NS (40u * FAULT_MS) /* A lie that got lost is told again, */
#define AGAIN_MAX 25u             /* but not for ever. */

struct state {
    struct archive archive;
    uint32_t seen[NIKA_REPLICAS_MAX];
    uint64_t
        told[NIKA_REPLICAS_MAX]; /* 1 + view of the last own VIEW-CHANGE that was thought about. */
    uint64_t
        hidden[NIKA_REPLICAS_MAX]; /* 1 + view of the first VIEW-CHANGE that nobody is to see. */
    uint64_t begun[NIKA_REPLICAS_MAX]; /* 1 + view of the last NEW-VIEW that was told. */
    uint32_t lie_sender, lie_size, lie_again;
    uint8_t lie[ARCHIVE_CHANGE_SIZE * 2u];
};

static struct liar liar_of(const struct nika_fault *fault, uint32_t replica)
{
    return (struct liar){fault->host->config, fault->host->world, replica,
                         fault->host->trusted_certify};
}

static void tell_all(struct nika_fault *fault, uint32_t from, struct nika_span raw)
{
    for (uint32_t i = 0; i < fault->host->config->n; i++) {
        if (i != from) fault->host->inject_raw(fault->host->world, from, i, raw);
    }
}

static void on_wake(struct nika_fault *fault, uint64_t cookie)
{
    struct state *s = fault->state;
    (void)cookie;
    if (s->lie_size == 0 || s->lie_again == 0) return;
    s->lie_again--;
    tell_all(fault, s->lie_sender, (struct nika_span){s->lie, s->lie_size});
    fault->host->wake(fault->host->world, fault, fault->host->now_ns(fault->host->world) + AGAIN_NS,
                      0);
}

/* Tell it now, and again later. */
static bool tell(struct nika_fault *fault, uint32_t from, struct nika_span raw)
{
    struct state *s = fault->state;
    if (raw.size == 0 || raw.size > sizeof s->lie) return false;
    bool waking = s->lie_again > 0;
    memcpy(s->lie, raw.data, raw.size);
    s->lie_size = raw.size;
    s->lie_sender = from;
    s->lie_again = AGAIN_MAX;
    archive_hear(&s->archive, fault->host->config, raw);
    tell_all(fault, from, raw);
    if (!waking)
        fault->host->wake(fault->host->world, fault,
                          fault->host->now_ns(fault->host->world) + AGAIN_NS, 0);
    nika_fault_acted(fault, from);
    return true;
}

/* ---- VIEW-CHANGEs ---- */
/* Append the hops of `raw` to those of `m`. */
static bool add_hop(const struct nika_fault *fault, struct hybster_view_change *m,
                    struct nika_span raw, struct nika_writer *w)
{
    struct hybster_hop hop, more[NIKA_PILLARS_MAX];
    struct nika_list hops = {0, {w->data + w->at, 0}};
    for (uint32_t at = 0; nika_list_next(&m->hops, &hybster_info_hop, &at, &hop);)
        nika_list_append(w, &hops, &hybster_info_hop, &hop);
    if (!liar_hops(fault->host->config, raw, more)) return false;
    for (uint32_t p = 0; p < fault->host->config->pillars; p++)
        nika_list_append(w, &hops, &hybster_info_hop, &more[p]);
    m->hops = hops;
    return !w->failed;
}

/* The orders of view m->from that were heard, from `first` on without a gap. */
static void show_orders(const struct state *s, struct hybster_view_change *m, uint64_t first,
                        struct nika_writer *w)
{
    m->prepares = (struct nika_list){0, {w->data + w->at, 0}};
    for (uint64_t seq = first;; seq++) {
        const struct archive_order *o = archive_order(&s->archive, m->from, seq);
        if (o == NULL) return;
        nika_frames_append(w, &m->prepares, (struct nika_span){o->frame, o->size});
    }
}

/* As if the views since an older VIEW-CHANGE had never been. */
static bool hide_hop(struct nika_fault *fault, const struct liar *liar,
                     const struct hybster_view_change *m, struct nika_writer *w,
                     struct hybster_view_change *out)
{
    const struct state *s = fault->state;
    struct nika_frame frame;
    const struct archive_change *old = archive_change(&s->archive, liar->replica, 1, m->view);
    if (old == NULL || m->from < old->view) return false;
    struct nika_span raw = {old->frame, old->size};
    if (!liar_open(liar->config, raw, &hybster_info_view_change, &frame, out)) return false;
    return add_hop(fault, out, raw, w);
}

/* The first order of the view that it leads, and claims to have entered, is another batch. */
static bool forge_base(struct nika_fault *fault, const struct liar *liar,
                       const struct hybster_view_change *m, struct nika_writer *w,
                       struct hybster_view_change *out)
{
    const struct state *s = fault->state;
    uint64_t view = m->view, seq = m->low_mark + 1;
    struct nika_digest none = {{0}};
    uint8_t one[ARCHIVE_ORDER_SIZE];
    struct nika_writer order = nika_writer_of(one, sizeof one);
    if (liar_leader(liar->config, view) != liar->replica) return false;
    const struct archive_order *real = archive_order(&s->archive, m->from, seq);
    const struct nika_digest *digest =
        archive_other(&s->archive, real != NULL ? &real->digest : &none);
    if (digest == NULL) return false;
    struct nika_span raw = liar_true_order(liar, HYBSTER_TYPE_prepare, view, seq, digest, &order);
    if (raw.size == 0) return false;
    out->from = view;
    out->hops = (struct nika_list){0, {NULL, 0}};
    out->prepares = (struct nika_list){0, {w->data + w->at, 0}};
    nika_frames_append(w, &out->prepares, raw);
    return !w->failed;
}

/* A VIEW-CHANGE for the view after the one that `raw` is for. True when it was told; then nobody is to see `raw`. */
static bool lie_in_change(struct nika_fault *fault, const struct liar *liar, uint64_t what,
                          const struct hybster_view_change *m, struct nika_span raw)
{
    const struct state *s = fault->state;
    uint8_t lists[ARCHIVE_CHANGE_SIZE], bytes[ARCHIVE_CHANGE_SIZE];
    struct nika_writer w = nika_writer_of(lists, sizeof lists);
    struct nika_writer frame = nika_writer_of(bytes, sizeof bytes);
    struct nika_list none = {0, {NULL, 0}};
    struct hybster_view_change lie = *m;
    bool good = true;
    switch (what) {
    case WHAT_HIDDEN_HOP:
        good = hide_hop(fault, liar, m, &w, &lie);
        break;
    case WHAT_HIDDEN_ORDERS:
        good = m->prepares.count > 0 && add_hop(fault, &lie, raw, &w);
        lie.prepares = none;
        break;
    case WHAT_GAPPED_ORDERS:
        good = add_hop(fault, &lie, raw, &w);
        show_orders(s, &lie, m->low_mark + 2, &w);
        good = good && lie.prepares.count > 0;
        break;
    case WHAT_TRUNCATED_HOPS:
        lie.hops = none;
        break;
    default:
        good = forge_base(fault, liar, m, &w, &lie);
        break;
    }
    if (!good || w.failed) return false;
    lie.view = m->view + 1;
    return tell(fault, liar->replica, liar_change(liar, &lie, &frame));
}

/* ---- NEW-VIEWs and their acknowledgements ---- */
static bool lie_in_new_view(struct nika_fault *fault, const struct liar *liar, uint64_t what,
                            const struct hybster_view_change *m, struct nika_span raw)
{
    const struct state *s = fault->state;
    uint8_t lists[ARCHIVE_CHANGE_SIZE * 2u], bytes[ARCHIVE_CHANGE_SIZE * 2u];
    struct nika_writer w = nika_writer_of(lists, sizeof lists);
    struct nika_writer frame = nika_writer_of(bytes, sizeof bytes);
    struct nika_list changes = {0, {lists, 0}}, none = {0, {NULL, 0}};
    if (liar_leader(liar->config, m->view) != liar->replica) return false;
    if (what == WHAT_FEW) nika_frames_append(&w, &changes, raw);
    for (uint32_t i = 0; what == WHAT_STALE && i < liar->config->n; i++) {
        const struct archive_change *old = archive_change(&s->archive, i, 1, m->view);
        if (old != NULL)
            nika_frames_append(&w, &changes, (struct nika_span){old->frame, old->size});
    }
    if (w.failed || changes.count == 0) return false;
    return tell(fault, liar->replica,
                liar_new_view(liar, m->view, m->from, &changes, &none, &frame));
}

/* "I have validated the NEW-VIEW of the view before this one." */
static bool lie_in_ack(struct nika_fault *fault, const struct liar *liar,
                       const struct hybster_view_change *m)
{
    const struct state *s = fault->state;
    uint8_t lists[ARCHIVE_CHANGE_SIZE], bytes[ARCHIVE_CHANGE_SIZE];
    struct nika_writer w = nika_writer_of(lists, sizeof lists);
    struct nika_writer frame = nika_writer_of(bytes, sizeof bytes);
    if (m->view < 2) return false;
    struct hybster_view_change shown = {.from = m->view - 1};
    show_orders(s, &shown, m->low_mark + 1, &w);
    struct hybster_new_view_ack ack = {.view = m->view,
                                       .low_mark = m->low_mark,
                                       .base = m->view - 1,
                                       .checkpoints = m->checkpoints,
                                       .prepares = shown.prepares};
    return !w.failed && tell(fault, liar->replica, liar_ack(liar, &ack, &frame));
}

static bool let_pass(struct nika_fault *fault, uint32_t replica)
{
    struct state *s = fault->state;
    return s->seen[replica]++ < fault->params[PARAM_SKIP];
}

/* The own VIEW-CHANGE on its way to a peer: the first time the lie is told, if one is. */
static void on_view_change(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct state *s = fault->state;
    struct hybster_view_change m = {0};
    uint8_t copy[ARCHIVE_CHANGE_SIZE];
    uint32_t self = out->from;
    if (!fault_decode(fault, out, &hybster_info_view_change, &m) || out->size > sizeof copy) return;
    /* Who sticks to one story says nothing of his own afterwards. */
    bool sworn = s->hidden[self] != 0 && fault->params[PARAM_WHAT] != WHAT_ANY;
    if (s->told[self] != m.view + 1 && !sworn) {
        s->told[self] = m.view + 1;
        memcpy(copy, out->bytes, out->size);
        struct nika_span raw = {copy, out->size};
        struct nika_frame frame;
        struct liar liar = liar_of(fault, self);
        uint64_t what = fault->params[PARAM_WHAT];
        if (what == WHAT_ANY)
            what = nika_fault_choice(fault, self, out->type, m.view, 0, WHAT_VIEW_LIES + 1) - 1;
        bool due = what < WHAT_VIEW_LIES && !let_pass(fault, self) &&
                   fault_rolls(fault, out, fault->params[PARAM_RATE]);
        if (due && liar_open(liar.config, raw, &hybster_info_view_change, &frame, &m)) {
            if (what == WHAT_ACK)
                (void)lie_in_ack(fault, &liar, &m);
            else if (what == WHAT_FEW || what == WHAT_STALE)
                (void)lie_in_new_view(fault, &liar, what, &m, raw);
            else if (lie_in_change(fault, &liar, what, &m, raw))
                s->hidden[self] = m.view + 1;
        }
    }
    if (sworn || s->hidden[self] == m.view + 1)
        out->drop = true;
    else
        archive_hear(&s->archive, fault->host->config, (struct nika_span){out->bytes, out->size});
}

/* ---- orders ---- */
/* The same order under a trusted MAC or a continuing certificate. */
static void wrong_kind(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct hybster_prepare m = {0};
    struct hybster_commit commit = {0};
    uint8_t bytes[ARCHIVE_ORDER_SIZE];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    bool order = out->type == HYBSTER_TYPE_prepare;
    if (order ? !fault_decode(fault, out, &hybster_info_prepare, &m)
              : !fault_decode(fault, out, &hybster_info_commit, &commit))
        return;
    if (!order) m = (struct hybster_prepare){commit.view, commit.seq, commit.digest, {NULL, 0}};
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    struct liar liar = liar_of(fault, out->from);
    struct liar_seal seal = {.kind = m.seq % 2 == 0 ? NIKA_TRUSTED_MAC : NIKA_TRUSTED_CONTINUING,
                             .counter = liar_order_counter(liar.config, m.seq),
                             .value = {m.view, m.seq}};
    struct nika_span raw = liar_order(&liar, out->type, m.view, m.seq, &m.digest, seal, &w);
    if (raw.size != out->size) return;
    memcpy(out->bytes, raw.data, raw.size);
    out->changed = true;
    nika_fault_acted(fault, out->from);
}

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    if (nika_is_client(out->to)) return;
    if (out->type == HYBSTER_TYPE_view_change) on_view_change(fault, out);
    bool vote = out->type == HYBSTER_TYPE_prepare || out->type == HYBSTER_TYPE_commit;
    if (vote && fault->params[PARAM_WHAT] == WHAT_WRONG_KIND) wrong_kind(fault, out);
}

/* The leader's module begins to certify a NEW-VIEW: before it does, the liar tells one over the same proofs without the last order that they
 * demand, or with one that they do not. */
static void wrong_orders(struct nika_fault *fault, uint32_t replica, uint64_t view)
{
    struct state *s = fault->state;
    struct liar liar = liar_of(fault, replica);
    uint8_t lists[ARCHIVE_CHANGE_SIZE * 2u], bytes[ARCHIVE_CHANGE_SIZE * 2u];
    struct nika_writer w = nika_writer_of(lists, sizeof lists);
    struct nika_writer out = nika_writer_of(bytes, sizeof bytes);
    struct nika_list changes = {0, {lists, 0}}, none = {0, {NULL, 0}};
    struct hybster_view_change m;
    struct nika_frame frame;
    struct liar_orders orders;
    uint64_t base = 0;
    for (uint32_t i = 0; i < liar.config->n; i++) {
        const struct archive_change *change = archive_change(&s->archive, i, view, view + 1);
        if (change == NULL) continue;
        struct nika_span raw = {change->frame, change->size};
        if (!liar_open(liar.config, raw, &hybster_info_view_change, &frame, &m)) continue;
        if (m.from > base) base = m.from;
        nika_frames_append(&w, &changes, raw);
    }
    if (w.failed || changes.count <= liar.config->n / 2 ||
        !liar_orders_of(liar.config, base, &changes, &none, &orders))
        return;
    s->begun[replica] = view + 1;
    orders.max_seq += orders.max_seq > orders.min_seq ? UINT64_MAX : 1;
    (void)tell(fault, replica, liar_new_view_of(&liar, view, base, &changes, &none, &orders, &out));
}

static bool leads(const struct nika_fault *fault, uint32_t replica,
                  const struct nika_trusted_call *call)
{
    return !call->after && call->operation == NIKA_TRUSTED_CERTIFY &&
           call->kind == NIKA_TRUSTED_INDEPENDENT &&
           liar_leader(fault->host->config, call->value.view) == replica;
}

/* The leader's module wants to certify an order: before it does, the liar certifies another. */
static enum nika_err on_trusted(struct nika_fault *fault, uint32_t replica,
                                struct nika_trusted_call *call)
{
    struct state *s = fault->state;
    struct liar liar = liar_of(fault, replica);
    uint64_t what = fault->params[PARAM_WHAT];
    struct nika_digest digest = {{0x5a}};
    uint8_t bytes[ARCHIVE_ORDER_SIZE];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    if (!leads(fault, replica, call)) return NIKA_OK;
    if (what == WHAT_WRONG_ORDERS && call->value.view != 0 &&
        s->begun[replica] != call->value.view + 1)
        wrong_orders(fault, replica, call->value.view);
    if (what != WHAT_SKIPPED_ORDER && what != WHAT_UNKNOWN_BATCH) return NIKA_OK;
    bool order = call->value.order != 0 &&
                 call->counter == liar_order_counter(liar.config, call->value.order);
    if (!order || let_pass(fault, replica) || s->told[replica] != 0) return NIKA_OK;
    if (!nika_fault_choice_ppm(fault, replica, call->kind, call->value.view, call->value.order,
                               fault->params[PARAM_RATE]))
        return NIKA_OK;
    if (what == WHAT_SKIPPED_ORDER) {
        const struct nika_digest *known = archive_other(&s->archive, &digest);
        if (known == NULL) return NIKA_OK;
        digest = *known;
    }
    s->told[replica] = 1;
    (void)tell(
        fault, replica,
        liar_true_order(&liar, HYBSTER_TYPE_prepare, call->value.view,
                        call->value.order + (what == WHAT_SKIPPED_ORDER ? liar.config->pillars : 0),
                        &digest, &w));
    return NIKA_OK;
}

static void on_link(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct state *s = fault->state;
    archive_hear(&s->archive, fault->host->config, (struct nika_span){out->bytes, out->size});
}

const struct nika_fault_ops nika_fault_certified_lies = {
    .name = "certified-lies",
    .doc = "Corrupted replicas of Hybster lie with certificates of their own trusted subsystem.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .on_wake = on_wake,
    .on_send = on_send,
    .on_link = on_link,
    .on_trusted = on_trusted,
};
