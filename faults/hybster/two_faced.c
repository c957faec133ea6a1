/* faults/hybster/two_faced.c: a corrupted leader of Hybster gives one number to two batches (PROTOCOLS.md 2.8 TS5, H1, H4): with whatever other
 * certificate its trusted subsystem makes for the second one, or, out of model, with that of a trusted subsystem that was cloned, set back, made
 * anew or robbed of its key (TS3). */
#include "engine/core/digest.h"
#include "faults/hybster/liar.h"
#include "faults/support.h"

enum { PARAM_SPLIT, PARAM_SKIP, PARAM_KIND, PARAM_COUNT };
enum { KIND_INDEPENDENT, KIND_CONTINUING, KIND_MAC, KIND_RELABELLED, KIND_COUNT };
static const char *const kind_names[] = {"independent", "continuing", "mac", "relabelled", NULL};
static const struct nika_fault_param params[PARAM_COUNT] = {
    FAULT_PARAM_SPLIT("Replicas with this index or above get the other batch.", 2),
    {.name = "skip",
     .doc = "Orders with lower numbers stay as they are.",
     .low = 0,
     .high = 1000000,
     .fallback = 0},
    {.name = "kind",
     .doc = "Certificate of the second order; relabelled: a continuing one that says independent.",
     .low = 0,
     .high = KIND_COUNT - 1,
     .fallback = KIND_INDEPENDENT,
     .names = kind_names},
};
enum { TRUSTED_EPOCH = PARAM_KIND, TRUSTED_BY, TRUSTED_COUNT };
enum { BY_CLONE, BY_ROLLBACK, BY_RESET, BY_KEY_LEAK, BY_COUNT };
static const char *const by_names[] = {"clone", "rollback", "reset", "key-leak", NULL};
static const struct nika_fault_param trusted_params[TRUSTED_COUNT] = {
    FAULT_PARAM_SPLIT("Replicas with this index or above get the other batch.", 2),
    {.name = "skip",
     .doc = "Orders with lower numbers stay as they are.",
     .low = 0,
     .high = 1000000,
     .fallback = 0},
    {.name = "epoch",
     .doc = "How many epochs after the registered one a clone is, or what is forged.",
     .low = 0,
     .high = 1000,
     .fallback = 0},
    {.name = "by",
     .doc = "What is wrong with the trusted subsystem that certifies the second order, too.",
     .low = 0,
     .high = BY_COUNT - 1,
     .fallback = BY_CLONE,
     .names = by_names},
};

#define ENTRIES_MAX 32u
#define FRAME_MAX 192u
/* An order for whose batch the other side waits. */
struct entry {
    struct nika_digest digest;
    uint64_t view, seq;
    uint32_t honest_size, other_size;
    bool refused;
    uint8_t honest[FRAME_MAX], other[FRAME_MAX];
};
struct state {
    uint32_t next;
    struct entry entries[ENTRIES_MAX];
    /* trusted-equivocate: the clone, or the instance as it is put back; and where each counter was before its last step. */
    struct nika_trusted_instance second;
    struct nika_trusted_counter before[NIKA_TRUSTED_COUNTERS_MAX];
    uint32_t replica;
};

static struct entry *find(struct state *s, const struct nika_digest *digest)
{
    for (uint32_t i = 0; i < ENTRIES_MAX; i++) {
        if (s->entries[i].honest_size != 0 && nika_digest_equal(&s->entries[i].digest, digest))
            return &s->entries[i];
    }
    return NULL;
}

static void body_digest(struct nika_span body, struct nika_digest *out)
{
    static const uint8_t tag[] = {'B', 'A', 'T', 'C', 'H'};
    struct nika_span parts[] = {{tag, sizeof tag}, body};
    nika_sha256(parts, ARRAY_COUNT(parts), out);
}

static bool other_side(const struct nika_fault *fault, const struct nika_outgoing *out)
{
    return !nika_is_client(out->to) && fault_other_side(out->to, fault->params[PARAM_SPLIT]);
}

/* The other side learns of the order together with its batch. */
static void on_prepare(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct state *s = fault->state;
    struct hybster_prepare m = {0};
    if (!fault_decode(fault, out, &hybster_info_prepare, &m) || out->size > FRAME_MAX) return;
    if (m.seq <= fault->params[PARAM_SKIP] || nika_digest_is_null(&m.digest)) return;
    struct entry *e = find(s, &m.digest);
    if (e == NULL) {
        e = &s->entries[s->next++ % ENTRIES_MAX];
        *e = (struct entry){
            .digest = m.digest, .view = m.view, .seq = m.seq, .honest_size = out->size};
        memcpy(e->honest, out->bytes, out->size);
    }
    if (!other_side(fault, out) || e->refused) return;
    out->drop = true;
}

static enum nika_err clone_certify(struct nika_fault *fault, uint32_t replica,
                                   struct liar_seal seal, const struct nika_digest *digest,
                                   struct nika_trusted_certificate *out)
{
    struct state *s = fault->state;
    if (s->second.epoch == 0 || s->replica != replica)
        nika_trusted_instance_init(&s->second, replica,
                                   NIKA_TRUSTED_EPOCH + fault->params[TRUSTED_EPOCH],
                                   NIKA_TRUSTED_COUNTERS_MAX);
    s->replica = replica;
    return fault->host->trusted_clone(fault->host->world, fault, &s->second, seal.kind,
                                      seal.counter, seal.value, digest, out);
}

/* The one instance that there is, as it was before, or as it is made. */
static enum nika_err put_back_and_certify(struct nika_fault *fault, uint32_t replica,
                                          struct liar_seal seal, const struct nika_digest *digest,
                                          struct nika_trusted_certificate *out)
{
    struct state *s = fault->state;
    const struct nika_fault_host *host = fault->host;
    host->trusted_copy(host->world, fault, replica, &s->second);
    if (fault->params[TRUSTED_BY] == BY_RESET)
        nika_trusted_instance_init(&s->second, s->second.id, s->second.epoch, s->second.counters);
    else
        s->second.counter[seal.counter] = s->before[seal.counter];
    host->trusted_put(host->world, fault, replica, &s->second);
    return host->trusted_certify(host->world, replica, seal.kind, seal.counter, seal.value, digest,
                                 out);
}

static enum nika_err second_certify(void *world, uint32_t replica, enum nika_trusted_kind kind,
                                    uint32_t counter, struct nika_trusted_value value,
                                    const struct nika_digest *digest,
                                    struct nika_trusted_certificate *out)
{
    struct nika_fault *fault = world;
    struct liar_seal seal = {.kind = kind, .counter = counter, .value = value};
    uint64_t by = fault->params[TRUSTED_BY];
    if (by == BY_CLONE) return clone_certify(fault, replica, seal, digest, out);
    if (by != BY_KEY_LEAK) return put_back_and_certify(fault, replica, seal, digest, out);
    memset(out, 0, sizeof *out);
    out->kind = (uint8_t)kind;
    out->instance = replica;
    out->epoch = NIKA_TRUSTED_EPOCH + fault->params[TRUSTED_EPOCH];
    out->counter = counter;
    out->value = value;
    fault->host->trusted_forge(fault->host->world, fault, out, digest);
    return NIKA_OK;
}

static enum nika_err on_trusted(struct nika_fault *fault, uint32_t replica,
                                struct nika_trusted_call *call)
{
    struct state *s = fault->state;
    const struct nika_fault_host *host = fault->host;
    if (call->after || call->operation != NIKA_TRUSTED_CERTIFY || call->kind == NIKA_TRUSTED_MAC ||
        call->counter >= NIKA_TRUSTED_COUNTERS_MAX || fault->params[TRUSTED_BY] != BY_ROLLBACK)
        return NIKA_OK;
    host->trusted_copy(host->world, fault, replica, &s->second);
    s->before[call->counter] = s->second.counter[call->counter];
    return NIKA_OK;
}

static struct nika_span certify(struct nika_fault *fault, uint32_t replica, const struct entry *e,
                                const struct nika_digest *digest, struct nika_writer *w)
{
    struct liar liar = {fault->host->config, fault->host->world, replica,
                        fault->host->trusted_certify};
    struct liar_seal seal = {.kind = NIKA_TRUSTED_INDEPENDENT,
                             .counter = liar_order_counter(fault->host->config, e->seq),
                             .value = {e->view, e->seq}};
    if (fault->ops->fault_class == NIKA_FAULT_TRUSTED) {
        liar.world = fault;
        liar.certify = second_certify;
    } else if (fault->params[PARAM_KIND] == KIND_MAC) {
        seal.kind = NIKA_TRUSTED_MAC;
    } else if (fault->params[PARAM_KIND] != KIND_INDEPENDENT) {
        seal.kind = NIKA_TRUSTED_CONTINUING;
        seal.relabel = fault->params[PARAM_KIND] == KIND_RELABELLED;
    }
    return liar_order(&liar, HYBSTER_TYPE_prepare, e->view, e->seq, digest, seal, w);
}

/* The same requests at another agreed time. */
static void on_batch(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct state *s = fault->state;
    struct nika_frame frame;
    struct common_batch batch = {0};
    struct nika_digest digest, other;
    uint8_t encoded[FAULT_SCRATCH_SIZE];
    struct nika_writer w = nika_writer_of(encoded, sizeof encoded);
    if (!other_side(fault, out) || !fault_open(fault, out, &frame) ||
        !fault_decode(fault, out, &common_info_batch, &batch))
        return;
    body_digest(frame.body, &digest);
    struct entry *e = find(s, &digest);
    if (e == NULL || e->refused) return;
    batch.time_ns++;
    nika_encode(&common_info_batch, &batch, &w);
    if (w.failed) return;
    struct nika_span body = {encoded, w.at};
    body_digest(body, &other);
    if (e->other_size == 0) {
        struct nika_writer room = nika_writer_of(e->other, sizeof e->other);
        e->other_size = certify(fault, out->from, e, &other, &room).size;
        e->refused = e->other_size == 0;
        nika_fault_acted(fault, out->from);
    }
    /* H1: a working trusted subsystem does not do it. Then everybody gets the one that there is. */
    struct nika_span order = {e->refused ? e->honest : e->other,
                              e->refused ? e->honest_size : e->other_size};
    fault->host->inject_raw(fault->host->world, out->from, out->to, order);
    if (!e->refused && fault->host->resign(fault->host->world, out, out->type, body) == NIKA_OK)
        out->changed = true;
}

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    if (out->type == HYBSTER_TYPE_prepare) on_prepare(fault, out);
    if (out->type == COMMON_TYPE_batch) on_batch(fault, out);
}

const struct nika_fault_ops nika_fault_two_faced = {
    .name = "two-faced",
    .doc = "A corrupted leader of Hybster tries to give one number to two batches.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .on_send = on_send,
};

const struct nika_fault_ops nika_fault_trusted_equivocate = {
    .name = "trusted-equivocate",
    .doc = "A corrupted leader of Hybster gives one number to two batches, by a trusted subsystem "
           "that certifies both.",
    .fault_class = NIKA_FAULT_TRUSTED,
    .params = trusted_params,
    .param_count = TRUSTED_COUNT,
    .state_size = sizeof(struct state),
    .on_send = on_send,
    .on_trusted = on_trusted,
};
