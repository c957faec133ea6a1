/* engine/oracle/linearizability.c: O5: replicas and clients see the results of one sequential execution in the agreed order, and that
 * order respects real time (PROTOCOLS.md 1.16; ATTACKS.md 9, O-LIN).
 *
 * This half judges ordered operations. Each new sequence number is run once on the model; every replica's results and every
 * completion must equal the model's. */
#include "engine/oracle/linearizability.h"

uint8_t *linearizability_at(struct linearizability *o, size_t offset)
{
    return (uint8_t *)o + offset;
}
struct client_view *linearizability_client(struct linearizability *o, uint32_t client)
{
    return (struct client_view *)(void *)linearizability_at(o, oracle_align(sizeof *o)) + client;
}

static void layout(struct linearizability *o, const struct nika_oracle_setup *setup)
{
    const struct nika_config *c = setup->config;
    o->setup = setup;
    o->clients = c->clients;
    o->reads = c->read_only;
    o->ring_count = oracle_ring_count(c);
    o->reply_max = c->reply_size_max;
    size_t app_size = oracle_align(setup->app_ops->size(c));
    o->ring_offset =
        oracle_align(sizeof *o) + oracle_align(c->clients * sizeof(struct client_view));
    o->reply_offset = o->ring_offset + oracle_align(o->ring_count * sizeof(struct model_results));
    o->model_offset = o->reply_offset + oracle_align(o->reply_max);
    o->end_offset = o->model_offset + app_size;
    if (!o->reads) return;
    o->lag_offset = o->end_offset;
    o->reads_offset = o->lag_offset + app_size;
    o->log_offset = o->reads_offset + oracle_align(LINEARIZABILITY_READS * sizeof(struct read_job));
    o->end_offset = o->log_offset + LINEARIZABILITY_LOG;
}

static size_t linearizability_size(const struct nika_oracle_setup *setup)
{
    if (setup->app_ops == NULL) return sizeof(struct linearizability);
    struct linearizability o = {0};
    layout(&o, setup);
    return o.end_offset;
}
static size_t linearizability_used(const void *state)
{
    const struct linearizability *o = state;
    if (o->model == NULL) return sizeof *o;
    if (o->reads) return o->log_offset + o->log_peak;
    return o->model_offset + o->setup->app_ops->used(o->model);
}
static void linearizability_init(void *state, const struct nika_oracle_setup *setup)
{
    struct linearizability *o = state;
    if (setup->app_ops == NULL) return;
    layout(o, setup);
    o->model = setup->app_ops->init(linearizability_at(o, o->model_offset), setup->config,
                                    setup->app_param);
    if (!o->reads) return;
    o->lagging =
        setup->app_ops->init(linearizability_at(o, o->lag_offset), setup->config, setup->app_param);
}

static struct model_results *results_at(struct linearizability *o, uint64_t seq)
{
    struct model_results *ring =
        (struct model_results *)(void *)linearizability_at(o, o->ring_offset);
    return &ring[seq & (o->ring_count - 1)];
}

uint64_t linearizability_run(struct linearizability *o, struct nika_app *app,
                             const struct oracle_execute *x, bool history)
{
    uint8_t *reply = linearizability_at(o, o->reply_offset);
    uint64_t hash = 0;
    struct oracle_effect e;
    for (uint32_t at = 0; oracle_execute_next(x, &at, &e);) {
        struct nika_op op = {.client = e.client, .timestamp = e.timestamp, .bytes = e.op};
        uint32_t size = o->setup->app_ops->execute(app, &op, x->time_ns, reply, o->reply_max);
        uint64_t result_hash = nika_hash64(reply, size, 0);
        hash = linearizability_chain(hash, result_hash);
        if (!history || e.client >= o->clients) continue;
        struct client_view *c = linearizability_client(o, e.client);
        c->effects[c->next] = (struct model_effect){.seq = x->seq,
                                                    .op_hash = nika_hash64(e.op.data, e.op.size, 0),
                                                    .result_hash = result_hash};
        c->next = (c->next + 1) % LINEARIZABILITY_HISTORY;
    }
    return hash;
}

/* The same chain over the results that a replica's application gave. */
static uint64_t hash_results(struct nika_span results)
{
    struct nika_reader r = nika_reader_of(results);
    uint32_t count = nika_read_u32(&r);
    uint64_t hash = 0;
    for (uint32_t i = 0; i < count && !r.failed; i++) {
        struct nika_span result = nika_read_bytes(&r, NIKA_REPLY_SIZE_MAX);
        uint64_t result_hash = nika_hash64(result.data, result.size, 0);
        hash = linearizability_chain(hash, result_hash);
    }
    return r.failed ? ~hash : hash;
}

static void on_executed(struct linearizability *o, const struct nika_tap *tap)
{
    struct oracle_execute x;
    if (o->broken || !oracle_execute_parse(tap->bytes, &x)) return;
    struct model_results *m = results_at(o, tap->a);
    if (tap->a > o->high) {
        if (tap->a != o->high + 1) {
            o->broken =
                true; /* Nobody correct executed what lies between: there is no model state. */
            return;
        }
        o->high = tap->a;
        uint64_t hash = linearizability_run(o, o->model, &x, true);
        *m = (struct model_results){.seq = tap->a, .hash = hash, .effects = x.effects_hash};
        if (o->reads) linearizability_log(o, tap);
    }
    if (m->seq != tap->a || m->effects != x.effects_hash)
        return;               /* Evicted, or O1's and O3's business. */
    if (x.count == 0) return; /* The null batch has no results. */
    uint64_t hash = hash_results(tap->results);
    if (hash == m->hash) return;
    nika_oracle_report(o, tap, tap->node, NIKA_NODE_NONE, tap->a,
                       "replica %" PRIu32 " got results %08" PRIx32 " at seq %" PRIu64
                       " (digest %08" PRIx32 ") where one sequential execution gives %08" PRIx32,
                       tap->node, oracle_hex8(hash), tap->a,
                       oracle_hex8(oracle_fingerprint(&x.digest)), oracle_hex8(m->hash));
}

static void on_invoked(struct linearizability *o, const struct nika_tap *tap, struct client_view *c)
{
    c->invoked = true;
    c->token = tap->token;
    c->op_hash = nika_hash64(tap->bytes.data, tap->bytes.size, 0);
    c->floor = o->completed;
    c->flags = tap->b;
    if (o->reads && (tap->b & NIKA_OP_READ_ONLY) != 0) {
        linearizability_read_invoked(o, tap, nika_client_index(tap->node));
    }
}

static const struct model_effect *find_effect(const struct client_view *c, uint64_t seq)
{
    for (uint32_t i = 1; i <= LINEARIZABILITY_HISTORY; i++) {
        const struct model_effect *e =
            &c->effects[(c->next + LINEARIZABILITY_HISTORY - i) % LINEARIZABILITY_HISTORY];
        if (e->seq != 0 && e->op_hash == c->op_hash && (seq == 0 || e->seq == seq)) return e;
    }
    return NULL;
}

static void judge_ordered(struct linearizability *o, const struct nika_tap *tap,
                          const struct client_view *c, const struct model_effect *e)
{
    uint32_t client = nika_client_index(tap->node);
    uint64_t result_hash = nika_hash64(tap->bytes.data, tap->bytes.size, 0);
    if (e == NULL) {
        nika_oracle_report(o, tap, tap->node, NIKA_NODE_NONE, tap->a,
                           "client %" PRIu32 " completed operation %" PRIu64 " at seq %" PRIu64
                           ", where no correct replica executed it",
                           client, tap->token, tap->a);
    } else if (e->result_hash != result_hash) {
        nika_oracle_report(o, tap, tap->node, NIKA_NODE_NONE, e->seq,
                           "client %" PRIu32 " got result %08" PRIx32 " for operation %" PRIu64
                           " at seq %" PRIu64 " where one sequential execution gives %08" PRIx32,
                           client, oracle_hex8(result_hash), tap->token, e->seq,
                           oracle_hex8(e->result_hash));
    } else if (e->seq <= c->floor) {
        nika_oracle_report(o, tap, tap->node, NIKA_NODE_NONE, e->seq,
                           "client %" PRIu32 " completed operation %" PRIu64 " at seq %" PRIu64
                           ", but seq %" PRIu64 " had completed before it was invoked",
                           client, tap->token, e->seq, c->floor);
    }
}

static void on_completed(struct linearizability *o, const struct nika_tap *tap,
                         struct client_view *c)
{
    if (!c->invoked || c->token != tap->token) return;
    c->invoked = false;
    if (o->broken) return;
    const struct model_effect *e = find_effect(c, tap->a);
    uint64_t result_hash = nika_hash64(tap->bytes.data, tap->bytes.size, 0);
    if (o->reads && (c->flags & NIKA_OP_READ_ONLY) != 0) {
        /* A read may have fallen back to ordering; only its own fresh effect with this very result shows that. */
        if (e == NULL || e->seq <= c->floor || e->result_hash != result_hash) {
            linearizability_read_completed(o, tap, nika_client_index(tap->node));
            return;
        }
        linearizability_read_cancel(o, nika_client_index(tap->node), tap->token);
    }
    judge_ordered(o, tap, c, e);
    if (e != NULL && e->seq > o->completed) o->completed = e->seq;
    if (o->reads) linearizability_advance(o, tap, o->completed);
}

static void linearizability_on_tap(void *state, const struct nika_tap *tap)
{
    struct linearizability *o = state;
    if (o->model == NULL) return;
    if (tap->kind == NIKA_TAP_EXECUTED) {
        on_executed(o, tap);
        return;
    }
    if (!nika_is_client(tap->node)) return;
    struct client_view *c = linearizability_client(o, nika_client_index(tap->node));
    if (tap->kind == NIKA_TAP_INVOKED) {
        on_invoked(o, tap, c);
    } else {
        on_completed(o, tap, c);
    }
}

static void linearizability_finish(void *state, uint64_t now_ns)
{
    struct linearizability *o = state;
    struct nika_tap at = {.node = NIKA_NODE_NONE, .now_ns = now_ns};
    if (o->model != NULL && o->reads && !o->broken) linearizability_advance(o, &at, o->high);
}

const struct nika_oracle_ops oracle_linearizability = {
    .id = "O5",
    .name = "linearizability",
    .doc =
        "Replicas and clients see the results of one sequential execution that respects real time.",
    .property_class = NIKA_PROPERTY_SAFETY,
    .mask = NIKA_TAP_BIT(NIKA_TAP_EXECUTED) | NIKA_TAP_BIT(NIKA_TAP_INVOKED) |
            NIKA_TAP_BIT(NIKA_TAP_COMPLETED),
    .size = linearizability_size,
    .used = linearizability_used,
    .init = linearizability_init,
    .on_tap = linearizability_on_tap,
    .finish = linearizability_finish,
};
