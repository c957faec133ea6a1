/* engine/oracle/trusted.c: O13: TRUST ALARM: no counter value of a trusted instance is bound to two digests, and no counter goes back
 * (PROTOCOLS.md 2.1, 2.8 TS4).
 *
 * Judges the instances of corrupted replicas as well: a liar owns its replica, not its trusted subsystem. Fires without any
 * disagreement of replicas, and whatever they have noticed themselves. */
#include "engine/oracle/oracle_private.h"

/* A value that was certified independently. `counter` 0 = free. */
struct bound_value {
    uint64_t counter; /* Epoch << 32 | counter + 1. */
    uint64_t view, order, digest;
};
struct instance_seen {
    struct nika_trusted_value last[NIKA_TRUSTED_COUNTERS_MAX];
    uint64_t epoch[NIKA_TRUSTED_COUNTERS_MAX]; /* 0 = the counter never moved. */
};
struct trusted_state {
    const struct nika_config *config;
    uint32_t n, ring_count;
    size_t ring_offset;
};

static uint32_t ring_count(const struct nika_config *config)
{
    return oracle_power_of_two(2 * config->window);
}
static size_t seen_end(const struct nika_config *config)
{
    return oracle_align(sizeof(struct trusted_state)) + config->n * sizeof(struct instance_seen);
}
static size_t trusted_size(const struct nika_oracle_setup *setup)
{
    const struct nika_config *c = setup->config;
    return seen_end(c) + (size_t)c->n * ring_count(c) * sizeof(struct bound_value);
}
static size_t trusted_used(const void *state)
{
    const struct trusted_state *s = state;
    return s->ring_offset + (size_t)s->n * s->ring_count * sizeof(struct bound_value);
}
static void trusted_init(void *state, const struct nika_oracle_setup *setup)
{
    struct trusted_state *s = state;
    s->config = setup->config;
    s->n = setup->config->n;
    s->ring_count = ring_count(setup->config);
    s->ring_offset = seen_end(setup->config);
}

/* The value's place; a value that hashes to the same place takes it over, which can miss an alarm but never invents one. Interleaved
 * by replica, so that a short run touches only the front. */
static struct bound_value *place(struct trusted_state *s, const struct nika_trusted_certificate *c)
{
    struct bound_value *ring = (struct bound_value *)(void *)((uint8_t *)s + s->ring_offset);
    uint64_t at = c->value.order + c->value.view * 17u + c->counter * 5u;
    return &ring[(at & (s->ring_count - 1)) * s->n + c->instance];
}

/* True when this is the second digest of a value. */
static bool judge_digest(struct trusted_state *s, const struct nika_tap *tap)
{
    const struct nika_trusted_certificate *c = tap->certificate;
    struct bound_value *b = place(s, c);
    uint64_t digest = oracle_fingerprint(tap->digest);
    uint64_t counter = c->epoch << 32 | (c->counter + 1);
    if (b->counter == counter && b->view == c->value.view && b->order == c->value.order) {
        if (b->digest == digest) return false;
        nika_oracle_report(s, tap, c->instance, NIKA_NODE_NONE, c->value.order,
                           "TRUST ALARM: trusted instance %" PRIu32 " bound counter %" PRIu32
                           " value [%" PRIu64 "|%" PRIu64 "] to two digests: first %08" PRIx32
                           ", now %08" PRIx32,
                           c->instance, c->counter, c->value.view, c->value.order,
                           oracle_hex8(b->digest), oracle_hex8(digest));
        return true;
    }
    *b = (struct bound_value){
        .counter = counter, .view = c->value.view, .order = c->value.order, .digest = digest};
    return false;
}

/* A counter moves as its kind demands, from the value that was certified last. */
static bool moves_forward(const struct nika_trusted_certificate *c, struct nika_trusted_value last)
{
    if (c->kind == NIKA_TRUSTED_CONTINUING)
        return nika_trusted_compare(c->previous, last) == 0 &&
               nika_trusted_compare(c->value, last) >= 0;
    return nika_trusted_compare(c->value, last) > 0;
}

static void trusted_on_tap(void *state, const struct nika_tap *tap)
{
    struct trusted_state *s = state;
    const struct nika_trusted_certificate *c = tap->certificate;
    if (c->kind == NIKA_TRUSTED_MAC || c->instance >= s->n ||
        c->counter >= NIKA_TRUSTED_COUNTERS_MAX)
        return;
    struct instance_seen *all =
        (struct instance_seen *)(void *)((uint8_t *)s + oracle_align(sizeof *s));
    struct instance_seen *seen = &all[c->instance];
    struct nika_trusted_value last = seen->last[c->counter];
    bool known = seen->epoch[c->counter] == c->epoch;
    bool told = c->kind == NIKA_TRUSTED_INDEPENDENT && judge_digest(s, tap);
    if (!told && known && !moves_forward(c, last)) {
        nika_oracle_report(
            s, tap, c->instance, NIKA_NODE_NONE, c->value.order,
            "TRUST ALARM: trusted instance %" PRIu32 " certified [%" PRIu64 "|%" PRIu64
            "] of counter %" PRIu32 ", which stood at [%" PRIu64 "|%" PRIu64 "]",
            c->instance, c->value.view, c->value.order, c->counter, last.view, last.order);
    }
    if (known && nika_trusted_compare(c->value, last) <= 0) return;
    seen->last[c->counter] = c->value;
    seen->epoch[c->counter] = c->epoch;
}

const struct nika_oracle_ops oracle_trusted = {
    .id = "O13",
    .name = "trusted",
    .doc = "No trusted instance binds a counter value to two digests or lets a counter go back.",
    .property_class = NIKA_PROPERTY_SAFETY,
    .mask = NIKA_TAP_BIT(NIKA_TAP_TRUSTED),
    .size = trusted_size,
    .used = trusted_used,
    .init = trusted_init,
    .on_tap = trusted_on_tap,
};
