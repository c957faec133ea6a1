/* cli/places.h: where an id comes from, where it is enforced and what tests it. */
#ifndef CLI_PLACES_H
#define CLI_PLACES_H

#include "engine/core/types.h"

enum cli_place_kind {
    CLI_PLACE_CHECK,
    CLI_PLACE_ORACLE,
    CLI_PLACE_FAULT,
    CLI_PLACE_PROBE,
    CLI_PLACE_STRATEGY,
    CLI_PLACE_PLANTED,
};
struct cli_place {
    enum cli_place_kind kind;
    const char *id, *code, *tests; /* Of paths, with commas between; "" = none. */
};
/* Made from the sources. */
extern const struct cli_place cli_place_list[];
extern const uint32_t cli_place_count;
/* Lines below what the id means, to standard output. */
void cli_places(enum cli_place_kind kind, const char *id);

#endif
