/* engine/oracle/exactly_once.c: O3: each (client, timestamp) takes effect once, at one sequence number, with one result
 * (PROTOCOLS.md 1.16, ATTACKS.md 9, O-ONCE).
 *
 * The first correct replica at a sequence number sets its effects; timestamps of a client must rise along these. A replica
 * that later executes the same number must have the same effects, hence also has each of them once. */
#include "engine/oracle/oracle_private.h"

struct last_effect {
    uint64_t timestamp;
    uint64_t seq;
};
struct executed {
    uint64_t seq;              /* 0 = free. */
    uint64_t effects, results; /* Hashes. */
    uint32_t node;
};
struct exactly_once {
    uint32_t clients, ring_count;
    uint64_t high; /* Highest sequence number executed by a correct replica. */
    size_t ring_offset;
};

static struct last_effect *last_of(struct exactly_once *o, uint32_t client)
{
    return (struct last_effect *)(void *)((uint8_t *)o + oracle_align(sizeof *o)) + client;
}

static size_t clients_end(const struct nika_oracle_setup *setup)
{
    return oracle_align(sizeof(struct exactly_once)) +
           oracle_align(setup->config->clients * sizeof(struct last_effect));
}
static size_t exactly_once_size(const struct nika_oracle_setup *setup)
{
    return clients_end(setup) + oracle_ring_count(setup->config) * sizeof(struct executed);
}
static size_t exactly_once_used(const void *state)
{
    const struct exactly_once *o = state;
    return o->ring_offset + o->ring_count * sizeof(struct executed);
}
static void exactly_once_init(void *state, const struct nika_oracle_setup *setup)
{
    struct exactly_once *o = state;
    o->clients = setup->config->clients;
    o->ring_count = oracle_ring_count(setup->config);
    o->ring_offset = clients_end(setup);
}

static void check_first(struct exactly_once *o, const struct nika_tap *tap,
                        const struct oracle_execute *x)
{
    struct oracle_effect e;
    for (uint32_t at = 0; oracle_execute_next(x, &at, &e);) {
        if (e.client >= o->clients) continue; /* Unknown clients are O2's. */
        struct last_effect *last = last_of(o, e.client);
        if (e.timestamp <= last->timestamp) {
            nika_oracle_report(o, tap, tap->node, NIKA_NODE_NONE, tap->a,
                               "replica %" PRIu32 " executed client %" PRIu32 " timestamp %" PRIu64
                               " at seq %" PRIu64 " (digest %08" PRIx32 ") after timestamp %" PRIu64
                               " took effect at seq %" PRIu64,
                               tap->node, e.client, e.timestamp, tap->a,
                               oracle_hex8(oracle_fingerprint(&x->digest)), last->timestamp,
                               last->seq);
            continue;
        }
        *last = (struct last_effect){.timestamp = e.timestamp, .seq = tap->a};
    }
}

static void exactly_once_on_tap(void *state, const struct nika_tap *tap)
{
    struct exactly_once *o = state;
    struct oracle_execute x;
    if (!oracle_execute_parse(tap->bytes, &x)) return;
    uint64_t results = nika_hash64(tap->results.data, tap->results.size, 0);
    struct executed *ring = (struct executed *)(void *)((uint8_t *)o + o->ring_offset);
    struct executed *c = &ring[tap->a & (o->ring_count - 1)];
    if (tap->a > o->high) {
        o->high = tap->a;
        *c = (struct executed){
            .seq = tap->a, .effects = x.effects_hash, .results = results, .node = tap->node};
        check_first(o, tap, &x);
        return;
    }
    if (c->seq != tap->a) return;
    if (c->effects != x.effects_hash) {
        nika_oracle_report(
            o, tap, tap->node, c->node, tap->a,
            "replica %" PRIu32 " ran other requests at seq %" PRIu64 " (effects %08" PRIx32
            ") than replica %" PRIu32 " (effects %08" PRIx32 ")",
            tap->node, tap->a, oracle_hex8(x.effects_hash), c->node, oracle_hex8(c->effects));
    } else if (c->results != results) {
        nika_oracle_report(o, tap, tap->node, c->node, tap->a,
                           "replica %" PRIu32 " got other results at seq %" PRIu64
                           " (hash %08" PRIx32 ") than replica %" PRIu32 " (hash %08" PRIx32 ")",
                           tap->node, tap->a, oracle_hex8(results), c->node,
                           oracle_hex8(c->results));
    }
}

const struct nika_oracle_ops oracle_exactly_once = {
    .id = "O3",
    .name = "exactly-once",
    .doc = "Each request of a client takes effect once, at one sequence number, with one result.",
    .property_class = NIKA_PROPERTY_SAFETY,
    .mask = NIKA_TAP_BIT(NIKA_TAP_EXECUTED),
    .size = exactly_once_size,
    .used = exactly_once_used,
    .init = exactly_once_init,
    .on_tap = exactly_once_on_tap,
};
