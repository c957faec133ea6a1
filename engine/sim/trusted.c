/* engine/sim/trusted.c: the trusted instances of a simulated group (PROTOCOLS.md 2.8, TS1-TS4).
 *
 * The engine owns one instance per replica in a segment of its own: a crash, an amnesiac restart or a Byzantine behaviour cannot touch
 * it. The key lies outside the arena, since no run changes it. Every certificate is recorded and shown to whoever watches. */
#include "engine/sim/internal.h"

bool sim_trusted_open(struct nika_world *w)
{
    w->trusted_key = nika_trusted_key_of(w->options.keyring);
    for (uint32_t i = 0; i < NIKA_REPLICAS_MAX; i++) w->trusted_epochs[i] = NIKA_TRUSTED_EPOCH;
    return w->trusted_key != NULL;
}

void sim_trusted_reset(struct nika_world *w)
{
    for (uint32_t i = 0; i < w->options.config.n; i++)
        nika_trusted_instance_init(w->trusted[i], i, NIKA_TRUSTED_EPOCH, NIKA_TRUSTED_COUNTERS_MAX);
}

/* TS4: whoever made it and however, each certificate that exists is seen. */
static void show(struct nika_world *w, const struct nika_trusted_certificate *c,
                 const struct nika_digest *digest)
{
    sim_record(w, 0x700u + c->kind, c->instance, c->value.view,
               c->value.order ^ (uint64_t)c->counter << 56,
               nika_hash64(digest->bytes, sizeof digest->bytes, c->previous.order));
    if (!sim_wants(w, NIKA_TAP_TRUSTED)) return;
    struct nika_tap tap = {.kind = NIKA_TAP_TRUSTED,
                           .node = c->instance,
                           .to = NIKA_NODE_NONE,
                           .a = c->counter,
                           .b = c->kind,
                           .digest = digest,
                           .certificate = c};
    sim_tap(w, &tap);
}

/* One side of a call: what faults make of it, and its cost. */
static enum nika_err disturb(struct nika_world *w, uint32_t self, struct nika_trusted_call *call)
{
    struct sim_node *node = &w->node[sim_caller(w, self)];
    if (!call->after && !w->free_cpu) node->cost += w->options.cpu.trusted_ns;
    /* A process that is already dead calls nobody. */
    if (node->doomed) return NIKA_ERR_IO;
    call->delay_ns = 0;
    enum nika_err err = sim_fault_on_trusted(w, self, call);
    node->cost += call->delay_ns;
    if (call->crash) node->doomed = true;
    return node->doomed ? NIKA_ERR_IO : err;
}

static enum nika_err certify(void *world, uint32_t self, enum nika_trusted_kind kind,
                             uint32_t counter, struct nika_trusted_value value,
                             const struct nika_digest *digest, struct nika_trusted_certificate *out)
{
    struct nika_world *w = world;
    struct nika_trusted_call call = {.operation = NIKA_TRUSTED_CERTIFY,
                                     .kind = (uint8_t)kind,
                                     .counter = counter,
                                     .value = value};
    enum nika_err err = disturb(w, self, &call);
    if (err != NIKA_OK) return err;
    err = nika_trusted_certify(w->trusted[self], w->trusted_key, kind, counter, value, digest, out);
    if (err != NIKA_OK) return err;
    show(w, out, digest);
    call.after = true;
    (void)disturb(w, self, &call);
    return w->node[sim_caller(w, self)].doomed ? NIKA_ERR_IO : NIKA_OK;
}

static bool verify(void *world, uint32_t self, const struct nika_trusted_certificate *certificate,
                   const struct nika_digest *digest)
{
    struct nika_world *w = world;
    struct nika_trusted_call call = {.operation = NIKA_TRUSTED_VERIFY,
                                     .kind = certificate->kind,
                                     .counter = certificate->counter};
    if (disturb(w, self, &call) != NIKA_OK) return false;
    return nika_trusted_verify(w->trusted_key, w->trusted_epochs, w->options.config.n, certificate,
                               digest);
}

static enum nika_err read(void *world, uint32_t self, uint32_t counter,
                          struct nika_trusted_value *value, uint64_t *epoch)
{
    struct nika_world *w = world;
    struct nika_trusted_call call = {.operation = NIKA_TRUSTED_READ, .counter = counter};
    enum nika_err err = disturb(w, self, &call);
    return err != NIKA_OK ? err : nika_trusted_read(w->trusted[self], counter, value, epoch);
}

static enum nika_err reissue(void *world, uint32_t self, uint32_t counter,
                             struct nika_trusted_certificate *out, struct nika_digest *digest)
{
    struct nika_world *w = world;
    struct nika_trusted_call call = {.operation = NIKA_TRUSTED_REISSUE, .counter = counter};
    enum nika_err err = disturb(w, self, &call);
    return err != NIKA_OK ? err : nika_trusted_reissue(w->trusted[self], counter, out, digest);
}

const struct nika_trusted_ops sim_trusted_ops = {
    .certify = certify, .verify = verify, .read = read, .reissue = reissue};

/* ---- for faults ---- */
static enum nika_err fault_certify(void *world, uint32_t replica, enum nika_trusted_kind kind,
                                   uint32_t counter, struct nika_trusted_value value,
                                   const struct nika_digest *digest,
                                   struct nika_trusted_certificate *out)
{
    struct nika_world *w = world;
    NIKA_ASSERT(nika_world_is_corrupted(w, replica));
    enum nika_err err = nika_trusted_certify(w->trusted[replica], w->trusted_key, kind, counter,
                                             value, digest, out);
    if (err == NIKA_OK) show(w, out, digest);
    return err;
}

/* No behaviour within the model may do what follows. */
static void must_be_out_of_model(const struct nika_fault *fault, uint32_t replica)
{
    NIKA_ASSERT(fault->ops->fault_class == NIKA_FAULT_TRUSTED);
    NIKA_ASSERT(nika_fault_targets(fault, replica));
}

static void fault_copy(void *world, const struct nika_fault *fault, uint32_t replica,
                       struct nika_trusted_instance *out)
{
    const struct nika_world *w = world;
    must_be_out_of_model(fault, replica);
    memcpy(out, w->trusted[replica], sizeof *out);
}

static void fault_put(void *world, const struct nika_fault *fault, uint32_t replica,
                      const struct nika_trusted_instance *state)
{
    struct nika_world *w = world;
    must_be_out_of_model(fault, replica);
    NIKA_ASSERT(state->id == replica);
    sim_record(w, 0x710u, replica, state->used, state->epoch, 0);
    memcpy(w->trusted[replica], state, sizeof *state);
}

static enum nika_err fault_clone(void *world, const struct nika_fault *fault,
                                 struct nika_trusted_instance *clone, enum nika_trusted_kind kind,
                                 uint32_t counter, struct nika_trusted_value value,
                                 const struct nika_digest *digest,
                                 struct nika_trusted_certificate *out)
{
    struct nika_world *w = world;
    must_be_out_of_model(fault, clone->id);
    enum nika_err err =
        nika_trusted_certify(clone, w->trusted_key, kind, counter, value, digest, out);
    if (err == NIKA_OK) show(w, out, digest);
    return err;
}

static void fault_forge(void *world, const struct nika_fault *fault,
                        struct nika_trusted_certificate *certificate,
                        const struct nika_digest *digest)
{
    struct nika_world *w = world;
    uint8_t statement[NIKA_TRUSTED_STATEMENT_SIZE];
    NIKA_ASSERT(fault->ops->fault_class == NIKA_FAULT_TRUSTED);
    nika_trusted_statement(certificate, digest, statement);
    enum nika_err err = nika_trusted_key_tag(
        w->trusted_key, (struct nika_span){statement, sizeof statement}, certificate->mac);
    NIKA_ASSERT(err == NIKA_OK);
    show(w, certificate, digest);
}

void sim_trusted_faults(struct nika_fault_host *host)
{
    host->trusted_certify = fault_certify;
    host->trusted_copy = fault_copy;
    host->trusted_put = fault_put;
    host->trusted_clone = fault_clone;
    host->trusted_forge = fault_forge;
}
