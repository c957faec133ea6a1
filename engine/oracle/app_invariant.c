/* engine/oracle/app_invariant.c: O12: the application's own invariant holds at every correct replica after each execution
 * (app.h, invariant). */
#include "engine/oracle/oracle_private.h"

struct app_invariant {
    const struct nika_oracle_setup *setup;
};

static size_t app_invariant_size(const struct nika_oracle_setup *setup)
{
    (void)setup;
    return sizeof(struct app_invariant);
}
static size_t app_invariant_used(const void *state)
{
    (void)state;
    return sizeof(struct app_invariant);
}
static void app_invariant_init(void *state, const struct nika_oracle_setup *setup)
{
    ((struct app_invariant *)state)->setup = setup;
}

static void app_invariant_on_tap(void *state, const struct nika_tap *tap)
{
    const struct nika_oracle_setup *setup = ((struct app_invariant *)state)->setup;
    if (setup->app == NULL || setup->app_ops == NULL || setup->app_ops->invariant == NULL) return;
    const struct nika_app *app = setup->app(setup->world, tap->node);
    if (app == NULL) return;
    const char *broken = setup->app_ops->invariant(app);
    if (broken == NULL) return;
    nika_oracle_report(state, tap, tap->node, NIKA_NODE_NONE, tap->a,
                       "replica %" PRIu32 " broke the application's invariant after seq %" PRIu64
                       " (digest %08" PRIx32 "): %s",
                       tap->node, tap->a, oracle_hex8(oracle_fingerprint(tap->digest)), broken);
}

const struct nika_oracle_ops oracle_app_invariant = {
    .id = "O12",
    .name = "app-invariant",
    .doc = "The application's invariant holds after each execution.",
    .property_class = NIKA_PROPERTY_SAFETY,
    .mask = NIKA_TAP_BIT(NIKA_TAP_EXECUTED),
    .size = app_invariant_size,
    .used = app_invariant_used,
    .init = app_invariant_init,
    .on_tap = app_invariant_on_tap,
};
