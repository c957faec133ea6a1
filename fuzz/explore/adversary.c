/* fuzz/explore/adversary.c: everything that a corrupted replica of Hybster can say (model.h; PROTOCOLS.md 2.1, 2.4, 2.8).
 *
 * It owns its trusted subsystem, which certifies what it is asked to but moves no counter back. So what it can still say is a function
 * of what it has said: the certificates that exist are its whole state. What no correct replica would believe is not built, but for a
 * VIEW-CHANGE that is only certified, so that the counter moves and a hop exists. Of several messages between which no correct replica
 * can tell any difference one is built. */
#include "fuzz/explore/model.h"
#include "protocols/hybster/view.h"

#define ROOM (64u * 1024u)
#define HOPS_MAX NIKA_EXPLORE_VIEWS_MAX

/* What there is to build from. */
struct material {
    struct explore_model *m;
    uint32_t self, mine, all;
    struct nika_trusted_value order; /* The counter of orders ... */
    uint64_t new_view;               /* ... and of NEW-VIEWs. */
    uint32_t opened, voided;         /* Bit = view: what that was used for, by value. */
    /* PREPAREs by view and order: message + 1. */
    uint32_t prepare[EXPLORE_VIEWS][EXPLORE_ORDERS + 1u];
    uint32_t hop[HOPS_MAX], hop_count; /* Own VIEW-CHANGEs, by view. */
    /* By order: W CHECKPOINTs that agree, by sender; count 0 = there are not so many. */
    uint32_t stable[EXPLORE_ORDERS + 1u][NIKA_EXPLORE_REPLICAS_MAX];
    uint32_t stable_count[EXPLORE_ORDERS + 1u];
    struct explore_moves *out;
    /* By move: what was certified before its NEW-VIEW, and where its orders begin. */
    uint32_t carried[EXPLORE_LIST_MAX];
    uint64_t carried_min[EXPLORE_LIST_MAX];
};

static const uint8_t blank_bytes[NIKA_TRUSTED_CERTIFICATE_SIZE];
static const struct nika_span blank = {blank_bytes, sizeof blank_bytes};

/* ---- the trusted subsystem ---- */

static void use_new_view(struct material *a, uint64_t view, uint32_t *set)
{
    *set |= UINT32_C(1) << view;
    if (view > a->new_view) a->new_view = view;
}

/* The proofs in a VIEW-CHANGE that a view can never begin: made for it, or shown once more. */
static void advance_voids(struct material *a, uint32_t id)
{
    struct nika_frame frame;
    struct hybster_view_change v;
    struct hybster_hop hop;
    struct nika_trusted_certificate c;
    uint32_t at = 0;
    explore_message_frame(a->m, id, &frame);
    bool good = nika_decode(&hybster_info_view_change, frame.body, &v) == NIKA_OK;
    NIKA_ASSERT(good);
    while (nika_list_next(&v.hops, &hybster_info_hop, &at, &hop)) {
        good = nika_trusted_certificate_decode(hop.certificate, &c) == NIKA_OK;
        NIKA_ASSERT(good);
        if (c.counter == HYBSTER_COUNTER_NEW_VIEW) use_new_view(a, c.value.view, &a->voided);
    }
}

static void advance(struct material *a, uint32_t id)
{
    const struct explore_message *message = &a->m->messages[id];
    struct nika_trusted_value value = {message->view, message->seq};
    switch (message->type) {
    case HYBSTER_TYPE_view_change:
        advance_voids(a, id);
        value.order = 0;
        break;
    case HYBSTER_TYPE_prepare:
    case HYBSTER_TYPE_commit:
        break;
    case HYBSTER_TYPE_new_view:
        use_new_view(a, message->view, &a->opened);
        return;
    default:
        return;
    }
    if (nika_trusted_compare(value, a->order) > 0) a->order = value;
}

/* The counter is where `from` says; the instance refuses what does not move it. */
static void let_certify(struct explore_model *m, uint32_t self, enum nika_trusted_kind kind,
                        uint32_t counter, struct nika_trusted_value from,
                        struct nika_trusted_value to, const struct nika_digest *digest,
                        uint8_t out[NIKA_TRUSTED_CERTIFICATE_SIZE])
{
    struct nika_trusted_instance instance;
    struct nika_trusted_certificate certificate;
    nika_trusted_instance_init(&instance, self, NIKA_TRUSTED_EPOCH, NIKA_TRUSTED_COUNTERS_MAX);
    instance.counter[counter].last.value = from;
    enum nika_err err =
        nika_trusted_certify(&instance, m->key, kind, counter, to, digest, &certificate);
    NIKA_ASSERT(err == NIKA_OK);
    nika_trusted_certificate_encode(&certificate, out);
}

/* Encode and certify; the frame is valid until the next call. */
static struct nika_span certify(struct explore_model *m, uint32_t self,
                                const struct nika_message_info *info, const void *message,
                                enum nika_trusted_kind kind, uint32_t counter,
                                struct nika_trusted_value from, struct nika_trusted_value to)
{
    static uint8_t body[ROOM];
    struct nika_digest digest;
    struct nika_writer w = nika_writer_of(body, sizeof body);
    nika_encode(info, message, &w);
    NIKA_ASSERT(!w.failed);
    hybster_statement(&m->config, info->type,
                      (struct nika_span){body, w.at - HYBSTER_CERTIFICATE_FIELD}, &digest);
    let_certify(m, self, kind, counter, from, to, &digest,
                body + w.at - NIKA_TRUSTED_CERTIFICATE_SIZE);
    return explore_frame(m, self, info, (struct nika_span){body, w.at});
}

static bool may_use(const struct material *a, uint64_t view, uint64_t seq)
{
    return nika_trusted_compare((struct nika_trusted_value){view, seq}, a->order) > 0;
}

static void add_move(struct material *a, uint32_t message, uint32_t mine)
{
    struct explore_moves *out = a->out;
    NIKA_ASSERT(out->count < EXPLORE_LIST_MAX);
    out->certified[out->count] = (uint16_t)message;
    out->next[out->count++] = explore_list_with(a->m, mine, message);
}

/* ---- orders ---- */

static uint32_t order(struct material *a, bool commit, uint64_t view, uint64_t seq,
                      const struct nika_digest *digest)
{
    struct hybster_prepare prepare = {
        .view = view, .seq = seq, .digest = *digest, .certificate = blank};
    struct hybster_commit vote = {
        .view = view, .seq = seq, .digest = *digest, .certificate = blank};
    struct nika_trusted_value to = {view, seq};
    struct nika_span frame =
        commit ? certify(a->m, a->self, &hybster_info_commit, &vote, NIKA_TRUSTED_INDEPENDENT,
                         HYBSTER_COUNTER_ORDER, a->order, to)
               : certify(a->m, a->self, &hybster_info_prepare, &prepare, NIKA_TRUSTED_INDEPENDENT,
                         HYBSTER_COUNTER_ORDER, a->order, to);
    return explore_message_add(a->m, frame);
}

/* A batch of its own at (view, seq): request seq, at a time that nobody else would choose. */
static struct nika_digest own_batch(struct explore_model *m, uint32_t self, uint64_t view,
                                    uint64_t seq)
{
    uint8_t body[512];
    struct nika_frame request;
    struct nika_digest digest;
    explore_message_frame(m, explore_request(m, (uint32_t)seq - 1), &request);
    struct nika_writer w = nika_writer_of(body, sizeof body);
    nika_write_u64(&w, UINT64_C(1000500000) + view * 1000000 + seq * 1000);
    nika_write_u32(&w, 1);
    nika_write_bytes(&w, request.raw);
    NIKA_ASSERT(!w.failed);
    struct nika_span encoded = {body, w.at};
    common_batch_body_digest(encoded, &digest);
    explore_batch_made(m, &digest, explore_frame(m, self, &common_info_batch, encoded));
    return digest;
}

static void orders(struct material *a)
{
    struct explore_model *m = a->m;
    for (uint64_t view = 0; view < m->options.views; view++) {
        bool leads = view % m->config.n == a->self;
        for (uint64_t seq = 1; seq <= EXPLORE_ORDERS; seq++) {
            if (!may_use(a, view, seq)) continue;
            uint32_t prepare = a->prepare[view][seq];
            if (leads && seq <= m->options.orders) {
                struct nika_digest digest = own_batch(m, a->self, view, seq);
                add_move(a, order(a, false, view, seq, &digest), a->mine);
            } else if (!leads && prepare != 0) {
                struct nika_digest digest = explore_batch_digest(m, m->messages[prepare - 1].value);
                add_move(a, order(a, true, view, seq, &digest), a->mine);
            }
        }
    }
}

/* ---- VIEW-CHANGE ---- */

/* The PREPAREs of a view beyond `low`, up to `last`. */
static struct nika_list history(const struct material *a, uint64_t view, uint64_t low,
                                uint64_t last, struct nika_writer *w)
{
    struct nika_list list = {0};
    for (uint64_t seq = low + 1; seq <= last; seq++) {
        struct nika_frame frame;
        explore_message_frame(a->m, a->prepare[view][seq] - 1, &frame);
        nika_frames_append(w, &list, frame.raw);
    }
    NIKA_ASSERT(!w->failed);
    return list;
}

/* The last order up to which there is one for each beyond `low`. */
static uint64_t history_end(const struct material *a, uint64_t view, uint64_t low)
{
    uint64_t last = low;
    while (last < EXPLORE_ORDERS && a->prepare[view][last + 1] != 0) last++;
    return last;
}

/* The proof that the state after `low` is stable; none is needed for the beginning. */
static struct nika_list stable_proof(const struct material *a, uint64_t low, struct nika_writer *w)
{
    struct nika_list list = {0};
    for (uint32_t i = 0; low > 0 && i < a->stable_count[low]; i++) {
        struct nika_frame frame;
        explore_message_frame(a->m, a->stable[low][i], &frame);
        nika_frames_append(w, &list, frame.raw);
    }
    NIKA_ASSERT(!w->failed);
    return list;
}

static bool may_claim(const struct material *a, uint64_t low)
{
    return low == 0 || a->stable_count[low] > 0;
}

/* The views of which its counter can still be made to say that they will never begin, true or not, or of which it said so. */
static uint32_t may_void(const struct material *a, uint64_t to)
{
    uint32_t set = a->voided;
    for (uint64_t view = 1; view < to; view++)
        if (view >= a->new_view) set |= UINT32_C(1) << view;
    return set;
}

/* Of each view of a set. Where the counter came from is known by what it has been used for. */
static void append_voids(const struct material *a, uint32_t set, struct nika_writer *w,
                         struct nika_list *list)
{
    struct nika_trusted_value from = {0, 0};
    for (uint64_t view = 1; view < EXPLORE_VIEWS; view++) {
        uint8_t content[8], bytes[NIKA_TRUSTED_CERTIFICATE_SIZE];
        struct nika_trusted_value to = {view, 1};
        struct nika_digest digest;
        if ((a->opened >> view & 1) != 0) from = (struct nika_trusted_value){view, 0};
        if ((set >> view & 1) == 0) continue;
        struct nika_writer c = nika_writer_of(content, sizeof content);
        nika_write_u64(&c, view);
        hybster_statement(&a->m->config, HYBSTER_TYPE_new_view, (struct nika_span){content, c.at},
                          &digest);
        let_certify(a->m, a->self, NIKA_TRUSTED_CONTINUING, HYBSTER_COUNTER_NEW_VIEW, from, to,
                    &digest, bytes);
        struct hybster_hop hop = {.digest = digest, .certificate = {bytes, sizeof bytes}};
        nika_list_append(w, list, &hybster_info_hop, &hop);
        from = to;
    }
}

static struct nika_list hops(const struct material *a, uint32_t shown, uint32_t voids,
                             struct nika_writer *w)
{
    struct nika_list list = {0};
    append_voids(a, voids, w, &list);
    for (uint32_t k = 0; k < a->hop_count; k++) {
        struct nika_frame frame;
        struct nika_digest digest;
        if ((shown >> k & 1) == 0) continue;
        explore_message_frame(a->m, a->hop[k], &frame);
        uint32_t content = frame.body.size - HYBSTER_CERTIFICATE_FIELD;
        hybster_statement(&a->m->config, frame.type, (struct nika_span){frame.body.data, content},
                          &digest);
        struct hybster_hop hop = {
            .digest = digest,
            .certificate = {frame.body.data + content + 4, NIKA_TRUSTED_CERTIFICATE_SIZE}};
        nika_list_append(w, &list, &hybster_info_hop, &hop);
    }
    NIKA_ASSERT(!w->failed);
    return list;
}

static struct nika_span view_change(struct material *a, uint64_t to, uint64_t from, uint64_t low,
                                    uint64_t last, uint32_t shown, uint32_t voids)
{
    static uint8_t room[3][ROOM];
    struct nika_writer p = nika_writer_of(room[0], ROOM), h = nika_writer_of(room[1], ROOM),
                       c = nika_writer_of(room[2], ROOM);
    struct hybster_view_change v = {.view = to,
                                    .from = from,
                                    .low_mark = low,
                                    .checkpoints = stable_proof(a, low, &c),
                                    .prepares = history(a, from, low, last, &p),
                                    .hops = hops(a, shown, voids, &h),
                                    .certificate = blank};
    return certify(a->m, a->self, &hybster_info_view_change, &v, NIKA_TRUSTED_CONTINUING,
                   HYBSTER_COUNTER_ORDER, a->order, (struct nika_trusted_value){to, 0});
}

/* Would a correct replica take it? That is for the real module to say, planted bugs and all. */
static bool believed(const struct material *a, struct nika_span raw)
{
    struct nika_frame frame;
    struct hybster_view_change v;
    bool good =
        nika_frame_parse(raw, a->m->config.epoch, NIKA_MESSAGE_SIZE_MAX, &frame) == NIKA_OK &&
        nika_decode(&hybster_info_view_change, frame.body, &v) == NIKA_OK;
    NIKA_ASSERT(good);
    return hybster_view_change_check(a->m->place[a->m->config.n].replica, &frame, &v) ==
           NIKA_CHECK_NONE;
}

/* Which hops prove it does not matter once it is believed; that it gives no view up for it does. */
static bool view_change_of(struct material *a, uint64_t to, uint64_t from, uint64_t low,
                           uint64_t last)
{
    uint32_t may = may_void(a, to);
    for (uint32_t voids = 0; voids <= may; voids++) {
        if ((voids & ~may) != 0) continue;
        for (uint32_t shown = 0; shown < UINT32_C(1) << a->hop_count; shown++) {
            struct nika_span frame = view_change(a, to, from, low, last, shown, voids);
            if (!believed(a, frame)) continue;
            add_move(a, explore_message_add(a->m, frame), a->mine);
            return true;
        }
    }
    return false;
}

static void view_changes(struct material *a)
{
    for (uint64_t to = 1; to < a->m->options.views; to++) {
        bool any = false;
        if (!may_use(a, to, 0)) continue;
        for (uint64_t from = 0; from < to; from++) {
            for (uint64_t low = 0; low <= EXPLORE_ORDERS; low++) {
                if (!may_claim(a, low)) continue;
                for (uint64_t last = low; last <= history_end(a, from, low); last++)
                    any = view_change_of(a, to, from, low, last) || any;
            }
        }
        if (any) continue;
        uint32_t message = explore_message_add(a->m, view_change(a, to, 0, 0, 0, 0, 0));
        a->m->messages[message].hidden = true;
        add_move(a, message, a->mine);
    }
}

/* ---- NEW-VIEW-ACK ---- */

static uint32_t ack(struct material *a, uint64_t view, uint64_t base, uint64_t low, uint64_t last)
{
    static uint8_t room[2][ROOM];
    struct nika_writer p = nika_writer_of(room[0], ROOM), c = nika_writer_of(room[1], ROOM);
    struct hybster_new_view_ack m = {.view = view,
                                     .base = base,
                                     .low_mark = low,
                                     .checkpoints = stable_proof(a, low, &c),
                                     .prepares = history(a, base, low, last, &p),
                                     .certificate = blank};
    struct nika_trusted_value none = {0, 0};
    return explore_message_add(a->m, certify(a->m, a->self, &hybster_info_new_view_ack, &m,
                                             NIKA_TRUSTED_MAC, 0, none, none));
}

/* ---- CHECKPOINT ---- */

/* The same state as a CHECKPOINT of another names. One that nobody else names would only ever stand alone. */
static uint32_t checkpoint(struct material *a, uint32_t message)
{
    struct nika_frame frame;
    struct common_checkpoint_body m;
    struct nika_trusted_value none = {0, 0};
    explore_message_frame(a->m, message, &frame);
    enum nika_err err = nika_decode(&hybster_info_checkpoint, frame.body, &m);
    NIKA_ASSERT(err == NIKA_OK);
    m.certificate = blank;
    return explore_message_add(a->m, certify(a->m, a->self, &hybster_info_checkpoint, &m,
                                             NIKA_TRUSTED_MAC, 0, none, none));
}

/* ---- NEW-VIEW ---- */

/* A choice of VIEW-CHANGEs and NEW-VIEW-ACKs, at most one a sender. */
struct choice {
    uint32_t change[NIKA_EXPLORE_REPLICAS_MAX], ack[NIKA_EXPLORE_REPLICAS_MAX]; /* Message + 1. */
    uint64_t base;
};

static struct nika_list frames(const struct material *a, const uint32_t *chosen,
                               struct nika_writer *w)
{
    struct nika_list list = {0};
    for (uint32_t i = 0; i < a->m->config.n; i++) {
        struct nika_frame frame;
        if (chosen[i] == 0) continue;
        explore_message_frame(a->m, chosen[i] - 1, &frame);
        nika_frames_append(w, &list, frame.raw);
    }
    NIKA_ASSERT(!w->failed);
    return list;
}

/* The orders that the choice demands, certified where they are not yet. False: a number has another order already, or none left. */
static bool demanded(struct material *a, uint64_t view, const struct hybster_plan *plan,
                     struct nika_list *list, struct nika_writer *w, uint32_t *mine)
{
    struct nika_trusted_value before = a->order;
    bool good = true;
    for (uint64_t seq = plan->min_seq + 1; seq <= plan->max_seq && good; seq++) {
        const struct nika_digest *digest = &plan->orders[seq - plan->min_seq - 1].digest;
        uint32_t known = a->prepare[view][seq];
        if (known == 0) {
            good = may_use(a, view, seq);
            if (!good) break;
            known = order(a, false, view, seq, digest) + 1;
            a->order = (struct nika_trusted_value){view, seq};
        }
        struct nika_digest held = explore_batch_digest(a->m, a->m->messages[known - 1].value);
        struct nika_frame frame;
        good = nika_digest_equal(&held, digest);
        explore_message_frame(a->m, known - 1, &frame);
        nika_frames_append(w, list, frame.raw);
        *mine = explore_list_with(a->m, *mine, known - 1);
    }
    a->order = before;
    return good;
}

static bool new_view_believed(const struct material *a, struct nika_span raw)
{
    static struct hybster_plan plan;
    struct nika_frame frame;
    struct hybster_new_view v;
    bool good =
        nika_frame_parse(raw, a->m->config.epoch, NIKA_MESSAGE_SIZE_MAX, &frame) == NIKA_OK &&
        nika_decode(&hybster_info_new_view, frame.body, &v) == NIKA_OK;
    NIKA_ASSERT(good);
    return hybster_new_view_check(a->m->place[a->m->config.n].replica, &frame, &v, &plan) ==
           NIKA_CHECK_NONE;
}

static void new_view(struct material *a, uint64_t view, const struct choice *c)
{
    static uint8_t room[3][ROOM];
    static struct hybster_plan plan;
    struct nika_writer v = nika_writer_of(room[0], ROOM), k = nika_writer_of(room[1], ROOM),
                       p = nika_writer_of(room[2], ROOM);
    struct hybster_new_view m = {.view = view,
                                 .base = c->base,
                                 .view_changes = frames(a, c->change, &v),
                                 .acks = frames(a, c->ack, &k),
                                 .certificate = blank};
    uint32_t mine = a->mine;
    if (!hybster_plan_compute(a->m->place[a->m->config.n].replica, &m.view_changes, &m.acks, m.base,
                              &plan) ||
        !demanded(a, view, &plan, &m.prepares, &p, &mine))
        return;
    struct nika_trusted_value from = {a->new_view, 0}, to = {view, 0};
    struct nika_span frame = certify(a->m, a->self, &hybster_info_new_view, &m,
                                     NIKA_TRUSTED_INDEPENDENT, HYBSTER_COUNTER_NEW_VIEW, from, to);
    if (!new_view_believed(a, frame)) return;
    /* The same orders from other proofs make no difference to whoever believes both. */
    for (uint32_t i = 0; i < a->out->count; i++) {
        const struct explore_message *other = &a->m->messages[a->out->certified[i]];
        bool same = other->type == HYBSTER_TYPE_new_view && other->view == view;
        if (same && a->carried[i] == mine && a->carried_min[i] == plan.min_seq) return;
    }
    a->carried_min[a->out->count] = plan.min_seq;
    a->carried[a->out->count] = mine;
    add_move(a, explore_message_add(a->m, frame), mine);
}

/* The view that a VIEW-CHANGE or NEW-VIEW-ACK builds upon: its third field. */
static uint64_t base_of(const struct material *a, uint32_t message)
{
    struct nika_frame frame;
    explore_message_frame(a->m, message, &frame);
    return nika_load_le(frame.body.data + 16, 8);
}

static void choose(struct material *a, uint64_t view, struct choice *c, uint32_t sender);

/* With each message of this type by `sender` for `view` in turn, or with none. */
static void choose_ack(struct material *a, uint64_t view, struct choice *c, uint32_t sender)
{
    uint32_t count = 0;
    c->ack[sender] = 0;
    choose(a, view, c, sender + 1);
    for (uint32_t i = 0;; i++) {
        const uint16_t *ids = explore_list_at(a->m, a->all, &count);
        if (i >= count) break;
        const struct explore_message *message = &a->m->messages[ids[i]];
        if (message->type != HYBSTER_TYPE_new_view_ack || message->sender != sender ||
            message->view != view)
            continue;
        c->ack[sender] = ids[i] + 1u;
        choose(a, view, c, sender + 1);
    }
    c->ack[sender] = 0;
}

static void choose(struct material *a, uint64_t view, struct choice *c, uint32_t sender)
{
    uint32_t count = 0;
    if (sender == a->m->config.n) {
        bool any = false;
        c->base = 0;
        for (uint32_t i = 0; i < sender; i++) {
            any = any || c->change[i] != 0;
            if (c->change[i] != 0 && base_of(a, c->change[i] - 1) > c->base)
                c->base = base_of(a, c->change[i] - 1);
        }
        for (uint32_t i = 0; i < sender; i++) {
            if (c->ack[i] != 0 && base_of(a, c->ack[i] - 1) != c->base) return;
        }
        if (any) new_view(a, view, c);
        return;
    }
    c->change[sender] = 0;
    choose_ack(a, view, c, sender);
    for (uint32_t i = 0;; i++) {
        const uint16_t *ids = explore_list_at(a->m, a->all, &count);
        if (i >= count) break;
        const struct explore_message *message = &a->m->messages[ids[i]];
        if (message->type != HYBSTER_TYPE_view_change || message->sender != sender ||
            message->view != view || message->hidden)
            continue;
        c->change[sender] = ids[i] + 1u;
        choose_ack(a, view, c, sender);
    }
    c->change[sender] = 0;
}

/* ---- all of it ---- */

/* Do these two vouch for one state? */
static bool same_state(const struct explore_model *m, uint32_t one, uint32_t other)
{
    struct nika_summary s[2];
    const uint32_t ids[] = {one, other};
    for (uint32_t i = 0; i < 2; i++) {
        struct nika_frame frame;
        explore_message_frame(m, ids[i], &frame);
        m->ops->describe(frame.type, frame.body, &s[i]);
    }
    return s[0].seq == s[1].seq && nika_digest_equal(&s[0].digest, &s[1].digest);
}

/* The CHECKPOINTs of this state by `first` and by later senders, if there are enough of them. */
static void note_stable(struct material *a, const uint16_t *ids, uint32_t count, uint32_t first)
{
    const struct explore_model *m = a->m;
    uint32_t chosen[NIKA_EXPLORE_REPLICAS_MAX], found = 0, weak = m->config.f + 1;
    uint64_t seq = m->messages[first].seq;
    for (uint32_t sender = m->messages[first].sender; sender < m->config.n; sender++) {
        for (uint32_t i = 0; i < count && found < weak; i++) {
            const struct explore_message *other = &m->messages[ids[i]];
            if (other->type != HYBSTER_TYPE_checkpoint || other->sender != sender ||
                !same_state(m, first, ids[i]))
                continue;
            chosen[found++] = ids[i];
            break;
        }
    }
    if (found < weak || a->stable_count[seq] != 0) return;
    memcpy(a->stable[seq], chosen, found * sizeof *chosen);
    a->stable_count[seq] = found;
}

static void gather(struct material *a)
{
    uint32_t count = 0;
    const uint16_t *ids = explore_list_at(a->m, a->all, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct explore_message *message = &a->m->messages[ids[i]];
        NIKA_ASSERT(message->type != HYBSTER_TYPE_prepare || message->view < EXPLORE_VIEWS);
        if (message->type == HYBSTER_TYPE_prepare)
            a->prepare[message->view][message->seq] = ids[i] + 1u;
        if (message->type == HYBSTER_TYPE_checkpoint) note_stable(a, ids, count, ids[i]);
    }
    ids = explore_list_at(a->m, a->mine, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct explore_message *message = &a->m->messages[ids[i]];
        advance(a, ids[i]);
        if (message->type != HYBSTER_TYPE_view_change) continue;
        uint32_t at = a->hop_count++;
        for (; at > 0 && a->m->messages[a->hop[at - 1]].view > message->view; at--)
            a->hop[at] = a->hop[at - 1];
        a->hop[at] = ids[i];
    }
}

void explore_lies(struct explore_model *m, uint32_t mine, uint32_t all, struct explore_moves *out)
{
    struct material a = {
        .m = m, .self = m->options.corrupted, .mine = mine, .all = all, .out = out};
    out->count = 0;
    gather(&a);
    orders(&a);
    view_changes(&a);
    for (uint64_t view = 1; view < m->options.views; view++) {
        struct choice c = {0};
        if (view % m->config.n == a.self && view > a.new_view) choose(&a, view, &c, 0);
    }
}

static void proof(struct material *a, const struct explore_message *prepare, uint32_t prepare_id,
                  uint16_t *ids, uint32_t *total)
{
    static uint8_t room[ROOM], body[ROOM];
    struct explore_model *m = a->m;
    struct nika_frame frame;
    struct hybster_commit_cert cert = {0};
    struct nika_writer w = nika_writer_of(room, ROOM), b = nika_writer_of(body, ROOM);
    uint32_t count = 0, need = m->config.n / 2;
    uint64_t view = prepare->view, seq = prepare->seq;
    uint32_t value = prepare->value;
    const uint16_t *all = explore_list_at(m, a->all, &count);
    for (uint32_t i = 0; i < count && cert.commits.count < need; i++) {
        const struct explore_message *vote = &m->messages[all[i]];
        if (vote->type != HYBSTER_TYPE_commit || vote->view != view || vote->seq != seq ||
            vote->value != value)
            continue;
        explore_message_frame(m, all[i], &frame);
        nika_frames_append(&w, &cert.commits, frame.raw);
    }
    if (cert.commits.count < need) return;
    explore_message_frame(m, prepare_id, &frame);
    cert.prepare = frame.raw;
    nika_encode(&hybster_info_commit_cert, &cert, &b);
    NIKA_ASSERT(!w.failed && !b.failed && *total < EXPLORE_LIST_MAX);
    uint32_t shower = a->self == NIKA_NODE_NONE ? 0 : a->self;
    ids[(*total)++] = (uint16_t)explore_message_add(
        m, explore_frame(m, shower, &hybster_info_commit_cert, (struct nika_span){body, b.at}));
}

/* The corrupted replica's own CHECKPOINTs: they need no counter. */
static uint32_t with_checkpoints(struct explore_model *m, uint32_t all)
{
    uint16_t ids[EXPLORE_LIST_MAX];
    uint32_t count = 0, total = 0;
    struct material a = {.m = m, .self = m->options.corrupted};
    if (a.self == NIKA_NODE_NONE || m->options.checkpoint == 0) return all;
    for (uint32_t i = 0;; i++) {
        const uint16_t *known = explore_list_at(m, all, &count);
        if (i >= count) break;
        const struct explore_message *message = &m->messages[known[i]];
        if (message->type != HYBSTER_TYPE_checkpoint || message->sender == a.self) continue;
        ids[total++] = (uint16_t)checkpoint(&a, known[i]);
    }
    return explore_list_join(m, all, explore_list_add(m, ids, total));
}

static void acks(struct material *a, uint64_t view, uint16_t *ids, uint32_t *total)
{
    for (uint64_t base = 1; base < view && a->self != NIKA_NODE_NONE; base++) {
        for (uint64_t low = 0; low <= EXPLORE_ORDERS; low++) {
            if (!may_claim(a, low)) continue;
            for (uint64_t last = low; last <= history_end(a, base, low); last++) {
                NIKA_ASSERT(*total < EXPLORE_LIST_MAX);
                ids[(*total)++] = (uint16_t)ack(a, view, base, low, last);
            }
        }
    }
}

uint32_t explore_free_messages(struct explore_model *m, uint32_t all)
{
    uint16_t ids[EXPLORE_LIST_MAX];
    uint32_t total = 0, none = explore_list_add(m, ids, 0);
    all = with_checkpoints(m, all);
    struct material a = {.m = m, .self = m->options.corrupted, .mine = none, .all = all};
    gather(&a);
    for (uint64_t view = 0; view < m->options.views; view++) {
        for (uint64_t seq = 1; seq <= EXPLORE_ORDERS; seq++) {
            uint32_t id = a.prepare[view][seq];
            if (!m->options.certificates || id == 0) continue;
            struct explore_message prepare = m->messages[id - 1];
            proof(&a, &prepare, id - 1, ids, &total);
        }
        acks(&a, view, ids, &total);
    }
    return explore_list_join(m, all, explore_list_add(m, ids, total));
}
