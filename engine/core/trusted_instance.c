/* engine/core/trusted_instance.c: counters that only move forward (trusted_instance.h, PROTOCOLS.md 2.1). */
#include "engine/core/trusted_instance.h"

#include "engine/core/assert.h"
#include "engine/core/planted.h"

void nika_trusted_instance_init(struct nika_trusted_instance *instance, uint32_t id, uint64_t epoch,
                                uint32_t counters)
{
    NIKA_ASSERT(counters <= NIKA_TRUSTED_COUNTERS_MAX);
    memset(instance, 0, sizeof *instance);
    instance->id = id;
    instance->epoch = epoch;
    instance->counters = counters;
}

size_t nika_trusted_instance_used(const struct nika_trusted_instance *instance)
{
    return offsetof(struct nika_trusted_instance, counter) +
           instance->used * sizeof(struct nika_trusted_counter);
}

static bool may_move(enum nika_trusted_kind kind, struct nika_trusted_value from,
                     struct nika_trusted_value to)
{
    int order = nika_trusted_compare(to, from);
    return kind == NIKA_TRUSTED_CONTINUING || NIKA_PLANTED(T01) ? order >= 0 : order > 0;
}

static enum nika_err seal(struct nika_trusted_key *key, struct nika_trusted_certificate *c,
                          const struct nika_digest *digest)
{
    uint8_t statement[NIKA_TRUSTED_STATEMENT_SIZE];
    nika_trusted_statement(c, digest, statement);
    return nika_trusted_key_tag(key, (struct nika_span){statement, sizeof statement}, c->mac);
}

enum nika_err nika_trusted_certify(struct nika_trusted_instance *instance,
                                   struct nika_trusted_key *key, enum nika_trusted_kind kind,
                                   uint32_t counter, struct nika_trusted_value value,
                                   const struct nika_digest *digest,
                                   struct nika_trusted_certificate *out)
{
    struct nika_trusted_certificate c;
    /* A copy of a certificate is compared, hashed and stored: no byte of it may be left over. */
    memset(&c, 0, sizeof c);
    c.kind = (uint8_t)kind;
    c.instance = instance->id;
    c.epoch = instance->epoch;
    if (kind == NIKA_TRUSTED_MAC) {
        if (counter != 0 || value.view != 0 || value.order != 0) return NIKA_ERR_CONFIG;
        enum nika_err err = seal(key, &c, digest);
        if (err == NIKA_OK) *out = c;
        return err;
    }
    if (kind != NIKA_TRUSTED_INDEPENDENT && kind != NIKA_TRUSTED_CONTINUING) return NIKA_ERR_CONFIG;
    if (counter >= instance->counters) return NIKA_ERR_CONFIG;
    struct nika_trusted_counter *state = &instance->counter[counter];
    if (!may_move(kind, state->last.value, value)) return NIKA_ERR_CONFIG;
    c.counter = counter;
    c.value = value;
    if (kind == NIKA_TRUSTED_CONTINUING) c.previous = state->last.value;
    enum nika_err err = seal(key, &c, digest);
    if (err != NIKA_OK) return err;
    state->last = c;
    state->digest = *digest;
    if (counter >= instance->used) instance->used = counter + 1;
    *out = c;
    return NIKA_OK;
}

bool nika_trusted_verify(struct nika_trusted_key *key, const uint64_t *epochs, uint32_t count,
                         const struct nika_trusted_certificate *certificate,
                         const struct nika_digest *digest)
{
    uint8_t statement[NIKA_TRUSTED_STATEMENT_SIZE];
    if (certificate->instance >= count) return false;
    if (!NIKA_PLANTED(T13) && certificate->epoch != epochs[certificate->instance]) return false;
    nika_trusted_statement(certificate, digest, statement);
    return nika_trusted_key_check(key, (struct nika_span){statement, sizeof statement},
                                  certificate->mac) == NIKA_OK;
}

enum nika_err nika_trusted_read(const struct nika_trusted_instance *instance, uint32_t counter,
                                struct nika_trusted_value *value, uint64_t *epoch)
{
    if (counter >= instance->counters) return NIKA_ERR_CONFIG;
    *value = instance->counter[counter].last.value;
    *epoch = instance->epoch;
    return NIKA_OK;
}

enum nika_err nika_trusted_reissue(const struct nika_trusted_instance *instance, uint32_t counter,
                                   struct nika_trusted_certificate *out, struct nika_digest *digest)
{
    if (counter >= instance->counters) return NIKA_ERR_CONFIG;
    const struct nika_trusted_counter *state = &instance->counter[counter];
    if (state->last.kind == 0) return NIKA_ERR_NOT_FOUND;
    *out = state->last;
    *digest = state->digest;
    return NIKA_OK;
}
