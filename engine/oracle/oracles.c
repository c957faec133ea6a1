/* engine/oracle/oracles.c: the set of oracles of one run: memory, dispatch by tap kind, and the violations found.
 *
 * Corrupted nodes are filtered here, once, so that no property file can judge them or take them as a reference. */
#include <stdarg.h>
#include <stdio.h>

#include "engine/core/assert.h"
#include "engine/core/planted.h"
#include "engine/oracle/oracle_private.h"

/* Stands before each oracle's state, so that nika_oracle_report finds the set from the state alone. */
struct state_head {
    struct nika_oracles *set;
    uint64_t index;
};
_Static_assert(sizeof(struct state_head) == 16, "states stay 16-aligned");

struct listener {
    void (*on_tap)(void *state, const struct nika_tap *tap);
    void *state;
};
struct nika_oracles {
    struct nika_oracle_setup setup;
    uint32_t mask;
    uint32_t violation_count;
    bool safety_broken;
    const struct nika_tap *tap; /* Being judged; NULL in finish. */
    void *states[NIKA_ORACLES_MAX];
    uint32_t last; /* Index of the state that lies last in memory. */
    uint8_t listener_count[NIKA_TAP_COUNT];
    struct listener listeners[NIKA_TAP_COUNT][NIKA_ORACLES_MAX];
    struct nika_violation violations[NIKA_VIOLATIONS_MAX];
};

static bool is_enabled(const struct nika_oracle_setup *setup, uint32_t index)
{
    return ((setup->enabled >> index) & 1) != 0;
}

/* The linearizability oracle holds application models, by far the largest state; lying last it alone decides how much beyond
 * the small ones is in use. */
static uint32_t memory_order(uint32_t position)
{
    uint32_t big = 0;
    while (nika_oracle_list[big] != &oracle_linearizability) big++;
    if (position + 1 == nika_oracle_count) return big;
    return position < big ? position : position + 1;
}

size_t nika_oracles_size(const struct nika_oracle_setup *setup)
{
    size_t size = oracle_align(sizeof(struct nika_oracles));
    for (uint32_t i = 0; i < nika_oracle_count; i++) {
        if (!is_enabled(setup, i)) continue;
        size += sizeof(struct state_head) + oracle_align(nika_oracle_list[i]->size(setup));
    }
    return size;
}

size_t nika_oracles_used(const void *oracles)
{
    const struct nika_oracles *o = oracles;
    const uint8_t *last = o->states[o->last];
    if (last == NULL) return sizeof *o;
    return (size_t)(last - (const uint8_t *)oracles) + nika_oracle_list[o->last]->used(last);
}

struct nika_oracles *nika_oracles_init(void *memory, const struct nika_oracle_setup *setup)
{
    struct nika_oracles *o = memory;
    o->setup = *setup;
    uint8_t *at = (uint8_t *)memory + oracle_align(sizeof *o);
    for (uint32_t position = 0; position < nika_oracle_count; position++) {
        uint32_t i = memory_order(position);
        if (!is_enabled(setup, i)) continue;
        const struct nika_oracle_ops *ops = nika_oracle_list[i];
        struct state_head head = {.set = o, .index = i};
        memcpy(at, &head, sizeof head);
        o->states[i] = at + sizeof head;
        o->last = i;
        at += sizeof head + oracle_align(ops->size(setup));
        ops->init(o->states[i], &o->setup);
    }
    /* Called in the order of the list, whatever the order in memory. */
    for (uint32_t i = 0; i < nika_oracle_count; i++) {
        if (o->states[i] == NULL) continue;
        o->mask |= nika_oracle_list[i]->mask;
        for (uint32_t kind = 0; kind < NIKA_TAP_COUNT; kind++) {
            if ((nika_oracle_list[i]->mask & NIKA_TAP_BIT(kind)) == 0) continue;
            o->listeners[kind][o->listener_count[kind]++] =
                (struct listener){nika_oracle_list[i]->on_tap, o->states[i]};
        }
    }
    return o;
}

static bool is_corrupted(const struct nika_oracles *o, uint32_t node)
{
    if (node == NIKA_NODE_NONE) return false;
    if (nika_is_client(node))
        return nika_set_has(o->setup.corrupted_clients, nika_client_index(node));
    return nika_set_has(o->setup.corrupted, node);
}

static bool is_known(const struct nika_oracles *o, uint32_t node)
{
    if (node == NIKA_NODE_NONE) return true;
    if (nika_is_client(node)) return nika_client_index(node) < o->setup.config->clients;
    return node < o->setup.config->n;
}

static void on_tap(void *context, const struct nika_tap *tap)
{
    struct nika_oracles *o = context;
    /* A trusted instance is judged even where its replica lies. */
    if (tap->kind != NIKA_TAP_TRUSTED && is_corrupted(o, tap->node)) return;
    if (!is_known(o, tap->node)) return;
    o->tap = tap;
    const struct listener *l = o->listeners[tap->kind];
    for (uint32_t i = 0; i < o->listener_count[tap->kind]; i++) l[i].on_tap(l[i].state, tap);
    o->tap = NULL;
}

struct nika_watcher nika_oracles_watcher(struct nika_oracles *o)
{
    return (struct nika_watcher){.context = o, .mask = o->mask, .on_tap = on_tap};
}

void nika_oracles_finish(struct nika_oracles *o, uint64_t now_ns)
{
    for (uint32_t i = 0; i < nika_oracle_count; i++) {
        if (o->states[i] == NULL || nika_oracle_list[i]->finish == NULL) continue;
        nika_oracle_list[i]->finish(o->states[i], now_ns);
    }
}

uint32_t nika_oracles_violations(const struct nika_oracles *o, const struct nika_violation **out)
{
    *out = o->violations;
    return o->violation_count;
}

bool nika_oracles_broken(const struct nika_oracles *o)
{
    return o->safety_broken;
}

void nika_oracle_report(void *state, const struct nika_tap *tap, uint32_t node, uint32_t other,
                        uint64_t seq, const char *format, ...)
{
    struct state_head head;
    memcpy(&head, (const uint8_t *)state - sizeof head, sizeof head);
    struct nika_oracles *o = head.set;
    NIKA_ASSERT(head.index < nika_oracle_count);
    if (nika_oracle_list[head.index]->property_class == NIKA_PROPERTY_SAFETY)
        o->safety_broken = true;
    for (uint32_t i = 0; i < o->violation_count; i++) {
        if (o->violations[i].oracle == head.index && o->violations[i].node == node) return;
    }
    if (o->violation_count == NIKA_VIOLATIONS_MAX || NIKA_PLANTED(X3)) return;
    struct nika_violation *v = &o->violations[o->violation_count++];
    memset(v, 0, sizeof *v);
    v->oracle = (uint8_t)head.index;
    v->node = node;
    v->other = other;
    v->seq = seq;
    v->now_ns = tap == NULL ? 0 : tap->now_ns;
    v->event_index = tap == NULL ? 0 : tap->event_index;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(v->sentence, sizeof v->sentence, format, arguments);
    va_end(arguments);
}
