/* engine/oracle/registry.c: the one list of oracles. A new property is one file and one line here. */
#include "engine/oracle/oracle_private.h"

const struct nika_oracle_ops *const nika_oracle_list[] = {
    &oracle_agreement,       &oracle_validity,          &oracle_exactly_once, &oracle_checkpoint,
    &oracle_linearizability, &oracle_self_equivocation, &oracle_monotone,     &oracle_durable,
    &oracle_bounds,          &oracle_liveness,          &oracle_alarm,        &oracle_app_invariant,
    &oracle_trusted,
};
const uint32_t nika_oracle_count = ARRAY_COUNT(nika_oracle_list);
_Static_assert(ARRAY_COUNT(nika_oracle_list) <= NIKA_ORACLES_MAX, "the set has a place for each");
