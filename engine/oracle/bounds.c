/* engine/oracle/bounds.c: O9: every bounded queue of a correct replica stays within its bound (PROTOCOLS.md 1.13; ATTACKS.md 9,
 * O-WIN and O-MEM). The bounds are recomputed here from the configuration. */
#include "engine/oracle/bounds.h"
#include "engine/oracle/oracle_private.h"

#define FETCHES_MAX 8u
#define MESSAGE_KINDS 64u /* Evidence is one pair per sender and message kind. */

struct bounds {
    const struct nika_config *config;
};

static size_t bounds_size(const struct nika_oracle_setup *setup)
{
    (void)setup;
    return sizeof(struct bounds);
}
static size_t bounds_used(const void *state)
{
    (void)state;
    return sizeof(struct bounds);
}
static void bounds_init(void *state, const struct nika_oracle_setup *setup)
{
    ((struct bounds *)state)->config = setup->config;
}

uint64_t nika_bound_of(const struct nika_config *c, uint64_t queue, const char **name)
{
    switch (queue) {
    case NIKA_QUEUE_SLOTS:
        *name = "slots";
        return c->window;
    case NIKA_QUEUE_PENDING:
        *name = "pending requests";
        return c->pending_max;
    case NIKA_QUEUE_VIEW_CHANGES:
        *name = "VIEW-CHANGEs";
        return c->n;
    case NIKA_QUEUE_CHECKPOINTS:
        *name = "CHECKPOINTs";
        return (uint64_t)c->n * (c->window / c->checkpoint_interval + 1) + c->n;
    case NIKA_QUEUE_PARKED:
        *name = "parked proposals";
        return c->window;
    case NIKA_QUEUE_FETCHES:
        *name = "fetches";
        return FETCHES_MAX;
    case NIKA_QUEUE_EVIDENCE:
        *name = "evidence";
        return (uint64_t)c->n * MESSAGE_KINDS;
    case NIKA_QUEUE_STORE_BYTES:
        *name = "store bytes";
        return c->store_bytes;
    default:
        *name = "unknown queue";
        return UINT64_MAX;
    }
}

static void bounds_on_tap(void *state, const struct nika_tap *tap)
{
    if (tap->a != NIKA_NOTE_QUEUE || nika_is_client(tap->node)) return;
    const char *name;
    uint64_t bound = nika_bound_of(((struct bounds *)state)->config, tap->note->a, &name);
    if (tap->note->b <= bound) return;
    nika_oracle_report(state, tap, tap->node, NIKA_NODE_NONE, tap->note->b,
                       "replica %" PRIu32 " holds %" PRIu64
                       " in its queue of %s, whose bound is %" PRIu64,
                       tap->node, tap->note->b, name, bound);
}

const struct nika_oracle_ops oracle_bounds = {
    .id = "O9",
    .name = "bounds",
    .doc = "Every queue of a correct replica stays within its bound.",
    .property_class = NIKA_PROPERTY_BOUND,
    .mask = NIKA_TAP_BIT(NIKA_TAP_NOTE),
    .size = bounds_size,
    .used = bounds_used,
    .init = bounds_init,
    .on_tap = bounds_on_tap,
};
